"""Sessions and notebooks: HEADER, SESSION and the end of a journal in; session records out."""

from __future__ import annotations

import os
import sqlite3
from typing import Any

from nbtrack.errors import NotFound
from nbtrack.records import Session
from nbtrack.store.batch import storable
from nbtrack.store.scope import Scope, id_of, text_of


def write_header(scope: Scope, head: dict[str, Any]) -> None:
    """Take what a journal says of its process; a journal that goes on after its end takes its sessions back to life."""
    for key in ("host", "boot", "user", "python", "nbtrack"):
        if head.get(key) is not None:
            scope.facts[key] = storable(str(head[key]))
    if isinstance(head.get("pid"), int):
        scope.facts["pid"] = head["pid"]
    scope.db.execute(
        "update session set ended_at = null, ended_how = null where journal = :journal and ended_at is not null", {"journal": scope.journal}
    )


def write_session(scope: Scope, head: dict[str, Any]) -> None:
    """Add a session, or what is known of it now."""
    at = scope.at(head)
    scope.db.execute(
        """
        insert into session (id, kind, kernel_id, notebook_id, cwd, user, host, pid, boot, python, nbtrack, environment_id, journal,
            started_at)
        values (:id, coalesce(:kind, 'kernel'), :kernel, :notebook, :cwd, :user, :host, :pid, :boot, :python, :nbtrack, :environment,
            :journal, :at)
        on conflict (id) do update set
            kind = coalesce(:kind, kind), kernel_id = coalesce(excluded.kernel_id, kernel_id),
            notebook_id = coalesce(excluded.notebook_id, notebook_id), cwd = coalesce(excluded.cwd, cwd),
            environment_id = coalesce(excluded.environment_id, environment_id), started_at = min(started_at, excluded.started_at)
        """,
        {
            "id": id_of(head, "id"), "kind": text_of(head, "kind"), "kernel": text_of(head, "kernel"),
            "notebook": notebook_row(scope.db, text_of(head, "notebook"), at), "cwd": text_of(head, "cwd"),
            **{fact: scope.facts.get(fact) for fact in ("user", "host", "pid", "boot", "python", "nbtrack")},
            "environment": text_of(head, "environment"),
            "journal": scope.journal, "at": at,
        },
    )  # fmt: skip


def end_sessions(scope: Scope, at: int, how: str) -> None:
    """End the sessions of a journal: ``closed`` in order or ``killed``."""
    scope.db.execute(
        "update session set ended_at = max(:at, started_at), ended_how = :how where journal = :journal and ended_at is null",
        {"at": at, "how": how, "journal": scope.journal},
    )


def revive_sessions(scope: Scope) -> None:
    """Take back the end of sessions that were silent only."""
    scope.db.execute(
        "update session set ended_at = null, ended_how = null where journal = :journal and ended_how = 'killed'", {"journal": scope.journal}
    )


def notebook_row(db: sqlite3.Connection, path: str | None, at: int) -> int | None:
    """Return the row of a notebook's path, making it when it is new; None for no path."""
    if not path:
        return None
    row = db.execute("select id, last_at from notebook where path = :path", {"path": path}).fetchone()
    if row is None:
        moved = db.execute(
            "select notebook_id from notebook_path where path = :path order by until_at desc, notebook_id desc limit 1", {"path": path}
        ).fetchone()
        if moved is not None and not os.path.lexists(path):
            return int(moved[0])  # a kernel that has not been told of its new name yet
        row = db.execute(
            "insert into notebook (path, first_at, last_at) values (:path, :at, :at) returning id", {"path": path, "at": at}
        ).fetchone()
    elif at > row[1]:
        db.execute("update notebook set last_at = :at where id = :id", {"at": at, "id": row[0]})
    return int(row[0])


def get_session(db: sqlite3.Connection, session_id: str) -> Session:
    """Return one session; raises ``NotFound``."""
    rows = _read(db, "where session.id = :session_id", {"session_id": session_id, "limit": 1})
    if not rows:
        raise NotFound(session_id, hint="No session has this id.")
    return rows[0]


def list_sessions(db: sqlite3.Connection, *, limit: int = 1000) -> list[Session]:
    """List sessions, the newest first."""
    return _read(db, "", {"limit": limit})


def _read(db: sqlite3.Connection, where: str, values: dict[str, Any]) -> list[Session]:
    rows = db.execute(
        f"""
        select session.id, session.kind, session.started_at, session.ended_at, session.ended_how, notebook.path, session.kernel_id,
            session.user, session.host, session.pid,
            (select count(*) from execution where execution.session_id = session.id)
        from session left join notebook on notebook.id = session.notebook_id
        {where}
        order by session.started_at desc, session.id desc limit :limit
        """,
        values,
    )
    return [Session(*row) for row in rows]


def has_living_kernel(db: sqlite3.Connection, path: str) -> bool:
    """Tell whether a kernel that runs the notebook at a path has not ended."""
    row = db.execute(
        """
        select 1 from session join notebook on notebook.id = session.notebook_id
        where notebook.path = :path and session.kind = 'kernel' and session.ended_at is null limit 1
        """,
        {"path": path},
    ).fetchone()
    return row is not None
