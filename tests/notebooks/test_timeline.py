"""The timeline says in few words what changed, folds what says nothing, and a cell's history says how it came to be."""

from __future__ import annotations

from typing import Any

import pytest
from desk import Desk, code, notebook, printed, text

from nbtrack.errors import UnknownCell
from nbtrack.notebooks.history import cell_history
from nbtrack.notebooks.take import Cause
from nbtrack.notebooks.timeline import read_timeline

RUN = "0189000000007000800000000000beef"


def states(*documents: dict[str, Any] | bytes, desk: Desk, causes: dict[int, Cause] | None = None) -> None:
    for place, document in enumerate(documents):
        desk.taker.take_file(desk.save(document), (causes or {}).get(place, Cause()))


def told(desk: Desk, **more: Any) -> list[str]:
    path = str(desk.folder / "churn.ipynb")
    return [entry.words for entry in desk.ask(lambda db: read_timeline(desk.location, db, notebook=path, **more))]


def base(rate: str = "0.1", count: int = 5, *more: dict[str, Any]) -> dict[str, Any]:
    return notebook(text("# Churn", id="t"), code(f"learning_rate = {rate}", printed("ok\n"), count=count, id="r"), *more)


def test_each_line_says_what_changed(desk: Desk) -> None:
    scaler = code("scaler = StandardScaler()", id="s")
    states(base(), base("0.01"), base("0.01", 5, scaler), base("0.01", 5), desk=desk)
    assert told(desk, fold=False) == [
        "Removed cell: StandardScaler",
        "Added cell: StandardScaler",
        "[5] learning_rate 0.1 → 0.01",
        "First checkpoint: 2 cells",
    ]


def test_saves_in_one_stretch_of_work_are_one_line(desk: Desk) -> None:
    more = [code("other = 1", id="o"), code("third = 1", id="p")]
    edited = [code("other = 2", id="o"), code("third = 2", id="p")]
    states(base("1", 5, *more), base("2", 5, *more), base("3", 5, edited[0], more[1]), base("3", 5, *edited), desk=desk)
    first, *rest = told(desk)
    assert first == "3 saves, 3 cells edited"
    assert rest == ["First checkpoint: 4 cells"]


def test_saves_without_real_change_are_folded_and_their_noise_named(desk: Desk) -> None:
    states(base("1", 5), base("1", 6), base("1", 7), base("1", 8), desk=desk)
    path = str(desk.folder / "churn.ipynb")
    newest, _ = desk.ask(lambda db: read_timeline(desk.location, db, notebook=path))
    assert (newest.words, newest.real, newest.cells) == ("3 saves without real change", False, ("counts",))


def test_a_named_checkpoint_and_one_of_a_run_stand_alone(desk: Desk) -> None:
    causes = {2: Cause("manual", "before"), 3: Cause("run start", run_id=RUN, boundary="start")}
    states(base("1"), base("2"), base("3"), base("4"), base("5"), desk=desk, causes=causes)
    assert told(desk) == [f"[5] learning_rate {n - 1} → {n}" for n in (5, 4, 3, 2)] + ["First checkpoint: 2 cells"]


def test_a_change_from_outside_names_the_cells(desk: Desk) -> None:
    states(base("1"), base("2"), desk=desk, causes={1: Cause("changed outside")})
    assert told(desk)[0] == "Changed outside Jupyter: [5]"


def test_a_file_that_was_no_notebook_has_its_line(desk: Desk) -> None:
    states(base("1"), b"<<<<<<< HEAD", base("1"), desk=desk)
    assert told(desk) == ["A notebook again", "The file was no notebook: kept byte by byte", "First checkpoint: 2 cells"]


def test_lines_and_outputs_are_counted(desk: Desk) -> None:
    states(base("1"), notebook(text("# Churn", id="t"), code("a\nb\nlearning_rate = 1", printed("other\n"), count=5, id="r")), desk=desk)
    path = str(desk.folder / "churn.ipynb")
    newest = desk.ask(lambda db: read_timeline(desk.location, db, notebook=path))[0]
    assert (newest.added, newest.removed, newest.outputs) == (2, 0, 1)


def test_a_timeline_of_nothing_is_empty(desk: Desk) -> None:
    states(base(), desk=desk)
    assert desk.ask(lambda db: read_timeline(desk.location, db, notebook="/nowhere.ipynb")) == []


def history(desk: Desk, cell: str) -> list[tuple[str, int, bool]]:
    path = str(desk.folder / "churn.ipynb")
    found = desk.ask(lambda db: cell_history(desk.location, db, path, cell))
    return [(state.source, state.checkpoints, state.present) for state in found]


def test_the_history_of_a_cell_has_every_state_with_its_outputs(desk: Desk) -> None:
    states(base("1"), base("1", 5, code("x", id="x")), base("2"), base("3"), desk=desk)
    expected = [("learning_rate = 3", 1, True), ("learning_rate = 2", 1, False), ("learning_rate = 1", 2, False)]
    assert history(desk, "[5]") == history(desk, "r") == history(desk, "cell 2") == expected
    path = str(desk.folder / "churn.ipynb")
    newest = desk.ask(lambda db: cell_history(desk.location, db, path, "r"))[0]
    assert newest.outputs == (printed("ok\n"),)


def test_cells_without_ids_are_followed_by_what_they_say(desk: Desk) -> None:
    def plain(*sources: str) -> dict[str, Any]:
        return {**notebook(*map(code, sources)), "nbformat_minor": 4}

    states(
        plain("import numpy as np", "learning_rate = 0.1", "model.fit(X, y)"),
        plain("# a new first cell", "import numpy as np", "learning_rate = 0.1", "model.fit(X, y)"),
        plain("# a new first cell", "import numpy as np", "learning_rate = 0.3", "model.fit(X, y)"),
        desk=desk,
    )  # fmt: skip
    assert history(desk, "cell 3") == [("learning_rate = 0.3", 1, True), ("learning_rate = 0.1", 2, False)]


def test_a_removed_cell_still_has_its_history(desk: Desk) -> None:
    states(base("1", 5, code("gone = 1", id="gone-cell")), base("1", 5, code("gone = 2", id="gone-cell")), base("1"), desk=desk)
    assert history(desk, "gone-c") == [("gone = 2", 1, False), ("gone = 1", 1, False)]


def test_an_unknown_cell_is_named_with_near_ones(desk: Desk) -> None:
    states(base(), desk=desk)
    with pytest.raises(UnknownCell, match="Write"):
        history(desk, "[99]")
    with pytest.raises(UnknownCell, match="no checkpoint yet"):
        desk.ask(lambda db: cell_history(desk.location, db, "/nowhere.ipynb", "1"))
