"""Text for terminals: aligned by display width."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.views.terminal import cut, display_width, pad, paint, sparkline, wrap


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [("abcdef", 6, "abcdef"), ("abcdefgh", 5, "ab…gh"), ("模型模型模型", 7, "模…型"), ("ab", 1, "…"), ("ab", 0, "")],
)
def test_text_is_cut_in_its_middle_by_display_width(text: str, width: int, shown: str) -> None:
    assert cut(text, width) == shown


@given(st.text(max_size=80), st.integers(0, 40))
def test_cut_text_never_takes_more_room_than_it_was_given(text: str, width: int) -> None:
    assert display_width(cut(text, width)) <= width


def test_ten_thousand_characters_are_cut_quickly_and_keep_their_ending() -> None:
    assert cut("n" * 10_000 + "END", 11) == "nnnnn…nnEND"


def test_wide_characters_are_padded_by_what_they_take() -> None:
    assert pad("模型", 6) == "模型  "
    assert pad("7", 3, right=True) == "  7"


def test_colour_is_there_only_when_asked_for() -> None:
    assert paint("best", "best", False) == "best"
    assert paint("best", "best", True) == "\x1b[1mbest\x1b[0m"
    assert paint("plain", "", True) == "plain"


def test_lines_break_between_words_and_inside_words_that_are_too_long() -> None:
    assert wrap("one two three", 7) == ["one two", "three"]
    assert wrap("abcdefghij\nk", 4) == ["abcd", "efgh", "ij", "k"]


def test_a_sparkline_rises_with_its_values_and_leaves_gaps() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7]) == "▁▂▃▄▅▆▇█"
    assert sparkline([1.0, math.nan, 1.0]) == "▄ ▄"
    assert sparkline([]) == ""
    assert sparkline([math.nan, math.inf]) == ""
    assert len(sparkline(list(range(1000)), 12)) == 12
