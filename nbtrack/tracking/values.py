"""Values as people log them in; JSON values and numbers out, with a word where something could not be kept as it was.

No library is imported here: what numpy, pandas or torch objects are is asked of the objects' own ``item`` and ``tolist``.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from enum import Enum
from pathlib import PurePath
from typing import Any

MAX_KEY = 250
MAX_TEXT = 10_000
MAX_ITEMS = 1_000
_MAX_DEPTH = 8
_INT64 = 1 << 63


def plain(value: Any) -> tuple[Any, str | None]:
    """Return a value as JSON would give it back, and why it is text instead (None: kept as it was).

    Numbers, text, booleans, None, lists, tuples, sets and string-keyed dicts are kept; numpy scalars and small arrays become numbers and
    lists; enums their value, paths and dates their text. NaN and infinities become the texts ``NaN``, ``Infinity``, ``-Infinity``.
    """
    try:
        return _plain(value, 0), None
    except _NotPlain as reason:
        return as_text(value), str(reason)


def number(value: Any) -> float | int | None:
    """Return a metric value as a float, or as an int where a float would round it; None when it is no number.

    Booleans count as 0 and 1; anything with ``item()`` of one element (numpy, torch) and anything with ``__float__`` is accepted, text not.
    """
    kind = type(value)
    if kind is float:
        return value
    if kind is bool:
        return float(value)
    if isinstance(value, int):
        return _exact(int(value))
    if isinstance(value, (str, bytes, bytearray)) or value is None:
        return None
    item = getattr(value, "item", None)
    if callable(item):
        try:
            value = item()
        except (TypeError, ValueError, RuntimeError, IndexError):
            return None
        if isinstance(value, bool) or type(value) is float:
            return float(value)
        if isinstance(value, int):
            return _exact(value)
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError, RuntimeError):
        return None


def step_number(step: Any) -> int | None:
    """Return a step as an int of 64 bits, or None when it is none."""
    try:
        whole = operator.index(step)
    except TypeError:
        value = number(step)
        if value is None or not math.isfinite(value) or value != int(value):
            return None
        whole = int(value)
    return whole if -_INT64 <= whole < _INT64 else None


def key_text(key: Any) -> tuple[str, str | None]:
    """Return a key as storable text, and what was wrong with it (None: nothing)."""
    if isinstance(key, str) and key and len(key) <= MAX_KEY and key.isprintable() and key == key.strip():
        return key, None
    if not isinstance(key, str):
        return key_text(as_text(key))[0], f"the key {as_text(key)[:40]!r} is no text"
    cleaned = "".join(char if char.isprintable() else " " for char in key.encode("utf-8", "replace").decode()).strip()
    if not cleaned:
        return "(empty)", "an empty key"
    if len(cleaned) > MAX_KEY:
        return cleaned[:MAX_KEY], f"the key {cleaned[:20]!r}… has {len(cleaned)} characters, {MAX_KEY} are kept"
    return cleaned, f"the key {key[:40]!r} has spaces or signs that cannot be shown"


def as_text(value: Any) -> str:
    """Return ``str(value)`` cut to a bearable length; a failing ``__str__`` gives the type's name instead."""
    try:
        text = str(value)
    except Exception:  # noqa: BLE001  a user's __str__ may raise anything; logging must not
        text = f"<{type(value).__name__}>"
    text = text.encode("utf-8", "replace").decode()
    return text if len(text) <= MAX_TEXT else f"{text[: MAX_TEXT - 40]}… {len(text) - MAX_TEXT + 40} characters cut"


class _NotPlain(Exception):
    pass


def _exact(value: int) -> float | int:
    try:
        as_float = float(value)
    except OverflowError:
        return value
    return as_float if int(as_float) == value else value


def _plain(value: Any, depth: int) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value if not isinstance(value, str) else _text(value)
    if isinstance(value, Enum):
        return _plain(value.value, depth + 1)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {math.inf: "Infinity", -math.inf: "-Infinity"}.get(value, "NaN")
    if depth > _MAX_DEPTH:
        raise _NotPlain("it is nested too deeply")
    if isinstance(value, Mapping):
        if len(value) > MAX_ITEMS:
            raise _NotPlain(f"it has {len(value)} entries")
        return {_text(key if isinstance(key, str) else as_text(key)): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        if len(value) > MAX_ITEMS:
            raise _NotPlain(f"it has {len(value)} items")
        items = sorted(value, key=as_text) if isinstance(value, (set, frozenset)) else value
        return [_plain(item, depth + 1) for item in items]
    if isinstance(value, (PurePath, date, datetime, time, timedelta)):
        return _text(str(value))
    return _foreign(value, depth)


def _foreign(value: Any, depth: int) -> Any:
    """Ask numpy, pandas and torch values for plain ones; classes and functions give their name."""
    if isinstance(value, type) or callable(value):
        name = getattr(value, "__qualname__", None)
        if isinstance(name, str):
            return name
    size = getattr(value, "size", None)
    if callable(size):  # torch: a method
        counter = getattr(value, "numel", None)
        size = counter() if callable(counter) else None
    tolist = getattr(value, "tolist", None)
    if callable(tolist) and isinstance(size, int) and size <= MAX_ITEMS:
        try:
            listed = tolist()
        except (TypeError, ValueError, RuntimeError):
            listed = value
        if listed is not value and type(listed) is not type(value):
            return _plain(listed, depth + 1)
    raise _NotPlain(f"{type(value).__name__} has no JSON form")


def _text(value: str) -> str:
    return value if len(value) <= MAX_TEXT and value.isascii() else as_text(value)
