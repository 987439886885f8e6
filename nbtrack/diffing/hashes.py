"""When two values are the same, and cheap keys to find equals by: JSON values in, an answer or a hash out.

Same means the same canonical JSON: 1, true and 1.0 differ, so do 0.0 and -0.0, and NaN equals NaN. Python's ``==`` says otherwise in
all three.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

_WALKED_AT_MOST = 20_000  # values looked at one by one for a NaN; beyond it unequal is unequal
_SAMPLE = 256


@dataclass(frozen=True, slots=True)
class CellHashes:
    """Hashes that a store already holds: of the source, and of each output without its execution count."""

    source: str
    outputs: tuple[str, ...] = ()


def same(a: Any, b: Any) -> bool:
    """Tell whether two JSON values are the same text in canonical JSON."""
    if a is b:
        return True
    if isinstance(a, str) or isinstance(b, str):
        return bool(a == b)
    if a == b:
        return _same_types(a, b)
    return isinstance(a, float | dict | list) and _same_one_by_one(a, b, [_WALKED_AT_MOST])


def _same_types(a: Any, b: Any) -> bool:
    """Look behind Python's ``==``, which has already said yes; strings need no second look."""
    if isinstance(a, dict):
        return all(type(value) is str or value is None or _same_types(value, b[key]) for key, value in a.items())
    if isinstance(a, list | tuple):
        kinds = set(map(type, a))
        if kinds <= {str, type(None)}:
            return True
        if kinds <= {int, bool}:
            return list(map(type, a)) == list(map(type, b))
        return all(_same_types(one, other) for one, other in zip(a, b, strict=True))
    if isinstance(a, float):
        return type(a) is type(b) and repr(a) == repr(b)
    return type(a) is type(b) or not isinstance(a, bool | int) or not isinstance(b, bool | int | float)


def _same_one_by_one(a: Any, b: Any, left: list[int]) -> bool:
    """Compare without Python's ``==`` on containers: a NaN inside makes it say no for equal values."""
    left[0] -= 1
    if left[0] < 0:
        return False
    if isinstance(a, dict):
        if not isinstance(b, dict) or len(a) != len(b):
            return False
        return all(key in b and _same_one_by_one(value, b[key], left) for key, value in a.items())
    if isinstance(a, list | tuple):
        if not isinstance(b, list | tuple) or len(a) != len(b):
            return False
        return all(_same_one_by_one(one, other, left) for one, other in zip(a, b, strict=True))
    if isinstance(a, float):
        return isinstance(b, float) and repr(a) == repr(b)
    return bool(a == b) and _same_types(a, b)


def content_hash(value: Any) -> int:
    """Return a number that equal values share; for this process only. Of long lists and objects a part is looked at."""
    if isinstance(value, str):
        return hash(text_key(value))
    if isinstance(value, dict):
        keys = sorted(value, key=str)[:_SAMPLE] if len(value) > _SAMPLE else value
        return hash(("dict", len(value), frozenset((str(key), content_hash(value[key])) for key in keys)))
    if isinstance(value, list | tuple):
        parts = value if len(value) <= _SAMPLE else [*value[: _SAMPLE // 2], *value[:: len(value) // 64], *value[-_SAMPLE // 2 :]]
        return hash(("list", len(value), *map(content_hash, parts)))
    return hash((type(value).__name__, repr(value)))


def text_key(text: str) -> Hashable:
    """Return the text, or for a long one its length and three samples: hashing 100 KB of base64 a cell is what costs most."""
    if len(text) <= 4 * _SAMPLE:
        return text
    middle = len(text) // 2
    return len(text), text[:_SAMPLE], text[middle : middle + _SAMPLE], text[-_SAMPLE:]


def output_key(output: Any) -> Hashable:
    """Return a cheap key that an equal output shares, whatever its execution count. Unlike ones may share it too."""
    if not isinstance(output, dict):
        return "odd", content_hash(output)
    data = output.get("data")
    if isinstance(data, dict):
        return output_shape(output), tuple(_part_key(data[name]) for name in sorted(data, key=str))
    if output.get("output_type") == "error":
        return output_shape(output), _part_key(output.get("evalue")), _part_key(output.get("traceback"))
    return output_shape(output), _part_key(output.get("text"))


def output_shape(output: Any) -> Hashable:
    """Return what kind of output this is: its type with the stream's name, the error's name or the set of MIME types."""
    if not isinstance(output, dict):
        return "odd"
    data = output.get("data")
    if isinstance(data, dict):
        return str(output.get("output_type")), tuple(sorted(map(str, data)))
    return str(output.get("output_type")), str(output.get("name", ""))


def outputs_key(outputs: Sequence[Any]) -> Hashable:
    """Return one key of all outputs of a cell."""
    return tuple(map(output_key, outputs)) if outputs else ()


def _part_key(part: Any) -> Hashable:
    if isinstance(part, str):
        return text_key(part)
    if isinstance(part, list) and all(isinstance(one, str) for one in part):
        return text_key("".join(part))
    return content_hash(part)
