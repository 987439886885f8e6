"""Load and unload: one line, no trace, no library that the user did not import."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from nbtrack.store import executions, ingest
from nbtrack.store.connection import open_reader
from nbtrack.tracking import session as sessions

from .conftest import Notebook

ROOT = Path(__file__).resolve().parents[2]
HEAVY = (
    "pandas",
    "numpy",
    "plotly",
    "click",
    "sqlite_utils",
    "matplotlib",
    "sklearn",
    "ipywidgets",
    "anywidget",
    "nbformat",
    "xxhash",
)


def test_loading_says_one_line(bare: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    bare.run("%load_ext nbtrack")
    assert capsys.readouterr().out == "nbtrack records this session into .nbtrack (%track says more)\n"


def test_loading_twice_is_harmless(notebook: Notebook, capsys: pytest.CaptureFixture[str]) -> None:
    from nbtrack import load_ipython_extension

    first = sessions.current()
    load_ipython_extension(notebook.shell)
    notebook.run("%load_ext nbtrack")
    assert sessions.current() is first
    assert len(notebook.shell.events.callbacks["pre_run_cell"]) == 1


def test_reloading_goes_on_in_a_new_session(notebook: Notebook) -> None:
    first = sessions.current().id
    notebook.run("%reload_ext nbtrack")
    notebook.run("x = 1")
    assert sessions.current().id != first
    assert notebook.last().source == "x = 1"
    assert len(notebook.shell.events.callbacks["pre_run_cell"]) == 1


def test_unloading_leaves_no_trace_and_the_record(notebook: Notebook) -> None:
    location = sessions.current().location
    notebook.run("x = 1")
    notebook.run("%unload_ext nbtrack")
    notebook.run("y = 2")
    assert notebook.shell.find_line_magic("track") is None
    assert notebook.shell.find_cell_magic("track") is None
    ingest.ingest(location)
    with open_reader(location) as db:
        assert [one.source for one in executions.list_executions(db)] == ["%load_ext nbtrack", "x = 1", "%unload_ext nbtrack"]


def test_a_track_magic_of_somebody_else_comes_back(bare: Notebook) -> None:
    def track(line: str) -> str:
        return "mine"

    bare.shell.register_magic_function(track, "line", "track")
    bare.run("%load_ext nbtrack")
    bare.run("%unload_ext nbtrack")
    assert bare.run("%track").result == "mine"
    del bare.shell.magics_manager.magics["line"]["track"]


def test_settings_that_cannot_be_read_are_said_and_stop_nothing(bare: Notebook, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "nbtrack.toml").write_text("[capture]\noutptus = true\n", encoding="utf-8")
    assert bare.run("%load_ext nbtrack").success
    said = capsys.readouterr().out
    assert said.startswith("nbtrack: not recording: ")
    assert "'capture.outptus'. Did you mean capture.outputs" in said
    assert bare.shell.events.callbacks["pre_run_cell"] == []


def test_cells_are_left_alone_when_the_setting_says_so(bare: Notebook, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBTRACK_CAPTURE_CELLS", "off")
    bare.run("%load_ext nbtrack")
    bare.run("x = 1")
    sessions.current().writer.flush()
    assert list((project / ".nbtrack").iterdir()) == []
    assert bare.shell.events.callbacks["pre_run_cell"] == []


def test_a_session_that_the_user_opened_first_becomes_the_shells(bare: Notebook) -> None:
    bare.run("import nbtrack\nr = nbtrack.run('early')")
    bare.run("%load_ext nbtrack")
    bare.run("r.log({'loss': 1.0})\nr.finish()")
    assert sessions.current().kind == "shell"
    assert [run.name for run in bare.runs()] == ["early"]


def test_the_line_magic_hands_its_line_to_the_verbs(notebook: Notebook) -> None:
    result = notebook.run("%track nosuchverb")
    assert type(result.error_in_exec).__name__ == "UnknownVerb"
    assert notebook.run("%track").success


def test_a_cell_magic_below_another_line_says_where_it_belongs(notebook: Notebook) -> None:
    result = notebook.run("get_ipython().run_cell_magic('track', '', 'x = 1')")
    assert type(result.error_in_exec).__name__ == "UsageError"


def test_loading_imports_no_library_that_the_user_did_not_import(project: Path) -> None:
    code = f"""
import sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
before = set(sys.modules)
shell.run_cell("%load_ext nbtrack", store_history=True)
shell.run_cell("x = 1\\nprint(x)\\nx", store_history=True)
shell.run_cell("1/0", store_history=True)
new = set(sys.modules) - before
print("NEW", sorted(name for name in {HEAVY!r} if name in new))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=project, env=_environment())
    assert "NEW []" in done.stdout, done.stdout + done.stderr


def _environment() -> dict[str, str]:
    import os

    return {**os.environ, "PYTHONPATH": str(ROOT)}
