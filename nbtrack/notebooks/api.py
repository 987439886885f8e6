"""The public functions of checkpoints and search: arguments in, the session of this process asked, records and tables out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.errors import NbtrackError, StoreError, StoreMissing, UsageError
from nbtrack.notebooks.boundary import Boundary
from nbtrack.notebooks.take import Cause, Taken, real_path
from nbtrack.records import CellState, Checkpoint, Restored
from nbtrack.store.checkpoints import list_checkpoints
from nbtrack.tracking.session import Session, current

if TYPE_CHECKING:
    import sqlite3

    import pandas

_COLUMNS = ("id", "at", "reason", "message", "words", "added", "removed", "outputs", "run", "unsaved", "cells", "size_bytes", "notebook")
_HIT_COLUMNS = ("kind", "line", "notebook", "cell", "at", "present", "older", "checkpoint", "run")
_MOST_CHECKPOINTS = 1000


def checkpoint(message: str | None = None) -> Checkpoint:
    """Keep the notebook as it is now: the file, and what ran since it was saved.

    ``message`` names it, and what is named gc never removes. Without one, a state that equals the newest checkpoint makes no second one.
    Raises ``UsageError`` when no notebook is known here, ``StoreError`` when the store could not take it.

    >>> nbtrack.checkpoint("before the feature clean-up").short_id
    '8d1c02f4'
    """
    return keep(current(), message)


def checkpoints(path: str | Path | None = None) -> pandas.DataFrame:
    """Return the checkpoints of a notebook as a DataFrame, newest first, each with what changed in a few words.

    ``path`` is where the notebook is, or was before it was renamed or deleted; this notebook when None, in a script all of the store.
    """
    import pandas

    session = current()
    wanted = place_of(session, path)

    def read(db: sqlite3.Connection) -> list[tuple[Any, ...]]:
        from nbtrack.notebooks.timeline import read_timeline
        from nbtrack.store.notebooks import list_notebooks

        paths = [wanted] if wanted is not None else [one.path for one in list_notebooks(db)]
        entries = [
            entry for one in paths for entry in read_timeline(session.location, db, notebook=one, limit=_MOST_CHECKPOINTS, fold=False)
        ]
        return [
            (
                entry.newest.id, entry.newest.at, entry.newest.reason, entry.newest.message, entry.words, entry.added, entry.removed,
                entry.outputs, entry.newest.runs[0].run_id if entry.newest.runs else None, entry.newest.unsaved, entry.newest.cells,
                entry.newest.size_bytes, entry.newest.notebook,
            )
            for entry in sorted(entries, key=lambda entry: (entry.newest.at, entry.newest.id), reverse=True)
        ]  # fmt: skip

    table = pandas.DataFrame(_query(session, read, []), columns=list(_COLUMNS))
    table["at"] = pandas.to_datetime(table["at"], unit="ms", utc=True)
    return table


def restore(ref: str, *, cell: str | None = None, path: str | Path | None = None, force: bool = False) -> Restored:
    """Write a checkpoint back as the notebook's file, whole or one cell of it; the present state is kept as a checkpoint first.

    Parameters
    ----------
    ref : an id or its last digits, ``last``, ``last~2``, the name it was given, a time (``yesterday 17:42``, ``2 hours ago``), a run.
    cell : ``[5]`` (execution count), a place or an id: only this cell is put back.
    path : the file to write; where the notebook is, or was last, when None.
    force : write over the file even while a kernel runs it, when its front end may hold unsaved edits. Otherwise a file is written beside.

    Raises ``UnknownCheckpoint`` and ``UnknownCell`` with near ones; nothing was changed then.
    """
    return put_back(current(), ref, cell=cell, path=path, force=force)


def history(cell: str, *, path: str | Path | None = None) -> tuple[CellState, ...]:
    """Return every state that one cell of this notebook had, the newest first, with its outputs.

    ``cell`` is ``[5]`` (its execution count), its place or its id; ``path`` names another notebook. Raises ``UnknownCell``.

    >>> [state.source for state in nbtrack.history("[5]")]
    ['learning_rate = 0.003', 'learning_rate = 0.01']
    """
    from nbtrack.notebooks.history import cell_history

    session = current()
    wanted = place_of(session, path)
    if wanted is None:
        raise UsageError("no notebook is known here", "Give its path: nbtrack.history(cell, path=...).")
    return session.query(lambda db: cell_history(session.location, db, wanted, str(cell)))


def search(text: str, *, kind: str | None = None, limit: int = 50) -> pandas.DataFrame:
    """Search code, outputs, errors and notes of all notebooks and all their checkpoints; best match first.

    All words must occur, each as it begins; whatever is typed is text, never syntax. ``kind`` is ``code``, ``text`` (markdown),
    ``output``, ``error`` or ``note``.
    """
    import pandas

    from nbtrack.store.search import search as find

    session = current()
    result = _query(session, lambda db: find(db, text, kind=kind, limit=limit), None)
    rows = [
        (
            hit.kind, hit.line, hit.notebook, hit.cell_id, hit.at, hit.present, hit.older, hit.checkpoint.id if hit.checkpoint else None,
            hit.run_id,
        )
        for hit in (result.hits if result is not None else ())
    ]  # fmt: skip
    table = pandas.DataFrame(rows, columns=list(_HIT_COLUMNS))
    table["at"] = pandas.to_datetime(table["at"], unit="ms", utc=True)
    return table


# -- what the verbs share --------------------------------------------------------------------------------------------------------------


def keep(session: Session, message: str | None, path: str | Path | None = None) -> Checkpoint:
    """Take a checkpoint by hand: of the session's notebook, else of the file at a path."""
    cause = Cause("manual", message or None, session_id=session.id if session.kind == "kernel" else None, author=session.user or None)
    boundary = Boundary(session)
    try:
        taken = boundary.take(cause) if path is None else boundary.taker.take_file(path, cause)
    except OSError as error:
        raise NbtrackError(f"{path or session.notebook} cannot be read: {error.strerror or error}", "Is it the right path?") from error
    if taken is None:
        raise _refusal(session, path)
    return _recorded(session, taken)


def put_back(session: Session, ref: str, *, cell: str | None = None, path: str | Path | None = None, force: bool = False) -> Restored:
    """Restore through the session's writer and redactor."""
    from nbtrack.notebooks.restore import restore as write_back

    running = real_path(session.notebook) if session.kind == "kernel" and session.notebook is not None else None
    return write_back(
        session.writer,
        ref,
        path=path,
        cell=cell,
        force=force,
        taker=Boundary(session).taker,
        notebook=place_of(session, None) if path is None else None,
        running=running,
    )


def place_of(session: Session, path: str | Path | None) -> str | None:
    """The notebook that is meant: the one named, else the session's, else none."""
    if path is not None:
        return real_path(path)
    return real_path(session.notebook) if session.notebook is not None else None


def _recorded(session: Session, taken: Taken) -> Checkpoint:
    """Find the checkpoint that a state became."""
    if not session.writer.flush(30.0):
        problem = session.writer.health().problem or f"{session.location.folder} could not be written in time"
        raise StoreError(session.location.folder, problem, "The checkpoint waits in the journal; nothing is lost.")
    found = session.query(lambda db: list_checkpoints(db, notebook=taken.notebook, limit=20))
    for one in found:
        if one.state == taken.state:
            return one
    raise StoreError(session.location.folder, "the checkpoint did not arrive in the store", "nbtrack fsck says more.")


def _refusal(session: Session, path: str | Path | None) -> UsageError:
    if path is not None:
        return UsageError(f"there is no notebook at {str(path)!r}, or it is empty", "Give the path of a saved notebook.")
    if session.notebook is None:
        return UsageError("the path of this notebook is not known", "Set it: %track config notebook.path=NAME.ipynb")
    return UsageError(f"{session.notebook} is not there, and nothing has run", "Save the notebook first.")


def _query(session: Session, function: Any, nothing: Any) -> Any:
    try:
        return session.query(function)
    except StoreMissing:
        return nothing
