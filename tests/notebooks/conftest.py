"""A desk with a store, the session of a kernel, and the real notebooks where they are."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbtrack.config import Settings
from nbtrack.tracking import session as sessions

sys.path.insert(0, str(Path(__file__).parent))

from desk import Desk

REAL = os.environ.get("NBTRACK_NOTEBOOKS", "")


@pytest.fixture
def make_desk(tmp_path: Path) -> Iterator[Callable[..., Desk]]:
    """Make a folder with a store; closed afterwards."""
    made: list[Desk] = []

    def make(name: str = "project", **settings: Any) -> Desk:
        folder = (tmp_path / name).resolve()
        folder.mkdir(exist_ok=True)
        made.append(Desk(folder, Settings(**settings)))
        return made[-1]

    yield make
    for desk in made:
        desk.taker.drain(10)
        desk.taker.rest()
        desk.writer.close(30)


@pytest.fixture
def desk(make_desk: Callable[..., Desk]) -> Desk:
    """A folder with a store."""
    return make_desk()


@pytest.fixture
def plain_desk(make_desk: Callable[..., Desk]) -> Desk:
    """A folder with a store that keeps everything as it is, secrets included."""
    return make_desk("plain", capture_redact=False)


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The session of a kernel that runs churn.ipynb; yields the notebook's path."""
    folder = (tmp_path / "kernel").resolve()
    (folder / ".nbtrack").mkdir(parents=True)
    monkeypatch.chdir(folder)
    sessions.close_session()
    sessions.open_session(kind="kernel", notebook=str(folder / "churn.ipynb"))
    yield folder / "churn.ipynb"
    sessions.current().writer.flush(30)
    sessions.close_session()


@pytest.fixture
def real_notebooks() -> list[Path]:
    """Notebooks of real people."""
    if not REAL:
        pytest.skip("NBTRACK_NOTEBOOKS names no folder of real notebooks")
    return sorted(Path(REAL).rglob("*.ipynb"))
