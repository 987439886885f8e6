"""Hidden state is told: cells edited, deleted, overtaken by others, and whether a result comes out again from top to bottom."""

from __future__ import annotations

import pytest

from nbtrack.lineage import DocumentCell, Executed, analyse, find_stale, judge_order, slice_back

CELLS = {"a": "x = 1", "b": "y = x + 1", "c": "z = y * 2"}


def history(*ran: tuple[str, str]) -> list[Executed]:
    """Executions of cells by id, as they read then."""
    return [Executed(str(at), analyse(source), count=at + 1, cell=cell) for at, (cell, source) in enumerate(ran)]


def document(cells: dict[str, str]) -> list[DocumentCell]:
    """A document of cells in order."""
    return [DocumentCell(cell, source) for cell, source in cells.items()]


def test_a_notebook_run_from_top_to_bottom_has_no_hidden_state() -> None:
    assert find_stale(document(CELLS), history(*CELLS.items())) == ()


def test_a_comment_is_no_edit() -> None:
    assert find_stale(document(CELLS | {"a": "x = 1  # the start"}), history(*CELLS.items())) == ()


def test_an_edited_cell_and_what_reads_from_it_are_stale() -> None:
    found = {one.id: one.kinds for one in find_stale(document(CELLS | {"a": "x = 5"}), history(*CELLS.items()))}
    assert found == {"a": ("edited",), "b": ("upstream",), "c": ("upstream",)}


def test_a_cell_whose_input_was_set_again_is_stale() -> None:
    found = find_stale(document(CELLS), history(*CELLS.items(), ("a", "x = 1")))
    assert [one.id for one in found] == ["b", "c"]
    assert found[0].reasons == ("x, which it reads, was set again by [4]",)


def test_a_name_from_a_deleted_cell_is_told() -> None:
    cells = {"b": CELLS["b"], "c": CELLS["c"]}
    found = find_stale(document(cells), history(*CELLS.items()))
    assert found[0].kinds == ("deleted",)
    assert found[0].reasons == ("x, which it reads, comes from a cell that is gone",)


def test_a_name_from_further_down_is_told() -> None:
    cells = {"b": CELLS["b"], "a": CELLS["a"]}
    found = find_stale(document(cells), history(("a", cells["a"]), ("b", cells["b"])))
    assert [(one.id, one.kinds) for one in found] == [("b", ("order",))]


def test_a_cell_that_never_ran_is_not_stale() -> None:
    assert find_stale(document(CELLS | {"d": "w = z"}), history(*CELLS.items())) == ()


VERDICTS = [
    ("straight", CELLS, "abc", "z", "top to bottom"),
    ("run twice without effect", CELLS, "aabc", "z", "top to bottom"),
    ("other cells ran in between", CELLS | {"d": "w = 3"}, "dadbdc", "z", "top to bottom"),
    ("counted twice", {"a": "x = 1", "b": "x += 1"}, "abb", "x", "out of order"),
    ("from below", {"b": "y = x", "a": "x = 1"}, "ab", "y", "out of order"),
]


@pytest.mark.parametrize(("name", "cells", "order", "target", "kind"), VERDICTS, ids=[one[0] for one in VERDICTS])
def test_a_verdict_tells_whether_it_comes_out_again(name: str, cells: dict[str, str], order: str, target: str, kind: str) -> None:
    ran = history(*((letter, cells[letter]) for letter in order))
    assert judge_order(document(cells), ran, slice_back(ran, target)).kind == kind


def test_a_verdict_names_the_cells_that_are_lost() -> None:
    ran = history(*CELLS.items())
    found = judge_order(document({"b": CELLS["b"], "c": "z = y * 3"}), ran, slice_back(ran, "z"))
    assert (found.kind, found.cells) == ("lost", ("a", "c"))


def test_a_verdict_on_an_execution_follows_its_cell() -> None:
    cells = {"a": "x = 1", "b": "print(x)"}
    ran = history(*cells.items())
    assert judge_order(document(cells), ran, slice_back(ran, execution="1")).kind == "top to bottom"
