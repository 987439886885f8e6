"""Values as people log them."""

from __future__ import annotations

import enum
import json
import math
import pathlib

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.tracking.values import MAX_KEY, as_text, key_text, number, plain, step_number


class Colour(enum.Enum):
    RED = "red"


class Rude:
    def __str__(self) -> str:
        raise RuntimeError("no")


@pytest.mark.parametrize(
    ("given_value", "kept"),
    [
        (1, 1),
        (True, True),
        (None, None),
        ("adam", "adam"),
        ((64, 32), [64, 32]),
        ({"a": {"b": 1}}, {"a": {"b": 1}}),
        ({3, 1, 2}, [1, 2, 3]),
        (numpy.float32(0.5), 0.5),
        (numpy.int64(7), 7),
        (numpy.arange(3), [0, 1, 2]),
        (Colour.RED, "red"),
        (pathlib.PurePosixPath("a/b"), "a/b"),
        (float("nan"), "NaN"),
        (float("-inf"), "-Infinity"),
        (numpy.float64, "float64"),
        (math.sqrt, "sqrt"),
    ],
)
def test_parameters_become_the_json_values_people_expect(given_value: object, kept: object) -> None:
    assert plain(given_value) == (kept, None)


def test_a_value_without_json_form_is_kept_as_text_with_the_reason() -> None:
    value, reason = plain(object)
    assert (value, reason) == ("object", None)
    value, reason = plain(Rude())
    assert value == "<Rude>"
    assert reason == "Rude has no JSON form"
    value, reason = plain(numpy.zeros(5000))
    assert reason == "ndarray has no JSON form"
    assert plain(list(range(2000)))[1] == "it has 2000 items"


def test_endless_nesting_ends_as_text() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert plain(loop)[1] == "it is nested too deeply"


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    )
)
def test_every_plain_value_goes_through_json_unchanged(value: object) -> None:
    kept, _ = plain(value)
    assert json.loads(json.dumps(kept, allow_nan=False)) == kept


@pytest.mark.parametrize(
    ("given_value", "expected"),
    [
        (1, 1.0),
        (True, 1.0),
        (numpy.float32(0.25), 0.25),
        (numpy.array(3.5), 3.5),
        (numpy.array([2]), 2.0),
        (2**53 + 1, 2**53 + 1),
        (10**400, 10**400),
    ],
)
def test_metric_numbers_are_exact(given_value: object, expected: float) -> None:
    found = number(given_value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("given_value", ["0.5", None, [1, 2], {}, numpy.array([1, 2]), Rude(), b"1", 1j])
def test_what_is_no_number_says_so(given_value: object) -> None:
    assert number(given_value) is None


@given(st.integers())
def test_no_integer_is_ever_rounded(value: int) -> None:
    found = number(value)
    assert found is not None
    assert int(found) == value


@pytest.mark.parametrize(
    ("given_step", "expected"),
    [(3, 3), (numpy.int32(4), 4), (5.0, 5), (5.5, None), ("6", None), (2**63, None), (-(2**63), -(2**63)), (float("nan"), None)],
)
def test_steps_are_whole_numbers_of_64_bits(given_step: object, expected: int | None) -> None:
    assert step_number(given_step) == expected


@given(st.text())
def test_every_key_becomes_storable_and_short(key: str) -> None:
    kept, _ = key_text(key)
    assert kept
    assert len(kept) <= MAX_KEY
    assert kept == kept.strip()
    kept.encode()


def test_good_keys_stay_as_they_are() -> None:
    for key in ("loss", "val loss", "metrics/λ", "f1 🎯"):
        assert key_text(key) == (key, None)
    assert key_text(3)[0] == "3"
    assert key_text("")[0] == "(empty)"


def test_text_of_anything_is_bounded() -> None:
    assert len(as_text("x" * 1_000_000)) <= 10_100
    assert as_text(Rude()) == "<Rude>"
