"""Numbers, times and sizes in words."""

from __future__ import annotations

import math
from datetime import UTC, timedelta, timezone

import pytest

from nbtrack.views import words
from nbtrack.views.words import Clock

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
NOW = 1_731_682_800_000  # 2024-11-15 15:00:00 UTC


@pytest.mark.parametrize(
    ("ago", "said"),
    [
        (0, "just now"),
        (59_000, "just now"),
        (MINUTE, "1 min ago"),
        (59 * MINUTE, "59 min ago"),
        (HOUR, "14:00"),
        (15 * HOUR, "00:00"),
        (15 * HOUR + 1, "yesterday 23:59"),
        (2 * DAY, "13 Nov"),
        (300 * DAY, "20 Jan"),
        (400 * DAY, "12 Oct 2023"),
        (-30_000, "just now"),
        (-3 * DAY, "18 Nov"),
    ],
)
def test_a_moment_is_said_as_people_say_it(ago: int, said: str) -> None:
    assert Clock(NOW, UTC).moment(NOW - ago) == said


def test_the_zone_decides_what_today_is() -> None:
    east = Clock(NOW, timezone(timedelta(hours=10)))
    assert east.moment(NOW - 2 * HOUR) == "yesterday 23:00"
    assert east.day_moment(NOW - HOUR) == "today 00:00"


def test_a_broken_clock_breaks_no_view() -> None:
    assert Clock(NOW, UTC).moment(10**18) == words.MISSING
    assert Clock(NOW, UTC).moment(None) == words.MISSING
    assert Clock(NOW, UTC).exact(-(10**18)) == ""


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"),
        (math.nan, "–"),
        (0, "0 ms"),
        (0.0004, "< 1 ms"),
        (0.0124, "12 ms"),
        (0.9994, "999 ms"),
        (0.9996, "1 s"),
        (34.8, "34.8 s"),
        (36, "36 s"),
        (59.96, "1 min"),
        (240, "4 min"),
        (8040, "2 h 14 min"),
        (7200, "2 h"),
        (3 * 86400 + 4 * 3600, "3 d 4 h"),
    ],
)
def test_a_duration_has_the_unit_that_fits(seconds: float | None, said: str) -> None:
    assert words.duration(seconds) == said


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0, "0 B"),
        (812, "812 B"),
        (3_200_000, "3.2 MB"),
        (999_960, "1.0 MB"),
        (48_200, "48.2 kB"),
        (1_230_000_000, "1.2 GB"),
        (640_000, "640 kB"),
    ],
)
def test_a_size_has_decimal_units(size: int, said: str) -> None:
    assert words.size(size) == said


def test_numbers_carry_a_real_minus_sign_and_thin_spaces() -> None:
    assert words.number(-0.5) == "\u22120.5"
    assert words.count(94918) == "94\u202f918"
    assert words.number(123456.0) == "123\u202f456"
    assert words.number(float("nan")) == "NaN"
    assert words.number(float("-inf")) == "\u2212∞"
    assert words.number("high") == "high"
    assert words.number(2**70) == str(2**70)
    assert words.value(-3) == "\u22123"
    assert words.value(True) == "True"


def test_a_column_of_numbers_shares_its_decimals() -> None:
    assert words.number_column([0.8731, 0.87, 0.8]) == ["0.8731", "0.8700", "0.8000"]
    assert words.number_column([12.5, 3.0, None]) == ["12.5", "3.0", "–"]
    assert words.number_column([3, 12000]) == ["3", "12\u202f000"]
    assert words.number_column([0.5, math.nan, math.inf, "high"]) == ["0.5", "NaN", "∞", "high"]
    assert words.number_column([0.5, 1e-9]) == ["0.5", "1e-09"]


def test_the_best_two_never_look_the_same() -> None:
    assert words.number_column([0.99998, 0.99997], apart=(0.99998, 0.99997)) == ["0.99998", "0.99997"]


def test_parameters_stay_as_they_were_written_unless_all_are_short_numbers() -> None:
    assert words.param_column([0.1, 0.01, None]) == ["0.10", "0.01", "–"]
    assert words.param_column([0.1, 1e-5]) == ["0.1", "1e-05"]
    assert words.param_column([64, 128]) == ["64", "128"]
    assert words.param_column([0.1, "auto", True]) == ["0.1", "auto", "True"]
    assert words.param_column([0.5, math.nan]) == ["0.5", "NaN"]


@pytest.mark.parametrize(
    ("value", "reference", "said"),
    [(0.8694, 0.8731, "▼ 0.0037"), (3, 2, "▲ 1.0000"), (1.0, 1.0, "same"), ("high", 1.0, ""), (math.nan, 1.0, ""), (10**400, 1.0, "")],
)
def test_a_distance_shows_where_the_number_went(value: object, reference: object, said: str) -> None:
    assert words.distance(value, reference, 4) == said


@pytest.mark.parametrize("values", [[1e308, -1e308], [5e-324, 0.0], [2**2000, 1.5], [-0.0, 0.00001], [1e22, 1.0]])
def test_no_number_is_too_odd_for_a_column(values: list[float | int]) -> None:
    assert all(words.number_column(values))
