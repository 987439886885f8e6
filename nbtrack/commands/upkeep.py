"""Looking after a store from the shell: ``sql``, ``fsck``, ``gc``, ``backup``."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from nbtrack.commands.door import Door
from nbtrack.commands.grammar import SHELL, verb
from nbtrack.commands.target import refuse_empty
from nbtrack.config import StoreLocation
from nbtrack.errors import UsageError
from nbtrack.store import backup as backups
from nbtrack.store import check, garbage
from nbtrack.store import sql as queries
from nbtrack.views import words
from nbtrack.views.message import Message
from nbtrack.views.table import Cell, Column, Table
from nbtrack.views.view import Verbatim, View

SECTION = "Looking after the store"
_SHOWN_ROWS = 1000
_LISTED_FILES = 40
_PATIENCE_S = 60.0


@verb(
    "sql",
    "Ask the store's database, read-only",
    usage='"select ..." [--csv | --json]',
    section=SECTION,
    example='sql "select name, state from run order by started_at desc limit 5"',
    doors=SHELL,
    elsewhere='In a cell: !nbtrack sql "select ..."',
)
@click.argument("text", nargs=-1, required=True, metavar="SELECT")
@click.option("--csv", "as_csv", is_flag=True, help="print all rows as CSV, with a head")
@click.option("--json", "as_json", is_flag=True, help="print all rows as a JSON list of objects")
def sql(door: Door, text: tuple[str, ...], as_csv: bool, as_json: bool) -> View:
    """Run one query."""
    if as_csv and as_json:
        raise UsageError("--csv and --json exclude each other", "Choose one.")
    query = " ".join(text)
    refuse_empty(query, "an empty query", 'Write nbtrack sql "select ...".')
    limit = None if as_csv or as_json else _SHOWN_ROWS + 1
    columns, rows = queries.run_sql(_gathered(door), query, limit=limit)
    if as_csv:
        return Verbatim(_csv(columns, rows))
    if as_json:
        names = _unlike(columns)
        return Verbatim(json.dumps([dict(zip(names, map(_plain, row), strict=True)) for row in rows], ensure_ascii=False, indent=1))
    shown = tuple(tuple(_cell(value) for value in row) for row in rows[:_SHOWN_ROWS])
    foot = words.plural(len(shown), "row") + (", there are more: --csv prints all" if len(rows) > _SHOWN_ROWS else "")
    heads = tuple(
        Column(name, right=bool(rows) and all(isinstance(row[place], (int, float)) or row[place] is None for row in rows))
        for place, name in enumerate(columns)
    )
    return Table(heads, shown, label="Rows", foot=foot, empty="No row.")


@verb("fsck", "Check the whole store: files, rows, sums", usage="[--repair]", section=SECTION, example="fsck --repair", doors=SHELL)
@click.option("--repair", is_flag=True, help="mend what can be mended without losing a value")
def fsck(door: Door, repair: bool) -> Table:
    """Check the store; the exit status is 1 when something is left unmended."""
    report = check.check_store(_gathered(door), repair=repair)
    checked = ", ".join(f"{words.count(count)} {what}" for what, count in report.checked.items())
    rows = tuple(
        (Cell(one.kind), Cell(one.what), Cell("mended", "better") if one.mended else Cell("open", "worse")) for one in report.findings
    )
    left = sum(not one.mended for one in report.findings)
    foot = f"checked {checked}" + (" · fsck --repair mends what can be mended" if left and not repair else "")
    columns = (Column("finding"), Column("what", wraps=True), Column("state"))
    return Table(columns, rows, label="Findings", foot=foot, empty=f"No fault found; checked {checked}.", status=1 if left else 0)


@verb(
    "gc", "List what nothing refers to any more; --apply removes it", usage="[--apply]", section=SECTION, example="gc --apply", doors=SHELL
)
@click.option("--apply", is_flag=True, help="remove it; otherwise it is listed only")
def gc(door: Door, apply: bool) -> View:
    """Collect old checkpoints but the last of each day, and unreferenced bodies older than a day."""
    session = door.get_session()
    report = garbage.collect(_gathered(door), apply=apply, keep_days=session.settings.checkpoint_keep_days)
    if not report.files and not report.rows and not report.checkpoints:
        return Message("nothing to remove: every body belongs to something, or is younger than a day")
    told = [words.plural(report.checkpoints, "old checkpoint")] if report.checkpoints else []
    told += [words.plural(len(report.files), "file")] if report.files else []
    told += [words.plural(report.rows, "body in the database", "bodies in the database")] if report.rows else []
    said = f"{' and '.join(told)}" + (f", {words.size(report.size_bytes)}" if report.size_bytes else "")
    if report.applied:
        return Message(f"removed {said}")
    rows = tuple((Cell(path),) for path in report.files[:_LISTED_FILES])
    more = f" · {words.count(len(report.files) - _LISTED_FILES)} files not listed" if len(report.files) > _LISTED_FILES else ""
    foot = f"could be removed: {said}{more} · nbtrack gc --apply removes it"
    return Table((Column("file"),), rows, label="Unreferenced", foot=foot) if rows else Message(foot)


@verb(
    "backup", "Write a complete, checked copy of the store", usage="TARGET", section=SECTION, example="backup ../churn-backup", doors=SHELL
)
@click.argument("target", metavar="TARGET")
def backup(door: Door, target: str) -> Message:
    """Back the store up."""
    report = backups.back_up(_gathered(door), Path(target).expanduser())
    said = f"{words.plural(report.runs, 'run')} and {words.plural(report.bodies, 'file')}, {words.size(report.size_bytes)}"
    more = "It was checked; restore it by putting it in the place of the store."
    if report.problem or report.waiting_bytes:
        more = f"{words.size(report.waiting_bytes)} still wait in journals and are not in it. {report.problem}".strip()
    return Message(f"backed up into {report.folder}: {said}", more)


def _gathered(door: Door) -> StoreLocation:
    """Return the store with what waits in journals brought in, that of killed processes too; what cannot go in stays where it is."""
    session = door.get_session()
    session.writer.flush(_PATIENCE_S, everyone=True)
    return session.location


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_plain(value) if isinstance(value, bytes) else value for value in row] for row in rows)
    return out.getvalue()


def _unlike(columns: Sequence[str]) -> list[str]:
    """Tell columns of the same name apart, as an object needs: ``id``, ``id_2``."""
    return [name if name not in columns[:place] else f"{name}_{columns[:place].count(name) + 1}" for place, name in enumerate(columns)]


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _cell(value: Any) -> Cell:
    if value is None:
        return Cell("null", "muted")
    if isinstance(value, bytes):
        return Cell(f"{words.size(len(value))} of bytes", "muted", title=value[:40].hex())
    return Cell(str(value))


VERBS = (sql, fsck, gc, backup)
