"""A notebook diff cut into what is drawn: folds of quiet cells and changed cells; lines with their surroundings; words for heads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from nbtrack.diffing import CellDiff, LineChange, NotebookDiff, NumberChange, OutputDiff, TextDiff
from nbtrack.diffing.text import split_lines
from nbtrack.diffing.words import heading_of, label_of, title_of
from nbtrack.views import words

CONTEXT = 3  # equal lines shown around a change
MOST_LINES = 2_000  # changed lines drawn of one text
MOST_CHARACTERS = 1_000  # characters drawn of one line
SIGNS = {"edited": "±", "output only": "±", "added": "+", "removed": "−", "moved": "↕", "noise only": "~", "unchanged": " "}

LineState = Literal["same", "removed", "added", "changed", "noise", "gap"]


@dataclass(frozen=True, slots=True)
class DrawnLine:
    """One line to draw. A ``gap`` stands for equal lines that are not drawn; its ``a`` says how many."""

    state: LineState
    a_number: int | None = None
    b_number: int | None = None
    a: str = ""
    b: str = ""
    change: LineChange | None = None


@dataclass(frozen=True, slots=True)
class Fold:
    """Neighbouring cells in which nothing is to be seen."""

    cells: tuple[CellDiff, ...]

    @property
    def told(self) -> str:
        """``6 unchanged cells · Importance, Thresholds``."""
        names = [name for name in (heading_of(cell.cell) for cell in self.cells) if name]
        said = words.plural(len(self.cells), "unchanged cell")
        return f"{said} · {', '.join(names[:6])}{', …' if len(names) > 6 else ''}" if names else said


def list_blocks(diff: NotebookDiff, *, outputs: bool, noise: bool) -> list[Fold | CellDiff]:
    """Put the cells in document order, quiet ones folded; ``outputs`` and ``noise`` say what counts as something to see."""
    blocks: list[Fold | CellDiff] = []
    quiet: list[CellDiff] = []
    for cell in diff.cells:
        if is_quiet(cell, outputs=outputs, noise=noise):
            quiet.append(cell)
            continue
        if quiet:
            blocks.append(Fold(tuple(quiet)))
            quiet = []
        blocks.append(cell)
    return [*blocks, Fold(tuple(quiet))] if quiet else blocks


def is_quiet(cell: CellDiff, *, outputs: bool, noise: bool) -> bool:
    """Tell whether there is nothing to see in a cell."""
    return cell.kind == "unchanged" or (cell.kind == "noise only" and not noise) or (cell.kind == "output only" and not outputs)


def name_of(cell: CellDiff) -> str:
    """``[5] Parameters``; a cell that is gone or was never run is named by its title."""
    title, label = title_of(cell.cell), label_of(cell)
    if cell.b is not None and cell.b.count is not None:
        return f"{label} {title}".strip()
    return title or label


def told_of(cell: CellDiff, *, outputs: bool = True) -> str:
    """Say in a few words what became of a cell: ``code and 1 output``, ``moved down by 3, text the same``."""
    kind = cell.cell.cell_type or "cell"
    if cell.kind in ("added", "removed"):
        return f"{kind}, {'added in B' if cell.kind == 'added' else 'only in A'}"
    parts = []
    if cell.moved_by:
        parts.append(f"moved {'down' if cell.moved_by > 0 else 'up'} by {abs(cell.moved_by)}")
    if cell.kind == "moved":
        return f"{parts[0]}, text the same"
    changed = [output for output in cell.outputs if output.kind not in ("same", "noise")] if outputs else []
    if cell.kind == "output only":
        return ", ".join([*parts, f"output only: {'; '.join(output.words for output in changed[:3])}"])
    if cell.kind == "noise only":
        return "noise only"
    what = [kind] if cell.source is not None else []
    if "type" in cell.also and cell.a is not None:
        what = [f"{cell.a.cell_type or 'no type'} → {kind}"]
    what += ["attachments"] if "attachments" in cell.also else []
    what += [words.plural(len(changed), "output")] if changed else []
    return ", ".join([*parts, " and ".join(what)])


def lines_of(text: TextDiff, *, context: int = CONTEXT, noise: bool = False) -> Iterator[DrawnLine]:
    """Yield the lines to draw: changes with equal lines around them, gaps between. Noise is drawn as an equal line unless asked for."""
    a, b = split_lines(text.a), split_lines(text.b)
    if text.whole:
        yield DrawnLine("gap", a=f"too much to compare by lines: {words.plural(len(a), 'line')} → {words.plural(len(b), 'line')}")
        return
    shown = [line for line in text.lines if noise or line.kind != "noise"]
    at_a = at_b = 0
    for number, change in enumerate(shown):
        if number >= MOST_LINES:
            yield DrawnLine("gap", a=words.plural(len(shown) - number, "more changed line"))
            return
        stop_a, stop_b = _place(change, at_a, at_b)
        yield from _equal(a, b, at_a, at_b, stop_a, context, first=number == 0)
        yield DrawnLine(change.kind, change.a_number, change.b_number, change.a, change.b, change)
        at_a, at_b = stop_a + (change.a_number is not None), stop_b + (change.b_number is not None)
    yield from _equal(a, b, at_a, at_b, len(a), context, last=True)


def whole_lines(source: str, state: Literal["added", "removed", "same"]) -> Iterator[DrawnLine]:
    """Yield every line of a text that stands on one side only, or equal on both."""
    lines = split_lines(source)
    for number, line in enumerate(lines[:MOST_LINES]):
        left, right = (None, "") if state == "added" else (number, line), (None, "") if state == "removed" else (number, line)
        yield DrawnLine(state, left[0], right[0], left[1], right[1])
    if len(lines) > MOST_LINES:
        yield DrawnLine("gap", a=words.plural(len(lines) - MOST_LINES, "more line"))


def delta_of(moved: NumberChange) -> str:
    """Say how far a number moved, with as many decimals as it was shown with: ``▲ 0.019``."""
    if moved.delta is None:
        return ""
    decimals = max(len(text.partition(".")[2].rstrip("%").strip()) if "e" not in text.lower() else 0 for text in (moved.a, moved.b))
    size = f"{abs(moved.delta):.{min(decimals, 12)}f}" if "e" not in f"{moved.a}{moved.b}".lower() else f"{abs(moved.delta):.3g}"
    return f"{'▲' if moved.delta > 0 else '▼'} {size}" if moved.delta else ""


def changed_outputs(cell: CellDiff, *, noise: bool) -> Sequence[OutputDiff]:
    """Return the outputs to draw."""
    return [output for output in cell.outputs if output.kind != "same" and (noise or output.kind != "noise")]


def _place(change: LineChange, at_a: int, at_b: int) -> tuple[int, int]:
    """Return the places on both sides at which a change stands: equal lines before it are as many on each."""
    if change.a_number is not None and change.b_number is not None:
        return change.a_number, change.b_number
    if change.a_number is not None:
        return change.a_number, at_b + change.a_number - at_a
    assert change.b_number is not None, "a line stands on one side at least"
    return at_a + change.b_number - at_b, change.b_number


def _equal(
    a: list[str], b: list[str], at_a: int, at_b: int, stop: int, context: int, *, first: bool = False, last: bool = False
) -> Iterator[DrawnLine]:
    length = stop - at_a
    head, tail = 0 if first else context, 0 if last else context
    hidden = length - head - tail
    for step in range(length):
        if hidden > 1 and step == head:
            yield DrawnLine("gap", a=words.plural(hidden, "equal line"))
        if hidden <= 1 or step < head or step >= length - tail:
            yield DrawnLine("same", at_a + step, at_b + step, a[at_a + step], b[at_b + step])
