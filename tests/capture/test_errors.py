"""Exceptions become text: chained, bounded, whatever their class does."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest

from nbtrack.capture.errors import ErrorReader
from nbtrack.capture.guard import Guard
from nbtrack.errors import UnknownRun


def nobody(*_: object) -> None:
    raise AssertionError("a failure of the user's code was taken for ours")


@pytest.fixture
def reader() -> ErrorReader:
    guard = Guard(nobody, nobody)
    return ErrorReader(attempt=lambda function, *args: guard.attempt(function, *args, blame=False), text_chars=20_000)


def raised(function: Callable[[], Any]) -> Exception:
    try:
        function()
    except Exception as error:  # noqa: BLE001  what was raised is what is wanted
        return error
    raise AssertionError("nothing was raised")


def test_type_message_and_frames_are_read(reader: ErrorReader) -> None:
    text = reader.read(raised(lambda: [][1]))
    assert (text.type, text.message) == ("IndexError", "list index out of range")
    assert text.traceback.startswith("Traceback (most recent call last):\n  File ")
    assert text.traceback.endswith("IndexError: list index out of range")
    assert "raised(lambda: [][1])" in text.traceback


def test_causes_and_contexts_are_kept_the_oldest_first(reader: ErrorReader) -> None:
    def chain() -> None:
        try:
            try:
                {}["a"]
            except KeyError:
                1 / 0
        except ZeroDivisionError as error:
            raise ValueError("last") from error

    text = reader.read(raised(chain)).traceback
    first, second = text.index("KeyError: 'a'"), text.index("ZeroDivisionError: division by zero")
    assert first < text.index("During handling of the above exception") < second
    assert second < text.index("direct cause of the following exception") < text.index("ValueError: last")


def test_a_suppressed_context_is_left_out(reader: ErrorReader) -> None:
    def hide() -> None:
        try:
            {}["a"]
        except KeyError:
            raise ValueError("clean") from None

    assert "KeyError" not in reader.read(raised(hide)).traceback


def test_a_circle_of_causes_ends(reader: ErrorReader) -> None:
    first, second = ValueError("1"), ValueError("2")
    first.__cause__, second.__cause__ = second, first
    assert reader.read(first).traceback.count("ValueError: 1") == 1


def test_a_deep_recursion_is_cut_in_the_middle(reader: ErrorReader) -> None:
    def dive(depth: int) -> int:
        return dive(depth + 1) + 1

    text = reader.read(raised(lambda: dive(0))).traceback
    assert "frames cut …" in text
    assert text.count("in dive") < 30


def test_groups_show_what_is_in_them(reader: ErrorReader) -> None:
    text = reader.read(ExceptionGroup("two", [ValueError("a"), ExceptionGroup("inner", [KeyError("b")])])).traceback
    assert "  | ValueError: a" in text
    assert "  |   | KeyError: 'b'" in text


def test_notes_are_kept(reader: ErrorReader) -> None:
    error = ValueError("x")
    error.add_note("look at the data")
    assert reader.read(error).traceback.endswith("ValueError: x\n  look at the data")


def test_a_syntax_error_shows_its_place_without_the_temporary_file() -> None:
    named = ErrorReader(attempt=lambda function, *args: function(*args), name_file=lambda name: "Cell In[3]" if name == "<cell>" else None)
    text = named.read(raised(lambda: compile("a b", "<cell>", "exec")))
    assert text.message == "invalid syntax"
    assert "  Cell In[3], line 1\n    a b\n" in text.traceback


def test_internal_frames_are_left_out() -> None:
    hidden = ErrorReader(attempt=lambda function, *args: function(*args), internal=(__file__,))
    assert hidden.read(raised(lambda: [][1])).traceback == "IndexError: list index out of range"


def test_our_own_errors_are_their_two_lines(reader: ErrorReader) -> None:
    def ask() -> None:
        raise UnknownRun("bset", ["best"], "%track runs lists them.")

    assert reader.read(raised(ask)).traceback == "UnknownRun: no run named 'bset'. Did you mean 'best'?\n%track runs lists them."


def test_hostile_exceptions_are_survived(reader: ErrorReader) -> None:
    class Hostile(Exception):
        __cause__ = property(lambda self: 1 / 0)  # type: ignore[assignment]

        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

        def __getattribute__(self, name: str) -> Any:
            raise AttributeError(name)

    def throw() -> None:
        raise Hostile

    text = reader.read(raised(throw))
    assert (text.type, text.message) == ("Hostile", "<its message could not be read>")


def test_an_endless_message_is_cut(reader: ErrorReader) -> None:
    text = reader.read(ValueError("x" * 10_000_000))
    assert len(text.message) < 3_000
    assert len(text.traceback) < 21_000


def test_nothing_of_the_exception_is_kept_alive(reader: ErrorReader) -> None:
    class Marked:
        pass

    def throw() -> None:
        local = Marked()
        left.append(weakref.ref(local))
        raise ValueError(local)

    left: list[weakref.ref[Marked]] = []
    error: Exception | None = raised(throw)
    assert error is not None
    text = reader.read(error)
    del error
    gc.collect()
    assert text.type == "ValueError"
    assert left[0]() is None
