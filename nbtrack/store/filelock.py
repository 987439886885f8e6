"""Locks between processes: a path or an open file in, held or not out.

``flock``, never ``lockf``: POSIX record locks vanish as soon as any code of the process opens and closes the file (a copy of the folder
is enough; a lost write was measured). On Windows one byte far past the end stands for the file.
"""

from __future__ import annotations

import errno
import os
import random
import sys
import threading
import time
from pathlib import Path
from types import TracebackType

if sys.platform == "win32":
    import msvcrt

    _LOCK_BYTE = 0x7FFF_FFF0

    def try_lock(fd: int) -> bool:
        """Lock an open file for this descriptor unless somebody else holds it; raises ``OSError`` where locking does not exist."""
        position = os.lseek(fd, 0, os.SEEK_CUR)
        os.lseek(fd, _LOCK_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        except OSError as error:
            if error.errno in {errno.EACCES, errno.EDEADLK}:
                return False
            raise
        finally:
            os.lseek(fd, position, os.SEEK_SET)
        return True

    def unlock(fd: int) -> None:
        """Give back what ``try_lock`` took, without closing."""
        position = os.lseek(fd, 0, os.SEEK_CUR)
        os.lseek(fd, _LOCK_BYTE, os.SEEK_SET)
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)
        os.lseek(fd, position, os.SEEK_SET)

else:
    import fcntl

    def try_lock(fd: int) -> bool:
        """Lock an open file for this descriptor unless somebody else holds it; raises ``OSError`` where locking does not exist."""
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def unlock(fd: int) -> None:
        """Give back what ``try_lock`` took, without closing."""
        fcntl.flock(fd, fcntl.LOCK_UN)


# A waiter tries again after a random time up to these bounds (seconds): random, because equal steps let one process win every time, and
# shorter the longer it has waited. The other way round, as usual, whoever comes anew goes first, and the slowest of 8 gets a third.
_FIRST_WAIT = 0.001
_SHORTEST_WAIT = 0.000_2

_FORK_PATIENCE = 0.05


class FileLock:
    """One lock file, held by at most one thread of one process.

    Every acquisition opens the file anew, so two threads (and two ``FileLock`` of one path) exclude each other like two processes do.
    A forked child closes its copy without unlocking: the parent goes on holding it.
    Not reentrant. ``with`` waits without limit.
    """

    def __init__(self, path: Path | str, *, shared: bool = False) -> None:
        self.path = os.fspath(path)
        self._mode = 0o660 if shared else 0o600
        self._held: _OpenFile | None = None

    @property
    def held(self) -> bool:
        """Whether a thread of this process holds it through this object."""
        return self._held is not None and self._held.fd >= 0

    def acquire(self, timeout: float | None = None) -> bool:
        """Wait up to ``timeout`` seconds (None: for ever) and tell whether the lock is held now.

        Raises ``OSError`` when the file can neither be opened nor made, or its file system has no locks.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        wait = _FIRST_WAIT
        file = _OpenFile(self.path, self._mode)
        try:
            while True:
                if try_lock(file.fd):
                    if file.is_at(self.path):
                        self._held = file
                        return True
                    file.close()  # a lock on a deleted file excludes nobody who opens its successor
                    file = _OpenFile(self.path, self._mode)
                    continue
                remaining = wait if deadline is None else deadline - time.monotonic()
                if remaining <= 0:
                    return False
                time.sleep(min(random.uniform(0, wait), remaining))
                wait = max(wait * 0.9, _SHORTEST_WAIT)
        finally:
            if self._held is not file:
                file.close()

    def release(self) -> None:
        """Give the lock back; does nothing when it is not held."""
        file, self._held = self._held, None
        if file is not None:
            file.close()

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()

    def __del__(self) -> None:
        held = getattr(self, "_held", None)
        if held is not None:
            held.close()


class _OpenFile:
    """An open lock file whose descriptor a forked child closes: as long as a copy stays open anywhere, the lock stays held."""

    def __init__(self, path: str, mode: int) -> None:
        with _opening:  # a fork between open and add would leave a copy in the child that nobody closes
            self.fd = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), mode)
            _open_files.add(self)
        if mode == 0o660 and hasattr(os, "fchmod"):
            status = os.fstat(self.fd)
            if status.st_mode & 0o777 != mode and status.st_uid == os.geteuid():
                os.fchmod(self.fd, mode)  # the umask took the group's bits

    def is_at(self, path: str) -> bool:
        """Whether the path still names this file."""
        try:
            named = Path(path).stat()
        except FileNotFoundError:
            return False
        opened = os.fstat(self.fd)
        return (named.st_dev, named.st_ino) == (opened.st_dev, opened.st_ino)

    def close(self) -> None:
        """Close the only descriptor of this open file, which unlocks it."""
        with _opening:
            fd, self.fd = self.fd, -1
            _open_files.discard(self)
            if fd >= 0:
                os.close(fd)


_open_files: set[_OpenFile] = set()
_opening = threading.RLock()  # reentrant: the collector may run __del__ of a lock while this thread is in here
_forking = threading.local()


def _before_fork() -> None:
    _forking.waits = _opening.acquire(timeout=_FORK_PATIENCE)


def _after_fork_in_parent() -> None:
    if getattr(_forking, "waits", False):
        _forking.waits = False
        _opening.release()


def _after_fork_in_child() -> None:
    global _opening
    _opening = threading.RLock()
    _forking.waits = False
    for file in list(_open_files):
        file.close()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
