"""Checkpoints at the boundaries of runs, and by hand: a session in; the file on disk, and with it what ran and is not saved yet, taken.

A cell that ran after the file was written and stands in it otherwise, or not at all, is put into the checkpoint as it ran, and the
checkpoint is marked ``unsaved``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nbtrack.notebooks import outside
from nbtrack.notebooks.take import Cause, CellText, Taken, Taker, real_path, signature_of, taker_of
from nbtrack.tracking.cells import ExecutedCell
from nbtrack.tracking.session import RunEvent, Session

_CLOCK_MS = 2  # a file system may round the time of a write down
_NO_FILE: dict[str, Any] = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class Boundary:
    """Takes the checkpoints of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    @property
    def taker(self) -> Taker:
        """The taker that this session shares with whoever else takes checkpoints in its process."""
        return taker_of(self._session.writer, lambda: self._session.secrets)

    def note(self, event: RunEvent) -> None:
        """Take the state in which a run begins or ends; an automatic one is known only at its end."""
        if os.getpid() != self._session._pid or not self._session.settings.checkpoint_runs or self._session.kind != "kernel":
            return  # a worker process runs no notebook
        if event.kind == "opened" and event.origin == "auto":
            return
        boundary = "start" if event.kind == "opened" else "end"
        self.take(Cause(f"run {boundary}", run_id=event.run_id, boundary=boundary))

    def take(self, cause: Cause) -> Taken | None:
        """Take the notebook as it is now: its file, and what ran since; None when there is neither.

        Raises ``OSError`` when the file cannot be read.
        """
        session = self._session
        if session.notebook is None:
            return None
        cause = Cause(
            cause.reason, cause.message, cause.run_id, cause.boundary, session.id, cause.author or session.user or None, cause.unsaved
        )
        path, taker = real_path(session.notebook), self.taker
        signature = signature_of(path)
        ran = session.cells.since(signature[0] // 1_000_000 - _CLOCK_MS if signature is not None else 0)
        if signature is None:
            return taker.take_document(path, merge(_NO_FILE, ran), _unsaved(cause)) if ran else None
        if ran:
            outside.look(session.writer, path)  # also tells which cells the file has
            if differing(taker.cells_at(path), ran):
                document = _read(path)
                if document is not None:
                    return taker.take_document(path, merge(document, ran), _unsaved(cause), size_bytes=signature[1])
        return taker.take_file(path, cause)


def differing(cells: Sequence[CellText], ran: Sequence[ExecutedCell]) -> list[ExecutedCell]:
    """Return the executed cells that do not stand so in the file: by their id, without one by their text."""
    by_id = {cell.cell_id: cell.source_name for cell in cells if cell.cell_id is not None}
    texts = {cell.source_name for cell in cells}
    return [one for one in ran if (by_id.get(one.cell_id) != one.source_hash if one.cell_id in by_id else one.source_hash not in texts)]


def merge(document: Mapping[str, Any], ran: Sequence[ExecutedCell]) -> dict[str, Any]:
    """Return the document with the cells as they ran: changed ones in their place, new ones behind the one that ran before them.

    A changed cell has no outputs: those in the file are of another text.
    """
    cells = list(document["cells"]) if isinstance(document.get("cells"), list) else []
    after = len(cells)
    for one in ran:
        place = _place(cells, one)
        if place is None:
            cells.insert(after, _new_cell(one))
            place = after
        elif _text(cells[place]) != one.source:
            cells[place] = {**cells[place], "execution_count": one.count, "outputs": [], "source": one.source.splitlines(True)}
        after = place + 1
    return {**document, "cells": cells}


def _new_cell(one: ExecutedCell) -> dict[str, Any]:
    made: dict[str, Any] = {"cell_type": "code", "execution_count": one.count, "metadata": {}, "outputs": []}
    named = {} if one.cell_id is None else {"id": one.cell_id}
    return {**made, **named, "source": one.source.splitlines(True)}


def _place(cells: Sequence[Any], one: ExecutedCell) -> int | None:
    for place, cell in enumerate(cells):
        if isinstance(cell, dict) and one.cell_id is not None and cell.get("id") == one.cell_id:
            return place
    return next((place for place, cell in enumerate(cells) if isinstance(cell, dict) and _text(cell) == one.source), None)


def _text(cell: Mapping[str, Any]) -> Any:
    source = cell.get("source")
    return "".join(map(str, source)) if isinstance(source, list) else source


def _read(path: str) -> dict[str, Any] | None:
    try:
        found = json.loads(Path(path).read_bytes())
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unsaved(cause: Cause) -> Cause:
    return Cause(cause.reason, cause.message, cause.run_id, cause.boundary, cause.session_id, cause.author, unsaved=True)
