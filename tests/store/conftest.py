"""A store location for every test of this room, and ways to run code in other processes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nbtrack.config import Settings, StoreLocation, open_location
from nbtrack.store import frames, ids
from nbtrack.store.connection import open_reader
from nbtrack.store.frames import Kind
from nbtrack.store.ingest import ingest
from nbtrack.store.journal import Journal
from nbtrack.store.liveness import host_name
from nbtrack.store.migrations import migrate

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def location(tmp_path: Path) -> StoreLocation:
    """A store that does not exist yet, in a project folder that does."""
    (tmp_path / "project").mkdir()
    return open_location(tmp_path / "project" / ".nbtrack")


@pytest.fixture
def journal(location: StoreLocation) -> Iterator[Journal]:
    """A journal of this process, closed afterwards."""
    one = Journal(location, settings=Settings())
    yield one
    one.close()


@pytest.fixture
def start_python() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a Python program that can import nbtrack, with pipes for input and output; it is killed when the test leaves it running."""
    started: list[subprocess.Popen[bytes]] = []

    def start(code: str, *arguments: object) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
        started.append(subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.PIPE, env=environment))
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None and not pipe.closed:
                pipe.close()


@pytest.fixture
def run_python(start_python: Callable[..., subprocess.Popen[bytes]]) -> Callable[..., str]:
    """Run a Python program to its end, which must be a good one, and return what it wrote."""

    def run(code: str, *arguments: object) -> str:
        process = start_python(code, *arguments)
        output, _ = process.communicate(timeout=120)
        assert process.returncode == 0, f"exit {process.returncode}"
        return output.decode()

    return run


@pytest.fixture
def store(location: StoreLocation) -> StoreLocation:
    """A store with its tables made."""
    migrate(location)
    return location


@pytest.fixture
def read_only() -> Iterator[Callable[[Path], Callable[[], None]]]:
    """Make a folder and all below it read-only, for root by a mount; the answer makes it writable again. Skips where neither works."""
    undo: list[Callable[[], None]] = []

    def make(folder: Path) -> Callable[[], None]:
        if os.geteuid() != 0:
            modes = {path: path.stat().st_mode for path in [folder, *folder.rglob("*")] if path.is_dir()}
            for path in modes:
                path.chmod(0o500)

            def restore() -> None:
                for path, mode in modes.items():
                    path.chmod(mode)
        else:
            run_mount("--bind", str(folder), str(folder))
            undo.append(lambda: subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True) and None)
            run_mount("-o", "remount,ro,bind", str(folder))

            def restore() -> None:
                run_mount("-o", "remount,rw,bind", str(folder))

        undo.append(restore)
        return restore

    yield make
    for one in reversed(undo):
        one()


def run_mount(*arguments: str) -> None:
    """Mount, or skip the test where that is not allowed."""
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")


class Script:
    """A journal written by hand: records and points in, a file ``<id>-<generation>.nbj`` out, as a process that is gone left it."""

    WALL = 1_700_000_000_000

    def __init__(self, location: StoreLocation, journal_id: str | None = None, generation: int = 0, folder: Path | None = None) -> None:
        self.location = location
        self.id = journal_id or ids.new_id()
        self.generation = generation
        self.t = 1_000_000 * (generation + 1)
        self.path = (folder or location.journal) / f"{self.id}-{generation:06d}.nbj"
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        head = {
            "format": 1, "journal": self.id, "generation": generation, "wall": self.WALL + self.t // 1000 + 1, "pid": 1,
            "host": host_name(), "boot": ids.boot_id(), "user": "ann", "python": "3.11.7", "nbtrack": "0.1",
        }  # fmt: skip
        self.record(Kind.HEADER, head)

    def raw(self, data: bytes) -> Script:
        """Append bytes as they are."""
        with open(self.path, "ab") as file:
            file.write(data)
        return self

    def record(self, kind: int, head: dict[str, Any], *bodies: bytes) -> Script:
        """Append a record one millisecond after the one before it."""
        self.t += 1000
        return self.raw(frames.pack_record(kind, {"t": self.t, **head}, bodies))

    def session(self, session_id: str = "s1", **more: Any) -> Script:
        """Append a SESSION."""
        return self.record(Kind.SESSION, {"id": session_id, "kind": "kernel", "notebook": "/work/churn.ipynb", **more})

    def run(self, run_id: str | None = None, **more: Any) -> str:
        """Append a RUN and return its id."""
        run_id = run_id or ids.new_id()
        self.record(Kind.RUN, {"id": run_id, "name": None, "experiment": "churn", "origin": "api", **more})
        return run_id

    def params(self, run_id: str, **values: Any) -> Script:
        """Append PARAMS."""
        return self.record(Kind.PARAMS, {"run": run_id, "values": values})

    def log(self, run_id: str, step: int, **values: float) -> Script:
        """Append one POINTS frame."""
        self.t += 1000
        return self.raw(frames.pack_points(frames.series(run_id, tuple(values)), self.t, step, list(values.values())))

    def end(self, run_id: str, state: str = "finished", **more: Any) -> Script:
        """Append a RUN_END."""
        return self.record(Kind.RUN_END, {"run": run_id, "state": state, **more})

    def close(self) -> Script:
        """Append a CLOSE."""
        return self.record(Kind.CLOSE, {})


@pytest.fixture
def script(store: StoreLocation) -> Callable[..., Script]:
    """Write journals by hand into the store of this test."""

    def make(**more: Any) -> Script:
        return Script(store, **more)

    return make


@pytest.fixture
def read(location: StoreLocation) -> Callable[..., Any]:
    """Ingest everything and ask the store one question: ``read(function, *arguments)``."""

    def ask(question: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        report = ingest(location)
        assert report.problem == ""
        with open_reader(location) as db:
            return question(db, *arguments, **more)

    return ask
