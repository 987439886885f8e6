"""The difference as a person would say it."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from notebook_making import PNG, code, notebook, printed, result, text

from nbtrack.diffing import diff_notebooks
from nbtrack.diffing.marks import mark_words
from nbtrack.diffing.reading import read_cell
from nbtrack.diffing.words import noise_words, title_of


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ("learning_rate = 0.01", "learning_rate = 0.003", "[5] learning_rate 0.01 → 0.003"),
        ("model = SVC(C=10, kernel='rbf')", "model = SVC(C=10, kernel='linear')", "[5] kernel 'rbf' → 'linear'"),
        ("fit(lr=1e-3, epochs=5)", "fit(lr=3e-4, epochs=5)", "[5] lr 1e-3 → 3e-4"),
        ("cfg = {'depth': 3}", "cfg = {'depth': 5}", "[5] depth 3 → 5"),
        ("a = 1\nb = 2", "a = 3\nb = 4", "[5] a 1 → 3, b 2 → 4"),
        ("x = f(y)", "x = g(y) + h(z)", "1 edited · 0 unchanged"),
    ],
)
def test_a_single_value_is_told_with_its_name(a: str, b: str, words: str) -> None:
    assert diff_notebooks(notebook(code(a, count=5)), notebook(code(b, count=5))).words == words


def test_the_summary_counts_and_says_the_change() -> None:
    a = notebook(code("lr = 0.1", count=5), code("rest()", count=6))
    b = notebook(code("lr = 0.2", count=5), code("rest()", count=6))
    assert diff_notebooks(a, b).summary == "1 edited: [5] lr 0.1 → 0.2 · 1 unchanged"


def test_many_changes_are_counted_as_the_design_counts_them() -> None:
    cells = [code(f"value_{number} = load({number})\nshow(value_{number})", printed(f"{number}\n"), count=number) for number in range(45)]
    a = notebook(*cells, code("grid = search(model)\ngrid.fit(X, y)"))
    b = copy.deepcopy(a)
    inside = b["cells"]
    inside.pop()
    inside[4]["source"] += "\nmore()"
    inside[9]["source"] += "\nmore(2)"
    for place in (26, 27):
        inside[place]["outputs"] = [printed("another\n")]
    inside.insert(20, inside.pop(16))
    inside.insert(7, code("scaler = StandardScaler().fit(X)", count=99))
    assert diff_notebooks(a, b).summary == "4 edited, 1 added, 1 moved, 1 removed · 40 unchanged"


def test_cells_that_came_went_and_moved_are_told_by_name() -> None:
    base = notebook(code("load_it_all()", count=1), text("## Report"), code("a_first = 1"), code("b_second = 2"), code("c_third = 3"))
    more = copy.deepcopy(base)
    more["cells"].insert(1, code("scaler = StandardScaler().fit(X_train)", count=2))
    assert diff_notebooks(base, more).words == "Added cell: StandardScaler"
    assert diff_notebooks(more, base).words == "Removed cell: StandardScaler"
    fewer = notebook(base["cells"][4], base["cells"][0], base["cells"][1])
    assert diff_notebooks(base, fewer).words == "Removed 2 cells, moved 1"


def test_outputs_only_says_what_kind_and_where() -> None:
    def made(png: str, words: str) -> dict[str, Any]:
        return notebook(code("plot()", result(png=png), count=11), code("say()", printed(words), count=12))

    other = PNG[:-12] + "AAAAAAAAAAAA"
    assert diff_notebooks(made(PNG, "a"), made(other, "a")).summary == "Outputs only: plot in [11]"
    assert diff_notebooks(made(PNG, "a"), made(other, "b")).words == "Outputs only: plot in [11], text in [12]"
    cleared = notebook(code("plot()"), code("say()"))
    assert diff_notebooks(made(PNG, "a"), cleared).words == "Outputs only: cleared in 2 cells"


def test_no_real_change_is_said_plainly_with_the_noise_counted() -> None:
    assert noise_words({"counts": 31, "timings": 12}) == "31 counts and 12 timings"
    assert noise_words({"counts": 1, "addresses": 2, "form": 1}) == "1 count, 2 addresses and 1 text form"
    assert noise_words({}) == ""
    assert diff_notebooks(notebook(code("x", count=1)), notebook(code("x", count=2))).summary == "No real change. 1 count differs."
    assert diff_notebooks(notebook(), notebook()).summary == "No change."


@pytest.mark.parametrize(
    ("kind", "source", "title"),
    [
        ("markdown", "Some words\n\n# The heading #", "The heading"),
        ("markdown", "**Just words** here", "Just words** here"),
        ("code", "# Parameters\nlr = 1", "Parameters"),
        ("code", "# %% Load data\nx", "Load data"),
        ("code", "import os\n\ndef train(x):\n    pass", "train"),
        ("code", "scaler = StandardScaler().fit(X)", "StandardScaler"),
        ("code", "\n\nplot(x)", "plot(x)"),
        ("code", "x" * 60, "x" * 39 + "…"),
        ("", "", ""),
    ],
)
def test_a_cell_is_named_by_what_stands_out_in_it(kind: str, source: str, title: str) -> None:
    assert title_of(read_cell({"cell_type": kind, "source": source}, 0)) == title


@pytest.mark.parametrize(
    ("a", "b", "old", "new"),
    [
        ("batch_size = 128", "batch_size = 64", ["128"], ["64"]),
        ("f(X_train, y)", "f(Z_train, y, w)", ["X_train"], ["Z_train", ", w"]),
        ("same", "same", [], []),
        ("", "new text", [], ["new text"]),
        ("a b c d", "a x c y", ["b", "d"], ["x", "y"]),
    ],
)
def test_words_that_differ_are_marked(a: str, b: str, old: list[str], new: list[str]) -> None:
    left, right = mark_words(a, b)
    assert [a[low:high] for low, high in left] == old
    assert [b[low:high] for low, high in right] == new
