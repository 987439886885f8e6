"""Environments, each kept once: ENVIRONMENT in, records out."""

from __future__ import annotations

import json
import sqlite3
from typing import Any

from nbtrack.errors import NotFound
from nbtrack.records import Environment
from nbtrack.store.batch import storable
from nbtrack.store.scope import Scope, id_of, text_of


def write_environment(scope: Scope, head: dict[str, Any]) -> None:
    """Keep an environment; its id stands for what it holds, so a known one is left as it is."""
    facts = dict(head.get("facts") or {})
    git = facts.pop("git", None)
    scope.db.execute(
        """
        insert into environment (id, python, platform, packages, git, facts, at)
        values (:id, :python, :platform, :packages, :git, :facts, :at) on conflict (id) do nothing
        """,
        {
            "id": id_of(head, "id"), "python": text_of(facts, "python") or "", "platform": text_of(facts, "platform") or "",
            "packages": _json(facts.get("packages") or {}), "git": None if git is None else _json(git),
            "facts": _json({key: value for key, value in facts.items() if key not in {"python", "platform", "packages"}}),
            "at": scope.at(head),
        },
    )  # fmt: skip


def _json(value: Any) -> str:
    return storable(json.dumps(value, ensure_ascii=False))


def get_environment(db: sqlite3.Connection, environment_id: str) -> Environment:
    """Return one environment; raises ``NotFound``."""
    row = db.execute("select id, python, platform, packages, git, facts from environment where id = :id", {"id": environment_id}).fetchone()
    if row is None:
        raise NotFound(environment_id, hint="No environment has this id.")
    found, python, platform, packages, git, facts = row
    return Environment(found, python, platform, json.loads(packages), None if git is None else json.loads(git), json.loads(facts))
