"""Restores a checkpoint, whole or one cell: a reference in; the file written, after its present state was kept, out.

Never over unsaved work: while a kernel runs the notebook, its front end may hold edits that no file has, so the restored one is written
beside it unless forced. Never a placeholder of a secret over code.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack import config
from nbtrack.diffing import diff_notebooks
from nbtrack.errors import BadNotebook, NbtrackError, StoreError, UnknownCheckpoint, UsageError
from nbtrack.notebooks.cells import all_cells, find_cell, follow, label_of
from nbtrack.notebooks.documents import Shelf, write_document
from nbtrack.notebooks.packing import cell_lists
from nbtrack.notebooks.references import resolve
from nbtrack.notebooks.secrets import SecretFinder, has_placeholder
from nbtrack.notebooks.take import Cause, Taker, real_path, taker_of
from nbtrack.records import Checkpoint, Restored
from nbtrack.store.checkpoints import list_checkpoints
from nbtrack.store.connection import open_reader, schema_state
from nbtrack.store.ids import new_id, wall_ms
from nbtrack.store.sessions import has_living_kernel
from nbtrack.store.writer import Writer

if TYPE_CHECKING:
    import sqlite3


@dataclass(frozen=True, slots=True)
class _Plan:
    """What will be written, and what is said about it."""

    data: bytes
    cells: tuple[int, ...] = ()
    held_back: tuple[str, ...] = ()
    put_back: int = 0


def restore(
    writer: Writer,
    ref: str,
    *,
    path: str | Path | None = None,
    cell: str | None = None,
    force: bool = False,
    taker: Taker | None = None,
    notebook: str | None = None,
    running: str | None = None,
) -> Restored:
    """Write a checkpoint back as the notebook's file, keeping the present state as a checkpoint first.

    Parameters
    ----------
    ref : the checkpoint, see ``references``; ``notebook`` (a path) narrows it.
    running : the notebook that this very process runs as its kernel, if it is one.
    path : the file to write; where the checkpoint's notebook is, or was last, when None.
    cell : restore only this cell of the checkpoint (``[5]``, its place or id), the rest stays.
    force : write over the file even while a kernel runs it.

    Raises ``UnknownCheckpoint``, ``UnknownCell``, ``BadNotebook``, ``StoreError`` and ``NbtrackError`` when the file cannot be written;
    nothing was changed then.
    """
    taker = taker or taker_of(writer)
    writer.flush()
    if schema_state(writer.location) == "missing":
        raise UnknownCheckpoint(ref, hint="The first checkpoint appears with the next save or run.")
    with open_reader(writer.location) as db:
        checkpoint, _ = resolve(db, ref, now_ms=wall_ms(), notebook=notebook)
        target = real_path(path if path is not None else checkpoint.notebook)
        present = _read(target)
        plan = _plan(writer, Shelf(writer.location, db), checkpoint, present, cell)
        busy = present is not None and not force and (target == running or is_open(db, target))
    kept = _keep(writer, taker, target)
    place = _beside(target, checkpoint) if busy else Path(target)
    write_whole(place, plan.data, like=Path(target))
    if not busy:
        taker.take_file(target, Cause("save"))
    return Restored(str(place), checkpoint, kept, busy, plan.cells, plan.held_back, plan.put_back)


def is_open(db: sqlite3.Connection, path: str) -> bool:
    """Tell whether a kernel runs the notebook at a path, so that a front end may hold unsaved work."""
    mine = config.session_notebook()
    return (mine is not None and str(mine) == path) or has_living_kernel(db, path)


def write_whole(path: Path, data: bytes, *, like: Path) -> None:
    """Write a file in one step, with the permissions of ``like``: a reader sees the old file or the new one, never half of one."""
    temporary = path.with_name(f".{path.name}.{new_id()[-8:]}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if like.exists():
            temporary.chmod(like.stat().st_mode & 0o7777)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise NbtrackError(f"{path} cannot be written: {error.strerror or error}", "The notebook is as it was.") from error


def _keep(writer: Writer, taker: Taker, target: str) -> Checkpoint | None:
    """Keep the present state: as a checkpoint of its own, unless the newest one is the same."""
    try:
        taken = taker.take_file(target, Cause("before restore"))
    except OSError as error:
        raise NbtrackError(f"{target} cannot be read: {error.strerror or error}", "Nothing was changed.") from error
    if taken is None:
        return None
    if not writer.flush(30.0):
        problem = writer.health().problem or f"{writer.location.folder} could not be written in time"
        raise StoreError(writer.location.folder, f"the present state could not be kept: {problem}", "Nothing was changed.")
    with open_reader(writer.location) as db:
        return next((one for one in list_checkpoints(db, notebook=target, limit=10) if one.state == taken.state), None)


def _plan(writer: Writer, shelf: Shelf, checkpoint: Checkpoint, present: bytes | None, cell: str | None) -> _Plan:
    raw = shelf.raw(checkpoint)
    if raw is not None:
        return _raw_plan(writer, raw, present, cell)
    document = shelf.document(checkpoint)
    here = _document(present)
    finder = SecretFinder(writer.location, here)
    if cell is not None:
        if here is None:
            raise BadNotebook("there is no notebook to put a single cell into", "Restore the whole checkpoint.")
        return _cell_plan(document, here, find_cell(all_cells(document), cell), finder)
    return _whole_plan(document, here, finder)


def _raw_plan(writer: Writer, raw: bytes, present: bytes | None, cell: str | None) -> _Plan:
    if cell is not None:
        raise BadNotebook("this checkpoint is a file that was no notebook: it has no cells", "Restore it as a whole.")
    text = raw.decode("utf-8", "surrogateescape")
    finder = SecretFinder(writer.location, {"text": (present or b"").decode("utf-8", "replace")})
    made = finder.fill(text)
    if has_placeholder(made):
        raise UsageError("the stored file lacks a secret that stands nowhere in the present one", "Restore another checkpoint.")
    return _Plan(made.encode("utf-8", "surrogateescape"), put_back=finder.put_back)


def _whole_plan(document: dict[str, Any], here: dict[str, Any] | None, finder: SecretFinder) -> _Plan:
    lists = cell_lists(document)
    cells = [cell for _, found in lists for cell in found]
    made, lacking = [], []
    for index, cell in enumerate(cells):
        made.append(finder.fill_all(cell))
        if has_placeholder(_source(made[-1])):
            lacking.append(index)
    if lacking and here is not None:
        places = {one.a_index: one.b_index for one in diff_notebooks(document, here).cells if one.a_index is not None}
        own = all_cells(here)
        for index in lacking:
            there = places.get(index)
            if there is not None:
                made[index] = own[there]
    written = finder.fill_all({key: value for key, value in document.items() if key not in ("cells", "worksheets")})
    left = iter(made)
    for path, found in lists:
        _put(written, document, path, [next(left) for _ in found])
    return _Plan(write_document(written), held_back=tuple(label_of(cells, index) for index in lacking), put_back=finder.put_back)


def _put(written: dict[str, Any], document: Mapping[str, Any], path: tuple[Any, ...], cells: list[Any]) -> None:
    if len(path) == 1:
        written["cells"] = cells
        return
    sheets = written.setdefault("worksheets", [dict(sheet) if isinstance(sheet, dict) else sheet for sheet in document["worksheets"]])
    sheets[path[1]]["cells"] = cells


def _cell_plan(document: dict[str, Any], here: dict[str, Any], index: int, finder: SecretFinder) -> _Plan:
    cells = all_cells(document)
    wanted = finder.fill_all(cells[index])
    there = follow(document, here, index)
    if has_placeholder(_source(wanted)) and there is not None:
        return _Plan(write_document(here), held_back=(label_of(cells, index),), put_back=finder.put_back)
    own = all_cells(here)
    if there is None:
        there = _place_for(document, here, index)
        own = [*own[:there], wanted, *own[there:]]
    else:
        own = [*own[:there], wanted, *own[there + 1 :]]
    held = (label_of(cells, index),) if has_placeholder(_source(wanted)) else ()
    return _Plan(write_document(_with_cells(here, own)), (there,), held, finder.put_back)


def _with_cells(here: dict[str, Any], cells: list[Any]) -> dict[str, Any]:
    lists = cell_lists(here)
    if not lists or lists[0][0] == ("cells",):
        return {**here, "cells": cells}
    made = {**here, "worksheets": [dict(sheet) if isinstance(sheet, dict) else sheet for sheet in here["worksheets"]]}
    start = 0
    for number, (path, found) in enumerate(lists):
        end = start + len(found) if number + 1 < len(lists) else len(cells)
        made["worksheets"][path[1]]["cells"] = cells[start:end]
        start = end
    return made


def _place_for(document: dict[str, Any], here: dict[str, Any], index: int) -> int:
    """Where a cell that is gone goes: behind the nearest cell in front of it that is still there."""
    places = {cell.a_index: cell.b_index for cell in diff_notebooks(document, here).cells}
    for earlier in range(index - 1, -1, -1):
        found = places.get(earlier)
        if found is not None:
            return found + 1
    return 0


def _source(cell: Any) -> Any:
    return [cell.get("source"), cell.get("input")] if isinstance(cell, dict) else cell


def _read(path: str) -> bytes | None:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise NbtrackError(f"{path} cannot be read: {error.strerror or error}", "Nothing was changed.") from error


def _document(data: bytes | None) -> dict[str, Any] | None:
    try:
        found = json.loads(data) if data is not None else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _beside(target: str, checkpoint: Checkpoint) -> Path:
    path = Path(target)
    for name in _names(f"{path.stem}.restored-{checkpoint.short_id}", path.suffix):
        if not (path.parent / name).exists():
            return path.parent / name
    raise NbtrackError(f"no free name beside {target}", "Remove restored copies that are not needed.")


def _names(stem: str, suffix: str) -> Iterator[str]:
    yield f"{stem}{suffix}"
    for number in range(2, 1000):
        yield f"{stem}-{number}{suffix}"
