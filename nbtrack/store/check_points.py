"""Metric points against themselves and their summaries: every block is unpacked, every series summed up again."""

from __future__ import annotations

import json
import math
import sqlite3
from itertools import pairwise
from typing import Any

from nbtrack.store.chunks import unpack_columns, unpack_integers, unpack_values
from nbtrack.store.findings import Findings
from nbtrack.store.points import read_points
from nbtrack.store.summary import COLUMNS, Summary

_TOLERANCE = 1e-9  # of the sum: batches were added up one after the other

_COMPARED = (
    "count", "nan_count", "last", "last_exact", "last_step", "last_at", "first_step", "minimum", "min_step", "maximum", "max_step",
)  # fmt: skip


def check_points(findings: Findings) -> None:
    """Check lines, blocks, chunks and summaries of all runs."""
    damaged = _check_lines(findings)
    _check_strays(findings)
    _check_summaries(findings, damaged)


def _check_lines(findings: Findings) -> set[str]:
    """Check every block; the runs in which one is damaged."""
    damaged: set[str] = set()
    lines = findings.db.execute("select id, run_id, keys, raw_blocks, raw_points from metric_line order by id").fetchall()
    for line_id, run_id, listed, raw_blocks, raw_points in lines:
        keys = _keys(listed)
        if keys is None:
            findings.add("damaged line", f"the keys of metric line {line_id} of run {run_id} cannot be read")
            damaged.add(run_id)
            continue
        ids = dict(findings.db.execute("select key, id from metric where run_id = :run_id", {"run_id": run_id}).fetchall())
        missing = [key for key in keys if key not in ids]
        for key in missing:
            findings.add("missing summary", f"metric {key!r} of run {run_id} has points and no row")
        raw = raw_count = 0
        blocks = findings.db.execute(
            "select id, count, first_step, last_step, axis, body from metric_block where line_id = :line_id order by id",
            {"line_id": line_id},
        )
        for block in blocks.fetchall():
            findings.count("blocks", 1)
            problem = _block_problem(findings.db, block, keys, ids)
            if problem:
                findings.add("damaged points", f"block {block[0]} of run {run_id}, {', '.join(keys)}: {problem}")
                damaged.add(run_id)
            raw, raw_count = raw + (block[5] is not None), raw_count + (block[1] if block[5] is not None else 0)
        # A rest that was made small at the end of its run counts as nothing that waits.
        if (raw_blocks, raw_points) not in {(raw, raw_count), (0, 0)}:
            findings.add(
                "wrong count", f"metric line {line_id} of run {run_id} says {raw_blocks} raw blocks, there are {raw}",
                "update metric_line set raw_blocks = :blocks, raw_points = :points where id = :id",
                {"blocks": raw, "points": raw_count, "id": line_id},
            )  # fmt: skip
    return damaged


def _keys(listed: str) -> list[str] | None:
    try:
        keys = json.loads(listed)
    except ValueError:
        return None
    return keys if isinstance(keys, list) and all(isinstance(key, str) for key in keys) else None


def _block_problem(db: sqlite3.Connection, block: tuple[Any, ...], keys: list[str], ids: dict[str, int]) -> str:
    block_id, count, first_step, last_step, axis, body = block
    try:
        packed_steps, packed_ats = unpack_columns(axis)
        steps = unpack_integers(packed_steps, count)
        unpack_integers(packed_ats, count)
        if (steps[0], steps[-1]) != (first_step, last_step):
            return "its steps are not those its row says"
        if any(before >= after for before, after in pairwise(steps)):
            return "its steps do not rise"
        chunks = db.execute(
            "select metric_id, body from metric_chunk where block_id = :block_id order by id", {"block_id": block_id}
        ).fetchall()
        if body is not None:
            columns = unpack_columns(body)
            if len(columns) != len(keys) or chunks:
                return f"{len(columns)} columns and {len(chunks)} chunks for {len(keys)} keys"
            for column in columns:
                unpack_values(column, count)
            return ""
        if sorted(metric_id for metric_id, _ in chunks) != sorted(ids[key] for key in keys if key in ids):
            return f"{len(chunks)} chunks for {len(keys)} keys"
        for _, chunk in chunks:
            (packed,) = unpack_columns(chunk)
            unpack_values(packed, count)
    except (ValueError, IndexError) as error:
        return str(error)
    return ""


def _check_strays(findings: Findings) -> None:
    """Find what the foreign keys cannot say: metrics whose line is not there or belongs to another run."""
    rows = findings.db.execute(
        """
        select metric.run_id, metric.key from metric left join metric_line on metric_line.id = metric.line_id
        where metric.line_id is not null and (metric_line.id is null or metric_line.run_id <> metric.run_id) order by metric.id
        """
    )
    for run_id, key in rows.fetchall():
        findings.add("missing line", f"metric {key!r} of run {run_id} names a line that is not there")


def _check_summaries(findings: Findings, damaged: set[str]) -> None:
    rows = findings.db.execute(f"select run_id, {COLUMNS} from metric where protocol = '' and data = '' order by run_id, key").fetchall()
    for run_id, *row in rows:
        findings.count("series", 1)
        if run_id in damaged:
            continue  # its points cannot tell what the summary should be
        summary, again = Summary(row), Summary(row)
        again.reset()
        again.last = again.last_exact = again.last_at = None
        steps, values, ats = read_points(findings.db, run_id, summary.key, summary.id)
        if len(steps):
            again.add(steps, values, ats)
        wrong = [name for name in _COMPARED if getattr(summary, name) != getattr(again, name)]
        if not _same_sum(summary.total, again.total, again):
            wrong.append("total")
        if summary.repeated < 0:
            again.repeated = 0
            wrong.append("repeated")
        if wrong:
            findings.add(
                "wrong summary", f"metric {summary.key!r} of run {run_id}: {', '.join(wrong)}",
                """
                update metric set count = :count, nan_count = :nan_count, repeated = :repeated, last = :last, last_exact = :last_exact,
                    last_step = :last_step, last_at = :last_at, first_step = :first_step, minimum = :minimum, min_step = :min_step,
                    maximum = :maximum, max_step = :max_step, total = :total where id = :id
                """,
                again.values(),
            )  # fmt: skip


def _same_sum(said: float | None, real: float | None, summary: Summary) -> bool:
    if said is None or real is None or not math.isfinite(said) or not math.isfinite(real):
        return said == real or (said is None) == (real is None)
    scale = max(abs(summary.minimum or 0.0), abs(summary.maximum or 0.0)) * max(summary.count, 1)
    return abs(said - real) <= max(_TOLERANCE * scale, 5e-324)
