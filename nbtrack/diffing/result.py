"""What a diff is: frozen records, one for the notebook, one for each cell, output, text, table and image.

They hold no file; what costs something and is seldom asked for (marks of words, hashes of images) is worked out when asked for.
"""

from __future__ import annotations

import binascii
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from nbtrack.diffing.marks import Span, mark_words

CellKind = Literal["unchanged", "edited", "added", "removed", "moved", "output only", "noise only"]
OutputKind = Literal["same", "changed", "added", "removed", "noise"]
LineKind = Literal["changed", "added", "removed", "noise"]

# Kinds of noise, in the order in which they are told.
NOISE_KINDS = ("counts", "timings", "metadata", "addresses", "progress", "ids", "form")


class Entry(dict[str, Any]):
    """One step of nbdime's diff format: a plain dict whose keys can also be read as attributes, which nbdime's patch does."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") or name not in self:
            raise AttributeError(name)
        return self[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self[name] = value


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of one side, whatever its file looked like.

    ``source`` is one text; ``outputs`` are in the form of nbformat 4; ``raw`` is the cell as it stood in the file (never changed by
    nbtrack). ``cell_type`` is empty when the file gave none, ``count`` is its execution count.
    """

    index: int
    cell_type: str
    id: str | None
    count: int | None
    source: str
    outputs: tuple[Any, ...]
    raw: Any = field(repr=False)


@dataclass(frozen=True, slots=True)
class LineChange:
    """One line that differs. Numbers count from 0; a side that has no such line has None and an empty text."""

    kind: LineKind
    a_number: int | None
    b_number: int | None
    a: str = ""
    b: str = ""

    @property
    def marks(self) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
        """The spans of characters that differ on both sides of a changed line, in whole words; worked out when asked for."""
        return mark_words(self.a, self.b) if self.kind == "changed" else ((), ())


@dataclass(frozen=True, slots=True)
class TextDiff:
    """Two texts and the lines that differ. Lines end at ``\\n``, ``\\r\\n`` or ``\\r``; a rarer separator is a character of its line.

    ``lines`` holds no equal line: those between two changes are equal in number. ``whole`` means the texts are too large or too
    different to be compared by lines; ``lines`` is then empty.
    """

    a: str = field(repr=False)
    b: str = field(repr=False)
    lines: tuple[LineChange, ...] = ()
    whole: bool = False

    @property
    def added(self) -> int:
        """How many lines only B has."""
        return sum(line.kind in ("added", "changed") for line in self.lines)

    @property
    def removed(self) -> int:
        """How many lines only A has."""
        return sum(line.kind in ("removed", "changed") for line in self.lines)


@dataclass(frozen=True, slots=True)
class NumberChange:
    """One number that moved: its text on both sides and the difference B - A (None when it cannot be told)."""

    a: str
    b: str
    delta: float | None


@dataclass(frozen=True, slots=True)
class TableCell:
    """One cell of two aligned tables; a side whose row or column is missing has None. ``moved`` is set when both hold unlike numbers."""

    a: str | None
    b: str | None
    moved: NumberChange | None = None


@dataclass(frozen=True, slots=True)
class TableRow:
    """One aligned row: its index on both sides and its cells, in the order of the table's columns."""

    a_index: int | None
    b_index: int | None
    cells: tuple[TableCell, ...]

    @property
    def changed(self) -> bool:
        """Whether any cell differs."""
        return self.a_index is None or self.b_index is None or any(cell.a != cell.b for cell in self.cells)


@dataclass(frozen=True, slots=True)
class TableDiff:
    """Two tables, aligned by the names of their columns and the labels of their rows.

    ``columns`` holds the name of each column on both sides (None: only the other side has it). ``numbers`` counts the numbers in B.
    """

    columns: tuple[tuple[str | None, str | None], ...]
    rows: tuple[TableRow, ...]
    numbers: int
    moved: int


@dataclass(frozen=True, slots=True)
class Image:
    """An image of one side as it is stored: base64 text, or the text of an SVG. Size and hash are worked out when asked for."""

    mime: str
    data: str = field(repr=False)

    def to_bytes(self) -> bytes:
        """Return the image file's bytes; what is no base64 comes back as its text."""
        if "svg" not in self.mime:
            try:
                return binascii.a2b_base64(self.data)
            except (binascii.Error, ValueError):
                pass
        return self.data.encode("utf-8", "surrogatepass")

    @property
    def sha256(self) -> str:
        """The hash of the decoded image."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    @property
    def size_bytes(self) -> int:
        """The size of the decoded image."""
        if "svg" in self.mime:
            return len(self.data.encode("utf-8", "surrogatepass"))
        wrapped = "\n" in self.data[:100]
        breaks = self.data.count("\n") + self.data.count("\r") if wrapped else len(self.data) - len(self.data.rstrip())
        return (len(self.data) - breaks) * 3 // 4 - self.data[-6:].count("=")


@dataclass(frozen=True, slots=True)
class OutputDiff:
    """One output of a cell, on both sides where it has two.

    ``what`` is what a reader sees: ``text``, ``table``, ``image``, ``html``, ``markdown``, ``error``, ``json``, ``widget`` or
    ``other``; ``mime`` its richest form. ``words`` says the change in a few words. Only the parts that fit are filled.
    """

    kind: OutputKind
    what: str
    mime: str
    a_index: int | None
    b_index: int | None
    a: Any = field(default=None, repr=False)
    b: Any = field(default=None, repr=False)
    words: str = ""
    text: TextDiff | None = None
    table: TableDiff | None = None
    images: tuple[Image | None, Image | None] | None = None
    noise: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CellDiff:
    """What became of one cell. ``a`` is None for an added one, ``b`` for a removed one.

    ``moved_by`` counts the cells that it passed (down is positive). ``source`` is None when the text is the same; ``outputs`` is empty
    when all outputs are. ``also`` names other changes: ``type``, ``attachments``.
    """

    kind: CellKind
    a: Cell | None
    b: Cell | None
    moved_by: int = 0
    source: TextDiff | None = None
    outputs: tuple[OutputDiff, ...] = ()
    noise: Mapping[str, int] = field(default_factory=dict)
    also: tuple[str, ...] = ()

    @property
    def a_index(self) -> int | None:
        """The place in A, from 0."""
        return None if self.a is None else self.a.index

    @property
    def b_index(self) -> int | None:
        """The place in B, from 0."""
        return None if self.b is None else self.b.index

    @property
    def cell(self) -> Cell:
        """The cell as a reader knows it: B's, for a removed one A's."""
        found = self.a if self.b is None else self.b
        assert found is not None, "a cell stands on one side at least"
        return found


@dataclass(frozen=True, slots=True)
class Move:
    """A cell that stands elsewhere: its places, how many cells it passed (down is positive), and whether its text changed too."""

    a_index: int
    b_index: int
    moved_by: int
    edited: bool


@dataclass(frozen=True, slots=True)
class NotebookDiff:
    """The difference of two notebooks.

    ``nbdime`` is in nbdime's diff format: ``nbdime.patch_notebook(a, diff.nbdime)`` gives B, compared as canonical JSON. A cell that
    moved is removed and added there; ``moves`` tells which ones belong together. ``cells`` holds one entry for each cell of either side,
    in B's order, removed ones at their old place. ``summary`` says it in words.
    """

    nbdime: list[Entry] = field(repr=False)
    moves: tuple[Move, ...]
    cells: tuple[CellDiff, ...] = field(repr=False)
    noise: Mapping[str, int]
    summary: str
    words: str

    @property
    def counts(self) -> Mapping[str, int]:
        """How many cells there are of each kind."""
        found: dict[str, int] = {}
        for cell in self.cells:
            found[cell.kind] = found.get(cell.kind, 0) + 1
        return found

    @property
    def changed(self) -> bool:
        """Whether anything differs that is not noise."""
        return any(cell.kind not in ("unchanged", "noise only") for cell in self.cells)

    def __bool__(self) -> bool:
        return bool(self.nbdime)
