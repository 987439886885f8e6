"""The planted secrets, and a redactor with a key of the test's own."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from nbtrack.redaction import Redactor


def _load_planted() -> ModuleType:
    spec = importlib.util.spec_from_file_location("planted_secrets", Path(__file__).with_name("planted.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def planted() -> ModuleType:
    """Makers of secrets and of the places they are left in."""
    return _load_planted()


@pytest.fixture
def redactor() -> Iterator[Redactor]:
    """A redactor that has seen nothing yet."""
    yield Redactor(bytes(range(32)))
