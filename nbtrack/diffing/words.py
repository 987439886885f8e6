"""The difference in words: cell diffs in, short lines out, as a person would say them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from nbtrack.diffing.result import Cell, CellDiff, LineChange, OutputDiff

_HEADING = re.compile(r"^ {0,3}#{1,6}\s+(.+?)\s*#*\s*$", re.M)
_COMMENT = re.compile(r"^\s*#+\s*(?:%%\s*)?([^\s#!%].*?)\s*$")
_DEFINED = re.compile(r"^\s*(?:async\s+)?(?:def|class)\s+(\w+)", re.M)
_MADE = re.compile(r"\b((?:[A-Z][a-z0-9]+){2,}|[A-Z][A-Za-z]+[a-z]+[A-Z]\w*)\s*\(")
_SETS = re.compile(r"([\w.\]\[\"']+?)[\"']?\s*[=:]\s*(?:[\w.]+\()?[\"']?[^\s,=:]*$")
_VALUE_CHARACTER = re.compile(r"[\w.+\-%]")
_LONGEST = 40
_TOLD = 3
_NOISE_WORDS = {
    "counts": "count",
    "timings": "timing",
    "metadata": "metadata entry",
    "addresses": "address",
    "progress": "progress bar",
    "ids": "id",
    "form": "text form",
}
_PLURALS = {"metadata entry": "metadata entries", "address": "addresses"}


def heading_of(cell: Cell) -> str:
    """Return the first heading of a text cell, empty when it has none."""
    found = _HEADING.search(cell.source) if cell.cell_type == "markdown" else None
    return _cut(found.group(1)) if found else ""


def title_of(cell: Cell) -> str:
    """Name a cell by its text: heading, comment on top, what it defines or makes, else its first line."""
    if cell.cell_type == "markdown":
        return heading_of(cell) or _cut(_first_line(cell.source).strip(" *_>-"))
    first = _first_line(cell.source)
    comment = _COMMENT.match(first)
    if comment:
        return _cut(comment.group(1))
    for pattern in (_DEFINED, _MADE):
        found = pattern.search(cell.source[:4000])
        if found:
            return _cut(found.group(1))
    return _cut(first)


def label_of(diff: CellDiff) -> str:
    """Return ``[5]`` for a cell that was executed, else its place: ``cell 5``. A removed cell's count means nothing any more."""
    cell = diff.cell
    if diff.b is not None and diff.b.count is not None:
        return f"[{diff.b.count}]"
    return f"cell {cell.index + 1}"


def counted(cells: Sequence[CellDiff]) -> str:
    """Count the cells: ``4 edited, 1 added, 1 moved, 1 removed · 38 unchanged``. Cells whose outputs alone changed count as edited."""
    numbers = {
        "edited": sum(cell.kind in ("edited", "output only") for cell in cells),
        "added": sum(cell.kind == "added" for cell in cells),
        "moved": sum(cell.kind == "moved" for cell in cells),
        "removed": sum(cell.kind == "removed" for cell in cells),
    }
    told = ", ".join(f"{number} {word}" for word, number in numbers.items() if number)
    unchanged = len(cells) - sum(numbers.values())
    return f"{told} · {unchanged} unchanged" if told else f"{unchanged} unchanged"


def noise_words(noise: Mapping[str, int]) -> str:
    """Say ``31 counts and 12 timings``; empty when there is none."""
    parts = []
    for kind, number in noise.items():
        word = _NOISE_WORDS[kind]
        parts.append(f"{number} {word if number == 1 else _PLURALS.get(word, word + 's')}")
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part)


def in_few_words(cells: Sequence[CellDiff], noise: Mapping[str, int]) -> str:
    """Say the whole difference as a timeline does: ``[5] learning_rate 0.01 → 0.003``, ``Added cell: StandardScaler``."""
    real = [cell for cell in cells if cell.kind not in ("unchanged", "noise only")]
    if not real:
        return _no_real_change(noise)
    if all(cell.kind == "output only" for cell in real):
        return f"Outputs only: {_outputs_told(real)}"
    edited = [cell for cell in real if cell.kind == "edited"]
    rest = [cell for cell in real if cell.kind not in ("edited", "output only")]
    if edited and not rest:
        told = [_edit_told(cell) for cell in edited]
        if len(told) <= _TOLD and all(told):
            return ", ".join(told)
    if rest and not edited:
        return _placed_told(rest)
    return counted(cells)


def summary_of(cells: Sequence[CellDiff], noise: Mapping[str, int]) -> str:
    """Say the difference in one line: the counts, with the change itself when it can be said in a few words."""
    words, bar = in_few_words(cells, noise), counted(cells)
    if words == bar or not any(cell.kind in ("edited", "added", "moved", "removed") for cell in cells):
        return words
    told, _, unchanged = bar.partition(" · ")
    return f"{told}: {words} · {unchanged}"


def _no_real_change(noise: Mapping[str, int]) -> str:
    if not noise:
        return "No change."
    return f"No real change. {noise_words(noise)} {'differs' if sum(noise.values()) == 1 else 'differ'}."


def _outputs_told(cells: Sequence[CellDiff]) -> str:
    if all(cell.b is not None and not cell.b.outputs for cell in cells):
        return f"cleared in {label_of(cells[0]) if len(cells) == 1 else f'{len(cells)} cells'}"
    parts = []
    for cell in cells[:_TOLD]:
        kinds = dict.fromkeys(_output_noun(output) for output in cell.outputs if output.kind in ("changed", "added", "removed"))
        parts.append(f"{' and '.join(kinds)} in {label_of(cell)}")
    if len(cells) > _TOLD:
        parts.append(f"{len(cells) - _TOLD} more")
    return ", ".join(parts)


def _output_noun(output: OutputDiff) -> str:
    noun = {"image": "plot", "html": "HTML", "json": "JSON", "other": "output"}.get(output.what, output.what)
    return {"added": f"new {noun}", "removed": f"{noun} gone"}.get(output.kind, noun)


def _edit_told(diff: CellDiff) -> str:
    """Say one edit as ``[5] learning_rate 0.01 → 0.003`` when a single value changed; empty when it is more than that."""
    if diff.source is None or diff.source.whole or diff.also:
        return ""
    lines = diff.source.lines
    if not 1 <= len(lines) <= _TOLD or any(line.kind != "changed" for line in lines):
        return ""
    told = [_value_told(line) for line in lines]
    return f"{label_of(diff)} {', '.join(told)}" if all(told) else ""


def _value_told(line: LineChange) -> str:
    a_marks, b_marks = line.marks
    if len(a_marks) != 1 or len(b_marks) != 1:
        return ""
    (a_low, a_high), (b_low, b_high) = _whole_value(line.a, *a_marks[0]), _whole_value(line.b, *b_marks[0])
    old, new = line.a[a_low:a_high].strip(), line.b[b_low:b_high].strip()
    name = _SETS.search(line.b[:b_low])
    if not old or not new or name is None or len(old) > _LONGEST or len(new) > _LONGEST:
        return ""
    return f"{name.group(1).strip(chr(34) + chr(39) + '[]')} {old} → {new}"


def _whole_value(text: str, low: int, high: int) -> tuple[int, int]:
    """Widen a span to the number, word or quoted text around it: ``0.01`` is one value though only ``01`` differs."""
    while low > 0 and _VALUE_CHARACTER.match(text[low - 1]):
        low -= 1
    while high < len(text) and _VALUE_CHARACTER.match(text[high]):
        high += 1
    if low > 0 and high < len(text) and text[low - 1] == text[high] and text[high] in "\"'":
        return low - 1, high + 1
    return low, high


def _placed_told(cells: Sequence[CellDiff]) -> str:
    """Say which cells came, went and moved; outputs that changed beside are left to the counts."""
    parts = []
    for kind, verb in (("added", "added"), ("removed", "removed"), ("moved", "moved")):
        found = [cell for cell in cells if cell.kind == kind]
        if not found:
            continue
        titles = [title_of(cell.cell) for cell in found]
        if len(cells) == len(found) <= _TOLD and all(titles):
            parts.append(f"{verb} {'cell' if len(found) == 1 else f'{len(found)} cells'}: {', '.join(titles)}")
        else:
            noun = "" if parts else " cell" if len(found) == 1 else " cells"
            parts.append(f"{verb} {len(found)}{noun}")
    text = ", ".join(parts)
    return text[:1].upper() + text[1:]


def _first_line(text: str) -> str:
    return next((line for line in text[:4000].splitlines() if line.strip()), "")


def _cut(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"
