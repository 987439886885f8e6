"""Records in, DataFrames out; the only module here that imports pandas, and only when a table is asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from nbtrack.errors import UnknownColumn
from nbtrack.records import MetricSeries, RunRecord

if TYPE_CHECKING:
    import pandas

_FIRST = ("id", "name", "change", "state", "experiment", "started_at", "duration_s")


def runs_frame(records: Sequence[RunRecord], columns: Sequence[str] | None) -> pandas.DataFrame:
    """Lay runs out as rows; columns as ``nbtrack.runs`` documents them."""
    import pandas

    data: dict[str, Any] = {name: [getattr(record, name) for record in records] for name in _FIRST}
    data["started_at"] = pandas.to_datetime(data["started_at"], unit="ms", utc=True)
    for group in ("params", "metrics", "tags"):
        keys = sorted({key for record in records for key in getattr(record, group)})
        for key in keys:
            data[f"{group}.{key}"] = [getattr(record, group).get(key) for record in records]
    if columns is not None:
        for name in columns:
            if name not in data:
                raise UnknownColumn(name, data, "nbtrack.runs().columns lists them.")
        data = {name: data[name] for name in columns}
    return pandas.DataFrame(data)


def series_frame(series: MetricSeries) -> pandas.DataFrame:
    """Lay a series out as rows of step, value and at."""
    import pandas

    return pandas.DataFrame(
        {"step": list(series.steps), "value": list(series.values), "at": pandas.to_datetime(list(series.ats), unit="ms", utc=True)}
    )
