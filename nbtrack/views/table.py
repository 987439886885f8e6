"""One table, drawn twice: rows of cells in, an HTML table or aligned terminal text out. The runs table and every list are made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from nbtrack.views.markup import Html, clean, element, escape, shorten
from nbtrack.views.style import page
from nbtrack.views.terminal import cut, display_width, pad, paint, wrap
from nbtrack.views.view import DEFAULT_WIDTH, View

_LEAST = 10  # columns of text are never made narrower in a terminal
_GAP = "  "


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell: its text, its tone (``muted best strong link better worse warn code``) and what a hover says.

    ``html`` is drawn instead of the text where text is not enough.
    """

    text: str
    tone: str = ""
    title: str = ""
    html: Html | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """One column. ``right`` is for numbers; ``sorted`` darkens its head; ``wraps`` lets HTML break long text.

    ``rank`` says what a narrow terminal leaves out first: the highest; columns of rank 0 stay.
    """

    head: str
    right: bool = False
    sorted: bool = False
    wraps: bool = False
    rank: int = 0
    title: str = ""


@dataclass(frozen=True, repr=False, slots=True)
class Table(View):
    """Rows under heads, with a quiet line below; ``empty`` is said instead when there are no rows."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    label: str = "nbtrack"
    title: str = ""
    foot: str = ""
    empty: str = "Nothing here."
    status: int = 0

    @property
    def failed(self) -> bool:
        return bool(self.status)

    def to_html(self) -> str:
        head = element("div", element("b", self.title, cls="strong"), cls="row", style="padding:0 10px") if self.title else None
        if not self.rows:
            return page(head, element("div", escape(self.empty, 1000), cls="pad muted"), label=self.label)
        foot = element("div", escape(self.foot, 1000), cls="foot") if self.foot else None
        grid = table_html(self.columns, self.rows, cls="" if self.foot else "plain")
        return page(head, element("div", grid, cls="scroll"), foot, cls="card wide", label=self.label)

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        lines = [paint(clean(self.title), "strong", colour)] if self.title else []
        if not self.rows:
            return "\n".join([*lines, clean(self.empty)])
        body, left_out = table_text(self.columns, self.rows, width, colour=colour)
        foot = self.foot
        if left_out:
            foot = " · ".join(part for part in (foot, f"not shown for want of room: {', '.join(left_out)}") if part)
        return "\n".join([*lines, *body, *([paint(clean(foot), "muted", colour)] if foot else [])])


def table_html(columns: Sequence[Column], rows: Sequence[Sequence[Cell]], *, cls: str = "", caption: str = "") -> Html:
    """Draw the table element alone; the first column names its row."""
    heads = [
        element(
            "th",
            column.head,
            cls=_classes("r" if column.right else "", "sorted" if column.sorted else ""),
            scope="col",
            title=column.title or None,
        )
        for column in columns
    ]
    body = []
    for row in rows:
        cells = []
        for place, (column, cell) in enumerate(zip(columns, row, strict=True)):
            name = "th" if place == 0 else "td"
            classes = _classes("r" if column.right else "", cell.tone, "wrap" if column.wraps else "")
            shown = cell.html if cell.html is not None else element("bdi", escape(cell.text, 1000 if column.wraps else 160))
            title = cell.title or (shorten(clean(cell.text), 600) if len(cell.text) > 48 and not column.wraps else None)
            cells.append(element(name, shown, cls=classes, scope="row" if place == 0 else None, title=title))
        body.append(element("tr", *cells))
    named = element("caption", caption, style="display:none") if caption else None
    return element("table", named, element("thead", element("tr", *heads)), element("tbody", *body), cls=_classes("tbl", cls))


def table_text(
    columns: Sequence[Column], rows: Sequence[Sequence[Cell]], width: int, *, colour: bool = False
) -> tuple[list[str], list[str]]:
    """Draw the table as aligned lines; also return the heads of the columns that found no room."""
    texts = [[clean(cell.text) for cell in row] for row in rows]
    kept = list(range(len(columns)))
    measures = {place: max([display_width(columns[place].head), *(_measure(row[place], width) for row in texts)]) for place in kept}
    left_out = []
    while True:
        overflow = sum(measures[place] for place in kept) + len(_GAP) * (len(kept) - 1) - width
        shrinkable = [place for place in kept if not columns[place].right and measures[place] > _LEAST]
        slack = sum(measures[place] - _LEAST for place in shrinkable)
        candidates = [place for place in kept if columns[place].rank]
        # Text is cut by up to half before a whole column goes.
        if overflow <= 0 or overflow <= slack // 2 or not candidates:
            break
        gone = max(candidates, key=lambda place: (columns[place].rank, place))
        kept.remove(gone)
        left_out.append(columns[gone].head)
    while overflow > 0 and shrinkable:
        widest = max(shrinkable, key=lambda place: measures[place])
        if measures[widest] <= _LEAST:
            break
        measures[widest] -= 1
        overflow -= 1
    lines = [_GAP.join(_head(columns[place], measures[place], colour) for place in kept).rstrip()]
    for row, row_texts in zip(rows, texts, strict=True):
        lines += _row_lines([(columns[place], row[place], row_texts[place], measures[place]) for place in kept], colour)
    return lines, left_out[::-1]


def without_empty(columns: Sequence[Column], rows: Sequence[Sequence[Cell]]) -> tuple[tuple[Column, ...], tuple[tuple[Cell, ...], ...]]:
    """Leave out columns in which no row has anything to say."""
    kept = [place for place in range(len(columns)) if any(row[place].text or row[place].html for row in rows)]
    return tuple(columns[place] for place in kept), tuple(tuple(row[place] for place in kept) for row in rows)


def _row_lines(cells: list[tuple[Column, Cell, str, int]], colour: bool) -> list[str]:
    """Write one row; a column that wraps goes on below itself, any other is cut."""
    stacks = [wrap(text, measure) if column.wraps else [cut(text, measure)] for column, _, text, measure in cells]
    lines = []
    for level in range(max(len(stack) for stack in stacks)):
        parts = []
        for (column, cell, _, measure), stack in zip(cells, stacks, strict=True):
            text = stack[level] if level < len(stack) else ""
            parts.append(paint(pad(text, measure, right=column.right), cell.tone, colour and bool(text)))
        lines.append(_GAP.join(parts).rstrip())
    return lines


def _head(column: Column, measure: int, colour: bool) -> str:
    return paint(pad(cut(column.head, measure), measure, right=column.right), "strong" if column.sorted else "muted", colour)


def _measure(text: str, width: int) -> int:
    return display_width(text) if len(text) <= 4 * width else width


def _classes(*names: str) -> str:
    return " ".join(name for name in names if name)
