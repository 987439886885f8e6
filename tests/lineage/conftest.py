"""The interpreters that the slices of these tests run in."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from replay import Replayer


@pytest.fixture(scope="session")
def replayer() -> Iterator[Replayer]:
    """Give a process that runs every history in an interpreter of its own."""
    found = Replayer()
    yield found
    found.close()
