"""`%%track` lines: what they ask for, and what becomes of the cell."""

from __future__ import annotations

import pytest

from nbtrack.errors import UsageError
from nbtrack.ipython.cellmagic import TrackLine, find_line, read_line, transform


@pytest.mark.parametrize(
    ("cell", "line"),
    [
        ("%%track", ""),
        ("%%track deep --tag a=b\nx = 1", "deep --tag a=b"),
        ("\n\n%%track x \r\ny", "x"),
        ("%%tracker\n1", None),
        ("x = 1\n%%track", None),
        ("", None),
    ],
)
def test_the_line_is_found_at_the_top_only(cell: str, line: str | None) -> None:
    assert find_line(cell) == line


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("", TrackLine()),
        ("deep", TrackLine("deep")),
        ("'two words'", TrackLine("two words")),
        ("deep --experiment churn", TrackLine("deep", "churn")),
        ("--experiment=churn deep", TrackLine("deep", "churn")),
        ("deep --tag team=x --tag k=a=b", TrackLine("deep", None, {"team": "x", "k": "a=b"})),
        ("deep --note it's the 'first' --try", TrackLine("deep", None, {}, "it's the 'first' --try")),
        ("--note=raw text", TrackLine(None, None, {}, "raw text")),
    ],
)
def test_a_line_is_read(line: str, wanted: TrackLine) -> None:
    assert read_line(line) == wanted


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("--experimnt churn", "%%track has no option '--experimnt'. Did you mean --experiment?"),
        ("one two", "two names: 'one' and 'two'"),
        ("deep --experiment", "--experiment without a value"),
        ("deep --tag team", "--tag 'team' is no K=V"),
        ("deep --note", "--note without a text"),
        ("'deep", "%%track 'deep: no closing quotation"),
    ],
)
def test_a_line_in_error_says_what_is_wrong(line: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_line(line)
    assert caught.value.message == message
    assert caught.value.hint


def test_the_line_becomes_a_comment_and_the_rest_stays() -> None:
    assert transform(["%%track deep\n", "x = 1\n", "x\n"]) == ["# %%track deep\n", "x = 1\n", "x\n"]


def test_other_cells_are_left_alone() -> None:
    for lines in ([], ["x = 1\n"], ["%%time\n", "x\n"], ["%%tracker\n", "x\n"]):
        assert transform(list(lines)) == lines


def test_another_cell_magic_below_comes_to_the_top() -> None:
    assert transform(["%%track deep\n", "\n", "%%time\n", "x\n"]) == ["%%time\n", "x\n"]


@pytest.mark.parametrize("lines", [["%%track --bad\n", "print('ran')\n"], ["%%track\n"], ["%%track\n", "  \n"]])
def test_an_error_replaces_the_cell(lines: list[str]) -> None:
    (only,) = transform(lines)
    assert only.startswith("raise ")
    with pytest.raises(UsageError):
        exec(only)
