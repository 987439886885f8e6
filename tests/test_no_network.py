"""Nothing leaves the machine: real kernels, scripts and commands run with every connection watched, and none is tried.

A ``sitecustomize`` on PYTHONPATH puts an audit hook into every Python that the test starts, children included: before a socket connects, a
name is looked up or a datagram goes out to anything but this machine, it writes the attempt down and refuses it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent

GUARD = """
import os, sys

LOG = os.environ["NETWORK_ATTEMPTS"]
LOCAL = {"127.0.0.1", "::1", "localhost", "", "0.0.0.0", "::", None}


def watch(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = args[1]
        host = address[0] if isinstance(address, tuple) else None
    elif event in ("socket.getaddrinfo", "socket.gethostbyname"):
        host = args[0].decode() if isinstance(args[0], bytes) else args[0]
    else:
        return
    if host in LOCAL or str(host).startswith("127."):
        return
    with open(LOG, "a") as log:
        log.write(f"{event} {host} {sys.argv[:1]}\\n")
    raise OSError(f"refused by the test: {event} {host}")


sys.addaudithook(watch)
"""

CELLS = """
%load_ext nbtrack

import nbtrack

%%track first
for epoch in range(3):
    nbtrack.log({"loss": 1 / (epoch + 1)}, step=epoch)

with nbtrack.run("second", params={"lr": 0.1}, tags={"team": "x"}, note="a remark") as run:
    run.log({"loss": 0.2})
    run.log_artifact({"a": 1}, "facts.json")

%track

%track runs

%track show second

nbtrack.runs()

nbtrack.metric_history("first", "loss")
"""


@pytest.fixture
def guarded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Watch every Python started from here; return the file that the attempts are written to."""
    place = tmp_path / "guard"
    place.mkdir()
    (place / "sitecustomize.py").write_text(GUARD, "utf-8")
    attempts = tmp_path / "attempts.txt"
    monkeypatch.setenv("NETWORK_ATTEMPTS", str(attempts))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(place), str(ROOT)]))
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    return attempts


def test_the_guard_sees_and_refuses_an_attempt(guarded: Path) -> None:
    code = "import socket; socket.create_connection(('192.0.2.1', 80), timeout=1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "refused by the test" in done.stderr
    assert "192.0.2.1" in guarded.read_text("utf-8")


def test_a_notebook_session_makes_no_connection(guarded: Path) -> None:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(text.strip()) for text in CELLS.strip().split("\n\n")])
    NotebookClient(notebook, timeout=120, kernel_name="python3").execute(cwd=str(Path.cwd()))
    assert (Path.cwd() / ".nbtrack" / "store.db").is_file()
    assert not guarded.exists(), guarded.read_text("utf-8")


def test_a_script_and_the_commands_make_no_connection(guarded: Path) -> None:
    script = """
        import nbtrack
        with nbtrack.run("script", params={"lr": 0.1}) as run:
            run.log({"loss": 0.5})
        print(nbtrack.get_run("script").metrics)
        """
    Path("train.py").write_text(textwrap.dedent(script), "utf-8")
    program = [sys.executable, "-c", "import sys; from nbtrack.cli import main; sys.exit(main())"]
    for command in ([sys.executable, "train.py"], [*program, "runs"], [*program, "show", "script"], [*program, "fsck"]):
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stderr
    assert not guarded.exists(), guarded.read_text("utf-8")
