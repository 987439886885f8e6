"""A real shell for every test of this room, with nbtrack loaded; afterwards nothing of nbtrack may be left on it."""

from __future__ import annotations

import atexit
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from IPython.core.completer import provisionalcompleter
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from nbtrack.records import Execution, RunRecord
from nbtrack.store import executions, runs
from nbtrack.tracking import session as sessions


@dataclass(frozen=True)
class Notebook:
    """A shell as a notebook uses it."""

    shell: InteractiveShell

    def run(self, source: str) -> Any:
        """Execute a cell as a front end does; returns IPython's result."""
        return self.shell.run_cell(source, store_history=True)

    def cells(self) -> list[Execution]:
        """What the store knows of this session's cells."""
        current = sessions.current()
        return current.query(lambda db: executions.list_executions(db, session_id=current.id))

    def last(self) -> Execution:
        """The cell recorded last."""
        return self.cells()[-1]

    def runs(self) -> list[RunRecord]:
        """The runs in the store, the oldest first."""
        return sessions.current().query(lambda db: runs.list_runs(db))[::-1]

    def texts(self, execution: Execution) -> list[tuple[str, str | None]]:
        """The outputs of a cell as kind and text."""
        return [(output.kind, output.text) for output in execution.outputs]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store of its own, the current one."""
    (tmp_path / ".nbtrack").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return tmp_path


@pytest.fixture
def bare(project: Path) -> Iterator[Notebook]:
    """A shell without nbtrack."""
    sessions.close_session()
    InteractiveShell.clear_instance()
    shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    before = _traces(shell)
    excepthook, displayhook = sys.excepthook, sys.displayhook
    yield Notebook(shell)
    if "nbtrack" in shell.extension_manager.loaded:
        shell.extension_manager.unload_extension("nbtrack")
    sessions.close_session()
    for thread in threading.enumerate():
        if thread.name.startswith("nbtrack"):
            thread.join(20)  # closing waits a second only; a store that was broken on purpose takes its thread longer
    after = _traces(shell)
    atexit.unregister(shell.atexit_operations)
    shell.atexit_operations()
    shell.restore_sys_module_state()
    InteractiveShell.clear_instance()
    sys.excepthook, sys.displayhook = excepthook, displayhook
    assert after == before, "nbtrack left something on the shell"


@pytest.fixture
def notebook(bare: Notebook) -> Notebook:
    """A shell whose first cell loaded nbtrack."""
    bare.run("%load_ext nbtrack")
    return bare


@pytest.fixture
def typed() -> Callable[[InteractiveShell, str], list[str]]:
    """Press tab at the end of a line."""

    def press(shell: InteractiveShell, line: str) -> list[str]:
        with provisionalcompleter():
            return [one.text for one in shell.Completer.completions(line, len(line))]

    return press


def wrapped(shell: InteractiveShell) -> list[str]:
    """The methods that a wrap of ours stands on."""
    owners = (sys.stdout, sys.stderr, shell, shell.display_pub, shell.displayhook)
    return [name for owner in owners for name, value in vars(owner).items() if getattr(value, "__module__", "") == "nbtrack.ipython.taps"]


def _traces(shell: InteractiveShell) -> dict[str, Any]:
    """Everything of a shell that an extension may touch."""
    return {
        "callbacks": [one for functions in shell.events.callbacks.values() for one in functions if one.__module__.startswith("nbtrack")],
        "magics": ["track" in names for names in shell.magics_manager.magics.values()],
        "user magics": "track" in vars(shell.magics_manager.user_magics),
        "transformers": [*shell.input_transformers_cleanup, *shell.input_transformers_post, *shell.ast_transformers],
        "completers": sorted(shell.strdispatchers["complete_command"].strs),
        "wrapped": wrapped(shell),
    }
