"""The timeline of a notebook: its checkpoints in; lines with what changed in a few words each, saves in between folded, out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from nbtrack.config import StoreLocation
from nbtrack.diffing import CellDiff, NotebookDiff, diff_notebooks
from nbtrack.diffing.words import counted, label_of
from nbtrack.errors import BadNotebook, StoreCorrupt
from nbtrack.notebooks.documents import Shelf
from nbtrack.records import Checkpoint, TimelineEntry
from nbtrack.store.checkpoints import list_checkpoints

if TYPE_CHECKING:
    import sqlite3

LIMIT = 60
_FOLD_MS = 15 * 60_000  # saves not further apart are one stretch of work
_LABELS = 4
_QUIET = ("save", "changed outside")


@dataclass(frozen=True, slots=True)
class _Step:
    """One checkpoint and its difference to the one before; None for the first, and where one of both cannot be read."""

    checkpoint: Checkpoint
    before: Checkpoint | None
    diff: NotebookDiff | None
    words: str = ""

    @property
    def quiet(self) -> bool:
        """A save that nobody named and no run belongs to."""
        if self.diff is None:
            return False
        return self.checkpoint.reason in _QUIET and not self.checkpoint.message and not self.checkpoint.runs and self.before is not None

    @property
    def real(self) -> bool:
        """Whether more than noise changed."""
        return self.diff is None or self.diff.changed


def read_timeline(
    location: StoreLocation, db: sqlite3.Connection, *, notebook: str, limit: int = LIMIT, fold: bool = True
) -> list[TimelineEntry]:
    """Return the timeline of the notebook that is or was at a path, the newest line first, over its ``limit`` newest checkpoints.

    Consecutive saves are one line when nothing real changed in them, or when they are one stretch of work (unless ``fold`` is off).
    """
    found = list_checkpoints(db, notebook=notebook, limit=limit + 1)
    shelf = Shelf(location, db)
    steps = [_step(shelf, one, found[place + 1] if place + 1 < len(found) else None) for place, one in enumerate(found[:limit])]
    return [_entry(shelf, group) for group in (_groups(steps) if fold else [[step] for step in steps])]


def _step(shelf: Shelf, checkpoint: Checkpoint, before: Checkpoint | None) -> _Step:
    if before is None:
        return _Step(checkpoint, None, None, _first(checkpoint))
    try:
        return _Step(checkpoint, before, compare(shelf, before, checkpoint))
    except BadNotebook:
        return _Step(checkpoint, before, None, _unreadable(checkpoint, before))
    except StoreCorrupt as error:
        return _Step(checkpoint, before, None, f"Cannot be compared: {error.message}")


def compare(shelf: Shelf, a: Checkpoint, b: Checkpoint) -> NotebookDiff:
    """Compare two checkpoints. Raises ``BadNotebook`` where one was no notebook."""
    one, other = shelf.document(a), shelf.document(b)
    return diff_notebooks(one, other, a_hashes=shelf.hashes(a), b_hashes=shelf.hashes(b))


def _first(checkpoint: Checkpoint) -> str:
    if checkpoint.format is None:
        return "First checkpoint: a file that is no notebook"
    return f"First checkpoint: {checkpoint.cells} cell{'' if checkpoint.cells == 1 else 's'}"


def _unreadable(checkpoint: Checkpoint, before: Checkpoint) -> str:
    if checkpoint.format is None:
        return "The file was no notebook: kept byte by byte"
    return "A notebook again" if before.format is None else "Cannot be compared"


def _groups(steps: list[_Step]) -> list[list[_Step]]:
    """Fold quiet steps: those without real change with each other, those with one while they follow closely."""
    groups: list[list[_Step]] = []
    for step in steps:
        last = groups[-1] if groups else None
        if last is not None and step.quiet and last[-1].quiet and _belongs(last, step):
            last.append(step)
        else:
            groups.append([step])
    return groups


def _belongs(group: list[_Step], step: _Step) -> bool:
    has_real = any(one.real for one in group)
    if not has_real and not step.real:
        return True
    return has_real and group[-1].checkpoint.at - step.checkpoint.at <= _FOLD_MS


def _entry(shelf: Shelf, group: list[_Step]) -> TimelineEntry:
    taken = tuple(step.checkpoint for step in group)
    if len(group) == 1:
        step = group[0]
        if step.diff is None:
            return TimelineEntry(taken, step.words)
        return TimelineEntry(taken, _told(step), step.real, *_sizes(step.diff))
    before = group[-1].before
    assert before is not None, "the first checkpoint is in no fold"
    if not any(step.real for step in group):
        kinds: dict[str, None] = {}
        for step in group:
            kinds.update(dict.fromkeys(step.diff.noise if step.diff is not None else ()))
        return TimelineEntry(taken, f"{len(group)} saves without real change", real=False, cells=tuple(kinds))
    diff = compare(shelf, before, group[0].checkpoint)
    changed = [cell for cell in diff.cells if cell.kind not in ("unchanged", "noise only")]
    if len(changed) < 2:
        words = f"{len(group)} saves: {diff.words}" if changed else f"{len(group)} saves, back where they began"
    else:
        words = f"{len(group)} saves, {_counted(changed)}"
    return TimelineEntry(taken, words, bool(changed), *_sizes(diff), tuple(label_of(cell) for cell in changed))


def _told(step: _Step) -> str:
    assert step.diff is not None
    changed = [cell for cell in step.diff.cells if cell.kind not in ("unchanged", "noise only")]
    labels = " ".join(label_of(cell) for cell in changed[:_LABELS]) + (" …" if len(changed) > _LABELS else "")
    if step.checkpoint.reason == "changed outside" and changed:
        return f"Changed outside Jupyter: {labels}"
    if step.diff.words != counted(step.diff.cells) or not changed:
        return step.diff.words
    return f"{labels} edited" if all(cell.kind == "edited" for cell in changed) else f"{_counted(changed)}: {labels}"


def _counted(changed: list[CellDiff]) -> str:
    told: list[str] = []
    for kinds, word in ((("edited", "output only"), "edited"), (("added",), "added"), (("removed",), "removed"), (("moved",), "moved")):
        number = sum(cell.kind in kinds for cell in changed)
        if number:
            told.append(f"{number} {'' if told else 'cell ' if number == 1 else 'cells '}{word}")
    return ", ".join(told)


def _sizes(diff: NotebookDiff) -> tuple[int, int, int]:
    """Count the lines of text that came and went, and the outputs that changed."""
    added = removed = outputs = 0
    for cell in diff.cells:
        if cell.kind == "added" and cell.b is not None:
            added += len(cell.b.source.splitlines())
        elif cell.kind == "removed" and cell.a is not None:
            removed += len(cell.a.source.splitlines())
        elif cell.source is not None:
            added, removed = added + cell.source.added, removed + cell.source.removed
        outputs += sum(output.kind in ("changed", "added", "removed") for output in cell.outputs)
    return added, removed, outputs
