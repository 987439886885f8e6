"""Checkpoints that may go: those of old days but the last of each day, never one of a run, with a name, or the newest of its notebook."""

from __future__ import annotations

import json
import sqlite3

from nbtrack.store import checkpoints, search_index

DAY_MS = 86_400_000


def find_old(db: sqlite3.Connection, *, keep_days: int, now_ms: int) -> list[int]:
    """List the checkpoints (row numbers) that gc removes: all of the last ``keep_days`` days stay, of the days before the last one.

    A day at least stays whole: a kernel may still name bodies that it sent for a state of the last hours.
    """
    before = now_ms - max(keep_days, 1) * DAY_MS
    rows = db.execute(
        """
        select n from (
            select n, seen_at, reason, message, run_id,
                row_number() over (partition by notebook_id, at / :day order by at desc, n desc) as place_in_day,
                row_number() over (partition by notebook_id order by at desc, n desc) as place
            from checkpoint
        ) as placed
        where seen_at < :before and place > 1 and place_in_day > 1 and message is null and reason <> 'manual' and run_id is null
            and not exists (select 1 from checkpoint_run where checkpoint_n = placed.n)
        order by n
        """,
        {"before": before, "day": DAY_MS},
    )
    return [int(n) for (n,) in rows]


def remove(db: sqlite3.Connection, numbers: list[int]) -> int:
    """Remove checkpoints, the cell states that no other holds, and their words; returns how many states went. Bodies: see ``garbage``."""
    if not numbers:
        return 0
    given = {"numbers": json.dumps(numbers)}
    notebooks = db.execute(
        "select distinct notebook_id from checkpoint where n in (select value from json_each(:numbers)) order by 1", given
    ).fetchall()
    for n in numbers:  # what came after a checkpoint that goes now comes after the one before it
        db.execute(
            """
            update checkpoint set parent_id = (select parent_id from checkpoint as gone where gone.n = :n)
            where parent_id = (select id from checkpoint as gone where gone.n = :n)
            """,
            {"n": n},
        )
    db.execute("delete from checkpoint where n in (select value from json_each(:numbers))", given)
    return sum(_tidy(db, int(notebook_id)) for (notebook_id,) in notebooks)


def _tidy(db: sqlite3.Connection, notebook_id: int) -> int:
    """Set anew where each cell state of a notebook begins and ends; drop those that stand nowhere any more."""
    spans: dict[int, tuple[int, int]] = {}
    order = [n for n, _ in checkpoints.numbers_of(db, notebook_id)]
    newest: set[int] = set()
    for n in order:
        newest = set(checkpoints.read_rows(db, n)[1].ids)
        for state_id in newest:
            spans[state_id] = (spans.get(state_id, (n, n))[0], n)
    known = {int(one) for (one,) in db.execute("select id from cell_state where notebook_id = :id", {"id": notebook_id}).fetchall()}
    db.executemany(
        "update cell_state set first_n = :first, last_n = :last where id = :id",
        [{"id": one, "first": first, "last": None if one in newest else last} for one, (first, last) in spans.items()],
    )
    gone = sorted(known - spans.keys())
    texts = set()
    for state_id in gone:
        texts |= {int(one) for (one,) in db.execute("select text_id from cell_text where state_id = :id", {"id": state_id}).fetchall()}
        db.execute("delete from cell_text where state_id = :id", {"id": state_id})
        db.execute("delete from cell_state where id = :id", {"id": state_id})
    used = "select 1 from cell_text where text_id = :id union all select 1 from search_text where id = :id and execution_id is not null"
    search_index.drop_texts(db, [one for one in sorted(texts) if db.execute(used, {"id": one}).fetchone() is None])
    return len(gone)
