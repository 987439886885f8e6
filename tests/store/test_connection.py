"""The store is opened as it is: by the header first, read-only for readers, one write transaction at a time under the store's own lock."""

from __future__ import annotations

import os
import sqlite3
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nbtrack.config import StoreLocation, open_location
from nbtrack.errors import SQLiteTooOld, StoreBusy, StoreCorrupt, StoreError, StoreMissing, StoreNewer, StoreReadOnly
from nbtrack.store import connection
from nbtrack.store.connection import WriterConnection, open_reader, open_writer, schema_state
from nbtrack.store.filelock import FileLock


def set_version(location: StoreLocation, version: int) -> None:
    with open(location.database, "r+b") as file:
        file.seek(60)
        file.write(struct.pack(">I", version))


def count_experiments(location: StoreLocation) -> int:
    with open_reader(location) as db:
        return int(db.execute("select count(*) from experiment").fetchone()[0])


def add_experiment(db: sqlite3.Connection, name: str) -> None:
    db.execute("insert into experiment (name, first_at) values (:name, 0)", {"name": name})


def test_the_header_tells_what_a_file_is(location: StoreLocation, store: StoreLocation, tmp_path: Path) -> None:
    assert schema_state(store) == "current"
    elsewhere = open_location(tmp_path / "other")
    assert schema_state(elsewhere) == "missing"
    elsewhere.folder.mkdir()
    elsewhere.database.write_bytes(b"")
    assert schema_state(elsewhere) == "missing"
    for rubbish in (b"short", b"x" * 200, b"SQLite format 3\x00" + bytes(200)):
        elsewhere.database.write_bytes(rubbish)
        assert schema_state(elsewhere) == "corrupt"
    sqlite3.connect(tmp_path / "foreign.db").executescript("create table t (a); pragma user_version = 1").connection.close()
    elsewhere.database.write_bytes((tmp_path / "foreign.db").read_bytes())
    assert schema_state(elsewhere) == "corrupt"
    set_version(store, connection.SCHEMA_VERSION + 1)
    assert schema_state(store) == "newer"
    set_version(store, connection.SCHEMA_VERSION - 1)
    assert schema_state(store) == "old"


def test_what_cannot_be_opened_says_why_with_two_lines(location: StoreLocation) -> None:
    with pytest.raises(StoreMissing) as missing, open_reader(location):
        pass
    assert missing.value.hint
    location.folder.mkdir()
    location.database.write_bytes(b"this is no database at all" * 10)
    for opener in (open_reader, open_writer):
        with pytest.raises(StoreCorrupt) as corrupt, opener(location):
            pass
        assert corrupt.value.path == location.folder


def test_a_damaged_page_is_said_to_be_damage(store: StoreLocation) -> None:
    with open_writer(store) as db:
        for number in range(2000):
            add_experiment(db, f"experiment {number}")
    data = bytearray(store.database.read_bytes())
    data[8192:] = b"\xff" * (len(data) - 8192)
    store.database.write_bytes(data)
    with pytest.raises(StoreCorrupt), open_reader(store) as db:
        db.execute("select * from experiment, run, metric").fetchall()
        db.execute("pragma integrity_check").fetchall()


def test_a_write_is_committed_at_the_end_and_rolled_back_on_any_exception(store: StoreLocation) -> None:
    with open_writer(store) as db:
        add_experiment(db, "kept")
    for error in (ValueError, KeyboardInterrupt, SystemExit):
        with pytest.raises(error), open_writer(store) as db:
            add_experiment(db, "lost")
            raise error
    assert count_experiments(store) == 1
    with open_writer(store, timeout=0.1):
        pass  # nobody holds the lock


def test_every_pragma_is_set(store: StoreLocation) -> None:
    with open_writer(store) as db:
        ask = {name: db.execute(f"pragma {name}").fetchone()[0] for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")}
    assert (ask["journal_mode"], ask["synchronous"], ask["foreign_keys"]) == ("wal", 1, 1)
    assert ask["busy_timeout"] > 0
    with open_writer(store, full_sync=True) as db:
        assert db.execute("pragma synchronous").fetchone() == (2,)


def test_a_reader_sees_one_moment_and_cannot_write(store: StoreLocation) -> None:
    with open_reader(store) as db:
        assert db.execute("select count(*) from experiment").fetchone() == (0,)
        with open_writer(store) as writing:
            add_experiment(writing, "later")
        assert db.execute("select count(*) from experiment").fetchone() == (0,)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            db.execute("delete from experiment")
    assert count_experiments(store) == 1


def test_a_held_store_is_busy_after_the_time_allowed(store: StoreLocation) -> None:
    lock = FileLock(store.lock)
    assert lock.acquire(1)
    with pytest.raises(StoreBusy), open_writer(store, timeout=0.05):
        pass
    lock.release()


def test_a_program_that_ignores_the_lock_is_waited_for_and_named(store: StoreLocation) -> None:
    stranger = sqlite3.connect(store.database, isolation_level=None)
    stranger.execute("begin immediate")
    with pytest.raises(StoreBusy), open_writer(store, timeout=0.1):
        pass
    stranger.close()


def test_a_newer_store_can_be_read_and_not_written(store: StoreLocation) -> None:
    with open_writer(store) as db:
        add_experiment(db, "one")
    set_version(store, connection.SCHEMA_VERSION + 5)
    assert count_experiments(store) == 1
    with pytest.raises(StoreNewer), open_writer(store):
        pass


def test_an_older_store_is_not_written_before_it_is_migrated(store: StoreLocation) -> None:
    set_version(store, connection.SCHEMA_VERSION - 1)
    with pytest.raises(StoreError, match="older"), open_writer(store):
        pass


@pytest.mark.parametrize("left", ["nothing", "wal"])
def test_a_store_in_a_read_only_folder_can_be_read(
    store: StoreLocation, read_only: Callable[[Path], Callable[[], None]], left: str
) -> None:
    kept = WriterConnection(store)
    with kept.transaction() as db:
        add_experiment(db, "one")
    if left == "nothing":
        kept.close()
    restore = read_only(store.folder)
    assert count_experiments(store) == 1
    with pytest.raises(StoreReadOnly), open_writer(store, timeout=0.1):
        pass
    restore()
    kept.close()


def test_an_old_sqlite_is_refused_with_what_to_do(store: StoreLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.sqlite3, "sqlite_version_info", (3, 36, 0))
    for opener in (open_reader, open_writer):
        with pytest.raises(SQLiteTooOld, match=r"3\.37"), opener(store):
            pass


def test_strange_folder_names_are_no_trouble(tmp_path: Path) -> None:
    from nbtrack.store.migrations import migrate

    location = open_location(tmp_path / "a b?c#d%20é'\"" / ".nbtrack")
    location.folder.parent.mkdir()
    migrate(location)
    with open_writer(location) as db:
        add_experiment(db, "one")
    assert count_experiments(location) == 1


def test_files_are_closed_to_others(store: StoreLocation) -> None:
    with open_writer(store) as db:
        add_experiment(db, "one")
    assert (store.folder.stat().st_mode & 0o777, store.database.stat().st_mode & 0o777) == (0o700, 0o600)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_that_abandons_the_connection_costs_the_parent_nothing(store: StoreLocation) -> None:
    kept = WriterConnection(store)
    with kept.transaction() as db:
        add_experiment(db, "parent before")
        child = os.fork()
        if child == 0:
            kept.abandon()
            status = 1
            try:
                with open_reader(store) as reading:
                    status = reading.execute("select count(*) from experiment").fetchone()[0]
            finally:
                os._exit(status)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        add_experiment(db, "parent after")
    with kept.transaction() as db:
        add_experiment(db, "parent later")
    kept.close()
    assert count_experiments(store) == 3


def test_nothing_on_the_way_of_a_record_imports_pandas_numpy_or_sqlite_utils(store: StoreLocation) -> None:
    code = """
import sys
sys.path.insert(0, sys.argv[2])
from nbtrack.config import open_location
from nbtrack.store import backup, check, connection, executions, garbage, ingest, metrics, migrations, runs, sessions, sql, totals
location = open_location(sys.argv[1])
ingest.ingest(location)
with connection.open_reader(location) as db:
    runs.list_runs(db)
heavy = {"pandas", "numpy", "sqlite_utils", "IPython", "plotly"} & set(sys.modules)
assert not heavy, heavy
"""
    root = Path(connection.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(store.folder), str(root)], check=True)


def test_a_store_replaced_under_a_kept_connection_is_noticed(store: StoreLocation, tmp_path: Path) -> None:
    kept = WriterConnection(store)
    with kept.transaction() as db:
        add_experiment(db, "old")
    copy = tmp_path / "copy.db"
    target = sqlite3.connect(copy)
    with open_reader(store) as db:
        db.backup(target)
    target.close()
    for path in store.folder.glob("store.db*"):
        path.unlink()
    copy.rename(store.database)
    with kept.transaction() as db:
        add_experiment(db, "new")
    kept.close()
    assert count_experiments(store) == 2


def test_a_mistake_in_sql_stays_a_mistake_in_sql(store: StoreLocation) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"), open_reader(store) as db:
        db.execute("select * from nowhere")
    with pytest.raises(sqlite3.IntegrityError), open_writer(store) as db:
        add_experiment(db, "twice")
        add_experiment(db, "twice")
