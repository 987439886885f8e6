"""Stored states of notebooks: ``checkpoint``, ``checkpoints``, ``restore``, ``history``; and ``search`` through all of them."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbtrack.commands.door import Door
from nbtrack.commands.grammar import verb
from nbtrack.commands.target import query, refuse_empty
from nbtrack.errors import StoreMissing, UnknownCell, UnknownRun, UsageError
from nbtrack.notebooks import api, outside
from nbtrack.notebooks.history import cell_history
from nbtrack.notebooks.timeline import read_timeline
from nbtrack.records import Checkpoint, Restored, RunRecord, SearchResult, TimelineEntry
from nbtrack.store import notebooks, runs
from nbtrack.store.checkpoints import list_checkpoints
from nbtrack.store.search import search as find
from nbtrack.views import words
from nbtrack.views.cell_history import CellHistoryView
from nbtrack.views.checkpoints import TimelineView, reason_words
from nbtrack.views.message import Message
from nbtrack.views.search import SearchView
from nbtrack.views.words import Clock

if TYPE_CHECKING:
    import sqlite3

SECTION = "Notebooks"
DEFAULT_LIMIT = 40
_SEARCH_LIMIT = 20


@verb(
    "checkpoint",
    "Keep the notebook as it is now; -m names it",
    usage="[NOTEBOOK] [-m TEXT]",
    section=SECTION,
    example="checkpoint -m before the feature clean-up",
    raw="-m",
)
@click.argument("notebook", required=False, metavar="NOTEBOOK")
@click.option("-m", "message", metavar="TEXT", help="its name: the rest of the line, so it comes last; what is named stays for ever")
def checkpoint(door: Door, notebook: str | None, message: str | None) -> Message:
    """Take a checkpoint by hand."""
    session = door.get_session()
    if notebook is None and session.notebook is None and door.kind == "shell":
        raise UsageError("checkpoint needs NOTEBOOK in a terminal", 'Write nbtrack checkpoint churn.ipynb -m "what it is"')
    taken = api.keep(session, (message or "").strip() or None, Path(notebook).expanduser() if notebook else None)
    named = f" {taken.message!r}" if taken.message else ""
    unsaved = "What ran and is not saved yet is in it." if taken.unsaved else ""
    return Message(f"checkpoint {taken.short_id}{named}: {words.plural(taken.cells, 'cell')} of {Path(taken.notebook).name}", unsaved)


@verb(
    "checkpoints",
    "The timeline of the notebook: what changed, when, in which run",
    usage="[NOTEBOOK] [--limit N] [--all]",
    section=SECTION,
    example="checkpoints --limit 10",
)
@click.argument("notebook", required=False, metavar="NOTEBOOK")
@click.option("--limit", type=int, default=DEFAULT_LIMIT, metavar="N", help=f"checkpoints at most; {DEFAULT_LIMIT} otherwise")
@click.option("--all", "unfolded", is_flag=True, help="a line for every checkpoint; otherwise saves between are folded")
def checkpoints(door: Door, notebook: str | None, limit: int, unfolded: bool) -> TimelineView | Message:
    """Show the timeline."""
    if limit < 1:
        raise UsageError(f"--limit {limit} shows nothing", "Write a whole number above zero.")
    session = door.get_session()
    path = _place(door, notebook)
    if path is None:
        return Message("no checkpoint yet", "The first checkpoint appears with the next save or run of a notebook.")
    _look(door, path)

    def read(db: sqlite3.Connection) -> TimelineView:
        found = notebooks.find_notebook(db, path)
        entries = read_timeline(session.location, db, notebook=path, limit=limit, fold=not unfolded)
        at = found.path if found is not None else path
        others = [one for one in notebooks.list_notebooks(db) if one.path != at]
        hint = f"{words.plural(len(others), 'other notebook')}: {door.program} checkpoints NOTEBOOK" if others and notebook is None else ""
        before = tuple(Path(one).name for one, _ in notebooks.paths_of(db, found.id)) if found is not None else ()
        return TimelineView(
            tuple(entries), _shown(at), Clock(door.now_ms()), _runs(db, entries), found.checkpoints if found is not None else 0,
            not os.path.lexists(at), before, hint,
        )  # fmt: skip

    return query(door, read, empty=TimelineView((), _shown(path), Clock(door.now_ms())))


@verb(
    "restore",
    "Write a checkpoint back, whole or one cell; the present state is kept first",
    usage="CHECKPOINT [--cell CELL] [--notebook NOTEBOOK] [--force]",
    section=SECTION,
    example="restore yesterday 17:42 --cell [5]",
)
@click.argument("ref", nargs=-1, required=True, metavar="CHECKPOINT")
@click.option("--cell", metavar="CELL", help="only this cell: [5] (its execution count), its place or its id")
@click.option("--notebook", metavar="NOTEBOOK", help="the file to write; where the checkpoint's notebook is, or was last, otherwise")
@click.option("--force", is_flag=True, help="write over the file even while a kernel runs it; edits that are not saved are lost then")
def restore(door: Door, ref: tuple[str, ...], cell: str | None, notebook: str | None, force: bool) -> Message:
    """Restore; CHECKPOINT is an id, ``last~2``, a name, a time or a run."""
    path = Path(notebook).expanduser() if notebook else None
    done = api.put_back(door.get_session(), " ".join(ref), cell=cell, path=path, force=force)
    return Message(_told(done, cell, Clock(door.now_ms())), _more(done, door))


@verb(
    "history",
    "Every state of one cell, with what it showed",
    usage="CELL [--notebook NOTEBOOK]",
    section=SECTION,
    example="history [5]",
)
@click.argument("cell", nargs=-1, required=True, metavar="CELL")
@click.option("--notebook", metavar="NOTEBOOK", help="of another notebook than this one")
def history(door: Door, cell: tuple[str, ...], notebook: str | None) -> CellHistoryView:
    """Show the history of a cell; CELL is ``[5]`` (its execution count), its place or its id."""
    session = door.get_session()
    path = _place(door, notebook)
    if path is None:
        raise UsageError("no notebook is known here", f"Write {door.program} history {' '.join(cell)} --notebook NAME.ipynb")
    _look(door, path)

    def read(db: sqlite3.Connection) -> CellHistoryView:
        states = cell_history(session.location, db, path, " ".join(cell))
        name = f"[{states[0].count}]" if states[0].count is not None else f"cell {states[0].index + 1}"
        found = _runs_by_id(db, (mark.run_id for state in states for one in (state.first, state.last) for mark in one.runs))
        return CellHistoryView(states, name, Path(path).name, Clock(door.now_ms()), found)

    try:
        return session.query(read)
    except StoreMissing:
        raise UnknownCell(" ".join(cell), hint="The notebook has no checkpoint yet: the first appears with the next save or run.") from None


@verb(
    "search",
    "Search code, outputs, errors and notes of all checkpoints",
    usage="[--kind KIND] [--limit N] TEXT",
    section=SECTION,
    example="search roc_auc",
    raw="text",
)
@click.argument("text", nargs=-1, required=True, metavar="TEXT")
@click.option("--kind", metavar="KIND", help="only code, text (markdown), output, error or note")
@click.option("--limit", type=int, default=_SEARCH_LIMIT, metavar="N", help=f"places at most; {_SEARCH_LIMIT} otherwise")
def search(door: Door, text: tuple[str, ...], kind: str | None, limit: int) -> SearchView:
    """Search; TEXT is the rest of the line as it stands, every word as it begins."""
    wanted = " ".join(text)
    refuse_empty(wanted, "an empty search", f"Write {door.program} search and what to look for.")
    session = door.get_session()
    if session.notebook is not None:
        _look(door, session.notebook)

    def read(db: sqlite3.Connection) -> SearchView:
        began = time.perf_counter()
        result = find(db, wanted, kind=kind, limit=limit)
        took = (time.perf_counter() - began) * 1000
        paths = {hit.notebook for hit in result.hits if hit.notebook}
        found = _runs_by_id(db, (hit.run_id for hit in result.hits if hit.run_id))
        gone = frozenset(path for path in paths if not os.path.lexists(path))
        return SearchView(result, Clock(door.now_ms()), found, {path: _shown(path) for path in paths}, gone, took)

    return query(door, read, empty=SearchView(SearchResult(wanted, (), 0), Clock(door.now_ms())))


def _place(door: Door, notebook: str | None) -> str | None:
    """The notebook that is meant: the one named, else this one, else the one with the newest checkpoint."""
    found = api.place_of(door.get_session(), Path(notebook).expanduser() if notebook else None)
    if found is not None:
        return found
    nothing: list[notebooks.NotebookRecord] = []
    known = query(door, notebooks.list_notebooks, empty=nothing)
    return known[0].path if known else None


def _look(door: Door, path: str) -> None:
    """Take the file if it was changed by another program; what the store knows already is not sent again."""
    nothing: list[Checkpoint] = []
    newest = query(door, lambda db: list_checkpoints(db, notebook=api.place_of(door.get_session(), path), limit=1), empty=nothing)
    outside.look(door.get_session().writer, path, newest=newest[0].state if newest else None)


def _shown(path: str) -> str:
    """Write a notebook's path as seen from here."""
    try:
        near = os.path.relpath(path)
    except ValueError:  # another drive
        return path
    return path if near.startswith(os.pardir) else near


def _runs(db: sqlite3.Connection, entries: Iterable[TimelineEntry]) -> dict[str, RunRecord]:
    return _runs_by_id(db, (mark.run_id for entry in entries for one in entry.checkpoints for mark in one.runs))


def _runs_by_id(db: sqlite3.Connection, ids: Iterable[str]) -> dict[str, RunRecord]:
    found: dict[str, Any] = {}
    for run_id in dict.fromkeys(ids):
        try:
            found[run_id] = runs.get_run(db, run_id)
        except UnknownRun:
            continue
    return found


def _told(done: Restored, cell: str | None, clock: Clock) -> str:
    name = _name(done.checkpoint, clock)
    if cell is not None and not done.cells:
        return f"{done.held_back[0]} of {name} was not restored"
    what = f"cell {done.cells[0] + 1} from {name}" if done.cells else name
    return f"wrote {what} to {_shown(done.path)}" if done.beside else f"restored {what}"


def _name(checkpoint: Checkpoint, clock: Clock) -> str:
    return checkpoint.message or f"{clock.day_moment(checkpoint.at)} ({reason_words(checkpoint)}, {checkpoint.short_id})"


def _more(done: Restored, door: Door) -> str:
    said = []
    if done.beside:
        said.append("The notebook runs in a kernel and may hold unsaved edits, so its file was left alone; --force writes over it.")
    elif done.kept is not None:
        said.append(f"Your present state was kept: {door.program} restore {done.kept.short_id} brings it back.")
    if not done.beside and door.kind == "notebook":
        said.append("Reload the notebook from disk to see it.")
    if done.held_back:
        said.append(
            f"{', '.join(done.held_back)} kept the present text: what is stored lacks a secret that stands nowhere in the present notebook."
        )
    if done.put_back:
        said.append(f"{words.plural(done.put_back, 'secret')} put back from the present notebook.")
    return " ".join(said)


VERBS = (checkpoint, checkpoints, restore, history, search)
