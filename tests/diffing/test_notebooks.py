"""What became of each cell: edited, added, removed, moved, outputs only, noise only; with ids, without, and with ids that lie."""

from __future__ import annotations

import copy
import random

import pytest
from notebook_making import PNG, Notebook, code, grown, notebook, printed, result, text, with_ids

from nbtrack.diffing import CellHashes, NotebookDiff, diff_notebooks
from nbtrack.errors import UsageError

SOURCES = [f"value_{number} = load('part-{number}.csv')\nshow(value_{number})" for number in range(12)]


def plain() -> Notebook:
    return notebook(*(code(source, count=number + 1) for number, source in enumerate(SOURCES)))


def kinds(diff: NotebookDiff) -> list[str]:
    return [cell.kind for cell in diff.cells]


def real(diff: NotebookDiff) -> list[tuple[str, int | None, int | None]]:
    return [(cell.kind, cell.a_index, cell.b_index) for cell in diff.cells if cell.kind not in ("unchanged", "noise only")]


@pytest.mark.parametrize("ids", [False, True])
def test_an_edited_cell_is_edited_with_or_without_ids(ids: bool) -> None:
    a = with_ids(plain()) if ids else plain()
    b = copy.deepcopy(a)
    b["cells"][4]["source"] = b["cells"][4]["source"].replace("csv", "parquet")
    diff = diff_notebooks(a, b)
    assert real(diff) == [("edited", 4, 4)]
    (line,) = diff.cells[4].source.lines
    assert (line.kind, line.a_number, line.b_number) == ("changed", 0, 0)
    assert [line.b[low:high] for low, high in line.marks[1]] == ["parquet"]


@pytest.mark.parametrize("ids", [False, True])
def test_an_added_and_a_removed_cell_leave_the_others_alone(ids: bool) -> None:
    a = with_ids(plain()) if ids else plain()
    b = copy.deepcopy(a)
    del b["cells"][8]
    b["cells"].insert(2, code("import os", count=40, **({"id": "new"} if ids else {})))
    assert real(diff_notebooks(a, b)) == [("added", None, 2), ("removed", 8, None)]


@pytest.mark.parametrize("ids", [False, True])
def test_a_moved_cell_is_told_once_with_the_cells_it_passed(ids: bool) -> None:
    a = with_ids(plain()) if ids else plain()
    b = copy.deepcopy(a)
    b["cells"].insert(7, b["cells"].pop(2))
    diff = diff_notebooks(a, b)
    assert real(diff) == [("moved", 2, 7)]
    (move,) = diff.moves
    assert (move.a_index, move.b_index, move.moved_by, move.edited) == (2, 7, 5, False)
    back = diff_notebooks(b, a)
    assert back.moves[0].moved_by == -5


def test_a_cell_that_moved_and_was_edited_is_edited_and_among_the_moves() -> None:
    a = with_ids(plain())
    b = copy.deepcopy(a)
    b["cells"].insert(9, b["cells"].pop(1))
    b["cells"][9]["source"] += "\nprint('more')"
    diff = diff_notebooks(a, b)
    assert real(diff) == [("edited", 1, 9)]
    assert [(move.moved_by, move.edited) for move in diff.moves] == [(8, True)]


def test_ids_that_were_dealt_out_anew_by_place_do_not_hide_that_one_cell_was_inserted() -> None:
    a = with_ids(plain())
    b = plain()
    b["cells"].insert(3, code("import os"))
    diff = diff_notebooks(a, with_ids(b))
    assert real(diff) == [("added", None, 3)]


def test_ids_that_appear_with_a_newer_format_are_noise() -> None:
    diff = diff_notebooks(plain(), with_ids(plain()))
    assert not diff.changed
    assert set(kinds(diff)) == {"noise only"}
    assert diff.noise == {"metadata": 1, "ids": 12}
    assert diff.summary == "No real change. 1 metadata entry and 12 ids differ."


def test_an_id_holds_a_cell_together_that_was_rewritten_from_top_to_bottom() -> None:
    a = with_ids(plain())
    b = copy.deepcopy(a)
    b["cells"][5]["source"] = "nothing of the old text is left"
    assert real(diff_notebooks(a, b)) == [("edited", 5, 5)]


def test_duplicate_ids_are_no_ids() -> None:
    a = notebook(*(code(source, id="same") for source in SOURCES))
    b = copy.deepcopy(a)
    b["cells"].pop(3)
    assert real(diff_notebooks(a, b)) == [("removed", 3, None)]


def test_a_cell_whose_type_changed_is_edited() -> None:
    a, b = plain(), plain()
    b["cells"][3] = text(SOURCES[3])
    diff = diff_notebooks(a, b)
    assert real(diff) == [("edited", 3, 3)]
    assert diff.cells[3].also == ("type",)
    assert diff.cells[3].source is None


def test_cells_are_matched_by_likeness_where_several_neighbours_changed() -> None:
    a = notebook(
        code("alpha = read('a.csv')\nalpha.head()"), code("beta = read('b.csv')\nbeta.head()"), code("gamma = read('c.csv')\ngamma.head()")
    )
    b = notebook(
        code("alpha = read('a.csv', sep=';')\nalpha.head()"), code("delta = 5"), code("gamma = read('c.csv', sep=';')\ngamma.tail()")
    )
    diff = diff_notebooks(a, b)
    assert sorted(real(diff), key=str) == sorted([("edited", 0, 0), ("added", None, 1), ("removed", 1, None), ("edited", 2, 2)], key=str)


def test_repeated_cells_are_matched_in_order() -> None:
    cells = [code(source) for source in ("plt.show()", "a = 1", "plt.show()", "b = 2", "plt.show()")]
    b = [*cells[:3], code("plt.show()"), *cells[3:]]
    assert sorted(kinds(diff_notebooks(notebook(*cells), notebook(*b)))) == ["added", *["unchanged"] * 5]


def test_execution_counts_are_noise_counted_once_a_cell() -> None:
    a = notebook(code("x", result(1, plain="3"), count=1), code("y", count=2))
    b = notebook(code("x", result(7, plain="3"), count=7), code("y", count=8))
    diff = diff_notebooks(a, b)
    assert diff.noise == {"counts": 2}
    assert diff.summary == "No real change. 2 counts differ."


def test_metadata_is_noise_and_what_holds_times_is_timings() -> None:
    a = notebook(code("x", metadata={"execution": {"iopub": 1}}), code("y"))
    b = notebook(code("x", metadata={"execution": {"iopub": 2}}), code("y", metadata={"tags": ["a"]}), metadata={"title": "x"})
    assert diff_notebooks(a, b).noise == {"timings": 1, "metadata": 2}


def test_a_source_as_a_list_is_the_same_text_in_another_form() -> None:
    diff = diff_notebooks(notebook(code("a\nb")), notebook(code(["a\n", "b"])))
    assert diff.nbdime
    assert kinds(diff) == ["noise only"]
    assert diff.noise == {"form": 1}


def test_line_ends_alone_are_form_and_a_real_edit_beside_them_is_still_found() -> None:
    assert diff_notebooks(notebook(code("a\r\nb")), notebook(code("a\nb"))).noise == {"form": 1}
    diff = diff_notebooks(notebook(code("a\r\nb\r\nc")), notebook(code("a\nB\nc")))
    assert [(line.kind, line.a, line.b) for line in diff.cells[0].source.lines] == [("removed", "b", ""), ("added", "", "B")]


def test_rare_separators_stay_inside_their_line() -> None:
    diff = diff_notebooks(notebook(text("one\x0btwo\u2028three\nfour")), notebook(text("one\x0btwo\u2028four\nfour")))
    (line,) = diff.cells[0].source.lines
    assert line.a == "one\x0btwo\u2028three"


def test_an_attachment_that_changed_is_an_edit() -> None:
    a = notebook(text("![](attachment:a.png)", attachments={"a.png": {"image/png": PNG}}))
    b = notebook(text("![](attachment:a.png)", attachments={"a.png": {"image/png": PNG[:-4] + "AAAA"}}))
    diff = diff_notebooks(a, b)
    assert kinds(diff) == ["edited"]
    assert diff.cells[0].also == ("attachments",)


def test_hashes_of_a_store_stand_in_for_contents() -> None:
    a, b = plain(), plain()
    b["cells"].insert(4, b["cells"].pop(9))

    def hashes(made: Notebook) -> list[CellHashes]:
        return [CellHashes(f"h:{cell['source']}", ()) for cell in made["cells"]]

    diff = diff_notebooks(a, b, a_hashes=hashes(a), b_hashes=hashes(b))
    assert real(diff) == real(diff_notebooks(a, b)) == [("moved", 9, 4)]
    with pytest.raises(UsageError, match="a_hashes has 2 entries for 12 cells"):
        diff_notebooks(a, b, a_hashes=hashes(a)[:2], b_hashes=hashes(b))


def test_a_notebook_of_format_3_is_compared_with_its_upgrade() -> None:
    old = {
        "nbformat": 3,
        "metadata": {},
        "worksheets": [
            {
                "cells": [
                    {"cell_type": "heading", "level": 2, "source": ["Data"], "metadata": {}},
                    {
                        "cell_type": "code",
                        "input": ["x = 1\n", "x"],
                        "prompt_number": 3,
                        "outputs": [{"output_type": "pyout", "prompt_number": 3, "text": ["1"], "metadata": {}}],
                    },
                ]
            }
        ],
    }
    new = notebook(text("## Data"), code("x = 1\nx", result(3, plain="1"), count=3))
    assert not diff_notebooks(old, new).changed
    new["cells"][1]["source"] = "x = 2\nx"
    assert real(diff_notebooks(old, new)) == [("edited", 1, 1)]
    assert diff_notebooks(old, new).words == "[3] x 1 → 2"


def test_every_cell_rewritten_in_a_large_notebook_ends_and_keeps_its_entries() -> None:
    picked = random.Random(3)

    def sources() -> list[str]:
        return [" ".join(picked.choices(["a", "b", "c", "load", "model", "plot"], k=8)) for _ in range(1200)]

    diff = diff_notebooks(notebook(*map(code, sources())), notebook(*map(code, sources())))
    assert sum(cell.a is not None for cell in diff.cells) == sum(cell.b is not None for cell in diff.cells) == 1200


def test_a_history_told_step_by_step_never_calls_an_untouched_cell_changed() -> None:
    for a, b in zip(grown(5), grown(5)[1:], strict=False):
        for cell in diff_notebooks(a, b).cells:
            if cell.a is not None and cell.b is not None and cell.a.raw == cell.b.raw:
                assert cell.kind in ("unchanged", "moved")


def test_streams_cut_elsewhere_are_form_only() -> None:
    a = notebook(code("f()", printed("one\n"), printed("two\n")))
    b = notebook(code("f()", printed("one\ntwo\n")))
    diff = diff_notebooks(a, b)
    assert kinds(diff) == ["noise only"]
    assert diff.noise == {"form": 1}
