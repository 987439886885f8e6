"""How recording goes, in words: what the journal and the thread know in, one line for people out. Pure."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class JournalState:
    """What a journal can say about itself: ``fault`` is what its file system last said, ``loss`` why records were dropped."""

    path: str
    bytes_written: int
    queued_bytes: int
    dropped: int
    in_fallback: bool
    fault: str = ""
    loss: str = ""

    @property
    def problem(self) -> str:
        """One line for people, empty when all is well."""
        waiting = f"{self.queued_bytes / 1e6:.1f} MB of records wait in memory" if self.queued_bytes else ""
        lost = f"{self.dropped} records were dropped, {self.loss}" if self.dropped else ""
        return "; ".join(part for part in (self.fault, waiting, lost) if part)


@dataclass(frozen=True, slots=True)
class WriterHealth:
    """How recording goes. ``problem`` is one line for people, empty when all is well; ``waiting_bytes`` are not in the store yet."""

    problem: str
    waiting_bytes: int
    in_fallback: bool
    store_writable: bool


def judge_health(state: JournalState, *, store_problem: str, body_problem: str, waiting: int, folder: str, fallback: str) -> WriterHealth:
    """Put together what the journal, the store and the bodies say; what costs records comes first."""
    problem = state.problem or body_problem
    if not problem and (store_problem or state.in_fallback):
        place = f" in {fallback}" if state.in_fallback else ""
        problem = f"{store_problem or f'{folder} cannot be written'}; what is recorded waits in the journal{place}"
    return WriterHealth(problem, waiting + state.queued_bytes, state.in_fallback, not store_problem)
