"""Two texts compared by lines: what is told must turn one into the other."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.diffing import TextDiff
from nbtrack.diffing.alignment import align, longest_rising
from nbtrack.diffing.budget import Budget
from nbtrack.diffing.text import common_prefix, diff_text, split_lines

words = st.sampled_from(["a", "b", "c = 1", "c = 2", "", "load(x)", "load(y)", "é\x0b"])
texts = st.lists(words, max_size=12).map("\n".join)


def applied(diff: TextDiff) -> list[str]:
    """Turn A's lines into B's by what the difference tells."""
    left, out, at = split_lines(diff.a), [], 0
    for line in diff.lines:
        while line.b_number is not None and len(out) < line.b_number and (line.a_number is None or at < line.a_number):
            out.append(left[at])
            at += 1
        while line.a_number is not None and at < line.a_number:
            out.append(left[at])
            at += 1
        if line.a_number is not None:
            assert left[at] == line.a
            at += 1
        if line.b_number is not None:
            assert len(out) == line.b_number
            out.append(line.b)
    return out + left[at:]


@given(texts, texts)
@settings(max_examples=400, deadline=None)
def test_the_lines_that_differ_turn_a_into_b(a: str, b: str) -> None:
    diff = diff_text(a, b, Budget())
    assert (diff is None) == (a == b)
    if diff is not None:
        assert applied(diff) == split_lines(b)


@given(texts, texts)
@settings(max_examples=200, deadline=None)
def test_without_a_budget_the_texts_are_told_as_a_whole(a: str, b: str) -> None:
    diff = diff_text(a + "x" * 40, b + "y" * 40, Budget(0))
    assert diff is not None
    assert diff.whole
    assert diff.lines == ()


def test_noise_is_told_apart_from_changes() -> None:
    diff = diff_text("a\nb 1\nc", "a\nb 2\nC", Budget(), settle=lambda text: text.replace("1", "#").replace("2", "#"))
    assert diff is not None
    assert [(line.kind, line.a_number, line.b_number) for line in diff.lines] == [("noise", 1, 1), ("removed", 2, None), ("added", None, 2)]


@pytest.mark.parametrize(("text", "lines"), [("", [""]), ("a\r\nb\rc\n", ["a", "b", "c", ""]), ("a\x0cb\u2028c", ["a\x0cb\u2028c"])])
def test_lines_end_at_three_ends_only(text: str, lines: list[str]) -> None:
    assert split_lines(text) == lines


@given(st.text("ab", max_size=200), st.text("ab", max_size=200))
def test_the_common_beginning_is_found_by_halving(a: str, b: str) -> None:
    expected = next((place for place, (one, other) in enumerate(zip(a, b, strict=False)) if one != other), min(len(a), len(b)))
    assert common_prefix(a, b) == expected


@given(st.lists(st.integers(0, 6), max_size=14), st.lists(st.integers(0, 6), max_size=14))
def test_pairs_join_equals_and_rise_on_both_sides(a: list[int], b: list[int]) -> None:
    for budget in (Budget(), Budget(0)):
        pairs = align(a, b, budget)
        assert all(a[one] == b[other] for one, other in pairs)
        assert all(one[0] < two[0] and one[1] < two[1] for one, two in itertools.pairwise(pairs))


@given(st.permutations(range(9)))
def test_the_longest_rising_run_is_as_long_as_it_can_be(places: list[int]) -> None:
    best = [1] * len(places)
    for at, place in enumerate(places):
        best[at] += max((best[one] for one in range(at) if places[one] < place), default=0)
    run = longest_rising(list(enumerate(places)))
    assert len(run) == max(best)
    assert all(one < two for one, two in itertools.pairwise(run))
