"""The fast reader of journals sees exactly what the plain one sees, whole or damaged, and takes no prefix for damage."""

from __future__ import annotations

import random
import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrack.store import frames
from nbtrack.store.batch import Batch, read_batch, storable
from nbtrack.store.frames import Frame, Kind

RUN = "01890000000070008000000000000001"
LINES = [frames.series(RUN, keys) for keys in (("a",), ("b",), ("a", "b"), ("loss", "accuracy", "é"))]


def journal_of(choices: list[int]) -> bytes:
    parts = []
    for t, choice in enumerate(choices):
        if choice < len(LINES):
            parts.append(frames.pack_points(LINES[choice], t, t, [float(t)] * len(LINES[choice].keys)))
        else:
            parts.append(frames.pack_record(Kind.NOTE, {"t": t, "text": "x" * (choice % 7)}))
    return b"".join(parts)


def plainly(data: bytes, *, final: bool) -> tuple[list[tuple[str, ...]], list[int], int, int]:
    """What ``frames.scan`` finds: points, records, stretches of damage, and how far it came."""
    points, records, damaged, end = [], [], 0, 0
    for found in frames.scan(data, final=final):
        if isinstance(found, Frame):
            end = found.end
            if found.kind == Kind.POINTS:
                run, keys, t, step, values = frames.unpack_points(found.payload)
                points.append((run, keys, t, step, values))
            else:
                records.append(found.start)
        else:
            damaged, end = damaged + 1, found[1]
    return sorted(points), records, damaged, end


def quickly(batch: Batch) -> tuple[list[tuple[str, ...]], list[int], int, int]:
    points = []
    for line in batch.lines:
        tail = struct.Struct(f"<qq{len(line.keys)}d")
        for packed in line.tails:
            t, step, *values = tail.unpack(packed)
            points.append((line.run_id, line.keys, t, step, tuple(values)))
    return sorted(points), [frame.start for frame in batch.records], batch.damaged, batch.used


@settings(deadline=None)
@given(st.lists(st.integers(0, 8), max_size=60), st.booleans())
def test_a_whole_journal_is_read_as_the_plain_reader_reads_it(choices: list[int], final: bool) -> None:
    data = journal_of(choices)
    assert quickly(read_batch(data, final=final)) == plainly(data, final=final)


@settings(deadline=None, max_examples=200)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=40), st.data(), st.booleans())
def test_a_damaged_journal_is_read_as_the_plain_reader_reads_it(choices: list[int], data: st.DataObject, final: bool) -> None:
    raw = bytearray(journal_of(choices))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(raw) - 1))
        way = data.draw(st.sampled_from(["flip", "cut", "insert"]))
        if way == "flip":
            raw[place] ^= data.draw(st.integers(1, 255))
        elif way == "cut":
            del raw[place : place + data.draw(st.integers(1, 30))]
        else:
            raw[place:place] = data.draw(st.binary(min_size=1, max_size=20))
        if not raw:
            return
    batch, (points, records, damaged, end) = read_batch(bytes(raw), final=final), plainly(bytes(raw), final=final)
    assert quickly(batch)[:2] == (points, records)
    if final:
        assert (batch.damaged, batch.used) == (damaged, end)
    else:
        assert batch.used >= end


@settings(deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=30), st.data())
def test_a_journal_read_piece_by_piece_gives_the_same(choices: list[int], data: st.DataObject) -> None:
    raw = journal_of(choices)
    offset, frames_found = 0, 0
    end = 0
    while end < len(raw):
        end = data.draw(st.integers(end + 1, len(raw)))
        batch = read_batch(raw[offset:end], final=False)
        assert batch.damaged == 0
        offset += batch.used
        frames_found += len(batch.records) + sum(len(line.tails) for line in batch.lines)
    assert (offset, frames_found) == (len(raw), len(choices))


@pytest.mark.parametrize("count", [1, 2, 63, 64, 65, 1023, 1024, 1025, 3000])
def test_long_stretches_of_one_line_are_taken_whole(count: int) -> None:
    data = journal_of([0] * count)
    batch = read_batch(data, final=False)
    assert (len(batch.lines), len(batch.lines[0].tails), batch.points, batch.used) == (1, count, count, len(data))


def test_one_bad_frame_in_a_stretch_costs_itself_only() -> None:
    raw = bytearray(journal_of([0] * 500))
    size = len(raw) // 500
    raw[250 * size + size - 10] ^= 1
    batch = read_batch(bytes(raw), final=False)
    assert (batch.points, batch.damaged) == (499, 1)


def test_frames_of_unknown_kinds_and_versions_are_kept_apart() -> None:
    newer = bytearray(journal_of([0]))
    newer[3] = 9
    newer[-4:] = frames.crc32(bytes(newer[:-4])).to_bytes(4, "little")
    odd = frames.pack(Kind.POINTS, b"not points at all")
    batch = read_batch(bytes(newer) + odd + journal_of([1, 8]), final=False)
    assert (batch.undecodable, batch.points, len(batch.records), batch.damaged) == (2, 1, 1, 0)


def test_random_bytes_hold_nothing() -> None:
    data = random.Random(3).randbytes(50_000)
    batch = read_batch(data, final=True)
    assert (batch.points, batch.records, batch.used, batch.damaged) == (0, [], len(data), 1)


def test_lone_surrogates_are_replaced_and_everything_else_is_kept() -> None:
    assert storable("naïve 中 🎉") == "naïve 中 🎉"
    storable("a\ud800b").encode("utf-8")
