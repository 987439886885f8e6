"""nbdime's diff format: two JSON values in, the steps from one to the other out.

Lists are patched by ranges and items, texts by lines. Lines are counted as nbdime counts them, with Python's ``splitlines``: beside
``\\n``, ``\\r`` and ``\\r\\n`` it breaks at ``\\x0b``, ``\\x0c``, ``\\x1c`` to ``\\x1e``, ``\\x85``, ``\\u2028`` and ``\\u2029``. A text is
patched by whole lines only, so that the steps hold for a text given as a list of its lines too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from nbtrack.diffing.alignment import Pair, align
from nbtrack.diffing.budget import Budget
from nbtrack.diffing.hashes import content_hash, same
from nbtrack.diffing.outputs import match_raw
from nbtrack.diffing.result import Entry

_REPLACED_ABOVE = 1_000_000  # characters of an output above which the text is replaced as a whole
_LIST_AT_MOST = 20_000  # items of a list that are compared; a longer one is replaced
_TEXT_KEYS = ("source", "input")

Inner = Callable[[int, int], list[Entry]]


def patch_cells(a: Sequence[Any], b: Sequence[Any], pairs: Sequence[Pair], inner: Inner) -> list[Entry]:
    """Write the steps from one list of cells (or other items) to another, given which belong together and what differs inside a pair."""
    steps: list[Entry] = []
    low_a = low_b = 0
    for one, other in [*pairs, (len(a), len(b))]:
        if low_b < other:
            steps.append(Entry(op="addrange", key=low_a, valuelist=list(b[low_b:other])))
        if low_a < one:
            steps.append(Entry(op="removerange", key=low_a, length=one - low_a))
        if one < len(a):
            found = inner(one, other)
            if found:
                steps.append(Entry(op="patch", key=one, diff=found))
        low_a, low_b = one + 1, other + 1
    return steps


def patch_cell(a: Any, b: Any, budget: Budget) -> list[Entry] | None:
    """Write the steps from one cell to another; None when the cell must be replaced as a whole."""
    if not _patchable(a) or not _patchable(b):
        return [] if same(a, b) else None

    def inner(key: str, left: Any, right: Any) -> list[Entry] | None:
        if key == "outputs" and isinstance(left, list) and isinstance(right, list):
            return patch_outputs(left, right, budget)
        if key in _TEXT_KEYS and isinstance(left, str) and isinstance(right, str):
            return patch_text(left, right, budget)
        return patch_value(left, right, budget, output=key == "attachments")

    return _patch_dict(a, b, inner)


def patch_outputs(a: list[Any], b: list[Any], budget: Budget) -> list[Entry] | None:
    """Write the steps between two lists of outputs."""
    if same(a, b):
        return []
    pairs = [pair for pair in match_raw(a, b, budget) if _patchable(a[pair[0]]) and _patchable(b[pair[1]])]

    def inside(one: int, other: int) -> list[Entry]:
        return _patch_dict(a[one], b[other], lambda _key, left, right: patch_value(left, right, budget, output=True))

    return patch_cells(a, b, pairs, inside)


def patch_value(a: Any, b: Any, budget: Budget, *, output: bool = False, base64: bool = False) -> list[Entry] | None:
    """Write the steps from one value to another; empty when they are the same, None when only a replacement will do."""
    if same(a, b):
        return []
    if _patchable(a) and _patchable(b):
        data = output and any("/" in key for key in a)
        return _patch_dict(
            a, b, lambda key, left, right: patch_value(left, right, budget, output=output, base64=data and not _is_text(key))
        )
    if base64:
        return None
    if isinstance(a, list) and isinstance(b, list):
        return _patch_list(a, b, budget, output=output)
    if isinstance(a, str) and isinstance(b, str):
        if len(a) > _REPLACED_ABOVE or len(b) > _REPLACED_ABOVE or "\n" not in a or "\n" not in b:
            return None
        return patch_text(a, b, budget)
    return None


def patch_text(a: str, b: str, budget: Budget) -> list[Entry]:
    """Write the steps between two texts, by whole lines."""
    left, right = a.splitlines(True), b.splitlines(True)
    if budget.take((len(left) + len(right)) // 10):
        return patch_cells(left, right, align(left, right, budget), lambda _one, _other: [])
    return patch_cells(left, right, [], lambda _one, _other: [])


def _is_text(mime: str) -> bool:
    return mime.startswith("text/") or mime.endswith(("json", "javascript", "+xml"))


def _patchable(value: Any) -> bool:
    """Tell whether nbdime can patch it as an object: its keys must be text."""
    return isinstance(value, dict) and all(isinstance(key, str) for key in value)


def _patch_dict(a: dict[str, Any], b: dict[str, Any], inner: Callable[[str, Any, Any], list[Entry] | None]) -> list[Entry]:
    steps = []
    for key in sorted(a.keys() | b.keys()):
        if key not in b:
            steps.append(Entry(op="remove", key=key))
        elif key not in a:
            steps.append(Entry(op="add", key=key, value=b[key]))
        else:
            left, right = a[key], b[key]
            if left is right or (type(left) is str and left == right):
                continue
            found = inner(key, left, right)
            if found is None:
                steps.append(Entry(op="replace", key=key, value=right))
            elif found:
                steps.append(Entry(op="patch", key=key, diff=found))
    return steps


def _patch_list(a: list[Any], b: list[Any], budget: Budget, *, output: bool) -> list[Entry] | None:
    """Write the steps between two lists; one item that became another is patched inside."""
    low, most = 0, min(len(a), len(b))
    if most > _LIST_AT_MOST:
        return None
    while low < most and same(a[low], b[low]):
        low += 1
    tail = 0
    while tail < most - low and same(a[-1 - tail], b[-1 - tail]):
        tail += 1
    left, right = a[low : len(a) - tail], b[low : len(b) - tail]
    if len(left) == len(right) == 1:
        found = patch_value(left[0], right[0], budget, output=output) if isinstance(left[0], dict | list) else None
        if found is not None:
            return [Entry(op="patch", key=low, diff=found)] if found else []
    pairs: list[Pair] = []
    if left and right and budget.take(len(left) + len(right)):
        keys = [content_hash(one) for one in left], [content_hash(one) for one in right]
        pairs = [(one, other) for one, other in align(*keys, budget) if same(left[one], right[other])]
    steps = patch_cells(left, right, pairs, lambda _one, _other: [])
    for step in steps:
        step["key"] += low
    return steps
