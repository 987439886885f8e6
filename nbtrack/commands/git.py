"""Git set up to show notebooks like code, and back: a diff driver, a text form and a difftool in its configuration, one attribute.

In a repository the line goes to ``.git/info/attributes``, so that there is nothing to commit; for a user, to git's own file of attributes.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from nbtrack.errors import NbtrackError

_REMARK = "# nbtrack: notebooks read like code in git diff"
_LINE = "*.ipynb diff=nbtrack"
_KEYS = ("diff.nbtrack.command", "diff.nbtrack.textconv", "difftool.nbtrack.cmd")


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed: whether anything was, and the file of attributes."""

    done: bool
    attributes: Path


def install(*, everywhere: bool = False) -> Change:
    """Set git up for this repository, or for all of this user. Raises ``NbtrackError`` outside a repository and without git."""
    scope = _scope(everywhere)
    attributes = _attributes(everywhere)
    program = f"{shlex.quote(sys.executable)} -m nbtrack.commands.git_driver"
    wanted = (f"{program} diff", f"{program} text", f'{program} tool "$LOCAL" "$REMOTE" "$MERGED"')
    done = False
    for key, value in zip(_KEYS, wanted, strict=True):
        if _ask("config", scope, "--get", key).stdout.rstrip("\n") != value:
            _tell("config", scope, key, value)
            done = True
    text = _read(attributes)
    if _LINE not in text.splitlines():
        attributes.parent.mkdir(parents=True, exist_ok=True)
        gap = "" if not text or text.endswith("\n") else "\n"
        _write(attributes, f"{text}{gap}{_REMARK}\n{_LINE}\n")
        done = True
    return Change(done, attributes)


def uninstall(*, everywhere: bool = False) -> Change:
    """Take away what ``install`` wrote, and nothing else."""
    scope = _scope(everywhere)
    attributes = _attributes(everywhere)
    done = False
    for key in _KEYS:
        if "nbtrack.commands.git_driver" in _ask("config", scope, "--get", key).stdout:
            _tell("config", scope, "--unset-all", key)
            done = True
    text = _read(attributes)
    kept = text.replace(f"{_REMARK}\n{_LINE}\n", "")
    if kept != text:
        done = True
        if kept:
            _write(attributes, kept)
        else:
            attributes.unlink()
    return Change(done, attributes)


def _scope(everywhere: bool) -> str:
    if not everywhere and _ask("rev-parse", "--git-dir").returncode:
        raise NbtrackError("this folder is in no git repository", "Go into one, or write --global to set git up for all of yours.")
    return "--global" if everywhere else "--local"


def _attributes(everywhere: bool) -> Path:
    if not everywhere:
        return Path(_tell("rev-parse", "--git-path", "info/attributes").rstrip("\n")).absolute()
    named = _ask("config", "--global", "--type=path", "--get", "core.attributesFile").stdout.rstrip("\n")
    if named:
        return Path(named)
    home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
    return Path(home) / "git" / "attributes"


def _read(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "surrogateescape")
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise NbtrackError(f"{str(path)!r} cannot be read: {error.strerror}", "") from None


def _write(path: Path, text: str) -> None:
    try:
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        raise NbtrackError(f"{str(path)!r} cannot be written: {error.strerror}", "") from None


def _ask(*words: str) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(["git", *words], capture_output=True, text=True, errors="surrogateescape", check=False)
    except FileNotFoundError:
        raise NbtrackError("git is not installed here, or not on the path", "Install git first.") from None


def _tell(*words: str) -> str:
    done = _ask(*words)
    if done.returncode:
        raise NbtrackError(f"git did not do it: {(done.stderr or done.stdout).strip()}", f"It was asked: git {shlex.join(words)}")
    return done.stdout
