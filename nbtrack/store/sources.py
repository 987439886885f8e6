"""How far each journal file is in: the rows of ``source``, read and written."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

from nbtrack.config import StoreLocation
from nbtrack.store.batch import Batch
from nbtrack.store.liveness import host_name
from nbtrack.store.scope import Clock, Scope
from nbtrack.store.segments import JournalFile

COLUMNS = (
    "name, journal, generation, folder, offset, anchor_wall, anchor_us, last_us, host, boot, pid, user, python, nbtrack, damaged, "
    "undecodable, final, finished, silent"
)
_FACTS = ("host", "boot", "pid", "user", "python", "nbtrack")


@dataclass(slots=True)
class Source:
    """The row of one journal file: how far it is in, and what a batch that begins in the middle has to know."""

    name: str
    journal: str
    generation: int
    folder: str
    offset: int = 0
    anchor_wall: int = 0
    anchor_us: int = 0
    last_us: int = 0
    host: str | None = None
    boot: str | None = None
    pid: int | None = None
    user: str | None = None
    python: str | None = None
    nbtrack: str | None = None
    damaged: int = 0
    undecodable: int = 0
    final: str | None = None
    finished: int = 0
    silent: int = 0

    @classmethod
    def load(cls, db: sqlite3.Connection, location: StoreLocation, file: JournalFile) -> Source:
        """Read the row of a file; a file that has none yet begins at its first byte."""
        row = db.execute(f"select {COLUMNS} from source where name = :name", {"name": file.path.name}).fetchone()
        if row is not None:
            source = cls(*row)
            source.folder = folder_name(location, file.path.parent)
            return source
        before = db.execute(
            f"select {COLUMNS} from source where journal = :journal and generation < :generation order by generation desc limit 1",
            {"journal": file.journal, "generation": file.generation},
        ).fetchone()
        fresh = cls(file.path.name, file.journal, file.generation, folder_name(location, file.path.parent))
        if before is not None:  # should the header be damaged, the clock of the generation before it is still right
            known = cls(*before)
            fresh.anchor_wall, fresh.anchor_us, fresh.last_us = known.anchor_wall, known.anchor_us, known.last_us
            for fact in _FACTS:
                setattr(fresh, fact, getattr(known, fact))
        return fresh

    def scope(self, db: sqlite3.Connection, location: StoreLocation, journal: str) -> Scope:
        """What the next batch is applied with."""
        facts = {fact: getattr(self, fact) for fact in _FACTS if getattr(self, fact) is not None}
        return Scope(db, location, journal, Clock(self.anchor_wall, self.anchor_us), facts, self.last_us)

    def save(self, db: sqlite3.Connection, scope: Scope, batch: Batch | None) -> None:
        """Write the row after a batch, in the transaction that applied it."""
        self.anchor_wall, self.anchor_us, self.final = scope.clock.wall, scope.clock.us, scope.final or self.final
        self.last_us = max(scope.last_us, *(_last_us(line.tails[-1]) for line in batch.lines)) if batch and batch.lines else scope.last_us
        for fact, value in scope.facts.items():
            setattr(self, fact, value)
        db.execute(
            f"insert or replace into source ({COLUMNS}) values ({', '.join(f':{name}' for name in COLUMNS.split(', '))})",
            {name: getattr(self, name) for name in COLUMNS.split(", ")},
        )


def folder_name(location: StoreLocation, folder: Path) -> str:
    """Name one of the two journal folders in a way that means the same to every host that shares the store."""
    return "journal" if folder == location.journal else f"{host_name()}:{folder}"


def _last_us(tail: bytes) -> int:
    return int.from_bytes(tail[:8], "little", signed=True)
