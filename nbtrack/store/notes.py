"""Notes of people on runs: NOTE in, records out."""

from __future__ import annotations

import sqlite3
from typing import Any

from nbtrack.records import Note
from nbtrack.store import search_index
from nbtrack.store.lifecycle import ensure_run
from nbtrack.store.scope import Scope, id_of, text_of


def write_note(scope: Scope, head: dict[str, Any]) -> None:
    """Add a note to a run."""
    at = scope.at(head)
    run_id = ensure_run(scope, id_of(head, "run"), at)
    text = text_of(head, "text") or ""
    (note_id,) = scope.db.execute(
        "insert into note (entity, entity_id, text, author, at) values ('run', :run, :text, :author, :at) returning id",
        {"run": run_id, "text": text, "author": text_of(head, "author"), "at": at},
    ).fetchone()
    search_index.add_text(scope.db, "note", text, note_id=note_id)


def of_run(db: sqlite3.Connection, run_id: str) -> tuple[Note, ...]:
    """Read the notes of a run, the oldest first."""
    rows = db.execute("select text, at, author from note where entity = 'run' and entity_id = :run_id order by at, id", {"run_id": run_id})
    return tuple(Note(*row) for row in rows)
