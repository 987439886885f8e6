"""The journal's frames: records in, bytes out, and back. Pure: no file, no clock.

A frame stands for itself, so that damage costs the damaged frames and nothing else::

    magic "\\x9bN"  kind u8  version u8  length u32  ~length u32  payload  crc32 u32      (little endian)

The crc covers everything before it. The complemented length shows a damaged length at once, without waiting for bytes that never come.

Two payloads exist. ``POINTS`` is binary, constants first, so that a training loop packs only what changes::

    run id 16 bytes   n u16   n x (length u16, key utf-8)   t i64   step i64   n x f64

Every other kind is ``head length u32, JSON head, bodies``; the head carries ``t`` (boot clock, microseconds) and, when there are bodies,
``b``: their lengths. The heads, key by key (a key may be absent: then it is unknown, and ingest must not mind):

=============== ==========================================================================================================
HEADER          first frame of every file: format, journal (id), generation, parent (the journal of the process that forked this one),
                wall (UTC ms), pid, host, boot, user, python, nbtrack
SESSION         id, kind (kernel | script | shell), kernel, notebook, cwd, environment, wall; repeated to tell what is known now
EXECUTION       id, session, seq, count, cell, notebook, hash, wall, before; body: source
EXECUTION_END   id, status, duration_us, cpu_us, peak, error {type, message},
                outputs [{kind, mime, size, body | sha256, truncated, display}]; bodies: what ``body`` counts into
RUN             id, name, experiment, notebook, session, execution, origin, parent, environment, user, wall,
                draft (true: hidden, unnumbered until a RUN_UPDATE says shown)
RUN_END         run, state, error {type, message}, stopped
RUN_UPDATE      run, then any of name, experiment, environment, hashes {code, config, data, environment}, parent,
                shown (true: a draft becomes a running, numbered run),
                into (id: what this draft holds belongs to that run; the draft goes)
RUN_EXECUTION   run, execution: this cell fed the run
PARAMS          run, source, confidence, execution, values {key: JSON}, marked {key: why it is text}
TAGS            run, values {key: text | null}; null removes
NOTE            run, text, author
VALUES          run, step, values {key: {"exact": "9007199254740993"} | {"text": "high"}}: metric values that no double can hold
ARTIFACT        id, run, name, kind, mime, size, sha256, execution, path, state; body: the bytes when small
BLOB            sha256, size, stored, encoding (raw | zlib): a body file stands in blobs/
ENVIRONMENT     id, facts {python, platform, packages, git, ...}
RULE            key, direction (min | max), experiment: what a person taught
BODIES          bodies: what a CHECKPOINT after it names by sha256
CHECKPOINT      id, notebook (path), state (sha256 of the manifest), forms, reason, message, author, run, boundary (start | end), session,
                unsaved, format, minor, cells, size; body: the manifest (see manifests.py), unless it is a BLOB or the state is known
NOTEBOOK_MOVE   from, to: the file has another path now
ROTATE, CLOSE   last frame of a file: the next generation exists, the process ended in order
=============== ==========================================================================================================

Frames of every released version stay readable: a new layout gets a new version, never a changed one.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any
from zlib import crc32

MAGIC = b"\x9bN"
VERSION = 1
MAX_LENGTH = 4 << 20  # one frame; a longer declared length is damage
INLINE_BODY = 128 << 10  # larger bodies go to a file of their own

_HEAD = struct.Struct("<2sBBII")
_U32 = struct.Struct("<I")
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode  # json.dumps makes one a call
_U16 = struct.Struct("<H")
_FIXED = struct.Struct("<16sH")
OVERHEAD = _HEAD.size + _U32.size


class Kind(IntEnum):
    """What a frame records; numbers are part of the format."""

    HEADER = 1
    POINTS = 2
    VALUES = 3
    SESSION = 4
    EXECUTION = 5
    EXECUTION_END = 6
    RUN = 7
    RUN_END = 8
    RUN_UPDATE = 9
    RUN_EXECUTION = 10
    PARAMS = 11
    TAGS = 12
    NOTE = 13
    ARTIFACT = 14
    BLOB = 15
    ENVIRONMENT = 16
    RULE = 17
    ROTATE = 18
    CLOSE = 19
    BODIES = 20
    CHECKPOINT = 21
    NOTEBOOK_MOVE = 22


FINAL_KINDS = frozenset({Kind.ROTATE, Kind.CLOSE})


@dataclass(frozen=True, slots=True)
class Frame:
    """One decoded frame and where it stood. For POINTS, ``head`` is empty and ``payload`` holds the binary form."""

    kind: int
    version: int
    start: int
    end: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class Series:
    """The constant part of all POINTS frames of one run and one set of keys, packed once."""

    run_id: str
    keys: tuple[str, ...]
    prefix: bytes
    prefix_crc: int
    pack: Callable[..., bytes]  # t, step and the values into what follows the prefix


def pack(kind: int, payload: bytes) -> bytes:
    """Wrap a payload; raises ``ValueError`` when it is longer than one frame may be."""
    length = len(payload)
    _refuse_long(length)
    framed = _HEAD.pack(MAGIC, kind, VERSION, length, length ^ 0xFFFFFFFF) + payload
    return framed + _U32.pack(crc32(framed))


def pack_record(kind: int, head: dict[str, Any], bodies: Sequence[bytes] = ()) -> bytes:
    """Pack a head and its bodies; the head must hold JSON values only and gets ``b`` when there are bodies."""
    if bodies:
        head = {**head, "b": [len(body) for body in bodies]}
    encoded = _encode(head).encode("utf-8", "surrogatepass")
    length = _U32.size + len(encoded) + sum(map(len, bodies))
    _refuse_long(length)
    start = _HEAD.pack(MAGIC, kind, VERSION, length, length ^ 0xFFFFFFFF) + _U32.pack(len(encoded)) + encoded
    crc = crc32(start)
    for body in bodies:
        crc = crc32(body, crc)
    return b"".join((start, *bodies, crc.to_bytes(4, "little")))  # bodies are copied once: they are most of a cell's record


def repack_record(frame: Frame, head: dict[str, Any]) -> bytes:
    """Write a frame again with less in its head and the same bodies, exactly as long as before; blanks fill what is left of the head."""
    (length,) = _U32.unpack_from(frame.payload)
    _, bodies = unpack_record(frame.payload)
    if bodies:
        head = {**head, "b": [len(body) for body in bodies]}
    encoded = _encode(head).encode("utf-8", "surrogatepass")
    if len(encoded) > length:
        raise ValueError("the new head is longer than the old one")
    return pack(frame.kind, b"".join((frame.payload[:4], encoded.ljust(length), frame.payload[4 + length :])))


def _refuse_long(length: int) -> None:
    if length > MAX_LENGTH:
        raise ValueError(f"a frame of {length} bytes is longer than {MAX_LENGTH}")


def unpack_record(payload: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Give back head and bodies; raises ``ValueError`` when the payload is not what it says."""
    if len(payload) < 4:
        raise ValueError("record without a head")
    (length,) = _U32.unpack_from(payload)
    try:
        head = json.loads(payload[4 : 4 + length].decode("utf-8", "surrogatepass"))
    except RecursionError:
        raise ValueError("the head of a record is nested too deeply") from None
    sizes = head.pop("b", []) if isinstance(head, dict) else None
    if not isinstance(sizes, list):
        raise ValueError("the head of a record is no object, or its list of bodies no list")
    bodies, position = [], 4 + length
    for size in sizes:
        if not isinstance(size, int) or size < 0:
            raise ValueError(f"{size!r} is no size of a body")
        bodies.append(payload[position : position + size])
        position += size
    if position != len(payload):
        raise ValueError("the bodies of a record do not fill it")
    return head, bodies


def series(run_id: str, keys: tuple[str, ...]) -> Series:
    """Pack what stays the same in every POINTS frame of these keys; raises ``ValueError`` when they do not fit into one."""
    encoded = [key.encode("utf-8", "surrogatepass") for key in keys]
    if len(keys) > 0xFFFF or any(len(raw) > 0xFFFF for raw in encoded) or sum(map(len, encoded)) + 10 * len(keys) > MAX_LENGTH - 64:
        raise ValueError(f"{len(keys)} keys of {sum(map(len, encoded))} bytes do not fit into one frame")
    named = b"".join(_U16.pack(len(raw)) + raw for raw in encoded)
    constant = _FIXED.pack(bytes.fromhex(run_id), len(keys)) + named
    tail = struct.Struct(f"<qq{len(keys)}d")
    length = len(constant) + tail.size
    prefix = _HEAD.pack(MAGIC, Kind.POINTS, VERSION, length, length ^ 0xFFFFFFFF) + constant
    return Series(run_id, keys, prefix, crc32(prefix), tail.pack)


def pack_points(line: Series, t: int, step: int, values: Sequence[float]) -> bytes:
    """Pack one step of a series: the hot path of every training loop."""
    tail = line.pack(t, step, *values)
    return line.prefix + tail + crc32(tail, line.prefix_crc).to_bytes(4, "little")


def unpack_points(payload: bytes) -> tuple[str, tuple[str, ...], int, int, tuple[float, ...]]:
    """Give back run id, keys, t, step and values of a POINTS payload; raises ``ValueError`` when it is not what it says."""
    try:
        raw_id, count = _FIXED.unpack_from(payload)
        position, keys = _FIXED.size, []
        for _ in range(count):
            (length,) = _U16.unpack_from(payload, position)
            keys.append(payload[position + 2 : position + 2 + length].decode("utf-8", "surrogatepass"))
            position += 2 + length
        t, step, *values = struct.unpack(f"<qq{count}d", payload[position:])
    except struct.error as error:
        raise ValueError(f"points that do not fill their frame: {error}") from None
    return raw_id.hex(), tuple(keys), t, step, tuple(values)


def scan(data: bytes, *, final: bool) -> Iterator[Frame | tuple[int, int]]:
    """Yield frames in order, and ``(start, end)`` for every stretch of damage between them.

    Stops before an incomplete frame at the end unless ``final``: then nobody will complete it, and it is damage like any other.
    """
    position, size = 0, len(data)
    damage_from: int | None = None
    while position < size:
        frame, incomplete = frame_at(data, position, size)
        if frame is None and incomplete and not final:
            break
        if frame is None:
            damage_from = position if damage_from is None else damage_from
            found = data.find(MAGIC, position + 1)
            position = size if found < 0 else found
            if found < 0 and not final and data[-1:] == MAGIC[:1]:
                position = size - 1
                break
            continue
        if damage_from is not None:
            yield damage_from, position
            damage_from = None
        yield frame
        position = frame.end
    if damage_from is not None:
        yield damage_from, position


def frame_at(data: bytes, position: int, size: int) -> tuple[Frame | None, bool]:
    """Read the frame at a position; the flag tells that it may still be completed by bytes to come."""
    if size - position < _HEAD.size:
        return None, data[position : position + 2] == MAGIC[: size - position][:2]
    magic, kind, version, length, complement = _HEAD.unpack_from(data, position)
    if magic != MAGIC or length ^ 0xFFFFFFFF != complement or length > MAX_LENGTH:
        return None, False
    body = position + _HEAD.size
    end = body + length + _U32.size
    if end > size:
        return None, True
    (stored,) = _U32.unpack_from(data, end - 4)
    if crc32(data[position : end - 4]) != stored:
        return None, False
    return Frame(kind, version, position, end, data[body : end - 4]), False
