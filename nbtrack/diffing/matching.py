"""Which cells belong together: two lists of cells in, pairs in order and pairs that crossed (moves) out.

Ids help where they are unique and do not contradict the text; they are never needed. Order of evidence: equal beginning and end, id,
equal source, equal source and outputs where sources repeat, then likeness of words inside each gap.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from nbtrack.diffing.alignment import Pair, align, between, longest_rising, once
from nbtrack.diffing.budget import Budget
from nbtrack.diffing.hashes import CellHashes, outputs_key
from nbtrack.diffing.result import Cell

ALIKE = 0.3  # share of common words from which two cells of a gap count as one, edited
ALIKE_MOVED = 0.7  # the same for cells that crossed others: two short cells are alike by chance
_LEAST_WORDS_MOVED = 6
_EXACT_GAP = 10_000  # comparisons in a gap up to which every cell is compared with every other
_COMMON_WORD = 24  # a word in more cells of the gap than this tells nothing
_READ_AT_MOST = 20_000  # characters of a source that are looked at for likeness
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Matching:
    """Pairs of places: ``kept`` rise on both sides, ``moved`` cross them."""

    kept: list[Pair]
    moved: list[Pair]


class _Keys:
    """The keys of one side's cells; what costs something is worked out when first asked for."""

    def __init__(self, cells: Sequence[Cell], hashes: Sequence[CellHashes] | None) -> None:
        self.cells = cells
        self.hashes = hashes
        if hashes is None:
            self.sources: list[Hashable] = [(cell.cell_type, cell.source) for cell in cells]
        else:
            self.sources = [(cell.cell_type, one.source) for one, cell in zip(hashes, cells, strict=True)]
        ids: list[Hashable] = [(cell.cell_type, cell.id) for cell in cells]
        self.ids = {key: place for key, place in once(ids, range(len(cells))).items() if key[1] is not None}  # type: ignore[index]
        self._outputs: dict[int, Hashable] = {}
        self._words: dict[int, frozenset[str]] = {}

    def outputs(self, place: int) -> Hashable:
        found = self._outputs.get(place)
        if found is None:
            hashed = self.hashes
            found = self._outputs[place] = outputs_key(self.cells[place].outputs) if hashed is None else hashed[place].outputs
        return found

    def whole(self, place: int) -> Hashable:
        return self.sources[place], self.outputs(place)

    def id_place(self, cell: Cell) -> int | None:
        return None if cell.id is None else self.ids.get((cell.cell_type, cell.id))

    def words_of(self, place: int) -> frozenset[str]:
        found = self._words.get(place)
        if found is None:
            text = self.cells[place].source[:_READ_AT_MOST]
            found = self._words[place] = frozenset(_WORD.findall(text)) or frozenset(text.split())
        return found


def match_cells(
    a: Sequence[Cell],
    b: Sequence[Cell],
    budget: Budget,
    *,
    a_hashes: Sequence[CellHashes] | None = None,
    b_hashes: Sequence[CellHashes] | None = None,
) -> Matching:
    """Find which cells are the same cell. Hashes, when given for both sides, stand in for sources and outputs."""
    known = a_hashes is not None and b_hashes is not None
    in_a, in_b = _Keys(a, a_hashes if known else None), _Keys(b, b_hashes if known else None)
    head, tail = _equal_ends(in_a, in_b)
    a_rest, b_rest = range(head, len(a) - tail), range(head, len(b) - tail)
    found = _anchors(in_a, in_b, a_rest, b_rest)
    anchors = longest_rising(found)
    crossing = sorted(set(found) - set(anchors))
    taken_a, taken_b = {one for one, _ in crossing}, {one for _, one in crossing}
    kept = list(anchors)
    for a_low, a_high, b_low, b_high in between(anchors, a_rest.start, a_rest.stop, b_rest.start, b_rest.stop):
        left = [place for place in range(a_low, a_high) if place not in taken_a]
        right = [place for place in range(b_low, b_high) if place not in taken_b]
        kept += _inside_gap(in_a, in_b, left, right, budget)
    kept += [(place, place) for place in range(head)]
    kept += [(len(a) - place, len(b) - place) for place in range(1, tail + 1)]
    kept.sort()
    crossing += _crossed(in_a, in_b, kept + crossing, budget)
    return _settled(kept, crossing)


def _settled(kept: list[Pair], crossing: list[Pair]) -> Matching:
    """Keep also what crosses no kept pair, as far as it rises: the budget may have stopped the search inside a gap."""
    a_places, b_places = [one for one, _ in kept], [other for _, other in kept]
    still = {pair for pair in crossing if bisect_left(a_places, pair[0]) == bisect_left(b_places, pair[1])}
    if still:
        kept = longest_rising(sorted([*kept, *still]))
    chosen = set(kept)
    return Matching(kept, sorted(pair for pair in crossing if pair not in chosen))


def _equal_ends(in_a: _Keys, in_b: _Keys) -> tuple[int, int]:
    """Count the equal cells at the beginning and at the end, as far as no id says that another cell is meant."""
    most = min(len(in_a.cells), len(in_b.cells))
    head = 0
    while head < most and _agree(in_a, in_b, head, head):
        head += 1
    tail = 0
    while tail < most - head and _agree(in_a, in_b, len(in_a.cells) - 1 - tail, len(in_b.cells) - 1 - tail):
        tail += 1
    return head, tail


def _agree(in_a: _Keys, in_b: _Keys, left: int, right: int) -> bool:
    if in_a.sources[left] != in_b.sources[right]:
        return False
    one, other = in_a.cells[left], in_b.cells[right]
    if one.id != other.id and (in_b.id_place(one) is not None or in_a.id_place(other) is not None):
        return False
    return one.outputs == other.outputs or in_a.outputs(left) == in_b.outputs(right)


def _anchors(in_a: _Keys, in_b: _Keys, a_rest: range, b_rest: range) -> list[Pair]:
    """Pair by id, then by source, then by source with outputs: each only where it is unique on both sides and nobody was faster."""
    a_sources, b_sources = once(in_a.sources, a_rest), once(in_b.sources, b_rest)
    partner: dict[int, int] = {}
    taken: set[int] = set()
    for place in a_rest:
        cell = in_a.cells[place]
        other = in_b.id_place(cell) if in_a.id_place(cell) == place else None
        if other is None or other not in b_rest:
            continue
        if in_a.sources[place] != in_b.sources[other] and (in_a.sources[place] in b_sources or in_b.sources[other] in a_sources):
            continue  # ids that were dealt out anew by place: the text stands elsewhere
        partner[place] = other
        taken.add(other)
    for with_outputs in (False, True):
        free_a = _unique(in_a, [place for place in a_rest if place not in partner], with_outputs=with_outputs)
        free_b = _unique(in_b, [place for place in b_rest if place not in taken], with_outputs=with_outputs)
        for key, place in free_a.items():
            other = free_b.get(key)
            if other is not None:
                partner[place] = other
                taken.add(other)
    return sorted(partner.items())


def _unique(keys: _Keys, places: Sequence[int], *, with_outputs: bool) -> dict[Hashable, int]:
    """Return the cells that are unlike all others of these places: by source, or with their outputs those whose source repeats."""
    alone = once(keys.sources, places)
    if not with_outputs:
        return alone
    singles = set(alone.values())
    found: dict[Hashable, int] = {}
    for place in places:
        if place not in singles:
            key = keys.whole(place)
            found[key] = -1 if key in found else place
    return {key: place for key, place in found.items() if place >= 0}


def _inside_gap(in_a: _Keys, in_b: _Keys, left: list[int], right: list[int], budget: Budget) -> list[Pair]:
    """Pair the cells of one gap: repeated sources first, then by likeness between them."""
    if not left or not right:
        return []
    equal = align([in_a.sources[one] for one in left], [in_b.sources[one] for one in right], budget)
    pairs = [(left[one], right[other]) for one, other in equal]
    for a_low, a_high, b_low, b_high in between(equal, 0, len(left), 0, len(right)):
        pairs += _alike(in_a, in_b, left[a_low:a_high], right[b_low:b_high], budget)
    return pairs


def _alike(in_a: _Keys, in_b: _Keys, left: list[int], right: list[int], budget: Budget) -> list[Pair]:
    if not left or not right:
        return []
    if len(left) == len(right) == 1:
        return [(left[0], right[0])] if _likeness(in_a, in_b, left[0], right[0]) >= ALIKE else []
    cost = len(left) * len(right)
    if cost <= _EXACT_GAP and budget.take(2 * cost):
        return _best_in_order(in_a, in_b, left, right)
    return _best_by_rare_words(in_a, in_b, left, right, budget)


def _likeness(in_a: _Keys, in_b: _Keys, left: int, right: int) -> float:
    """Return the share of words in common (Dice), 0 to 1; cells of unlike types are not alike unless their text is the same."""
    one, other = in_a.cells[left], in_b.cells[right]
    if one.cell_type != other.cell_type:
        return 1.0 if one.source == other.source and one.source else 0.0
    words, others = in_a.words_of(left), in_b.words_of(right)
    if not words and not others:
        return 1.0
    return 2 * len(words & others) / (len(words) + len(others))


def _best_in_order(in_a: _Keys, in_b: _Keys, left: list[int], right: list[int]) -> list[Pair]:
    """Choose rising pairs with the greatest sum of likeness (Needleman and Wunsch without a price for gaps)."""
    width = len(right)
    likeness = [[_likeness(in_a, in_b, one, other) for other in right] for one in left]
    best = [[0.0] * (width + 1)]
    for row in reversed(likeness):
        below, line = best[-1], [0.0] * (width + 1)
        for column in range(width - 1, -1, -1):
            skip = below[column] if below[column] >= line[column + 1] else line[column + 1]
            take = below[column + 1] + row[column] if row[column] >= ALIKE else -1.0
            line[column] = take if take >= skip else skip
        best.append(line)
    best.reverse()
    pairs, place, column = [], 0, 0
    while place < len(left) and column < width:
        here = likeness[place][column]
        if here >= ALIKE and best[place][column] == best[place + 1][column + 1] + here:
            pairs.append((left[place], right[column]))
            place, column = place + 1, column + 1
        elif best[place + 1][column] >= best[place][column + 1]:
            place += 1
        else:
            column += 1
    return pairs


def _best_by_rare_words(in_a: _Keys, in_b: _Keys, left: list[int], right: list[int], budget: Budget) -> list[Pair]:
    """Choose pairs in a large gap: cells that share rare words are compared, the most alike taken, the longest rising run kept.

    What the budget does not reach is paired by place when it is alike there.
    """
    holders: dict[str, list[int]] = {}
    for other in right:
        for word in in_b.words_of(other):
            holders.setdefault(word, []).append(other)
    found: list[Pair] = []
    taken: set[int] = set()
    for number, one in enumerate(left):
        votes: dict[int, int] = {}
        for word in in_a.words_of(one):
            who = holders.get(word, ())
            if len(who) <= _COMMON_WORD:
                for other in who:
                    votes[other] = votes.get(other, 0) + 1
        same_place = right[number * len(right) // len(left)]
        if not budget.take(4 + len(votes) // 2):
            votes = {}
        near = sorted(votes, key=lambda other: (-votes[other], abs(other - one)))[:4] if votes else []
        free = {*near, same_place} - taken
        likely = [(_likeness(in_a, in_b, one, other), -abs(other - same_place), other) for other in free]
        if likely and max(likely)[0] >= ALIKE:
            other = max(likely)[2]
            taken.add(other)
            found.append((one, other))
    return longest_rising(found)


def _crossed(in_a: _Keys, in_b: _Keys, pairs: list[Pair], budget: Budget) -> list[Pair]:
    """Pair what is left over on both sides and stands elsewhere: the same text, or nearly the same."""
    used_a, used_b = {one for one, _ in pairs}, {one for _, one in pairs}
    left = [place for place in range(len(in_a.cells)) if place not in used_a and in_a.cells[place].source.strip()]
    right = [place for place in range(len(in_b.cells)) if place not in used_b and in_b.cells[place].source.strip()]
    places: dict[Hashable, list[int]] = {}
    for place in reversed(right):
        places.setdefault(in_b.sources[place], []).append(place)
    found = [(place, places[in_a.sources[place]].pop()) for place in left if places.get(in_a.sources[place])]
    left = [place for place in left if place not in {one for one, _ in found} and len(in_a.words_of(place)) >= _LEAST_WORDS_MOVED]
    right = [place for place in right if place not in {one for _, one in found}]
    if not budget.take(len(left) * len(right)) or len(left) * len(right) > _EXACT_GAP:
        return found
    likely = sorted((-_likeness(in_a, in_b, one, other), one, other) for one in left for other in right)
    done_a: set[int] = set()
    done_b: set[int] = set()
    for minus, one, other in likely:
        if -minus < ALIKE_MOVED:
            break
        if one not in done_a and other not in done_b:
            done_a.add(one)
            done_b.add(other)
            found.append((one, other))
    return found
