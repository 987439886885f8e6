"""A project folder with a store, the door of a notebook and the door of a shell, and a way to fill the store."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.commands import Door, run_line, run_words
from nbtrack.tracking import session


class StillSwitch:
    """The hooks of a kernel that does not exist: remembers what was asked of it."""

    def __init__(self) -> None:
        self.state = "on"

    def turn_on(self) -> None:
        self.state = "on"

    def turn_off(self) -> None:
        self.state = "off"

    def pause(self) -> None:
        self.state = "paused"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder; the session that a test opened is closed afterwards."""
    folder = tmp_path / "project"
    (folder / ".nbtrack").mkdir(parents=True)
    monkeypatch.chdir(folder)
    session.close_session()
    yield folder
    _settle()


@pytest.fixture
def said() -> list[str]:
    """The quiet lines that verbs said beside their result."""
    return []


@pytest.fixture
def notebook(project: Path, said: list[str]) -> Door:
    """The door of churn.ipynb, with some variables."""
    session.open_session(kind="kernel", notebook=str(project / "churn.ipynb"))
    return Door("notebook", session.current, {"lr": 0.003, "layers": [64, 32], "text": "two words"}, StillSwitch(), said.append)


@pytest.fixture
def shell(said: list[str]) -> Door:
    """The door of a terminal in the same folder."""
    return Door("shell", lambda: session.open_session(kind="shell"), say=said.append)


@pytest.fixture
def track(notebook: Door) -> Callable[[str], Any]:
    """Type a line behind `%track`."""
    return lambda line: run_line(line, notebook)


@pytest.fixture
def type_words(shell: Door) -> Callable[..., Any]:
    """Type words behind `nbtrack`."""
    return lambda *words: run_words(words, shell)


@pytest.fixture
def three_runs(project: Path) -> None:
    """Three finished runs, the last of them the best, and one that failed."""
    for number, rate in enumerate((0.1, 0.01, 0.001)):
        with nbtrack.run("baseline" if not number else None, experiment="churn", params={"lr": rate, "seed": 7}) as run:
            for step in range(20):
                run.log({"val_f1": 0.5 + 0.3 * (1 - math.exp(-step / 5)) + number / 100, "val_loss": 1 / (step + 1)})
    with pytest.raises(ZeroDivisionError), nbtrack.run(experiment="churn", params={"lr": 9.0}):
        raise ZeroDivisionError("no way")
    _settle()


def _settle() -> None:
    """Wait until everything is in the store, however busy the machine is, and close the session."""
    nbtrack.flush()
    session.close_session()
