"""Checkpoints: what a save costs and takes on disk, and how long a search through 100,000 cell states takes."""

from __future__ import annotations

import base64
import json
import random
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.measure import Row, cpu_of, own_store, percentile
from nbtrack.config import Settings, open_location
from nbtrack.notebooks.take import enqueue_save, taker_of
from nbtrack.store import search_index
from nbtrack.store.connection import open_reader, open_writer
from nbtrack.store.migrations import migrate
from nbtrack.store.search import search
from nbtrack.store.writer import Writer

_NAMES = (
    "train", "valid", "score", "model", "data", "frame", "column", "epoch", "batch", "loss", "rate", "feature", "target", "index", "value",
    "array", "table", "plot", "axis", "label",
)  # fmt: skip
SAVES, SMALL_SAVES = 300, 100
CELL_STATES = 100_000


def rows() -> list[Row]:
    """Measure every bar of checkpoints and search."""
    return [*_saves(), _small_saves(), *_searches()]


class Notebook:
    """A notebook as people write them: text, code with printed lines, tables in HTML, plots in PNG; ``edit`` changes one cell."""

    def __init__(self, *, cells: int, plots: int, plot_bytes: int, tables: int, seed: int = 7) -> None:
        self._random = random.Random(seed)
        self._plot_bytes = plot_bytes
        kinds = ["plot"] * plots + ["table"] * tables
        kinds += ["text", "print", "print"] * ((cells - len(kinds)) // 3 + 1)
        self._random.shuffle(kinds)
        self.cells = [self._cell(place, kind) for place, kind in enumerate(kinds[:cells])]

    def document(self) -> dict[str, Any]:
        """The notebook as it would be saved."""
        return {"cells": self.cells, "metadata": {"kernelspec": {"name": "python3"}}, "nbformat": 4, "nbformat_minor": 5}

    def edit(self) -> None:
        """Edit one cell; half of the time it is executed again, and then what it shows is another."""
        place = self._random.randrange(len(self.cells))
        cell = dict(self.cells[place])
        lines = list(cell["source"])
        lines[self._random.randrange(len(lines))] = self._line()
        cell["source"] = lines
        if cell["cell_type"] == "code" and self._random.random() < 0.5:
            cell["execution_count"] += 1
            cell["outputs"] = [self._output(output.get("metadata", {}).get("kind", "print")) for output in cell["outputs"]]
        self.cells[place] = cell

    def _cell(self, place: int, kind: str) -> dict[str, Any]:
        source = [self._line() for _ in range(self._random.randrange(4, 24))]
        if kind == "text":
            return {"cell_type": "markdown", "id": f"cell-{place}", "metadata": {}, "source": source}
        return {
            "cell_type": "code", "id": f"cell-{place}", "metadata": {}, "execution_count": place + 1, "source": source,
            "outputs": [self._output(kind)],
        }  # fmt: skip

    def _output(self, kind: str) -> dict[str, Any]:
        if kind == "print":
            return {"output_type": "stream", "name": "stdout", "text": [f"epoch {n} loss {self._random.random():.4f}\n" for n in range(30)]}
        data: dict[str, Any] = {"text/plain": ["<Figure size 640x480 with 1 Axes>"]}
        if kind == "plot":
            body = b"\x89PNG\r\n\x1a\n" + self._random.randbytes(int(self._plot_bytes * self._random.uniform(0.5, 1.5)))
            data["image/png"] = base64.b64encode(body).decode()
        else:
            cells = "".join(f"<tr><td>{self._word()}</td><td>{self._random.random():.6f}</td></tr>\n" for _ in range(60))
            data = {"text/html": f"<table>\n{cells}</table>".splitlines(True), "text/plain": [f"{self._word()} {n}\n" for n in range(60)]}
        return {"output_type": "display_data", "metadata": {"kind": kind}, "data": data}

    def _line(self) -> str:
        words = " ".join(self._word() for _ in range(self._random.randrange(3, 9)))
        return f"{self._word()}_{self._random.randrange(100)} = {words}\n"

    def _word(self) -> str:
        return self._random.choice(_NAMES)


def _saves() -> list[Row]:
    notebook = Notebook(cells=160, plots=40, plot_bytes=32_000, tables=20)
    edits = random.Random(3)
    each: list[float] = []
    with own_store() as folder:
        writer = Writer(open_location(folder / ".nbtrack"), Settings())
        path = folder / "work.ipynb"
        size = _save(path, notebook)
        _take(writer, path)
        writer.flush(60)
        copies = size
        for _ in range(SAVES):
            for _ in range(edits.randrange(1, 4)):
                notebook.edit()
            copies += _save(path, notebook)
            each.append(cpu_of(lambda: _take(writer, path)))
        total = sum(each)
        total += cpu_of(lambda: writer.flush(60))
        writer.close(30)
        stored = _size(folder)
    mean, worst = total / SAVES * 1000, percentile(each, 0.95) * 1000
    told = f"copies: {copies / 1e6:.0f} MB, the notebook {size / 1e6:.1f} MB"
    return [
        Row(f"{SAVES} autosaves, 1 to 3 cells edited: store", f"{stored / 1e6:.1f} MB", told, "<= 8 MB", stored <= 8e6),
        Row("CPU a save, all threads, file to rows", f"{mean:.1f} ms", f"without the rows: p95 {worst:.1f} ms", "<= 10 ms", mean <= 10),
    ]


def _small_saves() -> Row:
    notebook = Notebook(cells=40, plots=4, plot_bytes=20_000, tables=3)
    edits = random.Random(4)
    with own_store() as folder:
        writer = Writer(open_location(folder / ".nbtrack"), Settings())
        path = folder / "work.ipynb"
        size = 0
        for _ in range(SMALL_SAVES):
            for _ in range(edits.randrange(1, 3)):
                notebook.edit()
            size = _save(path, notebook)
            _take(writer, path)
        writer.flush(60)
        writer.close(30)
        stored = _size(folder)
    return Row(
        f"{SMALL_SAVES} saves of {size / 1000:.0f} KB: store", f"{stored / 1e6:.2f} MB", f"copies: {size * SMALL_SAVES / 1e6:.0f} MB",
        "<= 1 MB", stored <= 1e6,
    )  # fmt: skip


def _searches() -> list[Row]:
    """Words in 10 %, 1 % and few of 100,000 distinct texts of cells."""
    found = []
    with own_store() as folder:
        location = open_location(folder / ".nbtrack")
        migrate(location)
        _fill(location)
        with open_reader(location) as db:
            for word, share in (("tenth", "10 %"), ("hundredth", "1 %"), ("tenth_hundredth", "0.1 %, two words"), ("needle77", "one")):
                times = [_time(lambda word=word: search(db, word, limit=50)) for _ in range(15)]  # type: ignore[misc]
                total = search(db, word).total
                middle = statistics.median(times) * 1000
                told = f"{total:,} texts, {percentile(times, 0.95) * 1000:.1f} ms p95"
                found.append(
                    Row(f"search {CELL_STATES:,} cell states, word in {share}", f"{middle:.1f} ms", told, "<= 50 ms", middle <= 50)
                )
    return found


def _fill(location: Any) -> None:
    """Make 100,000 cell states of 200 notebooks, as ingest does: each a text of its own, in a checkpoint."""
    words = random.Random(5)
    with open_writer(location) as db:
        for book in range(200):
            db.execute("insert into notebook (id, path, first_at, last_at) values (?, ?, 0, 0)", (book + 1, f"/work/{book}.ipynb"))
            ids = range(book * 500 + 1, book * 500 + 501)
            manifest = _manifest(list(ids))
            db.execute(
                """
                insert into checkpoint (n, id, notebook_id, at, seen_at, reason, state, frame_sha256, manifest, cells)
                values (?, ?, ?, ?, 0, 'save', '', '', ?, 500)
                """,
                (book + 1, f"{book:032x}", book + 1, book, manifest),
            )
            for state in ids:
                text = " ".join(words.choices(_NAMES, k=40)) + f" value{state} needle{state}"
                text += " tenth" if state % 10 == 0 else ""
                text += " hundredth" if state % 100 == 0 else ""
                db.execute(
                    "insert into cell_state (id, notebook_id, hash, kind, first_n, content) values (?, ?, ?, 'code', ?, ?)",
                    (state, book + 1, state.to_bytes(16, "big"), book + 1, '["{}",[],null]'),
                )
                text_id = search_index.add_text(db, "code", text)
                db.execute("insert into cell_text values (?, ?, -1)", (text_id, state))


def _manifest(ids: list[int]) -> bytes:
    from nbtrack.store.manifests import Manifest, pack_rows

    return pack_rows(Manifest(counts=tuple([] for _ in ids)), ids, "l")


def _take(writer: Writer, path: Path) -> None:
    enqueue_save(writer, path)
    taker_of(writer).drain(60)


def _save(path: Path, notebook: Notebook) -> int:
    data = json.dumps(notebook.document(), indent=1, ensure_ascii=False, sort_keys=True).encode()
    path.write_bytes(data)
    return len(data)


def _time(work: Callable[[], object]) -> float:
    begin = time.perf_counter()
    work()
    return time.perf_counter() - begin


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in (folder / ".nbtrack").rglob("*") if path.is_file())
