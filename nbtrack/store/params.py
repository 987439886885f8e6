"""Parameters of runs: PARAMS in; values, records and keys out."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from nbtrack.records import Param
from nbtrack.store.batch import storable
from nbtrack.store.lifecycle import ensure_run
from nbtrack.store.scope import Scope, id_of, text_of


def write_params(scope: Scope, head: dict[str, Any]) -> None:
    """Add or change parameters of a run; the one logged later wins."""
    at = scope.at(head)
    run_id = ensure_run(scope, id_of(head, "run"), at)
    marked = head.get("marked") or {}
    source, execution = text_of(head, "source") or "log_param", text_of(head, "execution")
    confidence = float(head.get("confidence", 1.0))
    scope.db.executemany(
        """
        insert into param (run_id, name, value, number, source, confidence, execution_id, marked, at)
        values (:run, :name, :value, :number, :source, :confidence, :execution, :marked, :at)
        on conflict (run_id, name) do update set value = excluded.value, number = excluded.number, source = excluded.source,
            confidence = excluded.confidence, execution_id = excluded.execution_id, marked = excluded.marked, at = excluded.at
            where excluded.at >= param.at
        """,
        [
            {
                "run": run_id, "name": storable(name), "value": storable(json.dumps(value, ensure_ascii=False)), "number": _number(value),
                "source": source, "confidence": confidence, "execution": execution, "marked": text_of(marked, name), "at": at,
            }
            for name, value in head["values"].items()
        ],
    )  # fmt: skip


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def values_of(db: sqlite3.Connection, run_ids: str) -> dict[str, dict[str, Any]]:
    """Read the parameters of many runs at once; ``run_ids`` is a JSON array."""
    found: dict[str, dict[str, Any]] = {}
    # Runs repeat each other's values: reading each text once halves the time of 100,000 values.
    decoded: dict[str, Any] = {}
    current, values = "", {}
    for run_id, name, text in db.execute(
        "select run_id, name, value from param where run_id in (select value from json_each(:ids)) order by run_id, name", {"ids": run_ids}
    ):
        if run_id != current:
            current = run_id
            values = found[run_id] = {}
        if text not in decoded:
            decoded[text] = json.loads(text)
        values[name] = decoded[text]
    return found


def records_of(db: sqlite3.Connection, run_id: str) -> tuple[Param, ...]:
    """Read the parameters of one run with where they came from, by name."""
    rows = db.execute(
        "select name, value, source, confidence, execution_id, marked from param where run_id = :run_id order by name", {"run_id": run_id}
    )
    return tuple(Param(name, json.loads(value), *rest) for name, value, *rest in rows)


def keys(db: sqlite3.Connection) -> list[str]:
    """List the names of all parameters."""
    return [name for (name,) in db.execute(_DISTINCT)]


# Steps from name to name through the index instead of reading every row.
_DISTINCT = """
    with recursive known (name) as (
        select min(name) from param
        union all select (select min(name) from param where param.name > known.name) from known where known.name is not null
    )
    select name from known where name is not null order by name
"""
