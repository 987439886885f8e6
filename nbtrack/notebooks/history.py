"""The history of one cell: a notebook and a cell in; every state it had, with its outputs and the checkpoints between, out."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from nbtrack.config import StoreLocation
from nbtrack.errors import BadNotebook, UnknownCell
from nbtrack.notebooks.cells import all_cells, count_of, find_cell, id_of
from nbtrack.notebooks.documents import Shelf
from nbtrack.notebooks.timeline import compare
from nbtrack.records import CellState, Checkpoint
from nbtrack.store import cell_states
from nbtrack.store.checkpoints import list_checkpoints
from nbtrack.store.notebooks import find_notebook

if TYPE_CHECKING:
    import sqlite3

MOST_CHECKPOINTS = 5_000


@dataclass(slots=True)
class _Seen:
    """One state of the cell and the checkpoints that hold it, the newest first."""

    state_id: int
    index: int
    checkpoints: list[Checkpoint] = field(default_factory=list)


def cell_history(location: StoreLocation, db: sqlite3.Connection, notebook: str, cell: str) -> tuple[CellState, ...]:
    """Return all states of a cell, the newest first.

    ``notebook`` is where the file is or was; ``cell`` is ``[5]``, a place or an id (see ``cells.find_cell``) in the newest checkpoint that
    has it. Cells without ids are followed by what they say. Raises ``UnknownCell`` with near ids.
    """
    shelf = Shelf(location, db)
    taken = [one for one in list_checkpoints(db, notebook=notebook, limit=MOST_CHECKPOINTS) if one.format is not None or one.cells]
    if not taken:
        raise UnknownCell(cell, hint="The notebook has no checkpoint yet: the first appears with the next save or run.")
    start, index = _start(shelf, db, notebook, taken, cell)
    return tuple(_record(shelf, seen, taken[0]) for seen in _walk(shelf, taken[start:], index))


def _start(shelf: Shelf, db: sqlite3.Connection, notebook: str, taken: list[Checkpoint], cell: str) -> tuple[int, int]:
    """Find the newest checkpoint that has the cell, and its place there."""
    try:
        return 0, find_cell(all_cells(shelf.document(taken[0])), cell)
    except (UnknownCell, BadNotebook) as error:
        unknown = error
    found = find_notebook(db, notebook)
    known = cell_states.cell_ids(db, found.id) if found is not None else []
    begun = [one for one in known if one == cell.strip() or (len(cell.strip()) >= 3 and one.startswith(cell.strip()))]
    if found is not None and len(begun) == 1:
        states = set(cell_states.states_of_cell(db, found.id, begun[0]))
        for place, one in enumerate(taken):
            index = next((index for index, state in enumerate(shelf.state_ids(one)) if state in states), None)
            if index is not None:
                return place, index
    raise UnknownCell(cell, known, unknown.hint)


def _walk(shelf: Shelf, taken: list[Checkpoint], index: int) -> list[_Seen]:
    """Follow a cell back through the checkpoints until it is not there any more."""
    state = shelf.state_ids(taken[0])[index]
    found = [_Seen(state, index, [taken[0]])]
    at: int | None = index
    for newer, older in pairwise(taken):
        at = _earlier(shelf, newer, older, at) if at is not None else None
        if at is None:
            break
        state = shelf.state_ids(older)[at]
        if state == found[-1].state_id:
            found[-1].checkpoints.append(older)
            found[-1].index = at
        else:
            found.append(_Seen(state, at, [older]))
    return found


def _earlier(shelf: Shelf, newer: Checkpoint, older: Checkpoint, index: int) -> int | None:
    """Find the cell in the checkpoint before: the same state, the same id, else what the comparison says."""
    now, before = shelf.state_ids(newer), shelf.state_ids(older)
    state = now[index]
    if before.count(state) == 1 and now.count(state) == 1:
        return before.index(state)
    try:
        wanted = id_of(all_cells(shelf.document(newer))[index])
        if wanted is not None:
            places = [place for place, cell in enumerate(all_cells(shelf.document(older))) if id_of(cell) == wanted]
            if len(places) == 1:
                return places[0]
        diff = compare(shelf, older, newer)
    except BadNotebook:
        return None
    return next((cell.a_index for cell in diff.cells if cell.b_index == index), None)


def _record(shelf: Shelf, seen: _Seen, newest: Checkpoint) -> CellState:
    first, last = seen.checkpoints[-1], seen.checkpoints[0]
    cell = all_cells(shelf.document(first))[seen.index]
    fields = cell if isinstance(cell, dict) else {}
    source = fields.get("source", fields.get("input", ""))
    outputs = fields.get("outputs")
    kind = fields.get("cell_type")
    return CellState(
        first=first,
        last=last,
        index=seen.index,
        cell_type=kind if isinstance(kind, str) else "",
        source="".join(map(str, source)) if isinstance(source, list) else source if isinstance(source, str) else json.dumps(source),
        outputs=tuple(outputs) if isinstance(outputs, list) else (),
        cell_id=id_of(cell),
        count=count_of(cell),
        present=last.id == newest.id,
        checkpoints=len(seen.checkpoints),
    )
