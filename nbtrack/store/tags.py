"""Tags of runs and later of other things: TAGS in; values and keys out."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from nbtrack.store.batch import storable
from nbtrack.store.lifecycle import ensure_run
from nbtrack.store.scope import Scope, id_of


def write_tags(scope: Scope, head: dict[str, Any]) -> None:
    """Set tags of a run; null removes one."""
    at = scope.at(head)
    run_id = ensure_run(scope, id_of(head, "run"), at)
    for key, value in head["values"].items():
        named = {"run": run_id, "key": storable(key), "value": None if value is None else storable(str(value)), "at": at}
        if value is None:
            scope.db.execute("delete from tag where entity = 'run' and entity_id = :run and key = :key and at <= :at", named)
        else:
            scope.db.execute(
                """
                insert into tag (entity, entity_id, key, value, at) values ('run', :run, :key, :value, :at)
                on conflict (entity, entity_id, key) do update set value = excluded.value, at = excluded.at where excluded.at >= tag.at
                """,
                named,
            )


def values_of(db: sqlite3.Connection, run_ids: str) -> dict[str, dict[str, str]]:
    """Read the tags of many runs at once; ``run_ids`` is a JSON array."""
    found: dict[str, dict[str, str]] = {}
    for run_id, key, value in db.execute(
        """
        select entity_id, key, value from tag
        where entity = 'run' and entity_id in (select value from json_each(:ids)) order by entity_id, key
        """,
        {"ids": run_ids},
    ):
        found.setdefault(run_id, {})[key] = value
    return found


def of_run(db: sqlite3.Connection, run_id: str) -> dict[str, str]:
    """Read the tags of one run."""
    return values_of(db, json.dumps([run_id])).get(run_id, {})


def keys(db: sqlite3.Connection) -> list[str]:
    """List the keys of all tags of runs."""
    return [key for (key,) in db.execute("select distinct key from tag where entity = 'run' order by key")]
