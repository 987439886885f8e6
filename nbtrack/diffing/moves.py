"""Cells that stand elsewhere: matched places in; how far each moved cell went, in cells that it passed, out."""

from __future__ import annotations

from bisect import bisect_left

from nbtrack.diffing.alignment import Pair
from nbtrack.diffing.matching import Matching


def distances(matching: Matching) -> dict[Pair, int]:
    """Return for each moved pair how many unmoved cells it passed, down positive.

    Two neighbours that changed places pass one another: one of them counts as moved, by one. A cell that passed moved cells only went
    one place.
    """
    if not matching.moved:
        return {}
    a_places, b_places = [one for one, _ in matching.kept], [other for _, other in matching.kept]
    return {
        (one, other): bisect_left(b_places, other) - bisect_left(a_places, one) or (1 if other > one else -1)
        for one, other in matching.moved
    }
