"""Runs cells in interpreters of their own: one process with IPython loaded, forked afresh for every history, in an empty folder."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbtrack.lineage import Evidence, Executed, analyse

_SERVER = r"""
import contextlib, hashlib, io, json, os, random, shutil, sys, tempfile, traceback, warnings
os.environ["MPLBACKEND"] = "agg"
warnings.simplefilter("ignore")
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

def states():
    found = {"python": hashlib.sha1(repr(random.getstate()).encode()).hexdigest()}
    if "numpy.random" in sys.modules:
        name, keys, position, *rest = sys.modules["numpy"].random.get_state()
        found["numpy"] = hashlib.sha1(keys.tobytes() + repr((position, rest)).encode()).hexdigest()
    return found

def child(job):
    folder = os.getcwd()
    config = Config()
    config.HistoryManager.enabled = False
    config.InteractiveShell.colors = "NoColor"
    shell = InteractiveShell.instance(config=config)
    opened = []
    def audit(event, arguments):
        if event == "open" and isinstance(arguments[0], str):
            path = os.path.abspath(arguments[0])
            if path.startswith(folder):
                writes = any(c in (arguments[1] or "") for c in "wax+") or bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))
                opened.append((path, writes))
    sys.addaudithook(audit)
    seen = []
    for count, source in enumerate(job["cells"], 1):
        if job["counts"]:
            shell.execution_count = job["counts"][count - 1]
        before, rng = dict(shell.user_ns), states()
        del opened[:]
        out = io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
            result = shell.run_cell(source, store_history=True)
        after = shell.user_ns
        hidden = lambda name: name in ("In", "Out", "_", "__", "___", "_oh", "_ih", "_dh", "_exit_code") or name.startswith(("_i", "_i", "_")) and name.strip("_").isdigit() or name in ("_i", "_ii", "_iii") or name.startswith("_i") and name[2:].isdigit()
        rebound = [name for name in after if not hidden(name) and (name not in before or after[name] is not before[name])]
        now = states()
        error = result.error_before_exec or result.error_in_exec
        seen.append({
            "out": out.getvalue(), "error": type(error).__name__ if error is not None else "",
            "rebound": rebound, "deleted": [name for name in before if name not in after],
            "rng": {name: [rng.get(name, now[name]), now[name]] for name in now},
            "read": [path for path, writes in opened if not writes], "written": [path for path, writes in opened if writes],
            "types": {name: type(after[name]).__name__ for name in rebound}, "displayed": result.result is not None,
        })
    value = None
    if job["show"]:
        try:
            value = repr(eval(job["show"], shell.user_ns))
        except Exception as error:
            value = "raises " + repr(error)
    return {"value": value, "cells": seen}

for line in sys.stdin:
    job = json.loads(line)
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        folder = tempfile.mkdtemp(prefix="replay-")
        os.chdir(folder)
        sys.path.insert(0, folder)
        os.close(reader)
        quiet = os.open(os.devnull, os.O_RDWR)
        os.dup2(quiet, 1); os.dup2(quiet, 2)
        try:
            answer = child(job)
        except BaseException:
            answer = {"failed": traceback.format_exc()}
        with os.fdopen(writer, "w") as pipe:
            json.dump(answer, pipe)
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        text = pipe.read()
    os.waitpid(pid, 0)
    print(text or '{"failed": "the process died"}', flush=True)
"""


@dataclass(frozen=True)
class Ran:
    """What a history printed, what its target showed at the end, and what was seen of each execution."""

    value: str | None
    printed: list[str]
    errors: list[str]
    evidence: list[Evidence]


class Replayer:
    """Runs histories, each in an interpreter nobody used before."""

    def __init__(self) -> None:
        self._server = subprocess.Popen([sys.executable, "-c", _SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def run(self, cells: Sequence[str], show: str = "", counts: Sequence[int] = ()) -> Ran:
        """Run cells; ``show`` is an expression looked at afterwards, ``counts`` the numbers their executions had."""
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.write(json.dumps({"cells": list(cells), "show": show, "counts": list(counts)}) + "\n")
        self._server.stdin.flush()
        answer: dict[str, Any] = json.loads(self._server.stdout.readline())
        assert "failed" not in answer, answer["failed"]
        seen = answer["cells"]
        return Ran(answer["value"], [one["out"] for one in seen], [one["error"] for one in seen], [_evidence(one) for one in seen])

    def close(self) -> None:
        """End the process."""
        assert self._server.stdin is not None and self._server.stdout is not None
        self._server.stdin.close()
        self._server.stdout.close()
        self._server.wait(10)


def _evidence(seen: dict[str, Any]) -> Evidence:
    return Evidence(
        rebound=frozenset(seen["rebound"]),
        deleted=frozenset(seen["deleted"]),
        rng={name: (states[0], states[1]) for name, states in seen["rng"].items()},
        files_read=tuple(seen["read"]),
        files_written=tuple(seen["written"]),
        types=seen["types"],
        error=seen["error"],
        displayed=seen["displayed"],
    )


def as_history(cells: Sequence[str], ran: Ran, *, evidence: bool) -> list[Executed]:
    """Make the history that was run; without evidence only its errors are known, as every front end shows them."""
    found = []
    for at, source in enumerate(cells):
        seen = ran.evidence[at] if evidence else Evidence(error=ran.errors[at]) if ran.errors[at] else None
        found.append(Executed(str(at), analyse(source), seen, at + 1))
    return found
