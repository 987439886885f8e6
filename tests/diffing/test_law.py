"""The law: nbdime's own patch, given A and the difference, makes B; compared as canonical JSON, in which 1, true and 1.0 differ."""

from __future__ import annotations

import copy
import itertools
import json
import os
import random
from pathlib import Path

import nbdime
import nbformat
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notebook_making import Notebook, canonical, code, edited, grown, multiline, notebook, notebooks, with_ids

from nbtrack.diffing import NotebookDiff, diff_notebooks

NOTEBOOKS = os.environ.get("NBTRACK_NOTEBOOKS")
PAIRS = sorted((Path(NOTEBOOKS) / "pairs").glob("*_a.ipynb")) if NOTEBOOKS else []
quick = settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def check(a: Notebook, b: Notebook) -> NotebookDiff:
    """Compare two notebooks and hold the result against every law."""
    before = canonical(a), canonical(b)
    diff = diff_notebooks(a, b)
    patched = nbdime.patch_notebook(copy.deepcopy(a), diff.nbdime)
    assert canonical(patched) == before[1]
    assert (canonical(a), canonical(b)) == before, "what was handed in is as it was"
    assert canonical(json.loads(json.dumps(diff.nbdime))) == canonical(diff.nbdime), "the difference is JSON"
    assert (not diff.nbdime) == (before[0] == before[1])
    check_cells(diff)
    return diff


def check_cells(diff: NotebookDiff) -> None:
    """Every cell of either side has exactly one entry, and every move is one of them."""
    left = sorted(cell.a_index for cell in diff.cells if cell.a_index is not None)
    right = [cell.b_index for cell in diff.cells if cell.b_index is not None]
    assert left == list(range(len(left)))
    assert right == list(range(len(right)))
    assert {(move.a_index, move.b_index) for move in diff.moves} == {(one.a_index, one.b_index) for one in diff.cells if one.moved_by}
    assert sum(diff.counts.values()) == len(diff.cells)
    assert diff.summary
    assert diff.words


@quick
@given(notebooks, notebooks)
def test_any_two_notebooks_however_malformed_keep_the_law(a: Notebook, b: Notebook) -> None:
    check(a, b)


@quick
@given(st.data(), notebooks)
def test_an_edited_notebook_keeps_the_law(data: st.DataObject, a: Notebook) -> None:
    check(a, data.draw(edited(a)))


@quick
@given(multiline, multiline)
def test_a_source_with_any_line_separator_keeps_the_law(a: object, b: object) -> None:
    check(notebook({**code(""), "source": a}), notebook({**code(""), "source": b}))


@given(notebooks)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_notebook_and_its_copy_do_not_differ(a: Notebook) -> None:
    diff = check(a, copy.deepcopy(a))
    assert diff.nbdime == []
    assert not diff
    assert all(cell.kind == "unchanged" for cell in diff.cells)
    assert diff.summary == "No change."


@pytest.mark.parametrize("seed", range(20))
def test_every_two_states_of_a_history_keep_the_law(seed: int) -> None:
    history = grown(seed)
    for a, b in [*itertools.pairwise(history), (history[0], history[-1]), (history[-1], history[0])]:
        check(a, b)


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_and_repeated_cells_keep_the_law(seed: int) -> None:
    picked = random.Random(seed)
    sources = [f"step_{number % 7}" for number in range(40)]
    cells = [code(source) for source in sources]
    other = picked.sample(cells, 30) + [code("") for _ in range(5)]
    check(notebook(*cells), notebook(*other))
    check(with_ids(notebook(*cells)), with_ids(notebook(*other), 3))


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), (0, False), (0.0, -0.0), (None, False), ("1", 1), ([], {})])
def test_values_that_python_holds_equal_are_told_apart(one: object, other: object) -> None:
    diff = check(notebook(code("x", tag=one)), notebook(code("x", tag=other)))
    assert diff.nbdime


@pytest.mark.skipif(not PAIRS, reason="NBTRACK_NOTEBOOKS does not name a folder with pairs of real notebooks")
@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.name[:3])
def test_a_real_pair_of_versions_keeps_the_law(path: Path) -> None:
    texts = [one.read_text("utf-8") for one in (path, path.with_name(path.name.replace("_a.", "_b.")))]
    a, b = (json.loads(one) for one in texts)
    check(a, b)
    check(b, a)
    check(*(nbformat.reads(one, as_version=nbformat.NO_CONVERT) for one in texts))


@pytest.mark.skipif(not PAIRS, reason="NBTRACK_NOTEBOOKS does not name a folder with pairs of real notebooks")
@pytest.mark.parametrize("path", PAIRS, ids=lambda path: path.name[:3])
def test_steps_made_from_files_hold_for_notebooks_whose_lines_nbformat_joined(path: Path) -> None:
    other = path.with_name(path.name.replace("_a.", "_b."))
    diff = diff_notebooks(path, other)
    if any(cell.a is None for cell in diff.cells) or any(step["op"] == "add" for step in diff.nbdime):
        pytest.skip("what is added as a whole stands in the form of its file")
    a, b = (json.loads(one.read_text("utf-8")) for one in (path, other))
    assert canonical(nbdime.patch_notebook(a, diff.nbdime)) == canonical(b)
