"""A guarded connection keeps its WAL, whatever this process or another one does to the files."""

from __future__ import annotations

import shutil
import sqlite3
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from nbtrack.config import StoreLocation
from nbtrack.store.connection import WriterConnection, open_reader
from nbtrack.store.guard import WalGuard

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="locks of open file descriptions are Linux's")

LAST_TO_CLOSE = """
    import sqlite3, sys
    db = sqlite3.connect(sys.argv[1], isolation_level=None)
    db.execute("select count(*) from note").fetchone()
    db.close()
    """


def add_note(db: sqlite3.Connection, text: str) -> None:
    db.execute("insert into note (entity, entity_id, text, at) values ('run', 'x', :text, 0)", {"text": text})


def wal(location: StoreLocation) -> Path:
    return Path(f"{location.database}-wal")


def test_the_close_of_another_process_takes_no_wal_away_even_when_our_own_locks_are_gone(
    store: StoreLocation, run_python: Callable[..., str], tmp_path: Path
) -> None:
    kept = WriterConnection(store)
    with kept.transaction() as db:
        add_note(db, "one")
    shutil.copytree(store.folder, tmp_path / "copy")  # opens and closes the files: SQLite's POSIX locks of this process vanish
    run_python(LAST_TO_CLOSE, store.database)
    assert wal(store).exists()
    with kept.transaction() as db:
        add_note(db, "two")
    with open_reader(store) as db:
        assert [text for (text,) in db.execute("select text from note order by id")] == ["one", "two"]
    kept.close()


def test_without_the_guard_it_would(store: StoreLocation, run_python: Callable[..., str]) -> None:
    db = sqlite3.connect(store.database, isolation_level=None)
    add_note(db, "one")
    store.database.read_bytes()
    run_python(LAST_TO_CLOSE, store.database)
    assert not wal(store).exists()
    db.close()


def test_the_last_close_under_the_lock_checkpoints_and_takes_the_wal_away(store: StoreLocation) -> None:
    one, two = WriterConnection(store), WriterConnection(store)
    for number, connection in enumerate((one, two)):
        with connection.transaction() as db:
            add_note(db, str(number))
    one.close()
    assert wal(store).exists()
    two.close()
    assert not wal(store).exists()


def test_a_connection_to_a_replaced_database_leaves_the_files_of_the_new_one_alone(store: StoreLocation, tmp_path: Path) -> None:
    kept = WriterConnection(store)
    with kept.transaction() as db:
        add_note(db, "old")
    new = tmp_path / "new.db"
    with open_reader(store) as reading:
        other = sqlite3.connect(new)
        reading.backup(other)
        other.execute("pragma journal_mode = wal")
        other.close()
    for suffix in ("", "-wal", "-shm"):
        Path(f"{store.database}{suffix}").unlink()
    new.rename(store.database)
    writer = sqlite3.connect(store.database, isolation_level=None)
    add_note(writer, "in the new WAL")
    with kept.transaction() as db:
        add_note(db, "after")
    assert [text for (text,) in writer.execute("select text from note order by id")] == ["old", "in the new WAL", "after"]
    kept.close()
    writer.close()


def test_where_there_are_no_such_locks_no_connection_outlives_its_transaction(
    store: StoreLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbtrack.store.guard._lock", lambda fd, start, length: False)
    kept = WriterConnection(store)
    with kept.transaction() as db:
        add_note(db, "one")
    assert not wal(store).exists()
    with kept.transaction() as db:
        add_note(db, "two")
    kept.close()
    with open_reader(store) as db:
        assert db.execute("select count(*) from note").fetchone() == (2,)


def test_a_guard_of_a_missing_file_holds_nothing(tmp_path: Path) -> None:
    guard = WalGuard(tmp_path / "store.db")
    guard.hold()
    assert not guard.complete
    guard.release()
