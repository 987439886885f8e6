"""One journal file: made, locked and named here; a folder and a head in, an open descriptor out.

A process's journal is a row of such files, ``<journal id>-<generation>.nbj``. Whoever sees the final name sees a file that is locked by
its owner and begins with a HEADER frame, or one whose owner is gone.
"""

from __future__ import annotations

import errno
import os
import re
import sys
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrack._version import __version__
from nbtrack.config import StoreLocation, user_name
from nbtrack.store import frames, ids
from nbtrack.store.filelock import try_lock
from nbtrack.store.frames import Kind
from nbtrack.store.liveness import host_name

SUFFIX = ".nbj"
TEMPORARY_SUFFIX = ".tmp"

_NAME = re.compile(r"([0-9a-f]{32})-(\d{6,})\.nbj")


@dataclass(frozen=True, slots=True)
class Segment:
    """One file of a journal, open for appending and reading."""

    fd: int
    path: Path
    in_fallback: bool
    inode: tuple[int, int]


def segment_name(journal_id: str, generation: int) -> str:
    """Name a generation of a journal: names of one journal sort in the order they were written."""
    return f"{journal_id}-{generation:06d}{SUFFIX}"


def split_name(name: str) -> tuple[str, int] | None:
    """Read journal id and generation from a file name; None when it is no journal's."""
    found = _NAME.fullmatch(name)
    return (found[1], int(found[2])) if found else None


def make_store_folder(folder: Path, *, shared: bool, parents: bool = True) -> None:
    """Make the folder of a store, closed to others (``shared``: open to the group), with a ``.gitignore`` that keeps it out of commits.

    ``parents`` False refuses to bring back a project folder that somebody has just deleted.
    """
    _make_folder(folder, shared=shared, parents=parents)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        fd = os.open(ignore, os.O_WRONLY | os.O_CREAT, _mode(shared))
        try:
            os.write(fd, b"*\n")
        finally:
            os.close(fd)


def make_journal_folder(location: StoreLocation, *, fallback: bool, shared: bool, parents: bool = True) -> Path:
    """Make the folder that new journal files go to and return it."""
    if fallback:
        _make_folder(location.fallback_journal, shared=False, parents=True)
        return location.fallback_journal
    make_store_folder(location.folder, shared=shared, parents=parents)
    _make_folder(location.journal, shared=shared, parents=False)
    return location.journal


def create_segment(folder: Path, name: str, header: bytes, *, shared: bool, opened: set[int], in_fallback: bool) -> Segment:
    """Make the next file of a journal: temporary name, lock, header, then its name.

    The descriptor is put into ``opened`` before the file is locked, so that a forked child can close its copy. Raises ``OSError`` and
    leaves no file behind when any step fails. A leftover of an interrupted attempt holds no record and is replaced.
    """
    path = folder / name
    # An open file cannot be renamed on Windows; liveness.judge_owner knows about the short moment without a lock there.
    temporary = path if os.name == "nt" else folder / f"{name[:32]}{TEMPORARY_SUFFIX}"
    temporary.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    fd = os.open(temporary, flags, _mode(shared))
    opened.add(fd)
    try:
        if shared and hasattr(os, "fchmod"):
            os.fchmod(fd, _mode(shared))  # the umask took the group's bits
        with suppress(OSError):  # a file system without locks: there silence tells (``liveness``)
            try_lock(fd)
        if os.write(fd, header) != len(header):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(temporary))
        if temporary != path:
            temporary.rename(path)
        status = os.fstat(fd)
    except OSError:
        opened.discard(fd)
        os.close(fd)
        temporary.unlink(missing_ok=True)
        raise
    return Segment(fd, path, in_fallback, (status.st_dev, status.st_ino))


def is_deleted(path: Path, status: os.stat_result) -> bool:
    """Whether an open file has lost its name; NFS gives it another one instead."""
    return status.st_nlink == 0 or (not path.exists() and any(path.parent.glob(".nfs*")))


def pack_header(journal_id: str, generation: int, parent: str | None) -> bytes:
    """Pack the first frame of a file: whose it is, and both clocks at this moment."""
    head = {
        "format": frames.VERSION,
        "journal": journal_id,
        "generation": generation,
        "t": ids.boot_us(),
        "wall": ids.wall_ms(),
        "pid": os.getpid(),
        "host": host_name(),
        "boot": ids.boot_id(),
        "user": user_name(),
        "python": ".".join(map(str, sys.version_info[:3])),
        "nbtrack": __version__,
    }
    return frames.pack_record(Kind.HEADER, head if parent is None else {**head, "parent": parent})


def read_records(fd: int, start: int) -> bytes:
    """Read the whole frames of a file that begin at or after ``start``, without its header."""
    size, parts, position = os.fstat(fd).st_size, [], 0
    while position < size:
        part = os.pread(fd, min(size - position, 1 << 20), position)
        if not part:
            break
        parts.append(part)
        position += len(part)
    data = b"".join(parts)
    kept = [one for one in frames.scan(data, final=True) if isinstance(one, frames.Frame) and one.start >= start]
    return b"".join(data[one.start : one.end] for one in kept if one.kind != Kind.HEADER)


@dataclass(frozen=True, slots=True)
class JournalFile:
    """One journal file by its name: whose, which generation, where."""

    journal: str
    generation: int
    path: Path


def list_journals(location: StoreLocation, only: Collection[str] | None = None) -> list[JournalFile]:
    """List the journal files of both folders in the order in which they are ingested."""
    found = []
    for folder in (location.journal, location.fallback_journal):
        try:
            names = [path.name for path in folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        for name in names:
            known = split_name(name)
            if known and (only is None or known[0] in only):
                found.append(JournalFile(*known, folder / name))
    return sorted(found, key=lambda file: (file.journal, file.generation, file.path))


def read_header(path: Path) -> dict[str, Any]:
    """Read the head of a file's first frame; empty when it cannot be read."""
    try:
        with open(path, "rb") as file:
            data = file.read(4096)
        frame, _ = frames.frame_at(data, 0, len(data))
        return frames.unpack_record(frame.payload)[0] if frame is not None and frame.kind == Kind.HEADER else {}
    except (OSError, ValueError):
        return {}


def _mode(shared: bool) -> int:
    return 0o660 if shared else 0o600


def _make_folder(folder: Path, *, shared: bool, parents: bool) -> None:
    if folder.is_dir():
        return
    folder.mkdir(mode=0o700, parents=parents, exist_ok=True)
    if shared:
        folder.chmod(0o2770)
