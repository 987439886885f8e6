"""Columns of numbers come back bit by bit, whatever they hold, and never wrong."""

from __future__ import annotations

import math
import random
import struct
import subprocess
import sys
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.store.chunks import (
    Column,
    Damaged,
    Deferred,
    pack_columns,
    pack_integers,
    pack_values,
    progression_of,
    unpack_columns,
    unpack_integers,
    unpack_values,
)

WHOLE = st.integers(-(1 << 63), (1 << 63) - 1)


def bits(values: list[float | int]) -> list[object]:
    return [value if isinstance(value, int) else struct.pack("<d", value) for value in values]


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=1, max_size=400), st.booleans())
def test_doubles_come_back_bit_by_bit(values: list[float], seal: bool) -> None:
    packed = pack_values(Column.of(values), seal=seal)
    assert bits(unpack_values(packed, len(values)).numbers()) == bits(list(values))


@given(st.lists(st.one_of(st.integers(-(10**400), 10**400), st.floats(allow_nan=False)), min_size=1, max_size=50), st.booleans())
def test_whole_numbers_come_back_exactly(values: list[float | int], seal: bool) -> None:
    back = unpack_values(pack_values(Column.of(values), seal=seal), len(values)).numbers()
    assert back == values
    assert [math.copysign(1, value) for value in back if value == 0] == [math.copysign(1, value) for value in values if value == 0]


@pytest.mark.parametrize("value", [2**53 + 1, 1 - 2**63, 10**300, -0.0, 1e-308, 5e-324, math.inf, -math.inf, math.nan, 0.1])
def test_a_lone_odd_number_is_exact(value: float | int) -> None:
    for seal in (False, True):
        (back,) = unpack_values(pack_values(Column.of([value]), seal=seal), 1).numbers()
        assert bits([back]) == bits([value])


@given(st.lists(WHOLE, min_size=1, max_size=300), st.booleans())
def test_integers_come_back(values: list[int], seal: bool) -> None:
    packed = pack_integers(values, seal=seal)
    assert unpack_integers(packed, len(values)) == values
    progression = progression_of(packed, len(values))
    assert progression is None or list(progression) == values
    assert Deferred([(packed, len(values))]) == values


def test_random_doubles_take_less_than_eight_bytes_and_even_steps_almost_nothing() -> None:
    source = random.Random(1)
    values = [source.gauss(0, 1) for _ in range(4000)]
    assert len(pack_values(Column.of(values), seal=True)) < 7.4 * 4000
    assert len(pack_integers(range(4000), seal=True)) < 20
    at, ats = 1_700_000_000_000, []
    for _ in range(4000):
        at += source.randint(40, 60)
        ats.append(at)
    assert len(pack_integers(ats, seal=True)) < 0.7 * 4000


def test_numpy_changes_no_byte() -> None:
    code = """
        import sys, random, hashlib
        if sys.argv[1] == "numpy": import numpy
        from nbtrack.store.chunks import Column, pack_values, unpack_values, pack_integers, unpack_integers
        source = random.Random(5)
        values = [source.random() for _ in range(5000)]
        packed = pack_values(Column.of(values), seal=True)
        ats = [source.randint(0, 10**6) for _ in range(5000)]
        packed_ats = pack_integers(ats, seal=True)
        assert unpack_values(packed, 5000).numbers() == values and unpack_integers(packed_ats, 5000) == ats
        assert ("numpy" in sys.modules) == (sys.argv[1] == "numpy")
        print(hashlib.sha256(packed + packed_ats).hexdigest())
    """
    import textwrap

    from nbtrack.store import chunks

    root = chunks.__file__.rsplit("nbtrack", 1)[0]
    answers = {
        subprocess.run(
            [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r})\n{textwrap.dedent(code)}", way],
            check=True,
            capture_output=True,
        ).stdout
        for way in ("numpy", "plain")
    }
    assert len(answers) == 1


@given(st.data())
def test_a_flipped_bit_is_damage_and_never_another_number(data: st.DataObject) -> None:
    values = data.draw(st.lists(st.floats(), min_size=1, max_size=60))
    packed = bytearray(pack_columns([pack_values(Column.of(values), seal=True), pack_integers(range(len(values)), seal=True)]))
    bit = data.draw(st.integers(0, 8 * len(packed) - 1))
    packed[bit // 8] ^= 1 << bit % 8
    with pytest.raises(Damaged):
        unpack_columns(bytes(packed))


@given(st.binary(max_size=80), st.integers(0, 20))
def test_bytes_of_anybody_are_damage_or_numbers(data: bytes, count: int) -> None:
    for unpack in (unpack_values, unpack_integers):
        try:
            assert len(unpack(data, count)) == count
        except Damaged:
            pass


def test_columns_are_cut_joined_and_picked_with_their_exact_numbers() -> None:
    column = Column.of([1.0, 2**60 + 1, 3.0])
    column.append(Column.of([2**61 + 1]))
    assert column.numbers() == [1.0, 2**60 + 1, 3.0, 2**61 + 1]
    assert column.part(1, 4).numbers() == [2**60 + 1, 3.0, 2**61 + 1]
    assert column.picked([3, 0]).numbers() == [2**61 + 1, 1.0]
    assert Column(array("d", [1.5])).numbers() == [1.5]
