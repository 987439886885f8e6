"""Bad input: a result, or an error that says where and why; never a hang, nothing executed, nothing changed."""

from __future__ import annotations

import copy
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbdime
import pytest
from notebook_making import canonical, code, notebook, printed, result

import nbtrack
from nbtrack.diffing import diff_notebooks
from nbtrack.errors import BadNotebook

GOOD = notebook(code("x = 1", printed("1\n"), count=1))
TEXT = json.dumps(GOOD, indent=1)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (TEXT[:60], "A is not a notebook: it ends in the middle, at line"),
        ('{"cells": [', "A is not a notebook: it ends in the middle, at line 1"),
        ("", "A is not a notebook: it is empty"),
        ("{'cells': []}", "A is not a notebook: line 1, column 2"),
        ("[1, 2]", "A is JSON but not a notebook: a list where an object should be"),
        (b"\xff\xfe\xff", "A is not a notebook"),
        ("[" * 100_000, "A is n"),
        ('{"a": ' * 3000 + "1" + "}" * 3000, "too deep"),
        (f'{{"a": {"1" * 5000}}}', "A is not a notebook"),
        (42, "A is a int, not a notebook"),
        (None, "A is a NoneType, not a notebook"),
        ({1: 2, "cells": []}, "keys must be text"),
    ],
)
def test_what_is_no_notebook_is_named_with_its_place(bad: Any, message: str) -> None:
    with pytest.raises(BadNotebook, match=message):
        diff_notebooks(bad, GOOD)


def test_marks_of_an_unresolved_merge_are_recognised() -> None:
    broken = TEXT.replace('"x = 1"', '\n<<<<<<< HEAD\n"x = 1"\n=======\n"x = 2"\n>>>>>>> other\n')
    with pytest.raises(BadNotebook, match="git merge"):
        diff_notebooks(broken, GOOD)


def test_a_file_that_is_missing_or_a_folder_is_named_with_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "churn.ipynb").write_text(TEXT)
    with pytest.raises(BadNotebook, match=r"Did you mean 'churn\.ipynb'"):
        diff_notebooks(tmp_path / "chrun.ipynb", GOOD)
    with pytest.raises(BadNotebook, match="cannot be read"):
        diff_notebooks(tmp_path, GOOD)
    with pytest.raises(BadNotebook, match=r"cannot be read|no file"):
        diff_notebooks("a\0b.ipynb", GOOD)


def test_a_path_a_text_bytes_and_a_dict_mean_the_same(tmp_path: Path) -> None:
    path = tmp_path / "churn.ipynb"
    path.write_text(TEXT, encoding="utf-8-sig")
    for one in (path, str(path), TEXT, "\ufeff" + TEXT, TEXT.encode(), TEXT.encode("utf-16"), copy.deepcopy(GOOD)):
        assert diff_notebooks(one, GOOD).nbdime == []


def test_the_file_that_git_names_for_nothing_is_an_empty_notebook() -> None:
    diff = diff_notebooks(os.devnull, GOOD)
    assert [cell.kind for cell in diff.cells] == ["added"]


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"cells": None},
        {"cells": {"0": "x"}},
        {"cells": [None, 1, "text", [], {}]},
        {"cells": [{"cell_type": "code"}]},
        {"cells": [{"cell_type": 5, "source": 5, "outputs": 5, "metadata": 5, "id": 5, "execution_count": "five"}]},
        {"cells": [{"source": ["a", 1, None, {"b": 2}], "outputs": [None, 1, "x", [], {}]}]},
        {"cells": [{"cell_type": "code", "source": "x", "outputs": [{"output_type": "hologram", "data": {"model/gltf": "a"}}]}]},
        {"cells": [{"cell_type": "code", "source": "x", "outputs": [{"output_type": "display_data", "data": None}]}]},
        {"cells": [{"cell_type": "code", "source": "x", "outputs": [{"output_type": "stream"}]}]},
        {"cells": [{"cell_type": "code", "source": "x", "outputs": [{"output_type": "error", "traceback": "text"}]}]},
        {"cells": [code("x", {"output_type": "display_data", "data": {"image/png": ["not", "base64"]}})]},
        {"worksheets": None},
        {"worksheets": [None, {"cells": None}, {"cells": [None, {"cell_type": "heading", "level": "six", "source": None}]}]},
        {"cells": [code("\ud800 half a character")]},
        {"cells": [code("x", result(plain=float("nan"), json=[float("nan"), float("inf")]))]},
        {"cells": [code("x", result(**{"application/octet-stream": "AAEC/w==", "application/pdf": ["JVBE", "Ri0="]}))]},
    ],
)
def test_an_odd_notebook_gives_a_difference_that_holds(odd: dict[str, Any]) -> None:
    for a, b in ((odd, GOOD), (GOOD, odd), (odd, copy.deepcopy(odd))):
        before = canonical(a), canonical(b)
        diff = diff_notebooks(a, b)
        assert canonical(nbdime.patch_notebook(copy.deepcopy(a), diff.nbdime)) == before[1]
        assert (canonical(a), canonical(b)) == before
        repr(diff)
        for cell in diff.cells:
            assert all(image.sha256 for output in cell.outputs for image in output.images or () if image)


def test_a_deep_dict_is_an_error_and_no_crash() -> None:
    deep: dict[str, Any] = {}
    inside = deep
    for _ in range(50_000):
        inside["a"] = inside = {}
    with pytest.raises(BadNotebook, match="too deep"):
        diff_notebooks({**GOOD, "metadata": deep}, {**GOOD, "metadata": {"a": {"a": 1}}, "cells": []} | {"metadata": _deep_again()})


def _deep_again() -> dict[str, Any]:
    deep: dict[str, Any] = {}
    inside = deep
    for _ in range(50_000):
        inside["a"] = inside = {}
    inside["a"] = 1
    return deep


def test_an_output_of_fifty_megabytes_and_five_thousand_cells_end() -> None:
    big = "x" * 99 + "\n"
    a, b = notebook(code("f()", printed(big * 500_000))), notebook(code("f()", printed(big * 500_000 + "more\n")))
    assert [cell.kind for cell in diff_notebooks(a, b).cells] == ["output only"]
    many = notebook(*(code(f"cell {number % 50}") for number in range(5000)))
    other = notebook(*(code(f"cell {number % 49}") for number in range(5000)))
    diff = diff_notebooks(many, other)
    assert sum(cell.a is not None for cell in diff.cells) == 5000


def test_neither_nbformat_nor_nbdime_is_imported() -> None:
    program = (
        "import sys, nbtrack; nbtrack.diff_notebooks({'cells': []}, {'cells': [{}]}); "
        "print([name for name in ('nbformat', 'nbdime', 'numpy', 'pandas', 'sqlite3', 'IPython') if name in sys.modules])"
    )
    root = str(Path(nbtrack.__file__).parents[1])
    environment = {**os.environ, "PYTHONPATH": root}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.strip() == "[]"
