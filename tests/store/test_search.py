"""Search finds what was written anywhere, says where it stands, and takes whatever is typed for text."""

from __future__ import annotations

import json
import random
import sqlite3
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.config import Settings, StoreLocation
from nbtrack.errors import UsageError
from nbtrack.notebooks.take import Cause, Taker
from nbtrack.store import migrations, search_index
from nbtrack.store.connection import open_reader, open_writer
from nbtrack.store.frames import Kind
from nbtrack.store.search import search
from nbtrack.store.writer import Writer

PNG = {"output_type": "display_data", "metadata": {}, "data": {"text/plain": "<Figure>", "image/png": "iVBORw0KGgo="}}


def code(source: str, *outputs: dict[str, Any], count: int = 1) -> dict[str, Any]:
    return {"cell_type": "code", "execution_count": count, "metadata": {}, "source": source, "outputs": list(outputs)}


def printed(text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": "stdout", "text": text}


def failed(name: str, message: str) -> dict[str, Any]:
    return {"output_type": "error", "ename": name, "evalue": message, "traceback": [f"\x1b[31m{name}\x1b[0m"]}


class Books:
    """Takes notebooks into a store."""

    def __init__(self, location: StoreLocation, folder: Path) -> None:
        self.location = location
        self.folder = folder
        self.writer = Writer(location, Settings())
        self.taker = Taker(self.writer)

    def take(self, *cells: dict[str, Any], name: str = "churn.ipynb", cause: Cause | None = None) -> None:
        path = self.folder / name
        path.write_text(json.dumps({"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 5}))
        self.taker.take_file(path, cause or Cause())

    def find(self, text: str, **more: Any) -> Any:
        assert self.writer.flush(60)
        with open_reader(self.location) as db:
            return search(db, text, **more)


@pytest.fixture
def books(store: StoreLocation, tmp_path: Path) -> Any:
    made = Books(store, tmp_path)
    yield made
    made.writer.close(30)


def test_code_text_outputs_errors_and_notes_are_found(books: Books) -> None:
    run = "0189000000007000800000000000beef"
    books.writer.append(Kind.RUN, {"id": run, "name": "tuned", "experiment": "churn", "origin": "api"})
    books.take(
        code("auc = roc_auc_score(y_val, p)", printed("val_f1 0.8731  roc_auc 0.9213\n")),
        {"cell_type": "markdown", "metadata": {}, "source": "## Why roc_auc and not accuracy"},
        code("boom()", failed("ValueError", "roc_auc_score needs 2 classes")),
        code("plot()", PNG),
        cause=Cause("run end", run_id=run, boundary="end"),
    )
    books.writer.append(Kind.NOTE, {"run": run, "text": "depth 8 wins on roc_auc but not on f1"})
    found = books.find("roc_auc")
    assert found.total == 5
    assert found.kinds == {"code": 1, "text": 1, "output": 1, "error": 1, "note": 1}
    hits = {hit.kind: hit for hit in found.hits}
    assert hits["code"].line == "auc = roc_auc_score(y_val, p)"
    assert [hits["code"].line[start:end] for start, end in hits["code"].marks] == ["roc_auc"]
    assert (hits["code"].index, hits["code"].count, hits["code"].present, hits["code"].older) == (0, 1, True, 0)
    assert hits["error"].line == "ValueError: roc_auc_score needs 2 classes"
    assert hits["output"].run_id == hits["note"].run_id == run
    assert hits["output"].checkpoint is not None
    assert [hit.kind for hit in books.find("roc_auc", kind="error").hits] == ["error"]


def test_all_words_must_occur_in_any_order_and_as_they_begin(books: Books) -> None:
    books.take(code("from sklearn.metrics import roc_auc_score"), code("import numpy"))
    assert books.find("metr skl").total == 1
    assert books.find("IMPORT Numpy").total == 1
    assert books.find("import pandas").total == 0
    assert books.find("auc_sc").total == 1


def test_a_place_that_is_gone_says_when_it_was_seen_last(books: Books) -> None:
    books.take(code("cross_val_score(rf, X, y)"))
    books.take(code("cross_val_score(rf, X, y)"), code("more = 1"))
    books.take(code("more = 1"))
    (hit,) = books.find("cross_val_score").hits
    assert (hit.present, hit.older) == (False, 1)
    assert books.find("more").hits[0].present


def test_a_text_of_two_notebooks_is_a_place_in_each(books: Books) -> None:
    books.take(code("import seaborn"))
    books.take(code("import seaborn"), name="other.ipynb")
    found = books.find("seaborn")
    assert {Path(hit.notebook or "").name for hit in found.hits} == {"churn.ipynb", "other.ipynb"}


def test_errors_of_cells_that_no_checkpoint_holds_are_found(
    store: StoreLocation, script: Callable[..., Any], read: Callable[..., Any]
) -> None:
    one = script().session()
    one.record(Kind.EXECUTION, {"id": "e1", "session": "s1", "seq": 1, "count": 3, "hash": "h", "notebook": "/work/churn.ipynb"}, b"x")
    one.record(Kind.EXECUTION_END, {"id": "e1", "status": "error", "error": {"type": "KeyError", "message": "'income'"}})
    (hit,) = read(search, "income").hits
    assert (hit.kind, hit.execution_id, hit.count, hit.notebook) == ("error", "e1", 3, "/work/churn.ipynb")


def test_whatever_is_typed_is_text_and_never_syntax(books: Books) -> None:
    books.take(code('x = "AND OR NOT NEAR(a b) * ^ : -y"  # 50% of {all} [this]'))
    tries = [
        "",
        " ",
        '"',
        "'",
        "NEAR(",
        "a AND",
        "OR",
        "*",
        "^x",
        "x:y",
        "-y",
        "(((",
        "50%",
        "_",
        "\0",
        "[this]",
        "text:x",
        "\ud800",
        "ü" * 500,
    ]
    letters = random.Random(5)
    tries += ["".join(letters.choices("ab\"*^:()-+ '%_\\{}~NOTANDRé中\x00", k=letters.randrange(1, 20))) for _ in range(1500)]
    for text in tries:
        found = books.find(text) if len(text) < 3 else _search(books, text)
        assert found.total >= len({hit.line for hit in found.hits}) or not found.total
    assert books.find("50%").total == 1
    assert books.find("{all}").total == 1


def _search(books: Books, text: str) -> Any:
    with open_reader(books.location) as db:
        return search(db, text)


def test_signs_and_chinese_are_found_by_reading(books: Books) -> None:
    books.take(code("if a != b: # 学习率 太高"))
    assert books.find("!=").total == 1
    assert books.find("学习").total == 1
    assert books.find("习率").total == 1


def test_without_fts5_the_texts_are_read_and_the_index_catches_up(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    books.take(code("first_text = 1"))
    assert books.find("first_text").total == 1
    monkeypatch.setattr(search_index, "_available", False)
    books.take(code("second_text = 2"))
    assert books.find("second_te").total == 1
    assert books.find("rst_te").total == 1, "parts of words are found, too, when texts are read"
    monkeypatch.setattr(search_index, "_available", True)
    assert books.find("second_text").total == 0, "not in the index yet"
    books.take(code("third_text = 3"))
    assert books.find("second_text").total == books.find("third_text").total == 1


def test_a_store_made_without_fts5_gets_its_index_later(location: StoreLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(migrations, "INDEX_SCHEMA", ())
    migrations.migrate(location)
    monkeypatch.undo()
    with open_writer(location) as db:
        assert not search_index.has_index(db)
        search_index.add_text(db, "code", "hello world")
        assert search_index.has_index(db)
        assert search(db, "hello").total == 1


def test_a_near_word_is_offered(books: Books) -> None:
    books.take(code("accuracy = 1"))
    found = books.find("acuracy")
    assert (found.total, found.near) == (0, ("accuracy",))


def test_an_unknown_kind_is_refused(books: Books) -> None:
    with pytest.raises(UsageError, match="one of code, text, output, error, note"):
        books.find("x", kind="cells")


def test_a_long_line_is_cut_around_the_find(books: Books) -> None:
    books.take(code("a = 1; " * 200 + "needle = 2; " + "b = 3; " * 200))
    (hit,) = books.find("needle").hits
    assert len(hit.line) < 210
    assert [hit.line[start:end] for start, end in hit.marks] == ["needle"]


def test_notes_and_errors_of_an_old_store_are_found_after_its_migration(location: StoreLocation) -> None:
    released = Path(__file__).resolve().parents[1] / "data" / "old_stores" / "0.1.zip"
    location.folder.mkdir(parents=True, mode=0o700)
    with zipfile.ZipFile(released) as archive:
        location.database.write_bytes(archive.read("store.db"))
    db = sqlite3.connect(location.database)
    db.execute("update execution set error_type = 'ValueError', error_message = 'bad shape'")
    db.commit()
    db.close()
    migrations.migrate(location)
    with open_reader(location) as reader:
        assert search(reader, "first try").hits[0].kind == "note"
        assert search(reader, "bad shape").hits[0].kind == "error"
