"""Small curves as inline SVG: a series in, a picture with one spoken sentence out. No plotting library."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from nbtrack.records import MetricSeries
from nbtrack.views import words
from nbtrack.views.markup import Html, element

_SPARK_WIDTH, _SPARK_HEIGHT = 66, 26
_CHART_WIDTH, _CHART_HEIGHT = 694, 112
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 690, 8, 84


@dataclass(frozen=True, slots=True)
class _Frame:
    """The box that data are drawn into, and the data's range."""

    left: float
    right: float
    top: float
    bottom: float
    first: float
    last: float
    low: float
    high: float

    def x(self, step: float) -> float:
        span = self.last - self.first
        return self.left + (self.right - self.left) * ((step - self.first) / span if span else 0.5)

    def y(self, value: float) -> float:
        span = self.high - self.low
        return self.bottom - (self.bottom - self.top) * ((value - self.low) / span if span else 0.5)


def sentence(series: MetricSeries, best: tuple[float | int, int] | None = None) -> str:
    """Say a curve in one sentence for those who do not see it."""
    points = len(series.values)
    if not points:
        return f"{series.key}, no points"
    told = f"{series.key}, {words.plural(points, 'point')}, from {words.number(series.values[0])} to {words.number(series.values[-1])}"
    return f"{told}, best {words.number(best[0])} at step {words.count(best[1])}" if best else told


def sparkline(series: MetricSeries, best: tuple[float | int, int] | None = None) -> Html:
    """Draw a curve of 66 by 26 pixels; the best point is marked."""
    pairs = _finite(series)
    if len(pairs) < 2:
        return Html("")
    frame = _frame(pairs, left=2, right=_SPARK_WIDTH - 3, top=3, bottom=_SPARK_HEIGHT - 3)
    marks = [element("path", d=_path(series, frame))]
    if best is not None and _is_finite(best[0]):
        marks.append(element("circle", cx=f"{frame.x(best[1]):.1f}", cy=f"{frame.y(float(best[0])):.1f}", r="2"))
    return _picture(sentence(series, best), _SPARK_WIDTH, _SPARK_HEIGHT, *marks)


def chart(series: MetricSeries, best: tuple[float | int, int] | None = None, behind: MetricSeries | None = None) -> Html:
    """Draw a curve with its axes, the best step marked, and optionally a second curve behind it."""
    pairs = _finite(series)
    if len(pairs) < 2:
        return Html("")
    frame = _frame([*pairs, *(_finite(behind) if behind else ())], left=_LEFT, right=_RIGHT, top=_TOP, bottom=_BOTTOM)
    marks: list[Html] = []
    for part in (1.0, 0.5, 0.0):
        value = frame.low + (frame.high - frame.low) * part
        y = frame.y(value)
        marks.append(element("line", cls="ax" if part == 0 else "", x1=_LEFT - 4, x2=_RIGHT, y1=f"{y:.1f}", y2=f"{y:.1f}"))
        if frame.high > frame.low or part == 0.5:
            marks.append(element("text", _axis_label(value, frame), x=_LEFT - 10, y=f"{y + 4:.1f}", text_anchor="end"))
    if behind is not None:
        marks.append(element("path", cls="behind", d=_path(behind, frame)))
    marks.append(element("path", d=_path(series, frame)))
    first: int | None = int(frame.first)
    last: int | None = int(frame.last)
    if best is not None and _is_finite(best[0]):
        x = frame.x(best[1])
        marks.append(element("line", cls="at", x1=f"{x:.1f}", x2=f"{x:.1f}", y1=_TOP, y2=_BOTTOM))
        anchor = "start" if x < _LEFT + 20 else "end" if x > _RIGHT - 20 else "middle"
        marks.append(element("text", words.count(best[1]), cls="h", x=f"{x:.1f}", y=_BOTTOM + 15, text_anchor=anchor))
        first, last = (first if x > _LEFT + 70 else None, last if x < _RIGHT - 50 else None)
    if first is not None:
        marks.append(element("text", f"step {words.count(first)}", x=_LEFT, y=_BOTTOM + 15))
    if last is not None:
        marks.append(element("text", words.count(last), x=_RIGHT, y=_BOTTOM + 15, text_anchor="end"))
    return _picture(sentence(series, best), _CHART_WIDTH, _CHART_HEIGHT - 10, *marks)


def _picture(told: str, width: int, height: int, *marks: Html) -> Html:
    title = element("title", told)
    box = f"0 0 {width} {height}"
    return element("svg", title, *marks, cls="chart", width=width, height=height, viewBox=box, role="img", aria_label=told)


def _axis_label(value: float, frame: _Frame) -> str:
    span = frame.high - frame.low
    if max(abs(frame.low), abs(frame.high)) >= 1e5 or 0 < span < 1e-5:
        return f"{value:.2g}".replace("-", words.MINUS)
    decimals = 0 if span >= 20 else 1 if span >= 2 else 2 if span >= 0.02 else 3 if span >= 0.002 else 5
    return words.fixed(float(value), decimals) if round(value, decimals) else "0"


def _frame(pairs: Sequence[tuple[float, float]], *, left: float, right: float, top: float, bottom: float) -> _Frame:
    steps, values = [step for step, _ in pairs], [value for _, value in pairs]
    return _Frame(left, right, top, bottom, min(steps), max(steps), min(values), max(values))


def _finite(series: MetricSeries) -> list[tuple[float, float]]:
    return [(float(step), float(value)) for step, value in zip(series.steps, series.values, strict=True) if _is_finite(value)]


def _is_finite(value: float | int) -> bool:
    try:
        # Beyond this no two values can be subtracted without overflow; a curve of them says nothing anyway.
        return math.isfinite(value) and abs(float(value)) < 1e300
    except OverflowError:
        return False


def _path(series: MetricSeries, frame: _Frame) -> str:
    """Write the path: NaN and infinite values break the line, a point alone is a dot."""
    commands: list[str] = []
    for segment in _segments(series, frame):
        thinned = _thinned(segment)
        commands.append("M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in thinned) + ("h0" if len(thinned) == 1 else ""))
    return "".join(commands)


def _segments(series: MetricSeries, frame: _Frame) -> list[list[tuple[float, float]]]:
    segments: list[list[tuple[float, float]]] = [[]]
    for step, value in zip(series.steps, series.values, strict=True):
        if _is_finite(value):
            segments[-1].append((frame.x(step), frame.y(float(value))))
        elif segments[-1]:
            segments.append([])
    return [segment for segment in segments if segment]


def _thinned(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
    """Keep first, last, lowest and highest point of every pixel column: nothing that could be seen is lost."""
    columns: dict[int, list[tuple[float, float]]] = {}
    for point in points:
        columns.setdefault(int(point[0]), []).append(point)
    kept: list[tuple[float, float]] = []
    for column in columns.values():
        if len(column) <= 4:
            kept += column
            continue
        heights = [y for _, y in column]
        places = {0, len(column) - 1, heights.index(min(heights)), heights.index(max(heights))}
        kept += [column[place] for place in sorted(places)]
    return kept
