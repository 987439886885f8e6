"""The frozen records of this room: what a cell does, what was seen when it ran, and the slice that answers for a name.

Names in ``uses``, ``must``, ``may`` and ``mods`` are variables of the notebook; names that begin with ``$`` are resources:
``$rng.numpy``, ``$rng.python``, ``$rng.torch``, ``$file:<name>``, ``$folder``, ``$env:<KEY>``, ``$cwd``, ``$mod:<package>``.
A resource that ends in ``*`` stands for every one of its family.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbtrack.lineage.facts import Facts


@dataclass(frozen=True, slots=True, eq=False)
class CellAnalysis:
    """What one cell does, by its text alone.

    ``uses`` are names read before the cell binds them, ``must`` are bound for certain when it ends without error, ``may`` are bound
    perhaps (``must`` included), ``mods`` are names whose value may be changed in place. ``functions`` are functions and classes it
    defines, ``star_imports`` the modules it imports everything from. ``displays`` tells whether it has a result ("yes", "maybe" or ""), ``opaque`` says in words why the cell cannot be seen through.
    """

    source: str
    uses: frozenset[str] = frozenset()
    must: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    mods: frozenset[str] = frozenset()
    resources_used: frozenset[str] = frozenset()
    resources_changed: frozenset[str] = frozenset()
    functions: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    star_imports: tuple[str, ...] = ()
    runs_text: bool = False
    opaque: str = ""
    syntax_error: bool = False
    displays: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    bound_order: tuple[str, ...] = ()
    facts: Facts | None = None


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was seen while one execution ran; None where nobody looked. It beats what the text lets guess.

    ``rebound`` are the names that the namespace shows as new or bound to another object; ``deleted`` those that are gone. ``rng`` maps
    ``python``, ``numpy``, ``torch`` to the hash of the generator's state (key and position) before and after. ``files_read`` and
    ``files_written`` are paths that were opened. ``types`` names the type of a variable after the execution. ``displayed`` tells
    whether the cell had a result (so that ``_`` moved).
    """

    rebound: frozenset[str] | None = None
    deleted: frozenset[str] = frozenset()
    rng: Mapping[str, tuple[str, str]] | None = None
    files_read: tuple[str, ...] | None = None
    files_written: tuple[str, ...] | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    error: str = ""
    displayed: bool | None = None


@dataclass(frozen=True, slots=True)
class Executed:
    """One execution in the order of the kernel: its id, what its cell does and what was seen.

    ``count`` is the n of ``[n]``, ``cell`` the id of its cell in the document ("" when nobody knows).
    """

    id: str
    analysis: CellAnalysis
    evidence: Evidence | None = None
    count: int | None = None
    cell: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """One thing an included execution gives to a later one: ``name`` (a variable or resource), how, and who needs it.

    ``how`` is ``defines``, ``changes``, ``may define`` or ``shows``; ``by`` is the id of the execution that needs it (None: the target itself).
    """

    name: str
    how: str
    by: str | None
    reader: str = ""


@dataclass(frozen=True, slots=True)
class SliceStep:
    """One execution of a slice. ``position`` is its place in the history; ``raises`` says that it ended in an error then."""

    id: str
    position: int
    source: str
    reason: str
    needs: tuple[Need, ...] = ()
    raises: bool = False


@dataclass(frozen=True, slots=True)
class SliceResult:
    """The executions that a target needs, in the order they ran.

    ``unresolved`` are names and resources that the slice reads but nothing in the history provides: variables from before recording,
    and random generators that were never seeded (their state has to be restored). ``doubts`` say in words where certainty ends.
    """

    target: tuple[str, ...]
    steps: tuple[SliceStep, ...]
    unresolved: frozenset[str] = frozenset()
    doubts: tuple[str, ...] = ()
    history: int = 0

    @property
    def executions(self) -> tuple[str, ...]:
        """The ids of the executions in the slice."""
        return tuple(step.id for step in self.steps)

    @property
    def cells(self) -> tuple[str, ...]:
        """The sources in the order they ran."""
        return tuple(step.source for step in self.steps)

    @property
    def reasons(self) -> Mapping[str, str]:
        """Why each execution is in the slice, by its id."""
        return {step.id: step.reason for step in self.steps}


@dataclass(frozen=True, slots=True)
class DocumentCell:
    """One code cell of a saved document."""

    id: str
    source: str


@dataclass(frozen=True, slots=True)
class StaleCell:
    """A cell that no longer agrees with what ran: what kind of disagreement, and each reason in words."""

    id: str
    kinds: tuple[str, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class OrderVerdict:
    """Whether a result comes out of the document again: ``kind`` is ``top to bottom``, ``out of order`` or ``lost``."""

    kind: str
    cells: tuple[str, ...]
    reason: str
