"""Remembers what an execution did, so that the same cell run again on the same values need not be followed again.

A cell does the same when the names it reads are bound to the same tokens and no token that was there before has come to hold more. It
then binds its names to the tokens of that time: the value of the first run and that of the next count as one, which can only widen a slice.
"""

from __future__ import annotations

from dataclasses import dataclass

from nbtrack.lineage.aliases import Heap, Token, Tokens
from nbtrack.lineage.frames import PATCHED, Effects, Followed
from nbtrack.lineage.purity import LOOKS_ONLY

MOST_KEPT = 8  # runs remembered per cell: names that several cells bind in turn


@dataclass(frozen=True, slots=True)
class Remembered:
    """One execution as it was: what it found (``entry`` and, in ``seen``, all that the values held), what it did, the names it bound and the older values it changed."""

    version: int
    seen: Tokens
    entry: tuple[tuple[str, Tokens | None, str | None, str | None], ...]
    binds: tuple[tuple[str, Tokens, str, str | None, bool], ...]
    changed: Tokens
    changed_directly: Tokens
    effects: Effects


class Memory:
    """The executions remembered of every cell."""

    def __init__(self) -> None:
        self.made: dict[int, list[Token]] = {}
        self._kept: dict[tuple[int, bool], list[Remembered]] = {}

    def recall(self, key: tuple[int, bool], heap: Heap, modules: dict[str, str], texts: dict[str, str]) -> Remembered | None:
        """Return the earlier execution that this one repeats, None when there is none."""
        bindings = heap.bindings
        for one in self._kept.get(key, ()):
            for name, tokens, module, text in one.entry:
                found = bindings.get(name)
                if (found is not tokens and found != tokens) or modules.get(name) != module or texts.get(name) != text:
                    break
            else:
                if all(token.stamp <= one.version for token in one.seen):
                    return one
        return None

    def keep(
        self,
        key: tuple[int, bool],
        names: set[str],
        followed: Followed,
        effects: Effects,
        heap: Heap,
        modules: dict[str, str],
        texts: dict[str, str],
    ) -> None:
        """Remember an execution that has just been followed; what changed how values hang together has to be followed again."""
        entry: list[tuple[str, Tokens | None, str | None, str | None]] = []
        for name in names:
            if name in followed.before:
                entry.append((name, *followed.before[name]))
            else:
                entry.append((name, heap.bindings.get(name), modules.get(name), texts.get(name)))
        seen = heap.reach({token for _, tokens, _, _ in entry if tokens for token in tokens}, classes=True)
        made = self.made[key[0]] = heap.pin()
        fresh = set(made)
        found = Remembered(
            followed.version,
            seen,
            tuple(entry),
            tuple(followed.binds),
            followed.changed - fresh,
            followed.changed_directly - fresh,
            copy_effects(effects),
        )
        kept = self._kept.setdefault(key, [])
        kept.insert(0, found)
        del kept[MOST_KEPT:]


def copy_effects(effects: Effects) -> Effects:
    """Return a copy that can be changed."""
    return Effects(
        dict(effects.uses),
        set(effects.may),
        set(effects.must),
        set(effects.mods),
        set(effects.set_anew),
        effects.reads_all,
        effects.changes_all,
    )


def names_changed(heap: Heap, remembered: Remembered) -> set[str]:
    """Return the names that see the change of older values as names are bound now."""
    names: set[str] = set()
    if remembered.changed:
        names |= heap.names_of(remembered.changed)
    if remembered.changed_directly:
        direct = heap.names_of(remembered.changed_directly)
        names |= direct
        if any(name.startswith("$mod:") and name[5:] not in LOOKS_ONLY for name in direct):
            names.add(PATCHED)
    return names
