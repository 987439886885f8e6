"""What a check of the store finds: collected while it goes, frozen at the end."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass, field
from typing import Any

from nbtrack.config import StoreLocation


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: of which kind, what exactly, and whether it was mended."""

    kind: str
    what: str
    mended: bool = False


@dataclass(frozen=True, slots=True)
class CheckReport:
    """All faults found, and how many things of each kind were looked at."""

    findings: tuple[Finding, ...]
    checked: dict[str, int]

    @property
    def clean(self) -> bool:
        """Whether nothing is left to mend."""
        return all(finding.mended for finding in self.findings)


@dataclass(slots=True)
class Findings:
    """A check under way: the database, whether to mend, what was found."""

    db: sqlite3.Connection
    location: StoreLocation
    repair: bool
    found: list[Finding] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)

    def add(self, kind: str, what: str, mend: str = "", values: dict[str, Any] | None = None) -> None:
        """Note a fault; with ``mend``, a statement that mends it, run when repairing."""
        if mend and self.repair:
            self.db.execute(mend, values or {})
        self.found.append(Finding(kind, what, bool(mend) and self.repair))

    def note(self, kind: str, what: str, *, mended: bool) -> None:
        """Note a fault that the caller mended or did not."""
        self.found.append(Finding(kind, what, mended))

    def count(self, what: str, number: int) -> None:
        """Note how many things were looked at."""
        self.checked[what] = self.checked.get(what, 0) + number
