"""What keeps SQLite from taking the WAL away under an open connection: a database in, a lock that nobody's close can lose out.

SQLite's own locks are POSIX locks, and those vanish as soon as anything in the process opens and closes the file: a copy of the folder, a
hash, our own look at the header. From then on another process believes that it is the last one, and its close deletes the WAL while we go
on writing into the deleted file: with connections kept between transactions, two writers and SIGKILL the database was malformed in 4 of 4
runs. So a connection that is kept holds the same two shared locks as SQLite once more, as locks of an open file description, which only
their own close gives back. Where the system has none (``hold`` is False) no connection may outlive its transaction.
"""

from __future__ import annotations

import os
import struct
import sys
import threading
from pathlib import Path

# SQLite's lock bytes: shared locks on a database take this range; whoever has the wal-index open holds the dead man's switch.
_SHARED_FIRST, _SHARED_SIZE = 0x4000_0002, 510
_SWITCH_BYTE = 128

if sys.platform == "linux":
    import fcntl

    _FLOCK = struct.Struct("hhqqi4x")

    def _set_lock(fd: int, kind: int, start: int, length: int) -> bool:
        try:
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, os.SEEK_SET, start, length, 0))
        except OSError:
            return False
        return True

    def _lock(fd: int, start: int, length: int) -> bool:
        return _set_lock(fd, fcntl.F_RDLCK, start, length)

    def _unlock(fd: int, start: int, length: int) -> None:
        _set_lock(fd, fcntl.F_UNLCK, start, length)

else:

    def _lock(fd: int, start: int, length: int) -> bool:
        return False

    def _unlock(fd: int, start: int, length: int) -> None:
        return


class WalGuard:
    """The guard of one connection. All guards of a process on one file share its descriptor."""

    def __init__(self, database: Path) -> None:
        self._database = database
        self._held: list[_Held] = []

    @property
    def complete(self) -> bool:
        """Whether the WAL and its index are safe from everybody's close."""
        return len(self._held) == 2

    def hold(self) -> None:
        """Guard the files; inside a transaction, when SQLite has both open and its own locks are there. Only in WAL mode."""
        places = ((self._database, _SHARED_FIRST, _SHARED_SIZE), (Path(f"{self._database}-shm"), _SWITCH_BYTE, 1))
        for place in places[len(self._held) :]:
            held = _take(*place)
            if held is None:
                return
            self._held.append(held)

    def release(self) -> None:
        """Give both back. Before the connection is closed: it may then take the WAL away if it is the last. After: it does not."""
        while self._held:
            _give_back(self._held.pop())
        _sweep()


class _Held:
    """One locked file and how many guards of this process lean on it."""

    def __init__(self, fd: int, key: tuple[int, int], start: int, length: int) -> None:
        self.fd, self.key, self.start, self.length = fd, key, start, length
        self.count = 0


_files: dict[tuple[int, int], _Held] = {}
_mutex = threading.Lock()


def _take(path: Path, start: int, length: int) -> _Held | None:
    with _mutex:
        try:
            status = path.stat()
            held = _files.get((status.st_dev, status.st_ino))
            if held is None:
                fd = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0))
                opened = os.fstat(fd)
                held = _Held(fd, (opened.st_dev, opened.st_ino), start, length)
                _files[held.key] = held
        except OSError:
            return None
        if held.count == 0 and not _lock(held.fd, start, length):
            _forget(held)
            return None
        held.count += 1
        return held


def _give_back(held: _Held) -> None:
    with _mutex:
        held.count -= 1
        if held.count == 0:
            _unlock(held.fd, held.start, held.length)
            if held.length > 1:
                _forget(held)


def _sweep() -> None:
    """Close the wal-indexes that are gone. Closing one that lives would drop the read marks of readers in other threads."""
    with _mutex:
        for held in [one for one in _files.values() if one.count == 0 and os.fstat(one.fd).st_nlink == 0]:
            _forget(held)


def _forget(held: _Held) -> None:
    _files.pop(held.key, None)
    os.close(held.fd)


def _after_fork_in_child() -> None:
    global _mutex
    _mutex = threading.Lock()
    for held in list(_files.values()):
        _forget(held)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork_in_child)
