"""Bodies nobody refers to any more: found, and removed when asked. Never anything younger than a day: its record may still be under way."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from nbtrack.config import StoreLocation
from nbtrack.store.connection import open_reader, open_writer
from nbtrack.store.ingest import ingest

OLDER_THAN_S = 86_400

UNREFERENCED = """
    select sha256, stored_bytes, body is null from blob
    where sha256 not in (select source_sha256 from execution where source_sha256 is not null)
        and sha256 not in (select sha256 from output where sha256 is not null)
        and sha256 not in (select sha256 from artifact)
    order by sha256
"""


@dataclass(frozen=True, slots=True)
class GarbageReport:
    """What was found and, when ``applied``, removed: files (paths in the store folder), rows of bodies kept inline, bytes of both."""

    files: tuple[str, ...]
    rows: int
    size_bytes: int
    applied: bool


def collect(location: StoreLocation, *, apply: bool = False, older_than_s: float = OLDER_THAN_S) -> GarbageReport:
    """List what nothing refers to: body files and half-written ones older than ``older_than_s``, and rows of bodies.

    ``apply`` removes them. What still waits in journals is ingested first, since it may refer to them; while something waits that could
    not be ingested, nothing is found.
    """
    report = ingest(location)
    if report.problem or report.waiting:
        return GarbageReport((), 0, 0, applied=False)
    if not apply:
        with open_reader(location) as db:
            return _sweep(location, db, older_than_s, apply=False)
    with open_writer(location, full_sync=True) as db:
        return _sweep(location, db, older_than_s, apply=True)


def _sweep(location: StoreLocation, db: sqlite3.Connection, older_than_s: float, *, apply: bool) -> GarbageReport:
    before = time.time() - older_than_s
    unreferenced = db.execute(UNREFERENCED).fetchall()
    loose = {sha256 for sha256, _, is_file in unreferenced if is_file}
    known = {sha256 for (sha256,) in db.execute("select sha256 from blob where body is null")}
    files, size, doomed = [], 0, []
    for path in body_files(location):
        status = path.stat()
        if status.st_mtime > before or (path.name in known and path.name not in loose):
            continue
        files.append(path)
        size += status.st_size
        doomed.append(path.name)
    standing = {path.name for path in body_files(location)} - set(doomed)
    # A body row has no age of its own. The time of its UUIDv7 neighbours is unknown too, so inline bodies go only with a quiet journal,
    # which ``collect`` made sure of; rows of files go with their file, or when it is gone already.
    rows = [(sha256, stored) for sha256, stored, is_file in unreferenced if not is_file or sha256 not in standing]
    size += sum(stored for sha256, stored, is_file in unreferenced if not is_file)
    if apply:
        db.executemany("delete from blob where sha256 = :sha256", [{"sha256": sha256} for sha256, _ in rows])
        for path in files:
            path.unlink(missing_ok=True)
    return GarbageReport(tuple(str(path.relative_to(location.folder)) for path in files), len(rows), size, applied=apply)


def body_files(location: StoreLocation) -> Iterator[Path]:
    """Go through the files of ``blobs/``: bodies, and what was left half written."""
    for path in sorted(location.blobs.rglob("*")):
        if path.is_file() and not path.is_symlink():
            yield path
