"""Runs opened by hand, in a real store."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import threading

import pytest

import nbtrack
from nbtrack.errors import UnknownRun, UsageError, ValueRejected
from nbtrack.tracking.session import close_session, current


def test_a_with_block_is_one_finished_run() -> None:
    with nbtrack.run("baseline", experiment="churn", params={"lr": 0.1}, tags={"team": "x"}, note="first try") as run:
        for step in range(5):
            run.log({"loss": 1 / (step + 1)}, step=step)
    record = nbtrack.get_run("baseline")
    assert (record.state, record.experiment, record.origin, record.number) == ("finished", "churn", "api", 1)
    assert record.params == {"lr": 0.1}
    assert record.metrics == {"loss": 0.2}
    assert record.tags == {"team": "x"}
    assert [note.text for note in record.notes] == ["first try"]
    assert record.summaries["loss"].minimum == 0.2
    assert record.summaries["loss"].count == 5
    assert record.duration_s is not None
    assert record.environment is not None
    assert record.environment.packages["pytest"]


def test_a_run_without_a_name_is_numbered_in_its_experiment() -> None:
    with nbtrack.run(experiment="a") as first, nbtrack.run(experiment="b"):
        pass
    with nbtrack.run(experiment="a"):
        pass
    assert first.name == "a-1"
    assert [nbtrack.get_run(name).number for name in ("a-1", "a-2", "b-1")] == [1, 2, 1]


def test_an_error_in_the_block_fails_the_run_and_goes_on_to_the_caller() -> None:
    with pytest.raises(ZeroDivisionError), nbtrack.run("bad"):
        1 / 0
    record = nbtrack.get_run("bad")
    assert (record.state, record.error_type, record.error_message) == ("failed", "ZeroDivisionError", "division by zero")


def test_a_nested_block_makes_a_child() -> None:
    with nbtrack.run("sweep") as outer:
        for depth in (1, 2):
            with nbtrack.run(f"depth {depth}", params={"depth": depth}):
                nbtrack.log({"acc": depth / 10})
        assert nbtrack.active_run() is outer
    assert nbtrack.get_run("depth 1").parent_id == outer.id
    assert nbtrack.get_run("depth 2").metrics == {"acc": 0.2}
    assert nbtrack.get_run("sweep").metrics == {}


def test_a_handle_lives_until_finish_and_takes_nothing_afterwards() -> None:
    run = nbtrack.run("handle")
    assert nbtrack.active_run() is run
    nbtrack.log({"a": 1.0})
    run.finish()
    run.finish("failed")
    assert run.state == "finished"
    assert nbtrack.active_run() is None
    for refused in (lambda: run.log({"a": 2.0}), lambda: run.log_params({"b": 1}), lambda: run.log_artifact(b"x")):
        with pytest.raises(UsageError, match="has ended"):
            refused()
    run.set_tag("reviewed", "yes")
    record = nbtrack.get_run(run)
    assert record.metrics == {"a": 1.0}
    assert record.tags == {"reviewed": "yes"}


def test_steps_count_by_themselves_for_each_key() -> None:
    with nbtrack.run("steps"):
        nbtrack.log({"a": 1.0})
        nbtrack.log({"a": 2.0, "b": 5.0})
        nbtrack.log({"a": 3.0}, step=10)
        nbtrack.log({"a": 4.0, "b": 6.0})
        nbtrack.log({"a": 5.0})
    assert list(nbtrack.metric_history("steps", "a")["step"]) == [0, 1, 10, 11, 12]
    assert list(nbtrack.metric_history("steps", "a")["value"]) == [1, 2, 3, 4, 5]
    assert list(nbtrack.metric_history("steps", "b")["step"]) == [0, 1]


def test_a_step_logged_again_takes_the_last_value_and_counts() -> None:
    with nbtrack.run("again") as run:
        for value in (0.1, 0.2, 0.3):
            run.log({"a": value}, step=4)
    record = nbtrack.get_run("again")
    assert record.metrics == {"a": 0.3}
    assert record.summaries["a"].repeated == 2
    assert list(nbtrack.metric_history("again", "a")["value"]) == [0.3]


def test_numbers_come_back_exactly() -> None:
    exact = [2**53 + 1, -0.0, 1e-308, float("inf"), float("-inf"), float("nan"), -(2**63), 10**30, 0.1]
    with nbtrack.run("exact") as run:
        for step, value in enumerate(exact):
            run.log({"a": value}, step=step)
    found = list(nbtrack.metric_history("exact", "a")["value"])
    for given, kept in zip(exact, found, strict=True):
        assert (math.isnan(given) and math.isnan(kept)) or (kept == given and math.copysign(1, kept) == math.copysign(1, given)), given
    assert nbtrack.get_run("exact").summaries["a"].nan_count == 1


def test_a_wrong_value_never_raises_and_the_good_keys_stay(capsys: pytest.CaptureFixture[str]) -> None:
    with nbtrack.run("odd") as run:
        for step in range(3):
            run.log({"good": 1.0, "bad": "high", "none": None, "": 3.0}, step=step)
        run.log({"good": 2.0}, step="soon")  # type: ignore[arg-type]
        run.log_params({"model": object(), "lr": 0.1})
    record = nbtrack.get_run("odd")
    assert record.metrics["good"] == 2.0
    assert record.metrics["(empty)"] == 3.0
    assert record.metrics["bad"] == "high"
    assert record.params["lr"] == 0.1
    assert record.params["model"].startswith("<object object")
    assert next(param for param in record.param_records if param.name == "model").marked
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 5, said
    assert said[0].startswith("nbtrack: ")


def test_strict_raises_and_keeps_nothing_of_the_call() -> None:
    current().change_setting("log.strict", "on")
    with nbtrack.run("strict") as run:
        with pytest.raises(ValueRejected, match="is no number"):
            run.log({"good": 1.0, "bad": "high"})
        run.log({"good": 2.0})
    assert nbtrack.get_run("strict").metrics == {"good": 2.0}


def test_wrong_calls_raise_with_the_mend() -> None:
    with nbtrack.run("calls") as run:
        with pytest.raises(UsageError, match="log takes values by key"):
            run.log(0.5)  # type: ignore[arg-type]
        with pytest.raises(UsageError, match="an empty note"):
            run.note("  ")
        with pytest.raises(UsageError, match="cannot end as 'done'"):
            run.finish("done")
    with pytest.raises(UnknownRun, match="Did you mean 'calls'"):
        nbtrack.get_run("cals")
    with pytest.raises(UsageError, match="nothing to stop"):
        current().stop_run()


def test_outside_a_run_a_script_gets_one_of_its_own() -> None:
    nbtrack.log({"loss": 0.5})
    nbtrack.log_param("lr", 0.1)
    nbtrack.log({"loss": 0.4})
    record = nbtrack.last_run()
    assert record is not None
    assert (record.origin, record.state) == ("auto", "running")
    assert record.metrics == {"loss": 0.4}
    assert record.params == {"lr": 0.1}
    close_session()
    assert nbtrack.get_run(record.id).state == "finished"


def test_a_cell_feeds_one_run_and_ends_it() -> None:
    session = current()
    for number, error in ((1, None), (2, ("ValueError", "bad"))):
        session.begin_execution(f"{number:032x}")
        nbtrack.log_params({"lr": number})
        nbtrack.log({"loss": 0.5 / number})
        session.end_execution(error)
    first, second = reversed(list(nbtrack.session().runs))
    assert (first.params, first.state) == ({"lr": 1}, "finished")
    assert (second.params, second.state, second.error_type) == ({"lr": 2}, "failed", "ValueError")


def test_what_a_cell_without_a_metric_says_goes_to_the_last_run() -> None:
    session = current()
    session.begin_execution(f"{1:032x}")
    nbtrack.log({"loss": 0.5})
    session.end_execution()
    session.begin_execution(f"{2:032x}")
    nbtrack.set_tag("good", "yes")
    nbtrack.note("the best so far")
    nbtrack.log_artifact({"a": 1}, name="config")
    session.end_execution()
    (only,) = nbtrack.session().runs
    assert only.tags == {"good": "yes"}
    assert [note.text for note in only.notes] == ["the best so far"]
    assert [artifact.name for artifact in only.artifacts] == ["config"]
    assert only.number == 1
    session.begin_execution(f"{3:032x}")
    nbtrack.log({"loss": 0.4})
    session.end_execution()
    assert [run.number for run in nbtrack.session().runs] == [2, 1]


def test_params_alone_make_a_run_when_there_is_none_yet() -> None:
    session = current()
    session.begin_execution(f"{1:032x}")
    nbtrack.log_param("lr", 0.1)
    session.end_execution()
    (only,) = nbtrack.session().runs
    assert (only.params, only.state, only.number) == ({"lr": 0.1}, "finished", 1)


def test_threads_with_their_own_blocks_do_not_mix() -> None:
    def work(name: str) -> None:
        with nbtrack.run(name):
            for step in range(50):
                nbtrack.log({"a": float(name)}, step=step)

    threads = [threading.Thread(target=work, args=(str(number),)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for number in range(6):
        record = nbtrack.get_run(next(one.id for one in nbtrack.session().runs if one.name == str(number)))
        assert set(nbtrack.metric_history(record.id, "a")["value"]) == {float(number)}
        assert record.summaries["a"].count == 50


def test_a_worker_process_joins_the_run_it_inherits() -> None:
    worker = "import nbtrack; nbtrack.log({'from_worker': 3.0}); nbtrack.log_param('worker', True)"
    with nbtrack.run("parent") as run:
        assert os.environ["NBTRACK_RUN"] == run.id
        run.log({"mine": 1.0})
        subprocess.run([sys.executable, "-c", worker], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        run.log({"mine": 2.0})
    assert "NBTRACK_RUN" not in os.environ
    assert "NBTRACK_STORE" not in os.environ
    record = nbtrack.get_run("parent")
    assert record.metrics == {"mine": 2.0, "from_worker": 3.0}
    assert record.params == {"worker": True}
    assert record.state == "finished"


def test_a_worker_joins_by_id_and_goes_on_counting_steps() -> None:
    with nbtrack.run("shared") as run:
        run.log({"a": 1.0})
        code = f"import nbtrack\nwith nbtrack.run(id={run.id!r}) as r:\n    r.log({{'a': 2.0}})"
        subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)})
        assert nbtrack.get_run(run).state == "running"
    assert list(nbtrack.metric_history("shared", "a")["step"]) == [0, 1]


def test_a_script_that_dies_of_an_error_leaves_a_failed_run() -> None:
    code = "import nbtrack\nr = nbtrack.run('dies')\nr.log({'a': 1.0})\nraise SystemError('boom')"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert done.returncode == 1
    record = nbtrack.get_run("dies")
    assert (record.state, record.error_type, record.metrics) == ("failed", "SystemError", {"a": 1.0})


def test_runs_come_as_a_table() -> None:
    for lr in (0.1, 0.01):
        with nbtrack.run(experiment="t", params={"lr": lr}, tags={"k": "v"}) as run:
            run.log({"acc": 1 - lr})
    table = nbtrack.runs(sort="acc")
    assert list(table.columns[:7]) == ["id", "name", "change", "state", "experiment", "started_at", "duration_s"]
    assert list(table["metrics.acc"]) == [0.99, 0.9]
    assert table["change"].iloc[0] == "lr 0.1 → 0.01"
    assert list(nbtrack.runs(columns=["params.lr", "tags.k"]).columns) == ["params.lr", "tags.k"]
    assert len(nbtrack.runs(state="failed")) == 0
    assert len(nbtrack.runs(limit=1)) == 1
    with pytest.raises(nbtrack.NbtrackError, match=r"Did you mean 'params\.lr'"):
        nbtrack.runs(columns=["param.lr"])


def test_the_session_knows_where_its_values_came_from() -> None:
    with nbtrack.run("source") as run:
        run.log_param("lr", 0.1)
        run.log({"acc": 0.5})
    view = nbtrack.session()
    assert [(param.name, param.value, param.source, param.confidence) for param in view.params] == [("lr", 0.1, "log_param", 1.0)]
    assert [metric.key for metric in view.metrics] == ["acc"]
    assert nbtrack.flush()


def test_the_next_opener_shows_what_a_killed_process_left() -> None:
    code = "import nbtrack, os, signal\nr = nbtrack.run('dies')\nr.log({'a': 1.0})\nos.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code], env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}, check=False)
    record = nbtrack.get_run("dies")
    assert (record.state, record.metrics) == ("killed", {"a": 1.0})


def test_a_reader_sees_what_a_living_process_logged_a_moment_ago() -> None:
    logging = "r = nbtrack.run('lives')\nfor s in range(500): r.log({'a': 1.0}, step=s)"
    code = f"import nbtrack, sys\n{logging}\nprint(r.id, flush=True)\nsys.stdin.read()"
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=env) as worker:
        assert worker.stdout is not None
        worker.stdout.readline()
        record = nbtrack.get_run("lives")
        assert (record.state, record.summaries["a"].count) == ("running", 500)
        worker.communicate("")
