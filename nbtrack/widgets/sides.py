"""What people name when they compare: a file, a document, a checkpoint, a time, a run, nothing at all; two sides to compare out.

A side that is a file costs no store: comparing two files opens none.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.diffing.reading import read_document
from nbtrack.errors import BadNotebook, StoreMissing, UnknownCheckpoint, UsageError
from nbtrack.notebooks import references
from nbtrack.notebooks.documents import load_document
from nbtrack.records import Checkpoint, RunRecord
from nbtrack.store import checkpoints, runs
from nbtrack.store.ids import wall_ms
from nbtrack.tracking.run import Run

if TYPE_CHECKING:
    import sqlite3

    from nbtrack.tracking.session import Session

Given = Any  # a reference, a path, JSON text, a dict, a run or None
NOW = "now"
_MOST_NAMES = 500


@dataclass(frozen=True, slots=True)
class Side:
    """One side: its document, what it is called, whose notebook it is; the checkpoint it comes from, None for a file or a dict."""

    name: str
    document: dict[str, Any]
    path: str | None = None
    checkpoint: Checkpoint | None = None

    @property
    def is_file(self) -> bool:
        """Whether this is the notebook as its file holds it."""
        return self.checkpoint is None and self.path is not None


@dataclass(frozen=True)
class Reader:
    """Reads sides in one store, seen from one notebook (None in a shell). ``say`` takes one quiet line, ``now_ms`` tells the time."""

    get_session: Callable[[], Session]
    say: Callable[[str], None]
    now_ms: Callable[[], int] = wall_ms

    def read_two(self, a: Given, b: Given) -> tuple[Side, Side]:
        """Read both sides; ``diff`` says what a missing one means."""
        if a is None and b is not None:
            raise UsageError("diff has a B without an A", "Give A first: a checkpoint, a file, a time or a run.")
        if b is None:
            return self._read_one(a)
        left, right = self.read(a, "A"), self.read(b, "B")
        if left.is_file and right.is_file and left.name == right.name:
            return _renamed(left, _as_given(a)), _renamed(right, _as_given(b))
        return left, right

    def read(self, given: Given, place: str = "A", *, notebook: str | None = None) -> Side:
        """Read one side."""
        if isinstance(given, RunRecord | Run):
            return self._checkpoint(given.id, notebook)
        if isinstance(given, Checkpoint):
            return self._stored(lambda db: (given, ""))
        if isinstance(given, str) and given.strip() == NOW:
            return self._now()
        if isinstance(given, os.PathLike) or (isinstance(given, str) and _is_path(given)):
            return read_file(given)
        if isinstance(given, Mapping | bytes) or (isinstance(given, str) and given.lstrip("\ufeff \t\r\n")[:1] == "{"):
            return Side(place, read_document(given, place))
        if isinstance(given, str | int) and not isinstance(given, bool):
            return self._checkpoint(str(given), notebook)
        raise BadNotebook(f"{place} is a {type(given).__name__}, not a notebook", "Give a checkpoint, a notebook's path or dict, or a run.")

    def step(self, side: Side, by: int) -> Side | None:
        """Return the checkpoint that is older (``by`` below 0) or newer than a side's; None where there is none."""
        if side.checkpoint is None:
            return None
        present = side.checkpoint

        def find(db: sqlite3.Connection) -> Checkpoint | None:
            listed = checkpoints.list_checkpoints(db, notebook=present.notebook)
            places = [place for place, one in enumerate(listed) if one.id == present.id]
            wanted = places[0] - by if places else -1
            return listed[wanted] if 0 <= wanted < len(listed) else None

        found = self.get_session().query(find)
        return None if found is None else self._stored(lambda db: (found, ""))

    def _read_one(self, a: Given) -> tuple[Side, Side]:
        """Only A is given, or nothing: B is the notebook as its file is now."""
        if isinstance(a, os.PathLike) or (isinstance(a, str) and _is_path(a) and a.strip() != NOW):
            file, own = read_file(a), self.get_session().notebook
            if own is not None and file.path != real_path(own):
                return file, self._now()
            return self.read("last", notebook=file.path), file
        left = self.read("last" if a is None else a)
        if left.checkpoint is not None and Path(left.checkpoint.notebook).exists():
            return left, self._named_now(read_file(left.checkpoint.notebook))
        return left, self._now()

    def _now(self) -> Side:
        notebook = self.get_session().notebook
        if notebook is None:
            raise UsageError("nobody knows which notebook this is", "Name two: a file, a checkpoint, a time or a run each.")
        return self._named_now(read_file(notebook))

    def _named_now(self, side: Side) -> Side:
        return Side(NOW, side.document, side.path)

    def _checkpoint(self, ref: str, notebook: str | None = None) -> Side:
        session = self.get_session()
        narrow = notebook or session.notebook

        def resolve(db: sqlite3.Connection) -> tuple[Checkpoint, str]:
            try:
                return references.resolve(db, ref, now_ms=self.now_ms(), notebook=narrow)
            except UnknownCheckpoint as error:
                if error.near:
                    raise
                raise UnknownCheckpoint(ref, _known(db, narrow), error.hint) from None

        try:
            return self._stored(resolve)
        except StoreMissing:
            raise UnknownCheckpoint(ref, _files_here(), "The first checkpoint appears with the next save or run.") from None

    def _stored(self, find: Callable[[sqlite3.Connection], tuple[Checkpoint, str]]) -> Side:
        session = self.get_session()

        def load(db: sqlite3.Connection) -> tuple[Checkpoint, str, dict[str, Any]]:
            found, remark = find(db)
            return found, remark, load_document(session.location, db, found)

        checkpoint, remark, document = session.query(load)
        if remark:
            self.say(remark)
        return Side(name_checkpoint(checkpoint, self.now_ms()), document, checkpoint.notebook, checkpoint)


def read_file(path: str | os.PathLike[str]) -> Side:
    """Read a notebook's file; it is called by its file name."""
    file = Path(path).expanduser()
    return Side(file.name, read_document(file, "file"), real_path(file))


def name_checkpoint(checkpoint: Checkpoint, now_ms: int) -> str:
    """``yesterday 17:42``, with the name that a person gave: ``before the cleanup, 12 Nov 10:47``."""
    moment = tell_moment(checkpoint.at, now_ms)
    return f"{checkpoint.message}, {moment}" if checkpoint.message else f"{moment} ({checkpoint.short_id})"


def tell_moment(at_ms: int, now_ms: int) -> str:
    """Say a moment as people do: ``17:42``, ``yesterday 17:42``, ``12 Nov 17:42``, ``12 Nov 2025 17:42``."""
    at, now = (datetime.fromtimestamp(one / 1000, UTC).astimezone() for one in (at_ms, now_ms))
    clock = f"{at:%H:%M}"
    if at.date() == now.date():
        return clock
    if at.date() == (now - timedelta(days=1)).date():
        return f"yesterday {clock}"
    return f"{at.day} {at:%b} {clock}" if at.year == now.year else f"{at.day} {at:%b %Y} {clock}"


def real_path(path: str | os.PathLike[str]) -> str:
    """Return the one path of a file, links followed."""
    return os.path.realpath(Path(path).expanduser())


def _is_path(given: str) -> bool:
    text = given.strip()
    if not text or "\n" in text or text[:1] == "{":
        return False
    if text.lower().endswith(".ipynb") or text == os.devnull:
        return True
    try:
        return (os.sep in text or "." in text) and Path(text).expanduser().is_file()
    except (OSError, ValueError):
        return False


def _as_given(given: Given) -> str:
    return os.fspath(given) if isinstance(given, str | os.PathLike) else str(given)


def _renamed(side: Side, name: str) -> Side:
    return Side(name, side.document, side.path, side.checkpoint)


def _known(db: sqlite3.Connection, notebook: str | None) -> list[str]:
    """List what a mistyped reference may have meant: words, names of checkpoints, of runs, files beside."""
    listed = checkpoints.list_checkpoints(db, notebook=notebook, limit=_MOST_NAMES)
    named = [one.message for one in listed if one.message]
    return ["last", NOW, "yesterday", *named, *runs.names(db, _MOST_NAMES), *_files_here()]


def _files_here() -> list[str]:
    return [path.name for path in sorted(Path.cwd().glob("*.ipynb"))[:_MOST_NAMES]]
