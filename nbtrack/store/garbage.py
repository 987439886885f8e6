"""Bodies nobody refers to any more: found, and removed when asked. Never anything younger than a day: its record may still be under way."""

from __future__ import annotations

import re
import sqlite3
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from nbtrack.config import StoreLocation
from nbtrack.store import checkpoint_garbage
from nbtrack.store.connection import open_reader, open_writer
from nbtrack.store.ingest import ingest

OLDER_THAN_S = 86_400
_MOMENT_S = 0.5

_NAME = re.compile(rb"[0-9a-f]{64}")
_NUMBERS = frozenset({"blob", "metric", "metric_line", "metric_block", "metric_chunk"})  # tables that name no body


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """What was found and, when ``applied``, removed: files (paths in the store folder), rows of bodies kept inline, bytes of both.

    ``checkpoints`` counts old ones; what only they refer to is counted when they are removed.
    """

    files: tuple[str, ...]
    rows: int
    size_bytes: int
    applied: bool
    checkpoints: int = 0


def collect(
    location: StoreLocation, *, apply: bool = False, older_than_s: float = OLDER_THAN_S, keep_days: int | None = None
) -> GarbageReport:
    """List what nothing refers to: body files and half-written ones older than ``older_than_s``, and rows of bodies.

    With ``keep_days``, old checkpoints too, but the last of each day (see ``checkpoint_garbage``).
    ``apply`` removes them. What still waits in journals is ingested first, since it may refer to them; while something waits that could
    not be ingested, nothing is found.
    """
    report = ingest(location)
    if report.problem or report.waiting:
        return GarbageReport((), 0, 0, applied=False)
    now_ms = int(time.time() * 1000)
    with open_reader(location) as db:
        old = checkpoint_garbage.find_old(db, keep_days=keep_days, now_ms=now_ms) if keep_days is not None else []
        if not apply:
            return replace(_sweep(location, db, older_than_s, apply=False), checkpoints=len(old))
        young = _unmentioned(db)
    if young:  # bodies come in just before the checkpoint that names them: who is unnamed now and in a moment is unnamed
        time.sleep(_MOMENT_S)
        ingest(location)
    with open_writer(location, full_sync=True) as db:
        old = checkpoint_garbage.find_old(db, keep_days=keep_days, now_ms=now_ms) if keep_days is not None else []
        before = _unmentioned(db) - young
        checkpoint_garbage.remove(db, old)
        return replace(_sweep(location, db, older_than_s, apply=True, spared=before), checkpoints=len(old))


def _unmentioned(db: sqlite3.Connection) -> set[str]:
    return {sha256 for (sha256,) in db.execute("select sha256 from blob").fetchall()} - mentioned_bodies(db)


def _sweep(
    location: StoreLocation, db: sqlite3.Connection, older_than_s: float, *, apply: bool, spared: set[str] | None = None
) -> GarbageReport:
    before = time.time() - older_than_s
    mentioned = mentioned_bodies(db) | (spared or set())
    bodies = db.execute("select sha256, stored_bytes, body is null from blob order by sha256").fetchall()
    inline = {sha256 for sha256, _, is_file in bodies if not is_file}
    standing, doomed, size = set(), [], 0
    for path in body_files(location):
        status = path.stat()
        if status.st_mtime > before or (path.name in mentioned and path.name not in inline):
            standing.add(path.name)
        else:
            doomed.append(path)
            size += status.st_size
    # An inline body came in with the row that names it, so it needs no age; the row of a file goes with its file, or when that is gone.
    rows = [row for row in bodies if row[0] not in mentioned and (not row[2] or row[0] not in standing)]
    size += sum(stored for _, stored, is_file in rows if not is_file)
    if apply:
        db.executemany("delete from blob where sha256 = :sha256", [{"sha256": sha256} for sha256, _, _ in rows])
        for path in doomed:
            if path.stat().st_mtime <= before:  # an equal body may have been written anew this very moment
                path.unlink()
    return GarbageReport(tuple(str(path.relative_to(location.folder)) for path in doomed), len(rows), size, applied=apply)


def mentioned_bodies(db: sqlite3.Connection) -> set[str]:
    """Everything in any row of any table that could be the name of a body.

    Not a list of the columns that refer to bodies: whoever adds a table and forgets such a list would lose data by it. A body that a text
    names by chance is kept, which costs nothing.
    """
    found: set[bytes] = set()
    tables = db.execute("select name from sqlite_schema where type = 'table' and sql not like 'create virtual%' order by name").fetchall()
    for (table,) in tables:
        if table in _NUMBERS:
            continue
        for (column,) in db.execute(
            "select name from pragma_table_info(:name) where type in ('TEXT', 'BLOB') order by cid", {"name": table}
        ):
            # Names of the schema, not values: SQLite takes no parameter in their place.
            for (value,) in db.execute(f'select "{column}" from "{table}" where "{column}" is not null'):
                found.update(_NAME.findall(value.encode("utf-8") if isinstance(value, str) else _unpacked(value)))
    return {name.decode("ascii") for name in found}


def _unpacked(value: bytes) -> bytes:
    try:
        return zlib.decompress(value)
    except zlib.error:
        return value


def body_files(location: StoreLocation) -> Iterator[Path]:
    """Go through the files of ``blobs/``: bodies, and what was left half written."""
    for path in sorted(location.blobs.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path
