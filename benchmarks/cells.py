"""The notebook: what hooks cost a cell and a real notebook, a cold kernel, memory over 1,000 cells; each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, median, percentile

NOTEBOOKS = os.environ.get("NBTRACK_NOTEBOOKS")

# Runs cells in a real shell with every hook of nbtrack timed from outside: the callbacks that the extension registered are wrapped.
SHELL = """
import gc, json, os, sys, time
os.environ.setdefault("MPLBACKEND", "agg")
from IPython.core.interactiveshell import InteractiveShell
task = json.load(sys.stdin)
shell = InteractiveShell.instance()
hooks = {"cpu": [], "wall": []}
if task["track"]:
    shell.run_cell("%load_ext nbtrack", store_history=True)
    for event in ("pre_run_cell", "post_run_cell"):
        found = shell.events.callbacks[event]
        for position, callback in enumerate(found):
            if not getattr(callback, "__module__", "").startswith("nbtrack"):
                continue
            def timed(*arguments, callback=callback, event=event):
                wall, cpu = time.perf_counter(), time.thread_time()
                try:
                    callback(*arguments)
                finally:
                    spent = (time.thread_time() - cpu, time.perf_counter() - wall)
                    if event == "pre_run_cell":
                        hooks["cpu"].append(spent[0]); hooks["wall"].append(spent[1])
                    elif hooks["cpu"]:
                        hooks["cpu"][-1] += spent[0]; hooks["wall"][-1] += spent[1]
            found[position] = timed
def rss():
    gc.collect()
    return int(open("/proc/self/statm").read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6 if os.path.exists("/proc/self/statm") else 0.0
walls, sizes = [], []
for number, source in enumerate(task["cells"]):
    begin = time.perf_counter()
    shell.run_cell(source, store_history=True)
    walls.append(time.perf_counter() - begin)
    if number % 500 == 499:
        sizes.append(rss())
sys.__stdout__.flush()
print("\\n@@" + json.dumps({"cpu": hooks["cpu"], "wall": hooks["wall"], "walls": walls, "rss": sizes}), file=sys.__stderr__)
os._exit(0) if not task["track"] else None
"""

LOAD = """
import json, sys, time
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.run_cell("1")
before, modules = time.process_time(), set(sys.modules)
if len(sys.argv) > 1:
    shell.run_cell("%load_ext nbtrack", store_history=True)
spent, brought = time.process_time() - before, sorted({name.split(".")[0] for name in set(sys.modules) - modules})
print("@@" + json.dumps([spent, brought]), file=sys.__stderr__)
"""


def rows() -> list[Row]:
    """Measure every notebook bar that exists so far."""
    return [*_load(), *_hook_cost(), _memory(), *(_real_notebook(Path(NOTEBOOKS)) if NOTEBOOKS else [])]


def _python(code: str, *arguments: str, task: object = None) -> Any:
    """Run code in a fresh interpreter and working directory; return what it says behind ``@@``."""
    with tempfile.TemporaryDirectory(prefix="nbtrack-bench-") as folder:
        (Path(folder) / ".nbtrack").mkdir()
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1]), "IPYTHONDIR": folder}
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            input=json.dumps(task),
            capture_output=True,
            text=True,
            cwd=folder,
            env=environment,
            check=False,
        )
    marked = [line for line in done.stderr.splitlines() if line.startswith("@@")]
    if not marked:
        raise RuntimeError(f"the measured process said nothing:\n{done.stderr[-2000:]}")
    return json.loads(marked[-1][2:])


def _load(times: int = 7) -> list[Row]:
    found = [_python(LOAD, "nbtrack") for _ in range(times)]
    idle = median([_python(LOAD)[0] for _ in range(3)])
    spent = (median([one[0] for one in found]) - idle) * 1000
    heavy = {"numpy", "pandas", "plotly", "sklearn", "torch", "click", "sqlite_utils", "nbformat", "nbdime", "matplotlib"}
    brought = sorted(set(found[0][1]) & heavy)
    return [
        Row("%load_ext nbtrack, cold", f"{spent:.0f} ms CPU", "above IPython alone", "<= 150 ms", spent <= 150),
        Row("libraries it imports", ", ".join(brought) or "none", f"of {', '.join(sorted(heavy))}", "none", not brought),
    ]


def _hook_cost() -> list[Row]:
    printed = "for i in range(100):\n    print('epoch', i, 'loss', 0.123456789, 'and some more text on the line')\n{}"
    cells = [printed.format(number) for number in range(300)]
    found = _python(SHELL, task={"track": True, "cells": cells})
    cpu, wall = [one * 1000 for one in found["cpu"]], [one * 1000 for one in found["wall"]]
    p50, p95 = percentile(cpu, 0.5), percentile(wall, 0.95)
    plain = median(_python(SHELL, task={"track": False, "cells": cells})["walls"]) * 1000
    whole = median(found["walls"]) * 1000
    return [
        Row(
            "hooks of a cell with 7 KB of output, p50",
            f"{p50:.2f} ms CPU",
            f"the cell {plain:.2f} ms plain, {whole:.2f} ms recorded",
            "< 1 ms",
            p50 < 1,
        ),
        Row("the same, p95", f"{p95:.2f} ms wall", f"p95 CPU {percentile(cpu, 0.95):.2f} ms", "< 10 ms", p95 < 10),
    ]


def _memory() -> Row:
    cells = [f"value_{number % 20} = list(range({number % 50})); print(value_{number % 20})" for number in range(2500)]
    tracked, plain = (_python(SHELL, task={"track": track, "cells": cells})["rss"] for track in (True, False))
    growth = ((tracked[-1] - tracked[0]) - (plain[-1] - plain[0])) / 2  # over 2,000 cells
    return Row(
        "memory growth over 1,000 cells",
        f"{growth:.1f} MB",
        f"above IPython's own {(plain[-1] - plain[0]) / 2:.1f} MB",
        "< 20 MB",
        growth < 20,
    )


def _real_notebook(folder: Path) -> list[Row]:
    path = folder / "notebooks" / "linear_models.ipynb"
    if not path.is_file():
        return []
    notebook = json.loads(path.read_text("utf-8"))
    cells = ["".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"]
    found = _python(SHELL, task={"track": True, "cells": cells})
    spent, whole = sum(found["wall"]), sum(found["walls"])
    share = spent / whole
    return [
        Row(
            f"hooks over {path.name}",
            f"{share * 100:.2f} % of its wall time",
            f"{spent * 1000:.0f} ms of {whole:.1f} s, {len(cells)} cells, p50 {median(found['cpu']) * 1000:.2f} ms CPU",
            "< 2 %",
            share < 0.02,
        )
    ]
