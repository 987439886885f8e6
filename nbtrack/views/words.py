"""Numbers, times and sizes in people's words: values in, short text out; the clock is handed in.

Numbers carry a real minus sign and a thin space in thousands; in a column they share their count of decimals.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from nbtrack.records import short_number, short_value

MINUS = "\u2212"
THIN_SPACE = "\u202f"
MISSING = "–"
ARROWS = {-1: "▼", 1: "▲"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MAX_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Clock:
    """The present moment (UTC milliseconds) and the zone people live in (None: the machine's)."""

    now_ms: int
    zone: tzinfo | None = None

    def moment(self, at_ms: int | None) -> str:
        """Say when: ``just now``, ``12 min ago``, ``10:47``, ``yesterday 17:42``, ``12 Nov``, ``12 Nov 2024``."""
        if at_ms is None:
            return MISSING
        age_s = (self.now_ms - at_ms) / 1000
        if -60 < age_s < 60:
            return "just now"
        if 0 < age_s < 3600:
            return f"{int(age_s // 60)} min ago"
        then, now = self._local(at_ms), self._local(self.now_ms)
        if then is None or now is None:
            return MISSING
        if then.date() == now.date():
            return f"{then:%H:%M}"
        if then.date() == now.date() - timedelta(days=1):
            return f"yesterday {then:%H:%M}"
        day = f"{then.day} {_MONTHS[then.month - 1]}"
        return day if then.year == now.year else f"{day} {then.year}"

    def day_moment(self, at_ms: int | None) -> str:
        """Say when inside a sentence: as ``moment``, but ``today 10:47``."""
        said = self.moment(at_ms)
        return f"today {said}" if len(said) == 5 and said[2] == ":" else said

    def day(self, at_ms: int | None) -> str:
        """Name the day: ``Today``, ``Yesterday``, ``12 Nov``, ``12 Nov 2024``."""
        then, now = None if at_ms is None else self._local(at_ms), self._local(self.now_ms)
        if then is None or now is None:
            return MISSING
        if then.date() == now.date():
            return "Today"
        if then.date() == now.date() - timedelta(days=1):
            return "Yesterday"
        day = f"{then.day} {_MONTHS[then.month - 1]}"
        return day if then.year == now.year else f"{day} {then.year}"

    def time(self, at_ms: int | None) -> str:
        """Say the time of day: ``17:42``."""
        then = None if at_ms is None else self._local(at_ms)
        return MISSING if then is None else f"{then:%H:%M}"

    def exact(self, at_ms: int | None) -> str:
        """Say the exact time, for a hover: ``2024-11-12 17:42:05``."""
        then = None if at_ms is None else self._local(at_ms)
        return "" if then is None else f"{then:%Y-%m-%d %H:%M:%S}"

    def _local(self, at_ms: int) -> datetime | None:
        try:
            moment = datetime.fromtimestamp(at_ms / 1000, UTC)
            return moment.astimezone(self.zone)
        except (OverflowError, ValueError, OSError):  # a broken clock wrote a year no calendar has
            return None


def count(number: int) -> str:
    """Write a whole number with thin spaces: ``94 918``."""
    return f"{number:,}".replace(",", THIN_SPACE).replace("-", MINUS)


def plural(number: int, one: str, many: str = "") -> str:
    """Write a count with its noun: ``1 run``, ``40 runs``."""
    return f"{count(number)} {one if number == 1 else many or one + 's'}"


def value(thing: Any, *, width: int = 24) -> str:
    """Write a parameter value; numbers get a real minus sign, long ones are cut in the middle."""
    shown = short_value(thing, width=width)
    return _signed(shown) if isinstance(thing, (int, float)) and not isinstance(thing, bool) else shown


def number(thing: Any) -> str:
    """Write one metric value by itself: about four significant digits, text as it is."""
    if not _is_number(thing):
        return value(thing)
    if isinstance(thing, int):
        return count(thing) if abs(thing) < 10**15 else _signed(short_value(thing))
    return _grouped(_signed(short_number(thing)))


def number_column(values: Sequence[Any], *, apart: tuple[float, float] | None = None) -> list[str]:
    """Write the values of one column with the same count of decimals; missing ones as ``–``.

    ``apart`` names two values that must not look the same (the best and the next): decimals grow up to six for them.
    """
    decimals = column_decimals(values)
    if apart is not None and apart[0] != apart[1]:
        while decimals < _MAX_DECIMALS and f"{apart[0]:.{decimals}f}" == f"{apart[1]:.{decimals}f}":
            decimals += 1
    return [fixed(one, decimals) for one in values]


def column_decimals(values: Iterable[Any]) -> int:
    """Choose the decimals that a column of values needs: 0 for whole numbers, at most four, fewer for large ones."""
    floats = [float(one) for one in values if isinstance(one, float) and math.isfinite(one)]
    if not floats:
        return 0
    largest = max(abs(one) for one in floats)
    most = 4 if largest < 10 else 3 if largest < 100 else 2 if largest < 1000 else 1 if largest < 1e5 else 0
    needed = 0
    for one in floats:
        needed = max(needed, len(f"{one:.{most}f}".rstrip("0").partition(".")[2]))
        if needed == most:
            break
    return needed


def fixed(thing: Any, decimals: int) -> str:
    """Write one value of a column; a number too small or too large for its decimals keeps its own form."""
    if thing is None:
        return MISSING
    if not _is_number(thing):
        return value(thing)
    if isinstance(thing, int):
        if abs(thing) >= 10**15:
            return number(thing)
        return _grouped(_signed(f"{thing:.{decimals}f}")) if decimals else count(thing)
    if not math.isfinite(thing) or abs(thing) >= 1e15:
        return number(thing)
    shown = f"{thing:.{decimals}f}"
    if thing and not float(shown):
        return _signed(f"{thing:.2g}")
    return _grouped(_signed(shown)) if float(shown) else shown.lstrip("-")


def param_column(values: Sequence[Any]) -> list[str]:
    """Write a column of parameters: numbers with the same decimals where all of them are short, else each as it was written."""
    present = [one for one in values if one is not None]
    shown = {id(one): value(one, width=18) for one in present}
    if any(isinstance(one, float) for one in present) and all(_is_number(one) and math.isfinite(one) for one in present):
        decimals = max(len(text.partition(".")[2]) for text in shown.values())
        if decimals <= 4 and not any("e" in text for text in shown.values()):
            return [MISSING if one is None else _signed(f"{one:.{decimals}f}") for one in values]
    return [MISSING if one is None else shown[id(one)] for one in values]


def distance(thing: Any, reference: Any, decimals: int) -> str:
    """Write how far a value is from a reference, with the arrow of the number: ``▼ 0.0037``; empty when nobody can say."""
    if not (_is_number(thing) and _is_number(reference)):
        return ""
    try:
        gap = float(thing) - float(reference)
    except OverflowError:
        return ""
    if not math.isfinite(gap):
        return ""
    if gap == 0:
        return "same"
    return f"{ARROWS[1 if gap > 0 else -1]} {fixed(abs(gap), decimals)}"


def duration(seconds: float | None) -> str:
    """Write a length of time: ``12 ms``, ``34.8 s``, ``4 min``, ``2 h 14 min``, ``3 d 4 h``."""
    if seconds is None or not math.isfinite(seconds):
        return MISSING
    seconds = max(seconds, 0.0)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms" if seconds >= 0.001 or seconds == 0 else "< 1 ms"
    if seconds < 59.95:
        return f"{seconds:.1f}".removesuffix(".0") + " s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    days, hours = divmod(hours, 24)
    return f"{count(days)} d {hours} h" if hours else f"{count(days)} d"


def size(size_bytes: int) -> str:
    """Write a size in decimal units: ``812 B``, ``3.2 MB``."""
    if size_bytes < 1000:
        return f"{size_bytes} B"
    amount = float(size_bytes)
    for unit in ("kB", "MB", "GB", "TB", "PB"):
        amount /= 1000
        if amount < 999.5 or unit == "PB":
            return f"{amount:.1f} {unit}" if amount < 99.95 else f"{amount:.0f} {unit}"
    return f"{size_bytes} B"


def _is_number(thing: Any) -> bool:
    return isinstance(thing, (int, float)) and not isinstance(thing, bool)


def _signed(text: str) -> str:
    return MINUS + text[1:] if text.startswith("-") else text


def _grouped(text: str) -> str:
    whole, point, rest = text.partition(".")
    digits = whole.lstrip(MINUS)
    if len(digits) < 5 or not digits.isdigit():
        return text
    return whole[: len(whole) - len(digits)] + f"{int(digits):,}".replace(",", THIN_SPACE) + point + rest
