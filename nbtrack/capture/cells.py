"""What the recorder is told of a cell: plain frozen values, no live object of the user's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class CellStart:
    """A cell begins. ``count`` is the n of ``[n]``, ``cell_id`` the notebook's (None under clients that do not tell)."""

    source: str
    count: int | None = None
    cell_id: str | None = None


@dataclass(frozen=True, slots=True)
class ErrorText:
    """An exception, read out: its type's name, its message and its traceback as text."""

    type: str
    message: str
    traceback: str


@dataclass(frozen=True, slots=True)
class CellEnd:
    """A cell ended. ``status`` is one of ``records.EXECUTION_STATUSES``."""

    status: str
    error: ErrorText | None = None
