"""Comparing notebooks: generated ones of 1,000 and 3,000 cells and real pairs of versions, beside nbdime in the same run.

Every difference is checked: nbdime's own patch must turn A into B, compared as canonical JSON.
"""

from __future__ import annotations

import base64
import copy
import json
import os
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbdime
import nbformat

from benchmarks.measure import Row
from nbtrack.diffing import NotebookDiff, diff_notebooks

NOTEBOOKS = os.environ.get("NBTRACK_NOTEBOOKS")
Notebook = dict[str, Any]

_SOURCE = """frame_{0} = load('part-{0}.csv')
frame_{0} = frame_{0}.dropna(subset=['age', 'fare'])
model_{0} = Classifier(depth={1}, rate=0.{1}, seed={0})
model_{0}.fit(frame_{0}[columns], frame_{0}['target'])
score_{0} = model_{0}.score(valid[columns], valid['target'])
print('part {0}', score_{0})
"""


def rows(*, large: bool = False) -> list[Row]:
    """Measure every bar of comparing; ``large`` lets nbdime compare 1,000 cells whose ids are new (half a minute)."""
    found = [*_edited(), *_new_ids(1000 if large else 200), *_alone()]
    return [*found, *(_real_pairs(Path(NOTEBOOKS)) if NOTEBOOKS else [])]


def make_notebook(cells: int, *, seed: int = 0) -> Notebook:
    """Make a notebook of code and text cells with ids; outputs in turn are printed text, a PNG of 100 KB and an HTML table."""
    picked = random.Random(seed)
    made = []
    for number in range(cells):
        if number % 5 == 0:
            source = f"## Part {number}\n\nWhat happens with part {number} of the data, and why.\n"
            made.append({"cell_type": "markdown", "id": f"{picked.getrandbits(32):08x}", "metadata": {}, "source": source})
            continue
        made.append(
            {
                "cell_type": "code",
                "execution_count": number,
                "id": f"{picked.getrandbits(32):08x}",
                "metadata": {},
                "outputs": [_output(number, picked)],
                "source": _SOURCE.format(number, picked.randrange(10, 99)),
            }
        )
    language = {"name": "python", "version": "3.11.7"}
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    return {"cells": made, "metadata": {"kernelspec": kernel, "language_info": language}, "nbformat": 4, "nbformat_minor": 5}


def edit_notebook(notebook: Notebook, share: float, *, new_ids: bool = False, seed: int = 1) -> Notebook:
    """Return a copy with a share of its cells edited and executed again; ``new_ids`` deals out every id anew."""
    picked = random.Random(seed)
    edited = copy.deepcopy(notebook)
    cells = edited["cells"]
    for place in picked.sample(range(len(cells)), round(len(cells) * share)):
        cell = cells[place]
        lines = cell["source"].splitlines(True)
        changed = picked.randrange(len(lines))
        lines[changed] = lines[changed].rstrip("\n") + f"  # {picked.randrange(1000)}\n"
        cell["source"] = "".join(lines)
        if cell["cell_type"] == "code":
            cell["execution_count"] += 2000
            cell["outputs"] = [_output(place, picked)]
    if new_ids:
        for cell in cells:
            cell["id"] = f"{picked.getrandbits(32):08x}"
    return edited


def run_again(notebook: Notebook) -> Notebook:
    """Return a copy in which every code cell has a new execution count."""
    again = copy.deepcopy(notebook)
    for cell in again["cells"]:
        if cell["cell_type"] == "code":
            cell["execution_count"] += 5000
            for output in cell["outputs"]:
                if "execution_count" in output:
                    output["execution_count"] += 5000
    return again


def canonical(value: object) -> str:
    """Return canonical JSON, in which 1, true and 1.0 differ."""
    return json.dumps(value, sort_keys=True)


def _output(number: int, picked: random.Random) -> dict[str, Any]:
    if number % 3 == 0:
        text = "".join(f"epoch {epoch} loss {picked.random():.4f} accuracy {picked.random():.4f}\n" for epoch in range(30))
        return {"output_type": "stream", "name": "stdout", "text": text}
    if number % 3 == 1:
        image = base64.b64encode(b"\x89PNG\r\n\x1a\n" + picked.randbytes(100_000)).decode()
        data = {"image/png": image + "\n", "text/plain": "<Figure size 640x480 with 1 Axes>"}
        return {"output_type": "display_data", "data": data, "metadata": {}}
    return {
        "output_type": "execute_result",
        "execution_count": number,
        "data": {"text/html": _table(picked), "text/plain": "   precision  recall\n0  0.1  0.2"},
        "metadata": {},
    }


def _table(picked: random.Random) -> str:
    head = "".join(f"<th>{name}</th>" for name in ("", "precision", "recall", "f1", "support"))
    body = ""
    for row in range(10):
        cells = "".join(f"      <td>{picked.random():.3f}</td>\n" for _ in range(4))
        body += f"    <tr>\n      <th>{row}</th>\n{cells}    </tr>\n"
    return f'<table border="1" class="dataframe">\n  <thead>\n    <tr>{head}</tr>\n  </thead>\n  <tbody>\n{body}  </tbody>\n</table>'


def _cpu(work: Callable[[], Any], times: int = 1) -> tuple[float, Any]:
    """Return the least CPU seconds of some tries, and what came out."""
    best, result = float("inf"), None
    for _ in range(times):
        begin = time.process_time()
        result = work()
        best = min(best, time.process_time() - begin)
    return best, result


def _nbdime(a: Notebook, b: Notebook) -> float:
    """Return the CPU seconds of nbdime, which wants notebooks in nbformat's form and their lines joined; that is not counted."""
    left, right = (nbformat.reads(json.dumps(one), as_version=nbformat.NO_CONVERT) for one in (a, b))
    return _cpu(lambda: nbdime.diff_notebooks(left, right))[0]


def _holds(a: Notebook, b: Notebook, diff: NotebookDiff) -> bool:
    return canonical(nbdime.patch_notebook(a, diff.nbdime)) == canonical(b)


def _edited() -> list[Row]:
    a = make_notebook(1000)
    b = edit_notebook(a, 0.1)
    own, diff = _cpu(lambda: diff_notebooks(a, b), 5)
    theirs = _nbdime(a, b)
    good = own <= 0.1 and _holds(a, b, diff)
    return [
        Row("1,000 cells, 10 % edited, ids kept", f"{own * 1000:.0f} ms CPU", diff.summary, "<= 100 ms, patch gives B", good),
        Row("the same beside nbdime", f"{theirs / own:.0f} times as fast", f"nbdime {theirs:.1f} s", ">= 50", theirs / own >= 50),
    ]


def _new_ids(cells: int) -> list[Row]:
    whole = make_notebook(1000)
    renewed = edit_notebook(whole, 0.1, new_ids=True)
    own, diff = _cpu(lambda: diff_notebooks(whole, renewed), 5)
    good = own <= 0.1 and _holds(whole, renewed, diff)
    a = make_notebook(cells)
    b = edit_notebook(a, 0.1, new_ids=True)
    part, _ = _cpu(lambda: diff_notebooks(a, b), 5)
    theirs = _nbdime(a, b)
    times = theirs / part
    bar, met = (">= 150", times >= 150) if cells == 1000 else (">= 150 at 1,000 cells (--large)", None)
    beside = f"nbdime {theirs:.1f} s, own {part * 1000:.0f} ms"
    return [
        Row("1,000 cells, 10 % edited, every id new", f"{own * 1000:.0f} ms CPU", diff.summary, "<= 100 ms, patch gives B", good),
        Row(f"{cells:,} such cells beside nbdime", f"{times:.0f} times as fast", beside, bar, met),
    ]


def _alone() -> list[Row]:
    """Measure what nbdime does not end within minutes."""
    a = make_notebook(3000)
    found = []
    for what, other, bar in (
        ("3,000 cells, identical", copy.deepcopy(a), 0.1),
        ("3,000 cells, 10 % edited, ids kept", edit_notebook(a, 0.1), 1.0),
        ("3,000 cells, 10 % edited, every id new", edit_notebook(a, 0.1, new_ids=True), 1.0),
        ("3,000 cells, all run again, outputs the same", run_again(a), 1.0),
        ("3,000 cells, every cell edited, every output new", edit_notebook(a, 1.0), None),
    ):
        spent, diff = _cpu(lambda other=other: diff_notebooks(a, other), 3)  # type: ignore[misc]
        right = _holds(a, other, diff)
        told = f"< {bar:g} s, patch gives B" if bar else "patch gives B"
        found.append(Row(what, f"{spent * 1000:.0f} ms CPU", diff.summary, told, right and (bar is None or spent < bar)))
    return found


def _real_pairs(folder: Path) -> list[Row]:
    own, theirs, wrong, slowest = 0.0, 0.0, 0, (0.0, "")
    names = sorted((folder / "pairs").glob("*_a.ipynb"))
    for name in names:
        a, b = (json.loads(path.read_text("utf-8")) for path in (name, name.with_name(name.name.replace("_a.", "_b."))))
        spent, diff = _cpu(lambda a=a, b=b: diff_notebooks(a, b))  # type: ignore[misc]
        own += spent
        slowest = max(slowest, (spent, name.name[:3]))
        theirs += _nbdime(a, b)
        wrong += not _holds(a, b, diff)
    good = wrong == 0 and slowest[0] <= 0.3
    beside = f"{len(names)} pairs {own * 1000:.0f} ms, nbdime {theirs:.1f} s ({theirs / own:.0f} times), {wrong} wrong"
    return [Row("slowest real pair of versions", f"{slowest[0] * 1000:.1f} ms CPU ({slowest[1]})", beside, "<= 300 ms, none wrong", good)]
