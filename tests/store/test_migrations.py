"""Every released store opens and keeps its rows; any number of processes may migrate at once; nothing half-done is ever recorded."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.config import StoreLocation, open_location
from nbtrack.errors import StoreCorrupt, StoreNewer
from nbtrack.store import connection, metrics, migrations, runs
from nbtrack.store.check import check_store
from nbtrack.store.connection import APPLICATION_ID, SCHEMA_VERSION, open_reader, schema_state
from nbtrack.store.ingest import ingest
from nbtrack.store.migrations import ensure_schema, migrate

OLD_STORES = Path(__file__).resolve().parents[1] / "data" / "old_stores"
StartPython = Callable[..., subprocess.Popen[bytes]]

_MIGRATE = """
    import sys
    from nbtrack.config import open_location
    from nbtrack.store import migrations
    sys.stdin.readline()
    migrations.migrate(open_location(sys.argv[1]))
"""


def ask(location: StoreLocation, query: str) -> list[Any]:
    with open_reader(location) as db:
        return db.execute(query).fetchall()


def unpack(archive: Path, location: StoreLocation) -> None:
    """Put the store of a release where it is expected."""
    location.folder.mkdir(parents=True, mode=0o700)
    with zipfile.ZipFile(archive) as released:
        location.database.write_bytes(released.read("store.db"))


def test_a_new_store_has_strict_tables_a_ledger_and_a_header(location: StoreLocation) -> None:
    migrate(location)
    assert schema_state(location) == "current"
    assert ask(location, "pragma application_id") == [(APPLICATION_ID,)]
    assert ask(location, "pragma user_version") == [(SCHEMA_VERSION,)]
    assert ask(location, "pragma journal_mode") == [("wal",)]
    loose = "select name from pragma_table_list where type = 'table' and not strict and schema = 'main' and name not like 'sqlite_%'"
    assert [name for (name,) in ask(location, loose)] == ["_sqlite_migrations"]
    names = [name for (name,) in ask(location, "select name from _sqlite_migrations where migration_set = 'nbtrack' order by id")]
    assert names == [step.__name__ for step in migrations.STEPS]
    assert (location.folder / ".gitignore").read_text() == "*\n"


def test_there_is_one_version_for_each_step() -> None:
    assert len(migrations.STEPS) == SCHEMA_VERSION


def test_migrating_again_changes_nothing(store: StoreLocation) -> None:
    before = store.database.read_bytes()
    migrate(store)
    ensure_schema(store, in_child=True)
    assert store.database.read_bytes() == before
    assert not list(store.folder.glob("backup-*"))


def test_a_child_makes_the_schema_and_this_process_imports_nothing(location: StoreLocation) -> None:
    code = (
        "import sys; sys.path.insert(0, sys.argv[2])\n"
        "from nbtrack.config import open_location\nfrom nbtrack.store.migrations import ensure_schema\n"
        "ensure_schema(open_location(sys.argv[1]), in_child=True)\n"
        "assert not {'sqlite_utils', 'pandas', 'numpy'} & set(sys.modules)\n"
    )
    root = Path(migrations.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(location.folder), str(root)], check=True)
    assert schema_state(location) == "current"


@pytest.mark.parametrize("program", ["/does/not/exist", "/bin/false"])
def test_without_a_child_the_schema_is_made_here(location: StoreLocation, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.setattr(sys, "executable", program)
    ensure_schema(location, in_child=True)
    assert schema_state(location) == "current"


def test_the_module_is_a_program(location: StoreLocation) -> None:
    root = Path(migrations.__file__).parents[2]
    command = [sys.executable, "-m", "nbtrack.store.migrations", str(location.folder)]
    assert subprocess.run(command, check=False, cwd=root).returncode == 0
    location.database.write_bytes(b"rubbish" * 100)
    failed = subprocess.run(command, check=False, cwd=root, capture_output=True, text=True)
    assert failed.returncode == 1
    assert len(failed.stderr.strip().splitlines()) == 2


def test_newer_and_foreign_files_are_left_alone(store: StoreLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    before = store.database.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(connection, "SCHEMA_VERSION", 0)
        patch.setattr(migrations, "SCHEMA_VERSION", 0)
        for act in (migrate, lambda location: ensure_schema(location, in_child=False)):
            with pytest.raises(StoreNewer):
                act(store)
    assert store.database.read_bytes() == before
    store.database.write_bytes(b"SQLite format 3\x00 of somebody else" * 10)
    with pytest.raises(StoreCorrupt):
        ensure_schema(store, in_child=False)


def with_second_step(monkeypatch: pytest.MonkeyPatch, step: Callable[[Any], None]) -> None:
    monkeypatch.setattr(migrations, "STEPS", (*migrations.STEPS, step))
    for module in (connection, migrations):
        monkeypatch.setattr(module, "SCHEMA_VERSION", SCHEMA_VERSION + 1)


def test_an_existing_store_is_copied_before_it_is_migrated(
    store: StoreLocation, script: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    script().run(name="kept")
    ingest(store)

    def add_colour(db: Any) -> None:
        db.execute("alter table run add column colour text")

    with_second_step(monkeypatch, add_colour)
    assert schema_state(store) == "old"
    migrate(store)
    assert schema_state(store) == "current"
    assert ask(store, "select name, colour from run") == [("kept", None)]
    copy = sqlite3.connect(store.folder / f"backup-{SCHEMA_VERSION}.db")
    assert copy.execute("select name from run").fetchall() == [("kept",)]
    assert copy.execute("pragma user_version").fetchone() == (SCHEMA_VERSION,)
    copy.close()


def test_a_step_that_fails_leaves_the_store_as_it_was(store: StoreLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(db: Any) -> None:
        db.execute("alter table run add column colour text")
        raise RuntimeError("power cut")

    with monkeypatch.context() as patch:
        with_second_step(patch, break_down)
        with pytest.raises(RuntimeError):
            migrate(store)
        assert schema_state(store) == "old"
        assert ask(store, "select count(*) from pragma_table_info('run') where name = 'colour'") == [(0,)]
        assert ask(store, "select count(*) from _sqlite_migrations") == [(SCHEMA_VERSION,)]
    assert schema_state(store) == "current"


@pytest.mark.parametrize("archive", sorted(OLD_STORES.glob("*.zip")), ids=lambda path: path.stem)
def test_every_released_store_opens_and_keeps_all_rows(archive: Path, location: StoreLocation) -> None:
    unpack(archive, location)
    ensure_schema(location, in_child=False)
    assert schema_state(location) == "current"
    with open_reader(location) as db:
        found = {run.name: run for run in runs.list_runs(db)}
        assert set(found) == {"baseline", "churn-2", "broken"}
        assert found["churn-2"].change == "lr 0.1 → 0.01"
        assert found["churn-2"].metrics["steps"] == 2**53 + 1
        assert str(found["churn-2"].metrics["zero"]) == "-0.0"
        assert found["broken"].state == "killed"
        series = metrics.read_series(db, found["baseline"].id, "loss")
        assert (len(series.steps), series.values[:2], series.values[-1]) == (5000, [1.0, 0.5], 1 / 5000)
        run = runs.get_run(db, found["baseline"].id)
        assert run.executions[0].source == "model.fit(X, y)"
        assert run.executions[0].outputs[0].text == "done\n"
        assert run.notes[0].text == "first try"
    assert check_store(location).findings == ()


def test_there_is_a_store_of_every_older_schema(tmp_path: Path) -> None:
    versions = set()
    for number, archive in enumerate(sorted(OLD_STORES.glob("*.zip"))):
        location = open_location(tmp_path / str(number))
        unpack(archive, location)
        versions.add(int.from_bytes(location.database.read_bytes()[60:64], "big"))
    assert versions >= set(range(1, SCHEMA_VERSION))


def test_eight_processes_migrate_at_once_without_an_error(tmp_path: Path, start_python: StartPython, long_run: bool) -> None:
    released = sorted(OLD_STORES.glob("*.zip"))
    for number in range(20 if long_run else 3):
        location = open_location(tmp_path / str(number) / ".nbtrack")
        location.folder.parent.mkdir()
        if number % 2:
            unpack(released[0], location)
        processes = [start_python(_MIGRATE, location.folder) for _ in range(8)]
        for process in processes:
            assert process.stdin is not None
            process.stdin.write(b"go\n")
            process.stdin.flush()
        assert [process.wait(120) for process in processes] == [0] * 8
        assert schema_state(location) == "current"
        assert ask(location, "select count(*) from _sqlite_migrations") == [(SCHEMA_VERSION,)]
        if number % 2:
            assert ask(location, "select count(*) from run") == [(3,)]
