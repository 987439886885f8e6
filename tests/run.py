"""Run every test of nbtrack from a bare checkout: ``python3 tests/run.py [pytest arguments]``.

Makes ``.venv-tests`` beside pyproject.toml, installs nbtrack and what the tests need into it, sees to a Chromium for the browser tests,
runs pytest and passes its exit status on. A second run skips the installation as long as pyproject.toml and the Python are the same.
Standard library only; the file parses on old Pythons too, so that they can say what is missing instead of showing a syntax error.
"""

import hashlib
import os
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv-tests")
MARK = os.path.join(VENV, "installed-for")
OLDEST = (3, 11)
NEWEST_LOOKED_FOR = 15
EXTRAS = ".[test,lab]"
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")


def main(arguments):
    """Install what is missing, run pytest, return its exit status."""
    if sys.version_info < OLDEST:
        return run_with_newer_python(arguments)
    python = os.path.join(VENV, "Scripts" if os.name == "nt" else "bin", "python")
    wanted = fingerprint()
    if not is_installed(python, wanted):
        install(python, wanted)
    see_to_browser()
    return subprocess.call([python, "-m", "pytest"] + arguments, cwd=ROOT)


def run_with_newer_python(arguments):
    """Hand over to a newer Python on PATH, or say in two lines what is needed."""
    for minor in range(NEWEST_LOOKED_FOR, OLDEST[1] - 1, -1):
        found = shutil.which("python3.%d" % minor) if hasattr(shutil, "which") else None
        if found and subprocess.call([found, "-c", "import venv, ensurepip"], stderr=subprocess.DEVNULL) == 0:
            return subprocess.call([found, os.path.abspath(__file__)] + arguments)
    sys.stderr.write("The tests need Python 3.11 or newer; this is %s.\n" % sys.version.split()[0])
    sys.stderr.write("Install one, then: python3.11 tests/run.py\n")
    return 1


def fingerprint():
    """What the installation depends on, as one line."""
    digest = hashlib.sha256()
    for part in (os.path.join(ROOT, "pyproject.toml"), os.path.abspath(__file__)):
        with open(part, "rb") as file:
            digest.update(file.read())
    digest.update((sys.version + sys.executable + ROOT).encode("utf-8"))
    return digest.hexdigest()


def is_installed(python, wanted):
    """Tell whether the environment was finished for exactly this."""
    if not (os.path.isfile(python) and os.path.isfile(MARK)):
        return False
    with open(MARK) as file:
        return file.read().strip() == wanted


def install(python, wanted):
    """Make the environment new and mark it when everything is in."""
    say("making %s (about a minute, once)" % os.path.basename(VENV))
    subprocess.check_call([sys.executable, "-m", "venv", "--clear", VENV])
    quiet = ["--quiet", "--quiet", "--disable-pip-version-check", "--no-input"]
    subprocess.check_call([python, "-m", "pip", "install"] + quiet + ["--editable", EXTRAS], cwd=ROOT)
    with open(MARK, "w") as file:
        file.write(wanted + "\n")


def see_to_browser():
    """Install Chromium where that is one command away, else say what to install; the browser tests skip without one."""
    if os.environ.get("NBTRACK_CHROMIUM") or any(shutil.which(name) for name in BROWSERS) or sys.platform in ("darwin", "win32"):
        return
    if shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        say("installing chromium for the browser tests")
        quiet = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
        for command in (
            ["apt-get", "update", "-qq"],
            ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-liberation"],
        ):
            if subprocess.call(command, env=quiet, stdout=subprocess.DEVNULL) != 0:
                break
        else:
            return
    say("no Chromium found: the browser tests will be skipped (install the package chromium, or name one in NBTRACK_CHROMIUM)")


def say(line):
    """Print one line before anything that a child prints."""
    sys.stdout.write("tests/run.py: %s\n" % line)
    sys.stdout.flush()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except subprocess.CalledProcessError as failed:
        say("%s ended with %d" % (" ".join(failed.cmd[:5]), failed.returncode))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
