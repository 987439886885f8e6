"""The schema as an ordered list of named steps, never edited after a release: a store folder in, its tables made or brought up to date.

``python -m nbtrack.store.migrations FOLDER`` does it in a process of its own: sqlite-utils imports pandas and numpy when they are installed
(126-335 ms), which has no place in a user's kernel. So it is imported here by the functions that migrate, nowhere on the way of a record.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from nbtrack.config import StoreLocation, open_location
from nbtrack.errors import NbtrackError, StoreBusy, StoreNewer, StoreReadOnly
from nbtrack.store.connection import (
    APPLICATION_ID,
    SCHEMA_VERSION,
    check_sqlite,
    connect_writing,
    make_database,
    naming_errors,
    refuse_unreadable,
    schema_state,
)
from nbtrack.store.filelock import FileLock
from nbtrack.store.liveness import on_network
from nbtrack.store.schema import FIRST_SCHEMA
from nbtrack.store.schema_checkpoints import CHECKPOINT_SCHEMA, INDEX_SCHEMA

if TYPE_CHECKING:
    import sqlite_utils

_PATIENCE_S = 60.0
_CHILD_PATIENCE_S = 90.0


def create_first_tables(db: sqlite_utils.Database) -> None:
    """Make the tables of the first release."""
    for statement in FIRST_SCHEMA:
        db.execute(statement)


def create_checkpoint_tables(db: sqlite_utils.Database) -> None:
    """Make the tables of checkpoints and search, and take in the notes and errors that are there."""
    for statement in CHECKPOINT_SCHEMA:
        db.execute(statement)
    if db.execute("select 1 from pragma_module_list where name = 'fts5'").fetchone():
        for statement in INDEX_SCHEMA:
            db.execute(statement)


# Order is law: user_version counts these. Append; never edit, reorder or rename one that was released.
STEPS: tuple[Callable[[sqlite_utils.Database], None], ...] = (create_first_tables, create_checkpoint_tables)


def ensure_schema(location: StoreLocation, *, in_child: bool) -> None:
    """Make sure that the tables are there and current; nothing happens when the header says so.

    ``in_child`` (kernels) migrates in another process and falls back to this one when that cannot be started.
    Raises what ``migrate`` raises.
    """
    state = schema_state(location)
    if state == "current":
        return
    if state == "newer":
        raise _newer(location)
    if state == "corrupt":
        refuse_unreadable(location)
    if in_child:
        _migrate_in_child(location)
    if schema_state(location) != "current":
        migrate(location)  # the child could not be started or failed: here the failure has a name


def migrate(location: StoreLocation) -> None:
    """Bring a store up to date, making it when there is none; any number of processes may do so at once.

    An existing store is copied to ``backup-VERSION.db`` beside it first. Raises ``StoreNewer``, ``StoreCorrupt``, ``StoreBusy``,
    ``StoreReadOnly``.
    """
    check_sqlite(location.folder)
    if schema_state(location) == "corrupt":
        refuse_unreadable(location)
    with naming_errors(location):
        try:
            make_database_folder(location)
        except OSError as error:
            raise _unmakeable(location, error) from error
        lock = FileLock(location.lock)
        if not lock.acquire(_PATIENCE_S):
            raise StoreBusy(location.folder, f"another program has held {location.lock} for {_PATIENCE_S:g} s", "Try again.")
        try:
            make_database(location)
            db = connect_writing(location)
            try:
                _apply_steps(location, db, wal=not on_network(location.folder))
            finally:
                db.close()
        except OSError as error:
            raise _unmakeable(location, error) from error
        finally:
            lock.release()


def make_database_folder(location: StoreLocation) -> None:
    """Make the store's folder, so that its lock can be taken."""
    location.folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _apply_steps(location: StoreLocation, db: sqlite3.Connection, *, wal: bool) -> None:
    import sqlite_utils

    version = db.execute("pragma user_version").fetchone()[0]
    if version > SCHEMA_VERSION:
        raise _newer(location)
    if version < SCHEMA_VERSION:
        if version > 0:
            _copy_database(db, location.folder / f"backup-{version}.db")
        db.execute("pragma synchronous = full")
        # Migrations.apply opens its transactions DEFERRED: from 8 processes at once 70 of 80 failed. Inside ours it uses savepoints.
        db.execute("begin immediate")
        try:
            steps = sqlite_utils.Migrations("nbtrack")
            for step in STEPS:
                steps()(step)
            steps.apply(sqlite_utils.Database(db))
            db.execute(f"pragma application_id = {APPLICATION_ID}")
            db.execute(f"pragma user_version = {SCHEMA_VERSION}")
            db.execute("commit")
        except BaseException:
            if db.in_transaction:
                db.execute("rollback")
            raise
    if wal:
        db.execute("pragma journal_mode = wal")
    # The version must stand in the file itself: it is read from there without SQLite.
    db.execute("pragma wal_checkpoint(truncate)")


def _copy_database(db: sqlite3.Connection, target: Path) -> None:
    """Copy by SQLite's backup: to a new name first, so that a half-made copy never stands for a whole one."""
    half = target.with_name(f"{target.name}.part")
    half.unlink(missing_ok=True)
    os.close(os.open(half, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
    copy = sqlite3.connect(half, isolation_level=None)
    try:
        db.backup(copy)
    finally:
        copy.close()
    half.replace(target)


def _migrate_in_child(location: StoreLocation) -> None:
    environment = {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(path for path in (_package_root(), os.environ.get("PYTHONPATH", "")) if path),
    }
    try:
        subprocess.run(
            [sys.executable, "-m", "nbtrack.store.migrations", str(location.folder)],
            check=False, timeout=_CHILD_PATIENCE_S, env=environment,
            start_new_session=True,  # an interrupt of the kernel goes to its whole process group
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired, ValueError):
        return


def _package_root() -> str:
    """Where this very nbtrack was imported from: the child must not meet another one."""
    return str(Path(__file__).resolve().parents[2])


def _newer(location: StoreLocation) -> StoreNewer:
    return StoreNewer(location.folder, f"{location.database} was written by a newer nbtrack", "Update nbtrack to write to it.")


def _unmakeable(location: StoreLocation, error: OSError) -> StoreReadOnly:
    return StoreReadOnly(
        location.folder, f"no store can be made in {location.folder}: {error.strerror or error}", "Look at its permissions."
    )


def main(arguments: list[str]) -> int:
    """Migrate the store folders named; returns 0, or 1 after two lines on stderr."""
    for folder in arguments:
        try:
            migrate(open_location(folder))
        except NbtrackError as error:
            sys.stderr.write(f"{error}\n")
            return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
