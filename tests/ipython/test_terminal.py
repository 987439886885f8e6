"""Plain IPython in a terminal: the program itself, fed through a pipe and on a pseudo terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrack.config import open_location
from nbtrack.records import Execution
from nbtrack.store import executions, ingest, runs, sessions
from nbtrack.store.connection import open_reader

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "IPython", "--no-banner", "--no-confirm-exit", "--colors=NoColor", "--simple-prompt"]


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "TERM": "dumb"}


def cells_of(project: Path) -> list[Execution]:
    location = open_location(project / ".nbtrack")
    ingest.ingest(location)
    with open_reader(location) as db:
        assert [one.kind for one in sessions.list_sessions(db)] == ["shell"]
        return executions.list_executions(db)


def test_a_piped_ipython_records_its_lines(project: Path) -> None:
    lines = "%load_ext nbtrack\nprint('out')\n6 * 7\n1/0\nfrom IPython.display import display, HTML\ndisplay(HTML('<b>x</b>'))\nexit()\n"
    done = subprocess.run(COMMAND, input=lines, capture_output=True, text=True, cwd=project, env=environment(), timeout=120, check=False)
    assert "nbtrack records this session into .nbtrack (%track says more)" in done.stdout, done.stdout + done.stderr
    assert "Out[3]: 42" in done.stdout
    assert "Error in callback" not in done.stdout
    cells = cells_of(project)
    assert [(one.source, one.status, one.count) for one in cells[:5]] == [
        ("%load_ext nbtrack", "ok", 1),
        ("print('out')", "ok", 2),
        ("6 * 7", "ok", 3),
        ("1/0", "error", 4),
        ("from IPython.display import display, HTML", "ok", 5),
    ]
    shown = [[(output.kind, output.mime, output.text) for output in one.outputs] for one in cells]
    assert shown[1] == [("stdout", "text/plain", "out\n")]
    assert shown[2] == [("result", "text/plain", "42")]
    assert [kind for kind, _, _ in shown[3]] == ["error"]
    assert shown[5] == [("display", "text/plain", "<IPython.core.display.HTML object>")]  # a terminal asks for no HTML


def test_a_run_left_open_ends_with_the_program(project: Path) -> None:
    lines = "%load_ext nbtrack\nimport nbtrack\nr = nbtrack.run('left')\nr.log({'loss': 1.0})\n"
    subprocess.run(COMMAND, input=lines, capture_output=True, text=True, cwd=project, env=environment(), timeout=120, check=False)
    cells_of(project)
    with open_reader(open_location(project / ".nbtrack")) as db:
        assert [(run.name, run.state) for run in runs.list_runs(db)] == [("left", "finished")]


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo terminal there")
def test_an_ipython_on_a_terminal_records_results_without_their_prompts(project: Path) -> None:
    pexpect = pytest.importorskip("pexpect")
    command = [part for part in COMMAND if part != "--simple-prompt"]
    child = pexpect.spawn(command[0], command[1:], cwd=str(project), env={**environment(), "TERM": "xterm"}, timeout=60, encoding="utf-8")
    for number, line in enumerate(("%load_ext nbtrack", "21 * 2", "print('out')", "exit()"), 1):
        child.expect(rf"\[{number}\]")
        child.send(line + "\r")
    child.expect(pexpect.EOF)
    child.close()
    cells = cells_of(project)
    assert [(one.source, one.status) for one in cells[1:3]] == [("21 * 2", "ok"), ("print('out')", "ok")]
    assert [(output.kind, output.text) for one in cells[1:3] for output in one.outputs] == [("result", "42"), ("stdout", "out\n")]
