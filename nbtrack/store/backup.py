"""A complete copy of a store that is being written: a location in; a folder that opens by itself, checked, and a report out.

Copying ``store.db`` with the file system gives an empty or torn database: what was committed last stands in the WAL.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from nbtrack.config import STORE_FOLDER, StoreLocation, open_location
from nbtrack.errors import StoreCorrupt, StoreError, UsageError
from nbtrack.store.blobs import body_path, sync_folder
from nbtrack.store.check import check_store
from nbtrack.store.connection import naming_errors, open_reader, refuse_unreadable
from nbtrack.store.ingest import ingest, leave_journals
from nbtrack.store.secret import copy_key


@dataclass(frozen=True, slots=True)
class BackupReport:
    """What stands in the copy. ``waiting_bytes`` were in journals and could not be ingested, for the reason ``problem``."""

    folder: str
    runs: int
    bodies: int
    size_bytes: int
    waiting_bytes: int = 0
    problem: str = ""


def back_up(location: StoreLocation, target: Path) -> BackupReport:
    """Write a complete store into ``target`` (a new or empty folder; ``.nbtrack`` inside it unless it is named so) and check the copy.

    Journals are ingested first. Writers go on meanwhile: the copy is one moment of the database and every body it names.
    Raises ``UsageError`` when the target is not empty, ``StoreCorrupt`` when the copy does not pass the check, ``StoreError`` otherwise.
    """
    refuse_unreadable(location)
    folder = target if target.name == STORE_FOLDER else target / STORE_FOLDER
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"{folder} is not empty", "Name a new folder for the backup.")
    before = ingest(location)
    half = folder.with_name(f"{folder.name}.part")
    try:
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700, parents=True)
        (half / ".gitignore").write_text("*\n", encoding="utf-8")
        copy = open_location(half)
        _copy_database(location, copy)
        bodies = _copy_bodies(location, copy)
        copy_key(location, copy)
        found = check_store(copy)
        if found.findings:
            first = found.findings[0]
            raise StoreCorrupt(location.folder, f"the copy does not pass the check: {first.kind}: {first.what}", "nbtrack fsck says more.")
        if folder.exists():
            folder.rmdir()
        half.rename(folder)
        sync_folder(folder.parent)
    except OSError as error:
        raise StoreError(location.folder, f"no backup could be written to {folder}: {error.strerror or error}", "Is there room?") from error
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return BackupReport(str(folder), found.checked["runs"], bodies, size, before.waiting, before.problem)


def _copy_database(location: StoreLocation, copy: StoreLocation) -> None:
    """Copy by SQLite's backup, all pages in one step: with writers about, a copy in steps begins again at every commit."""
    os.close(os.open(copy.database, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    with open_reader(location) as db, naming_errors(copy):
        target = sqlite3.connect(copy.database, isolation_level=None)
        try:
            db.backup(target)
            target.execute("pragma journal_mode = wal")
            target.execute("begin immediate")
            leave_journals(target, copy)
            target.execute("commit")
            target.execute("pragma wal_checkpoint(truncate)")
        finally:
            target.close()


def _copy_bodies(location: StoreLocation, copy: StoreLocation) -> int:
    with open_reader(copy) as db:
        names = [sha256 for (sha256,) in db.execute("select sha256 from blob where body is null order by sha256")]
    for sha256 in names:
        source, place = body_path(location, sha256), body_path(copy, sha256)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if source.exists():  # a missing one is found by the check of the copy
            shutil.copyfile(source, place)
            place.chmod(0o600)
    return len(names)
