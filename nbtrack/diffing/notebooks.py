"""The door of the room: two notebooks in, a ``NotebookDiff`` out. Nothing is executed and nothing handed in is changed."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from nbtrack.diffing import noise, words
from nbtrack.diffing.alignment import Pair
from nbtrack.diffing.budget import Budget
from nbtrack.diffing.cells import diff_cell
from nbtrack.diffing.hashes import CellHashes, same
from nbtrack.diffing.matching import Matching, match_cells
from nbtrack.diffing.moves import distances
from nbtrack.diffing.patch import patch_cell, patch_cells, patch_value
from nbtrack.diffing.reading import NotebookLike, list_cells, read_document
from nbtrack.diffing.result import Cell, CellDiff, Entry, Move, NotebookDiff
from nbtrack.errors import BadNotebook, UsageError

_FORMAT_KEYS = {"nbformat", "nbformat_minor"}


def diff_notebooks(
    a: NotebookLike,
    b: NotebookLike,
    *,
    a_hashes: Sequence[CellHashes] | None = None,
    b_hashes: Sequence[CellHashes] | None = None,
) -> NotebookDiff:
    """Compare two notebooks.

    Each is a notebook's dict, its path or its JSON text, of any format and however malformed, as long as it is a JSON object; it is
    compared as it stands there. Cells are matched by their content; ids help, but are not needed. Hashes of the cells (one entry a cell,
    both sides) spare the comparison of contents that a store has hashed already. Takes about 50 ms for 1,000 cells; what would take
    unboundedly long is told more coarsely instead.

    Raises
    ------
    BadNotebook
        A side cannot be read as a notebook: no such file, broken JSON, not an object.

    Examples
    --------
    >>> one = {"cells": [{"cell_type": "code", "execution_count": 5, "source": "learning_rate = 0.01", "outputs": [], "metadata": {}}]}
    >>> other = {"cells": [{"cell_type": "code", "execution_count": 5, "source": "learning_rate = 0.003", "outputs": [], "metadata": {}}]}
    >>> diff_notebooks(one, other).words
    '[5] learning_rate 0.01 → 0.003'
    """
    left, right = read_document(a, "A"), read_document(b, "B")
    try:
        with _collector_at_rest():
            return _diff_documents(left, right, a_hashes, b_hashes)
    except RecursionError:
        raise BadNotebook("the notebooks are nested too deep to be compared", "") from None


@contextmanager
def _collector_at_rest() -> Iterator[None]:
    """Let no garbage collection fall into the comparison: it makes no cycles, and one pass over a kernel's heap costs 40 ms and more."""
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _diff_documents(
    a: dict[str, Any], b: dict[str, Any], a_hashes: Sequence[CellHashes] | None, b_hashes: Sequence[CellHashes] | None
) -> NotebookDiff:
    budget = Budget()
    left, right = list_cells(a), list_cells(b)
    for hashes, own, name in ((a_hashes, left, "a_hashes"), (b_hashes, right, "b_hashes")):
        if hashes is not None and len(hashes) != len(own):
            raise UsageError(f"{name} has {len(hashes)} entries for {len(own)} cells", "Give one entry for each cell, in order.")
    matching = match_cells(left, right, budget, a_hashes=a_hashes, b_hashes=b_hashes)
    steps = _cell_steps(left, right, matching.kept, budget)
    alike = [pair for pair in matching.kept if steps.get(pair, []) is not None]
    lists = _cell_lists(a), _cell_lists(b)
    if lists[0] is not None and lists[1] is not None and lists[0][0] == lists[1][0]:
        inside = patch_cells(lists[0][1], lists[1][1], alike, lambda one, other: steps.get((one, other)) or [])
        nbdime = _document_steps(a, b, lists[0][0], inside, budget)
    else:
        nbdime = patch_value(a, b, budget) or []
    cells = _cell_diffs(left, right, matching, steps, budget)
    quiet = noise.add_up([*(cell.noise for cell in cells), _document_noise(a, b)])
    moves = tuple(
        Move(cell.a.index, cell.b.index, cell.moved_by, cell.kind == "edited") for cell in cells if cell.moved_by and cell.a and cell.b
    )
    return NotebookDiff(nbdime, moves, tuple(cells), quiet, words.summary_of(cells, quiet), words.in_few_words(cells, quiet))


def _cell_steps(left: Sequence[Cell], right: Sequence[Cell], pairs: Sequence[Pair], budget: Budget) -> dict[Pair, list[Entry] | None]:
    """Return the steps inside each pair that differs; None where a cell must be replaced as a whole."""
    found: dict[Pair, list[Entry] | None] = {}
    for pair in pairs:
        a, b = left[pair[0]].raw, right[pair[1]].raw
        if not same(a, b):
            found[pair] = patch_cell(a, b, budget)
    return found


def _cell_lists(document: dict[str, Any]) -> tuple[str, list[Any]] | None:
    """Return the one list of cells and the key it is under; None when there is none, or several worksheets."""
    cells = document.get("cells")
    if isinstance(cells, list):
        return "cells", cells
    sheets = document.get("worksheets")
    if isinstance(sheets, list) and len(sheets) == 1 and isinstance(sheets[0], dict) and isinstance(sheets[0].get("cells"), list):
        return "worksheets", sheets[0]["cells"]
    return None


def _document_steps(a: dict[str, Any], b: dict[str, Any], place: str, inside: list[Entry], budget: Budget) -> list[Entry]:
    """Write the steps of the whole document around those of its cells."""
    if not all(isinstance(key, str) for key in [*a, *b]):
        raise BadNotebook("a notebook's keys must be text", "Read it with json.load or nbformat.read.")
    steps = patch_value(_without(a, place), _without(b, place), budget) or []
    if place == "cells":
        steps += [Entry(op="patch", key="cells", diff=inside)] if inside else []
    else:
        sheet_a, sheet_b = a["worksheets"][0], b["worksheets"][0]
        sheet = patch_value(_without(sheet_a, "cells"), _without(sheet_b, "cells"), budget) or []
        sheet += [Entry(op="patch", key="cells", diff=inside)] if inside else []
        sheet.sort(key=lambda step: step["key"])
        steps += [Entry(op="patch", key="worksheets", diff=[Entry(op="patch", key=0, diff=sheet)])] if sheet else []
    return sorted(steps, key=lambda step: step["key"])


def _without(document: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in document.items() if name != key}


def _cell_diffs(
    left: Sequence[Cell], right: Sequence[Cell], matching: Matching, steps: Mapping[Pair, list[Entry] | None], budget: Budget
) -> list[CellDiff]:
    """Return one entry for each cell, in B's order; removed cells follow the cell that they followed in A."""
    moved = distances(matching)
    partner = {other: one for one, other in [*matching.kept, *matching.moved]}
    gone = set(range(len(left))) - set(partner.values())
    found: list[CellDiff] = []
    next_a = 0

    def take_gone(until: int) -> None:
        nonlocal next_a
        for place in range(next_a, until):
            if place in gone:
                found.append(CellDiff("removed", left[place], None))
        next_a = max(next_a, until)

    for place, cell in enumerate(right):
        one = partner.get(place)
        if one is None:
            found.append(CellDiff("added", None, cell))
            continue
        by = moved.get((one, place), 0)
        if not by:
            take_gone(one)
        if not by and (one, place) not in steps:
            found.append(CellDiff("unchanged", left[one], cell))
            continue
        inside = steps.get((one, place))
        differ = None if inside is None else {step["key"] for step in inside}
        found.append(diff_cell(left[one], cell, budget, moved_by=by, differ=differ))
    take_gone(len(left))
    return found


def _document_noise(a: dict[str, Any], b: dict[str, Any]) -> dict[str, int]:
    """Count what differs around the cells: metadata of the notebook and the version of its format."""
    keys = (a.keys() | b.keys()) - {"cells", "worksheets"} - _FORMAT_KEYS
    other = sum(1 for key in keys if key not in a or key not in b or not same(a[key], b[key]))
    upgraded = any(not same(a.get(key), b.get(key)) for key in _FORMAT_KEYS)
    number = other + upgraded
    return {"metadata": number} if number else {}
