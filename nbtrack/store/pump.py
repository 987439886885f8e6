"""The daemon thread that brings a process's own journal into the store: a journal in, rows and the answers to requests out.

It ticks while something is new, then parks. It never raises, never prints and never holds anything that the user's thread waits for: what
goes wrong with the store is kept as one line (``health``), the journal waits, and the thread tries again at growing intervals.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from nbtrack.config import Settings
from nbtrack.errors import NbtrackError, StoreBusy, StoreError, StoreReadOnly
from nbtrack.store import liveness
from nbtrack.store.blobs import sync_written
from nbtrack.store.connection import open_reader, open_writer, refuse_unwritable, schema_state
from nbtrack.store.forks import PATIENCE_S
from nbtrack.store.journal import Journal
from nbtrack.store.migrations import ensure_schema
from nbtrack.store.segments import JournalFile, list_journals, read_header

if TYPE_CHECKING:
    from nbtrack.store.ingest import Ingester

TICK_S = 0.2
BUDGET_BYTES = 128 << 10
LONGEST_PAUSE_S = 10.0
CHILDREN_S = 1.0
REST = 5  # with a backlog, rest five times as long as a batch took: a batch holds the GIL, and the user's code waits for it
MOVE_S = 1.0
RETURN_S = 10.0
SYNC_S = 1.0
TOUCH_S = 60.0

log = logging.getLogger("nbtrack")
log.addHandler(logging.NullHandler())  # without it logging would print to the user's stderr


@dataclass(eq=False, slots=True)
class Request:
    """Something the thread is asked: bring in what stood in the files at the call, then (``function``) run it in a write transaction."""

    targets: dict[str, int]
    deadline: float
    function: Callable[[sqlite3.Connection], Any] | None = None
    abandoned: bool = False
    everyone: bool = False  # of every process, not of this one and its children alone
    answers: SimpleQueue[tuple[bool, Any]] = field(default_factory=SimpleQueue)


class Pump:
    """The thread, what it keeps between ticks, and how a fork goes around it."""

    def __init__(self, journal: Journal, settings: Settings) -> None:
        self.journal = journal
        self.settings = settings
        self.unsynced: deque[Path] = deque()  # body files that are written but not yet forced to disk
        self._starting = threading.RLock()
        self._begin()

    def _begin(self) -> None:
        self.problem = ""
        self.waiting = 0
        self.unusable = False  # forked while SQLite was at work: this process must not touch the store
        self._family = {self.journal.id}
        self._strangers: set[str] = set()
        self._requests: SimpleQueue[Request | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._threads: list[threading.Thread] = []
        self._is_starting = False
        self._work = threading.RLock()  # held while SQLite is at work; a release by anybody else raises, which the fork handlers use
        self._forking = False
        self._forked = False
        self._busy = False  # the problem is that somebody else holds the store
        self._ingester: Ingester | None = None
        self._network: bool | None = None
        self._pause = 0.0
        self._gathering = TICK_S
        self._next_try = 0.0
        self._known: tuple[str, int] = ("", 0)
        self._next_sync = self._next_touch = self._next_move = self._next_return = 0.0
        self._stopping = False

    # -- for the user's threads --------------------------------------------------------------------------------------------------

    def wake(self) -> None:
        """Called after a record while the thread is parked or does not exist."""
        self._requests.put(None)
        self.start()

    def start(self) -> bool:
        """Make sure that the thread runs; False when no thread can be started any more."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            return True
        with self._starting:
            if self._is_starting or (self._thread is not None and self._thread.is_alive()):
                return True  # is starting: this is a signal handler that records and has interrupted the lines below
            try:
                self._is_starting, self._stopping = True, False
                # An interrupt may leave a thread that starts after we took it for dead: it finds another one here, and ends.
                self._thread = threading.Thread(target=self._run, name="nbtrack-writer", daemon=True)
                self._threads = [*(thread for thread in self._threads if thread.ident is None or thread.is_alive()), self._thread]
                self._thread.start()
            except RuntimeError:  # the interpreter is ending
                self._thread = None
                return False
            finally:
                self._is_starting = False
        return True

    def ask(
        self, function: Callable[[sqlite3.Connection], Any] | None, timeout: float, *, everyone: bool = False
    ) -> Request | None:
        """Hand a request to the thread; None when there is none to take it."""
        if self.unusable or not self.start():
            return None
        request = Request(self.sizes(everyone=everyone), time.monotonic() + timeout, function, everyone=everyone)
        self._requests.put(request)
        return request

    def sizes(self, *, everyone: bool = False) -> dict[str, int]:
        """How long the files of this process and its children (or of ``everyone``) are now."""
        found = {}
        for file in list_journals(self.journal.location) if everyone else self._files():
            try:
                found[file.path.name] = file.path.stat().st_size
            except OSError:
                continue
        return found

    def stop(self, timeout: float) -> None:
        """Let the thread end after what it has begun."""
        self._stopping = True
        for _ in self._threads:
            self._requests.put(None)
        for thread in self._threads:
            with suppress(RuntimeError):  # never started, or it is this thread
                thread.join(timeout)

    # -- the thread --------------------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        if self._thread is threading.current_thread():
            self.journal.waker = None
        while not self._stopping and self._thread is threading.current_thread():
            request = None
            try:
                request = self._wait()
                self._tick(request)
            except Exception as error:  # a thread has nobody to raise to, and without it nothing would be ingested any more
                log.debug("the writer thread failed", exc_info=True)
                self._fail(f"nbtrack failed inside: {type(error).__name__}: {error}")
                if request is not None:
                    request.answers.put((False, error))
                time.sleep(TICK_S)
        if not self._stopping:
            return
        self._close_store()
        while not self._requests.empty():
            request = self._requests.get()
            if request is not None:
                request.answers.put((False, StoreError(self.journal.location.folder, "nbtrack is closing", "Ask earlier.")))
        self.journal.waker = self.wake

    def _wait(self) -> Request | None:
        """Wait for the next tick, a request, or, parked, for something new; return the request if it is one."""
        if not self._is_busy():
            self.journal.waker = self.wake
            if not self._is_busy():
                self._close_store()
                try:
                    request = self._requests.get(timeout=self._longest_park())
                except Empty:
                    request = None
                self.journal.waker = None
                if request is not None or self._stopping:
                    return request
            self.journal.waker = None
        # What comes in the next moments goes in together; a request does not wait for that.
        end = time.monotonic() + self._gathering
        while (remaining := end - time.monotonic()) > 0 and not self._stopping:
            try:
                request = self._requests.get(timeout=remaining)
            except Empty:
                break
            if request is not None:
                return request
        return None

    def _is_busy(self) -> bool:
        """Whether something is new that could go in now."""
        if self.journal.has_waiting():
            return True
        if time.monotonic() < self._next_try:
            return False
        name, size = self.journal.position()
        return bool(self.waiting) or (bool(name) and self._known != (name, size))

    def _longest_park(self) -> float | None:
        ends = [self._next_try - time.monotonic()] if self.waiting else []
        if self._forked:  # nobody tells when a child records
            ends.append(CHILDREN_S if any(file.journal != self.journal.id for file in self._files()) else 5 * CHILDREN_S)
        if self._network and self.journal.position()[0]:
            ends.append(TOUCH_S)
        return max(min(ends), 0.001) if ends else None

    def _tick(self, request: Request | None) -> None:
        before = self.journal.position()[0]
        self._care_for_journal()
        if request is not None and self.journal.position()[0] != before:  # a deleted file was written anew: it is asked for, too
            request.targets.update(self.sizes(everyone=request.everyone))
        if request is None:
            if time.monotonic() >= self._next_try:
                self._ingest(None)
            return
        done = self._ingest(request)
        while not done and self._busy and time.monotonic() < request.deadline and not request.abandoned:
            done = self._ingest(request)
        done = done and not self.journal.has_waiting()
        if request.abandoned:
            return
        if done and request.function is not None:
            self._call(request, request.function)
        else:
            request.answers.put((done, None if done else self._refusal()))

    def _ingest(self, request: Request | None) -> bool:
        """Ingest one batch, or for a request until what it asked for is in; False while something waits."""
        sync_written(self.unsynced)  # before the rows that name them go in
        if not self._has_tables():
            return False
        budget = BUDGET_BYTES if request is None else 4 * BUDGET_BYTES
        while True:
            position, began = self.journal.position(), time.monotonic()
            with self._working():
                only = None if request is not None and request.everyone else self._journals()
                report = self._opened_store().run(only=only, budget_bytes=budget, network=bool(self._network))
            self.waiting = report.waiting
            self._gathering = min((time.monotonic() - began) * REST, TICK_S) if report.waiting else TICK_S
            if report.problem:
                self._fail(report.problem, busy=report.busy)
                return False
            self._pause, self._next_try, self.problem = 0.0, 0.0, ""
            if not report.waiting:
                self._known = position
                return True
            if request is None:
                return False
            if self._reached(request):
                return True
            if time.monotonic() > request.deadline:
                return False

    def _reached(self, request: Request) -> bool:
        files = list_journals(self.journal.location) if request.everyone else self._files()
        offsets = self._offsets({file.journal for file in files})
        present = {file.path.name for file in files}
        return all(offsets.get(name, 0) >= size for name, size in request.targets.items() if name in present)

    def _call(self, request: Request, function: Callable[[sqlite3.Connection], Any]) -> None:
        patience = max(request.deadline - time.monotonic(), TICK_S)
        try:
            with self._working(), open_writer(self.journal.location, full_sync=True, timeout=patience) as db:
                result = function(db)
        except BaseException as error:  # noqa: BLE001  raised again in the thread that asked
            request.answers.put((False, error))
            return
        request.answers.put((True, result))

    def _has_tables(self) -> bool:
        """Make the tables if there are records for them; outside the mutex, because it takes another process about a second."""
        location = self.journal.location
        try:
            if schema_state(location) in {"missing", "old"} and (location.folder.exists() or self._files()):
                place = location.folder if location.folder.exists() else location.folder.parent
                if place.exists() and not os.access(place, os.W_OK | os.X_OK):
                    raise StoreReadOnly(location.folder, f"{place} cannot be written")  # known without a process of its own
                ensure_schema(location, in_child=True)
        except NbtrackError as error:
            self._fail(error.message, busy=isinstance(error, StoreBusy))
            return False
        return True

    def _refusal(self) -> NbtrackError:
        """Why the store did not take what was asked, by its own name where it has one."""
        location = self.journal.location
        try:
            refuse_unwritable(location)
        except NbtrackError as error:
            return error
        kind = StoreBusy if self._busy else StoreError
        return kind(location.folder, self.problem or f"{location.folder} was not reached in time", "What is recorded waits in the journal.")

    def _fail(self, problem: str, *, busy: bool = False) -> None:
        self.problem, self._busy = problem, busy
        self._pause = min(max(self._pause * 2, TICK_S), LONGEST_PAUSE_S)
        self._next_try = time.monotonic() + self._pause
        self.waiting = self.waiting or 1

    # -- the journal's needs -----------------------------------------------------------------------------------------------------

    def _care_for_journal(self) -> None:
        journal, now = self.journal, time.monotonic()
        if journal.is_deleted():
            name = Path(journal.state().path).name
            journal.replace_deleted(max(self._offsets().get(name, 0), self._known[1] if self._known[0] == name else 0))
        drained = journal.drain()
        if not drained and now >= self._next_move:
            self._next_move, self._next_return = now + MOVE_S, now + RETURN_S
            journal.move_on()
        elif drained and now >= self._next_return and journal.state().in_fallback:
            self._next_return = now + RETURN_S
            journal.move_on(home=True)
        if self._network is None:
            self._network = self.settings.store_network or liveness.on_network(journal.location.folder)
        if self._network and now >= self._next_sync:
            self._next_sync = now + SYNC_S
            journal.sync()
        if self._network and now >= self._next_touch:
            self._next_touch = now + TOUCH_S
            journal.touch()

    def _offsets(self, journals: Collection[str] | None = None) -> dict[str, int]:
        from nbtrack.store.ingest import read_offsets

        try:
            with self._working(), open_reader(self.journal.location) as db:
                return read_offsets(db, self._journals() if journals is None else journals)
        except (StoreError, sqlite3.Error):
            return {}

    def _journals(self) -> set[str]:
        """The ids of this process's journal and of its forked children's, which name their parent in their headers."""
        if self._forked:
            for file in list_journals(self.journal.location):
                if file.journal not in self._family and file.journal not in self._strangers:
                    (self._family if read_header(file.path).get("parent") in self._family else self._strangers).add(file.journal)
        return self._family

    def _files(self) -> list[JournalFile]:
        return list_journals(self.journal.location, self._journals())

    # -- SQLite and fork

    def _opened_store(self) -> Ingester:
        if self._ingester is None:
            from nbtrack.store.ingest import Ingester  # 40 ms that the load of the extension need not wait for

            self._ingester = Ingester(self.journal.location, patience=2 * TICK_S)
        return self._ingester

    def _close_store(self) -> None:
        with self._working():
            ingester, self._ingester = self._ingester, None
            if ingester is not None:
                ingester.close(TICK_S)

    def _working(self) -> AbstractContextManager[Any]:
        """The mutex that a fork waits for; a fork that waits goes first."""
        patience = time.monotonic() + 2 * PATIENCE_S
        while self._forking and time.monotonic() < patience:
            time.sleep(0.001)
        return self._work

    def before_fork(self, patience: float) -> None:
        """Let SQLite come to rest and close it: a child must not inherit an open connection."""
        self._forking = True
        held = self._work.acquire(timeout=patience)
        self._forking = False
        if held and self._ingester is not None:
            ingester, self._ingester = self._ingester, None
            ingester.close(PATIENCE_S)

    def after_fork_in_parent(self) -> None:
        """Go on; from now on there may be journals of children."""
        self._forked, self._forking = True, False
        self._release()

    def after_fork_in_child(self) -> None:
        """Begin anew without a thread. With SQLite caught at work the store is left to the parent, which ingests this journal too."""
        held = self._release()
        if self._ingester is not None:
            self._ingester.abandon()
        self.unsynced.clear()
        self._starting = threading.RLock()
        self._begin()
        self.unusable = not held

    def _release(self) -> bool:
        """Give back the mutex if the fork got it; asked of the mutex itself, since an interrupt may fall between getting and noting."""
        try:
            self._work.release()
        except RuntimeError:
            return False
        return True
