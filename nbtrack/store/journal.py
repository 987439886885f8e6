"""The append-only journal of one process: records in, frames in its own file out, durable when the call returns.

It never raises to its caller and never waits for anybody else: what cannot be written now waits in memory, and ``state()`` says why.

Three things may strike between any two bytecodes, and the order of the steps below is made for them: a KeyboardInterrupt (the call is
abandoned), a signal handler or finaliser that logs (the call is entered again; the mutex is reentrant), and a fork in another thread.
What is true is therefore read from the file (its size, its inode), never from a counter that an interrupt could leave behind.
"""

from __future__ import annotations

import errno
import os
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from zlib import crc32

from nbtrack.config import Settings, StoreLocation
from nbtrack.store import frames, ids
from nbtrack.store.forks import protect
from nbtrack.store.frames import Kind, Series
from nbtrack.store.health import JournalState
from nbtrack.store.segments import Segment, create_segment, is_deleted, make_journal_folder, pack_header, read_records, segment_name

ROTATE_BYTES = 4 << 20
QUEUE_BYTES = 16 << 20
RETRY_S = 0.2

_ANCHORED = (Kind.SESSION, Kind.EXECUTION, Kind.RUN)  # no set: hashing an enum member is a Python call


class Journal:
    """The journal of this process and, after a fork, a new one in each child that records something.

    No file exists before the first record. ``waker`` is called after a record while it is set (by the ingesting thread that parked).
    """

    def __init__(self, location: StoreLocation, *, settings: Settings) -> None:
        self.location = location
        self.settings = settings
        self.waker: Callable[[], None] | None = None
        self._open_fds: set[int] = set()
        ids.boot_id()  # read once, here, where an interrupt cannot fall into it
        self._begin(parent=None)
        protect(self)

    def _begin(self, *, parent: str | None) -> None:
        self.id = ids.new_id()
        self.parent = parent
        self._mutex = threading.RLock()
        self._fd = -1  # one number for the life of the journal: a new file is put under it, so no thread ever uses a stale one
        self._room = 0  # bytes until rotation; 0 whenever the plain way is not open: no file, records waiting
        self._segment: Segment | None = None  # what stands under _fd
        self._next: Segment | None = None  # a file that is made but not yet under _fd
        self._generation = 0
        self._limit = ROTATE_BYTES
        self._queue: deque[bytes] = deque()
        self._queued = 0
        self._head: tuple[Segment | None, int, bytes | None] = (None, 0, None)  # where the first of the queue begins in which file
        self._busy = False
        self._retry_at = 0.0
        self._fault = ""
        self._dropped = 0
        self._loss = ""

    # -- recording ---------------------------------------------------------------------------------------------------------------

    def points(self, line: Series, step: int, values: Sequence[float]) -> None:
        """Record one step of a series: the hot path of every training loop."""
        try:  # frames.pack_points and ids.boot_us, without the calls: a tenth of the whole
            tail = line.pack(ids.read_boot_ns() // 1000, step, *values)
            frame = line.prefix + tail + crc32(tail, line.prefix_crc).to_bytes(4, "little")
        except (struct.error, TypeError) as error:
            self._refuse(error)
            return
        with self._mutex:
            if not self._write_whole(frame):
                self._take(frame)
        if (waker := self.waker) is not None:
            waker()

    def append(self, kind: Kind, head: dict[str, object], bodies: Sequence[bytes] = ()) -> None:
        """Record anything else; adds ``t`` and, to the heads that anchor time, ``wall``, unless they are there."""
        if "t" not in head:
            head = {**head, "t": ids.boot_us()}
        if kind in _ANCHORED and "wall" not in head:
            head = {**head, "wall": ids.wall_ms()}
        try:
            frame = frames.pack_record(kind, head, bodies)
        except (TypeError, ValueError, RecursionError) as error:
            self._refuse(error)
            return
        with self._mutex:
            if not self._write_whole(frame):
                self._take(frame)
        if (waker := self.waker) is not None:
            waker()

    def close(self) -> None:
        """Say in the file that this process ended in order and let go of it; a later record begins a new generation."""
        with self._mutex:
            if self._segment is not None or self._queue:
                self._retry_at = 0.0
                self._work_off()
            if self._segment is not None and not self._queue:
                self._exclusively(self._finish)

    # -- for the thread that ingests ---------------------------------------------------------------------------------------------

    def state(self) -> JournalState:
        """Say where the journal stands."""
        segment = self._segment
        return JournalState(
            path=str(segment.path) if segment else "",
            bytes_written=self.size(),
            queued_bytes=self._queued if self._queue else 0,
            dropped=self._dropped,
            in_fallback=bool(segment and segment.in_fallback),
            fault=self._fault,
            loss=self._loss,
        )

    def position(self) -> tuple[str, int]:
        """Name and length of the current file; ``("", 0)`` when there is none."""
        segment = self._segment
        return (segment.path.name, self.size()) if segment is not None else ("", 0)

    def has_waiting(self) -> bool:
        """Whether records wait in memory."""
        return bool(self._queue)

    def size(self) -> int:
        """Bytes in the current file."""
        try:
            return os.fstat(self._fd).st_size if self._fd >= 0 else 0
        except OSError:
            return 0

    def drain(self) -> bool:
        """Try to write what waits in memory; True when nothing waits any more."""
        with self._mutex:
            if self._queue:
                self._retry_at = 0.0
                self._work_off()
            return not self._queue

    def sync(self) -> None:
        """Force the file to disk: each second on a network file system."""
        try:
            if self._fd >= 0:
                os.fsync(self._fd)
        except OSError as error:
            with self._mutex:
                self._room = 0
                self._note(error)

    def touch(self) -> None:
        """Move the modification time on: the sign of life on a network file system."""
        segment = self._segment
        if segment is not None:
            with suppress(OSError):
                os.utime(segment.path)

    def move_on(self, *, home: bool = False) -> bool:
        """Begin a new generation in the other folder if that can be written (``home``: in the store or not at all); True when it did."""
        with self._mutex:
            before, fault = self._segment, self._fault
            if before is None:
                return False
            folders = (False,) if home else (not before.in_fallback, before.in_fallback)
            self._exclusively(lambda: self._open_next(folders, bring_back=False))
            if home:
                self._fault = fault  # where it stands it can be written
            self._retry_at = 0.0
            self._work_off()
            return self._segment is not before

    def is_deleted(self) -> bool:
        """Whether somebody deleted the file under us: the descriptor still writes, but nobody would ever read it."""
        with self._mutex:
            if self._segment is None:
                return False
            try:
                status = os.fstat(self._fd)
                if (status.st_dev, status.st_ino) != self._segment.inode:
                    self._abandon()  # somebody closed all descriptors, and ours is another file now
                    return False
                return is_deleted(self._segment.path, status)
            except OSError as error:
                self._note(error)
                return False

    def replace_deleted(self, ingested: int) -> bool:
        """Write what the deleted file held beyond ``ingested`` bytes into a new generation; False when that has to be tried again."""

        def replace() -> None:
            kept = read_records(self._fd, ingested)
            self._open_next((False, True), bring_back=False)
            self._switch(final=None)
            if kept:
                self._queued += len(kept)
                self._queue.appendleft(kept)

        with self._mutex:
            if self._segment is None or not self._exclusively(replace):
                return False
            self._retry_at = 0.0
            self._work_off()
            return True

    # -- the way of a frame ------------------------------------------------------------------------------------------------------

    def _write_whole(self, frame: bytes) -> bool:
        """Write a frame in one call; False when it must wait. A part that was written is completed later."""
        size = len(frame)
        try:
            room = self._room
            if room <= 0:  # no call between this look and the write, so no handler can leave a frame waiting in between
                return False
            written = os.write(self._fd, frame)
        except OSError as error:
            self._note(error)
            return False
        if written == size:
            self._room -= size
            return True
        start = self.size() - written
        if self._room == room:  # else a signal handler has recorded since, and the rest of this frame would not follow its beginning
            self._room = 0
            self._head = (self._segment, start, frame)
        return False

    def _take(self, frame: bytes) -> None:
        """Put a frame behind those that wait and work off what can be worked off. The mutex is held."""
        self._room = 0
        if self._queued + len(frame) > QUEUE_BYTES and self._queue:
            self._dropped += 1
            self._loss = "there was no room for them"
        else:
            self._queued += len(frame)
            self._queue.append(frame)
        self._work_off()

    def _work_off(self) -> None:
        """Open, rotate and drain as needed, unless that has just failed."""
        if time.monotonic() >= self._retry_at:
            self._exclusively(self._catch_up)

    def _exclusively(self, step: Callable[[], None]) -> bool:
        """Do a step of several parts. A signal handler that records meanwhile only queues: the step it interrupted takes that along."""
        if self._busy:
            return False
        try:
            self._busy = True
            self._room = 0
            step()
            return True
        except OSError as error:
            self._note(error)
            return False
        finally:
            self._busy = False

    def _catch_up(self) -> None:
        self._fault = ""
        self._ensure_segment()
        while self._room <= 0:
            while self._queue:
                self._write_first()
            self._queued = 0
            room = max(self._limit - self.size(), 1)
            if not self._queue:  # no call between this look and the next line, so no handler can queue in between
                self._room = room

    def _write_first(self) -> None:
        """Write the first frame that waits, or the rest of it; the file's size says how much of it is there."""
        frame = self._queue[0]
        if not self._is_begun():
            self._head = (self._segment, self.size(), frame)
        done = self.size() - self._head[1]
        if done < len(frame):
            if os.write(self._fd, frame[max(done, 0) :]) == 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return
        self._queued -= len(frame)
        self._queue.popleft()

    def _is_begun(self) -> bool:
        """Whether a part of the first frame that waits may be in the current file."""
        return bool(self._queue) and self._head[0] is self._segment and self._head[2] is self._queue[0]

    # -- files -------------------------------------------------------------------------------------------------------------------

    def _ensure_segment(self) -> None:
        if self._segment is not None and self._next is None and self.size() >= self._limit:
            try:
                if os.fstat(self._fd).st_nlink:
                    self._open_next((False, True) if self._segment.in_fallback else (False,))
            except OSError as error:
                self._note(error)
            if self._next is None:
                self._limit = self.size() + ROTATE_BYTES // 4  # a file that grows is better than records that wait
                return
        if self._segment is None and self._next is None:
            self._open_next((False, True))
        if self._next is not None:
            self._switch(final=Kind.ROTATE)

    def _open_next(self, folders: Sequence[bool], *, bring_back: bool = True) -> None:
        """Make the next file in the first folder that takes it: False is the store's, True the user's state folder."""
        if self._is_begun() and self.size() - self._head[1] >= len(self._queue[0]):
            self._queue.popleft()  # all of it is in the file: an interrupt came before that was noted
        generation = self._generation = self._generation + 1  # never used twice, even when the rest of this is interrupted
        self._next = None
        self._close_strays()
        refused = None
        for fallback in folders:
            try:
                self._next = self._create(generation, fallback=fallback, bring_back=bring_back)
                return
            except OSError as error:
                refused = refused or error
        if refused is not None:
            raise refused

    def _create(self, generation: int, *, fallback: bool, bring_back: bool) -> Segment:
        shared = self.settings.store_shared and not fallback
        folder = make_journal_folder(self.location, fallback=fallback, shared=shared, parents=bring_back)
        header = pack_header(self.id, generation, self.parent)
        return create_segment(folder, segment_name(self.id, generation), header, shared=shared, opened=self._open_fds, in_fallback=fallback)

    def _switch(self, *, final: Kind | None) -> None:
        """Put the new file under the journal's descriptor. Interrupted anywhere, it can be done again from the start."""
        new = self._next
        if new is None:
            return
        if self._fd < 0:
            self._fd = new.fd
        elif not os.path.sameopenfile(self._fd, new.fd):
            if final is not None and not self._is_begun():
                self._write_final(final)
            os.dup2(new.fd, self._fd, inheritable=False)  # closes the old file, and with that gives up its lock
        self._segment = new
        self._limit = ROTATE_BYTES
        self._next = None
        self._close_strays()

    def _write_final(self, kind: Kind) -> None:
        try:
            os.write(self._fd, frames.pack_record(kind, {"t": ids.boot_us()}))
        except OSError as error:
            self._note(error)

    def _finish(self) -> None:
        self._write_final(Kind.CLOSE)
        self._fd, self._segment = -1, None
        self._close_strays()

    def _close_strays(self) -> None:
        """Close what an interrupt, a switch or the end left open besides the current file."""
        for fd in self._open_fds - {self._fd}:
            self._open_fds.discard(fd)
            os.close(fd)

    def _abandon(self) -> None:
        """Forget a descriptor that is no longer ours: it must be neither written nor closed."""
        with self._mutex:
            self._room = 0
            self._open_fds.discard(self._fd)
            self._fd, self._segment = -1, None

    def _refuse(self, error: Exception) -> None:
        self._dropped += 1
        self._loss = f"the last could not be packed: {error}"

    def _note(self, error: OSError) -> None:
        self._retry_at = time.monotonic() + RETRY_S
        if error.errno == errno.EBADF:
            self._abandon()
        self._fault = f"{self.location.journal} cannot be written ({error.strerror or error})"

    # -- fork --------------------------------------------------------------------------------------------------------------------

    def before_fork(self, patience: float) -> None:
        """Let no thread be in the middle of a record."""
        self._mutex.acquire(timeout=patience)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        with suppress(RuntimeError):  # the mutex was not to be had in time
            self._mutex.release()

    def after_fork_in_child(self) -> None:
        """Let go of the parent's file without unlocking it. A child that never records makes no file."""
        for fd in self._open_fds:
            os.close(fd)
        self._open_fds = set()
        self.waker = None
        self._begin(parent=self.id if self._generation else self.parent)  # who has no file cannot be named by one
