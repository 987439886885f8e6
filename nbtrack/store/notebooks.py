"""Notebooks and their paths: NOTEBOOK_MOVE in; which notebook a path means, and where its file is or was, out.

A notebook is one row for life. Its path changes when the file is renamed; old paths stay in ``notebook_path`` and keep finding it.
"""

from __future__ import annotations

import os
import sqlite3
from dataclasses import dataclass
from typing import Any

from nbtrack.store.scope import Scope, id_of
from nbtrack.store.sessions import notebook_row

_REFERENCES = (
    "update session set notebook_id = :kept where notebook_id = :gone",
    "update execution set notebook_id = :kept where notebook_id = :gone",
    "update run set notebook_id = :kept where notebook_id = :gone",
    "update or ignore notebook_path set notebook_id = :kept where notebook_id = :gone",
)


@dataclass(frozen=True, slots=True)
class NotebookRecord:
    """One notebook: where its file is or was last, how many checkpoints it has, when the newest was taken."""

    id: int
    path: str
    checkpoints: int
    last_at: int


def write_move(scope: Scope, head: dict[str, Any]) -> None:
    """Take note that a file has another path; what was recorded under either path belongs to the same notebook from now on."""
    move_notebook(scope.db, id_of(head, "from"), id_of(head, "to"), scope.at(head))


def move_notebook(db: sqlite3.Connection, old: str, new: str, at: int) -> None:
    """Give a notebook its new path. A notebook of its own that stood there keeps its checkpoints under a name that no file has."""
    row = db.execute("select id from notebook where path = :old", {"old": old}).fetchone()
    if row is None or old == new:
        return
    there = db.execute("select id from notebook where path = :new", {"new": new}).fetchone()
    if there is not None:
        has_checkpoints = db.execute("select 1 from checkpoint where notebook_id = :id limit 1", {"id": there[0]}).fetchone()
        if has_checkpoints:
            _remember(db, there[0], new, at)
            db.execute("update notebook set path = :path where id = :id", {"path": f"{new} (replaced, {there[0]})", "id": there[0]})
        else:  # cells that ran before the move was told made a row for the new path
            for statement in _REFERENCES:
                db.execute(statement, {"kept": row[0], "gone": there[0]})
            db.execute("delete from notebook where id = :id", {"id": there[0]})
    _remember(db, row[0], old, at)
    db.execute("update notebook set path = :new, last_at = max(last_at, :at) where id = :id", {"new": new, "at": at, "id": row[0]})


def adopt_moved(db: sqlite3.Connection, path: str, state: str, at: int) -> None:
    """Recognise a file that was moved outside: a path never seen, the newest state of a notebook whose own file is gone."""
    known = db.execute(
        "select 1 from checkpoint join notebook on notebook.id = checkpoint.notebook_id where notebook.path = :path limit 1", {"path": path}
    ).fetchone()
    if known:
        return
    rows = db.execute(
        """
        select notebook.path from checkpoint join notebook on notebook.id = checkpoint.notebook_id
        where checkpoint.state = :state and checkpoint.n = (
            select n from checkpoint as newest where newest.notebook_id = notebook.id order by at desc, n desc limit 1
        ) order by checkpoint.at desc, checkpoint.n desc
        """,
        {"state": state},
    ).fetchall()
    for (old,) in rows:
        if not os.path.lexists(old) and os.path.lexists(path):
            move_notebook(db, old, path, at)
            return


def find_notebook(db: sqlite3.Connection, path: str) -> NotebookRecord | None:
    """Find the notebook that is at a path now, else the one that was there last; None when none ever was."""
    for query in (
        "select id from notebook where path = :path",
        "select notebook_id from notebook_path where path = :path order by until_at desc, notebook_id desc limit 1",
    ):
        row = db.execute(query, {"path": path}).fetchone()
        if row is not None:
            found = _records(db, "where notebook.id = :id", {"id": row[0]})
            if found and (found[0].checkpoints or query.startswith("select id")):
                return found[0]
    return None


def list_notebooks(db: sqlite3.Connection) -> list[NotebookRecord]:
    """List the notebooks that have checkpoints, the one taken last first."""
    return _records(db, "where checkpoints > 0", {})


def paths_of(db: sqlite3.Connection, notebook_id: int) -> list[tuple[str, int]]:
    """List the paths that a notebook had before, the oldest first, with the moment it left each."""
    rows = db.execute("select path, until_at from notebook_path where notebook_id = :id order by until_at, path", {"id": notebook_id})
    return [(str(path), int(until)) for path, until in rows]


def _records(db: sqlite3.Connection, where: str, values: dict[str, Any]) -> list[NotebookRecord]:
    rows = db.execute(
        f"""
        select notebook.id, path, coalesce(checkpoints, 0), coalesce(taken, last_at) from notebook left join (
            select notebook_id, count(*) as checkpoints, max(at) as taken from checkpoint group by notebook_id
        ) as counted on counted.notebook_id = notebook.id {where} order by 4 desc, notebook.id desc
        """,
        values,
    )
    return [NotebookRecord(*row) for row in rows]


def _remember(db: sqlite3.Connection, notebook_id: int, path: str, at: int) -> None:
    db.execute(
        "insert or ignore into notebook_path (path, until_at, notebook_id) values (:path, :at, :id)",
        {"path": path, "at": at, "id": notebook_id},
    )


def row_for(db: sqlite3.Connection, path: str, state: str, at: int) -> int:
    """Return the row of the notebook that a state at this path belongs to, made when it is new."""
    adopt_moved(db, path, state, at)
    found = notebook_row(db, path, at)
    assert found is not None, "a path was given"
    return found
