"""Hidden state: which cells of a document no longer agree with what ran, and whether a result comes out again from top to bottom."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

from nbtrack.lineage.analysis import analyse
from nbtrack.lineage.fingerprint import fingerprint
from nbtrack.lineage.records import DocumentCell, Executed, OrderVerdict, SliceResult, StaleCell
from nbtrack.lineage.slicer import History
from nbtrack.lineage.words import name_of

_QUIET = ("$mod:", "$parts:", "$env:", "$path", "$cwd", "$folder", "$extensions", "$patched", "$figure", "$any")


def find_stale(document: Sequence[DocumentCell], history: Sequence[Executed]) -> tuple[StaleCell, ...]:
    """Return the cells of a document that ran and no longer agree with the kernel, in document order, with reasons.

    Kinds: ``edited`` (after it ran), ``deleted`` (reads what a cell that is gone defined), ``changed`` (what it read was set again
    since), ``order`` (read what only a cell below it defines), ``upstream`` (reads from a cell that is stale).
    """
    told = _Document(document, history)
    reasons: dict[str, list[tuple[str, str]]] = {}
    for cell in document:
        at = told.last_run.get(cell.id)
        if at is None:
            continue
        found = []
        if told.prints[cell.id] != told.ran_as(at):
            found.append(("edited", "was edited after it ran"))
        found += told.look_at_reads(cell.id, at)
        if found:
            reasons[cell.id] = found
    _spread(document, told, reasons)
    return tuple(
        StaleCell(
            cell.id, tuple(dict.fromkeys(kind for kind, _ in reasons[cell.id])), tuple(dict.fromkeys(text for _, text in reasons[cell.id]))
        )
        for cell in document
        if cell.id in reasons
    )


def judge_order(document: Sequence[DocumentCell], history: Sequence[Executed], found: SliceResult) -> OrderVerdict:
    """Tell whether a slice comes out of the document as it stands.

    ``top to bottom``: running the document's cells in order executes the same code for the target. ``out of order``: all of the code is
    there, but it ran in another order or more than once. ``lost``: some of it was deleted or edited since (``cells`` says which).
    """
    prints: dict[str, list[str]] = {}
    for cell in document:
        prints.setdefault(fingerprint(cell.source), []).append(cell.id)
    by_position = [history[step.position] for step in found.steps]
    ran = [fingerprint(one.analysis.source) for one in by_position]
    lost = tuple(dict.fromkeys(one.cell or one.id for one, code in zip(by_position, ran, strict=True) if code not in prints))
    if lost:
        return OrderVerdict("lost", lost, f"depends on code that was deleted or edited: {', '.join(lost)}")
    straight = _straight_slice(document, found, by_position)
    if straight == ran:
        return OrderVerdict("top to bottom", (), "comes out again when the notebook runs from top to bottom")
    places = {cell.id: at for at, cell in enumerate(document)}
    order = [places.get(one.cell, places[prints[code][0]]) for one, code in zip(by_position, ran, strict=True)]
    odd = tuple(dict.fromkeys(document[now].id for before, now in itertools.pairwise(order) if now <= before))
    return OrderVerdict("out of order", odd, "all of its code is there, but it ran in another order or more than once")


def _straight_slice(document: Sequence[DocumentCell], found: SliceResult, by_position: Sequence[Executed]) -> list[str]:
    """Return the code that a run from top to bottom would execute for the same target."""
    straight = [Executed(cell.id, analyse(cell.source), cell=cell.id) for cell in document]
    last = by_position[-1] if by_position else None
    target = None
    if last is not None and found.steps[-1].reason == "the target":
        wanted = fingerprint(last.analysis.source)
        target = next((cell.id for cell in document if cell.id == last.cell), None)
        target = target or next((cell.id for cell in document if fingerprint(cell.source) == wanted), None)
    done = History(straight).slice_back(found.target, execution=target)
    return [fingerprint(step.source) for step in done.steps]


class _Document:
    """A document beside the history of its kernel."""

    def __init__(self, document: Sequence[DocumentCell], history: Sequence[Executed]) -> None:
        self.places = {cell.id: at for at, cell in enumerate(document)}
        self.prints = {cell.id: fingerprint(cell.source) for cell in document}
        self._known_code = set(self.prints.values())
        self.history = History(history)
        self.last_run: dict[str, int] = {}
        self._ran: dict[int, str] = {}
        for at, one in enumerate(history):
            if one.cell in self.places:
                self.last_run[one.cell] = at

    def ran_as(self, at: int) -> str:
        """Return the fingerprint of what an execution ran."""
        if at not in self._ran:
            self._ran[at] = fingerprint(self.history.executed[at].analysis.source)
        return self._ran[at]

    def look_at_reads(self, cell: str, at: int) -> list[tuple[str, str]]:
        """Say what became of everything that an execution read."""
        found: list[tuple[str, str]] = []
        for name in self.history.reads(at):
            if name.startswith(_QUIET):
                continue
            giver = self.history.giver(name, at)
            if giver is not None:
                found += self._look_at_giver(cell, name, giver)
            later = self.history.giver_after(name, at)
            if later is not None and self.history.executed[later].cell != cell and not name.startswith("$rng."):
                found.append(("changed", f"{name_of(name)}, which it reads, was set again by {self._tell(later)}"))
        return found

    def _look_at_giver(self, cell: str, name: str, giver: int) -> list[tuple[str, str]]:
        executed = self.history.executed[giver]
        if executed.cell not in self.places:
            if self.ran_as(giver) in self._known_code or not executed.cell:
                return []
            return [("deleted", f"{name_of(name)}, which it reads, comes from a cell that is gone")]
        if self.places[executed.cell] > self.places[cell]:
            return [("order", f"{name_of(name)}, which it reads, comes from a cell further down")]
        return []

    def _tell(self, at: int) -> str:
        executed = self.history.executed[at]
        return f"[{executed.count}]" if executed.count is not None else f"execution {executed.id}"

    def givers_of(self, at: int) -> Mapping[str, str]:
        """Return the cells that gave what an execution read, with the name."""
        found: dict[str, str] = {}
        for name in self.history.reads(at):
            giver = self.history.giver(name, at)
            if giver is not None and not name.startswith(_QUIET):
                found.setdefault(self.history.executed[giver].cell, name)
        return found


def _spread(document: Sequence[DocumentCell], told: _Document, reasons: dict[str, list[tuple[str, str]]]) -> None:
    """Mark the cells that read from stale ones, until nothing is new."""
    new = set(reasons)
    while new:
        stale, new = new, set()
        for cell in document:
            at = told.last_run.get(cell.id)
            if at is None:
                continue
            for giver, name in told.givers_of(at).items():
                if giver in stale and giver != cell.id:
                    if cell.id not in reasons:
                        new.add(cell.id)
                    text = f"{name_of(name)}, which it reads, comes from a cell that is stale"
                    reasons.setdefault(cell.id, []).append(("upstream", text))
