"""Several processes on one store: nothing lost, nobody starved."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import nbtrack
from benchmarks.measure import Row, own_store
from nbtrack.store import runs
from nbtrack.tracking.session import current

WORKER = """
import sys, time
import nbtrack
with nbtrack.run("worker") as run:
    end, step = time.time() + float(sys.argv[1]), 0
    while time.time() < end:
        nbtrack.log({"loss": step * 0.5}, step=step)
        step += 1
print(run.id, step)
"""


def rows(seconds: float = 8.0) -> list[Row]:
    """Let 4 and 8 processes write for some seconds each."""
    return [_together(count, seconds) for count in (4, 8)]


def _together(count: int, seconds: float) -> Row:
    with own_store():
        nbtrack.run("first").finish()
        nbtrack.flush(30)
        command = [sys.executable, "-c", WORKER, str(seconds)]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[1])}
        workers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(count)]
        written = {}
        for worker in workers:
            out, _ = worker.communicate()
            run, points = out.split()
            written[run] = int(points)
        begin = time.perf_counter()
        current().writer.flush(60)
        from nbtrack.store.ingest import ingest

        while ingest(current().location).waiting:
            pass
        caught_up = time.perf_counter() - begin
        stored = current().query(lambda db: {one.id: one.summaries["loss"].count for one in runs.list_runs(db, limit=-1) if one.summaries})
    errors = sum(worker.returncode != 0 for worker in workers)
    lost = sum(points - stored.get(run, 0) for run, points in written.items())
    fair = min(written.values()) / max(written.values())
    return Row(
        f"{count} processes for {seconds:g} s",
        f"{sum(written.values()) / seconds:,.0f} points/s",
        f"{errors} errors, {lost} lost, slowest/fastest {fair:.2f}, all in rows {caught_up:.1f} s after",
        "0, 0, >= 0.33",
        errors == 0 and lost == 0 and fair >= 1 / 3,
    )
