"""Tables in outputs: HTML or aligned text in, rows of text out; two tables in, aligned rows and columns with the numbers that moved out."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nbtrack.diffing.alignment import Pair, align
from nbtrack.diffing.budget import Budget
from nbtrack.diffing.result import NumberChange, TableCell, TableDiff, TableRow

READ_AT_MOST = 400_000  # characters of HTML; a larger table is compared as text
_CELLS_AT_MOST = 40_000
_LINES_AT_MOST = 400
_LONG_LINE = 2_000
_TABLE = re.compile(r"<table\b[^<>]*>", re.I)
_TABLE_END = re.compile(r"</table\s*>", re.I)
_ROW = re.compile(r"<tr\b[^<>]*>", re.I)
_PLAIN_CELL = re.compile(r"<t([hd])(?:\s[^<>]*)?>([^<]*)</t[hd]>", re.I)
_CELL = re.compile(r"<t([hd])(\s[^<>]*)?>", re.I)
_CELL_END = re.compile(r"</t[hd]\s*>|</tr\s*>|</thead\s*>|</tbody\s*>", re.I)
_SPAN = re.compile(r"(col|row)span\s*=\s*[\"']?(\d{1,3})", re.I)
_TAG = re.compile(r"<[^<>]*>")
_NUMBER = re.compile(r"[-+−]?(?:\d{1,3}(?:[,\u2009\u202f ]\d{3})+|\d+)?(?:\.\d*)?(?:[eE][-+]?\d+)? ?%?")
_PLAIN_NUMBER = re.compile(r"-?\d{1,300}(?:\.\d+)?")
_PIECE = re.compile(r"\S+(?: \S+)*")  # columns stand at least two spaces apart


@dataclass(frozen=True, slots=True)
class Table:
    """A table as text. ``heads`` are the names of its columns; a row's label is the text of its cells that are heads or come first."""

    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    labels: tuple[str, ...]


def parse_number(text: str) -> float | None:
    """Return the number that a cell shows, None when it shows something else."""
    if _PLAIN_NUMBER.fullmatch(text):
        return float(text)
    stripped = text.strip()
    if not stripped or stripped[0] not in "+-−.0123456789" or not _NUMBER.fullmatch(stripped):
        return None
    plain = stripped.rstrip("%").strip().replace("−", "-")
    for gap in (",", "\u2009", "\u202f", " "):
        plain = plain.replace(gap, "")
    try:
        return float(plain)
    except ValueError:
        return None


def read_html_table(text: str) -> Table | None:
    """Read the only table of a piece of HTML; None when there is none, more than one, or too much of it."""
    if len(text) > READ_AT_MOST:
        return None
    starts = [found.end() for found in _TABLE.finditer(text)]
    if len(starts) != 1:
        return None
    end = _TABLE_END.search(text, starts[0])
    if end is None:
        return None
    inside = text[starts[0] : end.start()]
    rows = [row for row in map(_html_row, _ROW.split(inside)[1:]) if row]
    return _table(_spread(rows) if "span" in inside else [[cell[:2] for cell in row] for row in rows])


def read_text_table(text: str) -> Table | None:
    """Read a table printed with columns aligned at their right edge, as pandas and scikit-learn do; None when it is no such table."""
    lines = [line for line in text.split("\n") if line.strip()]
    if not 2 <= len(lines) <= _LINES_AT_MOST or max(map(len, lines)) > _LONG_LINE:
        return None
    heads = {found.end(): found.group() for found in _PIECE.finditer(lines[0])}
    if len(heads) < 2 or any(parse_number(name) is not None for name in heads.values()):
        return None
    places = {edge: place for place, edge in enumerate(heads, start=1)}
    rows = []
    for line in lines[1:]:
        row = [""] * (len(heads) + 1)
        for found in _PIECE.finditer(line):
            place = places.get(found.end(), 0)
            if place == 0 and any(row):
                return None
            row[place] = found.group()
        rows.append(tuple(row))
    if not any(parse_number(cell) is not None for row in rows for cell in row[1:]):
        return None
    return Table(("", *heads.values()), tuple(rows), tuple(row[0] for row in rows))


def diff_tables(a: Table, b: Table, budget: Budget) -> TableDiff | None:
    """Align columns by name and rows by label, and compare cell by cell; None when the budget does not allow it or nothing fits."""
    if not budget.take(2 * (sum(map(len, a.rows)) + sum(map(len, b.rows)))):
        return None
    columns = _with_gaps(align(a.heads, b.heads, budget), len(a.heads), len(b.heads))
    if not any(one is not None and other is not None for one, other in columns):
        return None
    pairs = align(a.rows, b.rows, budget)
    if len(pairs) < min(len(a.rows), len(b.rows)):
        pairs = align(a.labels, b.labels, budget)
        if not pairs and len(a.rows) == len(b.rows):
            pairs = [(place, place) for place in range(len(a.rows))]
    moved = 0
    rows = []
    for one, other in _with_gaps(pairs, len(a.rows), len(b.rows)):
        left, right = None if one is None else a.rows[one], None if other is None else b.rows[other]
        cells = tuple(_cell(left, right, *column) for column in columns)
        moved += sum(cell.moved is not None for cell in cells)
        rows.append(TableRow(one, other, cells))
    shown = [_without_label(row, label) for row, label in zip(b.rows, b.labels, strict=True)]
    numbers = sum(parse_number(cell) is not None for row in shown for cell in row)
    names = tuple((None if one is None else a.heads[one], None if other is None else b.heads[other]) for one, other in columns)
    return TableDiff(names, tuple(rows), numbers, moved)


def number_change(a: str, b: str) -> NumberChange | None:
    """Return how a number moved; None when either text is no number or both are the same."""
    if a == b:
        return None
    one, other = parse_number(a), parse_number(b)
    if one is None or other is None:
        return None
    delta = other - one
    return NumberChange(a, b, delta if delta == delta and abs(delta) != float("inf") else None)


def _without_label(row: Sequence[str], label: str) -> Sequence[str]:
    return row[1:] if row and row[0] == label else row


def _html_row(piece: str) -> list[tuple[str, bool, int, int]]:
    """Return the cells of a row: text, whether it is a head, columns and rows that it spans."""
    plain = _PLAIN_CELL.findall(piece)
    if plain and "span=" not in piece and len(plain) == piece.count("<td") + piece.count("<th"):
        return [(html.unescape(text).strip() if "&" in text else text.strip(), kind in "hH", 1, 1) for kind, text in plain]
    found = []
    place = 0
    while (start := _CELL.search(piece, place)) is not None:
        end = _CELL_END.search(piece, start.end())
        following = _CELL.search(piece, start.end())
        stop = min(end.start() if end else len(piece), following.start() if following else len(piece))
        spans = {kind.lower(): int(number) for kind, number in _SPAN.findall(start.group(2) or "")}
        text = " ".join(html.unescape(_TAG.sub(" ", piece[start.end() : stop])).split())
        found.append((text, start.group(1) in "hH", max(spans.get("col", 1), 1), max(spans.get("row", 1), 1)))
        place = stop
    return found


def _spread(rows: list[list[tuple[str, bool, int, int]]]) -> list[list[tuple[str, bool]]]:
    """Repeat cells that span several columns or rows, so that every row has its columns."""
    waiting: dict[int, tuple[int, str, bool]] = {}  # column: rows left, text, head
    grid = []
    cells = 0
    for row in rows:
        line: list[tuple[str, bool]] = []
        queue = list(row)
        while queue or len(line) in waiting:
            column = len(line)
            if column in waiting:
                left, text, head = waiting.pop(column)
                if left > 1:
                    waiting[column] = (left - 1, text, head)
                line.append((text, head))
                continue
            text, head, across, down = queue.pop(0)
            for step in range(across):
                if down > 1:
                    waiting[column + step] = (down - 1, text, head)
                line.append((text, head))
        grid.append(line)
        cells += len(line)
        if cells > _CELLS_AT_MOST:
            return []
    return grid


def _table(grid: list[list[tuple[str, bool]]]) -> Table | None:
    if not grid or not any(grid):
        return None
    width = max(map(len, grid))
    head_rows = 0
    while head_rows < len(grid) - 1 and grid[head_rows] and all(head for _, head in grid[head_rows]):
        head_rows += 1
    top = [[text for text, _ in row] + [""] * (width - len(row)) for row in grid[:head_rows]]
    heads = tuple(" ".join(dict.fromkeys(row[column] for row in top if row[column])) for column in range(width))
    rows = tuple(tuple(text for text, _ in row) + ("",) * (width - len(row)) for row in grid[head_rows:])
    labels = []
    for row in grid[head_rows:]:
        heading = [text for text, head in row if head]
        first = row[0][0] if row and parse_number(row[0][0]) is None else ""
        labels.append(" ".join(heading) if heading else first)
    return Table(heads, rows, tuple(labels))


def _with_gaps(pairs: list[Pair], a_length: int, b_length: int) -> list[tuple[int | None, int | None]]:
    """Return every place of both sides in order, those without a partner with None."""
    found: list[tuple[int | None, int | None]] = []
    low_a = low_b = 0
    for one, other in [*pairs, (a_length, b_length)]:
        found += [(place, None) for place in range(low_a, one)]
        found += [(None, place) for place in range(low_b, other)]
        if one < a_length:
            found.append((one, other))
        low_a, low_b = one + 1, other + 1
    return found


def _cell(left: Sequence[str] | None, right: Sequence[str] | None, one: int | None, other: int | None) -> TableCell:
    a = left[one] if left is not None and one is not None else None
    b = right[other] if right is not None and other is not None else None
    return TableCell(a, b, number_change(a, b) if a is not None and b is not None else None)
