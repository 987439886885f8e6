"""Two texts in, the lines that differ out, likely ones paired.

Lines end at ``\\n``, ``\\r\\n`` and ``\\r``, as in every editor of notebooks. ``\\x0b``, ``\\x0c``, ``\\x1c`` to ``\\x1e``, ``\\x85``,
``\\u2028`` and ``\\u2029``, at which Python's ``splitlines`` and with it nbdime's patch also break, are characters of their line here;
the nbdime format (``nbtrack.diffing.patch``) counts them as nbdime does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from nbtrack.diffing.alignment import align, between
from nbtrack.diffing.budget import Budget
from nbtrack.diffing.result import LineChange, TextDiff

WHOLE_ABOVE = 2_000_000  # characters between equal beginning and end above which lines are not compared
_PAIRED_HUNK = 400  # comparisons of lines in one hunk up to which the likeliest lines are paired
_LONG_LINE = 4_000  # characters of a line whose words are compared
_ALIKE = 0.4
_ENDS = re.compile(r"\r\n|\r|\n")
_WORD = re.compile(r"\w+")
_NUMBER = re.compile(r"\d+")

Settle = Callable[[str], str]


def split_lines(text: str) -> list[str]:
    """Split at the three line ends; the ends are left out. An end at the very end gives an empty last line."""
    return _ENDS.split(text) if "\r" in text else text.split("\n")


def diff_text(a: str, b: str, budget: Budget, *, settle: Settle | None = None) -> TextDiff | None:
    """Compare two texts by lines; None when every line is equal (line ends are not looked at).

    ``settle`` turns a text into one of as many lines without its noise; lines that are equal then are of kind ``noise``.
    """
    if a == b:
        return None
    if "\r" in a or "\r" in b:
        a, b = "\n".join(split_lines(a)), "\n".join(split_lines(b))
        if a == b:
            return None
    first, a_middle, b_middle = _middle(a, b)
    if max(len(a_middle), len(b_middle)) > WHOLE_ABOVE or not budget.take((len(a_middle) + len(b_middle)) // 10):
        return TextDiff(a, b, whole=True)
    a_lines, b_lines = a_middle.split("\n"), b_middle.split("\n")
    a_keys, b_keys = a_lines, b_lines
    if settle is not None:
        a_keys, b_keys = settle(a_middle).split("\n"), settle(b_middle).split("\n")
        if len(a_keys) != len(a_lines) or len(b_keys) != len(b_lines):
            a_keys, b_keys = a_lines, b_lines
    pairs = align(a_keys, b_keys, budget)
    changes: list[LineChange] = []
    done = 0
    for a_low, a_high, b_low, b_high in between(pairs, 0, len(a_lines), 0, len(b_lines)):
        done = _add_noise(changes, pairs, done, (a_low, b_low), a_lines, b_lines, first)
        changes += _hunk(a_lines[a_low:a_high], b_lines[b_low:b_high], first + a_low, first + b_low, budget)
    _add_noise(changes, pairs, done, (len(a_lines), len(b_lines)), a_lines, b_lines, first)
    return TextDiff(a, b, tuple(changes))


def _middle(a: str, b: str) -> tuple[int, str, str]:
    """Cut the lines off that are equal at the beginning and the end; return how many there are before, and the rest of each text."""
    head = common_prefix(a, b)
    head = a.rfind("\n", 0, head) + 1
    most = min(len(a), len(b)) - head
    tail = _common_suffix(a, b, most)
    # The rest must begin behind a line end, on both sides: the equal end is cut down to whole lines.
    start = a.find("\n", len(a) - tail) if tail else -1
    if start >= 0:
        tail = len(a) - start
        return a.count("\n", 0, head), a[head : len(a) - tail], b[head : len(b) - tail]
    return a.count("\n", 0, head), a[head:], b[head:]


def common_prefix(a: str, b: str) -> int:
    """Count the equal characters at the beginning by halving: comparing slices runs at the speed of memory."""
    if a == b or a.startswith(b) or b.startswith(a):
        return min(len(a), len(b))
    low, high = 0, min(len(a), len(b))
    step = 64
    while low + step <= high and a[low : low + step] == b[low : low + step]:
        low += step
        step *= 2
    high = min(high, low + step)
    while low < high:
        middle = (low + high + 1) // 2
        if a[low:middle] == b[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _common_suffix(a: str, b: str, most: int) -> int:
    low, step = 0, 64
    while low + step <= most and a[len(a) - low - step : len(a) - low] == b[len(b) - low - step : len(b) - low]:
        low += step
        step *= 2
    high = min(most, low + step)
    while low < high:
        middle = (low + high + 1) // 2
        if a[len(a) - middle : len(a) - low] == b[len(b) - middle : len(b) - low]:
            low = middle
        else:
            high = middle - 1
    return low


def _add_noise(
    changes: list[LineChange],
    pairs: Sequence[tuple[int, int]],
    done: int,
    until: tuple[int, int],
    a_lines: list[str],
    b_lines: list[str],
    first: int,
) -> int:
    """Note the paired lines before a gap that are equal without their noise only."""
    while done < len(pairs) and pairs[done] < until:
        one, other = pairs[done]
        if a_lines[one] != b_lines[other]:
            changes.append(LineChange("noise", first + one, first + other, a_lines[one], b_lines[other]))
        done += 1
    return done


def _hunk(a_lines: list[str], b_lines: list[str], a_first: int, b_first: int, budget: Budget) -> list[LineChange]:
    """Turn lines that were replaced by others into changed lines where they are alike, and removed and added ones."""
    found: list[LineChange] = []
    low_a = low_b = 0
    for one, other in [*_likely_pairs(a_lines, b_lines, budget), (len(a_lines), len(b_lines))]:
        found += [LineChange("removed", a_first + place, None, a_lines[place]) for place in range(low_a, one)]
        found += [LineChange("added", None, b_first + place, "", b_lines[place]) for place in range(low_b, other)]
        if one < len(a_lines):
            found.append(LineChange("changed", a_first + one, b_first + other, a_lines[one], b_lines[other]))
        low_a, low_b = one + 1, other + 1
    return found


def _likely_pairs(a_lines: list[str], b_lines: list[str], budget: Budget) -> list[tuple[int, int]]:
    if not a_lines or not b_lines:
        return []
    if len(a_lines) == len(b_lines) == 1:
        return [(0, 0)] if _line_likeness(a_lines[0], b_lines[0]) > 0 else []
    if len(a_lines) == len(b_lines) and _NUMBER.sub("", "\n".join(a_lines)) == _NUMBER.sub("", "\n".join(b_lines)):
        return [(place, place) for place in range(len(a_lines))]  # only numbers moved
    cost = len(a_lines) * len(b_lines)
    if cost > _PAIRED_HUNK or not budget.take(3 * cost):
        if len(a_lines) != len(b_lines) or not budget.take(3 * len(a_lines)):
            return []
        likeness = map(_line_likeness, a_lines, b_lines)
        return [(place, place) for place, share in enumerate(likeness) if share >= _ALIKE]
    scores = [[_line_likeness(one, other) for other in b_lines] for one in a_lines]
    return _greatest(scores)


def _greatest(scores: list[list[float]]) -> list[tuple[int, int]]:
    """Choose rising pairs with the greatest sum of likeness."""
    width = len(scores[0])
    best = [[0.0] * (width + 1)]
    for row in reversed(scores):
        below, line = best[-1], [0.0] * (width + 1)
        for column in range(width - 1, -1, -1):
            take = below[column + 1] + row[column] if row[column] >= _ALIKE else -1.0
            line[column] = max(take, below[column], line[column + 1])
        best.append(line)
    best.reverse()
    pairs, place, column = [], 0, 0
    while place < len(scores) and column < width:
        here = scores[place][column]
        if here >= _ALIKE and best[place][column] == best[place + 1][column + 1] + here:
            pairs.append((place, column))
            place, column = place + 1, column + 1
        elif best[place + 1][column] >= best[place][column + 1]:
            place += 1
        else:
            column += 1
    return pairs


def _line_likeness(a: str, b: str) -> float:
    """Return the share of words in common, 0 to 1; blank is like blank only."""
    if len(a) > _LONG_LINE or len(b) > _LONG_LINE:
        return 1.0 if a[:40] == b[:40] else 0.0
    words, others = set(_WORD.findall(a)), set(_WORD.findall(b))
    if not words and not others:
        return 1.0 if a.strip() == b.strip() else 0.5 if a.strip() and b.strip() else 0.0
    if not words or not others:
        return 0.0
    share = 2 * len(words & others) / (len(words) + len(others))
    return 1.0 if share < _ALIKE and _NUMBER.sub("", a) == _NUMBER.sub("", b) else share
