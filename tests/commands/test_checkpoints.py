"""The verbs of checkpoints and search, typed in a notebook and in a terminal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.commands import run_words
from nbtrack.commands.door import Door
from nbtrack.errors import UnknownCell, UnknownCheckpoint, UsageError

Track = Callable[[str], Any]


def save(project: Path, *sources: str, name: str = "churn.ipynb") -> None:
    cells = [
        {"cell_type": "code", "execution_count": place + 1, "id": f"id-{place}", "metadata": {}, "outputs": [], "source": [source]}
        for place, source in enumerate(sources)
    ]
    (project / name).write_text(json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))


def sources(project: Path, name: str = "churn.ipynb") -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads((project / name).read_text())["cells"]]


def test_a_checkpoint_is_taken_named_and_told(track: Track, project: Path) -> None:
    save(project, "rate = 0.1")
    assert track("checkpoint").to_text().startswith("checkpoint ")
    named = track("checkpoint -m before the 'feature' clean-up -- now").to_text()
    assert "\"before the 'feature' clean-up -- now\": 1 cell of churn.ipynb" in named


def test_the_timeline_says_what_changed_when_and_in_which_run(track: Track, project: Path, notebook: Door) -> None:
    save(project, "rate = 0.1")
    track("checkpoint -m first")
    save(project, "rate = 0.2")
    told = track("checkpoints").to_text(120)
    assert told.splitlines()[0] == "churn.ipynb  2 checkpoints"
    assert "○  Changed outside Jupyter: [1]" in told
    assert "◆  first" in told
    assert len(track("checkpoints --limit 1").entries) == 1
    assert "jp-nbtrack-named" in track("checkpoints").to_html()


def test_before_the_first_checkpoint_it_says_so(track: Track, type_words: Callable[..., Any]) -> None:
    assert "first checkpoint appears" in track("checkpoints").to_text()
    with pytest.raises(UnknownCheckpoint, match="first checkpoint appears"):
        track("restore last")
    with pytest.raises(UnknownCell, match="no checkpoint yet"):
        track("history [1]")
    with pytest.raises(UsageError, match="Save the notebook first"):
        track("checkpoint")


def test_a_cell_is_restored_over_the_file_only_when_forced(track: Track, project: Path) -> None:
    save(project, "rate = 0.1", "fit()")
    track("checkpoint -m first")
    save(project, "rate = 0.9", "fit()")
    told = track("restore first --cell [1]").to_text()
    assert told.startswith("wrote cell 1 from first to churn.restored-")
    assert "may hold unsaved edits" in told
    assert sources(project) == ["rate = 0.9", "fit()"]
    told = track("restore --force first --cell [1]").to_text()
    assert told.startswith("restored cell 1 from first")
    assert "Your present state was kept: %track restore " in told
    assert sources(project) == ["rate = 0.1", "fit()"]


def test_the_history_of_a_cell_shows_its_states(track: Track, project: Path) -> None:
    for rate in (1, 2, 3):
        save(project, f"rate = {rate}", "fit()")
        track("checkpoint")
    told = track("history [1]").to_text()
    assert told.splitlines()[0] == "[1]  churn.ipynb · 3 states"
    assert "- rate = 2\n  + rate = 3" in told
    assert track("history cell 2").to_text().splitlines()[0].endswith("1 state")
    assert track("history id-0").to_html().count("jp-nbtrack-state") >= 3


def test_search_finds_and_marks(track: Track, project: Path) -> None:
    save(project, "auc = roc_auc_score(y, p)", "x = '<script>alert(1)</script> roc_auc'")
    track("checkpoint")
    with nbtrack.run("tuned") as run:
        run.note("roc_auc is the one that counts")
    found = track("search roc_auc")
    told = found.to_text()
    assert "Code 2, Notes 1" in told
    assert "<> [1] · now" in told
    assert "note on churn-1" in told
    page = found.to_html()
    assert '<mark class="jp-nbtrack-hit">roc_auc</mark>_score' in page
    assert "<script>" not in page
    assert track("search --kind note accuracy").to_text().startswith("No place has")
    assert track("search rocauc_sc").to_text().startswith('No place has "rocauc_sc".')
    with pytest.raises(UsageError, match="one of code"):
        track("search --kind cells x")
    with pytest.raises(UsageError, match="search needs TEXT"):
        track("search")


def test_the_shell_has_the_same_verbs(type_words: Callable[..., Any], project: Path) -> None:
    save(project, "rate = 0.1")
    save(project, "other = 1", name="other.ipynb")
    with pytest.raises(UsageError, match="needs NOTEBOOK in a terminal"):
        type_words("checkpoint")
    with pytest.raises(UsageError, match="there is no notebook at"):
        type_words("checkpoint", "nothing.ipynb")
    type_words("checkpoint", "other.ipynb")
    type_words("checkpoint", "churn.ipynb", "-m", "two words")
    told = type_words("checkpoints").to_text()
    assert told.startswith("churn.ipynb  1 checkpoint")
    assert "1 other notebook: nbtrack checkpoints NOTEBOOK" in told
    assert type_words("checkpoints", "other.ipynb").to_text().startswith("other.ipynb")
    save(project, "rate = 7")
    assert type_words("restore", "two words").to_text().startswith("restored two words\nYour present state was kept")
    assert sources(project) == ["rate = 0.1"]
    assert "rate = 0.1" in type_words("history", "[1]", "--notebook", "churn.ipynb").to_text()
    assert "other.ipynb" in type_words("search", "other").to_text()
    (project / "churn.ipynb").unlink()
    assert "the file is gone" in type_words("checkpoints", "churn.ipynb").to_text()
    assert "the file is gone" in type_words("search", "rate").to_text()
    type_words("restore", "last", "--notebook", "back.ipynb")
    assert sources(project, "back.ipynb") == ["rate = 0.1"]


def test_looking_twice_sends_nothing_twice(shell: Door, project: Path) -> None:
    save(project, *(f"x = {number}" * 200 for number in range(100)))
    run_words(["checkpoint", "churn.ipynb"], shell)
    session = shell.get_session()
    from nbtrack.notebooks.take import taker_of

    taker_of(session.writer).forget(project / "churn.ipynb")
    before = session.writer.journal.size()
    run_words(["checkpoints", "churn.ipynb"], shell)
    assert session.writer.journal.size() == before


def test_gc_lists_old_checkpoints_before_it_removes_them(type_words: Callable[..., Any], project: Path) -> None:
    for number in range(4):
        save(project, f"x = {number}")
        type_words("checkpoint", "churn.ipynb")
    assert type_words("gc").to_text().startswith("nothing to remove")
