"""The hash of a cell follows what it does, not how it is written."""

from __future__ import annotations

import pytest

from nbtrack.lineage import code_fingerprint, fingerprint

SAME = [("x = 1", "x=1  # one"), ("f(a,\n  b)", "f(a, b)"), ("%%time\nx = 1", "x = 1"), ("x = 'a'", 'x = "a"'), ("\n\nx = 1\n", "x = 1")]
OTHER = [("x = 1", "x = 2"), ("x = 1", "y = 1"), ("!ls a", "!ls b"), ("%%timeit\nx = 1", "x = 1"), ("x = = 1", "x = = 2"), ("f(a)", "f(b)")]


@pytest.mark.parametrize(("first", "second"), SAME)
def test_comments_layout_and_timing_do_not_count(first: str, second: str) -> None:
    assert fingerprint(first) == fingerprint(second)


@pytest.mark.parametrize(("first", "second"), OTHER)
def test_what_a_cell_does_counts(first: str, second: str) -> None:
    assert fingerprint(first) != fingerprint(second)


def test_cells_count_in_order_and_empty_ones_not_at_all() -> None:
    assert code_fingerprint(["x = 1", "# note", "y = 2"]) == code_fingerprint(["x=1", "y=2"])
    assert code_fingerprint(["x = 1", "y = 2"]) != code_fingerprint(["y = 2", "x = 1"])
