"""Runs out of the store: listed, sorted and complete. Their rows are written by ``lifecycle``, their names are read by ``references``.

Everything is read in bulk, one query for each noun, never one for each run: 10,000 runs with 15 values each take 6 queries.
"""

from __future__ import annotations

import dataclasses
import json
import math
import sqlite3
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from nbtrack.errors import NotFound, UnknownColumn, UnknownRun
from nbtrack.records import MetricSummary, RunRecord, describe_change, direction
from nbtrack.store import artifacts, environments, executions, metrics, notes, params, tags
from nbtrack.store.references import resolve_run

__all__ = ["count_runs", "get_run", "list_runs", "names", "resolve_run"]

# What may be sorted by, with the direction that people mean when they name none.
_ATTRIBUTES = {
    "started_at": ("run.started_at", True),
    "name": ("run.name", False),
    "duration_s": ("run.duration_us", True),
    "number": ("run.number", True),
}
_KINDS = ("metrics", "params", "tags")


def list_runs(
    db: sqlite3.Connection,
    *,
    experiment: str | None = None,
    notebook: str | None = None,
    session_id: str | None = None,
    states: Collection[str] | None = None,
    sort: str | None = None,
    descending: bool | None = None,
    limit: int | None = 1000,
    hidden: bool = False,
) -> list[RunRecord]:
    """List runs with params, metrics, summaries, tags and change; the newest first unless ``sort`` says otherwise.

    ``sort`` is ``started_at``, ``name``, ``duration_s``, ``number``, ``metrics.K``, ``params.K``, ``tags.K``, or a bare key. ``descending``
    None means what people expect: metrics best first, moments and numbers the latest first, names from a to z. Runs without the value come
    last, the newest first. Raises ``UnknownColumn`` with near names. ``hidden`` adds drafts.
    """
    choice = _Choice(experiment, notebook, None if states is None else tuple(states), hidden, session_id)
    kind, key = _sort_key(db, sort)
    if descending is None:
        descending = _usual_direction(db, kind, key, experiment)
    most = -1 if limit is None else limit
    return assemble(db, _ordered_ids(db, choice, kind, key, descending=descending, limit=most))


def get_run(db: sqlite3.Connection, run_id: str) -> RunRecord:
    """Return everything known of one run; raises ``UnknownRun``. The id of a draft that went into a run gives that run."""
    row = db.execute("select id, merged_into, environment_id from run where id = :id", {"id": run_id}).fetchone()
    if row is None:
        raise UnknownRun(run_id, names(db, 1000), "%track runs lists them.")
    if row[1]:
        return get_run(db, row[1])
    (run,) = assemble(db, [run_id])
    environment = None
    if row[2]:
        try:
            environment = environments.get_environment(db, row[2])
        except NotFound:
            environment = None  # its frame is still in a journal
    return dataclasses.replace(
        run,
        param_records=params.records_of(db, run_id),
        artifacts=tuple(artifacts.list_artifacts(db, run_id)),
        executions=tuple(executions.list_executions(db, run_id=run_id)),
        notes=notes.of_run(db, run_id),
        environment=environment,
    )


def count_runs(db: sqlite3.Connection, *, experiment: str | None = None, notebook: str | None = None) -> int:
    """Count the runs that are shown."""
    choice = _Choice(experiment, notebook, None, hidden=False)
    return int(db.execute(f"select count(*) from run where {choice.where()}", choice.values()).fetchone()[0])


def names(db: sqlite3.Connection, limit: int) -> list[str]:
    """List the names of the newest runs, each once."""
    rows = db.execute(
        "select name from run where hidden = 0 and name is not null order by started_at desc, id desc limit :limit", {"limit": limit}
    )
    return list(dict.fromkeys(name for (name,) in rows))


def experiments(db: sqlite3.Connection) -> list[str]:
    """List the experiments that have runs, by name."""
    return [name for (name,) in db.execute("select name from experiment where last_number > 0 order by name")]


def assemble(db: sqlite3.Connection, run_ids: Sequence[str]) -> list[RunRecord]:
    """Make the records of these runs, in this order, in a fixed number of queries."""
    if not run_ids:
        return []
    before = _runs_before(db, run_ids)
    ids = json.dumps(list(run_ids))
    all_params = params.values_of(db, json.dumps(sorted({*run_ids, *before.values()})))
    measured = metrics.summaries_of(db, ids)
    all_tags = tags.values_of(db, ids)
    nothing: dict[str, Any] = {}
    unmeasured: tuple[dict[str, Any], Mapping[str, MetricSummary]] = ({}, {})
    records = {}
    for row in db.execute(
        """
        select run.id, coalesce(run.name, ''), coalesce(experiment.name, ''), run.state, run.origin, run.started_at, run.number,
            run.ended_at, run.duration_us / 1e6, notebook.path, run.session_id, run.execution_id, run.parent_id, run.user, run.error_type,
            run.error_message, run.stopped, run.code_hash, run.config_hash, run.data_hash, run.environment_hash
        from run left join experiment on experiment.id = run.experiment_id left join notebook on notebook.id = run.notebook_id
        where run.id in (select value from json_each(:ids))
        """,
        {"ids": ids},
    ):
        run_id = row[0]
        lasts, summaries = measured.get(run_id, unmeasured)
        mine, earlier = all_params.get(run_id, nothing), before.get(run_id)
        records[run_id] = RunRecord(
            id=run_id, name=row[1], experiment=row[2], state=row[3], origin=row[4], started_at=row[5], number=row[6], ended_at=row[7],
            duration_s=row[8], change=describe_change(None if earlier is None else all_params.get(earlier, nothing), mine), notebook=row[9],
            session_id=row[10], execution_id=row[11], parent_id=row[12], user=row[13], error_type=row[14], error_message=row[15],
            stopped=bool(row[16]), params=mine, metrics=lasts, tags=all_tags.get(run_id, nothing), summaries=summaries,
            hashes={"code": row[17], "config": row[18], "data": row[19], "environment": row[20]},
        )  # fmt: skip
    return [records[run_id] for run_id in run_ids if run_id in records]


@dataclasses.dataclass(frozen=True, slots=True)
class _Choice:
    """Which runs are asked for, as conditions with bound values."""

    experiment: str | None
    notebook: str | None
    states: tuple[str, ...] | None
    hidden: bool
    session_id: str | None = None

    def where(self, *, by_time: bool = True) -> str:
        # The plus keeps SQLite from choosing the index on time, when that on another column gives the order.
        shown = "run.hidden = 0" if by_time else "+run.hidden = 0"
        conditions = ["run.merged_into is null"] if self.hidden else [shown]
        if self.experiment is not None:
            conditions.append("run.experiment_id = (select id from experiment where name = :experiment)")
        if self.notebook is not None:
            conditions.append("run.notebook_id = (select id from notebook where path = :notebook)")
        if self.session_id is not None:
            conditions.append("run.session_id = :session")
        if self.states is not None:
            conditions.append("run.state in (select value from json_each(:states))")
        return " and ".join(conditions)

    def values(self, **more: Any) -> dict[str, Any]:
        states = None if self.states is None else json.dumps(self.states)
        return {"experiment": self.experiment, "notebook": self.notebook, "session": self.session_id, "states": states, **more}


def _sort_key(db: sqlite3.Connection, sort: str | None) -> tuple[str, str]:
    """Read a sort key as (attribute | metrics | params | tags, name); an attribute before a metric before a parameter before a tag."""
    if sort is None:
        return "attribute", "started_at"
    if sort in _ATTRIBUTES:
        return "attribute", sort
    kind, dot, key = sort.partition(".")
    if dot and kind in _KINDS and _exists(db, kind, key):
        return kind, key
    for kind in _KINDS:
        if _exists(db, kind, sort):
            return kind, sort
    every = {"metrics": metrics.keys(db), "params": params.keys(db), "tags": tags.keys(db)}
    known = [*_ATTRIBUTES, *(name for kind in _KINDS for key in every[kind] for name in (key, f"{kind}.{key}"))]
    raise UnknownColumn(sort, known, "Sort by started_at, name, duration_s, number, metrics.K, params.K or tags.K.")


def _exists(db: sqlite3.Connection, kind: str, key: str) -> bool:
    query = {
        "metrics": "select 1 from metric where key = :key limit 1",
        "params": "select 1 from param where name = :key limit 1",
        "tags": "select 1 from tag where key = :key limit 1",
    }[kind]
    return db.execute(query, {"key": key}).fetchone() is not None


def _usual_direction(db: sqlite3.Connection, kind: str, key: str, experiment: str | None) -> bool:
    if kind == "attribute":
        return _ATTRIBUTES[key][1]
    return kind == "metrics" and not direction(key, metrics.rules(db, experiment))


def _ordered_ids(db: sqlite3.Connection, choice: _Choice, kind: str, key: str, *, descending: bool, limit: int) -> list[str]:
    way = "desc" if descending else "asc"
    queries = _attribute_queries(choice, key, way) if kind == "attribute" else _value_queries(db, choice, kind, way, limit)
    found: list[str] = []
    for query in queries:
        rest = -1 if limit < 0 else limit - len(found)
        if rest:
            found += [run_id for (run_id,) in db.execute(query, choice.values(key=key, limit=rest))]
    return found


# In all of these the answers, one after the other, are the order: runs with the value by it, then those without, the newest first. Each
# query walks along one index, so the first 50 of 100,000 are found after about 50 rows; one query with nulls last would sort them all.


def _attribute_queries(choice: _Choice, key: str, way: str) -> Iterable[str]:
    column, where = _ATTRIBUTES[key][0], choice.where(by_time=key == "started_at")
    yield f"select run.id from run where {where} and {column} is not null order by {column} {way}, run.id {way} limit :limit"
    if key != "started_at":
        yield f"select run.id from run where {where} and {column} is null order by run.started_at desc, run.id desc limit :limit"


def _value_queries(db: sqlite3.Connection, choice: _Choice, kind: str, way: str, limit: int) -> Iterable[str]:
    """``cross join`` fixes the order of the tables: along the index of the values, or along the runs when only few are asked for."""
    where = choice.where()
    table, named, run_id, ranks = {
        "metrics": ("metric", "metric.key = :key and metric.protocol = '' and metric.data = ''", "metric.run_id", ("metric.last",)),
        "params": ("param", "param.name = :key", "param.run_id", ("param.number", "param.value")),
        "tags": ("tag", "tag.key = :key and tag.entity = 'run'", "tag.entity_id", ("tag.value",)),
    }[kind]
    tables = f"run cross join {table}" if _are_few(db, choice, limit) else f"{table} cross join run"
    for place, rank in enumerate(ranks):
        known = f"{rank} is not null" + "".join(f" and {earlier} is null" for earlier in ranks[:place])
        yield f"""
            select {run_id} from {tables} on run.id = {run_id} where {named} and {known} and {where}
            order by {rank} {way}, {run_id} {way} limit :limit
        """
    any_known = " or ".join(f"{rank} is not null" for rank in ranks)
    yield f"""
        select run.id from run where {where} and not exists (select 1 from {table} where {run_id} = run.id and {named} and ({any_known}))
        order by run.started_at desc, run.id desc limit :limit
    """


def _are_few(db: sqlite3.Connection, choice: _Choice, limit: int) -> bool:
    """Whether looking up every run asked for is cheaper than walking through the values of all runs until enough of them are found.

    m of n runs take m lookups the one way and about limit * n / m the other, so m up to sqrt(limit * n) are few.
    """
    if limit < 0:
        return True
    every = db.execute("select coalesce(sum(last_number), 0) from experiment").fetchone()[0]
    bound = math.isqrt(limit * every) + 1
    query = f"select count(*) from (select 1 from run where {choice.where()} limit :bound)"
    return bool(db.execute(query, choice.values(bound=bound)).fetchone()[0] < bound)


def _runs_before(db: sqlite3.Connection, run_ids: Sequence[str]) -> dict[str, str]:
    """For each run, the nearest earlier one of its experiment that is shown."""
    rows = db.execute(
        """
        select run.id, (
            select earlier.id from run as earlier
            where earlier.experiment_id = run.experiment_id and earlier.number < run.number order by earlier.number desc limit 1
        )
        from run where run.id in (select value from json_each(:ids)) and run.number is not null
        """,
        {"ids": json.dumps(list(run_ids))},
    )
    return {run_id: earlier for run_id, earlier in rows if earlier is not None}
