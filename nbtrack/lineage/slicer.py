"""The backward slice: which executions of a history a name or an execution needs, and why, in words.

The history is run forwards once over the world (what each execution reads, binds and changes, given all before it), then walked
backwards: an execution belongs to the slice when it binds or changes something that is needed after it; what it binds for certain is
then no longer needed, what it reads is. What nobody can see through is always kept.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from nbtrack.lineage.frames import PATCHED, Effects
from nbtrack.lineage.records import CellAnalysis, Executed, Need, SliceResult, SliceStep
from nbtrack.lineage.words import say_reason
from nbtrack.lineage.world import World

ANY_NAME = "$any"
_FAMILIES = ("$file:", "$env:")
_RESULTS = frozenset({"_", "__", "___", "Out", "_oh"})


@dataclass(slots=True)
class Given:
    """What one execution gives and takes, ready for the walk: ``gives`` and ``takes`` have the marks of families of resources."""

    gives: set[str]
    kills: set[str]
    takes: dict[str, str]
    may: set[str]
    mods: set[str]
    always: str
    displays: bool


class History:
    """A history run forwards, ready to be sliced for any number of targets; executions can be added as they happen."""

    def __init__(self, history: Iterable[Executed] = ()) -> None:
        self.executed: list[Executed] = []
        self._world = World()
        self._given: list[Given] = []
        self._same: dict[str, CellAnalysis] = {}
        for one in history:
            self.add(one)

    def add(self, executed: Executed) -> None:
        """Run one more execution."""
        analysis = self._same.setdefault(executed.analysis.source, executed.analysis)
        if analysis is not executed.analysis:  # one cell run again is known by its analysis
            executed = replace(executed, analysis=analysis)
        self.executed.append(executed)
        self._given.append(_given(executed, self._world.run(executed)))

    def slice_back(self, target: str | Sequence[str], *, execution: str | None = None, upto: str | None = None) -> SliceResult:
        """Slice for names; see the function of the same name."""
        names = (target,) if isinstance(target, str) else tuple(target)
        end = len(self.executed)
        position = self._position(execution) if execution is not None else None
        if position is not None:
            end = position + 1
        elif upto is not None and self._position(upto) + 1 < end:
            return History(self.executed[: self._position(upto) + 1]).slice_back(names)
        need: dict[str, tuple[int, str]] = {PATCHED: (-1, "anything may rely on")}
        for name in names:
            for one, label in self._carried(name, end).items():
                for mark in _marks_taken(one):
                    need.setdefault(mark, (-1, label))
        steps, doubts = self._walk(need, end, position)
        missing = self._unresolved(need)
        return SliceResult(names, tuple(reversed(steps)), missing, tuple(doubts), len(self.executed))

    def reads(self, at: int) -> list[str]:
        """Return what an execution reads from before it."""
        return [name for name in self._given[at].takes if not name.endswith(("?", "!"))]

    def giver(self, name: str, at: int) -> int | None:
        """Return the last execution before a position that gave a name."""
        return next((one for one in range(at - 1, -1, -1) if name in self._given[one].gives), None)

    def giver_after(self, name: str, at: int) -> int | None:
        """Return the last execution after a position that gave a name."""
        return next((one for one in range(len(self._given) - 1, at, -1) if name in self._given[one].gives), None)

    def _position(self, execution: str) -> int:
        for at, one in enumerate(self.executed):
            if one.id == execution:
                return at
        raise KeyError(f"no execution {execution!r} in this history")

    def _carried(self, name: str, end: int) -> dict[str, str]:
        """Return a target with what the code it carries reads, as of the end."""
        found = {name: "the target"}
        if end == len(self.executed):
            found |= dict.fromkeys(self._world.closure_of(name), f"{name} reads")
        return found

    def _walk(self, need: dict[str, tuple[int, str]], end: int, wanted: int | None) -> tuple[list[SliceStep], list[str]]:
        steps: list[SliceStep] = []
        doubts: list[str] = []
        numbered = any(name[0] == "_" and name[1:].isdigit() for name in need)
        for at in range(end - 1, -1, -1):
            given = self._given[at]
            if at != wanted and not given.always and given.gives.isdisjoint(need) and not (numbered and self._is_numbered(at, need)):
                continue
            executed = self.executed[at]
            hits = sorted(given.gives & need.keys())
            if numbered and self._is_numbered(at, need):
                hits.append(f"_{executed.count}")
            needs = tuple(self._needs(given, hits, need))
            if given.always:
                doubts.append(f"{executed.id}: {given.always}")
            error = executed.evidence is not None and bool(executed.evidence.error)
            reason = say_reason(needs, given.always, at == wanted)
            steps.append(SliceStep(executed.id, at, executed.analysis.source, reason, needs, error))
            for name in given.kills:
                need.pop(name, None)
            for name, label in given.takes.items():
                if name not in need:
                    need[name] = (at, label)
                    numbered = numbered or (name[0] == "_" and name[1:].isdigit())
        return steps, doubts

    def _is_numbered(self, at: int, need: dict[str, tuple[int, str]]) -> bool:
        """Tell whether an execution gave the result that is needed by its number, as ``_12``."""
        return self._given[at].displays and f"_{self.executed[at].count}" in need

    def _needs(self, given: Given, hits: Iterable[str], need: dict[str, tuple[int, str]]) -> Iterable[Need]:
        for name in hits:
            by, label = need[name]
            reader = self.executed[by].id if by >= 0 else None
            shown = name
            if name == ANY_NAME or name.endswith(("?", "!")):
                shown = next((one for one in sorted(given.may | given.mods) if name == ANY_NAME or one.startswith(name[:-1])), name)
            if shown[0] == "_" and shown[1:].isdigit():
                yield Need(shown, "shows", reader, label)
                continue
            how = "defines" if shown in given.kills or (shown in given.may and shown not in given.mods) else "changes"
            if shown in given.may and shown not in given.kills:
                how = "may define"
            yield Need(shown, how, reader, label)

    def _unresolved(self, need: dict[str, tuple[int, str]]) -> frozenset[str]:
        known = self._world.unbound
        return frozenset(
            name for name in need
            if (name.startswith("$rng.") or (not name.startswith("$") and name in known)) and need[name][0] >= 0
        )  # fmt: skip


def slice_back(
    history: Sequence[Executed], target: str | Sequence[str] = (), *, execution: str | None = None, upto: str | None = None
) -> SliceResult:
    """Return the executions that a name, or several, need to have their value again.

    ``target`` names variables (or resources such as ``$file:model.pkl``) as they are after ``upto``, the id of an execution (None: the
    last). With ``execution`` that execution itself, with what it prints, is the target as well. ``KeyError`` when there is no such id.

    >>> from nbtrack.lineage import analyse
    >>> cells = [Executed("1", analyse("x = 1")), Executed("2", analyse("y = 2")), Executed("3", analyse("z = x"))]
    >>> slice_back(cells, "z").executions
    ('1', '3')
    """
    return History(history).slice_back(target, execution=execution, upto=upto)


def _given(executed: Executed, effects: Effects) -> Given:
    """Put what an execution did into the sets that the walk compares."""
    if isinstance(effects.ready, Given):
        return effects.ready
    may, must, takes = set(effects.may), effects.must | effects.set_anew, dict(effects.uses)
    seen = executed.evidence.displayed if executed.evidence is not None else None
    displays = executed.analysis.displays if seen is None else "yes" if seen else ""
    if displays:
        may |= _RESULTS
        if displays == "yes":
            must.add("_")
    gives = may | effects.mods
    for name in [name for name in gives if name.startswith(_FAMILIES)]:
        gives.discard(name)
        gives.update(_marks_given(name))
    if gives:
        gives.add(ANY_NAME)
    for name in [name for name in takes if name.startswith(_FAMILIES)]:
        label = takes.pop(name)
        for mark in _marks_taken(name):
            takes[mark] = label
    if effects.reads_all:
        takes[ANY_NAME] = effects.reads_all
    found = Given(gives, must, takes, may, effects.mods, effects.changes_all, bool(displays))
    effects.ready = found
    return found


def _marks_given(name: str) -> tuple[str, ...]:
    """Return the marks of something given: a file also stands for its family, an unknown file for any."""
    for family in _FAMILIES:
        if name.startswith(family):
            return (f"{family}?", f"{family}!") if name == f"{family}*" else (name, f"{family}!")
    return (name,)


def _marks_taken(name: str) -> tuple[str, ...]:
    for family in _FAMILIES:
        if name.startswith(family):
            return (f"{family}!",) if name == f"{family}*" else (name, f"{family}?")
    return (name,)
