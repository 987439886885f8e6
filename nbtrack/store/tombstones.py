"""Values taken out of a store for good: a run and a key in; their bytes gone from database, WAL and journals, a tombstone in their place.

A value stands in more places than its row: in pages that an earlier change left behind, in the WAL, in journal files that live kernels go
on appending to. The rows are overwritten and the database is packed anew; frames that are in the store already are rewritten where they
stand, as long as before, so that no offset moves.
"""

from __future__ import annotations

import json
import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbtrack.config import StoreLocation
from nbtrack.errors import NotFound, StoreBusy
from nbtrack.store import frames, metrics, params, tags
from nbtrack.store.batch import storable
from nbtrack.store.connection import connect_writing, naming_errors, open_writer, refuse_unwritable
from nbtrack.store.filelock import FileLock
from nbtrack.store.frames import Frame, Kind
from nbtrack.store.ingest import ingest
from nbtrack.store.segments import list_journals

_PATIENCE_S = 30.0
_CHECKPOINT_TRIES = 50
_CARRIERS = {Kind.PARAMS, Kind.TAGS, Kind.VALUES}


class UnknownKey(NotFound):
    """The run has no parameter, tag or metric text of this key."""

    kind = "parameter, tag or metric text"


@dataclass(frozen=True, slots=True)
class Removal:
    """What was taken out: the kinds of value (``parameter``, ``tag``, ``metric text``), how many records in journals, what went wrong."""

    kinds: tuple[str, ...]
    records: int
    problem: str = ""


def remove_value(location: StoreLocation, run_id: str, key: str, *, tombstone: Callable[[str], str]) -> Removal:
    """Take the values of a key out of a run; ``tombstone`` makes what stands there afterwards from a value's text.

    Journals are ingested first. Raises ``UnknownKey`` with near names, and ``StoreError`` where the store cannot be written.
    """
    refuse_unwritable(location)
    report = ingest(location)
    if report.problem or report.waiting:
        raise StoreBusy(location.folder, f"the journals could not be taken in first: {report.problem or 'records wait'}", "Try again.")
    with open_writer(location, full_sync=True) as db:
        db.execute("pragma secure_delete = on")
        kinds = _bury_rows(db, run_id, storable(key), tombstone)
        records = _scrub_journals(db, location, run_id, storable(key))
        if not kinds and not records:
            raise UnknownKey(key, sorted({*params.values_of(db, json.dumps([run_id])).get(run_id, {}), *tags.of_run(db, run_id),
                                          *metrics.keys_of_run(db, run_id)}), "%track show RUN lists them.")  # fmt: skip
    return Removal(kinds, records, _pack(location))


def _bury_rows(db: sqlite3.Connection, run_id: str, key: str, tombstone: Callable[[str], str]) -> tuple[str, ...]:
    kinds = []
    named = {"run": run_id, "key": key}
    for kind, select, update in _ROWS:
        row = db.execute(select, named).fetchone()
        if row is None:
            continue
        stood = json.loads(row[0]) if kind == "parameter" else row[0]
        text = stood if isinstance(stood, str) else json.dumps(stood, ensure_ascii=False)
        stone = tombstone(text)
        db.execute(update, {**named, "value": json.dumps(stone) if kind == "parameter" else stone})
        kinds.append(kind)
    return tuple(kinds)


_ROWS = (
    (
        "parameter",
        "select value from param where run_id = :run and name = :key",
        "update param set value = :value, number = null, marked = null where run_id = :run and name = :key",
    ),
    (
        "tag",
        "select value from tag where entity = 'run' and entity_id = :run and key = :key",
        "update tag set value = :value where entity = 'run' and entity_id = :run and key = :key",
    ),
    (
        "metric text",
        "select text from metric where run_id = :run and key = :key and text is not null order by id limit 1",
        "update metric set text = :value where run_id = :run and key = :key and text is not null",
    ),
)


def _scrub_journals(db: sqlite3.Connection, location: StoreLocation, run_id: str, key: str) -> int:
    """Rewrite the frames that hold the value, in every journal as far as it is in. The store lock is held: nobody reads them."""
    files = [file.path for file in list_journals(location)]
    offsets = dict(db.execute("select name, offset from source order by name").fetchall())
    found = [(path, frame) for path in files for frame in _frames(path, offsets.get(path.name, 0))]
    runs = _aliases(run_id, [frame for _, frame in found])
    records = 0
    for path, frame in found:
        cleaned = _without(frame, runs, key)
        if cleaned is not None:
            _overwrite(path, frame, cleaned)
            records += 1
    return records


def _frames(path: Path, ingested: int) -> list[Frame]:
    wanted = _CARRIERS | {Kind.RUN_UPDATE}
    try:
        data = path.read_bytes()[:ingested]
    except FileNotFoundError:
        return []
    return [frame for frame in frames.scan(data, final=True) if isinstance(frame, Frame) and frame.kind in wanted]


def _aliases(run_id: str, found: list[Frame]) -> set[str]:
    """The ids under which a run's values were written: its own, and those of drafts that went into it."""
    into: dict[str, str] = {}
    for frame in found:
        head = _head(frame) if frame.kind == Kind.RUN_UPDATE else {}
        if isinstance(head.get("into"), str) and isinstance(head.get("run"), str):
            into[head["run"]] = head["into"]
    known = {run_id}
    while more := {one for one, target in into.items() if target in known} - known:
        known |= more
    return known


def _head(frame: Frame) -> dict[str, Any]:
    try:
        return frames.unpack_record(frame.payload)[0]
    except ValueError:
        return {}


def _without(frame: Frame, runs: set[str], key: str) -> bytes | None:
    """Return the frame without the key, exactly as long as before; None when it does not hold it."""
    head = _head(frame) if frame.kind in _CARRIERS else {}
    values, marked = head.get("values"), head.get("marked")
    if head.get("run") not in runs or not isinstance(values, dict):
        return None
    held = [name for name in values if storable(str(name)) == key]
    if not held:
        return None
    for name in held:
        del values[name]
        if isinstance(marked, dict):
            marked.pop(name, None)
    return frames.repack_record(frame, head)


def _overwrite(path: Path, frame: Frame, cleaned: bytes) -> None:
    fd = os.open(path, os.O_RDWR | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    try:
        os.lseek(fd, frame.start, os.SEEK_SET)
        os.write(fd, cleaned)
        os.fsync(fd)
    finally:
        os.close(fd)


def _pack(location: StoreLocation) -> str:
    """Write the database anew and empty the WAL; returns what could not be done, as one line."""
    lock = FileLock(location.lock)
    if not lock.acquire(_PATIENCE_S):
        return "another program holds the store: old pages still hold the value, run it again"
    try:
        with naming_errors(location), closing(connect_writing(location)) as db:
            db.execute("pragma secure_delete = on")
            db.execute("vacuum")
            for _ in range(_CHECKPOINT_TRIES):
                busy, _, _ = db.execute("pragma wal_checkpoint(truncate)").fetchone()
                if not busy:
                    return ""
                time.sleep(0.05)
    finally:
        lock.release()
    return "somebody reads the store: its write-ahead log still holds the value, run it again"
