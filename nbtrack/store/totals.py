"""How much a store holds: counts and bytes."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreTotals:
    """Counts of what is shown; ``points`` are metric points, ``size_bytes`` database and body files without the journal."""

    runs: int
    experiments: int
    sessions: int
    executions: int
    metrics: int
    points: int
    artifacts: int
    size_bytes: int


def store_totals(db: sqlite3.Connection) -> StoreTotals:
    """Count what the store holds."""
    row = db.execute(
        """
        select (select count(*) from run where hidden = 0), (select count(*) from experiment where last_number > 0),
            (select count(*) from session), (select count(*) from execution), (select count(*) from metric),
            (select coalesce(sum(count), 0) from metric), (select count(*) from artifact),
            (select page_count * page_size from pragma_page_count(), pragma_page_size())
                + (select coalesce(sum(stored_bytes), 0) from blob where body is null)
        """
    ).fetchone()
    return StoreTotals(*row)
