"""A cell becomes Python that can be parsed, with everything that it reads still to be seen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.inputtransformer2 import TransformerManager

from nbtrack.lineage import analyse
from nbtrack.lineage.cells import to_python

CELLS = [
    # source, what it reads, what it binds
    ("%time y = f(x)", "f x", "y"),
    ("%%time\ny = f(x)", "f x", "y"),
    ("\n\n%%time\ny = x", "x", "y"),
    ("%%capture out --no-stderr\ny = x", "x", "out y"),
    ("%%timeit -n 3 -r 1\ny = f(x)", "", ""),
    ("%timeit y = x", "", ""),
    ("%prun -l 5 y = f(x)", "f x", "y"),
    ("%matplotlib inline\ny = x", "x", "y"),
    ("if a:\n    %time y = x\n    !ls {b}", "a b x", ""),
    ("files = !ls $folder", "folder", "files"),
    ("!echo {len(x)} > out.txt", "len x", ""),
    ("where = %pwd", "", "where"),
    ("x?\n?y\nz??\nw = v", "v", "w"),
    (">>> a = b\n... c = a", "b", "a c"),
    ("In [3]: a = b", "b", "a"),
    ("    a = b\n    c = d", "b d", "a c"),
    ("text = '''\n%time x\n!ls\n'''", "", "text"),
    ("v = (a\n  % b)", "a b", "v"),
    ("/f x y", "f x y", ""),
    (",f a b", "f", ""),
    ("%env KEY={value}", "value", ""),
    ("%run script.py", "", ""),
    ("await f(x)", "f x", ""),
    ("%%bash\necho hi", "", ""),
    ("%%html\n<b>{x}</b>", "", ""),
    ("%track start trial\ny = x", "x", "y"),
    ("%%track\ny = x", "x", "y"),
    ("cd data", "", ""),
]


@pytest.mark.parametrize(("source", "reads", "binds"), CELLS, ids=[repr(source) for source, _, _ in CELLS])
def test_a_cell_reads_and_binds_what_it_does_in_ipython(source: str, reads: str, binds: str) -> None:
    found = analyse(source)
    assert set(reads.split()) <= found.uses
    assert set(binds.split()) == found.must


@pytest.mark.parametrize("source", ["x = = 1", "for", "%%unknown_magic\nselect a from t", "def f(:", "\x00", "x = '\ud800'", "(" * 5000])
def test_what_cannot_be_read_is_opaque_and_says_why(source: str) -> None:
    found = analyse(source)
    assert found.opaque or not found.may
    assert found.opaque == "" or len(found.opaque) > 5


def test_an_unknown_cell_magic_reads_the_names_it_mentions() -> None:
    assert {"limit", "table"} <= analyse("%%sql result <<\nselect * from table where a < limit").uses


@given(st.text(alphabet="abx =%!?;/,'\"\\()[]{}:#\n.0$", max_size=60))
def test_no_text_makes_it_raise(source: str) -> None:
    analyse(source)


@given(st.lists(st.sampled_from(["x = 1", "%time y = x", "!ls {x}", "z?", "if x:\n    %pwd", "t = '''\n%no\n'''", "(x\n % 2)", "w = %pwd"]), max_size=5))
def test_what_ipython_can_read_is_never_opaque(lines: list[str]) -> None:
    source = "\n".join(lines)
    compile(TransformerManager().transform_cell(source), "cell", "exec")
    assert to_python(source).tree is not None
