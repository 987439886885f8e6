"""The timeline, the hits of a search and the history of a cell, as HTML and as text: sound, harmless, in people's words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbtrack.records import CellState, Checkpoint, RunMark, SearchHit, SearchResult, TimelineEntry
from nbtrack.views.cell_history import CellHistoryView, outputs_text
from nbtrack.views.checkpoints import TimelineView, mark_of, reason_words
from nbtrack.views.search import SearchView
from nbtrack.views.words import Clock

MINUTE = 60_000
EVIL = "<script>alert(1)</script><img src=x onerror=y>\"'\x1b[31m\u202e"


def taken(clock: Clock, ago: int, **more: Any) -> Checkpoint:
    fields = {"id": f"{ago:032x}", "notebook": "/work/churn.ipynb", "at": clock.now_ms - ago * MINUTE, "reason": "save", "cells": 3}
    return Checkpoint(**{**fields, **more})


@pytest.fixture
def view(clock: Clock, make_run: Callable[..., Any]) -> TimelineView:
    runs = {"r40": make_run(40, id="r40", values={"val_f1": 0.8694}), "r41": make_run(41, id="r41", state="running")}
    entries = (
        TimelineEntry(
            (taken(clock, 5, reason="run start", runs=(RunMark("r41", "start"),)),), "[5] learning_rate 0.01 → 0.003", True, 1, 1
        ),
        TimelineEntry((taken(clock, 70, reason="run end", runs=(RunMark("r40", "end"),)),), "[8] hidden 64 → 128", True, 1, 1, 3),
        TimelineEntry((taken(clock, 80), taken(clock, 90), taken(clock, 93)), "3 saves, 2 cells edited", True, 14, 9, 0, ("[6]", "[7]")),
        TimelineEntry((taken(clock, 110), taken(clock, 120)), "2 saves without real change", False, cells=("counts", "timings")),
        TimelineEntry((taken(clock, 200, message="before the feature clean-up", author="ana", reason="manual"),), "No change.", False),
        TimelineEntry((taken(clock, 60 * 26, reason="run start", unsaved=True),), "Removed 2 cells, moved 1"),
    )
    return TimelineView(entries, "churn.ipynb", clock, runs, total=86, before=("old.ipynb",), hint="1 other notebook")


def test_the_timeline_reads_as_the_picture(view: TimelineView) -> None:
    told = view.to_text(130)
    lines = told.splitlines()
    assert lines[0] == "churn.ipynb  86 checkpoints · was old.ipynb"
    assert lines[2].split("  ")[0].strip() == "●"
    assert "[5] learning_rate 0.01 → 0.003" in lines[2]
    assert "+1 −1" in lines[2]
    assert "#41 · running" in lines[2]
    assert "#40 · 0.8694" in lines[3]
    assert "+14 −9" in lines[4]
    assert "13:27–13:40" in lines[4]
    assert "before the feature clean-up" in lines[6]
    assert "named by ana" in lines[6]
    assert "run started, unsaved" in lines[7]
    assert lines[-1] == "9 of 86 shown · 1 other notebook"
    assert [mark_of(entry) for entry in view.entries] == ["run", "run", "fold", "fold", "named", "save"]


def test_the_timeline_as_html_has_days_dots_and_sizes(view: TimelineView, read_page: Callable[[str], Any]) -> None:
    page = read_page(view.to_html())
    assert "Today" in page.text
    assert "Yesterday" in page.text
    assert "run started" in page.text
    assert "[6] [7]" in page.text
    assert "counts, timings" in page.text
    assert len(page.find("li")) == 6
    marks = [one["class"] for one in page.find("span") if "jp-nbtrack-dot" in (one.get("class") or "")]
    assert marks[0] == "jp-nbtrack-dot jp-nbtrack-run"
    assert marks[4] == "jp-nbtrack-dot jp-nbtrack-named"


def test_an_id_is_never_cut_in_a_narrow_terminal(view: TimelineView) -> None:
    for width in (60, 80, 100):
        told = view.to_text(width)
        assert all(entry.newest.short_id in told for entry in view.entries)
        assert max(map(len, told.splitlines()[1:-1])) <= width


def test_an_empty_timeline_says_what_comes(clock: Clock, read_page: Callable[[str], Any]) -> None:
    empty = TimelineView((), "churn.ipynb", clock)
    assert "first checkpoint appears with the next save or run" in empty.to_text()
    assert "first checkpoint appears" in read_page(empty.to_html()).text


def test_why_a_checkpoint_was_made_is_told(clock: Clock) -> None:
    assert reason_words(taken(clock, 1)) == "saved"
    assert reason_words(taken(clock, 1, reason="before restore")) == "before a restore"
    assert reason_words(taken(clock, 1, reason="save", runs=(RunMark("r", "end"), RunMark("r", "start")))) == "run ended"


def test_whatever_a_notebook_holds_stays_text(clock: Clock, read_page: Callable[[str], Any]) -> None:
    one = taken(clock, 5, message=EVIL, author=EVIL, notebook=EVIL)
    state = CellState(one, one, 0, "code", EVIL, ({"output_type": "stream", "text": EVIL}, {"output_type": "error", "ename": EVIL}))
    hit = SearchHit("code", EVIL, ((0, 8), (10, 20)), EVIL, one.at, one)
    views = [
        TimelineView((TimelineEntry((one,), EVIL, cells=(EVIL,)),), EVIL, clock),
        SearchView(SearchResult(EVIL, (hit,), 1, {"code": 1}), clock),
        SearchView(SearchResult(EVIL, (), 0, near=(EVIL,)), clock),
        CellHistoryView((state, state), EVIL, EVIL, clock),
    ]
    for view in views:
        read_page(view.to_html())
        assert "\x1b" not in view.to_text()


def test_hits_are_grouped_and_say_where_they_stand(clock: Clock, make_run: Callable[..., Any], read_page: Callable[[str], Any]) -> None:
    now, gone = taken(clock, 5), taken(clock, 60 * 30, notebook="/work/old.ipynb")
    hits = (
        SearchHit("code", "auc = roc_auc_score(y)", ((6, 13),), now.notebook, now.at, now, count=9, present=True, older=41),
        SearchHit("output", "roc_auc 0.92", ((0, 7),), now.notebook, now.at, now, index=3, present=True, run_id="r38"),
        SearchHit("note", "depth 8 wins on roc_auc", ((16, 23),), now.notebook, clock.now_ms - 90 * MINUTE, run_id="r38"),
        SearchHit("code", "roc_auc", ((0, 7),), gone.notebook, gone.at, gone, index=0),
        SearchHit("error", "ValueError: roc_auc", ((12, 19),), None, now.at, execution_id="e", count=2),
    )
    result = SearchResult("roc_auc", hits, 120, {"code": 110, "output": 8, "error": 1, "note": 1})
    view = SearchView(result, clock, {"r38": make_run(38)}, {"/work/churn.ipynb": "churn.ipynb"}, frozenset({"/work/old.ipynb"}), 8.2)
    told = view.to_text()
    assert told.splitlines()[0] == "120 texts · 3 notebooks · Code 110, Outputs 8, Errors 1, Notes 1 · the best 5 shown · 8 ms"
    assert f"<> [9] · now and 41 older checkpoints · {now.short_id}" in told
    assert "=  cell 4 · churn-38 · now" in told
    assert "note on churn-38 · today 13:30" in told
    assert "cell 1 · last seen yesterday 09:00" in told
    assert "the file is gone · 1" in told
    assert "without a notebook" in told
    assert read_page(view.to_html()).text.count("roc_auc") == 5


def test_nothing_found_offers_a_near_word(clock: Clock) -> None:
    assert SearchView(SearchResult("rocauc", (), 0, near=("roc_auc",)), clock).to_text() == 'No place has "rocauc". Did you mean roc_auc?'


def test_outputs_are_told_as_text() -> None:
    outputs = (
        {"output_type": "stream", "text": ["a\n", "b\n"]},
        {"output_type": "display_data", "data": {"image/png": "x", "text/plain": "<Figure>"}},
        {"output_type": "display_data", "data": {"image/png": "x"}},
        {"output_type": "error", "ename": "E", "evalue": "v"},
        "odd",
    )
    assert outputs_text(outputs) == "a\nb\n<Figure>\nimage/png\nE: v"
