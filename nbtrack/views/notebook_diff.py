"""The difference of two notebooks, drawn twice: a unified diff for terminals, a page for everything that shows HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from nbtrack.diffing import CellDiff, NotebookDiff, OutputDiff, TableDiff
from nbtrack.diffing.outputs import text_of
from nbtrack.diffing.words import counted, noise_words
from nbtrack.views import words
from nbtrack.views.markup import clean, shorten
from nbtrack.views.notebook_diff_page import draw_document, draw_piece
from nbtrack.views.notebook_diff_parts import (
    MOST_CHARACTERS,
    SIGNS,
    DrawnLine,
    Fold,
    changed_outputs,
    delta_of,
    lines_of,
    list_blocks,
    name_of,
    told_of,
    whole_lines,
)
from nbtrack.views.terminal import cut, paint
from nbtrack.views.view import DEFAULT_WIDTH, View

_TONES = {"edited": "link", "output only": "link", "added": "better", "removed": "worse", "moved": "link", "noise only": "muted"}
_MOST_ROWS = 40
_MARKED = {"removed": "\x1b[31;7m", "added": "\x1b[32;7m"}


@dataclass(frozen=True, repr=False, slots=True)
class NotebookDiffView(View):
    """A notebook diff with the names of its sides. ``outputs`` off leaves outputs out, ``noise`` draws what is folded as noise."""

    diff: NotebookDiff
    a_name: str = "A"
    b_name: str = "B"
    outputs: bool = True
    noise: bool = False

    def to_html(self) -> str:
        return draw_piece(self.diff, self.a_name, self.b_name, outputs=self.outputs)

    def to_document(self) -> str:
        """Return a whole HTML page that opens without a network: no script, nothing loaded, stored HTML shown as text."""
        return draw_document(self.diff, self.a_name, self.b_name, outputs=self.outputs)

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        out = [paint(f"{clean(self.a_name)} → {clean(self.b_name)}", "strong", colour), *self._head(colour)]
        blocks = list_blocks(self.diff, outputs=self.outputs, noise=self.noise)
        if any(isinstance(block, CellDiff) for block in blocks):
            for block in blocks:
                out.append("")
                if isinstance(block, Fold):
                    out.append(paint(cut(f"  {block.told}", width), "muted", colour))
                else:
                    out += self._cell(block, width, colour)
        return "\n".join(line.rstrip() for line in out)

    def _head(self, colour: bool) -> list[str]:
        diff = self.diff
        if not diff.changed:
            return [diff.summary]
        hidden = sum(cell.kind == "output only" for cell in diff.cells) if not self.outputs else 0
        lines = [counted(diff.cells) if not hidden else f"{counted(diff.cells)} ({words.plural(hidden, 'cell')} by outputs, not shown)"]
        if diff.noise and not self.noise:
            lines.append(paint(f"hidden as noise: {noise_words(diff.noise)}", "muted", colour))
        return lines

    def _cell(self, cell: CellDiff, width: int, colour: bool) -> Iterator[str]:
        head = f"{SIGNS[cell.kind]} {name_of(cell)}"
        told = told_of(cell, outputs=self.outputs)
        yield f"{paint(cut(head, max(width - 20, 20)), _TONES.get(cell.kind, ''), colour)}  {paint(clean(told), 'muted', colour)}"
        if cell.kind in ("added", "removed"):
            yield from _draw(whole_lines(cell.cell.source, "added" if cell.kind == "added" else "removed"), colour)
        if cell.source is not None:
            yield from _draw(lines_of(cell.source), colour)
        if self.noise and cell.noise:
            yield paint(f"    noise: {noise_words(cell.noise)}", "muted", colour)
        if self.outputs:
            for output in changed_outputs(cell, noise=self.noise):
                yield from _output(output, colour, noise=self.noise)


def _output(output: OutputDiff, colour: bool, *, noise: bool) -> Iterator[str]:
    said = output.words or f"{output.what}: {noise_words(output.noise)}"
    yield paint(f"    output: {clean(said)}", "muted", colour)
    if output.table is not None:
        yield from _table(output.table)
    elif output.text is not None and output.what in ("text", "error", "markdown"):
        yield from _draw(lines_of(output.text, noise=noise), colour)
    elif output.images is not None:
        sides = ("none" if image is None else f"{words.size(image.size_bytes)} sha256 {image.sha256[:12]}" for image in output.images)
        yield f"      {' → '.join(sides)}"
    elif output.kind in ("added", "removed") and output.what in ("text", "error"):
        source = text_of(output.b if output.kind == "added" else output.a, output.mime)
        yield from _draw(whole_lines(source.rstrip("\n"), output.kind), colour)


def _table(table: TableDiff) -> Iterator[str]:
    """Say row by row which cells differ: a table side by side is too wide for most terminals."""
    drawn = 0
    for row in table.rows:
        if not row.changed:
            continue
        drawn += 1
        if drawn > _MOST_ROWS:
            yield "      … more rows"
            return
        label = next((text for text in (row.cells[0].b, row.cells[0].a) if text), "") if row.cells else ""
        if row.a_index is None or row.b_index is None:
            values = [cell.a or cell.b or "" for cell in row.cells]
            yield clean(f"    {'+' if row.a_index is None else '-'} {shorten('  '.join(values), 120)}")
            continue
        parts = []
        for (one, other), cell in zip(table.columns, row.cells, strict=True):
            if cell.a != cell.b:
                delta = f" ({delta_of(cell.moved)})" if cell.moved is not None and cell.moved.delta else ""
                parts.append(f"{other or one or ''} {shorten(cell.a or '', 30)} → {shorten(cell.b or '', 30)}{delta}".strip())
        yield clean(f"      {label}: {', '.join(parts)}")


def _draw(lines: Iterable[DrawnLine], colour: bool) -> Iterator[str]:
    """Write lines as a unified diff; runs of changed lines stand together, old ones first."""
    old: list[str] = []
    new: list[str] = []
    for line in lines:
        if line.state in ("changed", "removed", "added") and (line.state != "removed" or not new):
            if line.a_number is not None:
                old.append(_side(line, "removed", colour))
            if line.b_number is not None:
                new.append(_side(line, "added", colour))
                new += _carets(line) if not colour else []
            continue
        yield from old
        yield from new
        old, new = [], []
        if line.state == "removed":
            old.append(_side(line, "removed", colour))
        elif line.state == "gap":
            yield paint(f"    ⋯ {clean(line.a)}", "muted", colour)
        else:
            yield f"    {'~' if line.state == 'noise' else ' '} {_plain(line.b)}"
    yield from old
    yield from new


def _side(line: DrawnLine, side: str, colour: bool) -> str:
    text = line.a if side == "removed" else line.b
    sign = "-" if side == "removed" else "+"
    if not colour:
        return f"    {sign} {_plain(text)}"
    marks = line.change.marks[side == "added"] if line.change is not None else ()
    tone = "31" if side == "removed" else "32"
    if not marks or len(text) > MOST_CHARACTERS or sum(high - low for low, high in marks) >= len(text.strip()):
        return f"\x1b[{tone}m    {sign} {_plain(text)}\x1b[0m"
    out, at = [f"\x1b[{tone}m    {sign} "], 0
    for low, high in marks:
        out.append(f"{_plain(text[at:low])}{_MARKED[side]}{_plain(text[low:high])}\x1b[0;{tone}m")
        at = high
    return "".join([*out, _plain(text[at:]), "\x1b[0m"])


def _carets(line: DrawnLine) -> list[str]:
    """Point at the changed words of a line where there is no colour to do it."""
    marks = line.change.marks[1] if line.change is not None else ()
    text = line.b
    if not marks or len(text) > 200 or not text.isascii() or "\t" in text or 2 * sum(high - low for low, high in marks) > len(text.strip()):
        return []
    row = [" "] * len(text)
    for low, high in marks:
        row[low:high] = "^" * (high - low)
    return [f"      {''.join(row)}".rstrip()]


def _plain(text: str) -> str:
    return clean(shorten(text, MOST_CHARACTERS), lines=True)
