"""The one table that every list is made of, messages, cards and help pages."""

from __future__ import annotations

from typing import Any

from nbtrack.views.help import Entry, HelpPage
from nbtrack.views.message import Card, Line, Message, Piece
from nbtrack.views.table import Cell, Column, Table, without_empty
from nbtrack.views.view import Verbatim


def table(**changes: Any) -> Table:
    fields = {"columns": (Column("name"), Column("size", right=True, rank=1)), "rows": ((Cell("模型"), Cell("12")), (Cell("b"), Cell("3")))}
    return Table(**{**fields, **changes})


def test_columns_are_aligned_by_display_width() -> None:
    assert table().to_text() == "name  size\n模型    12\nb        3"


def test_a_page_has_one_table_with_scopes(read_page: Any) -> None:
    page = read_page(table(foot="2 rows", title="Sizes").to_html())
    assert [one.get("scope") for one in page.find("th")] == ["col", "col", "row", "row"]
    assert "2 rows" in page.text


def test_empty_tables_say_so(read_page: Any) -> None:
    empty = table(rows=(), empty="No fault found.")
    assert empty.to_text() == "No fault found."
    assert "No fault found." in read_page(empty.to_html()).text


def test_a_table_can_end_the_shell_with_status_one() -> None:
    assert not table().failed
    assert table(status=1).failed


def test_columns_without_a_word_are_left_out() -> None:
    columns, rows = without_empty((Column("a"), Column("b")), ((Cell("1"), Cell("")), (Cell("2"), Cell(""))))
    assert [column.head for column in columns] == ["a"]
    assert [len(row) for row in rows] == [1, 1]


def test_one_column_that_cannot_shrink_is_never_lost() -> None:
    assert "123456789012" in Table((Column("n", right=True),), ((Cell("123456789012"),),)).to_text(5)


def test_a_view_shows_itself_as_text_and_as_a_page(read_page: Any) -> None:
    bundle = Message("kept lr = 0.01", "%track show 3")._repr_mimebundle_()
    assert bundle["text/plain"] == "kept lr = 0.01\n%track show 3"
    assert "kept lr = 0.01 %track show 3" in read_page(bundle["text/html"]).text
    assert repr(Message("a")) == "a"


def test_verbatim_text_is_not_touched_in_a_terminal(read_page: Any) -> None:
    text = 'a,b\n"<x>",\x00\n'
    assert Verbatim(text).to_text() == text.rstrip("\n")
    assert "<x>" in read_page(Verbatim(text).to_html()).text


def test_long_lines_of_a_card_go_on_below_their_own_column() -> None:
    text = Card("Title", (Line.of("Name", Piece("word " * 10, "warn")), Line.of("B", "x"))).to_text(30)
    lines = text.split("\n")
    assert lines[1].startswith("Name  word")
    assert lines[2].startswith("      word")


def test_a_help_page_lists_its_entries(read_page: Any) -> None:
    page = HelpPage("%track", "Opening.", (("Looking", (Entry("runs [--sort KEY]", "The runs"),)),), ("Foot.",), "%track runs")
    assert page.to_text() == "%track\nOpening.\n\nLooking\n  runs [--sort KEY]  The runs\n\nExample: %track runs\n\nFoot."
    assert "runs [--sort KEY]" in read_page(page.to_html()).text
