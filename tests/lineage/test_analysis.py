"""What one cell does by its text alone, the words of a slice, and what real notebooks look like to it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from nbtrack.lineage import Evidence, Executed, History, analyse, slice_back

NOTEBOOKS = os.environ.get("NBTRACK_NOTEBOOKS", "")

CELLS = [
    # source, uses, must, may beyond must, mods
    ("y = x + 1", "x", "y", "", ""),
    ("x += 1", "x", "x", "", "x"),
    ("if a: x = 1", "a", "", "x", ""),
    ("if a: x = 1\nelse: x = 2", "a", "x", "", ""),
    ("for i in xs: y = i", "xs", "", "i y", "xs"),
    ("for i in range(3): y = i", "range", "i y", "", ""),
    ("l.append(x)", "l x", "", "", "l x"),
    ("d['a'] = x", "d x", "", "", "d"),
    ("o.a.b = 1", "o", "", "", "o"),
    ("del d['k'], x", "d x", "x", "", "d"),
    ("def f(a, b=k): return a + g", "k", "f", "", ""),
    ("f = lambda a: a + g", "", "f", "", ""),
    ("class C(B):\n    k = v\n    def m(self): return w", "B v", "C", "", ""),
    ("y = [a for a in xs if a > k]", "k xs", "y", "", "xs"),
    ("import os.path as p, sys", "", "p sys", "", ""),
    ("with open('a') as f: x = f.read()", "open", "f x", "", ""),
    ("with thing() as f: x = 1", "thing", "f", "x", "thing"),
    ("try: x = f()\nexcept E: pass", "E f", "", "x", "f"),
    ("x: int = 3\ny: int", "int", "x", "", ""),
    ("a = b = c", "c", "a b", "", ""),
    ("(a, *b), c = z", "z", "a b c", "", "z"),
    ("print((n := len(x)))", "len print x", "n", "", ""),
    ("exec('y = x')", "x", "y", "", ""),
]


@pytest.mark.parametrize(("source", "uses", "must", "may", "mods"), CELLS, ids=[one[0] for one in CELLS])
def test_a_cell_is_read_for_what_it_uses_binds_and_changes(source: str, uses: str, must: str, may: str, mods: str) -> None:
    found = analyse(source)
    assert set(uses.split()) == found.uses
    assert set(must.split()) == found.must
    assert set(may.split()) == found.may - found.must
    assert found.mods <= set(mods.split()) | found.may, "more than it can change"
    assert set(mods.split()) - found.must <= found.mods | found.uses


def test_a_cell_names_what_else_it_touches() -> None:
    found = analyse("import numpy as np\nimport os\nnp.random.seed(1)\nx = np.random.rand()\nos.environ['A'] = 'b'\nopen('out/log.txt', 'w').write('x')")
    assert found.resources_changed >= {"$rng.numpy", "$env:A", "$file:log.txt"}
    assert "$rng.numpy" not in found.resources_used
    assert analyse("from math import *").star_imports == ("math",)
    assert analyse("exec(code)").runs_text
    assert analyse("def f(): pass\nclass C: pass").functions == {"f", "C"}
    assert analyse("x = = 1").syntax_error


def executions(*sources: str) -> list[Executed]:
    return [Executed(str(at), analyse(source)) for at, source in enumerate(sources)]


def test_a_reason_says_what_is_defined_and_who_reads_it() -> None:
    found = slice_back(executions("from lib import load, Model", "X_train = load()", "clf = Model()", "clf.fit(X_train)", "s = clf.score(X_train)"), "s")
    assert found.reasons["1"].startswith("defines X_train, which clf.")
    assert found.reasons["3"].startswith("changes clf, which clf.score works on")
    assert found.reasons["4"] == "defines s, the target"


def test_a_reason_names_files_and_random_numbers() -> None:
    found = slice_back(executions("import numpy as np", "np.random.seed(0)", "np.savetxt('a.csv', np.random.rand(3))", "x = np.loadtxt('a.csv')"), "x")
    assert "the file a.csv" in found.reasons["2"]
    assert "NumPy's random state" in found.reasons["1"]


def test_an_execution_is_a_target_and_a_name_can_be_asked_for_as_of_then() -> None:
    cells = executions("x = 1", "print(x)", "x = 2", "print(x)")
    assert slice_back(cells, execution="1").executions == ("0", "1")
    assert slice_back(cells, "x", upto="1").executions == ("0",)
    with pytest.raises(KeyError):
        slice_back(cells, execution="9")


def test_what_is_missing_is_told() -> None:
    cells = executions("import numpy as np", "x = np.random.rand() + before")
    assert slice_back(cells, "x").unresolved == {"$rng.numpy", "before"}


def test_evidence_beats_the_text() -> None:
    cells = ["from lib import draw", "draw()", "import random", "x = random.random()"]
    still = Evidence(rng={"python": ("a", "a"), "numpy": ("a", "a")}, files_read=(), files_written=())
    moved = Evidence(rng={"python": ("a", "b"), "numpy": ("a", "a")}, files_read=(), files_written=())

    def kept(seen: Evidence | None) -> tuple[str, ...]:
        return slice_back([Executed(str(at), analyse(one), seen if at == 1 else None) for at, one in enumerate(cells)], "x").executions

    assert "1" in kept(None)
    assert "1" in kept(moved)
    assert "1" not in kept(still)


def test_a_conditional_binding_that_was_seen_counts_as_certain() -> None:
    cells = [Executed("0", analyse("x = 1")), Executed("1", analyse("if True or y: x = 2"), Evidence(rebound=frozenset({"x"})))]
    assert slice_back(cells, "x").executions == ("1",)


def test_an_execution_that_raised_is_marked() -> None:
    cells = [Executed("0", analyse("x = 1\n1 / 0"), Evidence(error="ZeroDivisionError", rebound=frozenset({"x"})))]
    assert slice_back(cells, "x").steps[0].raises


def test_a_history_grows_one_execution_at_a_time() -> None:
    cells = executions("x = []", "x.append(1)", "y = x")
    history = History()
    for one in cells:
        history.add(one)
    assert history.slice_back("y") == slice_back(cells, "y")


def test_a_long_history_of_one_cell_stays_small() -> None:
    cell = analyse("rows = rows + [len(rows)]\ntable = {'rows': rows}\nkept.append(table)")
    history = History([Executed("0", analyse("rows, kept = [], []")), *(Executed(str(at), cell) for at in range(1, 400))])
    assert len(history.slice_back("kept").steps) == 400


@pytest.mark.skipif(not NOTEBOOKS, reason="NBTRACK_NOTEBOOKS is not set: no real notebooks here")
@pytest.mark.parametrize("name", ["linear_models", "decision_trees", "lightgbm_plots"])
def test_every_cell_of_a_real_notebook_can_be_read(name: str) -> None:
    notebook = json.loads((Path(NOTEBOOKS) / "notebooks" / f"{name}.ipynb").read_text("utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            assert analyse("".join(cell["source"])).opaque == ""
