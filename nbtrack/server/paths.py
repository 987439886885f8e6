"""Paths of the front end: what a request or a hook names in; a file below the server's folder, or a refusal, out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from nbtrack.errors import UsageError

NOTEBOOK = ".ipynb"
_LONGEST = 4096


def resolve(manager: Any, path: str) -> Path:
    """Return the file that a path of the contents manager means; it need not exist.

    A link inside the server's folder is followed, as the contents manager does: who put it there may read what it leads to. Raises
    ``UsageError`` for a path that leads out of the folder, is hidden, or cannot be one.
    """
    root = root_of(manager)
    if root is None:
        raise UsageError("the notebooks of this server are not files", "Checkpoints are kept of notebooks in files.")
    parts = path.replace("\\", "/").strip("/").split("/")
    odd = "\0" in path or len(path) > _LONGEST or not _is_unicode(path) or any(not part or part == ".." for part in parts)
    hidden = not getattr(manager, "allow_hidden", False) and any(part.startswith(".") for part in parts)
    target = root if odd else Path(os.path.normpath(root.joinpath(*path.strip("/").split("/"))))
    if odd or hidden or target == root or not target.is_relative_to(root):
        raise UsageError(f"{path[:80]!r} is no path of a notebook below this server's folder", "Send it as the file browser shows it.")
    return target


def root_of(manager: Any) -> Path | None:
    """Return the folder of a contents manager that keeps notebooks in files; None for another one."""
    folder = getattr(manager, "root_dir", "")
    if not folder or not hasattr(manager, "_get_os_path"):  # the mixin of all managers of files; the base class says "/" for all others
        return None
    return Path(folder).absolute()


def shown_path(manager: Any, path: str) -> str | None:
    """Return a file's path as the front end names it; None when it is outside the server's folder, whatever leads there."""
    root = root_of(manager)
    if root is None:
        return None
    real, base = Path(os.path.realpath(path)), Path(os.path.realpath(root))
    return real.relative_to(base).as_posix() if real.is_relative_to(base) else None


def _is_unicode(path: str) -> bool:
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
