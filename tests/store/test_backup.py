"""A backup is a complete store that opens by itself, also while others write."""

from __future__ import annotations

import os
import random
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.config import StoreLocation, open_location
from nbtrack.errors import StoreCorrupt, StoreMissing, UsageError
from nbtrack.store import blobs, metrics, runs
from nbtrack.store.backup import back_up
from nbtrack.store.check import check_store
from nbtrack.store.connection import open_reader
from nbtrack.store.filelock import try_lock
from nbtrack.store.frames import Kind
from nbtrack.store.ingest import ingest

NOISE = random.Random(5).randbytes(300_000)

_WRITER = """
    import random, sys, time
    from nbtrack.config import Settings, open_location
    from nbtrack.store import blobs, frames, ids
    from nbtrack.store.frames import Kind
    from nbtrack.store.ingest import Ingester
    from nbtrack.store.journal import Journal
    location = open_location(sys.argv[1])
    journal, ingester = Journal(location, settings=Settings()), Ingester(location)
    journal.append(Kind.SESSION, {"id": journal.id, "kind": "script", "wall": ids.wall_ms()})
    print("ready", flush=True)
    end, number = time.monotonic() + float(sys.argv[2]), 0
    while time.monotonic() < end:
        run_id = ids.new_id()
        head = {"id": run_id, "name": None, "experiment": "e", "session": journal.id, "origin": "api", "wall": ids.wall_ms()}
        journal.append(Kind.RUN, head)
        line = frames.series(run_id, ("loss", "acc"))
        for step in range(200):
            journal.points(line, step, [random.random(), float(step)])
        if number % 20 == 0:
            body = blobs.write_file(location, random.randbytes(200_000))
            head = {"sha256": body.sha256, "size": body.size_bytes, "stored": body.stored_bytes, "encoding": body.encoding}
            journal.append(Kind.BLOB, head)
            journal.append(Kind.ARTIFACT, {"id": ids.new_id(), "run": run_id, "name": "m", "sha256": body.sha256, "size": body.size_bytes})
        journal.append(Kind.RUN_END, {"run": run_id, "state": "finished"})
        report = ingester.run(only={journal.id})
        assert not report.problem, report.problem
        number += 1
        time.sleep(0.01)
    ingester.close()
    journal.close()
"""


def test_a_backup_is_a_store_with_everything_in_it(store: StoreLocation, script: Callable[..., Any], tmp_path: Path) -> None:
    one = script().session()
    run_id = one.run()
    body = blobs.write_file(store, NOISE)
    one.record(Kind.BLOB, {"sha256": body.sha256, "size": body.size_bytes, "stored": body.stored_bytes, "encoding": body.encoding})
    one.record(Kind.ARTIFACT, {"id": "a", "run": run_id, "name": "m", "sha256": body.sha256, "size": body.size_bytes})
    one.log(run_id, 0, loss=1.0).end(run_id).close()
    report = back_up(store, tmp_path / "copy")
    assert (report.runs, report.bodies, report.waiting_bytes, report.problem) == (1, 1, 0, "")
    copy = open_location(report.folder)
    assert copy.folder == tmp_path / "copy" / ".nbtrack"
    with open_reader(copy) as db:
        assert runs.get_run(db, run_id).metrics == {"loss": 1.0}
        assert blobs.read_body(copy, db, body.sha256) == NOISE
    assert check_store(copy).findings == ()
    assert (copy.folder.stat().st_mode & 0o777, copy.database.stat().st_mode & 0o777) == (0o700, 0o600)
    assert not list(tmp_path.glob("copy/*.part"))


def test_what_runs_meanwhile_stands_in_the_copy_as_killed_and_goes_on_with_its_journal(
    store: StoreLocation, script: Callable[..., Any], tmp_path: Path
) -> None:
    one = script().session()
    run_id = one.run()
    one.log(run_id, 0, loss=1.0)
    holder = os.open(one.path, os.O_RDWR)
    assert try_lock(holder)
    copy = open_location(back_up(store, tmp_path / "copy").folder)
    with open_reader(copy) as db:
        assert runs.get_run(db, run_id).state == "killed"
    with open_reader(store) as db:
        assert runs.get_run(db, run_id).state == "running"
    one.log(run_id, 1, loss=2.0)
    copy.journal.mkdir()
    (copy.journal / one.path.name).write_bytes(one.path.read_bytes())  # somebody restores the backup beside its journals
    second = os.open(copy.journal / one.path.name, os.O_RDWR)
    assert try_lock(second)
    assert ingest(copy).points == 1
    with open_reader(copy) as db:
        assert (runs.get_run(db, run_id).state, metrics.read_series(db, run_id, "loss").values) == ("running", [1.0, 2.0])
    os.close(second)
    os.close(holder)


def test_a_target_that_holds_something_is_refused(store: StoreLocation, tmp_path: Path) -> None:
    (tmp_path / "copy" / ".nbtrack").mkdir(parents=True)
    (tmp_path / "copy" / ".nbtrack" / "precious").write_text("x")
    with pytest.raises(UsageError, match="not empty"):
        back_up(store, tmp_path / "copy")
    with pytest.raises(StoreMissing):
        back_up(open_location(tmp_path / "none"), tmp_path / "other")


def test_a_damaged_store_gives_no_backup_that_looks_whole(store: StoreLocation, script: Callable[..., Any], tmp_path: Path) -> None:
    one = script()
    run_id = one.run()
    body = blobs.write_file(store, NOISE)
    one.record(Kind.BLOB, {"sha256": body.sha256, "size": body.size_bytes, "stored": body.stored_bytes, "encoding": body.encoding})
    one.record(Kind.ARTIFACT, {"id": "a", "run": run_id, "name": "m", "sha256": body.sha256, "size": body.size_bytes}).end(run_id).close()
    ingest(store)
    blobs.body_path(store, body.sha256).unlink()
    with pytest.raises(StoreCorrupt, match="missing body file"):
        back_up(store, tmp_path / "copy")
    assert not (tmp_path / "copy" / ".nbtrack").exists()


def test_under_eight_writers_every_backup_restores_clean(
    store: StoreLocation, tmp_path: Path, long_run: bool, start_python: Callable[..., subprocess.Popen[bytes]]
) -> None:
    rounds = 20 if long_run else 3
    writers = [start_python(_WRITER, store.folder, 60 if long_run else 12) for _ in range(8)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"ready\n"
    counts = []
    for number in range(rounds):
        report = back_up(store, tmp_path / f"copy{number}")
        copy = open_location(report.folder)
        assert check_store(copy).findings == ()
        with open_reader(copy) as db:
            counts.append(runs.count_runs(db))
            incomplete = """
                select count(*) from run
                where state = 'finished' and 2 <> (select count(*) from metric where run_id = run.id and count = 200)
            """
            assert db.execute(incomplete).fetchone() == (0,)
    assert any(writer.poll() is None for writer in writers), "the writers ended before the last backup"
    assert counts == sorted(counts)
    assert counts[-1] > 8
    if not long_run:
        for writer in writers:
            writer.kill()
    assert all(writer.wait(120) in {0, -9} for writer in writers)
    ingest(store)
    assert check_store(store).findings == ()
