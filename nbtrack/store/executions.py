"""Executed cells and what they showed: EXECUTION and EXECUTION_END in; execution and output records out."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any

from nbtrack.records import Execution, Output
from nbtrack.store import blobs, search_index
from nbtrack.store.scope import Scope, id_of, text_of, whole_of
from nbtrack.store.sessions import notebook_row

_TEXT_MIMES = ("text/", "application/json", "application/vnd.jupyter.stdout", "application/vnd.jupyter.stderr")


def write_execution(scope: Scope, head: dict[str, Any], bodies: list[bytes]) -> None:
    """Add an executed cell with its source."""
    at = scope.at(head)
    before = bool(head.get("before"))
    wall = whole_of(head, "wall")
    scope.db.execute(
        """
        insert into execution (id, session_id, seq, count, cell_id, notebook_id, source_sha256, source_hash, status, started_at,
            before_recording, journal)
        values (:id, :session, :seq, :count, :cell, :notebook, :sha256, :hash, :status, :started_at, :before, :journal)
        on conflict (id) do update set session_id = excluded.session_id, seq = excluded.seq, count = coalesce(count, excluded.count),
            cell_id = excluded.cell_id, notebook_id = excluded.notebook_id, source_sha256 = excluded.source_sha256,
            source_hash = excluded.source_hash, started_at = excluded.started_at, before_recording = excluded.before_recording
        """,
        {
            "id": id_of(head, "id"), "session": id_of(head, "session"), "seq": whole_of(head, "seq") or 0, "count": whole_of(head, "count"),
            "cell": text_of(head, "cell"), "notebook": notebook_row(scope.db, text_of(head, "notebook"), at),
            "sha256": blobs.put_body(scope.db, scope.location, bodies[0]) if bodies else None, "hash": text_of(head, "hash") or "",
            "status": "unknown" if before else "running", "started_at": wall if wall is not None or before else at, "before": int(before),
            "journal": scope.journal,
        },
    )  # fmt: skip


def write_execution_end(scope: Scope, head: dict[str, Any], bodies: list[bytes]) -> None:
    """Complete an executed cell: status, costs, error, outputs."""
    execution_id = id_of(head, "id")
    error = head.get("error") or {}
    values = {
        "id": execution_id, "status": text_of(head, "status") or "unknown", "duration": whole_of(head, "duration_us"),
        "cpu": whole_of(head, "cpu_us"), "peak": whole_of(head, "peak"), "count": whole_of(head, "count"),
        "error_type": text_of(error, "type"), "error_message": text_of(error, "message"), "journal": scope.journal,
    }  # fmt: skip
    changed = scope.db.execute(
        """
        update execution set status = :status, duration_us = :duration, cpu_us = :cpu, peak_memory_bytes = :peak,
            error_type = :error_type, error_message = :error_message, count = coalesce(:count, count)
        where id = :id
        """,
        values,
    )
    if not changed.rowcount:  # its first frame was damaged: what it showed is worth keeping all the same
        scope.db.execute(
            """
            insert into execution (id, session_id, seq, count, source_hash, status, duration_us, cpu_us, peak_memory_bytes, error_type,
                error_message, journal)
            select :id, coalesce((select id from session where journal = :journal order by started_at desc, id desc limit 1), ''), 0,
                :count, '', :status, :duration, :cpu, :peak, :error_type, :error_message, :journal
            """,
            values,
        )
    if values["error_type"] is not None:
        search_index.add_text(
            scope.db, "error", search_index.error_text(values["error_type"], values["error_message"]), execution_id=execution_id
        )
    _write_outputs(scope, execution_id, head.get("outputs") or (), bodies)


def _write_outputs(scope: Scope, execution_id: str, outputs: Iterable[dict[str, Any]], bodies: list[bytes]) -> None:
    rows = []
    for position, output in enumerate(outputs):
        body = output.get("body")
        kept = blobs.put_body(scope.db, scope.location, bodies[body]) if isinstance(body, int) else text_of(output, "sha256")
        rows.append(
            {
                "execution": execution_id, "position": position, "kind": text_of(output, "kind") or "display",
                "mime": text_of(output, "mime") or "text/plain", "size": whole_of(output, "size") or 0, "sha256": kept,
                "truncated": int(bool(output.get("truncated"))), "display": text_of(output, "display"),
            }
        )  # fmt: skip
    scope.db.executemany(
        """
        insert or replace into output (execution_id, position, kind, mime, size_bytes, sha256, truncated, display_id)
        values (:execution, :position, :kind, :mime, :size, :sha256, :truncated, :display)
        """,
        rows,
    )


def end_executions(scope: Scope, status: str) -> None:
    """Give the executions of a journal that still run their last status."""
    scope.db.execute(
        "update execution set status = :status where journal = :journal and status = 'running'",
        {"status": status, "journal": scope.journal},
    )


def revive_executions(scope: Scope) -> None:
    """Let executions run again that were thought killed because their process was silent."""
    scope.db.execute("update execution set status = 'running' where journal = :journal and status = 'killed'", {"journal": scope.journal})


def list_executions(
    db: sqlite3.Connection, *, session_id: str | None = None, run_id: str | None = None, limit: int | None = None
) -> list[Execution]:
    """List executed cells in the order of execution, of one session or one run; ``limit`` keeps the latest."""
    rows = db.execute(
        """
        select * from (
            select execution.id, session_id, seq, source_sha256, source_hash, status, started_at, count, cell_id, notebook.path,
                duration_us, cpu_us, peak_memory_bytes, error_type, error_message, before_recording
            from execution left join notebook on notebook.id = execution.notebook_id
            where (:session_id is null or session_id = :session_id)
                and (:run_id is null or execution.id in (select execution_id from run_execution where run_id = :run_id))
            order by session_id desc, seq desc, execution.id desc limit :limit
        ) order by session_id, seq, id
        """,
        {"session_id": session_id, "run_id": run_id, "limit": -1 if limit is None else limit},
    ).fetchall()
    return _records(db, rows)


def get_execution(db: sqlite3.Connection, execution_id: str) -> Execution | None:
    """Return one executed cell, or None."""
    rows = db.execute(
        """
        select execution.id, session_id, seq, source_sha256, source_hash, status, started_at, count, cell_id, notebook.path,
            duration_us, cpu_us, peak_memory_bytes, error_type, error_message, before_recording
        from execution left join notebook on notebook.id = execution.notebook_id where execution.id = :execution_id
        """,
        {"execution_id": execution_id},
    ).fetchall()
    return next(iter(_records(db, rows)), None)


def traceback_of(db: sqlite3.Connection, execution_id: str) -> str | None:
    """Return the traceback a cell ended with, or None."""
    texts = [output.text for output in _outputs(db, [execution_id]).get(execution_id, ()) if output.kind == "error"]
    return texts[-1] if texts else None


def _records(db: sqlite3.Connection, rows: list[tuple[Any, ...]]) -> list[Execution]:
    outputs = _outputs(db, [row[0] for row in rows])
    sources = _texts(db, {row[3] for row in rows if row[3]})
    return [
        Execution(
            id=row[0], session_id=row[1], seq=row[2], source=sources.get(row[3], ""), source_hash=row[4], status=row[5], started_at=row[6],
            count=row[7], cell_id=row[8], notebook=row[9], duration_ms=_milliseconds(row[10]), cpu_ms=_milliseconds(row[11]),
            peak_memory_bytes=row[12], error_type=row[13], error_message=row[14], before_recording=bool(row[15]),
            outputs=outputs.get(row[0], ()),
        )
        for row in rows
    ]  # fmt: skip


def _outputs(db: sqlite3.Connection, execution_ids: list[str]) -> dict[str, tuple[Output, ...]]:
    rows = db.execute(
        """
        select execution_id, kind, mime, size_bytes, sha256, truncated, display_id from output
        where execution_id in (select value from json_each(:ids)) order by execution_id, position
        """,
        {"ids": json.dumps(execution_ids)},
    ).fetchall()
    texts = _texts(db, {row[4] for row in rows if row[4] and row[2].startswith(_TEXT_MIMES)})
    found: dict[str, list[Output]] = {}
    for execution_id, kind, mime, size, sha256, truncated, display_id in rows:
        text = texts.get(sha256) if mime.startswith(_TEXT_MIMES) else None
        found.setdefault(execution_id, []).append(Output(kind, mime, size, text, sha256, bool(truncated), display_id))
    return {execution_id: tuple(outputs) for execution_id, outputs in found.items()}


def _texts(db: sqlite3.Connection, names: set[str]) -> dict[str, str]:
    """Read the texts of bodies kept as rows; those kept as files are read by ``blobs.read_body``."""
    rows = db.execute(
        "select sha256, encoding, body from blob where body is not null and sha256 in (select value from json_each(:names))",
        {"names": json.dumps(sorted(names))},
    )
    return {sha256: blobs.decode(body, encoding).decode("utf-8", "replace") for sha256, encoding, body in rows}


def _milliseconds(us: int | None) -> float | None:
    return None if us is None else us / 1000
