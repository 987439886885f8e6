"""Stored states as notebooks again: a checkpoint in; the document, or the bytes of its file, out."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nbtrack.config import StoreLocation
from nbtrack.diffing import CellHashes
from nbtrack.errors import BadNotebook, StoreCorrupt, UnknownArtifact
from nbtrack.notebooks import forms
from nbtrack.notebooks.packing import COUNT_KEYS, cell_lists
from nbtrack.records import Checkpoint
from nbtrack.store import blobs, cell_states, checkpoints
from nbtrack.store.manifests import Content, Rows

if TYPE_CHECKING:
    import sqlite3

ReadBody = Callable[[str], bytes]


def load_document(location: StoreLocation, db: sqlite3.Connection, checkpoint: Checkpoint | str) -> dict[str, Any]:
    """Return the notebook of a checkpoint (or of its id) as it was saved.

    Raises ``UnknownCheckpoint``, ``BadNotebook`` for a file that was none, ``StoreCorrupt`` when a part of it is missing.
    """
    return Shelf(location, db).document(checkpoint)


def load_bytes(location: StoreLocation, db: sqlite3.Connection, checkpoint: Checkpoint | str) -> bytes:
    """Return the file of a checkpoint: written as Jupyter writes notebooks; a file that was none byte by byte."""
    shelf = Shelf(location, db)
    raw = shelf.raw(checkpoint)
    return write_document(shelf.document(checkpoint)) if raw is None else raw


def write_document(document: Mapping[str, Any]) -> bytes:
    """Write a document as Jupyter does: texts as lists of lines, keys sorted, one blank of indentation."""
    lined = with_lines(document)
    text = json.dumps(lined, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    try:
        return text.encode("utf-8")
    except UnicodeEncodeError:  # half a surrogate: only an escape can hold it
        return (json.dumps(lined, indent=1, sort_keys=True) + "\n").encode("ascii")


def with_lines(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document with the sources of its cells and the texts of its outputs as lists of lines (format 4), nothing else changed."""
    cells = document.get("cells")
    if not isinstance(cells, list):
        return dict(document)
    return {**document, "cells": [_lined_cell(cell) if isinstance(cell, dict) else cell for cell in cells]}


def _lined_cell(cell: dict[str, Any]) -> dict[str, Any]:
    made = dict(cell)
    if isinstance(made.get("source"), str):
        made["source"] = made["source"].splitlines(True)
    if isinstance(made.get("outputs"), list):
        made["outputs"] = [_lined_output(output) if isinstance(output, dict) else output for output in made["outputs"]]
    return made


def _lined_output(output: dict[str, Any]) -> dict[str, Any]:
    made = dict(output)
    if isinstance(made.get("data"), dict):
        made["data"] = dict(made["data"])
    for holder, key in forms.text_slots(made):
        if isinstance(holder[key], str) and not forms.is_binary(key) and key not in forms.IMAGES_3:
            holder[key] = holder[key].splitlines(True)
    return made


class Shelf:
    """Reads documents of one store and keeps the cells it made, so that a row of checkpoints costs what changed between them.

    The documents share their cells: nobody may change them.
    """

    def __init__(self, location: StoreLocation, db: sqlite3.Connection) -> None:
        self._location = location
        self._db = db
        self._contents: dict[int, Content] = {}
        self._cells: dict[tuple[int, str, str], Any] = {}
        self._needs: dict[int, int] = {}  # how many forms a cell takes

    def raw(self, checkpoint: Checkpoint | str) -> bytes | None:
        """Return the bytes of a file that was no notebook, None for a notebook."""
        _, rows = self._rows(checkpoint)
        return self._body(rows.raw) if rows.raw else None

    def document(self, checkpoint: Checkpoint | str) -> dict[str, Any]:
        """Return the notebook of a checkpoint; see ``load_document``."""
        frame, rows = self._rows(checkpoint)
        if rows.raw:
            raise BadNotebook(f"checkpoint {_id_of(checkpoint)[-8:]} is a file that was no notebook", "It can be restored, not read.")
        self._know(rows.ids)
        document = json.loads(forms.decode_text(self._body(frame)))
        letters = _Letters(rows.forms)
        cells = iter([self._cell(state_id, counts, letters) for state_id, counts in zip(rows.ids, rows.counts, strict=True)])
        for path, length in rows.lists:
            holder = document
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = [next(cells) for _ in range(length)]
        return dict(document)

    def hashes(self, checkpoint: Checkpoint | str) -> list[CellHashes]:
        """Return what the store has hashed already of each cell, in order: for the comparison of two states."""
        _, rows = self._rows(checkpoint)
        self._know(rows.ids)
        return [_hashes(self._contents[state_id]) for state_id in rows.ids]

    def state_ids(self, checkpoint: Checkpoint | str) -> tuple[int, ...]:
        """Return the ids of the states of a checkpoint's cells, in order."""
        return self._rows(checkpoint)[1].ids

    def cell(self, checkpoint: Checkpoint | str, index: int) -> Any:
        """Return one cell of a checkpoint."""
        cells = [cell for _, found in cell_lists(self.document(checkpoint)) for cell in found]
        return cells[index]

    def _rows(self, checkpoint: Checkpoint | str) -> tuple[str, Rows]:
        n = checkpoints.number_of(self._db, _id_of(checkpoint))
        try:
            return checkpoints.read_rows(self._db, n)
        except ValueError as error:
            raise self._corrupt(f"checkpoint {_id_of(checkpoint)[-8:]}: {error}") from error

    def _know(self, ids: Sequence[int]) -> None:
        missing = set(ids) - self._contents.keys()
        if missing:
            self._contents |= cell_states.read_contents(self._db, missing)
        gone = set(ids) - self._contents.keys()
        if gone:
            raise self._corrupt(f"{len(gone)} cells are missing")

    def _cell(self, state_id: int, counts: list[Any], letters: _Letters) -> Any:
        needs = self._needs.get(state_id)
        taken = _Taken(counts, letters)
        if needs is not None:
            own = letters.take(needs)
            key = (state_id, json.dumps(counts), own)
            if key in self._cells:
                return self._cells[key]
            taken = _Taken(counts, own)
        cell = self._build(self._contents[state_id], taken)
        self._needs[state_id] = len(taken.used)
        self._cells[state_id, json.dumps(counts), "".join(taken.used)] = cell
        return cell

    def _build(self, content: Content, taken: _Taken) -> Any:
        cell = json.loads(content[0])
        if not isinstance(cell, dict):
            return cell
        taken.fill(cell)
        for path, codec, name in content[1]:
            holder = cell
            for step in path[:-1]:
                holder = holder[step]
            body = self._body(name)
            holder[path[-1]] = (
                forms.split_lines(forms.decode_text(body), taken.letter()) if codec == "t" else forms.encode_image(body, codec)
            )
        if content[2] is not None:
            cell["outputs"] = [self._output(name, parts, taken) for name, parts in content[2]]
        return cell

    def _output(self, name: str, parts: list[Any], taken: _Taken) -> Any:
        output = json.loads(forms.decode_text(self._body(name)))
        if not isinstance(output, dict):
            return output
        taken.fill(output)
        for holder, key in forms.text_slots(output):
            letter = taken.letter()
            if letter != forms.AS_IT_WAS:
                holder[key] = forms.split_lines(holder[key], letter)
        for path, codec, part in parts:
            holder = output
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = forms.encode_image(self._body(part), codec)
        return output

    def _body(self, name: str) -> bytes:
        try:
            return blobs.read_body(self._location, self._db, name)
        except UnknownArtifact:
            raise self._corrupt(f"body {name[:8]} of a checkpoint is missing") from None

    def _corrupt(self, why: str) -> StoreCorrupt:
        return StoreCorrupt(self._location.folder, why, "nbtrack fsck lists what is damaged.")


class _Letters:
    """The forms of a document's texts in reading order; a single letter stands for any number of texts."""

    def __init__(self, kept: str) -> None:
        self._all = kept if len(kept) == 1 else ""
        self._rest = iter(kept)

    def __next__(self) -> str:
        return self._all or next(self._rest, forms.STRING)

    def __iter__(self) -> _Letters:
        return self

    def take(self, count: int) -> str:
        """Take the next ones."""
        return self._all * count if self._all else "".join(next(self) for _ in range(count))


class _Taken:
    """The counts and forms of one cell while it is put together, and the forms it used."""

    def __init__(self, counts: list[Any], letters: _Letters | str) -> None:
        self.used: list[str] = []
        self._counts = deque(counts)
        self._letters = iter(letters)

    def letter(self) -> str:
        """The form of the next text."""
        self.used.append(next(self._letters, forms.STRING))
        return self.used[-1]

    def fill(self, fields: dict[str, Any]) -> None:
        """Put the execution counts back."""
        for key in COUNT_KEYS:
            if key in fields:
                fields[key] = self._counts.popleft() if self._counts else None


def _hashes(content: Content) -> CellHashes:
    source = next((name for path, codec, name in content[1] if codec == "t"), "")
    return CellHashes(source, tuple(json.dumps(output) for output in content[2] or ()))


def _id_of(checkpoint: Checkpoint | str) -> str:
    return checkpoint if isinstance(checkpoint, str) else checkpoint.id
