"""Reading: lists of many runs, a long series, a DataFrame; beside the same question asked of plain SQLite."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

import pandas

import nbtrack
from benchmarks.measure import Row, cpu_of, median, own_store
from nbtrack.store import metrics, runs
from nbtrack.store.connection import open_reader
from nbtrack.store.frames import Kind, series
from nbtrack.store.ids import new_id, wall_ms
from nbtrack.tracking.session import current


def rows(*, large: bool = False) -> list[Row]:
    """Measure every reading bar; ``large`` adds 100,000 runs."""
    return [*_lists(10_000, bar_ms=5), *(_lists(100_000, bar_ms=50) if large else []), _long_series()]


def fill(count: int) -> None:
    """Write ``count`` finished runs with 10 parameters and 5 metrics each into the current session's store."""
    session = current()
    session.announce()
    writer = session.writer
    for number in range(count):
        run, picked = new_id(), random.Random(number)
        writer.append(
            Kind.RUN, {"id": run, "name": None, "experiment": f"e{number % 5}", "session": session.id, "origin": "api", "wall": wall_ms()}
        )
        values = {f"p{one}": picked.choice([0.1, 0.01, 64, 128, "relu"]) for one in range(10)}
        writer.append(Kind.PARAMS, {"run": run, "source": "log_param", "confidence": 1.0, "values": values})
        writer.points(series(run, tuple(f"m{one}" for one in range(5))), 0, [picked.random() for _ in range(5)])
        writer.append(Kind.RUN_END, {"run": run, "state": "finished", "stopped": True})
        if number % 5000 == 4999:
            writer.flush(120)
    writer.flush(120)


def _lists(count: int, *, bar_ms: float) -> list[Row]:
    with own_store():
        fill(count)
        location = current().location

        def top(sort: str) -> list[object]:
            with open_reader(location) as db:
                return list(runs.list_runs(db, sort=sort, limit=50))

        by_metric, newest = _warm_ms(lambda: top("metrics.m1")), _warm_ms(lambda: top("started_at"))
        found = [
            Row(
                f"top 50 of {count:,} runs by a metric",
                f"{by_metric:.1f} ms",
                f"newest 50: {newest:.1f} ms",
                f"<= {bar_ms:g} ms",
                by_metric <= bar_ms,
            )
        ]
        if count == 10_000:
            nbtrack.runs(limit=10)
            frame: list[pandas.DataFrame] = []
            spent = cpu_of(lambda: frame.append(nbtrack.runs(limit=None)))
            shape = "x".join(str(side) for side in frame[0].shape)
            found.append(
                Row("10,000 runs x 15 values to a DataFrame", f"{spent:.2f} s CPU", f"pandas imported, {shape}", "<= 0.5 s", spent <= 0.5)
            )
    return found


def _long_series(points: int = 100_000) -> Row:
    with own_store(), nbtrack.run("long") as run:
        for step in range(points):
            nbtrack.log({"loss": random.random()}, step=step)
        nbtrack.flush(60)
        location = current().location

        def read() -> None:
            with open_reader(location) as db:
                assert len(metrics.read_series(db, run.id, "loss").values) == points

        spent = _warm_ms(read)
    return Row("one series of 100,000 points", f"{spent:.1f} ms", "steps, values and times", "<= 5 ms", spent <= 5)


def _warm_ms(work: Callable[[], object], times: int = 15) -> float:
    work()
    found = []
    for _ in range(times):
        begin = time.perf_counter()
        work()
        found.append((time.perf_counter() - begin) * 1000)
    return median(found)
