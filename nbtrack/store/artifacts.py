"""Artifacts of runs and their bodies: ARTIFACT and BLOB in; records and bytes out."""

from __future__ import annotations

import sqlite3
from typing import Any

from nbtrack.records import Artifact
from nbtrack.store import blobs
from nbtrack.store.blobs import open_body, read_body
from nbtrack.store.lifecycle import ensure_run
from nbtrack.store.scope import Scope, id_of, text_of, whole_of

__all__ = ["list_artifacts", "open_body", "read_body", "write_artifact", "write_blob"]


def write_artifact(scope: Scope, head: dict[str, Any], bodies: list[bytes]) -> None:
    """Add an artifact, or what became of one that was pending."""
    at = scope.at(head)
    sha256 = blobs.put_body(scope.db, scope.location, bodies[0]) if bodies else text_of(head, "sha256") or ""
    scope.db.execute(
        """
        insert into artifact (id, run_id, name, kind, mime, size_bytes, sha256, execution_id, source_path, state, at)
        values (:id, :run, :name, :kind, :mime, :size, :sha256, :execution, :path, :state, :at)
        on conflict (id) do update set size_bytes = excluded.size_bytes, sha256 = excluded.sha256, state = excluded.state
        """,
        {
            "id": id_of(head, "id"), "run": ensure_run(scope, id_of(head, "run"), at), "name": text_of(head, "name") or "",
            "kind": text_of(head, "kind") or "file", "mime": text_of(head, "mime") or "application/octet-stream",
            "size": whole_of(head, "size") or (len(bodies[0]) if bodies else 0), "sha256": sha256, "execution": text_of(head, "execution"),
            "path": text_of(head, "path"), "state": text_of(head, "state") or "stored", "at": at,
        },
    )  # fmt: skip


def write_blob(scope: Scope, head: dict[str, Any]) -> None:
    """Note that the file of a body stands in ``blobs/``."""
    sha256 = id_of(head, "sha256")
    blobs.body_path(scope.location, sha256)
    blobs.record_file(
        scope.db,
        blobs.StoredBody(sha256, whole_of(head, "size") or 0, whole_of(head, "stored") or 0, text_of(head, "encoding") or "raw"),
    )


def list_artifacts(db: sqlite3.Connection, run_id: str) -> list[Artifact]:
    """List the artifacts of a run in the order they were logged."""
    rows = db.execute(
        """
        select id, run_id, name, kind, mime, size_bytes, sha256, at, state, execution_id, source_path
        from artifact where run_id = :run_id order by at, id
        """,
        {"run_id": run_id},
    )
    return [Artifact(*row) for row in rows]
