"""Every test of this room works in a project folder with a store of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from nbtrack.tracking.session import close_session


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The folder; the session that a test opened is closed afterwards."""
    (tmp_path / ".nbtrack").mkdir()
    monkeypatch.chdir(tmp_path)
    close_session()
    yield tmp_path
    close_session()
