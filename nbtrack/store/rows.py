"""One batch of a journal into rows: records in their order, then the points.

A frame that cannot be applied is counted and costs nothing else.
"""

from __future__ import annotations

import json
import sqlite3
import struct
from collections.abc import Callable
from typing import Any

from nbtrack.store import (
    artifacts,
    checkpoints,
    environments,
    executions,
    lifecycle,
    metrics,
    notebooks,
    notes,
    params,
    sessions,
    tags,
)
from nbtrack.store.batch import Batch, Line, storable
from nbtrack.store.chunks import Column
from nbtrack.store.frames import Frame, Kind, unpack_record
from nbtrack.store.lifecycle import ensure_run
from nbtrack.store.points import Points, decode_line, store_points, store_text
from nbtrack.store.scope import Scope

# What a frame with odd contents can raise. A full disk or a lost file is none of these: that stops the batch, not the frame.
ODD = (
    ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError, RecursionError, struct.error,
    sqlite3.IntegrityError, sqlite3.DataError, sqlite3.InterfaceError, sqlite3.ProgrammingError,
)  # fmt: skip


def apply_batch(scope: Scope, batch: Batch) -> int:
    """Apply a batch inside the scope's transaction and return how many frames could not be.

    All at once first; only when that fails frame by frame, each behind a savepoint (3 us each, and rarely needed).
    """
    clock, facts = (scope.clock.wall, scope.clock.us, list(scope.clock.turns)), dict(scope.facts)
    scope.db.execute("savepoint batch")
    try:
        for frame in batch.records:
            _apply_record(scope, frame, *unpack_record(frame.payload))
        _apply_points(scope, batch.lines)
    except ODD:
        scope.db.execute("rollback to batch")
        scope.clock.wall, scope.clock.us, scope.clock.turns = clock
        scope.facts.clear()
        scope.facts.update(facts)
        scope.forget()
        odd = _apply_singly(scope, batch)
    else:
        odd = 0
    scope.db.execute("release batch")
    return odd


def _apply_singly(scope: Scope, batch: Batch) -> int:
    odd = 0
    for frame in batch.records:
        kept = scope.sizes()
        scope.db.execute("savepoint frame")
        try:
            head, bodies = unpack_record(frame.payload)
            _apply_record(scope, frame, _mended(head), bodies)
        except ODD:
            scope.db.execute("rollback to frame")
            scope.forget(kept)
            odd += 1
        scope.db.execute("release frame")
    lines: list[Line] = []
    for line in batch.lines:  # which of them is odd shows by storing it alone; the others go together, for their common order
        scope.db.execute("savepoint frame")
        try:
            _apply_points(scope, [line], alone=True)
            lines.append(line)
        except ODD:
            odd += len(line.tails)
        scope.db.execute("rollback to frame")
        scope.db.execute("release frame")
        scope.runs.clear()
    scope.db.execute("savepoint frame")
    try:
        _apply_points(scope, lines)
    except ODD:
        scope.db.execute("rollback to frame")
        scope.runs.clear()
        odd += sum(len(line.tails) for line in lines)
    scope.db.execute("release frame")
    return odd


def _apply_record(scope: Scope, frame: Frame, head: dict[str, Any], bodies: list[bytes]) -> None:
    us, wall = head.get("t"), head.get("wall")
    if isinstance(us, int) and isinstance(wall, int) and not head.get("before"):
        scope.clock.anchor(wall, us)
    if isinstance(us, int):
        scope.last_us = us
    kind = frame.kind
    if kind in _WITH_BODIES:
        _WITH_BODIES[kind](scope, head, bodies)
    elif kind in _PLAIN:
        _PLAIN[kind](scope, head)
    elif kind == Kind.VALUES:
        metrics.write_values(scope, head, frame.start)
    elif kind in {Kind.ROTATE, Kind.CLOSE}:
        scope.final = Kind(kind).name.lower()
        if kind == Kind.CLOSE:
            _close(scope, scope.at(head))
    else:
        raise ValueError(f"frames of kind {kind} are not known")


def _close(scope: Scope, at: int) -> None:
    executions.end_executions(scope, "unknown")
    sessions.end_sessions(scope, at, "closed")
    lifecycle.close_runs(scope, at)


def _apply_points(scope: Scope, lines: list[Line], *, alone: bool = False) -> None:
    groups: dict[str, list[Points]] = {}
    for line in lines:
        points = decode_line(line, scope.clock.moments)
        run_id = ensure_run(scope, line.run_id, points.ats[0])
        groups.setdefault(run_id, []).append(points)
    if not alone:
        for place, run_id, us, step, values in scope.exact:
            points = Points(tuple(values), [step], [scope.clock.at(us)], [Column.of([value]) for value in values.values()], [(place, 0)])
            groups.setdefault(scope.runs.get(run_id, run_id), []).append(points)
    for run_id, found in groups.items():
        store_points(scope.db, run_id, found)
    if not alone:
        for run_id, key, step, text in scope.texts:
            store_text(scope.db, scope.runs.get(run_id, run_id), key, step, text)
        for run_id in scope.ended:
            lifecycle.finish_lines(scope.db, run_id)


def _mended(head: dict[str, Any]) -> dict[str, Any]:
    mended: dict[str, Any] = json.loads(storable(json.dumps(head, ensure_ascii=False)))
    return mended


_WITH_BODIES: dict[int, Callable[[Scope, dict[str, Any], list[bytes]], None]] = {
    Kind.EXECUTION: executions.write_execution,
    Kind.EXECUTION_END: executions.write_execution_end,
    Kind.ARTIFACT: artifacts.write_artifact,
    Kind.BODIES: checkpoints.write_bodies,
    Kind.CHECKPOINT: checkpoints.write_checkpoint,
}
_PLAIN: dict[int, Callable[[Scope, dict[str, Any]], None]] = {
    Kind.HEADER: sessions.write_header,
    Kind.SESSION: sessions.write_session,
    Kind.RUN: lifecycle.write_run,
    Kind.RUN_END: lifecycle.write_run_end,
    Kind.RUN_UPDATE: lifecycle.write_run_update,
    Kind.RUN_EXECUTION: lifecycle.write_run_execution,
    Kind.PARAMS: params.write_params,
    Kind.TAGS: tags.write_tags,
    Kind.NOTE: notes.write_note,
    Kind.BLOB: artifacts.write_blob,
    Kind.ENVIRONMENT: environments.write_environment,
    Kind.RULE: metrics.write_rule,
    Kind.NOTEBOOK_MOVE: notebooks.write_move,
}
