"""The life of runs as rows: RUN, RUN_UPDATE, RUN_END, RUN_EXECUTION and the end of journals in.

Frames of one run may stand in several journals and arrive in any order (a worker process that joined by id), so whatever names a run makes
a hidden placeholder, and its RUN frame fills it. Only the journal that wrote RUN owns the run: the death of a worker ends nothing.
"""

from __future__ import annotations

import sqlite3
from typing import Any

from nbtrack.records import RUN_STATES
from nbtrack.store.points import Points, finish_lines, read_points, store_points, store_text
from nbtrack.store.scope import Scope, id_of, text_of, whole_of
from nbtrack.store.sessions import notebook_row

DEFAULT_EXPERIMENT = "default"


def ensure_run(scope: Scope, run_id: str, at: int) -> str:
    """Return the id of the run that an id stands for now, with a row: the same, or the one its draft went into."""
    known = scope.runs.get(run_id)
    if known is not None:
        return known
    if not run_id:
        raise ValueError("a record without a run")
    row = scope.db.execute("select merged_into from run where id = :id", {"id": run_id}).fetchone()
    if row is None:
        scope.db.execute(
            "insert into run (id, origin, state, hidden, started_at) values (:id, 'api', 'draft', 1, :at)", {"id": run_id, "at": at}
        )
    target = run_id
    if row is not None and row[0]:
        target = ensure_run(scope, row[0], at)
    scope.runs[run_id] = target
    return target


def write_run(scope: Scope, head: dict[str, Any]) -> None:
    """Open a run: fill its placeholder, number it unless it is a draft."""
    at = scope.at(head)
    run_id = ensure_run(scope, id_of(head, "id"), at)
    draft = bool(head.get("draft"))
    name = text_of(head, "name")
    scope.db.execute(
        """
        update run set origin = :origin, state = :state, hidden = :draft, name = coalesce(:name, name),
            named = max(named, :named), notebook_id = coalesce(:notebook, notebook_id), session_id = coalesce(:session, session_id),
            execution_id = coalesce(execution_id, :execution), parent_id = coalesce(:parent, parent_id),
            environment_id = coalesce(:environment, environment_id), user = coalesce(:user, user),
            started_at = case when journal is null then :at else started_at end,
            started_us = case when journal is null then :us end, ended_at = null, duration_us = null, error_type = null,
            error_message = null, stopped = 1, journal = :journal
        where id = :id
        """,
        {
            "id": run_id, "origin": text_of(head, "origin") or "api", "state": "draft" if draft else "running", "draft": int(draft),
            "name": name, "named": int(name is not None), "notebook": notebook_row(scope.db, text_of(head, "notebook"), at),
            "session": text_of(head, "session"), "execution": text_of(head, "execution"), "parent": text_of(head, "parent"),
            "environment": text_of(head, "environment"), "user": text_of(head, "user") or scope.facts.get("user"), "at": at,
            "us": whole_of(head, "t"), "journal": scope.journal,
        },
    )  # fmt: skip
    experiment = text_of(head, "experiment")
    known = scope.db.execute("select experiment_id from run where id = :id", {"id": run_id}).fetchone()[0]
    if known is None:
        _set_experiment(scope.db, run_id, experiment or DEFAULT_EXPERIMENT, at)
    if not draft:
        number_run(scope.db, run_id)


def write_run_end(scope: Scope, head: dict[str, Any]) -> None:
    """Close a run in the state that its end names."""
    run_id = ensure_run(scope, id_of(head, "run"), scope.at(head))
    state = text_of(head, "state") or "finished"
    if state not in RUN_STATES:
        raise ValueError(f"a run cannot end {state!r}")
    error = head.get("error") or {}
    _end(
        scope, run_id, state, at=scope.at(head), us=whole_of(head, "t"), stopped=head.get("stopped", True) is not False,
        error=(text_of(error, "type"), text_of(error, "message")),
    )  # fmt: skip
    scope.ended.add(run_id)


def write_run_update(scope: Scope, head: dict[str, Any]) -> None:
    """Change what is known of a run; show a draft; or give all a draft holds to another run."""
    at = scope.at(head)
    run_id = ensure_run(scope, id_of(head, "run"), at)
    into = text_of(head, "into")
    if into is not None:
        merge_runs(scope, run_id, ensure_run(scope, into, at))
        return
    hashes = head.get("hashes") or {}
    name = text_of(head, "name")
    scope.db.execute(
        """
        update run set name = coalesce(:name, name), named = max(named, :named), environment_id = coalesce(:environment, environment_id),
            parent_id = coalesce(:parent, parent_id), code_hash = coalesce(:code, code_hash), config_hash = coalesce(:config, config_hash),
            data_hash = coalesce(:data, data_hash), environment_hash = coalesce(:environment_hash, environment_hash)
        where id = :id
        """,
        {
            "id": run_id, "name": name, "named": int(name is not None), "environment": text_of(head, "environment"),
            "parent": text_of(head, "parent"), "code": text_of(hashes, "code"), "config": text_of(hashes, "config"),
            "data": text_of(hashes, "data"), "environment_hash": text_of(hashes, "environment"),
        },
    )  # fmt: skip
    experiment = text_of(head, "experiment")
    if experiment is not None:
        _set_experiment(scope.db, run_id, experiment, at)
    if head.get("shown"):
        scope.db.execute("update run set hidden = 0, state = 'running' where id = :id and state = 'draft'", {"id": run_id})
        number_run(scope.db, run_id)


def write_run_execution(scope: Scope, head: dict[str, Any]) -> None:
    """Note that a cell fed a run."""
    run_id = ensure_run(scope, id_of(head, "run"), scope.at(head))
    scope.db.execute(
        "insert into run_execution (run_id, execution_id) values (:run, :execution) on conflict do nothing",
        {"run": run_id, "execution": id_of(head, "execution")},
    )


def number_run(db: sqlite3.Connection, run_id: str) -> None:
    """Give a run that is shown the next number of its experiment, and a name when it has none."""
    number, experiment_id, at = db.execute("select number, experiment_id, started_at from run where id = :id", {"id": run_id}).fetchone()
    if number is not None:
        return
    if experiment_id is None:
        _set_experiment(db, run_id, DEFAULT_EXPERIMENT, at)
        experiment_id = experiment_row(db, DEFAULT_EXPERIMENT, at)
    number, experiment = db.execute(
        "update experiment set last_number = last_number + 1 where id = :id returning last_number, name", {"id": experiment_id}
    ).fetchone()
    db.execute(
        "update run set number = :number, name = case when named then name else :name end where id = :id",
        {"number": number, "name": f"{experiment}-{number}", "id": run_id},
    )


def close_runs(scope: Scope, at: int) -> None:
    """End the runs of a process that ended in order: finished, but nobody stopped them."""
    for run_id in _open_runs(scope):
        _end(scope, run_id, "finished", at=at, us=scope.last_us, stopped=False)
        scope.ended.add(run_id)


def kill_runs(scope: Scope, at: int) -> None:
    """End the runs of a process that died, at the time of its last frame."""
    for run_id in _open_runs(scope):
        _end(scope, run_id, "killed", at=at, us=scope.last_us, stopped=True)
        scope.ended.add(run_id)


def revive_runs(scope: Scope) -> None:
    """Let runs run again that were thought killed because their process was silent."""
    scope.db.execute(
        "update run set state = 'running', ended_at = null, duration_us = null where journal = :journal and state = 'killed'",
        {"journal": scope.journal},
    )


def merge_runs(scope: Scope, draft: str, target: str) -> None:
    """Give everything a draft holds to a run; later frames that name the draft go there too."""
    if draft == target:
        return
    db, ids = scope.db, {"draft": draft, "target": target}
    db.execute(
        """
        insert into param (run_id, name, value, number, source, confidence, execution_id, marked, at)
        select :target, name, value, number, source, confidence, execution_id, marked, at from param where run_id = :draft
        on conflict (run_id, name) do update set value = excluded.value, number = excluded.number, source = excluded.source,
            confidence = excluded.confidence, execution_id = excluded.execution_id, marked = excluded.marked, at = excluded.at
            where excluded.at >= param.at
        """,
        ids,
    )
    db.execute("delete from param where run_id = :draft", ids)
    db.execute(
        "insert or ignore into run_execution (run_id, execution_id) select :target, execution_id from run_execution where run_id = :draft",
        ids,
    )
    db.execute("delete from run_execution where run_id = :draft", ids)
    db.execute("update artifact set run_id = :target where run_id = :draft", ids)
    db.execute("update note set entity_id = :target where entity = 'run' and entity_id = :draft", ids)
    db.execute("update or replace tag set entity_id = :target where entity = 'run' and entity_id = :draft", ids)
    _move_metrics(db, draft, target)
    db.execute("update run set hidden = 1, state = 'draft', merged_into = :target where id = :draft", ids)
    scope.runs = {written: target if now == draft else now for written, now in scope.runs.items()}


def _move_metrics(db: sqlite3.Connection, draft: str, target: str) -> None:
    rows = db.execute("select id, key, count, text, text_step from metric where run_id = :draft order by id", {"draft": draft}).fetchall()
    moved = []
    for metric_id, key, count, text, text_step in rows:
        if text is not None:
            store_text(db, target, key, text_step, text)
        if count:
            steps, column, ats = read_points(db, draft, key, metric_id)
            moved.append(Points((key,), steps, ats, [column]))
    db.execute("delete from metric_line where run_id = :draft", {"draft": draft})
    db.execute("delete from metric where run_id = :draft", {"draft": draft})
    if moved:
        store_points(db, target, moved)


def _open_runs(scope: Scope) -> list[str]:
    rows = scope.db.execute("select id from run where journal = :journal and state = 'running' order by id", {"journal": scope.journal})
    return [run_id for (run_id,) in rows.fetchall()]


def _end(
    scope: Scope, run_id: str, state: str, *, at: int, us: int | None, stopped: bool, error: tuple[str | None, str | None] = (None, None)
) -> None:
    """Close a run. Its length comes from the boot clock where both ends are of one journal: the wall clock may have been set back."""
    scope.db.execute(
        """
        update run set state = case when hidden then state else :state end, ended_at = max(:at, started_at), stopped = :stopped,
            error_type = :error_type, error_message = :error_message,
            duration_us = case when journal = :journal and started_us is not null and :us >= started_us then :us - started_us
                else max(:at - started_at, 0) * 1000 end
        where id = :id
        """,
        {
            "id": run_id, "state": state, "at": at, "us": us, "journal": scope.journal, "stopped": int(stopped), "error_type": error[0],
            "error_message": error[1],
        },
    )  # fmt: skip
    finish_lines(scope.db, run_id)


def _set_experiment(db: sqlite3.Connection, run_id: str, name: str, at: int) -> None:
    """Put a run into an experiment; moved from another, it is numbered anew."""
    experiment_id = experiment_row(db, name, at)
    before, number = db.execute("select experiment_id, number from run where id = :id", {"id": run_id}).fetchone()
    if before == experiment_id:
        return
    db.execute("update run set experiment_id = :experiment, number = null where id = :id", {"experiment": experiment_id, "id": run_id})
    if number is not None:
        number_run(db, run_id)


def experiment_row(db: sqlite3.Connection, name: str, at: int) -> int:
    """Return the row of an experiment, making it when it is new."""
    row = db.execute("select id from experiment where name = :name", {"name": name}).fetchone()
    if row is None:
        row = db.execute("insert into experiment (name, first_at) values (:name, :at) returning id", {"name": name, "at": at}).fetchone()
    return int(row[0])
