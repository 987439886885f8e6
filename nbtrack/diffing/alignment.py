"""Which items of two sequences belong together: keys in, pairs of places out, rising on both sides.

Equal beginning and end are trimmed, keys that occur once on each side become anchors, the longest rising run of them splits the rest,
and so on in each gap. Source: Bram Cohen's patience diff; the longest rising run is Fredman (1975), O(n log n).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable, Sequence

from nbtrack.diffing.budget import Budget

Pair = tuple[int, int]
_SMALL = 4_000  # a gap of at most this many comparisons is solved exactly


def align(a: Sequence[Hashable], b: Sequence[Hashable], budget: Budget) -> list[Pair]:
    """Pair equal keys so that places rise on both sides; as many as can be found within the budget."""
    pairs: list[Pair] = []
    gaps = [(0, len(a), 0, len(b))]
    while gaps:
        a_low, a_high, b_low, b_high = gaps.pop()
        while a_low < a_high and b_low < b_high and a[a_low] == b[b_low]:
            pairs.append((a_low, b_low))
            a_low, b_low = a_low + 1, b_low + 1
        while a_low < a_high and b_low < b_high and a[a_high - 1] == b[b_high - 1]:
            a_high, b_high = a_high - 1, b_high - 1
            pairs.append((a_high, b_high))
        if a_low == a_high or b_low == b_high:
            continue
        size = a_high - a_low + b_high - b_low
        anchors = _unique_anchors(a, b, a_low, a_high, b_low, b_high) if budget.take(size // 4 + 1) else []
        if anchors:
            pairs.extend(anchors)
            gaps.extend(between(anchors, a_low, a_high, b_low, b_high))
        else:
            pairs.extend(_repeated(a, b, (a_low, a_high, b_low, b_high), budget))
    pairs.sort()
    return pairs


def between(pairs: Sequence[Pair], a_low: int, a_high: int, b_low: int, b_high: int) -> list[tuple[int, int, int, int]]:
    """Return the gaps around rising pairs that hold items on either side."""
    gaps = []
    for a_end, b_end in [*pairs, (a_high, b_high)]:
        if a_low < a_end or b_low < b_end:
            gaps.append((a_low, a_end, b_low, b_end))
        a_low, b_low = a_end + 1, b_end + 1
    return gaps


def longest_rising(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the longest run of pairs, given in order of their first place, whose second places rise too."""
    ends: list[int] = []  # the smallest second place that ends a run of each length
    at: list[int] = []
    before: list[int] = []
    for place, (_, second) in enumerate(pairs):
        length = bisect_left(ends, second)
        if length == len(ends):
            ends.append(second)
            at.append(place)
        else:
            ends[length] = second
            at[length] = place
        before.append(at[length - 1] if length else -1)
    run = []
    place = at[-1] if at else -1
    while place >= 0:
        run.append(pairs[place])
        place = before[place]
    run.reverse()
    return run


def once(keys: Sequence[Hashable], places: Sequence[int] | range) -> dict[Hashable, int]:
    """Return the keys that occur once among these places, with the place."""
    found: dict[Hashable, int] = {}
    for place in places:
        key = keys[place]
        found[key] = -1 if key in found else place
    return {key: place for key, place in found.items() if place >= 0}


def _unique_anchors(a: Sequence[Hashable], b: Sequence[Hashable], a_low: int, a_high: int, b_low: int, b_high: int) -> list[Pair]:
    in_b = once(b, range(b_low, b_high))
    if not in_b:
        return []
    in_a = once(a, range(a_low, a_high))
    return longest_rising([(place, in_b[key]) for key, place in in_a.items() if key in in_b])


def _repeated(a: Sequence[Hashable], b: Sequence[Hashable], gap: tuple[int, int, int, int], budget: Budget) -> list[Pair]:
    """Pair what occurs more than once: exactly where the gap is small, else the first with the first, the second with the second."""
    a_low, a_high, b_low, b_high = gap
    common = set(a[a_low:a_high]).intersection(b[b_low:b_high])
    if not common:
        return []
    left = [place for place in range(a_low, a_high) if a[place] in common]
    right = [place for place in range(b_low, b_high) if b[place] in common]
    cost = len(left) * len(right)
    if cost <= _SMALL and budget.take(cost // 8 + 1):
        pairs = _longest_common([a[place] for place in left], [b[place] for place in right])
        return [(left[one], right[other]) for one, other in pairs]
    places: dict[Hashable, list[int]] = {}
    for place in range(b_high - 1, b_low - 1, -1):
        places.setdefault(b[place], []).append(place)
    found = [(place, places[a[place]].pop()) for place in range(a_low, a_high) if places.get(a[place])]
    return longest_rising(found)


def _longest_common(a: Sequence[Hashable], b: Sequence[Hashable]) -> list[Pair]:
    """Solve a small gap exactly, by the table of longest common tails."""
    width = len(b)
    tails = [[0] * (width + 1)]
    for key in reversed(a):
        below, row = tails[-1], [0] * (width + 1)
        for column in range(width - 1, -1, -1):
            if key == b[column]:
                row[column] = below[column + 1] + 1
            else:
                row[column] = below[column] if below[column] >= row[column + 1] else row[column + 1]
        tails.append(row)
    tails.reverse()
    pairs, place, column = [], 0, 0
    while place < len(a) and column < width:
        if a[place] == b[column]:
            pairs.append((place, column))
            place, column = place + 1, column + 1
        elif tails[place + 1][column] >= tails[place][column + 1]:
            place += 1
        else:
            column += 1
    return pairs
