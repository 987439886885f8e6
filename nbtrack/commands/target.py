"""Which run a verb means: a named one, the one this place feeds, or the last; and reading a store that may not exist yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from nbtrack import config
from nbtrack.commands.door import Door
from nbtrack.errors import StoreMissing, UsageError
from nbtrack.tracking.run import Run

if TYPE_CHECKING:
    import sqlite3

T = TypeVar("T")


def query(door: Door, function: Callable[[sqlite3.Connection], T], *, empty: T) -> T:
    """Read the store; ``empty`` when nothing was ever recorded here."""
    try:
        return door.get_session().query(function)
    except StoreMissing:
        return empty


def run_to_fill(door: Door, ref: str | None, *, metric: bool = False) -> Run:
    """Return the run that values go to.

    The named one; else, in a notebook, the one that this cell feeds; else the run that the parent process opened (``NBTRACK_RUN``); else
    the last run of the store, said in one line.
    """
    session = door.get_session()
    if ref is not None:
        return session.join_run(find_run_id(door, ref))
    if door.kind == "notebook":
        return session.metric_run() if metric else session.value_run()
    inherited = config.inherited_run()
    if inherited is not None:
        return session.join_run(inherited)
    last = session.join_run(find_run_id(door, "last"))
    door.say(f"nbtrack: no run named, so the last one: {last.name} (--run RUN names another)")
    return last


def find_run_id(door: Door, ref: str) -> str:
    """Return the id behind a reference; raises ``UnknownRun`` with near names, also where no store exists."""
    try:
        return door.get_session().find_run_id(ref)
    except StoreMissing:
        from nbtrack.errors import UnknownRun

        raise UnknownRun(ref, (), f"Nothing was recorded here yet. {door.program} says which store this is.") from None


def refuse_empty(text: str, what: str, how: str) -> None:
    """Raise ``UsageError`` when a text that must say something says nothing."""
    if not text.strip():
        raise UsageError(what, how)
