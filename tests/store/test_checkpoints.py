"""Checkpoint frames into rows: any order of arrival, damage, repeats; and what gc and fsck make of them."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.config import Settings, StoreLocation
from nbtrack.errors import StoreCorrupt, UnknownCheckpoint
from nbtrack.notebooks.documents import load_document
from nbtrack.notebooks.take import Cause, Taker
from nbtrack.store import checkpoint_garbage, checkpoints, garbage, manifests, notebooks
from nbtrack.store.check import check_store
from nbtrack.store.connection import open_reader, open_writer
from nbtrack.store.frames import Kind
from nbtrack.store.ingest import ingest
from nbtrack.store.writer import Writer

DAY = 86_400_000


def core(*sources: str) -> tuple[bytes, list[bytes]]:
    """A manifest and the bodies it names."""
    bodies = [source.encode() for source in sources]
    frame = b'{"nbformat":4}'
    head = '{"cell_type":"code","execution_count":null}'
    cells = tuple([head, [[["source"], "t", manifests.name_of(body)]], []] for body in bodies)
    made = manifests.Manifest(manifests.name_of(frame), ((("cells",), len(cells)),), cells, tuple([number] for number in range(len(cells))))
    return manifests.pack_manifest(made), [frame, *bodies]


def record(script: Any, *sources: str, at: int = 0, bodies: bool = True, **more: Any) -> str:
    """Append a checkpoint of code cells, ``at`` so many ms after the journal began."""
    packed, parts = core(*sources)
    if bodies:
        script.record(Kind.BODIES, {}, *parts)
    when = {"t": 1_000_000 + at * 1000} if at else {}
    head = {
        "id": f"{len(sources)}{at}{script.t}".rjust(32, "0"),
        "notebook": "/work/churn.ipynb",
        "forms": "s",
        "format": 4,
        **when,
        **more,
    }
    script.record(Kind.CHECKPOINT, {"state": manifests.name_of(packed), **head}, zlib.compress(packed))
    return str(head["id"])


def test_a_checkpoint_is_a_row_with_its_cells(script: Callable[..., Any], read: Callable[..., Any], store: StoreLocation) -> None:
    one = script()
    given = record(one, "a = 1", "b = 2", message="first")
    found = read(checkpoints.get_checkpoint, given)
    assert (found.cells, found.message, found.author, found.notebook) == (2, "first", "ann", "/work/churn.ipynb")
    with open_reader(store) as db:
        document = load_document(store, db, found)
    assert [cell["source"] for cell in document["cells"]] == ["a = 1", "b = 2"]
    assert [cell["execution_count"] for cell in document["cells"]] == [0, 1]
    assert check_store(store).findings == ()


def test_late_frames_take_their_place_in_time(script: Callable[..., Any], read: Callable[..., Any], store: StoreLocation) -> None:
    one = script()
    newest = record(one, "c", at=9000)
    middle = record(one, "b", at=5000)
    oldest = record(one, "a", at=1000)
    assert [found.id for found in read(checkpoints.list_checkpoints)] == [newest, middle, oldest]
    with open_reader(store) as db:
        assert db.execute("select count(*) from cell_state where last_n is null").fetchone() == (1,), "only the newest is there now"


def test_a_state_named_again_is_found_by_its_name(script: Callable[..., Any], read: Callable[..., Any]) -> None:
    one = script()
    record(one, "a", at=1)
    record(one, "b", at=2)
    packed, _ = core("a")
    one.record(Kind.CHECKPOINT, {"id": "9" * 32, "notebook": "/work/churn.ipynb", "state": manifests.name_of(packed), "t": 1_003_000})
    found = read(checkpoints.list_checkpoints)
    assert [one.cells for one in found] == [1, 1, 1]
    assert found[0].state == found[2].state


def test_a_manifest_that_is_not_what_it_says_costs_nothing_else(script: Callable[..., Any], store: StoreLocation) -> None:
    one = script()
    packed, _ = core("a")
    state = manifests.name_of(packed)
    for head, bodies in (
        ({"state": state}, (zlib.compress(b"[]"),)),
        ({"state": state}, (b"no zlib",)),
        ({"state": "f" * 64}, ()),
        ({"state": state, "reason": "because"}, (zlib.compress(packed),)),
        ({"state": state, "notebook": ""}, (zlib.compress(packed),)),
    ):
        one.record(Kind.CHECKPOINT, {"id": "1" * 32, "notebook": "/work/x.ipynb", **head}, *bodies)
    record(one, "kept")
    report = ingest(store)
    assert (report.problem, report.undecodable) == ("", 5)
    with open_reader(store) as db:
        assert len(checkpoints.list_checkpoints(db)) == 1


def test_bodies_that_never_came_are_found_by_fsck_and_said_when_read(script: Callable[..., Any], store: StoreLocation) -> None:
    given = record(script(), "lost", bodies=False)
    ingest(store)
    kinds = {finding.kind for finding in check_store(store).findings}
    assert kinds == {"missing body"}
    with open_reader(store) as db, pytest.raises(StoreCorrupt, match="missing"):
        load_document(store, db, given)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("update checkpoint set manifest = x'00'", "damaged manifest"),
        ("update checkpoint set state = 'f' || substr(state, 2)", "damaged manifest"),
        ("update checkpoint set reason = 'so'", "unknown word"),
        ("update checkpoint set cells = 7", "wrong count"),
        ("update checkpoint set parent_id = 'x'", "missing parent"),
        ("update cell_state set content = '[]'", "damaged cell state"),
        ("update cell_state set hash = x'00'", "damaged cell state"),
        ("delete from blob where size_bytes = 5", "missing body"),
        ("insert into checkpoint_run values ('r', 'start', 1)", "checkpoint of nothing"),
        ("insert into search_text (id, text) values (8000, 'x')", "search index"),
    ],
)
def test_fsck_finds_what_was_seeded(script: Callable[..., Any], store: StoreLocation, fault: str, kind: str) -> None:
    record(script(), "a = 1")
    ingest(store)
    with open_writer(store) as db:
        db.execute(fault)
    assert kind in {finding.kind for finding in check_store(store).findings}
    check_store(store, repair=True)
    left = {finding.kind for finding in check_store(store).findings}
    assert kind not in left or kind in {"damaged manifest", "unknown word", "damaged cell state", "missing body", "checkpoint of nothing"}


def test_a_move_keeps_checkpoints_cells_and_runs_together(script: Callable[..., Any], read: Callable[..., Any]) -> None:
    one = script()
    record(one, "a")
    one.run(notebook="/work/new.ipynb")
    one.record(Kind.NOTEBOOK_MOVE, {"from": "/work/churn.ipynb", "to": "/work/new.ipynb"})
    one.run(notebook="/work/churn.ipynb")
    found = read(notebooks.find_notebook, "/work/churn.ipynb")
    assert (found.path, found.checkpoints) == ("/work/new.ipynb", 1)
    assert read(lambda db: db.execute("select count(distinct notebook_id) from run").fetchone()) == (1,)
    assert read(notebooks.paths_of, found.id)[0][0] == "/work/churn.ipynb"


def test_a_notebook_moved_over_another_leaves_both_their_checkpoints(script: Callable[..., Any], read: Callable[..., Any]) -> None:
    one = script()
    record(one, "a")
    record(one, "b", notebook="/work/other.ipynb")
    one.record(Kind.NOTEBOOK_MOVE, {"from": "/work/churn.ipynb", "to": "/work/other.ipynb"})
    assert sorted(found.checkpoints for found in read(notebooks.list_notebooks)) == [1, 1]
    assert read(notebooks.find_notebook, "/work/other.ipynb").checkpoints == 1


def test_an_unknown_id_is_named(read: Callable[..., Any], store: StoreLocation) -> None:
    with pytest.raises(UnknownCheckpoint, match="no checkpoint named 'abc'"):
        read(checkpoints.get_checkpoint, "abc")


def old_history(one: Any) -> dict[str, str]:
    """Three days of saves, a name, a run; then a newest one much later."""
    made = {f"{day}.{save}": record(one, f"x = {day}{save}", at=day * DAY + save * 1000) for day in (1, 2, 3) for save in (1, 2, 3)}
    made["named"] = record(one, "named = 1", at=2 * DAY + 500, message="keep me", reason="manual")
    made["run"] = record(one, "run = 1", at=2 * DAY + 600, run=one.run(), boundary="start", reason="run start")
    made["newest"] = record(one, "newest = 1", at=400 * DAY)
    return made


def test_gc_keeps_the_last_of_each_old_day_and_all_that_matters(script: Callable[..., Any], store: StoreLocation) -> None:
    one = script()
    made = old_history(one)
    ingest(store)
    with open_reader(store) as db:
        old = checkpoint_garbage.find_old(db, keep_days=30, now_ms=one.WALL + 401 * DAY)
        gone = {found.id for found in checkpoints.list_checkpoints(db) if checkpoints.number_of(db, found.id) in old}
    # the days are UTC: the journal begins in the evening, so all saves of a day fall into one of them
    assert gone == {made[f"{day}.{save}"] for day in (1, 2, 3) for save in (1, 2)}
    with open_reader(store) as db:
        assert checkpoint_garbage.find_old(db, keep_days=1000, now_ms=one.WALL + 401 * DAY) == []


def test_gc_removes_with_them_what_only_they_held(script: Callable[..., Any], store: StoreLocation) -> None:
    old_history(script())
    ingest(store)
    dry = garbage.collect(store, keep_days=30, older_than_s=0)
    assert (dry.applied, dry.checkpoints) == (False, 6)
    done = garbage.collect(store, apply=True, keep_days=30, older_than_s=0)
    assert (done.applied, done.checkpoints) == (True, 6)
    assert done.rows >= 6
    with open_reader(store) as db:
        assert db.execute("select count(*) from cell_state").fetchone() == (6,)
        assert db.execute("select count(*) from search_index where search_index match 'x'").fetchone() == (3,)
        for found in checkpoints.list_checkpoints(db):
            load_document(store, db, found)
    assert check_store(store).findings == ()
    assert garbage.collect(store, keep_days=30, older_than_s=0).checkpoints == 0


def test_gc_leaves_what_is_on_its_way(store: StoreLocation, tmp_path: Path) -> None:
    """Everything that a living process may still name stays: the newest state, and all of the last day."""
    writer = Writer(store, Settings())
    taker = Taker(writer)
    path = tmp_path / "churn.ipynb"
    for number in range(5):
        path.write_text(json.dumps({"cells": [{"cell_type": "code", "source": f"x = {number}"}], "metadata": {}}))
        taker.take_file(path, Cause())
    assert writer.flush(30)
    report = garbage.collect(store, apply=True, keep_days=0, older_than_s=0)
    assert (report.checkpoints, report.rows) == (0, 0)
    writer.close(30)
