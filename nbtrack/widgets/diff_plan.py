"""What the diff widget is told first: a notebook diff in, a small plan out: heads of cells, counts of noise, no text of any cell.

A run of unchanged cells is one entry, so that a plan grows with the changes, not with the notebook.
"""

from __future__ import annotations

from typing import Any

from nbtrack.diffing import CellDiff, NotebookDiff
from nbtrack.diffing.result import NOISE_KINDS
from nbtrack.diffing.words import counted, heading_of, noise_words
from nbtrack.views.markup import clean
from nbtrack.views.notebook_diff_parts import CONTEXT, SIGNS, name_of, told_of

NOISE_NAMES = {
    "counts": "Counts",
    "timings": "Timings",
    "metadata": "Metadata",
    "addresses": "Addresses",
    "progress": "Progress",
    "ids": "Ids",
    "form": "Form",
}
_MOST_NAMES = 6
_LINE, _HEAD = 17, 50  # heights in pixels
_HEIGHTS = {"image": 300, "table": 130, "json": 80, "html": 80}


def make_plan(diff: NotebookDiff) -> dict[str, Any]:
    """Return the plan of a diff. Cells are named by their place in ``diff.cells``."""
    told, _, unchanged = counted(diff.cells).partition(" · ")
    return {
        "told": told if diff.changed else clean(diff.summary),
        "unchanged": unchanged if diff.changed else "",
        "changed": diff.changed,
        "noise": [[kind, NOISE_NAMES[kind], diff.noise[kind]] for kind in NOISE_KINDS if diff.noise.get(kind)],
        "noise_told": noise_words(diff.noise),
        "items": _items(diff),
        "total": len(diff.cells),
    }


def _items(diff: NotebookDiff) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    run: dict[str, Any] | None = None
    for place, cell in enumerate(diff.cells):
        heading = clean(heading_of(cell.cell))
        if cell.kind == "unchanged":
            if run is None:
                run = {"u": 0, "i": place, "names": [], "more": False}
                items.append(run)
            run["u"] += 1
            if heading:
                run["more"] = len(run["names"]) >= _MOST_NAMES
                run["names"] += [heading] if not run["more"] else []
            continue
        run = None
        items.append(_item(cell, place, heading))
    around = dict(diff.noise)
    for cell in diff.cells:
        for kind, number in cell.noise.items():
            around[kind] = around.get(kind, 0) - number
    if around.get("metadata", 0) > 0:
        items.insert(0, {"i": -1, "k": "noise only", "sign": "~", "name": "Notebook", "told": "metadata", "h": "",
                         "noise": {"metadata": around["metadata"]}, "e": 90})  # fmt: skip
    return items


def _item(cell: CellDiff, place: int, heading: str) -> dict[str, Any]:
    told, bare = clean(told_of(cell)), clean(told_of(cell, outputs=False))
    item: dict[str, Any] = {"i": place, "k": cell.kind, "sign": SIGNS[cell.kind], "name": clean(name_of(cell)), "told": told}
    item["e"] = _height(cell)
    if bare != told and cell.kind != "output only":
        item["bare"] = bare
    if heading:
        item["h"] = heading
    if cell.noise:
        item["noise"] = dict(cell.noise)
    if cell.kind in ("added", "removed"):
        lines = cell.cell.source.count("\n") + 1
        item["d"] = f"+{lines}" if cell.kind == "added" else f"−{lines}"
    elif cell.source is not None:
        item["d"] = f"+{cell.source.added} −{cell.source.removed}"
    if cell.kind == "edited" or cell.kind == "removed":
        item["back"] = True
    return item


def _height(cell: CellDiff) -> int:
    """Guess how high a cell will be drawn, so that the scroll bar is right before anything is built."""
    height = _HEAD if cell.kind != "moved" else 30
    if cell.kind in ("added", "removed"):
        height += _LINE * min(cell.cell.source.count("\n") + 1, 60)
    elif cell.source is not None:
        height += _LINE * min(len(cell.source.lines) + 2 * CONTEXT, cell.source.b.count("\n") + 1, 60)
    for output in cell.outputs:
        if output.kind not in ("same", "noise"):
            lines = len(output.text.lines) + 2 if output.text is not None else 2
            height += 24 + _HEIGHTS.get(output.what, _LINE * min(lines, 40))
    return height
