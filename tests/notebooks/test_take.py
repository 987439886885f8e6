"""Saves become checkpoints: each different state once, cheaply, whatever the file looks like, and never an error in a save."""

from __future__ import annotations

import base64
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from desk import Desk, canonical, code, notebook, printed, text

from nbtrack.config import Settings, open_location
from nbtrack.errors import BadNotebook
from nbtrack.notebooks import outside
from nbtrack.notebooks.documents import load_bytes, load_document
from nbtrack.notebooks.take import Cause, enqueue_save, taker_of
from nbtrack.store import frames
from nbtrack.store.connection import open_reader
from nbtrack.store.writer import Writer

ONE = notebook(text("# Churn", id="a"), code("rate = 0.1", printed("ok\n"), count=1, id="b"))
OTHER = notebook(text("# Churn", id="a"), code("rate = 0.2", printed("ok\n"), count=2, id="b"))


def test_a_save_hook_returns_at_once_and_every_state_is_kept(desk: Desk) -> None:
    for document in (ONE, OTHER):
        path = desk.save(document)
        enqueue_save(desk.writer, path)
        assert desk.taker.drain(30)
    newest, first = desk.taken()
    assert (newest.reason, newest.parent_id, newest.cells, newest.format) == ("save", first.id, 2, 4)
    assert newest.size_bytes == path.stat().st_size
    assert canonical(desk.document(first)) == canonical(ONE)
    assert canonical(desk.document(newest)) == canonical(OTHER)


def test_a_save_hook_may_hand_over_the_content(desk: Desk) -> None:
    path = desk.save(ONE)
    enqueue_save(desk.writer, path, ONE)
    enqueue_save(desk.writer, path)
    assert desk.taker.drain(30)
    (only,) = desk.taken()
    assert canonical(desk.document(only)) == canonical(ONE)


def test_an_identical_save_makes_no_checkpoint_and_sends_next_to_nothing(desk: Desk) -> None:
    path = desk.save(notebook(*(code(f"x = {n}" * 50, printed("y" * 2000)) for n in range(100))))
    desk.taker.take_file(path)
    before = desk.writer.journal.size()
    for _ in range(5):
        os.utime(path)
        taken = desk.taker.take_file(path)
        assert taken is not None
        assert not taken.new
    assert desk.writer.journal.size() - before < 5 * 700
    (only,) = desk.taken()
    assert desk.ask(lambda db: db.execute("select seen_at >= at from checkpoint").fetchone()) == (1,)
    assert only.reason == "save"


def test_a_save_sends_only_what_changed(desk: Desk) -> None:
    cells = [code(f"x = {n}", printed(f"{n} " * 3000)) for n in range(50)]
    desk.taker.take_file(desk.save(notebook(*cells)))
    before = desk.writer.journal.size()
    cells[7] = code("x = 'changed'", *cells[7]["outputs"])
    desk.taker.take_file(desk.save(notebook(*cells)))
    assert desk.writer.journal.size() - before < 20_000
    assert len(desk.taken()) == 2


def test_a_state_that_comes_back_is_a_checkpoint_again(desk: Desk) -> None:
    for document in (ONE, OTHER, ONE):
        desk.taker.take_file(desk.save(document))
    newest, _, first = desk.taken()
    assert newest.state == first.state
    assert canonical(desk.document(newest)) == canonical(ONE)
    assert desk.ask(lambda db: db.execute("select count(*) from cell_state").fetchone()) == (3,)


def test_two_processes_that_save_the_same_state_make_one_checkpoint(desk: Desk) -> None:
    path = desk.save(ONE)
    other = Writer(desk.location, Settings())
    desk.taker.take_file(path, Cause("changed outside"))
    assert desk.writer.flush(30)
    taker_of(other).take_file(path, Cause("save"))
    other.close(30)
    (only,) = desk.taken()
    assert only.reason == "save", "who saved it knows more than who found it changed"


def test_a_name_makes_a_checkpoint_even_of_an_equal_state(desk: Desk) -> None:
    path = desk.save(ONE)
    desk.taker.take_file(path)
    desk.taker.take_file(path, Cause("manual", "before the clean-up", author="ana"))
    desk.taker.take_file(path, Cause("manual"))
    newest, first = desk.taken()
    assert (newest.message, newest.author, newest.state) == ("before the clean-up", "ana", first.state)


@pytest.mark.parametrize(
    "data",
    [
        b'{"cells": [{"cell_type": "code", "source": "x = ',
        b"<<<<<<< HEAD\n{}\n=======\n",
        b"[1, 2, 3]",
        b"\xff\xfe not text at all \x00",
        b"null",
        b'{"a": ' + b"[" * 100_000,
        b'{"a": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_file_that_is_no_notebook_is_kept_byte_by_byte(desk: Desk, data: bytes) -> None:
    desk.taker.take_file(desk.save(ONE))
    desk.taker.take_file(desk.save(data))
    newest, _ = desk.taken()
    assert newest.format is None
    with open_reader(desk.location) as db:
        assert load_bytes(desk.location, db, newest) == data
        with pytest.raises(BadNotebook, match="no notebook"):
            load_document(desk.location, db, newest)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"cells": None},
        {"cells": {"a": 1}},
        {"cells": [None, 1, "text", [], {"source": None}, {"cell_type": 7}]},
        notebook({"cell_type": "code"}),
        notebook(code("a", id="same"), code("b", id="same"), code("a", id="same")),
        notebook(code("x", {"output_type": "stream", "text": float("nan")}, {"output_type": "made up", "data": 5})),
        notebook(code("a\x0bb\x0cc\x85d\u2028e\u2029f"), {**code(""), "source": ["a\x0bb\n", "c\u2028"]}),
        notebook(code("half \ud83d a pair", printed("\udc00"))),
        {"worksheets": [{"cells": [{"cell_type": "code", "input": ["a\n"], "outputs": [{"output_type": "pyout", "text": ["1"]}]}]}]},
    ],
)
def test_a_malformed_notebook_is_kept_as_it_is(desk: Desk, document: dict) -> None:
    desk.taker.take_file(desk.save(document))
    (only,) = desk.taken()
    assert canonical(desk.document(only)) == canonical(document)


def test_an_empty_or_missing_file_is_nothing(desk: Desk) -> None:
    assert desk.taker.take_file(desk.save(b"")) is None
    assert desk.taker.take_file(desk.folder / "gone.ipynb") is None
    enqueue_save(desk.writer, desk.folder / "gone.ipynb")
    assert desk.taker.drain(30)
    assert outside.look(desk.writer, desk.folder) is None
    assert desk.taken() == []


def test_large_outputs_go_into_files_and_come_back(plain_desk: Desk) -> None:
    body = os.urandom(300_000)
    shown = {
        "output_type": "display_data",
        "metadata": {},
        "data": {"image/png": base64.b64encode(body).decode(), "text/plain": "<Figure>"},
    }
    document = notebook(code("plot()", shown), code("print('x' * 50_000_000)", printed("0123456789" * 5_000_000)))
    plain_desk.taker.take_document(plain_desk.folder / "churn.ipynb", document, Cause())
    (only,) = plain_desk.taken()
    assert plain_desk.document(only) == document
    largest = max(path.stat().st_size for path in plain_desk.location.journal.iterdir())
    assert largest < frames.MAX_LENGTH


def test_five_thousand_cells_are_kept(desk: Desk) -> None:
    document = notebook(*(code(f"x_{n} = {n}", printed(str(n)), count=n, id=f"c{n}") for n in range(5000)))
    desk.taker.take_file(desk.save(document))
    (only,) = desk.taken()
    assert only.cells == 5000
    assert canonical(desk.document(only)) == canonical(document)


def test_checkpoints_follow_a_renamed_file(desk: Desk) -> None:
    old = desk.save(ONE)
    desk.taker.take_file(old)
    new = old.rename(desk.folder / "kept.ipynb")
    desk.taker.note_move(old, new)
    desk.taker.take_file(desk.save(OTHER, "kept.ipynb"))
    assert len(desk.taken("kept.ipynb")) == 2
    assert [one.notebook for one in desk.taken("churn.ipynb")] == [str(new)] * 2, "the old path still finds them"


def test_a_file_that_was_moved_outside_is_recognised(desk: Desk) -> None:
    desk.taker.take_file(desk.save(ONE))
    assert desk.writer.flush(30)
    (desk.folder / "deep").mkdir()
    (desk.folder / "churn.ipynb").rename(desk.folder / "deep" / "moved.ipynb")
    outside.look(desk.writer, desk.folder / "deep" / "moved.ipynb")
    (only,) = desk.taken("deep/moved.ipynb")
    assert only.notebook.endswith("moved.ipynb")


def test_a_copy_is_a_notebook_of_its_own(desk: Desk) -> None:
    desk.taker.take_file(desk.save(ONE))
    assert desk.writer.flush(30)
    desk.taker.take_file(desk.save(ONE, "copy.ipynb"))
    assert len(desk.taken("churn.ipynb")) == len(desk.taken("copy.ipynb")) == 1


def test_checkpoints_survive_the_deletion_of_the_file(desk: Desk) -> None:
    path = desk.save(ONE)
    desk.taker.take_file(path)
    path.unlink()
    (only,) = desk.taken()
    assert canonical(desk.document(only)) == canonical(ONE)


def test_secrets_leave_a_notebook_before_it_is_kept(desk: Desk) -> None:
    secret = "hunter2-Xk91-very-secret"
    traceback = [f"File x\npassword = '{secret}'"]
    document = notebook(
        code(f"password = '{secret}'", printed(f"logged in with {secret}\n")),
        code("boom()", {"output_type": "error", "ename": "E", "evalue": f"bad {secret}", "traceback": traceback}),
        code("", {"output_type": "display_data", "metadata": {}, "data": {"application/json": {"password": secret}}}),
    )
    document["metadata"]["password"] = secret
    desk.taker.take_file(desk.save(document))
    desk.taken()
    desk.writer.close(30)
    stored = [path for path in desk.location.folder.rglob("*") if path.is_file()]
    assert not [path for path in stored if secret.encode() in path.read_bytes()]
    with open_reader(desk.location) as db:
        bodies = [row[0] for row in db.execute("select text from search_text")]
    assert not [one for one in bodies if secret in one]


def test_many_threads_may_take_at_once(desk: Desk) -> None:
    def work(number: int) -> None:
        for step in range(10):
            desk.taker.take_file(desk.save(notebook(code(f"x = {number * 100 + step}")), f"{number}.ipynb"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [len(desk.taken(f"{number}.ipynb")) for number in range(4)] == [10] * 4


def test_a_switched_off_setting_takes_nothing(make_desk: Callable[..., Desk]) -> None:
    desk = make_desk("off", checkpoint_saves=False)
    enqueue_save(desk.writer, desk.save(ONE))
    assert desk.taken() == []


def test_nothing_raises_where_the_store_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    writer = Writer(open_location(tmp_path / "file" / ".nbtrack"), Settings())
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(ONE))
    enqueue_save(writer, path)
    assert taker_of(writer).drain(30)
    taker_of(writer).rest()
    writer.close(5)


def test_after_records_were_dropped_everything_is_sent_again(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.save(ONE)
    desk.taker.take_file(path)
    desk.writer.journal._dropped += 1
    desk.taker.take_file(path)
    assert desk.taker.cells_at(path)[1].cell_id == "b"
    assert len(desk.taken()) == 1
