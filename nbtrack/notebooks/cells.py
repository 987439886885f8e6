"""Which cell is meant: what people type, and a document, in; a place, and the same cell in another document, out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from nbtrack.diffing import diff_notebooks
from nbtrack.errors import UnknownCell
from nbtrack.notebooks.packing import COUNT_KEYS, cell_lists

_NUMBER = re.compile(r"\[?(?:cell )?(\d{1,9})\]?")
_SHORTEST = 3


def all_cells(document: Mapping[str, Any]) -> list[Any]:
    """Return the cells of a document in order, of every worksheet."""
    return [cell for _, found in cell_lists(document) for cell in found]


def id_of(cell: Any) -> str | None:
    """Return the id of a cell, None when it has none."""
    found = cell.get("id") if isinstance(cell, dict) else None
    return found if isinstance(found, str) and found else None


def count_of(cell: Any) -> int | None:
    """Return the execution count of a cell, None when it has none."""
    for key in COUNT_KEYS if isinstance(cell, dict) else ():
        if isinstance(cell.get(key), int):
            return int(cell[key])
    return None


def find_cell(cells: Sequence[Any], ref: str) -> int:
    """Find the cell that ``[5]``, ``5``, ``cell 5``, an id or the beginning of one means. Raises ``UnknownCell``.

    ``[5]`` and ``5`` are the execution count, where a cell has it (the last one that does), else the place counted from 1; ``cell 5`` is
    the place.
    """
    ref = ref.strip()
    ids = [id_of(cell) for cell in cells]
    if ref in ids:
        return ids.index(ref)
    number = _NUMBER.fullmatch(ref.lower())
    if number:
        wanted = int(number[1])
        counted = [place for place, cell in enumerate(cells) if count_of(cell) == wanted]
        if counted and not ref.lower().startswith("cell"):
            return counted[-1]
        if not ref.startswith("[") and 0 < wanted <= len(cells):
            return wanted - 1
    begun = [place for place, one in enumerate(ids) if one is not None and len(ref) >= _SHORTEST and one.startswith(ref)]
    if len(begun) == 1:
        return begun[0]
    hint = "More than one id begins so. Type more of it." if begun else "Write [5] (its execution count), cell 5 (its place) or its id."
    raise UnknownCell(ref, [one for one in ids if one is not None], hint)


def follow(one: Mapping[str, Any], other: Mapping[str, Any], index: int) -> int | None:
    """Find the cell of ``one`` at a place again in ``other``: by its id, else by what it says; None when it is not there."""
    cells, others = all_cells(one), all_cells(other)
    wanted = id_of(cells[index])
    if wanted is not None:
        places = [place for place, cell in enumerate(others) if id_of(cell) == wanted]
        if len(places) == 1:
            return places[0]
    return next((cell.b_index for cell in diff_notebooks(dict(one), dict(other)).cells if cell.a_index == index), None)


def label_of(cells: Sequence[Any], index: int) -> str:
    """Name a cell as everywhere: ``[5]`` by its execution count, else ``cell 5`` by its place."""
    count = count_of(cells[index])
    return f"cell {index + 1}" if count is None else f"[{count}]"
