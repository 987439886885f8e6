"""Runs to draw, a clock that stands still, and a reader that says whether a piece of HTML is sound."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from datetime import UTC
from html.parser import HTMLParser
from typing import Any

import pytest

from nbtrack.records import MetricSeries, MetricSummary, RunRecord
from nbtrack.views.words import Clock

NOW_MS = 1_731_682_800_000  # 2024-11-15 15:00:00 UTC
VOID = {"br", "hr", "line", "circle", "path", "polyline", "rect"}


class PageReader(HTMLParser):
    """Reads a page and keeps what a test asks about: elements, attributes, text, and whether every element was closed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text += data

    def find(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of every element of a name."""
        return [attributes for name, attributes in self.elements if name == tag]


def read_page(html: str) -> PageReader:
    """Read a page and check what every view must keep: sound, no script, own class names only, nothing loaded from elsewhere."""
    html.encode("utf-8")
    reader = PageReader()
    reader.feed(html)
    reader.close()
    assert not reader.faults and not reader.open, (reader.faults, reader.open)
    for tag, attributes in reader.elements:
        assert tag not in {"script", "iframe", "object", "img", "link"}
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "href"}]
        assert all(one.startswith("jp-nbtrack-") for one in (attributes.get("class") or "").split())
    assert "http" not in html
    return reader


def make_run(number: int = 38, **changes: Any) -> RunRecord:
    """A finished run of the experiment churn; ``values`` sets metrics that stand alone."""
    values: Mapping[str, float] = changes.pop("values", {})
    summaries = {key: MetricSummary(key, value, 0, 0, 1, value, value, value, 0, 0, last_at=NOW_MS) for key, value in values.items()}
    fields: dict[str, Any] = {
        "id": f"{number:032x}",
        "name": f"churn-{number}",
        "experiment": "churn",
        "state": "finished",
        "origin": "magic",
        "started_at": NOW_MS - 12 * 60_000,
        "number": number,
        "duration_s": 36.0,
        "user": "ana",
        "metrics": dict(values),
        "summaries": summaries,
    }
    return RunRecord(**{**fields, **changes})


def make_series(key: str, count: int = 60, *, start: float = 0.5, end: float = 0.87) -> MetricSeries:
    """A curve that rises or falls and flattens."""
    values = [start + (end - start) * (1 - math.exp(-step / 9)) for step in range(count)]
    return MetricSeries("r", key, list(range(count)), values, [NOW_MS] * count)


def summary_of(series: MetricSeries) -> MetricSummary:
    """The summary that belongs to a series of finite values."""
    values, steps = list(series.values), list(series.steps)
    low, high = min(values), max(values)
    mean = sum(values) / len(values)
    places = steps[values.index(low)], steps[values.index(high)]
    return MetricSummary(series.key, values[-1], steps[-1], steps[0], len(values), low, high, mean, *places, last_at=NOW_MS)


@pytest.fixture(scope="session")
def clock() -> Clock:
    """A Friday afternoon in UTC."""
    return Clock(NOW_MS, UTC)


@pytest.fixture(scope="session", name="read_page")
def _read_page() -> Callable[[str], PageReader]:
    return read_page


@pytest.fixture(scope="session", name="make_run")
def _make_run() -> Callable[..., RunRecord]:
    return make_run


@pytest.fixture(scope="session", name="make_series")
def _make_series() -> Callable[..., MetricSeries]:
    return make_series


@pytest.fixture(scope="session", name="summary_of")
def _summary_of() -> Callable[[MetricSeries], MetricSummary]:
    return summary_of
