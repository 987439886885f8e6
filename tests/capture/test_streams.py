"""Printed text: bounded while it comes, and as a screen would end up showing it."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.capture.streams import StreamText, cut_middle, settle


def collected(*writes: str, limit: int = 20_000) -> str:
    stream = StreamText(limit)
    for text in writes:
        stream.add(text)
    return stream.close()[0]


def test_short_text_comes_back_as_it_was_written() -> None:
    assert collected("a", "\n", "b\n", "c") == "a\nb\nc"


def test_long_text_keeps_both_ends_and_says_how_much_is_missing() -> None:
    text = collected(*(f"line {number}\n" for number in range(200_000)), limit=1_000)
    assert text.startswith("line 0\nline 1\n")
    assert text.endswith("line 199998\nline 199999\n")
    assert "characters cut …" in text
    assert len(text) < 1_100


def test_nothing_is_lost_count_included() -> None:
    stream = StreamText(1_000)
    written = sum(len(text) for number in range(50_000) if (text := f"{number}\n") and stream.add(text) is None)
    text, cut = stream.close()
    mark = f"\n… {cut:,} characters cut …\n"
    assert mark in text
    assert len(text) - len(mark) + cut == written


def test_one_enormous_write_costs_its_ends_only() -> None:
    stream = StreamText(1_000)
    stream.add("a" * 30_000_000 + "z")
    text, cut = stream.close()
    assert text.startswith("aaa")
    assert text.endswith("az")
    assert cut == 30_000_001 - 1_000


def test_memory_stays_bounded_while_a_million_lines_come() -> None:
    stream = StreamText(1_000)
    for number in range(200_000):
        stream.add(f"{number}\n")
        assert len(stream._chunks) <= 1 << 16


def test_a_progress_bar_of_many_writes_is_one_line() -> None:
    assert collected(*(f"\r{number}%|{'#' * (number // 10_000)}" for number in range(300_001))) == f"300000%|{'#' * 30}"


def test_text_before_and_after_a_progress_bar_stays() -> None:
    bar = [f"\r{number:3d}%" for number in range(101)]
    assert collected("start\n", *bar, "\nend\n") == "start\n100%\nend\n"


def test_a_shorter_rewrite_covers_no_more_than_its_length() -> None:
    assert collected("abcdef\rxy") == "xycdef"


def test_windows_line_ends_are_line_ends() -> None:
    assert collected("a\r", "\nb\r\n") == "a\nb\n"


def test_backspaces_rub_out() -> None:
    assert collected("10/100", "\b" * 6, "20/100") == "20/100"


def test_threads_may_write_at_once_and_nothing_is_lost() -> None:
    stream = StreamText(10_000_000)
    threads = [threading.Thread(target=lambda: [stream.add("x\n") for _ in range(50_000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stream.close()[0] == "x\n" * 200_000


@given(st.lists(st.text(alphabet="ab\n\r", max_size=8), max_size=30))
def test_text_that_fits_does_not_depend_on_how_it_was_split_into_writes(writes: list[str]) -> None:
    assert collected(*writes) == settle("".join(writes))


@pytest.mark.parametrize("size", [0, 5, 10])
def test_a_finished_text_within_the_limit_is_left_alone(size: int) -> None:
    assert cut_middle("x" * size, 10) == ("x" * size, 0)


def test_a_finished_text_above_the_limit_loses_its_middle() -> None:
    assert cut_middle("a" * 10 + "b" * 12_345 + "c" * 10, 20) == ("a" * 10 + "\n… 12,345 characters cut …\n" + "c" * 10, 12_345)
