"""What the frames of one batch of one journal are applied with: the transaction, the clock, and what the batch has touched so far."""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

from nbtrack.config import StoreLocation
from nbtrack.store.batch import storable


@dataclass(slots=True)
class Clock:
    """Turns the boot clock of one journal into UTC milliseconds, by the latest moment at which both clocks were written down."""

    wall: int
    us: int
    turns: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.turns.append((self.us, self.wall * 1000 - self.us))

    def anchor(self, wall: int, us: int) -> None:
        """From the boot clock ``us`` on, count from ``wall``."""
        self.wall, self.us = wall, us
        if us >= self.turns[-1][0]:
            self.turns.append((us, wall * 1000 - us))
        else:
            self.turns = [(us, wall * 1000 - us)]  # the machine was restarted: the boot clock runs from zero again

    def at(self, us: int) -> int:
        """The moment of one boot clock."""
        place = max(bisect_right(self.turns, us, key=lambda turn: turn[0]) - 1, 0)
        return (us + self.turns[place][1]) // 1000

    def moments(self, clocks: list[int]) -> list[int]:
        """The moments of many boot clocks."""
        first, last = min(clocks), max(clocks)
        low = max(bisect_right(self.turns, first, key=lambda turn: turn[0]) - 1, 0)
        high = max(bisect_right(self.turns, last, key=lambda turn: turn[0]) - 1, 0)
        if low == high:
            base = self.turns[low][1]
            return [(us + base) // 1000 for us in clocks]
        return [self.at(us) for us in clocks]


@dataclass(slots=True)
class Scope:
    """One batch of one journal inside one transaction."""

    db: sqlite3.Connection
    location: StoreLocation
    journal: str
    clock: Clock
    facts: dict[str, Any]  # of the HEADER frame: host, pid, boot, user, python, nbtrack
    last_us: int = 0
    final: str | None = None
    runs: dict[str, str] = field(default_factory=dict)  # run id as written -> the run it belongs to
    ended: set[str] = field(default_factory=set)
    exact: list[tuple[int, str, int, int, dict[str, int]]] = field(default_factory=list)  # place, run, us, step, values
    texts: list[tuple[str, str, int, str]] = field(default_factory=list)  # run, key, step, text

    def sizes(self) -> tuple[int, int]:
        """How much waits for the end of the batch: for ``forget``."""
        return len(self.exact), len(self.texts)

    def forget(self, kept: tuple[int, int] = (0, 0)) -> None:
        """Drop what a rolled back stretch left behind."""
        self.runs.clear()
        del self.exact[kept[0] :], self.texts[kept[1] :]
        if kept == (0, 0):
            self.ended.clear()
            self.final = None

    def at(self, head: dict[str, Any]) -> int:
        """The moment of a record; that of the last one before it when it does not say."""
        us = head.get("t")
        return self.clock.at(us if isinstance(us, int) else self.last_us)


def text_of(head: dict[str, Any], key: str) -> str | None:
    """A text of a head, storable; None when it is absent or null."""
    value = head.get(key)
    return None if value is None else storable(str(value))


def id_of(head: dict[str, Any], key: str) -> str:
    """An id that a record cannot be without; raises ``ValueError``."""
    value = head.get(key)
    if not isinstance(value, str) or not value:
        raise ValueError(f"a record without {key}")
    return storable(value)


def whole_of(head: dict[str, Any], key: str) -> int | None:
    """A whole number of a head; None when it is absent or null; raises ``ValueError`` when it is something else."""
    value = head.get(key)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or not -(1 << 63) <= value < 1 << 63:
        raise ValueError(f"{key} is no whole number")
    return int(value)
