"""The laws of the frame format: what was packed comes back, and damage costs the damaged frames only."""

from __future__ import annotations

import math
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrack.store import frames
from nbtrack.store.frames import Frame, Kind

RUN = "0123456789abcdef0123456789abcdef"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
heads = st.dictionaries(st.text(max_size=8).filter(lambda key: key != "b"), json_values, max_size=5)
bodies = st.lists(st.binary(max_size=200), max_size=3)
records = st.tuples(st.sampled_from([Kind.RUN, Kind.PARAMS, Kind.EXECUTION, Kind.NOTE]), heads, bodies)

Records = list[tuple[Kind, dict[str, object], list[bytes]]]


def pack_all(some: Records) -> list[bytes]:
    return [frames.pack_record(kind, head, parts) for kind, head, parts in some]


def found_in(data: bytes, *, final: bool = True) -> list[bytes]:
    return [data[one.start : one.end] for one in frames.scan(data, final=final) if isinstance(one, Frame)]


@given(records)
def test_a_record_comes_back_as_it_was_packed(record: tuple[Kind, dict[str, object], list[bytes]]) -> None:
    kind, head, parts = record
    (frame,) = frames.scan(frames.pack_record(kind, head, parts), final=False)
    assert isinstance(frame, Frame)
    assert (frame.kind, frame.version) == (kind, frames.VERSION)
    assert frames.unpack_record(frame.payload) == (head, parts)


@given(st.lists(st.text(st.characters(), max_size=20), max_size=5), st.integers(-(2**63), 2**63 - 1), st.integers(0, 2**63 - 1), st.data())
def test_points_come_back_bit_by_bit(keys: list[str], step: int, t: int, data: st.DataObject) -> None:
    values = data.draw(st.lists(st.floats(), min_size=len(keys), max_size=len(keys)))
    (frame,) = frames.scan(frames.pack_points(frames.series(RUN, tuple(keys)), t, step, values), final=False)
    assert isinstance(frame, Frame)
    run_id, found_keys, found_t, found_step, found = frames.unpack_points(frame.payload)
    assert (run_id, found_keys, found_t, found_step) == (RUN, tuple(keys), t, step)
    assert [struct.pack("<d", value) for value in found] == [struct.pack("<d", value) for value in values]


@given(st.lists(records, max_size=6))
def test_a_sequence_of_frames_is_found_whole_and_in_order(some: Records) -> None:
    packed = pack_all(some)
    assert found_in(b"".join(packed), final=False) == packed


@given(st.lists(records, min_size=1, max_size=6), st.data())
def test_a_changed_byte_costs_its_own_frame_and_no_other(some: Records, data: st.DataObject) -> None:
    packed = pack_all(some)
    victim = data.draw(st.integers(0, len(packed) - 1))
    place = data.draw(st.integers(0, len(packed[victim]) - 1))
    broken = bytearray(packed[victim])
    broken[place] ^= data.draw(st.integers(1, 255))
    found = found_in(b"".join([*packed[:victim], bytes(broken), *packed[victim + 1 :]]))
    assert found == packed[:victim] + packed[victim + 1 :]


@given(st.lists(records, min_size=1, max_size=5), st.data())
def test_foreign_bytes_between_frames_cost_no_frame(some: Records, data: st.DataObject) -> None:
    packed = pack_all(some)
    stretch = st.binary(max_size=30) | st.just(frames.MAGIC) | st.just(b"\x9b")
    noise = data.draw(st.lists(stretch, min_size=len(packed), max_size=len(packed)))
    mixed = b"".join(part for pair in zip(noise, packed, strict=True) for part in pair)
    assert found_in(mixed) == packed
    stretches = [one for one in frames.scan(mixed, final=True) if not isinstance(one, Frame)]
    assert sum(end - start for start, end in stretches) == sum(map(len, noise))


@given(st.lists(records, min_size=2, max_size=5), st.data())
def test_a_lost_stretch_costs_only_the_frames_it_touches(some: Records, data: st.DataObject) -> None:
    packed = pack_all(some)
    whole = b"".join(packed)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    kept, position = [], 0
    for frame in packed:
        if position + len(frame) <= start or position >= end:
            kept.append(frame)
        position += len(frame)
    found = iter(found_in(whole[:start] + whole[end:]))  # more than these, when the ends of two equal frames happen to fit together
    assert all(frame in found for frame in kept)


@given(st.lists(records, min_size=1, max_size=4), st.data())
def test_reading_a_growing_file_piece_by_piece_gives_the_same_frames(
    some: Records, data: st.DataObject
) -> None:
    packed = pack_all(some)
    whole = b"".join(packed)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=5)))
    found, read = [], 0
    for cut in [*cuts, len(whole)]:
        for one in frames.scan(whole[read:cut], final=False):
            assert isinstance(one, Frame), "an incomplete frame is no damage"
            found.append(whole[read + one.start : read + one.end])
        read = sum(map(len, found))
    assert found == packed


@given(st.binary(max_size=300))
def test_no_bytes_make_the_readers_fail_with_anything_but_value_error(data: bytes) -> None:
    list(frames.scan(data, final=True))
    for read in (frames.unpack_record, frames.unpack_points):
        try:
            read(data)
        except ValueError:
            pass


def test_a_damaged_length_is_seen_at_once() -> None:
    first, second = (frames.pack_record(Kind.NOTE, {"text": text}) for text in ("one", "two"))
    longer = first[:4] + struct.pack("<I", 1 << 20) + first[8:]
    assert found_in(longer + second, final=False) == [second]


def test_an_unfinished_frame_is_waited_for_until_nobody_can_finish_it() -> None:
    frame = frames.pack_record(Kind.NOTE, {"text": "half"})
    assert list(frames.scan(frame[:-1], final=False)) == []
    assert list(frames.scan(frame[:-1], final=True)) == [(0, len(frame) - 1)]


def test_nan_and_infinities_are_points_like_any_other() -> None:
    (frame,) = frames.scan(frames.pack_points(frames.series(RUN, ("a", "b", "c")), 1, 2, (math.nan, math.inf, -0.0)), final=True)
    assert isinstance(frame, Frame)
    values = frames.unpack_points(frame.payload)[4]
    assert math.isnan(values[0])
    assert values[1] == math.inf
    assert math.copysign(1, values[2]) == -1


def test_what_does_not_fit_into_a_frame_is_refused_when_it_is_packed() -> None:
    with pytest.raises(ValueError, match="longer than"):
        frames.pack_record(Kind.NOTE, {"text": "x" * frames.MAX_LENGTH})
    for keys in (("k" * 70_000,), tuple(map(str, range(70_000))), ("k" * 60_000,) * 100):
        with pytest.raises(ValueError, match="do not fit"):
            frames.series(RUN, keys)


@pytest.mark.parametrize(
    "payload", [b"", b"\x00", struct.pack("<I", 4) + b"null", struct.pack("<I", 9) + b'{"b":[9]}', struct.pack("<I", 10) + b'{"b":["x"]}',
                struct.pack("<I", 10) + b'{"b":[-1]}', struct.pack("<I", 200_000) + b"[" * 200_000]
)  # fmt: skip
def test_a_payload_that_is_not_what_it_says_is_a_value_error(payload: bytes) -> None:
    with pytest.raises(ValueError):
        frames.unpack_record(payload)
