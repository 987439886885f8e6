"""What can go wrong, as one tree.

    NbtrackError                 everything nbtrack raises on purpose
     +- UsageError               a call or command that cannot be meant this way
     +- NotFound                 a reference that names nothing (has .ref and .near)
     |   +- UnknownRun
     |   +- UnknownMetric
     |   +- UnknownArtifact
     |   +- UnknownColumn
     |   +- UnknownVerb
     |   +- UnknownVariable
     |   +- UnknownCheckpoint
     |   +- UnknownCell
     +- SettingError             a setting that does not exist or does not fit
     +- BadNotebook              a file, text or dict that cannot be read as a notebook
     +- ValueRejected            a value that cannot be kept (raised only with log.strict)
     +- StoreError               the store itself (has .path)
         +- StoreMissing         no store where one was expected
         +- StoreBusy            another program holds it
         +- StoreNewer           written by a newer nbtrack; opened for reading only
         +- StoreCorrupt         SQLite cannot read it
         +- StoreReadOnly        it cannot be written here
         +- SQLiteTooOld         the SQLite library of this Python is too old

Every message says what happened, with which value, and what to do. ``hint`` is the second line.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


class NbtrackError(Exception):
    """Base of all errors that nbtrack raises on purpose.

    ``message`` is one sentence with the value; ``hint`` (may be empty) is the mend.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}\n{self.hint}" if self.hint else self.message

    def _render_traceback_(self) -> list[str]:
        """Show two lines instead of a traceback in a notebook (IPython's protocol)."""
        return [line for line in (f"{type(self).__name__}: {self.message}", self.hint) if line]


class UsageError(NbtrackError):
    """A call or command that cannot be meant this way."""


class NotFound(NbtrackError):
    """A reference that names nothing; ``near`` holds the closest existing names."""

    kind = "thing"

    def __init__(self, ref: str, known: Iterable[str] = (), hint: str = "") -> None:
        import difflib  # here and not above: it costs the load of the extension 3 ms, and most sessions go without an error

        self.ref = ref
        self.near = tuple(difflib.get_close_matches(ref, list(known), n=3, cutoff=0.5))
        guess = f" Did you mean {_listed(self.near)}?" if self.near else ""
        super().__init__(f"no {self.kind} named {ref!r}.{guess}", hint)


class UnknownRun(NotFound):
    """No run answers to this reference."""

    kind = "run"


class UnknownMetric(NotFound):
    """The run has no metric of this key."""

    kind = "metric"


class UnknownArtifact(NotFound):
    """The run has no artifact of this name."""

    kind = "artifact"


class UnknownColumn(NotFound):
    """Nothing to sort or filter runs by has this name."""

    kind = "column"


class UnknownVerb(NotFound):
    """No verb of this name."""

    kind = "verb"


class UnknownVariable(NotFound):
    """No variable of this name in the notebook."""

    kind = "variable"


class UnknownCheckpoint(NotFound):
    """No checkpoint answers to this reference."""

    kind = "checkpoint"


class UnknownCell(NotFound):
    """No cell of the notebook answers to this reference."""

    kind = "cell"


class SettingError(NbtrackError):
    """A setting that does not exist or whose value does not fit."""


class BadNotebook(NbtrackError):
    """A file, text or dict that cannot be read as a notebook."""


class ValueRejected(NbtrackError):
    """A value that cannot be kept; raised only when the setting ``log.strict`` is on."""


class StoreError(NbtrackError):
    """The store itself; ``path`` is its folder."""

    def __init__(self, path: Path | str, message: str, hint: str = "") -> None:
        self.path = Path(path)
        super().__init__(message, hint)


class StoreMissing(StoreError):
    """No store where one was expected."""


class StoreBusy(StoreError):
    """Another program holds the store longer than we were told to wait."""


class StoreNewer(StoreError):
    """The store was written by a newer nbtrack."""


class StoreCorrupt(StoreError):
    """SQLite cannot read the store."""


class StoreReadOnly(StoreError):
    """The store cannot be written from here."""


class SQLiteTooOld(StoreError):
    """The SQLite library of this Python is older than nbtrack needs."""


def _listed(names: tuple[str, ...]) -> str:
    quoted = [repr(name) for name in names]
    return quoted[0] if len(quoted) == 1 else f"{', '.join(quoted[:-1])} or {quoted[-1]}"
