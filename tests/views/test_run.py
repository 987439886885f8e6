"""The card of one run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nbtrack.records import Artifact, Environment, Execution, MetricSummary, Note, Param, RunRecord
from nbtrack.views.run import RunCard, counterpart
from nbtrack.views.words import Clock

NOW_MS = 1_731_682_800_000


def execution(count: int, source: str, status: str = "ok", **more: Any) -> Execution:
    return Execution(f"e{count}", "s", count, source, "h", status, NOW_MS, count, duration_ms=12.0, **more)


@pytest.fixture
def card(clock: Clock, make_run: Any, make_series: Any, summary_of: Any) -> RunCard:
    """A run with everything, compared with the one before."""
    curves = {
        "val_f1": make_series("val_f1"),
        "train_f1": make_series("train_f1", end=0.9),
        "val_loss": make_series("val_loss", start=0.9, end=0.3),
    }
    summaries = {key: summary_of(series) for key, series in curves.items()}
    summaries["fit_time"] = MetricSummary("fit_time", 34.8, 0, 0, 1, 34.8, 34.8, 34.8, 0, 0)
    run = make_run(
        38,
        change="batch_size 128 → 64",
        params={"model": "MLP", "batch_size": 64, "odd": "x"},
        param_records=(Param("model", "MLP", "constructor", 1.0, "e8"), Param("batch_size", 64), Param("odd", "x", marked="no JSON form")),
        metrics={key: summary.last for key, summary in summaries.items()},
        summaries=summaries,
        tags={"team": "growth"},
        notes=(Note("Smaller batches help.\nTry <b>lr</b> 0.003.", NOW_MS - 3_600_000, "ana"),),
        artifacts=(Artifact("a", "r", "roc.png", "figure", "image/png", 48_200, "ab" * 32, NOW_MS, execution_id="e9"),),
        executions=(execution(8, "model = MLP(\n)"), execution(9, "plot(model)", "error", error_type="NameError", error_message="no plot")),
        environment=Environment(
            "e", "3.12.1", "Linux", {"numpy": "2.1", "Jinja2": "3"}, {"commit": "4b907df0aa", "branch": "main", "dirty": True}
        ),
    )
    before = make_run(36, params={"model": "MLP", "batch_size": 128}, values={"val_f1": 0.86, "val_loss": 0.35, "train_f1": 0.89})
    child = make_run(37, change="fold 1", values={"val_f1": 0.85}, parent_id=run.id)
    return RunCard(run, clock, curves=curves, previous=before, children=(child,), standing="best of 41")


def test_the_card_reads_from_the_result_to_the_environment(card: RunCard) -> None:
    lines = card.to_text(100).split("\n")
    assert lines[:3] == ["#38 · churn · id 00000026", "batch_size 128 → 64", "Finished in 36 s · 12 min ago · by ana"]
    titles = [line for line in lines if line and not line.startswith(" ")][3:]
    assert titles == [
        "Result  change since #36",
        "Metrics  3",
        "Parameters  3",
        "Tags  1",
        "Notes  1",
        "Artifacts  1",
        "Runs inside  1",
        "Cells  2",
        "Environment  Python 3.12.1 · Linux · git 4b907df0 on main with changes · 2 packages",
    ]


def test_the_result_is_the_best_value_with_its_step_and_standing(card: RunCard, read_page: Any) -> None:
    assert "  0.8695  val_f1, step 59  best of 41" in card.to_text()
    page = read_page(card.to_html())
    assert "0.8695val_f1, step 59" in page.text
    assert "val_f1, 60 points, from 0.5 to 0.8695, best 0.8695 at step 59" in {one.get("aria-label") for one in page.find("svg")}


def test_metrics_are_judged_by_words_and_arrows_since_the_run_before(card: RunCard) -> None:
    text = card.to_text(100)
    [loss] = [line for line in text.split("\n") if line.strip().startswith("val_loss")]
    assert loss.split() == ["val_loss", "█▅▃▂▂▁▁▁▁▁▁▁", "0.3009", "59", "0.3009", "▼", "0.0491"]
    assert 'class="jp-nbtrack-r jp-nbtrack-better">' in card.to_html()


def test_parameters_say_what_they_were_where_they_came_from_and_why_they_are_text(card: RunCard, read_page: Any) -> None:
    text = card.to_text(100)
    assert "batch_size  64  was 128" in text
    assert "kept as text: no JSON form" in text
    [model] = [line for line in text.split("\n") if line.strip().startswith("model  ")]
    assert model.split() == ["model", "MLP", "constructor", "[8]"]
    read_page(card.to_html())


def test_changed_parameters_come_first(card: RunCard) -> None:
    text = card.to_text(100)
    assert text.index("batch_size  64") < text.index("model       MLP")


def test_cells_show_their_first_line_and_their_error(card: RunCard) -> None:
    text = card.to_text(100)
    lines = [line.split() for line in text.split("\n")]
    assert ["[8]", "model", "=", "MLP(", "…", "12", "ms"] in lines
    assert ["[9]", "plot(model)", "NameError", "12", "ms"] in lines


def test_packages_are_folded_and_notes_keep_their_lines(card: RunCard, read_page: Any) -> None:
    page = read_page(card.to_html())
    assert len(page.find("details")) == 1
    assert "Smaller batches help.\nTry <b>lr</b> 0.003." in page.text
    assert "ana · today 14:00" in page.text


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"state": "running", "duration_s": None}, "Running for 12 min · 12 min ago · by ana"),
        (
            {"state": "failed", "error_type": "ValueError", "error_message": "no lr"},
            "Failed after 36 s · 12 min ago · by ana\nValueError: no lr",
        ),
        ({"state": "killed"}, "Killed after 36 s · 12 min ago · by ana"),
        ({"stopped": False}, "Finished in 36 s · 12 min ago · by ana · not stopped: ended with its kernel"),
        ({"name": "wide net"}, "\nwide net\nbatch_size 128 → 64 · Finished in 36 s"),
        ({"user": None, "duration_s": None}, "\nFinished · 12 min ago\n"),
    ],
)
def test_the_second_line_says_how_it_ended(card: RunCard, changes: dict[str, Any], said: str, read_page: Any) -> None:
    changed = replace(card, run=replace(card.run, **changes))
    assert said in changed.to_text(100)
    read_page(changed.to_html())


def test_a_run_with_nothing_in_it_is_still_a_card(clock: Clock, make_run: Any, read_page: Any) -> None:
    empty = RunCard(make_run(1), clock)
    assert empty.to_text() == "#1 · churn · id 00000001\nchurn-1\nFinished in 36 s · 12 min ago · by ana"
    read_page(empty.to_html())


def test_huge_runs_stay_small_and_say_what_is_left_out(clock: Clock, make_run: Any, read_page: Any) -> None:
    run: RunRecord = make_run(
        1,
        params={f"p{place}": "v" * 5_000 for place in range(200)},
        values={f"m{place}": float(place) for place in range(500)},
        executions=tuple(execution(place, "x = 1\n" * 2_000) for place in range(300)),
        notes=(Note("n" * 100_000, NOW_MS),),
    )
    card = RunCard(run, clock)
    html = card.to_html()
    text = read_page(html).text
    assert "140 more parameters not shown." in text
    assert "459 more metrics not shown." in text
    assert "240 earlier cells not shown." in text
    assert len(html) < 250_000
    assert "140 more parameters not shown." in card.to_text(80)


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "\"'><b onmouseover=x>", "مرحبا \u202eevil", "n" * 10_000, "\x1b[2J\x00\ud800", "a → b → c"]
)
def test_hostile_text_is_harmless_everywhere_on_the_card(card: RunCard, name: str, read_page: Any) -> None:
    run = replace(
        card.run, name=name, experiment=name, change=name, user=name, error_type=name, error_message=name, state="failed",
        params={name: name}, param_records=(Param(name, name, name, 1.0, "e8", name),), tags={name: name},
        metrics={name: name}, summaries={}, notes=(Note(name, NOW_MS, name),),
        artifacts=(Artifact("a", "r", name, name, name, 1, name, NOW_MS, name),),
        executions=(execution(8, name, "error", error_type=name, error_message=name),),
        environment=Environment("e", name, name, {name: name}, {"commit": name, "branch": name}),
    )  # fmt: skip
    hostile = replace(card, run=run, curves={}, children=(run,), parent=run)
    page = read_page(hostile.to_html())
    assert "\u202e" not in page.text
    assert "\x1b" not in hostile.to_text(80)


@pytest.mark.parametrize(
    ("key", "known", "found"),
    [
        ("val_f1", ["train_f1"], "train_f1"),
        ("test/acc", ["train/acc"], "train/acc"),
        ("val_loss", ["loss"], "loss"),
        ("f1", ["train_f1"], ""),
        ("val_f1", [], ""),
    ],
)
def test_an_evaluation_metric_finds_its_training_counterpart(key: str, known: list[str], found: str) -> None:
    assert counterpart(key, dict.fromkeys(known)) == found  # type: ignore[arg-type]
