"""Runs take the notebook along: what is on disk, with what ran and is not saved yet; marked so, and linked to the run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import canonical, code, notebook, text

import nbtrack
from nbtrack.errors import UsageError
from nbtrack.notebooks.boundary import Boundary, differing, merge
from nbtrack.notebooks.documents import load_document
from nbtrack.notebooks.take import CellText
from nbtrack.store.checkpoints import list_checkpoints, of_run
from nbtrack.tracking import session as sessions
from nbtrack.tracking.cells import ExecutedCell, ExecutedCells

DOCUMENT = notebook(text("# Churn", id="a"), code("rate = 0.1", count=1, id="b"))


def executed(source: str, cell_id: str | None = None, count: int | None = None) -> ExecutedCell:
    import hashlib

    return ExecutedCell(source, hashlib.sha256(source.encode()).hexdigest(), 0, cell_id, count)


def save(path: Path, document: Any, *, ago_s: float = 10) -> None:
    path.write_text(json.dumps(document))
    moment = path.stat().st_mtime - ago_s
    os.utime(path, (moment, moment))


def run_cell(source: str, cell_id: str | None = None, count: int = 1) -> None:
    one = executed(source)
    sessions.current().cells.note(source, one.source_hash, cell_id=cell_id, count=count)


@pytest.fixture
def watched(kernel: Path) -> Iterator[Path]:
    """A kernel whose runs take checkpoints."""
    note = Boundary(sessions.current()).note
    sessions.current().subscribe(note)
    yield kernel
    sessions.current().unsubscribe(note)


def taken(path: Path) -> list[Any]:
    return sessions.current().query(lambda db: list_checkpoints(db, notebook=str(path)))


def document_of(checkpoint: Any) -> dict[str, Any]:
    session = sessions.current()
    return session.query(lambda db: load_document(session.location, db, checkpoint))


def test_a_run_begins_and_ends_in_a_checkpoint(watched: Path) -> None:
    save(watched, DOCUMENT)
    with nbtrack.run("a") as run:
        save(watched, notebook(*DOCUMENT["cells"], code("more", id="c")), ago_s=5)
    end, start = taken(watched)
    assert (start.reason, end.reason, start.run_id, end.unsaved) == ("run start", "run end", run.id, False)
    states = sessions.current().query(lambda db: of_run(db, run.id))
    assert {boundary: one.id for boundary, one in states.items()} == {"start": start.id, "end": end.id}


def test_many_runs_in_one_state_share_its_checkpoint(watched: Path) -> None:
    save(watched, DOCUMENT)
    runs = []
    for _ in range(5):
        with nbtrack.run() as run:
            runs.append(run.id)
    (only,) = taken(watched)
    assert {(mark.run_id, mark.boundary) for mark in only.runs} == {(one, end) for one in runs for end in ("start", "end")}


def test_what_ran_and_is_not_saved_is_in_the_checkpoint(watched: Path) -> None:
    save(watched, DOCUMENT)
    run_cell("rate = 0.7", "b", count=4)
    run_cell("fit()", "new", count=5)
    with nbtrack.run():
        pass
    newest, saved = taken(watched)
    assert (newest.unsaved, saved.unsaved, saved.reason) == (True, False, "changed outside")
    cells = document_of(newest)["cells"]
    assert [(cell["id"], "".join(cell["source"])) for cell in cells] == [("a", "# Churn"), ("b", "rate = 0.7"), ("new", "fit()")]
    assert [cell.get("execution_count") for cell in cells] == [None, 4, 5]
    assert canonical(json.loads(watched.read_bytes())) == canonical(DOCUMENT), "the file itself is left alone"


def test_a_file_saved_after_its_cells_ran_is_the_truth(watched: Path) -> None:
    run_cell("rate = 0.7", "b")
    save(watched, DOCUMENT, ago_s=-10)
    with nbtrack.run():
        pass
    (only,) = taken(watched)
    assert not only.unsaved
    assert canonical(document_of(only)) == canonical(DOCUMENT)


def test_cells_without_ids_are_known_by_their_text(watched: Path) -> None:
    save(watched, DOCUMENT)
    run_cell("rate = 0.1")
    with nbtrack.run():
        pass
    assert [one.unsaved for one in taken(watched)] == [False]


def test_a_notebook_without_a_file_is_what_ran(watched: Path) -> None:
    run_cell("a = 1", "x", count=1)
    with nbtrack.run():
        pass
    (only,) = taken(watched)
    assert only.unsaved
    assert [cell["source"] for cell in document_of(only)["cells"]] == [["a = 1"]]


def test_an_automatic_run_is_taken_at_its_end_only(watched: Path) -> None:
    save(watched, DOCUMENT)
    session = sessions.current()
    session.begin_execution("e1")
    nbtrack.log({"acc": 0.5})
    session.end_execution()
    (only,) = taken(watched)
    assert [mark.boundary for mark in only.runs] == ["end"]


def test_a_setting_switches_it_off_and_a_script_takes_nothing(watched: Path) -> None:
    save(watched, DOCUMENT)
    sessions.current().change_setting("checkpoint.runs", "off")
    with nbtrack.run():
        pass
    sessions.current().change_setting("checkpoint.runs", "on")
    sessions.current().kind = "script"
    with nbtrack.run():
        pass
    sessions.current().kind = "kernel"
    assert taken(watched) == []


def test_a_checkpoint_by_hand_is_returned(kernel: Path) -> None:
    save(kernel, DOCUMENT)
    first = nbtrack.checkpoint()
    named = nbtrack.checkpoint("before the clean-up")
    assert (first.reason, named.message, named.state) == ("manual", "before the clean-up", first.state)
    assert nbtrack.checkpoint().id == named.id, "an equal state without a name is the one that is there"
    assert list(nbtrack.checkpoints()["id"]) == [named.id, first.id]
    assert nbtrack.history("b")[0].source == "rate = 0.1"
    assert list(nbtrack.search("rate")["kind"]) == ["code"]
    save(kernel, notebook(), ago_s=5)
    done = nbtrack.restore("before the clean-up", force=True)
    assert done.kept is not None
    assert len(json.loads(kernel.read_bytes())["cells"]) == 2


def test_without_a_notebook_it_says_what_to_do(kernel: Path) -> None:
    with pytest.raises(UsageError, match="Save the notebook first"):
        nbtrack.checkpoint()
    sessions.current().notebook = None
    with pytest.raises(UsageError, match=r"notebook\.path"):
        nbtrack.checkpoint()
    with pytest.raises(UsageError, match="path="):
        nbtrack.history("[1]")
    assert nbtrack.checkpoints().empty
    assert nbtrack.search("anything").empty


def test_merging_keeps_the_order_in_which_cells_ran() -> None:
    made = merge(notebook(code("a", id="1"), code("b", id="2")), [executed("x", "n1"), executed("a", "1"), executed("y", "n2")])
    assert ["".join(cell["source"]) for cell in made["cells"]] == ["a", "y", "b", "x"]


def test_what_differs_is_told_by_id_first() -> None:
    cells = [CellText("1", executed("a").source_hash), CellText(None, executed("b").source_hash)]
    assert differing(cells, [executed("a", "1"), executed("b"), executed("b", "9")]) == []
    assert differing(cells, [executed("b", "1")]) == [executed("b", "1")]


def test_executed_cells_are_bounded() -> None:
    cells = ExecutedCells()
    for number in range(6000):
        cells.note(f"x = {number}", f"{number}", cell_id=f"c{number}")
    assert len(cells.since(0)) == 5000
    cells.note("y" * 30_000_000, "big")
    assert [one.source_hash for one in cells.since(0)] == ["big"]
