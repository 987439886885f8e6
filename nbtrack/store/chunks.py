"""Columns of numbers as bytes and back, exactly: steps, moments and metric values. Pure: no file, no clock, no SQLite.

A column of doubles is split into its 8 byte planes. Planes that look random (the low bytes of a mantissa) are kept as they are, the others
go through zlib together: packing and unpacking random bytes costs most of the time and gains nothing. Whole numbers that no double holds
stand beside the doubles as text. A column of integers is an arithmetic progression or its differences.

Layouts (little endian), by the first byte::

    values    0 raw doubles     1 planes: mask u8 of the planes kept as they are, these planes, zlib of the others
              +128 exact numbers first: length u32, JSON [[index, "digits"], ...]
    integers  0 start i64, stride i64      1 raw i64      2 start i64, width u8, differences      3 as 2, differences through zlib

numpy is used when the process has it already, never imported.
"""

from __future__ import annotations

import json
import struct
import sys
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from operator import sub
from typing import Any

SEALED_POINTS = 4000
RAW_BLOCKS = 64

_RAW, _PLANES, _EXACT = 0, 1, 128
_PROGRESSION, _ABSOLUTE, _DIFFERENCES, _SMALL_DIFFERENCES = 0, 1, 2, 3
_U32 = struct.Struct("<I")
_PAIR = struct.Struct("<Bqq")
_DIFFERENCE_HEAD = struct.Struct("<BqB")
_CRC_RESIDUE = 0x2144DF1C
_SAMPLE = 256
_RANDOM_DISTINCT = 140  # of 256 random bytes about 162 are distinct; below this a plane is worth trying
_LEVEL = 6
_WORTH = 0.95
_WIDTHS = ((1, "b"), (2, "h"), (4, "i"), (8, "q"))
_CODES = dict(_WIDTHS)

Number = float | int


class Damaged(ValueError):
    """Packed numbers that are not what was packed."""


class Column:
    """Metric values as doubles, with the whole numbers that no double holds beside them by index."""

    __slots__ = ("doubles", "exact")

    def __init__(self, doubles: array[float], exact: dict[int, int] | None = None) -> None:
        self.doubles = doubles
        self.exact = exact or {}

    @classmethod
    def of(cls, values: Iterable[Number]) -> Column:
        """Take plain numbers apart into doubles and exact whole numbers."""
        doubles, exact = array("d"), {}
        for index, value in enumerate(values):
            try:
                double = float(value)
            except OverflowError:
                double = float("inf") if value > 0 else float("-inf")
            doubles.append(double)
            if isinstance(value, int) and value != double:
                exact[index] = value
        return cls(doubles, exact)

    def __len__(self) -> int:
        return len(self.doubles)

    def numbers(self) -> list[Number]:
        """Return the values as logged: floats, and ints where a float would not be exact."""
        values: list[Number] = self.doubles.tolist()
        for index, number in self.exact.items():
            values[index] = number
        return values

    def part(self, start: int, end: int) -> Column:
        """Return the values from ``start`` up to ``end``."""
        return Column(self.doubles[start:end], {index - start: value for index, value in self.exact.items() if start <= index < end})

    def picked(self, indexes: Sequence[int]) -> Column:
        """Return the values at these indexes, in this order."""
        doubles = self.doubles
        exact = {new: self.exact[old] for new, old in enumerate(indexes) if old in self.exact} if self.exact else None
        return Column(array("d", [doubles[index] for index in indexes]), exact)

    def append(self, other: Column) -> None:
        """Add the values of another column at the end."""
        shift = len(self.doubles)
        self.doubles.extend(other.doubles)
        for index, value in other.exact.items():
            self.exact[index + shift] = value


def pack_values(column: Column, *, seal: bool) -> bytes:
    """Pack values; ``seal`` takes the time to make them small."""
    raw = _little(column.doubles).tobytes()
    packed = _pack_planes(raw) if seal else b"\x00" + raw
    if not column.exact:
        return packed
    beside = json.dumps([[index, str(value)] for index, value in sorted(column.exact.items())], separators=(",", ":")).encode()
    return b"".join((bytes((packed[0] | _EXACT,)), _U32.pack(len(beside)), beside, packed[1:]))


def unpack_values(data: bytes, count: int) -> Column:
    """Give back the values; raises ``Damaged`` when the bytes are not ``count`` values."""
    if not data:
        raise Damaged("a column of values without bytes")
    layout, position, exact = data[0], 1, {}
    if layout & _EXACT:
        try:
            (length,) = _U32.unpack_from(data, 1)
            position = 5 + length
            exact = {int(index): int(text) for index, text in json.loads(data[5:position])}
        except (struct.error, ValueError, TypeError) as error:
            raise Damaged(f"the exact numbers of a column cannot be read: {error}") from error
    layout &= ~_EXACT
    if layout == _RAW:
        raw = data[position:]
    elif layout == _PLANES:
        raw = _unpack_planes(data, position, count)
    else:
        raise Damaged(f"a column of values of the unknown layout {layout}")
    if len(raw) != 8 * count:
        raise Damaged(f"a column of {len(raw)} bytes for {count} values")
    doubles = array("d")
    doubles.frombytes(raw)
    return Column(_little(doubles), exact)


def pack_integers(values: Sequence[int], *, seal: bool) -> bytes:
    """Pack whole numbers of 64 bits, small when they grow evenly."""
    start = values[0]
    stride = values[1] - start if len(values) > 1 else 1
    even = stride and -(1 << 62) < stride < 1 << 62 and values[-1] == start + stride * (len(values) - 1)
    if even and list(values) == list(range(start, start + stride * len(values), stride)):
        return _PAIR.pack(_PROGRESSION, start, stride)
    differences = list(map(sub, values[1:], values))
    low, high = min(differences), max(differences)
    for width, code in _WIDTHS:
        if -(1 << 8 * width - 1) <= low and high < 1 << 8 * width - 1:
            packed = _little(array(code, differences)).tobytes()
            break
    else:
        return b"\x01" + _little(array("q", values)).tobytes()
    if seal and width > 1:
        packed = b"".join(packed[plane::width] for plane in range(width))
    if seal:
        small = zlib.compress(packed, _LEVEL)
        if len(small) < _WORTH * len(packed):
            return _DIFFERENCE_HEAD.pack(_SMALL_DIFFERENCES, start, width) + small
        packed = _joined_planes(packed, width)
    return _DIFFERENCE_HEAD.pack(_DIFFERENCES, start, width) + packed


def unpack_integers(data: bytes, count: int) -> list[int]:
    """Give back whole numbers; raises ``Damaged`` when the bytes are not ``count`` numbers."""
    if not data:
        raise Damaged("a column of integers without bytes")
    layout = data[0]
    try:
        if layout == _PROGRESSION:
            _, start, stride = _PAIR.unpack(data)
            return list(range(start, start + stride * count, stride))
        if layout == _ABSOLUTE:
            values = _integers("q", data[1:])
        elif layout in {_DIFFERENCES, _SMALL_DIFFERENCES}:
            _, start, width = _DIFFERENCE_HEAD.unpack_from(data)
            packed = data[_DIFFERENCE_HEAD.size :]
            if layout == _SMALL_DIFFERENCES:
                packed = _joined_planes(zlib.decompress(packed), width)
            values = list(accumulate(_integers(_CODES[width], packed), initial=start))
        else:
            raise Damaged(f"a column of integers of the unknown layout {layout}")
    except (struct.error, zlib.error, KeyError) as error:
        raise Damaged(f"a column of integers cannot be read: {error}") from error
    if len(values) != count:
        raise Damaged(f"a column of {len(values)} integers for {count}")
    return values


def progression_of(data: bytes, count: int) -> range | None:
    """Give back packed whole numbers as a range when they grow evenly: then there is nothing to unpack."""
    if not data or data[0] != _PROGRESSION or len(data) != _PAIR.size:
        return None
    _, start, stride = _PAIR.unpack(data)
    return range(start, start + stride * count, stride)


class Deferred(Sequence[int]):
    """Whole numbers that are unpacked when somebody looks at them: half the time of reading a long series goes into moments few ask for."""

    def __init__(self, parts: Sequence[tuple[bytes, int]]) -> None:
        self._parts = parts
        self._count = sum(count for _, count in parts)
        self._values: list[int] | None = None

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: Any) -> Any:
        return self.unpacked()[index]

    def __iter__(self) -> Iterator[int]:
        return iter(self.unpacked())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and self.unpacked() == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{self._count} whole numbers>"

    def unpacked(self) -> list[int]:
        """Return them as a list; raises ``Damaged`` when the bytes are damaged."""
        if self._values is None:
            self._values = [value for data, count in self._parts for value in unpack_integers(data, count)]
        return self._values


def pack_columns(columns: Iterable[bytes]) -> bytes:
    """Join packed columns, each behind its length, with a crc at the end."""
    joined = b"".join(part for column in columns for part in (_U32.pack(len(column)), column))
    return joined + _U32.pack(zlib.crc32(joined))


def unpack_columns(data: bytes) -> list[bytes]:
    """Take joined columns apart; raises ``Damaged`` when they are not what was packed."""
    # crc32 of bytes followed by their own crc is a constant. A flipped bit in a mantissa would show nowhere else.
    if zlib.crc32(data) != _CRC_RESIDUE:
        raise Damaged("joined columns are damaged")
    columns, position, end = [], 0, len(data) - 4
    while position < end:
        (length,) = _U32.unpack_from(data, position)
        columns.append(data[position + 4 : position + 4 + length])
        position += 4 + length
    if position != end:
        raise Damaged("joined columns do not fill their bytes")
    return columns


def _pack_planes(raw: bytes) -> bytes:
    mask, kept, rest = 0, [], []
    for plane in range(8):
        part = raw[plane::8]
        if len(part) >= _SAMPLE and len(set(part[:_SAMPLE])) >= _RANDOM_DISTINCT:
            mask |= 1 << plane
            kept.append(part)
        else:
            rest.append(part)
    small = zlib.compress(b"".join(rest), _LEVEL) if rest else b""
    packed = b"".join((bytes((_PLANES, mask)), *kept, small))
    return packed if len(packed) < 1 + _WORTH * len(raw) else b"\x00" + raw


def _unpack_planes(data: bytes, position: int, count: int) -> bytes:
    if position >= len(data):
        raise Damaged("a column of values is cut short")
    mask = data[position]
    position += 1
    kept = data[position : position + count * mask.bit_count()]
    try:
        rest = zlib.decompress(data[position + len(kept) :]) if mask != 0xFF else b""
    except zlib.error as error:
        raise Damaged(f"a column of values cannot be read: {error}") from error
    if len(kept) + len(rest) != 8 * count:
        raise Damaged(f"planes of {len(kept) + len(rest)} bytes for {count} values")
    if mask == 0x3F:  # what random doubles give: the planes are in order already
        return _joined_planes(kept + rest, 8)
    next_kept = next_rest = 0
    planes = []
    for plane in range(8):
        if mask >> plane & 1:
            planes.append(kept[next_kept : next_kept + count])
            next_kept += count
        else:
            planes.append(rest[next_rest : next_rest + count])
            next_rest += count
    return _joined_planes(b"".join(planes), 8)


def _joined_planes(planes: bytes, width: int) -> bytes:
    if width == 1:
        return planes
    count = len(planes) // width
    numpy: Any = sys.modules.get("numpy")
    if numpy is not None and hasattr(numpy, "frombuffer"):  # without it numpy is still being imported by another thread
        joined: bytes = numpy.frombuffer(planes, dtype="u1").reshape(width, count).T.tobytes()
        return joined
    out = bytearray(len(planes))
    for plane in range(width):
        out[plane::width] = planes[plane * count : (plane + 1) * count]
    return bytes(out)


def _integers(code: str, packed: bytes) -> list[int]:
    values = array(code)
    if len(packed) % values.itemsize:
        raise Damaged("a column of integers is cut short")
    values.frombytes(packed)
    return _little(values).tolist()


def _little(values: array[Any]) -> array[Any]:
    """The same numbers in little-endian byte order, or back again: nothing to do on most machines."""
    if sys.byteorder == "little":
        return values
    swapped = values[:]
    swapped.byteswap()
    return swapped
