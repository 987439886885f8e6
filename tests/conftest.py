"""What every test gets: a home, an environment and a folder of its own, and a look afterwards at what it left running or open."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE_S = 5.0  # a thread that was told to end may still be at a write on a busy machine
KEPT_VARIABLES = {"NBTRACK_CHROMIUM", "NBTRACK_SCREENSHOTS"}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add ``--long``: the long form of every promise."""
    parser.addoption("--long", action="store_true", default=False, help="run the promises in their long form")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what only the long form runs."""
    if not config.getoption("--long"):
        for item in items:
            if item.get_closest_marker("long"):
                item.add_marker(pytest.mark.skip(reason="only with --long"))


@pytest.fixture(scope="session")
def long_run(pytestconfig: pytest.Config) -> bool:
    """Whether the promises are tested in their long form."""
    return bool(pytestconfig.getoption("--long"))


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test a home and a current folder that nobody else has; return the home."""
    home = tmp_path_factory.mktemp("home")
    for name in list(os.environ):
        if name == "JPY_SESSION_NAME" or (name.startswith("NBTRACK_") and name not in KEPT_VARIABLES):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    for name, folder in (("DATA", ".local/share"), ("STATE", ".local/state"), ("CONFIG", ".config"), ("CACHE", ".cache")):
        monkeypatch.setenv(f"XDG_{name}_HOME", str(home / folder))
    if os.environ.get("PYTHONPATH"):  # a relative entry would mean another folder to a child of the test
        monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, os.environ["PYTHONPATH"].split(os.pathsep))))
    work = home / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return home


@pytest.fixture(autouse=True)
def nothing_left(isolated: Path) -> Iterator[None]:
    """Fail a test that leaves a thread of nbtrack running or a file of a store open."""
    threads, files = _our_threads(), _our_open_files()
    yield
    end = time.monotonic() + PATIENCE_S
    while (_our_threads() - threads or _our_open_files() - files) and time.monotonic() < end:
        time.sleep(0.02)
    left = _our_threads() - threads
    assert not left, f"the test left threads running: {sorted(thread.name for thread in left)}"
    opened = _our_open_files() - files
    assert not opened, f"the test left files open: {sorted(opened)}"


def _our_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("nbtrack")}


def _our_open_files() -> set[tuple[str, str]]:
    """Descriptors of this process that belong to a store; empty where /proc does not tell."""
    found = set()
    for entry in Path("/proc/self/fd").glob("*"):
        try:
            target = entry.readlink().name
        except OSError:
            continue
        if target.split(" ")[0].endswith((".nbj", "store.db", "store.db-wal", "store.lock")):
            found.add((entry.name, target))
    return found
