"""Prove slices on real notebooks: ``python -m benchmarks.slices [--seeds N] [--targets 5] [--notebook NAME ...] [--most-seconds S]``.

Every notebook under ``NBTRACK_NOTEBOOKS`` is executed once from top to bottom and once per seed with 40 % of its cells executed again at
random; of each history some executions that printed are drawn, sliced, and the slice is executed in a fresh interpreter. What the
target prints there is compared with what it printed in the history. The random state at kernel start is given back, as recording keeps it.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import percentile
from nbtrack.lineage import Evidence, Executed, History, analyse

NOTEBOOKS = ("linear_models", "decision_trees", "lightgbm_plots")
AGAIN = 0.4
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+|id='?\w+'?|model_id\S+|\d+(?:\.\d+)? ?(?:ms|µs|us|ns|s)\b")

KERNEL = r"""
import contextlib, hashlib, io, json, os, random, signal, sys, time, warnings
os.environ["MPLBACKEND"] = "agg"
warnings.simplefilter("ignore")
task = json.load(sys.stdin)
import numpy as np
random.seed(12345); np.random.seed(12345)
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config
config = Config(); config.HistoryManager.enabled = False; config.InteractiveShell.colors = "NoColor"
shell = InteractiveShell.instance(config=config)
folder, opened = os.getcwd(), []
def audit(event, arguments):
    if event == "open" and isinstance(arguments[0], str):
        path = os.path.abspath(arguments[0])
        if path.startswith(task["root"]):
            opened.append((path, any(c in (arguments[1] or "") for c in "wax+") or bool(arguments[2] & (os.O_WRONLY | os.O_RDWR))))
sys.addaudithook(audit)
def states():
    name, keys, position, *rest = np.random.get_state()
    return {"python": hashlib.sha1(repr(random.getstate()).encode()).hexdigest(),
            "numpy": hashlib.sha1(keys.tobytes() + repr((position, rest)).encode()).hexdigest()}
class Late(Exception): pass
def late(*_): raise Late("the cell took too long")
signal.signal(signal.SIGALRM, late)
seen = []
for count, source in zip(task["counts"], task["cells"]):
    shell.execution_count = count
    before, rng = dict(shell.user_ns), states()
    del opened[:]
    out, begin = io.StringIO(), time.perf_counter()
    signal.alarm(task["most"])
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(io.StringIO()):
        result = shell.run_cell(source, store_history=True)
    signal.alarm(0)
    after = shell.user_ns
    mine = [name for name in after if not name.startswith("_") and name not in ("In", "Out")]
    rebound = [name for name in mine if name not in before or after[name] is not before[name]]
    now = states()
    error = result.error_before_exec or result.error_in_exec
    plt = sys.modules.get("matplotlib.pyplot")
    if plt is not None:
        plt.close("all")
    seen.append({
        "out": out.getvalue(), "error": type(error).__name__ if error is not None else "", "rebound": rebound,
        "deleted": [name for name in before if not name.startswith("_") and name not in after],
        "rng": {name: [rng[name], now[name]] for name in now}, "seconds": time.perf_counter() - begin,
        "read": [path for path, writes in opened if not writes], "written": [path for path, writes in opened if writes],
        "types": {name: type(after[name]).__name__ for name in rebound}, "displayed": result.result is not None,
    })
print("\n@@" + json.dumps(seen), file=sys.__stderr__, flush=True)
os._exit(0)
"""


@dataclass(frozen=True)
class Outcome:
    """One slice put to the proof."""

    notebook: str
    kind: str
    same: bool
    share: float
    told: str


def run_cells(cells: Sequence[str], counts: Sequence[int], *, most: int) -> list[dict[str, Any]]:
    """Run cells in a fresh interpreter and an empty folder; returns what was seen of each."""
    with tempfile.TemporaryDirectory(prefix="nbtrack-slices-") as root:
        work = Path(root) / "examples" / "notebooks"
        work.mkdir(parents=True)
        _write_regression(Path(root) / "regression")
        task = {"cells": list(cells), "counts": list(counts), "most": most, "root": root}
        environment = {**os.environ, "IPYTHONDIR": root, "OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"}
        done = subprocess.run(
            [sys.executable, "-c", KERNEL], input=json.dumps(task), capture_output=True, text=True, cwd=work, env=environment, check=False
        )
    marked = [line for line in done.stderr.splitlines() if line.startswith("@@")]
    if not marked:
        raise RuntimeError(f"the interpreter said nothing:\n{done.stderr[-2000:]}")
    return json.loads(marked[-1][2:])


def _write_regression(folder: Path) -> None:
    """Write data of the shape that the LightGBM notebook expects."""
    folder.mkdir()
    draw = random.Random(3)
    for name, rows in (("regression.train", 700), ("regression.test", 100)):
        lines = []
        for _ in range(rows):
            found = [draw.random() for _ in range(28)]
            lines.append("\t".join([str(int(found[0] + found[1] > 1)), *(f"{one:.3f}" for one in found)]))
        (folder / name).write_text("\n".join(lines))


def order_of(cells: int, seed: int | None) -> list[int]:
    """Return the order of execution: straight, or with 40 % executed again at random places after their first run."""
    if seed is None:
        return list(range(cells))
    draw = random.Random(seed)
    order = []
    for at in range(cells):
        order.append(at)
        if draw.random() < AGAIN:
            order.append(draw.randrange(at + 1))
    return order


def prove(name: str, sources: Sequence[str], seed: int | None, *, targets: int, most: int) -> list[Outcome]:
    """Run one history and prove some of its slices."""
    order = order_of(len(sources), seed)
    ran = [sources[at] for at in order]
    seen = run_cells(ran, range(1, len(ran) + 1), most=most)
    analysed = {at: analyse(sources[at]) for at in set(order)}
    history = History(
        [Executed(str(at), analysed[cell], _evidence(one), at + 1) for at, (cell, one) in enumerate(zip(order, seen, strict=True))]
    )
    printed = [at for at, one in enumerate(seen) if one["out"].strip() and not one["error"]]
    drawn = random.Random(seed or 0).sample(printed, min(targets, len(printed)))
    found = []
    for at in sorted(drawn):
        part = history.slice_back((), execution=str(at))
        kept = [int(one) for one in part.executions]
        again = run_cells([ran[one] for one in kept], [one + 1 for one in kept], most=most * 2)
        then, now = _plain(seen[at]["out"]), _plain(again[-1]["out"])
        told = "" if then == now else f"[{at + 1}] printed {then[-200:]!r}, its slice {kept} {now[-200:]!r} {again[-1]['error']}"
        found.append(Outcome(name, "straight" if seed is None else "re-executed", then == now, len(kept) / (at + 1), told))
    return found


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


def _plain(text: str) -> str:
    """Take out what differs from run to run: addresses, timings."""
    return _ADDRESS.sub("", text).strip()


def cells_of(path: Path) -> list[str]:
    """Return the code cells of a notebook file."""
    notebook = json.loads(path.read_text("utf-8"))
    return ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]


def main() -> int:
    """Prove slices and print the table as Markdown; 1 when one of them printed something else."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=3, help="re-executed histories per notebook")
    parser.add_argument("--targets", type=int, default=5, help="slices per history")
    parser.add_argument("--notebook", action="append", choices=NOTEBOOKS, help="only this one")
    parser.add_argument("--most-seconds", type=int, default=60, help="a cell is stopped after so long, which is an error cell")
    parser.add_argument("--leave-out", type=float, default=0.0, help="leave out cells with these many seconds in the straight run")
    parser.add_argument("--first-seed", type=int, default=1)
    options = parser.parse_args()
    folder = os.environ.get("NBTRACK_NOTEBOOKS")
    if not folder:
        print("NBTRACK_NOTEBOOKS is not set: no real notebooks here")
        return 0
    print("| notebook | history | slices | same output | median share of the history | seconds |\n|---|---|---|---|---|---|")
    every: list[Outcome] = []
    for name in options.notebook or NOTEBOOKS:
        sources = cells_of(Path(folder) / "notebooks" / f"{name}.ipynb")
        if options.leave_out:
            sources = _quick_cells(sources, options.leave_out, options.most_seconds)
        for kind, seeds in (("straight", [None]), ("re-executed", list(range(options.first_seed, options.first_seed + options.seeds)))):
            begin, found = time.perf_counter(), []
            for seed in seeds:
                found += prove(name, sources, seed, targets=options.targets, most=options.most_seconds)
            every += found
            _print_line(name, kind, found, time.perf_counter() - begin)
    _print_line("all", "", every, None)
    for one in every:
        if not one.same:
            print(f"\n{one.notebook}, {one.kind}: {one.told}")
    return 0 if all(one.same for one in every) else 1


def _quick_cells(sources: Sequence[str], seconds: float, most: int) -> list[str]:
    """Leave out the cells that take long, and those that only fail because of it."""
    seen = run_cells(sources, range(1, len(sources) + 1), most=most)
    quick = [(source, one["error"]) for source, one in zip(sources, seen, strict=True) if one["seconds"] < seconds]
    again = run_cells([source for source, _ in quick], range(1, len(quick) + 1), most=most)
    return [source for (source, error), one in zip(quick, again, strict=True) if error or not one["error"]]


def _print_line(name: str, kind: str, found: Sequence[Outcome], seconds: float | None) -> None:
    if found:
        same = sum(one.same for one in found)
        share = percentile([one.share for one in found], 0.5)
        print(f"| {name} | {kind} | {len(found)} | {same} | {share:.0%} | {'' if seconds is None else f'{seconds:.0f}'} |", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
