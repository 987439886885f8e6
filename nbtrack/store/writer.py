"""The one way from the upper rooms into the store: records and bodies in; durable when the call returns, in the store a moment later.

``append`` and ``points`` never raise and never wait. SQLite is used by the thread behind it only (``pump``), so no KeyboardInterrupt of a
cell can hold a lock of the store.
"""

from __future__ import annotations

import atexit
import hashlib
import sqlite3
import sys
import time
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import Empty
from typing import TypeVar

from nbtrack.config import Settings, StoreLocation
from nbtrack.errors import StoreBusy, StoreError
from nbtrack.store import blobs
from nbtrack.store.forks import protect
from nbtrack.store.frames import INLINE_BODY, MAX_LENGTH, Kind, Series
from nbtrack.store.health import WriterHealth, judge_health
from nbtrack.store.journal import Journal
from nbtrack.store.pump import Pump
from nbtrack.store.segments import list_journals

_ROOM_FOR_HEAD = 64 << 10

T = TypeVar("T")


class Writer:
    """The journal of this process and the thread that ingests it. Makes no folder and starts no thread before its first record."""

    append: Callable[..., None]  # Journal.append and Journal.points themselves: a wrapper would cost a tenth of the hot path
    points: Callable[[Series, int, Sequence[float]], None]

    def __init__(self, location: StoreLocation, settings: Settings) -> None:
        self.location = location
        self.settings = settings
        self.journal = Journal(location, settings=settings)
        self.append = self.journal.append
        self.points = self.journal.points
        self._pump = Pump(self.journal, settings)
        self._body_problem = ""
        self.journal.waker = self._pump.wake
        protect(self)  # after the journal and so renewed after it
        atexit.register(self.close)
        self._end_with_worker()

    # -- bodies ------------------------------------------------------------------------------------------------------------------

    def put_body(self, data: bytes) -> tuple[str, bytes | None]:
        """Keep a body: its sha256, and the bytes again when they belong into the caller's own frame (small, or no file can be written)."""
        if len(data) <= INLINE_BODY:
            return hashlib.sha256(data).hexdigest(), data
        try:
            return self._record(blobs.write_file(self.location, data, sync=False)), None
        except OSError as error:
            if len(data) <= MAX_LENGTH - _ROOM_FOR_HEAD:
                return hashlib.sha256(data).hexdigest(), data
            self._body_problem = f"a body of {len(data) / 1e6:.1f} MB could not be kept: {error.strerror or error}"
            return hashlib.sha256(data).hexdigest(), None

    def put_file(self, path: Path) -> tuple[str, int]:
        """Copy a file into the store in constant memory: sha256 and size.

        Raises ``OSError`` when the file cannot be read and ``StoreError`` when the store has no room for it.
        """
        with open(path, "rb") as source:
            try:
                body = blobs.write_stream(self.location, source, sync=False)
            except OSError as error:
                source.seek(0)
                source.read(1)  # raises when it is the file that cannot be read
                why = error.strerror or error
                raise StoreError(self.location.folder, f"{path} could not be kept: {why}", "Is the disk full?") from error
        self._record(body)
        return body.sha256, body.size_bytes

    def _record(self, body: blobs.StoredBody) -> str:
        self._pump.unsynced.append(blobs.body_path(self.location, body.sha256))
        head = {"sha256": body.sha256, "size": body.size_bytes, "stored": body.stored_bytes, "encoding": body.encoding}
        self.append(Kind.BLOB, head)
        return body.sha256

    # -- the store ---------------------------------------------------------------------------------------------------------------

    def flush(self, timeout: float = 10.0, *, everyone: bool = False) -> bool:
        """Bring everything recorded before the call into the store; False when that did not work or not in time.

        ``everyone``: also what other processes recorded, alive or dead. Readers ask for that.
        """
        if not (self._has_recorded() or (everyone and list_journals(self.location))):
            return True
        request = self._pump.ask(None, timeout, everyone=everyone)
        if request is None:
            return False
        try:
            return request.answers.get(timeout=timeout)[0]
        except Empty:
            return False

    def call(self, function: Callable[[sqlite3.Connection], T], *, timeout: float = 30.0) -> T:
        """Run a function inside one synced write transaction, after everything recorded before, and return what it returns.

        It runs in the writer thread. Raises what it raises, and ``StoreError`` when the store cannot be written or not in time; in the
        last case it may still have happened.
        """
        request = self._pump.ask(function, timeout)
        if request is None:
            raise StoreError(self.location.folder, f"{self.location.folder} cannot be written from this process", "Write from its parent.")
        try:
            done, answer = request.answers.get(timeout=timeout)
        except Empty:
            request.abandoned = True
            raise StoreBusy(self.location.folder, f"{self.location.folder} was busy for {timeout:g} s", "Try again.") from None
        if not done:
            raise answer
        return answer

    def health(self) -> WriterHealth:
        """Say how recording goes."""
        pump = self._pump
        return judge_health(
            self.journal.state(),
            store_problem=pump.problem,
            body_problem=self._body_problem,
            waiting=sum(pump.sizes().values()) if pump.problem else pump.waiting,
            folder=str(self.location.folder),
            fallback=str(self.location.fallback_journal),
        )

    def close(self, timeout: float = 1.0) -> None:
        """Bring in what is recorded, end the journal in order and stop the thread; a later record begins both anew."""
        deadline = time.monotonic() + timeout
        atexit.unregister(self.close)
        if self.journal.parent is not None:
            self.journal.close()  # a forked child leaves at once; its parent brings this in
        elif self._has_recorded():
            self.flush(timeout)
            self.journal.close()
            self.flush(max(deadline - time.monotonic(), timeout / 4))
        self._pump.stop(max(deadline - time.monotonic(), timeout / 4))

    def _has_recorded(self) -> bool:
        return bool(self.journal.position()[0]) or self.journal.has_waiting() or bool(self._pump.waiting or self._pump.sizes())

    # -- fork and worker processes -----------------------------------------------------------------------------------------------

    def _end_with_worker(self) -> None:
        """A worker of multiprocessing leaves by ``os._exit`` and runs no atexit, only its own finalizers."""
        processes = sys.modules.get("multiprocessing.process")
        if processes is not None and processes.parent_process() is not None:
            from multiprocessing.util import Finalize

            Finalize(self, _close_weakly, args=(weakref.ref(self),), exitpriority=100)

    def before_fork(self, patience: float) -> None:
        """Let SQLite come to rest."""
        self._pump.before_fork(patience)

    def after_fork_in_parent(self) -> None:
        """Go on."""
        self._pump.after_fork_in_parent()

    def after_fork_in_child(self) -> None:
        """Begin anew, without a thread."""
        self._pump.after_fork_in_child()
        self.journal.waker = self._first_record_in_child

    def _first_record_in_child(self) -> None:
        self.journal.waker = None  # a child has a thread only when it asks for one by a flush
        self._end_with_worker()


def _close_weakly(reference: weakref.ref[Writer]) -> None:
    writer = reference()
    if writer is not None:
        writer.close()
