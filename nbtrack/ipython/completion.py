"""Tab completion behind `%track`: the line so far in, words out: verbs, their options, run names, keys of metrics, params and tags.

The store is opened for reading only, and for a blink: a store that is busy or broken completes nothing and says nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from types import SimpleNamespace
from typing import TYPE_CHECKING

from nbtrack.capture.guard import Guard
from nbtrack.ipython import cellmagic
from nbtrack.tracking import session as sessions

if TYPE_CHECKING:
    import sqlite3

    from IPython.core.interactiveshell import InteractiveShell

LINE_KEY, CELL_KEY = "%track", "%%track"
MOST_NAMES = 500
PATIENCE_S = 0.08
REMEMBERED_S = 2.0

_RUN_VERBS = frozenset({"show", "compare", "why", "split", "merge", "keep", "move", "rename", "reproduce", "doctor", "export"})
_KEY_OPTIONS = frozenset({"--sort"})


class Completion:
    """Completion of one shell."""

    def __init__(self, shell: InteractiveShell, guard: Guard) -> None:
        self._shell = shell
        self._guard = guard
        self._hook = self._complete
        self._known: dict[str, tuple[float, list[str]]] = {}

    def add(self) -> None:
        """Hook into IPython's completer; the same way in all versions."""
        for key in (LINE_KEY, CELL_KEY):
            self._shell.set_hook("complete_command", self._hook, str_key=key)

    def remove(self) -> None:
        """Take the hook out again; IPython has no call for that."""
        chains = self._shell.strdispatchers["complete_command"].strs
        for key in (LINE_KEY, CELL_KEY):
            if key in chains:
                chains[key].chain[:] = [entry for entry in chains[key].chain if getattr(entry[1], "__func__", None) != self._hook]
                if not chains[key].chain:
                    del chains[key]

    def _complete(self, shell: InteractiveShell, event: SimpleNamespace) -> list[str]:
        return self._guard.attempt(self._find, str(event.text_until_cursor), str(event.symbol)) or []

    def _find(self, line: str, symbol: str) -> list[str]:
        words = line.split()
        current = "" if line[-1:].isspace() else words.pop()
        known = len(current) - len(symbol)  # IPython breaks a word at : and =, and wants only what stands behind
        found = [word for word in self._candidates(words, current) if word.startswith(current)]
        return [word[known:] for word in found] if known >= 0 else []

    def _candidates(self, words: list[str], current: str) -> Iterable[str]:
        if not words:
            return ()
        if words[0] == CELL_KEY:
            return cellmagic.OPTIONS
        if len(words) == 1:
            return self._remember("verbs", _verbs)
        verb, last = words[1], words[-1]
        if last in _KEY_OPTIONS:
            return (*self._read("keys", _keys), "name", "started_at", "duration_s")
        if current.startswith("-"):
            return self._remember(f"options {verb}", lambda: _options(verb))
        if verb == "help":
            return self._remember("verbs", _verbs)
        if verb in _RUN_VERBS:
            return (*self._read("runs", _run_names), "last", *(f"best:{key}" for key in self._read("metrics", _metric_keys)))
        if verb == "metric":
            return self._read("metrics", _metric_keys)
        if verb == "param":
            return [f"{key}=" for key in self._read("params", _param_keys)]
        if verb == "tag":
            return [f"{key}=" for key in self._read("tags", _tag_keys)]
        return self._read("keys", _keys) if verb == "runs" else ()

    def _read(self, what: str, read: Callable[[sqlite3.Connection], list[str]]) -> list[str]:
        return self._remember(what, lambda: self._guard.attempt(self._query, read, blame=False) or [])

    def _query(self, read: Callable[[sqlite3.Connection], list[str]]) -> list[str]:
        from nbtrack.store.connection import open_reader

        deadline = time.monotonic() + PATIENCE_S
        with open_reader(sessions.current().location) as db:
            db.set_progress_handler(lambda: time.monotonic() > deadline, 2_000)
            return read(db)

    def _remember(self, what: str, ask: Callable[[], list[str]]) -> list[str]:
        asked_at, found = self._known.get(what, (float("-inf"), []))
        now = time.monotonic()
        if now - asked_at > REMEMBERED_S:
            found = ask()
            self._known[what] = (now, found)
        return found


def _verbs() -> list[str]:
    from nbtrack.commands import group

    return sorted(name for name, verb in group.commands.items() if "notebook" in getattr(verb, "doors", ()))


def _options(verb: str) -> list[str]:
    from nbtrack.commands import group

    return sorted(getattr(group.commands.get(verb), "options", ()))


def _run_names(db: sqlite3.Connection) -> list[str]:
    from nbtrack.store import runs

    return runs.names(db, MOST_NAMES)


def _metric_keys(db: sqlite3.Connection) -> list[str]:
    from nbtrack.store import metrics

    return metrics.keys(db)


def _param_keys(db: sqlite3.Connection) -> list[str]:
    from nbtrack.store import params

    return params.keys(db)


def _tag_keys(db: sqlite3.Connection) -> list[str]:
    from nbtrack.store import tags

    return tags.keys(db)


def _keys(db: sqlite3.Connection) -> list[str]:
    return [*(f"metrics.{key}" for key in _metric_keys(db)), *(f"params.{key}" for key in _param_keys(db))]
