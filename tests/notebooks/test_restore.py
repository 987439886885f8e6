"""Restoring loses nothing: the present state is kept, a file is never half written, unsaved work and secrets are left alone."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, canonical, code, notebook, printed, text

from nbtrack.errors import BadNotebook, NbtrackError, UnknownCell, UnknownCheckpoint
from nbtrack.notebooks.documents import write_document
from nbtrack.notebooks.restore import restore
from nbtrack.store.frames import Kind

OLD = notebook(text("# Churn", id="a"), code("rate = 0.1", printed("ok\n"), count=3, id="b"), code("fit()", id="c"))
NEW = notebook(text("# Churn", id="a"), code("rate = 0.9", count=8, id="b"), code("plot()", id="d"))
SECRET = "x7-Kq-very-secret-91"


def on_disk(desk: Desk, name: str = "churn.ipynb") -> Any:
    return json.loads((desk.folder / name).read_bytes())


def lined(document: Any) -> str:
    return canonical(json.loads(write_document(document)))


def test_the_whole_notebook_comes_back_and_the_present_state_was_kept(desk: Desk) -> None:
    desk.taker.take_file(desk.save(OLD))
    path = desk.save(NEW)
    path.chmod(0o640)
    done = restore(desk.writer, "last")
    assert canonical(on_disk(desk)) == lined(OLD)
    assert (done.path, done.beside, done.cells, done.held_back) == (str(path), False, (), ())
    assert done.kept is not None
    assert done.kept.reason == "before restore"
    assert canonical(desk.document(done.kept)) == canonical(NEW)
    assert path.stat().st_mode & 0o777 == 0o640
    assert sorted(one.name for one in desk.folder.iterdir()) == [".nbtrack", "churn.ipynb"], "no temporary file is left"
    assert [one.reason for one in desk.taken()] == ["save", "before restore", "save"]
    restore(desk.writer, done.kept.id)
    assert canonical(on_disk(desk)) == lined(NEW), "and the way back is open"


def test_a_notebook_whose_file_was_deleted_comes_back(desk: Desk) -> None:
    path = desk.save(OLD, "deep/churn.ipynb")
    desk.taker.take_file(path)
    path.unlink()
    path.parent.rmdir()
    done = restore(desk.writer, "last")
    assert (done.kept, done.path) == (None, str(path))
    assert canonical(on_disk(desk, "deep/churn.ipynb")) == lined(OLD)


def test_one_cell_comes_back_into_its_place(desk: Desk) -> None:
    desk.taker.take_file(desk.save(OLD))
    desk.save(NEW)
    done = restore(desk.writer, "last", cell="[3]")
    assert done.cells == (1,)
    assert canonical(on_disk(desk)) == lined(notebook(NEW["cells"][0], OLD["cells"][1], NEW["cells"][2]))


def test_a_cell_that_is_gone_comes_back_behind_its_neighbour(desk: Desk) -> None:
    desk.taker.take_file(desk.save(OLD))
    desk.save(NEW)
    assert restore(desk.writer, "last", cell="cell 3").cells == (2,)
    assert [cell["source"] for cell in on_disk(desk)["cells"]] == [["# Churn"], ["rate = 0.9"], ["fit()"], ["plot()"]]


def test_a_cell_without_an_id_is_found_by_what_it_says(desk: Desk) -> None:
    def plain(*sources: str) -> dict[str, Any]:
        return {**notebook(*map(code, sources)), "nbformat_minor": 4}

    desk.taker.take_file(desk.save(plain("import numpy as np", "learning_rate = 0.1", "model.fit(X, y)")))
    desk.save(plain("# new", "import numpy as np", "learning_rate = 0.7", "model.fit(X, y)"))
    assert restore(desk.writer, "last", cell="cell 2").cells == (2,)
    assert on_disk(desk)["cells"][2]["source"] == ["learning_rate = 0.1"]


def test_an_unknown_cell_or_checkpoint_changes_nothing(desk: Desk) -> None:
    desk.taker.take_file(desk.save(OLD))
    before = desk.save(NEW).read_bytes()
    with pytest.raises(UnknownCell, match=r"Write \[5\]"):
        restore(desk.writer, "last", cell="[77]")
    with pytest.raises(UnknownCheckpoint):
        restore(desk.writer, "last~5")
    assert (desk.folder / "churn.ipynb").read_bytes() == before
    assert len(desk.taken()) == 1


def test_while_a_kernel_runs_it_the_file_is_written_beside(desk: Desk) -> None:
    path = desk.save(OLD)
    desk.taker.take_file(path)
    desk.save(NEW)
    desk.writer.append(Kind.SESSION, {"id": "s1", "kind": "kernel", "notebook": str(path)})
    first, second = restore(desk.writer, "last"), restore(desk.writer, "last")
    assert (first.beside, canonical(on_disk(desk))) == (True, canonical(NEW))
    assert Path(first.path).name == f"churn.restored-{first.checkpoint.short_id}.ipynb"
    assert Path(second.path).name == f"churn.restored-{second.checkpoint.short_id}.ipynb"
    assert canonical(json.loads(Path(first.path).read_bytes())) == lined(OLD)
    third = restore(desk.writer, first.checkpoint.id)
    assert Path(third.path).name == f"churn.restored-{first.checkpoint.short_id}-2.ipynb", "a restored copy is never written over"
    forced = restore(desk.writer, first.checkpoint.id, force=True)
    assert not forced.beside
    assert canonical(on_disk(desk)) == lined(OLD)


def test_a_kernel_says_by_its_environment_that_the_notebook_is_open(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    path = desk.save(OLD)
    desk.taker.take_file(path)
    monkeypatch.setenv("JPY_SESSION_NAME", str(path))
    assert restore(desk.writer, "last").beside


def test_a_secret_is_put_back_from_the_present_notebook(desk: Desk) -> None:
    first = notebook(code(f'login(password="{SECRET}", tries=1)', id="a"), code("x = 1", id="b"))
    desk.taker.take_file(desk.save(first))
    desk.save(notebook(code(f'login(password="{SECRET}", tries=99)', id="a"), code("x = 2", id="b")))
    done = restore(desk.writer, "last")
    assert (done.put_back, done.held_back) == (1, ())
    assert canonical(on_disk(desk)) == lined(first)


def test_without_the_secret_a_cell_keeps_its_present_text(desk: Desk) -> None:
    desk.taker.take_file(desk.save(notebook(code(f'login(password="{SECRET}")', count=1, id="a"), code("x = 1", id="b"))))
    desk.save(notebook(code("login(password=ask())", count=4, id="a"), code("x = 2", id="b")))
    done = restore(desk.writer, "last")
    assert done.held_back == ("[1]",)
    assert [cell["source"] for cell in on_disk(desk)["cells"]] == [["login(password=ask())"], ["x = 1"]]
    alone = restore(desk.writer, "last~2", cell="a")
    assert (alone.cells, alone.held_back) == ((), ("[1]",))
    assert "redacted" not in (desk.folder / "churn.ipynb").read_text()


def test_a_file_that_was_no_notebook_comes_back_byte_by_byte(desk: Desk) -> None:
    broken = b'{"cells": [ <<<<<<< HEAD \xff'
    desk.taker.take_file(desk.save(broken))
    desk.save(NEW)
    with pytest.raises(BadNotebook, match="no cells"):
        restore(desk.writer, "last", cell="a")
    restore(desk.writer, "last")
    assert (desk.folder / "churn.ipynb").read_bytes() == broken
    restore(desk.writer, "last~1")
    assert canonical(on_disk(desk)) == lined(NEW), "a broken file is replaced, and was kept, too"


def test_a_notebook_of_format_3_comes_back(desk: Desk) -> None:
    sheet = {"cells": [{"cell_type": "code", "input": "a = 1", "outputs": [], "prompt_number": 1}], "metadata": {}}
    document = {"worksheets": [sheet], "nbformat": 3, "nbformat_minor": 0, "metadata": {"name": "x"}}
    other = {**document, "worksheets": [{**sheet, "cells": [{**sheet["cells"][0], "input": "a = 2"}]}]}  # type: ignore[index]
    desk.taker.take_file(desk.save(document))
    desk.save(other)
    restore(desk.writer, "last", cell="cell 1")
    assert canonical(on_disk(desk)) == canonical(document)
    desk.save(other)
    restore(desk.writer, "last")
    assert canonical(on_disk(desk)) == canonical(document)


def test_a_link_stays_a_link(desk: Desk) -> None:
    real = desk.save(OLD, "real.ipynb")
    (desk.folder / "churn.ipynb").symlink_to(real)
    desk.taker.take_file(desk.folder / "churn.ipynb")
    desk.save(NEW, "real.ipynb")
    restore(desk.writer, "last", path=desk.folder / "churn.ipynb")
    assert (desk.folder / "churn.ipynb").is_symlink()
    assert canonical(on_disk(desk, "real.ipynb")) == lined(OLD)


def test_a_folder_that_cannot_be_written_is_said_and_nothing_changes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.taker.take_file(desk.save(OLD))
    before = desk.save(NEW).read_bytes()

    def refuse(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", refuse)
    with pytest.raises(NbtrackError, match="cannot be written"):
        restore(desk.writer, "last")
    monkeypatch.undo()
    assert (desk.folder / "churn.ipynb").read_bytes() == before
    assert not list(desk.folder.glob("*.part"))
