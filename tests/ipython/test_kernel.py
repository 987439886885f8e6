"""Real ipykernel kernels, as JupyterLab, Notebook 7 and nbclient drive them."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import KernelManager

from nbtrack.config import open_location
from nbtrack.records import Execution, RunRecord, Session
from nbtrack.store import executions, ingest, runs
from nbtrack.store import sessions as stored_sessions
from nbtrack.store.connection import open_reader

ROOT = Path(__file__).resolve().parents[2]
SHOWN = ("stream", "display_data", "update_display_data", "execute_result", "error", "clear_output")


@dataclass
class Kernel:
    """A kernel and its client."""

    manager: KernelManager
    client: Any
    folder: Path

    def run(self, source: str, *, cell_id: str | None = None) -> list[dict[str, Any]]:
        """Execute a cell and return what it sent to be shown."""
        asked = self.send(source, cell_id=cell_id)
        return self.wait(asked)

    def send(self, source: str, *, cell_id: str | None = None) -> str:
        """Ask for the execution of a cell; with stop_on_error a kernel may refuse the next one, with and without nbtrack."""
        content = {
            "code": source,
            "silent": False,
            "store_history": True,
            "user_expressions": {},
            "allow_stdin": False,
            "stop_on_error": False,
        }
        message = self.client.session.msg("execute_request", content, metadata={"cellId": cell_id} if cell_id else {})
        self.client.shell_channel.send(message)
        asked: str = message["header"]["msg_id"]
        return asked

    def wait(self, asked: str) -> list[dict[str, Any]]:
        """Wait until a cell is done."""
        shown = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                break
            if message["msg_type"] in SHOWN:
                shown.append({"type": message["msg_type"], **message["content"]})
        while self.client.get_shell_msg(timeout=60)["parent_header"].get("msg_id") != asked:
            pass
        return shown

    def close(self) -> None:
        """Shut the kernel down in order."""
        self.client.stop_channels()
        if self.manager.is_alive():
            self.manager.shutdown_kernel()
        self.manager.cleanup_resources()

    def recorded(self) -> tuple[list[Execution], list[RunRecord], list[Session]]:
        """Shut down and read what the store has."""
        self.close()
        location = open_location(self.folder / ".nbtrack")
        ingest.ingest(location)
        with open_reader(location) as db:
            cells, found = executions.list_executions(db), runs.list_runs(db)
            return cells, found, stored_sessions.list_sessions(db)


@pytest.fixture
def start_kernel(project: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], Kernel]]:
    """Start kernels in the project's folder; they are shut down when the test leaves them running."""
    started: list[Kernel] = []
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("PYDEVD_DISABLE_FILE_VALIDATION", "1")

    def start(**environment: str) -> Kernel:
        manager = KernelManager()
        command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
        manager._kernel_spec = KernelSpec(argv=command, display_name="python", language="python")
        manager.start_kernel(cwd=str(project), env={**os.environ, **environment}, stderr=-3)
        client = manager.client()
        client.start_channels()
        client.wait_for_ready(timeout=60)
        started.append(Kernel(manager, client, project))
        return started[-1]

    yield start
    for kernel in started:
        kernel.close()


def texts(cell: Execution) -> list[tuple[str, str, str | None]]:
    return [(one.kind, one.mime, one.text) for one in cell.outputs]


def test_a_kernel_records_what_it_shows(start_kernel: Callable[..., Kernel], project: Path) -> None:
    path = project / "churn.ipynb"
    path.write_text("{}", encoding="utf-8")
    kernel = start_kernel(JPY_SESSION_NAME=str(path))
    shown = kernel.run("%load_ext nbtrack", cell_id="cell-0")
    assert [one["text"] for one in shown] == ["nbtrack records this notebook into .nbtrack (%track says more)\n"]
    kernel.run("import sys\nprint('out')\nprint('err', file=sys.stderr)\n'result'", cell_id="cell-1")
    kernel.run("from IPython.display import *\ndisplay(HTML('<b>x</b>'))\nd = display('a', display_id='d'); d.update('b')")
    kernel.run("print('old')\nclear_output(wait=True)\nprint('new')")
    kernel.run("1/0")
    kernel.run("%%track deep\nimport nbtrack\nnbtrack.log({'loss': 0.5})\n!echo from the shell")
    cells, found, sessions = kernel.recorded()
    assert [one.status for one in cells] == ["ok", "ok", "ok", "ok", "error", "ok"], cells[-1].outputs
    assert [one.count for one in cells] == [1, 2, 3, 4, 5, 6]
    assert [one.cell_id for one in cells[:3]] == ["cell-0", "cell-1", None]
    assert texts(cells[1]) == [("stdout", "text/plain", "out\n"), ("stderr", "text/plain", "err\n"), ("result", "text/plain", "'result'")]
    assert texts(cells[2]) == [
        ("display", "text/html", "<b>x</b>"),
        ("display", "text/plain", "<IPython.core.display.HTML object>"),
        ("display", "text/plain", "'b'"),
    ]
    assert texts(cells[3]) == [("stdout", "text/plain", "new\n")]
    assert texts(cells[4]) == [
        (
            "error",
            "text/plain",
            "Traceback (most recent call last):\n  Cell In[5], line 1, in <module>\n    1/0\nZeroDivisionError: division by zero",
        )
    ]
    assert [text.replace("\r\n", "\n") for _, _, text in texts(cells[5]) if text] == ["from the shell\n"]
    assert [(run.name, run.state, run.experiment, run.metrics) for run in found] == [("deep", "finished", "churn", {"loss": 0.5})]
    (session,) = sessions
    assert (session.kind, session.notebook) == ("kernel", str(path))
    assert session.kernel_id is not None
    assert session.kernel_id in kernel.manager.connection_file


def test_the_user_sees_the_same_with_and_without_nbtrack(start_kernel: Callable[..., Kernel]) -> None:
    sources = [
        "import sys, threading, asyncio\nfrom IPython.display import display, clear_output, HTML, Image, JSON",
        "print('a', end='')\nprint('b', file=sys.stderr)\n1 + 1",
        "display(HTML('<i>x</i>'), metadata={'k': 1})\nd = display(1, display_id='x')\nd.update(2)\nclear_output()",
        "for i in range(5): print('\\r', i, end='')",
        "def f():\n    return 1 / 0\nf()",
        "await asyncio.sleep(0.01)\n'awaited'",
        "%%capture c\nprint('x')\n5",
        "c.show()",
        "raise SystemExit",
        "for",
        "_, __, Out[2], In[2]",
        "t = threading.Thread(target=print, args=('thread',)); t.start(); t.join(); sys.stdout.flush()",
        "1;",
        "class Odd:\n    def _repr_html_(self):\n        raise ValueError('no')\n\n    def __repr__(self):\n        return 'odd'\nOdd()",
        "sys.stdout.write.__name__ is not None",
    ]
    plain, tracked = start_kernel(), start_kernel()
    plain.run("pass")
    tracked.run("%load_ext nbtrack")
    for source in sources:
        assert _merged(tracked.run(source)) == _merged(plain.run(source)), source


def _merged(shown: list[dict[str, Any]]) -> str:
    """Join neighbouring stream messages: where they are cut depends on time. Addresses and process numbers differ."""
    merged: list[dict[str, Any]] = []
    for one in shown:
        if merged and one["type"] == "stream" and merged[-1]["type"] == "stream" and merged[-1]["name"] == one["name"]:
            merged[-1] = {**one, "text": merged[-1]["text"] + one["text"]}
        else:
            merged.append(one)
    text = json.dumps(merged, sort_keys=True)
    return re.sub(r"0x[0-9a-f]+|ipykernel_\d+", "#", text)


BEGUN = "import time, asyncio\nprint('begun', flush=True)\n"


@pytest.mark.skipif(sys.platform == "win32", reason="interrupts are sent otherwise")
@pytest.mark.parametrize("source", [f"{BEGUN}time.sleep(60)", f"{BEGUN}await asyncio.sleep(2)"])
def test_an_interrupted_cell_is_recorded_as_interrupted(start_kernel: Callable[..., Kernel], source: str) -> None:
    kernel = start_kernel()
    kernel.run("%load_ext nbtrack")
    asked = kernel.send(source)
    while kernel.client.get_iopub_msg(timeout=60)["msg_type"] != "stream":
        pass
    time.sleep(0.2)
    kernel.manager.interrupt_kernel()
    kernel.wait(asked)
    assert kernel.run("print('alive')")[0]["text"] == "alive\n"
    cells, _, _ = kernel.recorded()
    assert [one.status for one in cells] == ["ok", "interrupted", "ok"]


def test_threads_that_print_after_their_cell_are_shown_and_harmless(start_kernel: Callable[..., Kernel]) -> None:
    kernel = start_kernel()
    kernel.run("%load_ext nbtrack")
    kernel.run("import threading, time\nt = threading.Thread(target=lambda: (time.sleep(0.3), print('late')))\nt.start()")
    kernel.run("t.join()\nprint('joined')")
    kernel.run("print('next')")
    cells, _, _ = kernel.recorded()
    assert [one.status for one in cells] == ["ok"] * 4
    assert texts(cells[3]) == [("stdout", "text/plain", "next\n")]


def test_a_killed_kernel_leaves_the_cell_it_died_in(start_kernel: Callable[..., Kernel]) -> None:
    kernel = start_kernel()
    kernel.run("%load_ext nbtrack")
    kernel.run("x = 1")
    kernel.send("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")
    for _ in range(100):
        if not kernel.manager.is_alive():
            break
        time.sleep(0.1)
    cells, _, _ = kernel.recorded()
    assert [(one.source[:5], one.status) for one in cells] == [("%load", "ok"), ("x = 1", "ok"), ("impor", "killed")]


def test_nbclient_runs_a_notebook_that_is_recorded(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    nbclient, nbformat = pytest.importorskip("nbclient"), pytest.importorskip("nbformat")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    cells = ["%load_ext nbtrack", "%%track one\n1/0", "print('not reached')"]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in cells])
    manager = KernelManager()
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    manager._kernel_spec = KernelSpec(argv=command, display_name="python", language="python")
    client = nbclient.NotebookClient(notebook, km=manager, resources={"metadata": {"path": str(project)}}, timeout=60)
    with pytest.raises(nbclient.exceptions.CellExecutionError, match="ZeroDivisionError"):
        client.execute()
    client.kc.stop_channels()
    manager.shutdown_kernel()
    manager.cleanup_resources()
    location = open_location(project / ".nbtrack")
    ingest.ingest(location)
    with open_reader(location) as db:
        assert [(one.source, one.status) for one in executions.list_executions(db)] == [
            ("%load_ext nbtrack", "ok"),
            ("%%track one\n1/0", "error"),
        ]
        assert [(run.name, run.state) for run in runs.list_runs(db)] == [("one", "failed")]
