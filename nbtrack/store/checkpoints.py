"""Checkpoints: BODIES and CHECKPOINT in; checkpoint records, and what a stored document is put together from, out.

A state that equals the one before it makes no row: it is noted on that one (``seen_at``, the run that began or ended in it).
"""

from __future__ import annotations

import json
import sqlite3
import zlib
from dataclasses import dataclass, replace
from typing import Any

from nbtrack.errors import UnknownArtifact, UnknownCheckpoint
from nbtrack.records import CHECKPOINT_REASONS, Checkpoint, RunMark
from nbtrack.store import blobs, cell_states, manifests
from nbtrack.store.manifests import Manifest, Rows
from nbtrack.store.notebooks import find_notebook, row_for
from nbtrack.store.scope import Scope, id_of, text_of, whole_of

_COLUMNS = """
    checkpoint.id, notebook.path, checkpoint.at, checkpoint.reason, checkpoint.message, checkpoint.author, checkpoint.parent_id,
    checkpoint.run_id, checkpoint.session_id, checkpoint.unsaved, checkpoint.format, checkpoint.cells, checkpoint.size_bytes,
    checkpoint.state
"""


@dataclass(frozen=True, slots=True)
class _Before:
    """The checkpoint before a new one."""

    n: int
    id: str
    state: str
    reason: str
    unsaved: bool
    manifest: bytes


def write_bodies(scope: Scope, head: dict[str, Any], bodies: list[bytes]) -> None:
    """Keep bodies that the checkpoint behind them names."""
    for body in bodies:
        blobs.put_body(scope.db, scope.location, body)


def write_checkpoint(scope: Scope, head: dict[str, Any], bodies: list[bytes]) -> None:
    """Add a state of a notebook, unless it equals the one before it and nobody named it."""
    at, state = scope.at(head), id_of(head, "state")
    notebook_id = row_for(scope.db, id_of(head, "notebook"), state, at)
    before = _before(scope.db, notebook_id, at)
    reason, message = text_of(head, "reason") or "save", text_of(head, "message")
    if reason not in CHECKPOINT_REASONS:
        raise ValueError(f"a checkpoint cannot be made for {reason!r}")
    if before is not None and before.state == state and not message:
        _note_again(scope, head, before, reason, at)
        _link_run(scope.db, head, before.n)
        return
    n = _insert(scope, head, bodies, notebook_id, before, at)
    _link_run(scope.db, head, n)


def _insert(scope: Scope, head: dict[str, Any], bodies: list[bytes], notebook_id: int, before: _Before | None, at: int) -> int:
    state = id_of(head, "state")
    manifest = _read_manifest(scope, state, bodies)
    n = int(scope.db.execute("select coalesce(max(n), 0) + 1 from checkpoint").fetchone()[0])
    newest = scope.db.execute(
        "select 1 from checkpoint where notebook_id = :id and at > :at limit 1", {"id": notebook_id, "at": at}
    ).fetchone()
    known = manifests.unpack_rows(before.manifest).ids if before is not None else ()
    ids = cell_states.keep_states(scope, notebook_id, manifest.cells, n=n, newest=newest is None)
    if before is not None and newest is None:
        cell_states.note_change(scope.db, set(known), set(ids), last_n=before.n)
    forms = text_of(head, "forms") or ""
    scope.db.execute(
        """
        insert into checkpoint (n, id, notebook_id, at, seen_at, reason, message, author, parent_id, run_id, session_id, unsaved, format,
            minor, cells, size_bytes, state, frame_sha256, manifest)
        values (:n, :id, :notebook, :at, :at, :reason, :message, :author, :parent, :run, :session, :unsaved, :format, :minor, :cells,
            :size, :state, :frame, :manifest)
        """,
        {
            "n": n, "id": id_of(head, "id"), "notebook": notebook_id, "at": at, "reason": text_of(head, "reason") or "save",
            "message": text_of(head, "message"), "author": text_of(head, "author") or scope.facts.get("user"),
            "parent": before.id if before is not None else None, "run": text_of(head, "run"), "session": text_of(head, "session"),
            "unsaved": int(bool(head.get("unsaved"))), "format": whole_of(head, "format"), "minor": whole_of(head, "minor"),
            "cells": len(manifest.cells), "size": whole_of(head, "size") or 0, "state": state, "frame": manifest.raw or manifest.frame,
            "manifest": manifests.pack_rows(manifest, ids, forms),
        },
    )  # fmt: skip
    return n


def _before(db: sqlite3.Connection, notebook_id: int, at: int) -> _Before | None:
    row = db.execute(
        """
        select n, id, state, reason, unsaved, manifest from checkpoint where notebook_id = :notebook and at <= :at
        order by at desc, n desc limit 1
        """,
        {"notebook": notebook_id, "at": at},
    ).fetchone()
    return None if row is None else _Before(row[0], row[1], row[2], row[3], bool(row[4]), row[5])


def _note_again(scope: Scope, head: dict[str, Any], before: _Before, reason: str, at: int) -> None:
    """The same state once more: it was seen now, and it is saved if either says so. A save tells more than a file found changed."""
    if before.reason == "changed outside" and reason == "save":
        scope.db.execute("update checkpoint set reason = 'save' where n = :n", {"n": before.n})
    scope.db.execute(
        "update checkpoint set seen_at = max(seen_at, :at), unsaved = min(unsaved, :unsaved) where n = :n",
        {"at": at, "unsaved": int(bool(head.get("unsaved"))), "n": before.n},
    )


def _link_run(db: sqlite3.Connection, head: dict[str, Any], n: int) -> None:
    run, boundary = text_of(head, "run"), text_of(head, "boundary")
    if run and boundary in ("start", "end"):
        db.execute(
            "insert or replace into checkpoint_run (run_id, boundary, checkpoint_n) values (:run, :boundary, :n)",
            {"run": run, "boundary": boundary, "n": n},
        )


def _read_manifest(scope: Scope, state: str, bodies: list[bytes]) -> Manifest:
    """Read the manifest of a state: from the frame, from its body file, or from an older checkpoint of the same state."""
    try:
        packed = zlib.decompress(bodies[0]) if bodies else blobs.read_body(scope.location, scope.db, state)
    except zlib.error as error:
        raise ValueError(f"a manifest cannot be read: {error}") from error
    except UnknownArtifact:
        row = scope.db.execute("select n from checkpoint where state = :state order by n desc limit 1", {"state": state}).fetchone()
        if row is None:
            raise ValueError(f"the manifest of state {state[:8]} never came") from None
        return read_manifest(scope.db, int(row[0]))
    if manifests.name_of(packed) != state:
        raise ValueError(f"the manifest of state {state[:8]} has another hash")
    return manifests.unpack_manifest(packed)


# -- reading -------------------------------------------------------------------------------------------------------------------------


def list_checkpoints(
    db: sqlite3.Connection,
    *,
    notebook: str | None = None,
    limit: int | None = None,
    before_at: int | None = None,
    before_id: str | None = None,
) -> list[Checkpoint]:
    """List checkpoints, the newest first: of the notebook that is or was at a path, or of all; those up to a moment, or older than one."""
    notebook_id = None
    if notebook is not None:
        found = find_notebook(db, notebook)
        if found is None:
            return []
        notebook_id = found.id
    rows = db.execute(
        f"""
        select {_COLUMNS}, checkpoint.n from checkpoint join notebook on notebook.id = checkpoint.notebook_id
        where (:notebook is null or checkpoint.notebook_id = :notebook) and (:before is null or checkpoint.at <= :before)
            and (:older is null or (checkpoint.at, checkpoint.n) < (select at, n from checkpoint where id = :older))
        order by checkpoint.at desc, checkpoint.n desc limit :limit
        """,
        {"notebook": notebook_id, "before": before_at, "older": before_id, "limit": -1 if limit is None else limit},
    ).fetchall()
    return _records(db, rows)


def count_checkpoints(db: sqlite3.Connection, notebook: str | None = None) -> int:
    """Count the checkpoints of a notebook, or all."""
    if notebook is None:
        return int(db.execute("select count(*) from checkpoint").fetchone()[0])
    found = find_notebook(db, notebook)
    return found.checkpoints if found is not None else 0


def get_checkpoint(db: sqlite3.Connection, checkpoint_id: str) -> Checkpoint:
    """Return one checkpoint; raises ``UnknownCheckpoint``."""
    found = _where(db, "checkpoint.id = :given", checkpoint_id, 1)
    if not found:
        raise UnknownCheckpoint(checkpoint_id, hint="%track checkpoints lists them.")
    return found[0]


def by_number(db: sqlite3.Connection, n: int) -> Checkpoint | None:
    """Return the checkpoint of a row number, as other tables name it."""
    return next(iter(_where(db, "checkpoint.n = :given", n, 1)), None)


def by_digits(db: sqlite3.Connection, digits: str, *, most: int = 6) -> list[Checkpoint]:
    """Find checkpoints whose id ends with these digits, else those whose id begins with them; the newest first."""
    return _where(db, "checkpoint.id like :given", f"%{digits}", most) or _where(db, "checkpoint.id like :given", f"{digits}%", most)


def of_run(db: sqlite3.Connection, run_id: str) -> dict[str, Checkpoint]:
    """Return the states in which a run began and ended: ``start`` and ``end``, as far as they are known."""
    rows = db.execute("select boundary, checkpoint_n from checkpoint_run where run_id = :run order by boundary", {"run": run_id}).fetchall()
    found = {boundary: by_number(db, n) for boundary, n in rows}
    return {boundary: one for boundary, one in found.items() if one is not None}


def with_message(db: sqlite3.Connection, message: str, notebook: str | None = None) -> list[Checkpoint]:
    """Find the checkpoints that a person named so, the newest first."""
    found = _where(db, "checkpoint.message = :given", message, 100)
    return [one for one in found if notebook is None or one.notebook == notebook]


def numbers_of(db: sqlite3.Connection, notebook_id: int) -> list[tuple[int, int]]:
    """List the row numbers and moments of the checkpoints of a notebook, the oldest first."""
    rows = db.execute("select n, at from checkpoint where notebook_id = :id order by at, n", {"id": notebook_id})
    return [(int(n), int(at)) for n, at in rows]


def number_of(db: sqlite3.Connection, checkpoint_id: str) -> int:
    """Return the row number of a checkpoint; raises ``UnknownCheckpoint``."""
    row = db.execute("select n from checkpoint where id = :id", {"id": checkpoint_id}).fetchone()
    if row is None:
        raise UnknownCheckpoint(checkpoint_id, hint="%track checkpoints lists them.")
    return int(row[0])


def read_rows(db: sqlite3.Connection, n: int) -> tuple[str, Rows]:
    """Return the name of the document's frame, and what the row keeps of cells, counts and forms. Raises ``ValueError`` when damaged."""
    row = db.execute("select frame_sha256, manifest from checkpoint where n = :n", {"n": n}).fetchone()
    if row is None:
        raise ValueError(f"there is no checkpoint {n}")
    return str(row[0]), manifests.unpack_rows(row[1])


def read_manifest(db: sqlite3.Connection, n: int) -> Manifest:
    """Put the manifest of a checkpoint together again. Raises ``ValueError`` when a part is missing or damaged."""
    frame, rows = read_rows(db, n)
    if rows.raw:
        return Manifest(raw=rows.raw, size=rows.size)
    contents = cell_states.read_contents(db, set(rows.ids))
    missing = [one for one in rows.ids if one not in contents]
    if missing:
        raise ValueError(f"{len(missing)} cells are missing")
    return Manifest(frame, rows.lists, tuple(contents[one] for one in rows.ids), rows.counts)


def _where(db: sqlite3.Connection, condition: str, given: Any, limit: int) -> list[Checkpoint]:
    """Find checkpoints by one of the conditions written in this module, the newest first."""
    rows = db.execute(
        f"""
        select {_COLUMNS}, checkpoint.n from checkpoint join notebook on notebook.id = checkpoint.notebook_id
        where {condition} order by checkpoint.at desc, checkpoint.n desc limit :limit
        """,
        {"given": given, "limit": limit},
    ).fetchall()
    return _records(db, rows)


def _records(db: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> list[Checkpoint]:
    marks: dict[int, list[RunMark]] = {}
    query = """
        select checkpoint_n, run_id, boundary from checkpoint_run where checkpoint_n in (select value from json_each(:numbers))
        order by checkpoint_n, boundary desc, run_id
    """
    for n, run_id, boundary in db.execute(query, {"numbers": json.dumps([row[-1] for row in rows])}).fetchall():
        marks.setdefault(n, []).append(RunMark(run_id, boundary))
    return [replace(Checkpoint(*row[:14]), unsaved=bool(row[9]), runs=tuple(marks.get(row[14], ()))) for row in rows]
