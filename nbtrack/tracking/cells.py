"""The cells that this session executed last, as far as a checkpoint needs them: what each said, and when."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from nbtrack.store.ids import wall_ms

MOST = 5_000
MOST_CHARS = 20_000_000


@dataclass(frozen=True, slots=True)
class ExecutedCell:
    """One executed cell: its text without secrets, the sha256 of that text, its number, when it began (UTC ms)."""

    source: str
    source_hash: str
    at: int
    cell_id: str | None = None
    count: int | None = None


class ExecutedCells:
    """The last execution of each cell, the oldest first; bounded, the oldest go."""

    def __init__(self) -> None:
        self._cells: OrderedDict[str, ExecutedCell] = OrderedDict()
        self._chars = 0

    def note(self, source: str, source_hash: str, *, cell_id: str | None = None, count: int | None = None) -> None:
        """Take note that a cell is executed now."""
        key = cell_id or source_hash
        before = self._cells.pop(key, None)
        self._cells[key] = ExecutedCell(source, source_hash, wall_ms(), cell_id, count)
        self._chars += len(source) - (len(before.source) if before else 0)
        while len(self._cells) > MOST or (self._chars > MOST_CHARS and len(self._cells) > 1):
            _, gone = self._cells.popitem(last=False)
            self._chars -= len(gone.source)

    def since(self, moment: int) -> list[ExecutedCell]:
        """Return the cells that were executed at or after a moment, in the order of execution."""
        return [cell for cell in list(self._cells.values()) if cell.at >= moment]
