"""Curves as pictures with a sentence."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from nbtrack.records import MetricSeries
from nbtrack.views.curve import chart, sentence, sparkline


def series(values: list[float | int], steps: list[int] | None = None) -> MetricSeries:
    return MetricSeries("r", "val_<f1>", steps or list(range(len(values))), values, [0] * len(values))


def test_a_curve_says_itself_in_one_sentence() -> None:
    assert sentence(series([0.5, 0.9, 0.8]), (0.9, 1)) == "val_<f1>, 3 points, from 0.5 to 0.8, best 0.9 at step 1"


@pytest.mark.parametrize("draw", [sparkline, chart])
def test_a_picture_is_sound_and_named(read_page: Any, draw: Any) -> None:
    page = read_page(draw(series([0.5, 0.9, 0.8]), (0.9, 1)))
    [picture] = page.find("svg")
    assert picture["role"] == "img"
    assert picture["aria-label"] == "val_<f1>, 3 points, from 0.5 to 0.8, best 0.9 at step 1"


@pytest.mark.parametrize(
    "values",
    [
        [0.5, math.nan, 0.7, math.inf, 0.6],
        [1.0, 1.0, 1.0],
        [1e308, -1e308, 0.0],
        [2**2000, 1, 2],
        [0, 5e-324],
        [-1.5e20, 3e20],
    ],
)
def test_odd_values_leave_only_finite_coordinates(read_page: Any, values: list[float | int]) -> None:
    for drawn in (sparkline(series(values), (values[0], 0)), chart(series(values), (values[0], 0))):
        if drawn:
            read_page(drawn)
            numbers = [float(one) for path in re.findall(r' d="([^"]*)"', drawn) for one in re.findall(r"[-\d.]+", path)]
            assert all(0 <= one <= 700 for one in numbers)


def test_nothing_is_drawn_of_less_than_two_points() -> None:
    assert sparkline(series([1.0])) == "" == chart(series([math.nan, 1.0, math.nan]))


def test_a_hundred_thousand_points_make_a_small_picture_that_keeps_its_peak() -> None:
    values = [0.5] * 100_000
    values[70_001] = 9.0
    drawn = sparkline(series(values))
    assert len(drawn) < 6_000
    assert " 3.0L" in drawn  # the top of the box


def test_a_gap_breaks_the_line() -> None:
    assert sparkline(series([1, 2, math.nan, 3, 2])).count("M") == 2


def test_a_chart_marks_its_best_step_and_keeps_labels_apart(read_page: Any, make_series: Any) -> None:
    page = read_page(chart(make_series("val_f1"), (0.87, 59), make_series("train_f1", end=0.9)))
    assert "59" in page.text
    assert page.text.count("59") == 2  # once as a label, once in the sentence: the end of the axis gives way
    assert len(page.find("path")) == 2
