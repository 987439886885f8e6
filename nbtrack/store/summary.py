"""What is known of a metric series without its points: rows and columns of points in, the summary row out.

The numbers describe the points that survive: one per step, the last one logged. ``last`` is the value at the highest step, so the order in
which journals are ingested does not matter.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from nbtrack.records import MetricSummary
from nbtrack.store.chunks import Column, Number

COLUMNS = (
    "id, key, line_id, count, nan_count, repeated, last, last_exact, last_step, last_at, first_step, "
    "minimum, min_step, maximum, max_step, total, text, text_step"
)


class Summary:
    """One row of ``metric`` while points are added to it."""

    __slots__ = (
        "count", "first_step", "id", "key", "last", "last_at", "last_exact", "last_step", "line_id", "max_step", "maximum", "min_step",
        "minimum", "nan_count", "repeated", "text", "text_step", "total",
    )  # fmt: skip

    def __init__(self, row: Sequence[Any]) -> None:
        (
            self.id, self.key, self.line_id, self.count, self.nan_count, self.repeated, self.last, self.last_exact, self.last_step,
            self.last_at, self.first_step, self.minimum, self.min_step, self.maximum, self.max_step, self.total, self.text, self.text_step,
        ) = row  # fmt: skip

    def add(self, steps: Sequence[int], column: Column, ats: Sequence[int]) -> bool:
        """Add points in strictly rising step order; False when only all the points can tell the summary now."""
        if self.count and steps[0] <= self.last_step and (steps[0] < self.last_step or not self._forget_last()):
            return False
        doubles = column.doubles
        low, high, total, nans = self._extremes(doubles)
        if low is not None:
            if self.minimum is None or low < self.minimum:
                self.minimum, self.min_step = low, steps[doubles.index(low)]
            if self.maximum is None or high > self.maximum:
                self.maximum, self.max_step = high, steps[doubles.index(high)]
        if self.total is not None or not self.count:
            self.total = _kept_sum((self.total or 0.0) + total)
        self.nan_count += nans
        self.count += len(steps)
        self.first_step = steps[0] if self.first_step is None else self.first_step
        self.last_step, self.last_at = steps[-1], ats[-1]
        self.last, self.last_exact = split_number(column.exact.get(len(steps) - 1, doubles[-1]))
        return True

    def reset(self) -> None:
        """Forget all points, to be told them again from the first."""
        self.count = self.nan_count = 0
        self.total = self.first_step = self.last_step = self.minimum = self.min_step = self.maximum = self.max_step = None

    def _forget_last(self) -> bool:
        """Take back the last point, which is logged again; False when it was an extreme that nobody else may hold."""
        last = join_number(self.last, self.last_exact)
        if last != last:
            self.nan_count -= 1
        elif self.total is None or self.minimum == last or self.maximum == last or not math.isfinite(last):
            return False
        else:
            self.total -= float(last)
        self.count -= 1
        self.repeated += 1
        if not self.count:
            self.reset()
        return True

    @staticmethod
    def _extremes(doubles: Sequence[float]) -> tuple[float | None, float, float, int]:
        total = sum(doubles)
        if total - total == 0.0:
            return min(doubles), max(doubles), total, 0
        numbers = [value for value in doubles if value == value]
        if not numbers:
            return None, 0.0, 0.0, len(doubles)
        return min(numbers), max(numbers), sum(numbers), len(doubles) - len(numbers)

    def values(self) -> dict[str, Any]:
        """The row as named values for the update."""
        return {name: getattr(self, name) for name in self.__slots__}


def split_number(value: Number) -> tuple[float | None, str | None]:
    """Split a number into a REAL that sorts and the text that makes it exact (NaN, -0.0 and large whole numbers; else None)."""
    if value != value:
        return None, "NaN"
    if value == 0 and math.copysign(1, value) < 0:
        return 0.0, "-0.0"
    try:
        double = float(value)
    except OverflowError:
        return (math.inf if value > 0 else -math.inf), str(value)
    return double, (str(value) if double != value else None)


def join_number(real: float | None, exact: str | None) -> Number:
    """Undo ``split_number``."""
    if exact is None:
        return math.nan if real is None else real
    return float(exact) if exact in {"NaN", "-0.0"} else int(exact)


def record_of(row: Sequence[Any]) -> MetricSummary:
    """Make the public record of a row of ``COLUMNS`` that has points."""
    (_, key, _, count, nan_count, repeated, last, exact, last_step, last_at, first_step, low, low_step, high, high_step, total, _, _) = row[
        :18
    ]
    counted = count - nan_count
    mean = total / counted if counted and total is not None else None
    return MetricSummary(
        key, last if exact is None and last is not None else join_number(last, exact), last_step, first_step, count, low, high, mean,
        low_step, high_step, nan_count, repeated, last_at,
    )  # fmt: skip


class Summaries(Mapping[str, MetricSummary]):
    """The summaries of one run by key, made from their rows when somebody looks: a table of 10,000 runs needs only last values."""

    __slots__ = ("_made", "_rows")

    def __init__(self) -> None:
        self._rows: dict[str, Sequence[Any]] = {}
        self._made: dict[str, MetricSummary] = {}

    def add(self, key: str, row: Sequence[Any]) -> None:
        """Add a row of ``COLUMNS`` that has points."""
        self._rows[key] = row

    def __getitem__(self, key: str) -> MetricSummary:
        made = self._made.get(key)
        if made is None:
            made = self._made[key] = record_of(self._rows[key])
        return made

    def __iter__(self) -> Iterator[str]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __repr__(self) -> str:
        return repr(dict(self))


def _kept_sum(total: float) -> float | None:
    return total if total == total else None
