"""The wheel as people get it: built, installed into an environment of its own, used from another folder."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

from nbtrack import __version__

ROOT = Path(__file__).resolve().parent.parent
DEMO_NOTEBOOKS = sorted(path.name for path in (ROOT / "demo_notebooks").glob("*.ipynb"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel without an isolated environment: the test extra brings the build backend."""
    target = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--quiet", "--wheel-dir", str(target), str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    (built,) = target.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel alone into a new environment that borrows the dependencies of this one; return its folder of programs."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home / "env", with_pip=False)
    scheme = "nt" if os.name == "nt" else "posix_prefix"
    paths = sysconfig.get_paths(scheme, vars={"base": str(home / "env"), "platbase": str(home / "env")})
    # a path in a .pth file is only searched: this environment's own (perhaps editable) nbtrack is not activated by it
    Path(paths["purelib"], "borrowed.pth").write_text(sysconfig.get_path("purelib") + "\n", "utf-8")
    python = Path(paths["scripts"]) / ("python.exe" if os.name == "nt" else "python")
    pip = [sys.executable, "-m", "pip", "--python", str(python)]
    command = [*pip, "install", "--quiet", "--no-deps", "--no-index", "--ignore-installed", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, cwd=home)
    assert done.returncode == 0, done.stderr
    return python.parent


def _run(program: Path, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(program), *arguments], capture_output=True, text=True, timeout=120, cwd=cwd)


def test_the_wheel_holds_the_demo_notebooks_and_nothing_of_the_workshop(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert len(names) == len(set(names)), "nothing is in twice"
    assert sorted(Path(name).name for name in names if name.startswith("nbtrack/demo_notebooks/")) == DEMO_NOTEBOOKS
    assert {name.split("/")[0] for name in names} == {"nbtrack", f"nbtrack-{__version__}.dist-info", f"nbtrack-{__version__}.data"}
    wrong = [name for name in names if "labextension" in name or "__pycache__" in name or name.endswith((".db", ".nbj", ".pyc"))]
    assert wrong == []


def test_the_wheel_carries_everything_that_a_widget_is_made_of(wheel: Path) -> None:
    names = {Path(name).name for name in zipfile.ZipFile(wheel).namelist() if name.startswith("nbtrack/widgets/")}
    assert {path.name for path in (ROOT / "nbtrack" / "widgets").iterdir() if path.is_file()} == names
    assert {"notebook_diff.js", "notebook_diff.css"} <= names


def test_the_wheel_carries_its_licence_its_readme_and_no_address_of_a_machine(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    names = archive.namelist()
    assert any(name.endswith("LICENSE") for name in names)
    metadata = archive.read(f"nbtrack-{__version__}.dist-info/METADATA").decode()
    assert (ROOT / "README.md").read_text("utf-8").splitlines()[0] in metadata
    assert str(ROOT) not in metadata


def test_the_installed_program_tells_its_version(installed: Path, tmp_path: Path) -> None:
    done = _run(installed / "nbtrack", "--version", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert __version__ in done.stdout


def test_the_installed_package_is_the_wheel_and_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    code = "import json, nbtrack; print(json.dumps([nbtrack.__file__, nbtrack.__version__]))"
    done = _run(installed / "python", "-c", code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    file, version = json.loads(done.stdout)
    assert Path(file).is_relative_to(installed.parent)
    assert version == __version__


def test_the_installed_package_records_a_run(installed: Path, tmp_path: Path) -> None:
    code = 'import nbtrack\nwith nbtrack.run("first", params={"lr": 0.1}) as run:\n    run.log({"loss": 0.5})\n'
    recorded = _run(installed / "python", "-c", code, cwd=tmp_path)
    assert recorded.returncode == 0, recorded.stderr
    listed = _run(installed / "nbtrack", "runs", cwd=tmp_path)
    assert listed.returncode == 0, listed.stderr
    assert "first" in listed.stdout
    assert "0.5" in listed.stdout


def test_the_server_extension_is_enabled_by_the_installation(installed: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER_", "PYTHON"))}
    listed = subprocess.run(
        [str(installed / "python"), "-m", "jupyter_server.extension.serverextension", "list"],
        capture_output=True, text=True, timeout=120, cwd=tmp_path, env=environment | {"HOME": str(tmp_path)},
    )  # fmt: skip
    told = re.sub(r"\x1b\[\d*m", "", listed.stdout + listed.stderr)
    assert re.search(r"^\s*nbtrack enabled", told, re.MULTILINE), told
    assert re.search(rf"^\s*nbtrack {re.escape(__version__)} OK", told, re.MULTILINE), told
