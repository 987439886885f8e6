"""The status card: where am I."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nbtrack.views.status import StatusFacts, status_card
from nbtrack.views.words import Clock


@pytest.fixture
def facts(clock: Clock, make_run: Any) -> StatusFacts:
    """A notebook that records, with a run a little below the best."""
    return StatusFacts(
        place="churn.ipynb",
        stored_in=".nbtrack/store.db",
        stored_title="/project/.nbtrack/store.db",
        clock=clock,
        recording="on",
        runs=40,
        cells=212,
        store_runs=60,
        experiments=3,
        size_bytes=3_200_000,
        current=make_run(40, values={"val_f1": 0.8694}),
        best=make_run(38, values={"val_f1": 0.8731}),
        metric="val_f1",
    )


def test_the_card_says_where_one_is(facts: StatusFacts) -> None:
    assert status_card(facts).to_text(100) == "\n".join(
        [
            "Recording churn.ipynb",
            "Now            #40 finished · val_f1 0.8694 · ▼ 0.0037 from best #38",
            "This notebook  40 runs, 212 executed cells",
            "All in store   60 runs in 3 experiments",
            "Stored in      .nbtrack/store.db 3.2 MB",
        ]
    )


def test_the_page_says_the_same_and_the_whole_path_on_hover(facts: StatusFacts, read_page: Any) -> None:
    page = read_page(status_card(facts).to_html())
    for said in ("Recording churn.ipynb", "▼ 0.0037 from best #38", "40 runs, 212 executed cells", "3.2 MB"):
        assert said in page.text
    assert "/project/.nbtrack/store.db" in [one.get("title") for one in page.find("span")]
    assert page.find("div")[0]["aria-label"] == "Recording churn.ipynb"


def test_the_best_run_is_called_so(facts: StatusFacts) -> None:
    assert "val_f1 0.8731 ★ best of 40" in status_card(replace(facts, current=facts.best, measured=40)).to_text()


def test_a_metric_without_a_direction_is_not_judged(facts: StatusFacts, make_run: Any) -> None:
    run = make_run(40, values={"depth": 3.0})
    assert "from best" not in status_card(replace(facts, current=run, metric="depth")).to_text()


def test_a_notebook_without_runs_says_how_to_begin(facts: StatusFacts) -> None:
    text = status_card(replace(facts, current=None, best=None, runs=0, size_bytes=None)).to_text()
    assert "no run yet · to begin one: %track start baseline" in text
    assert text.endswith(".nbtrack/store.db nothing stored yet")


def test_a_problem_of_the_store_stands_on_the_card(facts: StatusFacts, read_page: Any) -> None:
    card = status_card(replace(facts, problem="the disk is full"))
    assert "Problem        the disk is full" in card.to_text()
    assert "the disk is full" in read_page(card.to_html()).text


@pytest.mark.parametrize(
    ("recording", "title", "mend"),
    [
        ("paused", "Paused in churn.ipynb", "%track on goes on."),
        ("off", "Not recording churn.ipynb", "%track on begins."),
        ("", "churn.ipynb", "store.db 3.2 MB"),
    ],
)
def test_the_title_says_whether_it_records(facts: StatusFacts, recording: str, title: str, mend: str) -> None:
    text = status_card(replace(facts, recording=recording)).to_text()
    assert text.startswith(title + "\n")
    assert text.endswith(mend)


def test_a_running_named_run_without_metric_shows_its_state_and_age(facts: StatusFacts, make_run: Any) -> None:
    run = make_run(41, name="wide net", state="running")
    assert "#41 wide net running · 12 min ago" in status_card(replace(facts, current=run)).to_text()
