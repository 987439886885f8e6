"""What the tests of checkpoints are made of: cells, notebooks, and a desk that saves them and reads what was kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nbtrack.config import Settings, StoreLocation, open_location
from nbtrack.notebooks.documents import Shelf
from nbtrack.notebooks.take import Taker, taker_of
from nbtrack.records import Checkpoint
from nbtrack.store.checkpoints import list_checkpoints
from nbtrack.store.connection import open_reader
from nbtrack.store.writer import Writer


def canonical(value: Any) -> str:
    """Write a JSON value the one way in which equal ones are equal, other than in Python."""
    return json.dumps(value, sort_keys=True)


def code(source: str, *outputs: dict[str, Any], count: int | None = None, id: str | None = None) -> dict[str, Any]:
    """A code cell of format 4."""
    named = {} if id is None else {"id": id}
    return {"cell_type": "code", "execution_count": count, "metadata": {}, "outputs": list(outputs), "source": source, **named}


def text(source: str, id: str | None = None) -> dict[str, Any]:
    """A markdown cell."""
    return {"cell_type": "markdown", "metadata": {}, "source": source, **({} if id is None else {"id": id})}


def printed(words: str) -> dict[str, Any]:
    """What a cell printed."""
    return {"output_type": "stream", "name": "stdout", "text": words}


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    """A notebook of format 4.5."""
    return {"cells": list(cells), "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}


class Desk:
    """One project folder with its store: saves notebooks, takes them, and reads what was kept."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        self.folder = folder
        self.location: StoreLocation = open_location(folder / ".nbtrack")
        self.writer = Writer(self.location, settings)

    @property
    def taker(self) -> Taker:
        return taker_of(self.writer)

    def save(self, document: Any, name: str = "churn.ipynb") -> Path:
        """Write a notebook as Jupyter would, or bytes as they are."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(document if isinstance(document, bytes) else json.dumps(document, indent=1).encode())
        return path

    def taken(self, name: str | None = "churn.ipynb") -> list[Checkpoint]:
        """The checkpoints of a notebook, the newest first."""
        assert self.writer.flush(60), self.writer.health()
        if not self.location.database.exists():
            return []
        with open_reader(self.location) as db:
            assert not sum(row[0] for row in db.execute("select undecodable + damaged from source").fetchall())
            return list_checkpoints(db, notebook=str(self.folder / name) if name else None)

    def document(self, checkpoint: Checkpoint) -> dict[str, Any]:
        """The notebook of a checkpoint."""
        with open_reader(self.location) as db:
            return Shelf(self.location, db).document(checkpoint)

    def ask(self, question: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
        """Ask the store, everything taken being in it."""
        assert self.writer.flush(60), self.writer.health()
        with open_reader(self.location) as db:
            return question(db, *arguments, **more)
