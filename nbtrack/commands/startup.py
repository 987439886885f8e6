"""``enable`` and ``disable``: every kernel of this environment loads nbtrack by itself, or no longer.

``enable`` writes a marked block into ``etc/ipython/ipython_kernel_config.py`` of the environment; the block does nothing when nbtrack is no
longer installed. ``disable`` takes out exactly that block, and the file and folders if ``enable`` made them.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from pathlib import Path

from nbtrack.commands.door import Door
from nbtrack.commands.grammar import SHELL, verb
from nbtrack.errors import NbtrackError
from nbtrack.views.message import Message

SECTION = "nbtrack itself"
CONFIG_FILE = Path("etc") / "ipython" / "ipython_kernel_config.py"
_BEGIN, _END = "# >>> nbtrack enable", "# <<< nbtrack enable"
_BLOCK = re.compile(rf"{_BEGIN} \(made: (?P<made>[^)]*)\)\r?\n.*?{_END}\r?\n?", re.DOTALL)
_FILE, _LINE_END = "file", "line end"
_BODY = """import importlib.util

if importlib.util.find_spec("nbtrack") is not None:
    get_config().InteractiveShellApp.extensions.append("nbtrack")
"""


@verb("enable", "Let every kernel of this environment record by itself", section=SECTION, example="enable", doors=SHELL)
def enable(door: Door) -> Message:
    """Write the startup block."""
    path = Path(sys.prefix) / CONFIG_FILE
    if not add_block(path):
        return Message(f"already enabled in {path}")
    return Message(f"enabled: kernels of {sys.prefix} load nbtrack when they start", f"Written into {path}; nbtrack disable takes it out.")


@verb("disable", "Take back what enable wrote", section=SECTION, example="disable", doors=SHELL)
def disable(door: Door) -> Message:
    """Remove the startup block."""
    path = Path(sys.prefix) / CONFIG_FILE
    if not remove_block(path):
        return Message(f"was not enabled in {sys.prefix}")
    return Message(f"disabled: kernels of {sys.prefix} no longer load nbtrack by themselves", "%load_ext nbtrack still works.")


def add_block(path: Path) -> bool:
    """Add the block to a file, making it where it is missing; False when it is there already."""
    before = _read(path)
    if before is not None and _BLOCK.search(before):
        return False
    made = [] if before is not None else [_FILE]
    text = before or ""
    if text and not text.endswith("\n"):
        made.append(_LINE_END)
        text += "\n"
    folder = path.parent
    while not folder.exists():
        made.append(folder.name)
        folder = folder.parent
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, f"{text}{_BEGIN} (made: {', '.join(made) or 'nothing'})\n{_BODY}{_END}\n")
    except OSError as error:
        raise _cannot_write(path, error) from error
    return True


def remove_block(path: Path) -> bool:
    """Take the block out of a file, and the file and folders that came with it; False when it is not there."""
    before = _read(path)
    match = _BLOCK.search(before) if before is not None else None
    if before is None or match is None:
        return False
    made = match["made"].split(", ")
    head = before[: match.start()]
    rest = (head.removesuffix("\n") if _LINE_END in made else head) + before[match.end() :]
    try:
        if rest or _FILE not in made:
            _replace(path, rest)
        else:
            path.unlink()
            _remove_folders(path.parent, made)
    except OSError as error:
        raise _cannot_write(path, error) from error
    return True


def _remove_folders(folder: Path, made: list[str]) -> None:
    """Remove the folders that came with the file, as far as they are empty."""
    while folder.name in made and not any(folder.iterdir()):
        folder.rmdir()
        folder = folder.parent


def _read(path: Path) -> str | None:
    try:
        with open(path, encoding="utf-8", newline="") as file:  # newline="": whatever line ends the person uses stay
            return file.read()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise NbtrackError(f"{path} cannot be read: {error}", "Nothing was changed.") from error


def _replace(path: Path, text: str) -> None:
    """Put a new text in place in one step; kernels that start meanwhile read the old or the new file, never half of one."""
    path = Path(os.path.realpath(path))
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".nbtrack-")
    try:
        with open(handle, "w", encoding="utf-8", newline="") as file:
            file.write(text)
        Path(temporary).chmod(path.stat().st_mode & 0o777 if path.exists() else 0o644)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _cannot_write(path: Path, error: OSError) -> NbtrackError:
    return NbtrackError(
        f"{path} cannot be written: {error.strerror or error}", "Nothing was changed. Ask who looks after this environment."
    )


VERBS = (enable, disable)
