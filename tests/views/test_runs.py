"""The table of runs."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.records import MetricSummary, RunRecord
from nbtrack.views.runs import RunsTable
from nbtrack.views.terminal import display_width
from nbtrack.views.words import Clock


@pytest.fixture
def four(make_run: Any) -> tuple[RunRecord, ...]:
    """The four runs of the design, best first."""
    same = {"alpha": 0.0001, "random_state": 7}
    return (
        make_run(38, change="batch_size 128 → 64", values={"val_f1": 0.8731}, params={**same, "hidden": 64, "lr": 0.01, "batch": 64}),
        make_run(40, change="hidden 64 → 128", values={"val_f1": 0.8694}, params={**same, "hidden": 128, "lr": 0.01, "batch": 64}),
        make_run(
            36, change="code: added StandardScaler", values={"val_f1": 0.8668}, params={**same, "hidden": 64, "lr": 0.01, "batch": 128}
        ),
        make_run(39, change="lr 0.1 → 0.01", values={"val_f1": 0.8652}, params={**same, "hidden": 64, "lr": 0.1, "batch": 64}),
    )


def test_the_table_shows_what_changed_what_differs_and_how_good(four: tuple[RunRecord, ...], clock: Clock) -> None:
    text = RunsTable(four, clock, total=9, where="experiment churn", sort="val_f1").to_text(120)
    assert text.split("\n") == [
        "run  what changed                hidden    lr  batch  val_f1 ↓  from best",
        "#38  batch_size 128 → 64             64  0.01     64  0.8731 ★       best",
        "#40  hidden 64 → 128                128  0.01     64  0.8694     ▼ 0.0037",
        "#36  code: added StandardScaler      64  0.01    128  0.8668     ▼ 0.0063",
        "#39  lr 0.1 → 0.01                   64  0.10     64  0.8652     ▼ 0.0079",
        "4 of 9 runs · experiment churn · 4 of 6 columns differ",
    ]


def test_the_page_names_rows_and_columns_for_screen_readers(four: tuple[RunRecord, ...], clock: Clock, read_page: Any) -> None:
    page = read_page(RunsTable(four, clock, sort="val_f1").to_html())
    heads = page.find("th")
    assert [head.get("scope") for head in heads].count("col") == 7
    assert [head.get("scope") for head in heads].count("row") == 4
    assert "0.8731 ★" in page.text
    assert "▼ 0.0037" in page.text


def test_without_a_sort_the_newest_come_first_and_say_when(four: tuple[RunRecord, ...], clock: Clock) -> None:
    lines = RunsTable(four, clock).to_text(120).split("\n")
    assert lines[0].endswith("when ↓")
    assert lines[1].endswith("12 min ago")


def test_lower_is_better_for_a_loss_and_for_what_a_rule_says(make_run: Any, clock: Clock) -> None:
    runs = (make_run(1, values={"val_loss": 0.4}), make_run(2, values={"val_loss": 0.3}))
    assert "0.3 ★       best" in RunsTable(runs, clock).to_text(120)
    runs = (make_run(1, values={"depth": 4.0}), make_run(2, values={"depth": 3.0}))
    assert "★" not in RunsTable(runs, clock).to_text(120)
    assert "4 ★       best" in RunsTable(runs, clock, rules={"depth": "max"}).to_text(120)


def test_runs_are_ranked_by_their_last_value_and_the_best_of_a_series_is_on_hover(make_run: Any, clock: Clock, read_page: Any) -> None:
    summary = MetricSummary("val_f1", 0.85, 60, 1, 60, 0.5, 0.8731, 0.8, 1, 48)
    runs = (make_run(1, metrics={"val_f1": 0.85}, summaries={"val_f1": summary}), make_run(2, values={"val_f1": 0.8}))
    titles = [cell.get("title") for cell in read_page(RunsTable(runs, clock).to_html()).find("td")]
    assert "best 0.8731 at step 48" in titles
    assert "0.85 ★" in RunsTable(runs, clock).to_text(120)


def test_states_are_said_in_words_and_not_by_colour_alone(make_run: Any, clock: Clock, read_page: Any) -> None:
    runs = (
        make_run(3, state="running", change="lr 0.1 → 0.2"),
        make_run(2, state="failed", error_type="ValueError", error_message="no <lr>"),
        make_run(1, state="killed"),
    )
    table = RunsTable(runs, clock)
    text = table.to_text(120)
    assert "#3 ●  lr 0.1 → 0.2 · running" in text
    assert "#2 ✗  failed ValueError" in text
    assert "#1 △  killed" in text
    assert {"running", "failed"} <= {one["aria-label"] for one in read_page(table.to_html()).find("svg")}


def test_a_name_given_by_a_person_is_shown_and_a_made_one_is_not(make_run: Any, clock: Clock) -> None:
    text = RunsTable((make_run(2, name="wide net"), make_run(1)), clock).to_text(120)
    assert "#2 wide net" in text
    assert "churn-1" not in text


def test_runs_of_several_experiments_carry_their_experiment(make_run: Any, clock: Clock) -> None:
    text = RunsTable((make_run(2), make_run(2, experiment="prices", name="prices-2")), clock).to_text(120)
    assert "churn-2" in text
    assert "prices-2" in text


def test_missing_nan_and_textual_metrics_do_not_break_a_row(make_run: Any, clock: Clock) -> None:
    runs = (
        make_run(1, values={"acc": 0.5}),
        make_run(2, values={"acc": math.nan}),
        make_run(3),
        make_run(4, metrics={"acc": "high"}),
        make_run(5, values={"acc": math.inf}),
        make_run(6, values={"acc": 0.25}),
    )
    table = RunsTable(runs, clock)
    text = table.to_text(120)
    assert "0.50 ★" in text
    for said in ("NaN", "–", "high", "∞", "▼ 0.25"):
        assert said in text


def test_what_only_a_few_runs_have_comes_after_what_most_have(make_run: Any, clock: Clock) -> None:
    runs = tuple(make_run(number, params={"odd": 1, "lr": 0.1 * number} if number == 1 else {"lr": 0.1 * number}) for number in (1, 2, 3))
    head = RunsTable(runs, clock).to_text(120).split("\n")[0]
    assert head.index("lr") < head.index("odd")


def test_two_hundred_parameters_show_the_first_few_and_count_the_rest(make_run: Any, clock: Clock) -> None:
    runs = tuple(make_run(number, params={f"p{place}": number * place for place in range(200)}) for number in (1, 2))
    text = RunsTable(runs, clock).to_text(160)
    assert "199 of 200 columns differ" in text
    assert len(text.split("\n")[0]) < 100


def test_no_runs_say_why(clock: Clock, read_page: Any) -> None:
    assert RunsTable((), clock).to_text() == "No run yet."
    table = RunsTable((), clock, where="failed", hint="")
    assert table.to_text() == "No run matches: failed."
    assert "No run matches: failed." in read_page(table.to_html()).text


def test_a_narrow_terminal_leaves_columns_out_and_says_so(four: tuple[RunRecord, ...], clock: Clock) -> None:
    text = RunsTable(four, clock, sort="val_f1").to_text(60)
    assert max(display_width(line) for line in text.split("\n")[:-1]) <= 60
    assert "not shown for want of room: " in text
    assert "0.8731 ★" in text


HOSTILE = [
    "<script>alert(1)</script>",
    "\"'><b onmouseover=x>",
    "two\nlines\r\nand\ttab",
    "مرحبا \u202eevil",
    "😀" * 50,
    "n" * 10_000,
    "\x1b[2J\x00",
    "\ud800",
    "",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_harmless_on_a_page_and_in_a_terminal(name: str, make_run: Any, clock: Clock, read_page: Any) -> None:
    runs = tuple(
        make_run(
            number, name=name or None, experiment=name, change=f"{name} → {name}", params={name: name * number}, tags={name: name},
            values={name: 0.1 * number}, error_type=name, error_message=name, state="failed",
        )
        for number in (1, 2)
    )  # fmt: skip
    table = RunsTable(runs, clock, where=name)
    page = read_page(table.to_html())
    assert len(table.to_html()) < 20_000
    assert "\u202e" not in page.text
    text = table.to_text(100)
    assert "\x1b" not in text
    assert len(text.split("\n")) == 4
    assert all(display_width(line) <= 140 for line in text.split("\n")[:3])


@settings(max_examples=60, deadline=None)
@given(
    name=st.text(max_size=30),
    value=st.one_of(st.floats(), st.integers(), st.text(max_size=20), st.none(), st.lists(st.integers(), max_size=3)),
)
def test_any_value_can_be_shown(make_run: Any, clock: Clock, read_page: Any, name: str, value: Any) -> None:
    runs = (make_run(1, params={name: value}), make_run(2, params={name: 1.5}), make_run(3))
    table = RunsTable(runs, clock)
    read_page(table.to_html())
    assert len(table.to_text(100).split("\n")) == 5
