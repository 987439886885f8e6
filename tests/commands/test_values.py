"""`param`, `metric`, `tag`, `note`, `artifact`: to the open run, to this cell's, to a named one, from both doors."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.errors import UnknownArtifact, UnknownRun, UsageError


@pytest.fixture
def started(track: Callable[[str], Any]) -> None:
    """A run is open."""
    track("start baseline")


@pytest.mark.usefixtures("started")
def test_parameters_are_json_text_or_variables(track: Callable[[str], Any]) -> None:
    said = track("param lr={lr} layers={layers} opt=adam flag=true none=null name='two words' d={\"a\": [1, 2]} path=C:\\x\\new").to_text()
    assert said.startswith("lr = 0.003, layers = [64, 32], opt = adam")
    expected = {
        "lr": 0.003,
        "layers": [64, 32],
        "opt": "adam",
        "flag": True,
        "none": None,
        "name": "two words",
        "d": {"a": [1, 2]},
        "path": "C:\\x\\new",
    }
    assert nbtrack.get_run("baseline").params == expected


@pytest.mark.usefixtures("started")
def test_metrics_take_the_next_step_or_the_one_given(track: Callable[[str], Any]) -> None:
    track("metric f1=0.5 loss=1")
    assert track("metric f1=0.6 --step 7").to_text() == "f1 = 0.6 at step 7"
    track("metric f1=NaN")
    history = nbtrack.metric_history("baseline", "f1")
    assert list(history["step"]) == [0, 7, 8]
    assert nbtrack.get_run("baseline").metrics["loss"] == 1


@pytest.mark.usefixtures("started")
def test_a_metric_that_is_no_number_is_kept_as_text_and_said(track: Callable[[str], Any], capsys: pytest.CaptureFixture[str]) -> None:
    track("metric f1=high")
    assert nbtrack.get_run("baseline").metrics["f1"] == "high"
    assert "is no number: kept as text" in capsys.readouterr().out


def test_a_direction_is_taught_once_for_the_store(track: Callable[[str], Any]) -> None:
    for depth in (3, 5):
        track("start")
        track(f"metric depth={depth}")
        track("stop")
    assert "★" not in track("runs").to_text()
    assert track("metric depth --lower-is-better").to_text() == "depth: lower is better, from now on in this store"
    assert "3 ★" in track("runs").to_text()
    track("metric depth --higher-is-better")
    assert "5 ★" in track("runs").to_text()


@pytest.mark.usefixtures("started")
def test_tags_are_text_and_null_removes_one(track: Callable[[str], Any]) -> None:
    track('tag team=growth version=1.0 words="two words"')
    assert nbtrack.get_run("baseline").tags == {"team": "growth", "version": "1.0", "words": "two words"}
    assert track("tag team=null").to_text() == "removed team"
    assert "team" not in nbtrack.get_run("baseline").tags


@pytest.mark.usefixtures("started")
def test_a_note_is_the_rest_of_the_line(track: Callable[[str], Any]) -> None:
    text = r"it's 50 % \n better, \"see\" C:\temp --run nothing K={lr}"
    assert track(f"note {text}").to_text() == "noted"
    assert [note.text for note in nbtrack.get_run("baseline").notes] == [text]


@pytest.mark.usefixtures("started")
def test_files_and_variables_become_artifacts(track: Callable[[str], Any], project: Path) -> None:
    (project / "my plot.txt").write_text("plot")
    assert track('artifact "my plot.txt" --kind figure').to_text() == "kept my plot.txt, 4 B"
    track("artifact {layers} --name net")
    kept = {one.name: one.kind for one in nbtrack.get_run("baseline").artifacts}
    assert kept == {"my plot.txt": "figure", "net": "json"}
    with pytest.raises(UnknownArtifact, match=r"my plott.txt"):
        track('artifact "my plott.txt"')


@pytest.mark.usefixtures("three_runs")
def test_a_named_run_takes_values_from_both_doors(track: Callable[[str], Any], type_words: Callable[..., Any]) -> None:
    track("note --run #2 from the notebook")
    track("param --run 2 extra=1")
    type_words("note", "--run", "2", "from", "the", "shell", "--as", "it", "stands")
    type_words("tag", "team=x y", "--run", "churn-2")
    type_words("metric", "--run", "2", "val_f1=0.9")
    record = nbtrack.get_run("churn-2")
    assert [note.text for note in record.notes] == ["from the notebook", "from the shell --as it stands"]
    assert record.tags == {"team": "x y"}
    assert record.params["extra"] == 1
    assert record.metrics["val_f1"] == 0.9
    assert record.summaries["val_f1"].last_step == 20
    assert record.state == "finished"


@pytest.mark.usefixtures("three_runs")
def test_the_shell_means_the_last_run_and_says_which(type_words: Callable[..., Any], said: list[str]) -> None:
    type_words("tag", "team=x")
    assert said == ["nbtrack: no run named, so the last one: churn-4 (--run RUN names another)"]
    assert nbtrack.get_run("churn-4").tags == {"team": "x"}


@pytest.mark.usefixtures("three_runs")
def test_the_run_of_the_parent_process_comes_before_the_last(
    type_words: Callable[..., Any], said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBTRACK_RUN", nbtrack.get_run("churn-2").id)
    type_words("metric", "extra=3")
    assert nbtrack.get_run("churn-2").metrics["extra"] == 3
    assert said == []


def test_an_empty_store_has_no_run_to_fill(type_words: Callable[..., Any], track: Callable[[str], Any]) -> None:
    for call in (lambda: type_words("note", "hello"), lambda: track("note --run nothing hello")):
        with pytest.raises(UnknownRun):
            call()


@pytest.mark.usefixtures("three_runs")
def test_an_unknown_run_names_near_ones_and_writes_nothing(track: Callable[[str], Any]) -> None:
    with pytest.raises(UnknownRun, match="Did you mean 'baseline'"):
        track("note --run basline hello")


@pytest.mark.usefixtures("three_runs")
def test_the_shell_has_no_variables_to_take(type_words: Callable[..., Any]) -> None:
    with pytest.raises(UsageError, match="the shell has none"):
        type_words("param", "--run", "2", "lr={lr}")
