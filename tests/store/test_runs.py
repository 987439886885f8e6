"""Runs come back listed, sorted, found by what people type, with what changed since the one before."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbtrack.config import StoreLocation
from nbtrack.errors import UnknownColumn, UnknownMetric, UnknownRun, UsageError
from nbtrack.store import metrics, params, runs, tags
from nbtrack.store.connection import open_reader
from nbtrack.store.frames import Kind
from nbtrack.store.ingest import ingest
from nbtrack.store.totals import store_totals

ScriptMaker = Callable[..., Any]
Read = Callable[..., Any]


@pytest.fixture
def five(location: StoreLocation, script: ScriptMaker) -> dict[str, str]:
    """Five runs of two experiments: their ids by name."""
    one = script().session()
    found = {}
    for name, experiment, lr, values in (
        ("a", "churn", 0.1, {"acc": 0.5, "loss": 3.0}),
        ("b", "churn", 0.01, {"acc": 0.9, "loss": 1.0}),
        ("c", "churn", 0.01, {"loss": 2.0}),
        ("d", "fraud", "auto", {"acc": float("nan")}),
        ("a", "fraud", 0.5, {"acc": 0.7, "depth": 3.0}),
    ):
        run_id = one.run(name=name, experiment=experiment, notebook=f"/work/{experiment}.ipynb")
        one.params(run_id, lr=lr, model="tree").record(Kind.TAGS, {"run": run_id, "values": {"team": name, "gone": "x"}})
        one.record(Kind.TAGS, {"run": run_id, "values": {"gone": None}})
        one.log(run_id, 0, **values)
        if name != "c":
            one.t += 1_000_000 * len(found)
            one.end(run_id, "failed" if name == "d" else "finished")
        found[f"{name}{len(found)}"] = run_id
    ingest(location)
    return found


def listed(location: StoreLocation, **more: Any) -> list[str]:
    with open_reader(location) as db:
        return [run.name for run in runs.list_runs(db, **more)]


def test_runs_are_listed_newest_first_with_everything_a_table_shows(location: StoreLocation, five: dict[str, str]) -> None:
    with open_reader(location) as db:
        found = runs.list_runs(db)
        assert [run.name for run in found] == ["a", "d", "c", "b", "a"]
        assert [run.number for run in found] == [2, 1, 3, 2, 1]
        assert [run.change for run in found] == ["lr auto → 0.5", "", "", "lr 0.1 → 0.01", ""]
        assert (found[0].params, found[0].tags) == ({"lr": 0.5, "model": "tree"}, {"team": "a"})
        assert found[0].metrics == {"acc": 0.7, "depth": 3.0}
        assert found[0].summaries["acc"].last == 0.7
        assert found[0].notebook == "/work/fraud.ipynb"


def test_lists_are_narrowed_and_cut(location: StoreLocation, five: dict[str, str]) -> None:
    assert listed(location, experiment="churn") == ["c", "b", "a"]
    assert listed(location, notebook="/work/fraud.ipynb") == ["a", "d"]
    assert listed(location, states=["failed", "killed"]) == ["d", "c"]
    assert listed(location, limit=2) == ["a", "d"]
    assert listed(location, limit=None, experiment="nothing") == []
    with open_reader(location) as db:
        assert (runs.count_runs(db), runs.count_runs(db, experiment="churn"), runs.count_runs(db, notebook="/x")) == (5, 3, 0)
        assert runs.names(db, 3) == ["a", "d", "c"]
        assert runs.experiments(db) == ["churn", "fraud"]


@pytest.mark.parametrize(
    ("sort", "descending", "order"),
    [
        ("metrics.acc", None, ["b", "a", "a", "d", "c"]),
        ("acc", False, ["a", "a", "b", "d", "c"]),
        ("loss", None, ["b", "c", "a", "a", "d"]),
        ("params.lr", None, ["b", "c", "a", "a", "d"]),
        ("lr", True, ["a", "a", "c", "b", "d"]),
        ("tags.team", None, ["a", "a", "b", "c", "d"]),
        ("name", None, ["a", "a", "b", "c", "d"]),
        ("name", True, ["d", "c", "b", "a", "a"]),
        ("started_at", False, ["a", "b", "c", "d", "a"]),
        ("duration_s", None, ["a", "d", "c", "b", "a"]),
        ("depth", None, ["a", "d", "c", "b", "a"]),
    ],
)
@pytest.mark.parametrize("limit", [None, 50, 3])
def test_lists_are_sorted_best_first_with_the_unknown_last(
    location: StoreLocation, five: dict[str, str], sort: str, descending: bool | None, order: list[str], limit: int | None
) -> None:
    if sort == "duration_s":
        with open_reader(location) as db:
            known = [run.duration_s for run in runs.list_runs(db, sort=sort, limit=limit) if run.duration_s is not None]
        assert known == sorted(known, reverse=True)
        return
    assert listed(location, sort=sort, descending=descending, limit=limit) == order[:limit]


def test_sorting_narrowed_by_experiment_gives_the_same_order(location: StoreLocation, five: dict[str, str]) -> None:
    assert listed(location, sort="acc", experiment="churn") == ["b", "a", "c"]
    assert listed(location, sort="acc", experiment="churn", limit=1) == ["b"]
    assert listed(location, sort="lr", states=["finished"], limit=2) == ["b", "a"]


def test_a_rule_turns_the_direction(location: StoreLocation, script: ScriptMaker, five: dict[str, str]) -> None:
    one = script().record(Kind.RULE, {"key": "acc", "direction": "min"})
    one.record(Kind.RULE, {"key": "acc", "direction": "max", "experiment": "churn"})
    ingest(location)
    assert listed(location, sort="acc")[0] == "a"
    with open_reader(location) as db:
        assert metrics.rules(db) == {"acc": "min"}
        assert metrics.rules(db, "fraud") == {"acc": "min"}
        assert metrics.rules(db, "churn") == {"acc": "max"}


def test_an_unknown_column_is_an_error_with_near_names(location: StoreLocation, five: dict[str, str]) -> None:
    with pytest.raises(UnknownColumn) as caught, open_reader(location) as db:
        runs.list_runs(db, sort="metrics.los")
    assert "metrics.loss" in caught.value.near


def test_hostile_sort_keys_are_only_unknown(location: StoreLocation, five: dict[str, str]) -> None:
    for sort in ("name; drop table run", "metrics.' or 1=1 --", "run.id", "", "params."):
        with pytest.raises(UnknownColumn), open_reader(location) as db:
            runs.list_runs(db, sort=sort)


def test_references_find_runs(location: StoreLocation, five: dict[str, str]) -> None:
    with open_reader(location) as db:
        newest, b = five["a4"], five["b1"]
        assert runs.resolve_run(db, "last") == (newest, "")
        assert runs.resolve_run(db, "last", experiment="churn") == (five["c2"], "")
        assert runs.resolve_run(db, "b") == (b, "")
        assert runs.resolve_run(db, b) == (b, "")
        assert runs.resolve_run(db, b[-8:].upper()) == (b, "")
        assert runs.resolve_run(db, "#3") == (five["c2"], "")
        assert runs.resolve_run(db, "2", experiment="churn") == (b, "")
        assert runs.resolve_run(db, "best:acc") == (b, "")
        assert runs.resolve_run(db, "best:loss", experiment="churn") == (b, "")


def test_an_ambiguous_reference_means_the_newest_and_says_so(location: StoreLocation, five: dict[str, str]) -> None:
    with open_reader(location) as db:
        found, remark = runs.resolve_run(db, "a")
        assert found == five["a4"]
        assert remark == f"2 runs are named 'a': took the newest, a of fraud ({found[-8:]})"
        found, remark = runs.resolve_run(db, "#1")
        assert found == five["d3"]
        assert remark.startswith("2 runs have the number 1: took the newest")


def test_a_number_beats_the_ending_of_an_id(location: StoreLocation, script: ScriptMaker) -> None:
    one = script()
    one.run("0189000000007000800000000000" + "9999")
    for _ in range(3):
        one.run()
    one.run("0189000000007000800000000001" + "0002", name="odd")
    ingest(location)
    with open_reader(location) as db:
        assert runs.resolve_run(db, "9999")[0].endswith("9999")
        assert runs.resolve_run(db, "0002")[0] != "01890000000070008000000000010002"
        assert runs.resolve_run(db, "10002")[0].endswith("0002")
        with pytest.raises(UnknownRun) as caught:
            runs.resolve_run(db, "01890000000070008")
        assert "More than one id begins with" in caught.value.hint


@pytest.mark.parametrize("ref", ["bb", "#77", "77", "dead", "", "best:", "%", "a_", "_"])
def test_what_names_no_run_is_an_error_that_helps(location: StoreLocation, five: dict[str, str], ref: str) -> None:
    with pytest.raises((UnknownRun, UnknownMetric)), open_reader(location) as db:
        runs.resolve_run(db, ref)


def test_the_best_of_an_undirected_metric_is_a_question(location: StoreLocation, five: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="depth"), open_reader(location) as db:
        runs.resolve_run(db, "best:depth")
    with pytest.raises(UnknownMetric), open_reader(location) as db:
        runs.resolve_run(db, "best:lost")


def test_keys_are_listed_once_each(location: StoreLocation, five: dict[str, str]) -> None:
    with open_reader(location) as db:
        assert metrics.keys(db) == ["acc", "depth", "loss"]
        assert params.keys(db) == ["lr", "model"]
        assert tags.keys(db) == ["team"]
        assert metrics.keys_of_run(db, five["c2"]) == ["loss"]
        with pytest.raises(UnknownMetric) as caught:
            metrics.read_series(db, five["b1"], "los")
        assert caught.value.near == ("loss",)


def test_moving_to_another_experiment_numbers_anew_and_keeps_given_names(script: ScriptMaker, read: Read) -> None:
    one = script()
    first, named = one.run(), one.run(name="mine")
    for run_id in (first, named):
        one.record(Kind.RUN_UPDATE, {"run": run_id, "experiment": "fraud"})
    assert [(run.name, run.experiment, run.number) for run in read(runs.list_runs)] == [("mine", "fraud", 2), ("fraud-1", "fraud", 1)]


def test_a_curve_keeps_the_extremes_and_the_ends(script: ScriptMaker, read: Read) -> None:
    one = script()
    run_id = one.run()
    for step in range(10_000):
        one.log(run_id, step, loss=100.0 if step == 5000 else (-7.0 if step == 7001 else (float("nan") if 2000 <= step < 3000 else 1.0)))
    curve = read(metrics.read_curve, run_id, "loss", points=200)
    assert len(curve.steps) <= 200
    assert list(curve.steps) == sorted(set(curve.steps))
    assert {100.0, -7.0} <= set(curve.values)
    assert (curve.steps[0], curve.steps[-1]) == (0, 9999)
    whole = read(metrics.read_series, run_id, "loss")
    assert all(str(curve.values[place]) == str(whole.values[step]) for place, step in enumerate(curve.steps))
    assert len(read(metrics.read_curve, run_id, "loss", points=20_000).steps) == 10_000


def test_totals_count_what_is_there(location: StoreLocation, five: dict[str, str]) -> None:
    with open_reader(location) as db:
        totals = store_totals(db)
    assert (totals.runs, totals.experiments, totals.sessions, totals.points) == (5, 2, 1, 8)
    assert totals.size_bytes >= 4096


def test_a_hundred_runs_take_as_many_queries_as_one(location: StoreLocation, script: ScriptMaker) -> None:
    one = script()
    for number in range(100):
        one.params(one.run(), n=number)
    ingest(location)
    counts = []
    for limit in (1, 100):
        with open_reader(location) as db:
            asked: list[str] = []
            db.set_trace_callback(asked.append)
            assert len(runs.list_runs(db, limit=limit)) == limit
            db.set_trace_callback(None)
            counts.append(len(asked))
    assert counts[0] == counts[1] <= 8


def test_get_run_of_nothing_is_an_error(store: StoreLocation) -> None:
    with open_reader(store) as db, pytest.raises(UnknownRun):
        runs.get_run(db, "0" * 32)
