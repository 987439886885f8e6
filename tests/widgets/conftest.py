"""A project folder with a store, whose session is closed afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import nbtrack
from nbtrack.tracking import session


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder; churn.ipynb is the notebook of the session that a test opens."""
    folder = tmp_path / "project"
    (folder / ".nbtrack").mkdir(parents=True)
    monkeypatch.chdir(folder)
    session.close_session()
    yield folder
    nbtrack.flush()
    session.close_session()
