"""`status`, `runs`, `show` on a real store."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.commands.runs import near_path, store_size
from nbtrack.config import open_location
from nbtrack.errors import NotFound, StoreError, UnknownRun


def test_nothing_recorded_is_no_error_and_makes_no_store(
    track: Callable[[str], Any], type_words: Callable[..., Any], project: Path
) -> None:
    assert "no run yet" in track("").to_text()
    assert track("runs").to_text().startswith("No run yet.")
    assert "no run yet" in type_words().to_text()
    with pytest.raises(UnknownRun):
        track("show last")
    assert list((project / ".nbtrack").iterdir()) == []


@pytest.mark.usefixtures("three_runs")
def test_the_status_of_a_notebook_counts_its_own_runs_and_those_of_the_store(track: Callable[[str], Any]) -> None:
    track("start mine")
    track("metric val_f1=0.7")
    lines = track("").to_text().split("\n")
    assert lines[0] == "Recording churn.ipynb"
    assert lines[1] == "Now            #5 mine running · val_f1 0.7"
    assert lines[2].startswith("This notebook  1 run")
    assert lines[3] == "All in store   5 runs"
    assert lines[4].startswith("Stored in      .nbtrack/store.db ")


@pytest.mark.usefixtures("three_runs")
def test_the_status_in_a_shell_is_that_of_the_store(type_words: Callable[..., Any]) -> None:
    lines = type_words().to_text().split("\n")
    assert lines[0] == "Store of project"
    assert lines[1] == "Now        #4 failed ZeroDivisionError · just now"
    assert lines[2] == "Runs here  4 runs"


def test_the_status_says_what_is_wrong_with_the_store_instead_of_failing(type_words: Callable[..., Any], project: Path) -> None:
    (project / ".nbtrack" / "store.db").write_bytes(b"this is no database" * 400)
    text = type_words().to_text(200)
    assert "the store has a problem" in text
    assert "\nProblem    " in text
    with pytest.raises(StoreError):
        type_words("runs")


@pytest.mark.usefixtures("three_runs")
def test_runs_are_listed_sorted_filtered_and_limited(type_words: Callable[..., Any]) -> None:
    every = type_words("runs").to_text(140).split("\n")
    assert [line.split()[0] for line in every] == ["run", "#4", "#3", "#2", "#1", "4"]
    best = type_words("runs", "--sort", "val_f1").to_text(140).split("\n")
    assert [line.split()[0] for line in best[1:5]] == ["#3", "#2", "#1", "#4"]
    assert "★" in best[1]
    failed = type_words("runs", "--state", "failed").to_text(140).split("\n")
    assert len(failed) == 3
    assert failed[-1] == "1 run · failed"
    limited = type_words("runs", "--limit", "2").to_text(140).split("\n")
    assert limited[-1].startswith("2 of 4 runs · ")
    assert limited[-1].endswith(" · --limit 4 shows all")
    assert type_words("runs", "--experiment", "nothing").to_text() == "No run matches: experiment nothing."
    assert "3 of 4 runs" not in type_words("runs", "--state", "finished", "--limit", "2").to_text()
    assert "2 of 3 runs · finished" in type_words("runs", "--state", "finished", "--limit", "2").to_text(140)


@pytest.mark.usefixtures("three_runs")
def test_an_unknown_sort_key_names_near_ones(track: Callable[[str], Any]) -> None:
    with pytest.raises(NotFound, match="Did you mean 'val_f1'"):
        track("runs --sort val_f2")


@pytest.mark.usefixtures("three_runs")
@pytest.mark.parametrize("ref", ["3", "#3", "churn-3", "best:val_f1"])
def test_a_run_is_shown_by_any_reference(track: Callable[[str], Any], ref: str) -> None:
    text = track(f"show {ref}").to_text(100)
    assert text.startswith("#3 · churn · id ")
    assert "\nlr 0.01 → 0.001\n" in text
    assert "best of 3" in text
    assert ["lr", "0.001", "was", "0.01", "run"] in [line.split() for line in text.split("\n")]


@pytest.mark.usefixtures("three_runs")
def test_the_starred_run_of_the_table_is_the_one_that_best_names(track: Callable[[str], Any]) -> None:
    [starred] = [line.split()[0] for line in track("runs").to_text(140).split("\n") if "★" in line]
    assert starred == f"#{nbtrack.get_run('best:val_f1').number}"


def test_a_run_shows_its_parent_and_its_children(track: Callable[[str], Any]) -> None:
    with nbtrack.run("sweep"), nbtrack.run("first"):
        nbtrack.log({"f1": 0.5})
    assert "Runs inside  1\n" in track("show sweep").to_text()
    assert "part of #" in track("show first").to_text()


def test_a_run_name_of_several_words_needs_no_quotes(track: Callable[[str], Any]) -> None:
    with nbtrack.run("a wide net"):
        pass
    assert "a wide net" in track("show a wide net").to_text()
    assert "a wide net" in track('show "a wide net"').to_text()


def test_paths_are_shown_as_seen_from_here(project: Path, tmp_path: Path) -> None:
    assert near_path(project / ".nbtrack" / "store.db") == ".nbtrack/store.db"
    assert near_path(Path("/somewhere/else/store.db")) == "/somewhere/else/store.db"
    assert store_size(open_location(tmp_path / "nothing")) is None
