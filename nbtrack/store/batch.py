"""A stretch of a journal taken apart: bytes in; records, lines of metric points and damage out. Pure.

Points are the volume, so they never become frames one by one: frames of one line (a run and its keys) have one length and one prefix, and
what follows the prefix is kept as bytes until the whole batch is known. The crc of a valid frame followed by its own crc is a constant, and
so is the crc of k valid frames of one length: a stretch of them is checked by one call.
"""

from __future__ import annotations

import struct
from array import array
from dataclasses import dataclass, field
from functools import lru_cache
from zlib import crc32

from nbtrack.store import frames
from nbtrack.store.frames import Frame, Kind

_HEAD_SIZE = 12
_HEAD = struct.Struct("<2sBBII")
_COUNT_AT = _HEAD_SIZE + 16
_U16 = struct.Struct("<H")
_RESIDUE = 0x2144DF1C  # crc32 of any bytes followed by their own crc32
_STRETCH = 1024  # frames of one line that are looked at in one go


@dataclass(slots=True)
class Line:
    """The points of one run and one set of keys in a batch: ``tails`` are ``t, step, values`` as in the frame.

    ``marks`` holds, for each stretch of consecutive frames, where it began in the data and how many tails came before it.
    """

    run_id: str
    keys: tuple[str, ...]
    tails: list[bytes] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Batch:
    """What a stretch of a journal holds. ``used`` bytes were understood or are damage; the rest waits for more bytes."""

    records: list[Frame] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)
    used: int = 0
    points: int = 0
    damaged_bytes: int = 0
    damaged: int = 0
    undecodable: int = 0


def read_batch(data: bytes, *, final: bool) -> Batch:
    """Take data apart from its first byte; ``final`` means that nothing will be added, so an incomplete frame is damage."""
    batch, lines = Batch(), _Lines(data)
    position, size = 0, len(data)
    damage_from = -1
    while position < size:
        end = lines.take(position, batch)
        if end == position:
            frame, incomplete = frames.frame_at(data, position, size)
            if frame is None and incomplete and not final:
                break
            if frame is None:
                damage_from = position if damage_from < 0 else damage_from
                found = data.find(frames.MAGIC, position + 1)
                position = size if found < 0 else found
                if found < 0 and not final and data[-1:] == frames.MAGIC[:1]:
                    position = size - 1
                    break
                continue
            end = frame.end
            if frame.kind == Kind.POINTS or frame.version != frames.VERSION:
                batch.undecodable += 1
            else:
                batch.records.append(frame)
        if damage_from >= 0:
            batch.damaged, batch.damaged_bytes, damage_from = batch.damaged + 1, batch.damaged_bytes + position - damage_from, -1
        position = end
    if damage_from >= 0:
        batch.damaged, batch.damaged_bytes = batch.damaged + 1, batch.damaged_bytes + position - damage_from
    batch.used = position
    batch.lines = list(lines.known.values())
    return batch


class _Lines:
    """Collects POINTS frames of one piece of data by line."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.view = memoryview(data)
        self.known: dict[bytes, Line] = {}
        self.last = b""

    def take(self, position: int, batch: Batch) -> int:
        """Take the POINTS frames of one line that begin here; the end of the last one, or ``position`` when there is none."""
        data = self.data
        if len(data) - position < _COUNT_AT + 2:
            return position
        magic, kind, version, length, complement = _HEAD.unpack_from(data, position)
        if kind != Kind.POINTS or magic != frames.MAGIC or version != frames.VERSION or length ^ 0xFFFFFFFF != complement:
            return position
        end = position + _HEAD_SIZE + length + 4
        if end > len(data) or crc32(self.view[position:end]) != _RESIDUE:
            return position
        (count,) = _U16.unpack_from(data, position + _COUNT_AT)
        cut = end - 4 - 16 - 8 * count
        if cut < position + _COUNT_AT + 2:
            return position
        prefix = data[position:cut]
        line = self.known.get(prefix)
        if line is None:
            line = _line(prefix, count)
            if line is None:
                return position
            self.known[prefix] = line
        line.marks.append((position, len(line.tails)))
        line.tails.append(data[cut : end - 4])
        batch.points += count
        if data.startswith(prefix, end):
            size = end - position
            taken = self._stretch(line, prefix, end, size)
            batch.points += taken * count
            end += taken * size
        return end

    def _stretch(self, line: Line, prefix: bytes, position: int, size: int) -> int:
        """Take the frames of the same prefix that follow; how many. 0 when their common crc is wrong: then they go one by one."""
        most = min((len(self.data) - position) // size, _STRETCH)
        tails = []
        unpack = struct.Struct(f"{len(prefix)}s{size - len(prefix) - 4}s4x").iter_unpack
        for begin, tail in unpack(self.view[position : position + most * size]):
            if begin != prefix:
                break
            tails.append(tail)
        if not tails or crc32(self.view[position : position + len(tails) * size]) != _crc_of(len(tails), size):
            return 0
        line.tails += tails
        return len(tails)


def _line(prefix: bytes, count: int) -> Line | None:
    try:
        run_id, keys, *_ = frames.unpack_points(prefix[_HEAD_SIZE:] + bytes(16 + 8 * count))
    except (ValueError, struct.error):
        return None
    return Line(run_id, tuple(storable(key) for key in keys))


def storable(text: str) -> str:
    """Replace what no UTF-8 file can hold (lone surrogates), so that one odd name costs no record."""
    if text.isascii():
        return text
    return text.encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _crc_of(count: int, size: int) -> int:
    """The crc32 of ``count`` valid frames of ``size`` bytes each."""
    return _crcs_of(size, 64 if count <= 64 else _STRETCH)[count]


@lru_cache(maxsize=64)
def _crcs_of(size: int, most: int) -> array[int]:
    """The crc32 of 0 to ``most`` valid frames of ``size`` bytes each.

    crc32 is affine in its start value: crc(m, x) = crc(m, 0) ^ crc(zeros, x) ^ crc(zeros, 0); crc(m, 0) of a valid frame is the residue.
    """
    zeros = bytes(size)
    constant = crc32(zeros) ^ _RESIDUE
    crcs = array("L", [0])
    for _ in range(most):
        crcs.append(crc32(zeros, crcs[-1]) ^ constant)
    crcs[0] = 0
    return crcs
