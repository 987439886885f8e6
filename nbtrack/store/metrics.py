"""Metric series: VALUES and RULE in; points, curves, summaries, keys and rules out. The points themselves are packed in ``points``."""

from __future__ import annotations

import math
import sqlite3
from array import array
from typing import Any

from nbtrack.errors import UnknownMetric
from nbtrack.records import MetricSeries
from nbtrack.store.batch import storable
from nbtrack.store.chunks import Column
from nbtrack.store.lifecycle import ensure_run
from nbtrack.store.points import read_points
from nbtrack.store.scope import Scope, id_of, text_of, whole_of
from nbtrack.store.summary import COLUMNS, Summaries, join_number


def write_values(scope: Scope, head: dict[str, Any], place: int) -> None:
    """Take metric values that no double holds: whole numbers become points with the batch, texts are kept as they are."""
    run_id = ensure_run(scope, id_of(head, "run"), scope.at(head))
    step = whole_of(head, "step") or 0
    exact = {}
    for key, value in head["values"].items():
        if "exact" in value:
            exact[storable(key)] = int(value["exact"])
        else:
            scope.texts.append((run_id, storable(key), step, storable(str(value["text"]))))
    us = whole_of(head, "t")
    for key, number in exact.items():
        scope.exact.append((place, run_id, scope.last_us if us is None else us, step, {key: number}))


def write_rule(scope: Scope, head: dict[str, Any]) -> None:
    """Keep what a person taught about a metric."""
    direction = text_of(head, "direction")
    if direction not in {"min", "max"}:
        raise ValueError(f"no direction {direction!r}")
    scope.db.execute(
        """
        insert into rule (key, experiment, direction, at) values (:key, :experiment, :direction, :at)
        on conflict (key, experiment) do update set direction = excluded.direction, at = excluded.at where excluded.at >= rule.at
        """,
        {"key": id_of(head, "key"), "experiment": text_of(head, "experiment") or "", "direction": direction, "at": scope.at(head)},
    )


def read_series(db: sqlite3.Connection, run_id: str, key: str) -> MetricSeries:
    """Return all points of one metric of a run in step order; raises ``UnknownMetric``."""
    row = db.execute(
        "select id, count from metric where run_id = :run_id and key = :key and protocol = '' and data = ''", {"run_id": run_id, "key": key}
    ).fetchone()
    if row is None:
        raise UnknownMetric(key, keys_of_run(db, run_id))
    steps, column, ats = read_points(db, run_id, key, row[0]) if row[1] else ([], Column(array("d")), [])
    return MetricSeries(run_id, key, steps, column.numbers(), ats)


def read_curve(db: sqlite3.Connection, run_id: str, key: str, *, points: int = 2000) -> MetricSeries:
    """Return at most ``points`` points that draw the same curve: the lowest and the highest of each stretch, the first and the last.

    NaN counts as a gap: one is kept for a stretch that holds nothing else.
    """
    series = read_series(db, run_id, key)
    total = len(series.steps)
    if total <= points:
        return series
    stretches = max((points - 2) // 2, 1)
    kept = {0, total - 1}
    values = series.values
    for number in range(stretches):
        start, end = total * number // stretches, total * (number + 1) // stretches
        real = [index for index in range(start, end) if not math.isnan(values[index])]
        if not real:
            kept.add(start)
            continue
        kept.add(min(real, key=values.__getitem__))
        kept.add(max(real, key=values.__getitem__))
    order = sorted(kept)
    return MetricSeries(
        run_id, key, [series.steps[index] for index in order], [values[index] for index in order], [series.ats[index] for index in order]
    )


def summaries_of(db: sqlite3.Connection, run_ids: str) -> dict[str, tuple[dict[str, float | int | str], Summaries]]:
    """Read last values and summaries of many runs at once; ``run_ids`` is a JSON array."""
    found: dict[str, tuple[dict[str, float | int | str], Summaries]] = {}
    current = ""
    for row in db.execute(
        f"""
        select {COLUMNS}, run_id from metric
        where protocol = '' and data = '' and run_id in (select value from json_each(:ids)) order by run_id, key
        """,
        {"ids": run_ids},
    ):
        if row[-1] != current:
            current = row[-1]
            lasts, summaries = found[current] = {}, Summaries()
        key, exact = row[1], row[7]
        if row[3]:
            summaries.add(key, row)
            lasts[key] = row[6] if exact is None else join_number(row[6], exact)
        text = row[16]
        if text is not None and (not row[3] or row[17] >= row[8]):
            lasts[key] = text
    return found


def keys(db: sqlite3.Connection) -> list[str]:
    """List the keys of all metrics."""
    return [key for (key,) in db.execute(_DISTINCT)]


def keys_of_run(db: sqlite3.Connection, run_id: str) -> list[str]:
    """List the metric keys of one run."""
    return [key for (key,) in db.execute("select distinct key from metric where run_id = :run_id order by key", {"run_id": run_id})]


def rules(db: sqlite3.Connection, experiment: str | None = None) -> dict[str, str]:
    """Return what people taught about directions, ``min`` or ``max`` by key.

    A rule of the experiment asked about overrules a general one, a general one those of other experiments.
    """
    rows = db.execute(
        """
        select key, direction from rule where experiment in ('', coalesce(:experiment, experiment))
        order by case when experiment = '' then :experiment is null else :experiment is not null end, at, key, experiment
        """,
        {"experiment": experiment},
    )
    return dict(rows.fetchall())


# Steps from key to key through the index instead of reading every row: 100,000 runs have a few dozen keys.
_DISTINCT = """
    with recursive known (key) as (
        select min(key) from metric
        union all select (select min(key) from metric where metric.key > known.key) from known where known.key is not null
    )
    select key from known where key is not null order by key
"""
