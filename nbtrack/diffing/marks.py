"""Which words differ between two lines: two texts in, spans of characters out."""

from __future__ import annotations

import re

from nbtrack.diffing.alignment import align, between
from nbtrack.diffing.budget import Budget

Span = tuple[int, int]
_LONG_LINE = 4_000  # characters of a line whose words are compared
_SEARCH = 20_000
_TOKEN = re.compile(r"\d+(?:\.\d+)?(?:[eE][-+]?\d+)?|\w+|\s+|[^\w\s]")


def mark_words(a: str, b: str) -> tuple[tuple[Span, ...], tuple[Span, ...]]:
    """Return the spans of characters that differ between two lines, in whole words."""
    if len(a) > _LONG_LINE or len(b) > _LONG_LINE:
        return ((0, len(a)),), ((0, len(b)),)
    left, right = _TOKEN.findall(a), _TOKEN.findall(b)
    if len(left) == len(right):
        unlike = [place for place, (one, other) in enumerate(zip(left, right, strict=True)) if one != other]
        if 2 * len(unlike) <= len(left):  # as many words on both sides, most of them equal: no search is needed
            return _marks(left, unlike), _marks(right, unlike)
    head, most = 0, min(len(left), len(right))
    while head < most and left[head] == right[head]:
        head += 1
    tail = 0
    while tail < most - head and left[-1 - tail] == right[-1 - tail]:
        tail += 1
    a_end, b_end = len(left) - tail, len(right) - tail
    pairs: list[tuple[int, int]] = []
    if a_end - head > 1 and b_end - head > 1:
        pairs = [(head + one, head + other) for one, other in align(left[head:a_end], right[head:b_end], Budget(_SEARCH))]
        if len(pairs) * 3 < a_end - head:  # lines that share blanks only are not alike
            pairs = [pair for pair in pairs if not left[pair[0]].isspace()]
    gaps = between(pairs, head, a_end, head, b_end)
    return (
        _marks(left, [place for low, high, _, _ in gaps for place in range(low, high)]),
        _marks(right, [place for _, _, low, high in gaps for place in range(low, high)]),
    )


def _marks(tokens: list[str], places: list[int]) -> tuple[Span, ...]:
    """Turn places of tokens, in order, into spans of characters; neighbours are joined."""
    found: list[Span] = []
    start = at = 0
    for place in places:
        for token in tokens[at:place]:
            start += len(token)
        end = start + len(tokens[place])
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
        start, at = end, place + 1
    return tuple(found)
