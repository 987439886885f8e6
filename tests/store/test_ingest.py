"""Journals become rows once, whoever reads them, whatever is damaged, whenever somebody dies."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.config import Settings, StoreLocation
from nbtrack.store import executions, frames, ids, metrics, runs, sessions
from nbtrack.store.connection import open_reader, open_writer, schema_state
from nbtrack.store.filelock import try_lock
from nbtrack.store.frames import Kind
from nbtrack.store.ingest import Ingester, ingest
from nbtrack.store.journal import Journal
from nbtrack.store.segments import list_journals

ScriptMaker = Callable[..., Any]
Read = Callable[..., Any]


def ask(location: StoreLocation, query: str, **values: Any) -> list[Any]:
    with open_reader(location) as db:
        return db.execute(query, values).fetchall()


def test_a_finished_journal_is_in_and_gone(location: StoreLocation, script: ScriptMaker) -> None:
    one = script().session()
    run_id = one.run(session="s1")
    one.params(run_id, lr=0.1).log(run_id, 0, loss=1.0).log(run_id, 1, loss=0.5).end(run_id)
    one.close()
    report = ingest(location)
    assert (report.points, report.finished, report.waiting, report.problem) == (2, 1, 0, "")
    assert list_journals(location) == []
    assert ask(location, "select count(*) from source") == [(0,)]
    with open_reader(location) as db:
        run = runs.get_run(db, run_id)
        assert (run.name, run.number, run.state, run.params, run.metrics) == ("churn-1", 1, "finished", {"lr": 0.1}, {"loss": 0.5})
        assert run.duration_s == 0.004
        session = sessions.get_session(db, "s1")
        assert (session.ended_how, session.user, session.notebook) == ("closed", "ann", "/work/churn.ipynb")


def test_ingesting_again_changes_nothing(location: StoreLocation, script: ScriptMaker) -> None:
    one = script().session()
    run_id = one.run()
    one.log(run_id, 0, loss=1.0)
    holder = os.open(one.path, os.O_RDWR)
    assert try_lock(holder)  # its process lives
    assert ingest(location).points == 1
    assert ingest(location).frames == 0
    one.log(run_id, 1, loss=2.0)
    assert ingest(location).points == 1
    os.close(holder)
    assert ingest(location).finished == 1
    assert ask(location, "select count, state from metric join run on run.id = run_id") == [(2, "killed")]


def test_a_live_journal_stays_and_its_half_written_frame_waits(location: StoreLocation, script: ScriptMaker) -> None:
    one = script()
    run_id = one.run()
    whole = frames.pack_points(frames.series(run_id, ("loss",)), 5, 0, [1.0])
    one.raw(whole[:-7])
    holder = os.open(one.path, os.O_RDWR)
    assert try_lock(holder)
    report = ingest(location)
    assert (report.points, report.damaged) == (0, 0)
    one.raw(whole[-7:])
    assert ingest(location).points == 1
    os.close(holder)
    ingest(location)


def test_a_process_that_died_leaves_killed_runs_and_executions(location: StoreLocation, script: ScriptMaker, read: Read) -> None:
    one = script().session()
    one.record(Kind.EXECUTION, {"id": "e1", "session": "s1", "seq": 1, "hash": "h"}, b"fit()")
    run_id = one.run()
    one.log(run_id, 0, loss=1.0).log(run_id, 1, loss=1.0)
    run = read(runs.get_run, run_id)
    assert (run.state, run.duration_s, run.ended_at) == ("killed", 0.002, one.WALL + one.t // 1000)
    assert read(executions.list_executions)[0].status == "killed"
    assert read(sessions.get_session, "s1").ended_how == "killed"


def test_a_process_that_ended_in_order_leaves_finished_runs_marked_not_stopped(script: ScriptMaker, read: Read) -> None:
    one = script().session()
    one.record(Kind.EXECUTION, {"id": "e1", "session": "s1", "seq": 1, "hash": "h"}, b"fit()")
    run_id = one.run()
    one.close()
    run = read(runs.get_run, run_id)
    assert (run.state, run.stopped) == ("finished", False)
    assert read(executions.list_executions)[0].status == "unknown"


def test_a_worker_may_speak_of_a_run_before_its_run_frame_is_in_and_its_death_ends_nothing(
    location: StoreLocation, script: ScriptMaker, read: Read
) -> None:
    owner, worker = script(journal_id="b" * 32), script(journal_id="a" * 32)
    run_id = owner.run()
    worker.params(run_id, lr=1).log(run_id, 0, loss=3.0)
    holder = os.open(owner.path, os.O_RDWR)
    assert try_lock(holder)
    assert ingest(location, only={"a" * 32}).points == 1
    assert ask(location, "select hidden, state from run") == [(1, "draft")]
    run = read(runs.get_run, run_id)
    assert (run.state, run.params, run.metrics, run.number) == ("running", {"lr": 1}, {"loss": 3.0}, 1)
    os.close(holder)


def test_generations_go_in_order_over_both_folders_and_only_the_last_one_can_kill(
    location: StoreLocation, script: ScriptMaker, read: Read
) -> None:
    first = script()
    run_id = first.run()
    first.log(run_id, 0, loss=1.0)  # no ROTATE: the store folder could not be written any more
    second = script(journal_id=first.id, generation=1, folder=location.fallback_journal)
    second.log(run_id, 1, loss=2.0).end(run_id, "failed", error={"type": "ValueError", "message": "no"})
    second.close()
    run = read(runs.get_run, run_id)
    assert (run.state, run.error_type, run.metrics) == ("failed", "ValueError", {"loss": 2.0})
    assert list_journals(location) == []


def test_a_rotated_generation_alone_does_not_end_its_runs(location: StoreLocation, script: ScriptMaker) -> None:
    first = script()
    run_id = first.run()
    first.record(Kind.ROTATE, {})
    second = script(journal_id=first.id, generation=1).log(run_id, 0, loss=1.0)
    holder = os.open(second.path, os.O_RDWR)
    assert try_lock(holder)
    assert ingest(location).finished == 1
    assert ask(location, "select state from run") == [("running",)]
    os.close(holder)
    assert ingest(location).finished == 1
    assert ask(location, "select state from run") == [("killed",)]


def test_a_session_that_goes_on_after_its_end_is_alive_again(script: ScriptMaker, read: Read) -> None:
    first = script().session().close()
    assert read(sessions.get_session, "s1").ended_how == "closed"
    second = script(journal_id=first.id, generation=1).session()
    holder = os.open(second.path, os.O_RDWR)
    assert try_lock(holder)
    assert read(sessions.get_session, "s1").ended_at is None
    os.close(holder)


def test_damage_costs_the_damaged_frames_only(location: StoreLocation, script: ScriptMaker, read: Read) -> None:
    one = script()
    run_id = one.run()
    one.log(run_id, 0, loss=1.0).raw(b"\x9bN\x02\x01 rubbish \x00\x01").log(run_id, 1, loss=2.0)
    one.raw(frames.pack_record(Kind.NOTE, {"run": run_id, "text": "cut short"})[:-3])
    report = ingest(location)
    assert (report.points, report.damaged, report.finished) == (2, 2, 1)


def test_a_poisoned_frame_is_counted_and_everything_around_it_is_in(location: StoreLocation, script: ScriptMaker, read: Read) -> None:
    one = script()
    run_id = one.run()
    one.params(run_id, before=1)
    one.record(Kind.PARAMS, {"run": run_id})  # no values
    one.record(Kind.PARAMS, {"run": 7, "values": {"x": 1}})
    one.record(Kind.RUN_END, {"run": run_id, "state": "exploded"})
    one.record(Kind.EXECUTION, {"id": "e1", "session": "s", "seq": 10**30, "hash": ""}, b"x")
    one.record(Kind.VALUES, {"run": run_id, "step": 0, "values": {"big": {"exact": "no number"}}})
    one.record(99, {"run": run_id})
    one.raw(frames.pack(Kind.NOTE, b"\x02\x00\x00\x00{]"))
    one.record(Kind.TAGS, {"run": run_id, "values": {"odd \ud800 key": "odd \udfff value"}})
    one.log(run_id, 0, loss=1.0)
    one.params(run_id, after=2)
    report = ingest(location)
    assert (report.undecodable, report.problem, report.finished) == (7, "", 1)
    run = read(runs.get_run, run_id)
    assert (run.params, run.metrics, len(run.tags)) == ({"before": 1, "after": 2}, {"loss": 1.0}, 1)


def test_a_frame_longer_than_a_batch_goes_in(location: StoreLocation, script: ScriptMaker) -> None:
    one = script().session()
    note = "x" * 3_000_000
    run_id = one.run()
    one.record(Kind.NOTE, {"run": run_id, "text": note}).log(run_id, 0, loss=1.0)
    report = ingest(location, only={one.id})
    assert (report.points, report.waiting) == (1, 0)
    assert ask(location, "select length(text) from note") == [(3_000_000,)]


def test_a_budget_is_kept_and_the_rest_is_said_to_wait(location: StoreLocation, script: ScriptMaker) -> None:
    one = script()
    run_id = one.run()
    for step in range(5000):
        one.raw(frames.pack_points(frames.series(run_id, ("loss",)), one.t, step, [1.0]))
    size = one.path.stat().st_size
    report = ingest(location, only={one.id}, budget_bytes=100_000)
    assert 0 < report.waiting <= size - 100_000
    assert report.finished == 0
    while report.waiting:
        report = ingest(location, only={one.id}, budget_bytes=100_000)
    assert report.finished == 1
    assert ask(location, "select count from metric") == [(5000,)]


def test_only_names_the_journals_to_take(location: StoreLocation, script: ScriptMaker) -> None:
    one, other = script().session("s1"), script().session("s2")
    assert ingest(location, only={other.id}).finished == 1
    assert ask(location, "select id from session") == [("s2",)]
    assert [file.journal for file in list_journals(location)] == [one.id]


def test_values_no_double_holds_are_exact_and_texts_are_kept(script: ScriptMaker, read: Read) -> None:
    one = script()
    run_id = one.run()
    values = {"big": {"exact": str(2**53 + 1)}, "low": {"exact": str(-(10**30))}, "word": {"text": "high"}}
    one.record(Kind.VALUES, {"run": run_id, "step": 3, "values": values})
    one.log(run_id, 0, zero=-0.0, tiny=1e-308).log(run_id, 1, nan=float("nan"), inf=float("inf"))
    run = read(runs.get_run, run_id)
    assert run.metrics["big"] == 2**53 + 1
    assert run.metrics["low"] == -(10**30)
    assert run.metrics["word"] == "high"
    assert str(run.metrics["zero"]) == "-0.0"
    assert (run.metrics["tiny"], run.metrics["inf"], str(run.metrics["nan"])) == (1e-308, float("inf"), "nan")
    assert read(metrics.read_series, run_id, "big").values == [2**53 + 1]
    assert str(read(metrics.read_series, run_id, "zero").values[0]) == "-0.0"
    assert read(metrics.read_series, run_id, "word").values == []


def test_a_text_is_shown_until_a_number_of_a_later_step_comes(script: ScriptMaker, read: Read) -> None:
    one = script()
    run_id = one.run()
    one.log(run_id, 1, m=1.0).record(Kind.VALUES, {"run": run_id, "step": 2, "values": {"m": {"text": "oops"}}})
    holder = os.open(one.path, os.O_RDWR)
    assert try_lock(holder)
    assert read(runs.get_run, run_id).metrics == {"m": "oops"}
    one.log(run_id, 3, m=3.0)
    assert read(runs.get_run, run_id).metrics == {"m": 3.0}
    os.close(holder)


def test_moments_follow_the_wall_clock_and_durations_the_boot_clock(script: ScriptMaker, read: Read) -> None:
    one = script()
    run_id = one.run()
    one.log(run_id, 0, loss=1.0)
    one.record(Kind.SESSION, {"id": "s1", "wall": 1_600_000_000_000})  # the clock was set back by years
    one.log(run_id, 1, loss=1.0).end(run_id)
    ats = read(metrics.read_series, run_id, "loss").ats
    assert ats == [one.WALL + 1003, 1_600_000_000_001]
    run = read(runs.get_run, run_id)
    assert (run.duration_s, run.ended_at) == (0.004, run.started_at)


def test_a_batch_in_the_middle_of_a_file_knows_the_time(location: StoreLocation, script: ScriptMaker, read: Read) -> None:
    one = script()
    run_id = one.run()
    holder = os.open(one.path, os.O_RDWR)
    assert try_lock(holder)
    ingest(location)
    one.log(run_id, 0, loss=1.0)
    assert read(metrics.read_series, run_id, "loss").ats == [one.WALL + one.t // 1000]
    os.close(holder)


def test_a_draft_is_numbered_when_it_is_shown_and_may_go_into_another_run(script: ScriptMaker, read: Read) -> None:
    one = script()
    draft, other, kept = one.run(draft=True), one.run(draft=True), one.run(name="kept")
    assert read(runs.list_runs, hidden=True)
    two = script(journal_id=one.id, generation=1)
    two.params(draft, lr=1).log(draft, 0, loss=1.0).log(draft, 1, loss=2.0).record(Kind.TAGS, {"run": draft, "values": {"t": "x"}})
    two.record(Kind.RUN_UPDATE, {"run": other, "shown": True})
    two.log(kept, 1, loss=9.0)
    two.record(Kind.RUN_UPDATE, {"run": draft, "into": kept})
    two.log(draft, 7, loss=7.0)  # it is still named so by somebody
    two.close()
    found = {run.name: run for run in read(runs.list_runs)}
    assert sorted(found) == ["churn-2", "kept"]
    assert (found["kept"].number, found["kept"].params, found["kept"].tags) == (1, {"lr": 1}, {"t": "x"})
    series = read(metrics.read_series, kept, "loss")
    assert series.steps == [0, 1, 7]
    assert read(runs.get_run, draft).id == kept


def test_a_silent_process_on_a_network_is_shown_as_killed_and_lives_when_it_speaks(
    location: StoreLocation, script: ScriptMaker, read: Read
) -> None:
    one = script().session()
    run_id = one.run()
    long_ago = one.path.stat().st_mtime - 3600
    ingest(location, network=True)
    os.utime(one.path, (long_ago, long_ago))
    assert ingest(location, network=True).finished == 0
    assert ask(location, "select state from run") == [("killed",)]
    assert one.path.exists()
    one.log(run_id, 0, loss=1.0)
    assert ingest(location, network=True).points == 1
    assert ask(location, "select state, ended_at from run") == [("running", None)]
    assert ask(location, "select ended_at, ended_how from session") == [(None, None)]


def test_cells_with_equal_sources_and_outputs_share_their_bodies(script: ScriptMaker, read: Read) -> None:
    one = script().session()
    for number in range(3):
        one.record(Kind.EXECUTION, {"id": f"e{number}", "session": "s1", "seq": number, "count": number, "hash": "h"}, b"print('hi')")
        output = {"kind": "stdout", "mime": "text/plain", "size": 3, "body": 0}
        one.record(Kind.EXECUTION_END, {"id": f"e{number}", "status": "ok", "duration_us": 1500, "outputs": [output]}, b"hi\n")
    assert read(lambda db: db.execute("select count(*) from blob").fetchone()) == (2,)
    found = read(executions.list_executions, session_id="s1")
    assert [(cell.source, cell.outputs[0].text, cell.duration_ms) for cell in found] == [("print('hi')", "hi\n", 1.5)] * 3


def test_four_openers_of_one_dead_journal_bring_it_in_once(
    store: StoreLocation, script: ScriptMaker, start_python: Callable[..., subprocess.Popen[bytes]]
) -> None:
    one = script()
    run_id = one.run()
    for step in range(3000):
        one.raw(frames.pack_points(frames.series(run_id, ("loss",)), one.t, step, [1.0]))
        if step % 100 == 0:
            one.record(Kind.NOTE, {"run": run_id, "text": str(step)})
    code = """
        import sys
        from nbtrack.config import open_location
        from nbtrack.store import ingest
        ingest.BATCH_BYTES = 5000
        report = ingest.ingest(open_location(sys.argv[1]))
        assert not report.problem, report
    """
    openers = [start_python(code, store.folder) for _ in range(4)]
    assert [process.wait(60) for process in openers] == [0] * 4
    assert ask(store, "select (select count(*) from note), (select count from metric), (select repeated from metric)") == [(30, 3000, 0)]
    assert list_journals(store) == []


@pytest.mark.parametrize("place", ["before_commit", "after_commit", "after_unlink"])
def test_death_around_the_commit_neither_loses_nor_doubles(
    store: StoreLocation, script: ScriptMaker, place: str, start_python: Callable[..., subprocess.Popen[bytes]], read: Read
) -> None:
    one = script().session()
    run_id = one.run()
    for number in range(50):
        one.record(Kind.NOTE, {"run": run_id, "text": str(number)})
    one.end(run_id)
    one.close()
    code = """
        import os, sys
        from pathlib import Path
        from nbtrack.config import open_location
        from nbtrack.store import connection, ingest
        place = sys.argv[2]
        commits = []
        real = connection._commit
        def commit(db):
            commits.append(1)
            if place == "before_commit" and len(commits) == 3: os._exit(9)
            real(db)
            if place == "after_commit" and len(commits) == 3: os._exit(9)
        connection._commit = commit
        ingest.BATCH_BYTES = 2000
        if place == "after_unlink":
            ingest.sync_folder = lambda folder: os._exit(9)
        ingest.ingest(open_location(sys.argv[1]))
    """
    process = start_python(code, store.folder, place)
    assert process.wait(60) == 9
    assert read(lambda db: db.execute("select count(*), count(distinct text) from note").fetchone()) == (50, 50)
    assert ask(store, "select count(*) from source") == [(0,)]
    assert list_journals(store) == []


def test_an_ingester_goes_on_when_the_store_is_deleted_under_it(location: StoreLocation, script: ScriptMaker) -> None:
    one = script().session()
    ingester = Ingester(location)
    ingester.run()
    for path in location.folder.glob("store.db*"):
        path.unlink()
    script().session("s2")
    report = ingester.run()
    assert report.problem == ""
    ingester.close()
    assert ask(location, "select id from session") == [("s2",)]
    assert one.path.exists() is False


def test_a_newer_store_is_left_alone_and_the_journal_waits(store: StoreLocation, script: ScriptMaker) -> None:
    db = sqlite3.connect(store.database)
    db.execute("pragma user_version = 99")
    db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    assert schema_state(store) == "newer"
    one = script().session()
    report = ingest(store)
    assert "newer" in report.problem
    assert report.waiting == one.path.stat().st_size
    assert one.path.exists()


def test_a_real_journal_goes_in_while_its_process_lives(location: StoreLocation, read: Read) -> None:
    journal = Journal(location, settings=Settings())
    run_id = ids.new_id()
    journal.append(Kind.RUN, {"id": run_id, "name": "live", "experiment": "e", "origin": "api", "wall": ids.wall_ms()})
    line = frames.series(run_id, ("loss", "acc"))
    for step in range(100):
        journal.points(line, step, [float(step), 0.5])
    series = read(metrics.read_series, run_id, "loss")
    assert series.values == [float(step) for step in range(100)]
    assert read(runs.get_run, run_id).state == "running"
    journal.close()
    assert read(runs.get_run, run_id).state == "finished"


def test_the_offset_and_the_rows_are_one_transaction(store: StoreLocation, script: ScriptMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    one = script().session()
    holder = os.open(one.path, os.O_RDWR)
    assert try_lock(holder)
    full = sqlite3.OperationalError("database or disk is full")
    full.sqlite_errorcode = sqlite3.SQLITE_FULL

    def fail(*_: object) -> int:
        raise full

    with monkeypatch.context() as patch:
        patch.setattr("nbtrack.store.ingest.apply_batch", fail)
        report = ingest(store)
    assert "full" in report.problem
    assert report.waiting > 0
    assert ask(store, "select count(*) from source") == [(0,)]
    assert ingest(store).problem == ""
    assert ask(store, "select id, (select offset from source) from session") == [("s1", one.path.stat().st_size)]
    os.close(holder)


def test_a_stale_source_row_is_dropped_only_when_its_file_is_gone(store: StoreLocation, script: ScriptMaker) -> None:
    one = script()
    name = Path(one.path).name
    with open_writer(store) as db:
        db.execute(
            "insert into source (name, journal, generation, folder, finished, final) values (:name, :journal, 0, 'journal', 1, 'close')",
            {"name": "f" * 32 + "-000000.nbj", "journal": "f" * 32},
        )
    ingest(store)
    assert ask(store, "select name from source where name = :name", name=name) == []
    assert ask(store, "select count(*) from source") == [(0,)]


def test_environments_rules_notes_and_artifacts_arrive(script: ScriptMaker, read: Read) -> None:
    one = script().session()
    facts = {"python": "3.11.7", "platform": "linux", "packages": {"numpy": "2.0"}, "git": {"commit": "abc"}, "cpus": 2}
    one.record(Kind.ENVIRONMENT, {"id": "env1", "facts": facts})
    run_id = one.run(environment="env1")
    one.record(Kind.RULE, {"key": "depth", "direction": "min"})
    one.record(Kind.NOTE, {"run": run_id, "text": "look", "author": "ann"})
    one.record(Kind.ARTIFACT, {"id": "a1", "run": run_id, "name": "fig.png", "kind": "image", "mime": "image/png", "size": 4}, b"\x89PNG")
    one.record(Kind.RUN_UPDATE, {"run": run_id, "hashes": {"code": "c1", "config": "c2"}, "name": "renamed"})
    one.record(Kind.RUN_EXECUTION, {"run": run_id, "execution": "e1"})
    run = read(runs.get_run, run_id)
    assert run.environment is not None
    assert (run.environment.packages, run.environment.git, run.environment.facts) == ({"numpy": "2.0"}, {"commit": "abc"}, {"cpus": 2})
    assert (run.notes[0].text, run.artifacts[0].name, run.name) == ("look", "fig.png", "renamed")
    assert run.hashes == {"code": "c1", "config": "c2", "data": None, "environment": None}
    assert read(metrics.rules) == {"depth": "min"}
    assert json.loads(json.dumps(run.params)) == {}
