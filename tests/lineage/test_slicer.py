"""Slices hold what the target needs and not what it does not: every case is proved by running the whole history and its slice."""

from __future__ import annotations

import pytest
from cases import CASES, Case
from replay import Replayer, as_history
from unseen import LATER, UNSEEN

from nbtrack.lineage import slice_back


@pytest.mark.parametrize("evidence", [False, True], ids=["text", "evidence"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_slice_gives_what_the_history_gave(case: Case, evidence: bool, replayer: Replayer) -> None:
    prove(case, replayer, evidence=evidence)


def prove(case: Case, replayer: Replayer, *, evidence: bool) -> None:
    """Slice a case, compare with what must and must not be in it, and run both."""
    letters = case.executed
    sources = [case.cells[letter] for letter in letters]
    show = case.show or case.target
    full = replayer.run(sources, show)
    found = slice_back(as_history(sources, full, evidence=evidence), case.target)
    kept = [int(one) for one in found.executions]
    part = replayer.run([sources[at] for at in kept], show, [at + 1 for at in kept])
    assert not (full.value or "raises").startswith("raises"), f"the case itself is wrong: {full.value}"
    taken = {letters[at] for at in kept}
    told = "\n".join(f"{letters[step.position]}: {step.reason}" for step in found.steps)
    assert part.value == full.value, f"the slice {sorted(taken)} shows {part.value}, the history {full.value}\n{told}"
    assert set(case.inside) <= taken, f"missing {sorted(set(case.inside) - taken)}\n{told}"
    assert not set(case.outside) & taken, f"too much: {sorted(set(case.outside) & taken)}\n{told}"
    assert all(step.reason for step in found.steps)


@pytest.mark.parametrize("evidence", [False, True], ids=["text", "evidence"])
@pytest.mark.parametrize("case", [*UNSEEN, *LATER], ids=lambda case: case.name)
def test_it_holds_on_cases_written_afterwards(case: Case, evidence: bool, replayer: Replayer) -> None:
    prove(case, replayer, evidence=evidence)
