"""A store that is locked, full, broken or gone costs no cell anything: no traceback, every output as it was."""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbtrack.store.filelock import FileLock
from nbtrack.tracking import session as sessions

from .conftest import Notebook

Fault = Callable[[Path], contextlib.AbstractContextManager[None]]


@contextlib.contextmanager
def locked(store: Path) -> Iterator[None]:
    """Another program holds the store's lock file."""
    with FileLock(store / "store.lock"):
        yield


@contextlib.contextmanager
def busy(store: Path) -> Iterator[None]:
    """Another program holds a write transaction."""
    db = sqlite3.connect(store / "store.db", isolation_level=None)
    db.execute("begin immediate")
    yield
    db.execute("rollback")
    db.close()


@contextlib.contextmanager
def full(store: Path) -> Iterator[None]:
    """No file can grow."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = min(path.stat().st_size for path in (store / "journal").iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def read_only(store: Path) -> Iterator[None]:
    """The folder cannot be written."""
    with modes(0o500, store, store / "journal"), modes(0o400, store / "store.db"):
        yield


@contextlib.contextmanager
def forbidden(store: Path) -> Iterator[None]:
    """Nothing in the folder can be opened."""
    with modes(0o000, store / "store.db", store / "store.lock", *(store / "journal").iterdir()):
        yield


@contextlib.contextmanager
def closed(store: Path) -> Iterator[None]:
    """The folder cannot even be looked into."""
    with modes(0o000, store):
        yield


@contextlib.contextmanager
def corrupt(store: Path) -> Iterator[None]:
    """The database has lost its pages."""
    with (store / "store.db").open("r+b") as file:
        file.seek(100)
        file.write(os.urandom(8_000))
    yield


@contextlib.contextmanager
def garbage(store: Path) -> Iterator[None]:
    """The database is something else altogether."""
    (store / "store.db").write_bytes(b"this is no database\n" * 100)
    yield


@contextlib.contextmanager
def newer(store: Path) -> Iterator[None]:
    """A newer nbtrack has migrated the store."""
    with contextlib.closing(sqlite3.connect(store / "store.db")) as db:
        db.execute("pragma user_version = 9999")
    yield


@contextlib.contextmanager
def deleted(store: Path) -> Iterator[None]:
    """The whole store was deleted."""
    shutil.rmtree(store)
    yield


@contextlib.contextmanager
def without_journals(store: Path) -> Iterator[None]:
    """The journal folder was deleted."""
    shutil.rmtree(store / "journal")
    yield


@contextlib.contextmanager
def without_journal(store: Path) -> Iterator[None]:
    """The journal was deleted."""
    for path in (store / "journal").iterdir():
        path.unlink()
    yield


@contextlib.contextmanager
def no_folder(store: Path) -> Iterator[None]:
    """A file stands where the store was."""
    shutil.rmtree(store)
    store.write_text("a file", encoding="utf-8")
    yield
    store.unlink()


@contextlib.contextmanager
def folder_for_database(store: Path) -> Iterator[None]:
    """A folder stands where the database was."""
    for path in store.glob("store.db*"):
        path.unlink()
    (store / "store.db").mkdir()
    yield


FAULTS = (
    locked, busy, full, read_only, forbidden, closed, corrupt, garbage, newer, deleted, without_journals, without_journal, no_folder,
    folder_for_database,
)  # fmt: skip


@contextlib.contextmanager
def modes(mode: int, *paths: Path) -> Iterator[None]:
    """Give files a mode and their own back."""
    before = [(path, path.stat().st_mode) for path in paths if path.exists()]
    for path, _ in before:
        path.chmod(mode)
    yield
    for path, own in reversed(before):
        path.chmod(own)


CELLS = (
    ("print('one')", "one\n", None),
    ("import nbtrack\nnbtrack.log({'loss': 0.5})\nprint('two')", "two\n", None),
    ("%%track deep\nnbtrack.log({'loss': 0.25})\nprint('three')", "three\n", None),
    ("print('four')\n1/0", "four\n", "ZeroDivisionError"),
    ("print('x' * 300_000)", "x" * 300_000 + "\n", None),
    ("with nbtrack.run('block') as run:\n    run.log_params({'lr': 0.1})\nprint('six')", "six\n", None),
    ("%track off", "", None),
    ("%track on", "", None),
    ("'eight'", "", None),
)


def run_cells(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    """Run some cells; each must show what it would show without nbtrack, but for one quiet line in all."""
    capsys.readouterr()
    said: list[str] = []
    for source, printed, error in CELLS:
        result = notebook.run(source)
        shown = capsys.readouterr()
        raised = result.error_before_exec or result.error_in_exec
        assert (type(raised).__name__ if raised else None) == error, (source, shown)
        said += [line for line in shown.out.splitlines() + shown.err.splitlines() if line.startswith("nbtrack")]
        assert printed in shown.out
        assert "Error in callback" not in shown.out + shown.err
        assert error is not None or "Traceback" not in shown.out + shown.err
    assert len(said) <= 1, said


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_cells_go_on_when_the_store_is(fault: Fault, notebook: Notebook, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    notebook.run("print('before')")
    assert sessions.current().writer.flush()
    with fault(project / ".nbtrack"):
        run_cells(notebook, capsys)


@pytest.mark.parametrize(
    "fault", [corrupt, garbage, newer, read_only, closed, no_folder, folder_for_database], ids=lambda fault: fault.__name__
)
def test_cells_go_on_when_at_the_load_the_store_is(fault: Fault, bare: Notebook, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bare.run("%load_ext nbtrack")
    assert sessions.current().writer.flush()
    bare.run("%unload_ext nbtrack")
    with fault(project / ".nbtrack"):
        assert bare.run("%load_ext nbtrack").success
        run_cells(bare, capsys)
        bare.run("%unload_ext nbtrack")


@pytest.mark.parametrize("fault", [locked, busy, full, without_journal], ids=lambda fault: fault.__name__)
def test_what_ran_meanwhile_is_there_once_the_fault_is_over(
    fault: Fault, notebook: Notebook, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    notebook.run("print('before')")
    assert sessions.current().writer.flush()
    with fault(project / ".nbtrack"):
        run_cells(notebook, capsys)
    assert [one.source for one in notebook.cells()[2:]] == [source for source, _, _ in CELLS]


@pytest.mark.skipif(sys.platform == "win32", reason="no such modes there")
def test_cells_go_on_when_neither_store_nor_state_folder_can_be_written(
    notebook: Notebook, project: Path, isolated: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = isolated / ".local"
    shutil.rmtree(state, ignore_errors=True)
    state.write_text("a file", encoding="utf-8")
    with no_folder(project / ".nbtrack"):
        run_cells(notebook, capsys)
