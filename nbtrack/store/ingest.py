"""Journals into the store: a location in, rows committed, a report out. Any process may ingest any journal, dead or alive.

A file and an offset are the identity of a record: ``source`` holds the offset, moved in the transaction that applies the bytes before
it, so nothing is lost or doubled whoever reads and whenever somebody dies. Files go in name order; a generation waits for the one before.

A file whose owner is gone is read to its end in a transaction that is synced, then unlinked, and only then its row is dropped: in any other
order a death in between would bring its records in twice.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from nbtrack.config import StoreLocation
from nbtrack.errors import NbtrackError, StoreBusy
from nbtrack.store import executions, lifecycle, sessions
from nbtrack.store.batch import Batch, read_batch
from nbtrack.store.blobs import sync_folder
from nbtrack.store.connection import WriterConnection, schema_state
from nbtrack.store.frames import MAX_LENGTH, OVERHEAD, Kind, frame_at, unpack_record
from nbtrack.store.liveness import Owner, judge_owner, on_network
from nbtrack.store.migrations import ensure_schema
from nbtrack.store.rows import apply_batch
from nbtrack.store.scope import Scope
from nbtrack.store.segments import JournalFile, list_journals
from nbtrack.store.sources import COLUMNS, Source, folder_name

LIVE_BATCH_BYTES = 128 << 10  # about 2 ms under the lock; half of it costs a third more CPU at 27,000 points/s
BATCH_BYTES = 1 << 20
_WHOLE_FRAME = MAX_LENGTH + OVERHEAD


@dataclass(frozen=True, slots=True)
class IngestReport:
    """What one ingestion did. ``waiting`` counts bytes seen but not yet in, ``problem`` is one line for people, empty when all is well."""

    frames: int = 0
    points: int = 0
    damaged: int = 0
    undecodable: int = 0
    finished: int = 0
    waiting: int = 0
    problem: str = ""
    busy: bool = False  # the problem is that somebody else holds the store: trying again will help


def ingest(
    location: StoreLocation, *, only: Collection[str] | None = None, budget_bytes: int | None = None, network: bool = False
) -> IngestReport:
    """Bring journals into the store; see ``Ingester.run``. Whoever ingests again and again keeps an ``Ingester``."""
    ingester = Ingester(location)
    try:
        return ingester.run(only=only, budget_bytes=budget_bytes, network=network)
    finally:
        ingester.close()


class Ingester:
    """Ingests for one thread and keeps its connection in between (opening one costs more than a batch; see ``WriterConnection``)."""

    def __init__(self, location: StoreLocation, *, patience: float = 30.0) -> None:
        self.location = location
        self._writer = WriterConnection(location, patience=patience)
        self._offsets: dict[str, int] = {}  # how far the files were in when this ingester last looked
        self._store: tuple[int, int] | None = None
        self._on_network: bool | None = None

    def run(self, *, only: Collection[str] | None = None, budget_bytes: int | None = None, network: bool = False) -> IngestReport:
        """Ingest what is there: of the journals ``only`` (ids), else of all; at most about ``budget_bytes``.

        ``network``: treat the store's folder as one on a network file system even if it does not look like one. Never raises for the
        store's or the disk's sake: ``problem`` says what stopped it, and everything committed before stays.
        """
        work = _Work(batch_bytes=LIVE_BATCH_BYTES if only is not None else BATCH_BYTES, budget=budget_bytes)
        try:
            files = list_journals(self.location, only)
            if files and schema_state(self.location) in {"missing", "old"}:
                ensure_schema(self.location, in_child=True)
            self._forget_offsets_of_another_store()
            network = network or bool(files and self._looks_remote())
            for group in _by_journal(files):
                try:
                    self._ingest_journal(group, work, network=network)
                except OSError as error:  # this journal's file: the others may be well
                    work.problem = work.problem or f"{type(error).__name__}: {error}"
            self._drop_rows(work, tidy=only is None)
        except NbtrackError as error:
            work.problem = work.problem or error.message
            work.busy = isinstance(error, StoreBusy)
        except sqlite3.Error as error:
            work.problem = work.problem or f"{type(error).__name__}: {error}"
        work.waiting = work.waiting or (self._still_waiting(only) if work.problem else 0)
        return IngestReport(
            work.frames, work.points, work.damaged, work.undecodable, len(work.finished), work.waiting, work.problem, work.busy
        )

    def close(self, patience: float = 30.0) -> None:
        """Close the connection; waits for the store lock as long as that."""
        self._writer.close(patience)

    def abandon(self) -> None:
        """Forget the connection without closing it: the only safe thing in a forked child."""
        self._writer.abandon()

    def _looks_remote(self) -> bool:
        if self._on_network is None:
            self._on_network = on_network(self.location.folder)
        return self._on_network

    def _forget_offsets_of_another_store(self) -> None:
        try:
            status = self.location.database.stat()
            store = (status.st_dev, status.st_ino)
        except OSError:
            store = None
        if store != self._store:
            self._store, self._offsets = store, {}

    def _ingest_journal(self, files: list[JournalFile], work: _Work, *, network: bool) -> None:
        blocked = False
        for file in files:
            if blocked or work.spent():
                work.waiting += _size(file.path)  # about: what is in already is not known without the lock
                continue
            blocked = not self._ingest_file(file, work, network=network)

    def _ingest_file(self, file: JournalFile, work: _Work, *, network: bool) -> bool:
        """Ingest one file as far as the budget goes; False when later generations have to wait for the rest of it."""
        with _opened(file.path) as fd:
            if fd is None:
                return True
            owner = judge_owner(fd, _header_of(fd), network=network)
            if os.fstat(fd).st_nlink == 0:
                return True  # another ingester was faster
            if owner is Owner.ALIVE and os.fstat(fd).st_size == self._offsets.get(file.path.name):
                return True  # nothing new: no lock, no transaction
            while True:
                more = self._ingest_batch(file, fd, work, owner)
                if not more:
                    break
                if work.spent():
                    work.waiting += more
                    return False
            if owner is Owner.FINISHED:
                if not self._finish(file, fd, work):
                    return True
                file.path.unlink(missing_ok=True)
                sync_folder(file.path.parent)
                work.finished.append(file.path.name)
                self._offsets.pop(file.path.name, None)
            elif owner is Owner.SILENT:
                self._declare_silent(file)
        return True

    def _ingest_batch(self, file: JournalFile, fd: int, work: _Work, owner: Owner) -> int:
        """Ingest one batch in one transaction and return how many bytes wait behind it that could go in now."""
        with self._writer.transaction() as db:
            source = Source.load(db, self.location, file)
            size = os.fstat(fd).st_size
            if os.fstat(fd).st_nlink == 0 or size <= source.offset:
                return 0
            available, final = size - source.offset, owner is Owner.FINISHED
            batch, read = _read(fd, source.offset, work.batch_bytes, size, final=final)
            if not batch.used:
                return 0
            scope = source.scope(db, self.location, file.journal)
            if source.silent:
                _revive(scope)
            odd = apply_batch(scope, batch)
            source.offset += batch.used
            source.damaged += batch.damaged
            source.undecodable += batch.undecodable + odd
            source.silent = 0
            source.save(db, scope, batch)
        self._offsets[file.path.name] = source.offset
        work.count(batch, odd)
        return size - source.offset if read < available else 0

    def _finish(self, file: JournalFile, fd: int, work: _Work) -> bool:
        """Note, synced, that a file is in to its end; without an end in order and a later generation its runs were killed."""
        with self._writer.transaction(full_sync=True) as db:
            source = Source.load(db, self.location, file)
            if os.fstat(fd).st_nlink == 0 or os.fstat(fd).st_size > source.offset:
                return False
            scope = source.scope(db, self.location, file.journal)
            if source.final != "close" and not self._has_later(db, file):
                _kill(scope)
            source.final = source.final or "killed"
            source.finished = 1
            source.save(db, scope, None)
        return True

    def _declare_silent(self, file: JournalFile) -> None:
        with self._writer.transaction() as db:
            source = Source.load(db, self.location, file)
            if source.silent or source.final == "close" or self._has_later(db, file):
                return
            scope = source.scope(db, self.location, file.journal)
            _kill(scope)
            source.silent = 1
            source.save(db, scope, None)

    def _has_later(self, db: sqlite3.Connection, file: JournalFile) -> bool:
        if any(other.generation > file.generation for other in list_journals(self.location, {file.journal})):
            return True
        row = db.execute("select max(generation) from source where journal = :journal", {"journal": file.journal}).fetchone()
        return row[0] is not None and row[0] > file.generation

    def _drop_rows(self, work: _Work, *, tidy: bool) -> None:
        """Drop the rows of files that are in and gone; ``tidy`` looks for those that somebody who died left behind."""
        if not work.finished and (not tidy or schema_state(self.location) != "current"):
            return
        with self._writer.transaction() as db:
            rows = db.execute("select name, folder from source where finished = 1 order by name").fetchall()
            here = {folder_name(self.location, folder): folder for folder in (self.location.journal, self.location.fallback_journal)}
            gone = [{"name": name} for name, folder in rows if folder in here and not (here[folder] / name).exists()]
            db.executemany("delete from source where name = :name", gone)

    def _still_waiting(self, only: Collection[str] | None) -> int:
        try:
            return sum(_size(file.path) for file in list_journals(self.location, only))
        except OSError:
            return 0


def read_offsets(db: sqlite3.Connection, journals: Collection[str]) -> dict[str, int]:
    """Tell how far the files of some journals are in: file name -> bytes."""
    rows = db.execute(
        "select name, offset from source where journal in (select value from json_each(:journals)) order by name",
        {"journals": json.dumps(sorted(journals))},
    )
    return dict(rows.fetchall())


@dataclass(slots=True)
class _Work:
    """The counts of one ingestion and how far it may go."""

    batch_bytes: int
    budget: int | None
    frames: int = 0
    points: int = 0
    damaged: int = 0
    undecodable: int = 0
    waiting: int = 0
    problem: str = ""
    busy: bool = False
    finished: list[str] = field(default_factory=list)
    used: int = 0

    def spent(self) -> bool:
        return self.budget is not None and self.used >= self.budget

    def count(self, batch: Batch, odd: int) -> None:
        self.used += batch.used
        self.frames += len(batch.records) + sum(len(line.tails) for line in batch.lines)
        self.points += batch.points
        self.damaged += batch.damaged
        self.undecodable += batch.undecodable + odd


def leave_journals(db: sqlite3.Connection, location: StoreLocation) -> None:
    """Make a copied database stand alone, its journals being elsewhere: what still runs is shown as killed at the time of its last frame.

    The offsets stay: should the journals turn up beside the copy, they go on where they were, and what was killed runs again.
    """
    for row in db.execute(f"select {COLUMNS} from source where finished = 0 order by name").fetchall():
        source = Source(*row)
        scope = source.scope(db, location, source.journal)
        _kill(scope)
        source.folder, source.silent = "elsewhere", 1
        source.save(db, scope, None)
    db.execute("delete from source where finished = 1")


def _kill(scope: Scope) -> None:
    at = scope.clock.at(scope.last_us)
    executions.end_executions(scope, "killed")
    sessions.end_sessions(scope, at, "killed")
    lifecycle.kill_runs(scope, at)


def _revive(scope: Scope) -> None:
    executions.revive_executions(scope)
    sessions.revive_sessions(scope)
    lifecycle.revive_runs(scope)


def _read(fd: int, offset: int, most: int, size: int, *, final: bool) -> tuple[Batch, int]:
    """Read one batch and how many bytes it was taken from; a frame longer than a batch gets a longer one."""
    data = _pread(fd, most, offset)
    batch = read_batch(data, final=final and offset + len(data) >= size)
    if not batch.used and len(data) == most and most < _WHOLE_FRAME:
        data = _pread(fd, _WHOLE_FRAME, offset)
        batch = read_batch(data, final=final and offset + len(data) >= size)
    return batch, len(data)


def _pread(fd: int, count: int, offset: int) -> bytes:
    if hasattr(os, "pread"):
        return os.pread(fd, count, offset)
    os.lseek(fd, offset, os.SEEK_SET)
    return os.read(fd, count)


def _header_of(fd: int) -> dict[str, object]:
    data = _pread(fd, 4096, 0)
    frame, _ = frame_at(data, 0, len(data)) if data else (None, False)
    if frame is None or frame.kind != Kind.HEADER:
        return {}
    try:
        return unpack_record(frame.payload)[0]
    except ValueError:
        return {}


@contextmanager
def _opened(path: Path) -> Iterator[int | None]:
    flags = getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    try:
        try:
            fd = os.open(path, os.O_RDWR | flags)
        except PermissionError:
            fd = os.open(path, os.O_RDONLY | flags)
    except (FileNotFoundError, PermissionError):
        yield None
        return
    try:
        yield fd
    finally:
        os.close(fd)


def _by_journal(files: list[JournalFile]) -> list[list[JournalFile]]:
    groups: dict[str, list[JournalFile]] = {}
    for file in files:
        groups.setdefault(file.journal, []).append(file)
    return list(groups.values())


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
