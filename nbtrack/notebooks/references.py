"""What people type for a checkpoint in; the checkpoint and a remark out: an id, ``last~2``, a name, a time, a run."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, tzinfo
from typing import TYPE_CHECKING

from nbtrack.errors import UnknownCheckpoint, UnknownRun
from nbtrack.records import Checkpoint
from nbtrack.store import checkpoints, runs

if TYPE_CHECKING:
    import sqlite3

_LAST = re.compile(r"last(?:~(\d{1,6}))?")
_DIGITS = re.compile(r"[0-9a-f]{4,32}")
_AGO = re.compile(r"(an?|\d{1,6}|\d{1,4}\.\d)\s*(s|sec|second|min|minute|h|hour|d|day|w|week)s?\s+ago")
_DAY_TIME = re.compile(r"(?:(today|yesterday)(?:[ ,]+(\d{1,2}):(\d\d))?|(\d{1,2}):(\d\d))")
_MONTH_DAY = re.compile(r"(\d{1,2})\.? ([a-z]{3})[a-z]*\.?(?: (\d{4}))?(?:[ ,]+(\d{1,2}):(\d\d))?")
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_WHOLE_ID = 32


def resolve(
    db: sqlite3.Connection, ref: str, *, now_ms: int, notebook: str | None = None, zone: tzinfo | None = None
) -> tuple[Checkpoint, str]:
    """Find the checkpoint that a reference means: ``(checkpoint, remark)``; the remark is one line, mostly empty.

    In this order: ``last``, ``last~2``; the name a person gave; a time (``yesterday 17:42``, ``2 hours ago``, ``12 Nov``, ISO): the newest
    one up to then; an id or its last digits (4 or more); a run: its end, else its start. ``notebook`` is a path that narrows all but ids.
    Raises ``UnknownCheckpoint``.
    """
    ref = ref.strip()
    word = " ".join(ref.lower().split())
    last = _LAST.fullmatch(word)
    if last:
        return _last(db, ref, int(last[1] or 0), notebook), ""
    named = checkpoints.with_message(db, ref, notebook)
    if named:
        return named[0], f"{len(named)} checkpoints are named {ref!r}: took the newest" if len(named) > 1 else ""
    until = read_moment(word, now_ms, zone)
    if until is not None:
        return _up_to(db, ref, until, notebook), ""
    if _DIGITS.fullmatch(word):
        found = _by_digits(db, ref, word)
        if found is not None:
            return found, ""
    return _of_run(db, ref, notebook)


def read_moment(word: str, now_ms: int, zone: tzinfo | None = None) -> int | None:
    """Read a time in lower case as UTC milliseconds; the end of the minute or day it names. None for what is no time."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC).astimezone(zone)
    ago = _AGO.fullmatch(word)
    if ago:
        number = 1.0 if ago[1].startswith("a") else float(ago[1])
        return now_ms - int(number * _SECONDS[ago[2][0]] * 1000)
    try:
        found = _on_a_day(word, now) or _in_a_month(word, now) or _iso(word, now)
        return None if found is None else int(found.timestamp() * 1000)
    except (ValueError, OverflowError, OSError):
        return None


def _on_a_day(word: str, now: datetime) -> datetime | None:
    found = _DAY_TIME.fullmatch(word)
    if not found:
        return None
    day = now - timedelta(days=found[1] == "yesterday")
    hour, minute = found[2] or found[4], found[3] or found[5]
    return _end_of_minute(day, hour, minute) if hour else _end_of_day(day)


def _in_a_month(word: str, now: datetime) -> datetime | None:
    found = _MONTH_DAY.fullmatch(word)
    if not found or found[2] not in _MONTHS:
        return None
    day = now.replace(year=int(found[3] or now.year), month=_MONTHS.index(found[2]) + 1, day=int(found[1]))
    if not found[3] and day > now + timedelta(days=1):
        day = day.replace(year=day.year - 1)
    return _end_of_minute(day, found[4], found[5]) if found[4] else _end_of_day(day)


def _iso(word: str, now: datetime) -> datetime | None:
    if not re.match(r"\d{4}-\d\d", word):
        return None
    found = datetime.fromisoformat(word.upper())
    if len(word) <= 10:
        return _end_of_day(found.replace(tzinfo=now.tzinfo))
    found = found if found.tzinfo is not None else found.replace(tzinfo=now.tzinfo)
    if "." in word:
        return found
    return found + (timedelta(seconds=60) if word.count(":") == 1 else timedelta(seconds=1)) - timedelta(milliseconds=1)


def _end_of_minute(day: datetime, hour: str, minute: str) -> datetime:
    return day.replace(hour=int(hour), minute=int(minute), second=59, microsecond=999_000)


def _end_of_day(day: datetime) -> datetime:
    return day.replace(hour=23, minute=59, second=59, microsecond=999_000)


def _last(db: sqlite3.Connection, ref: str, back: int, notebook: str | None) -> Checkpoint:
    found = checkpoints.list_checkpoints(db, notebook=notebook, limit=back + 1)
    if len(found) <= back:
        told = f"There are {len(found)}." if found else _NONE_YET
        raise UnknownCheckpoint(ref, hint=told)
    return found[back]


def _up_to(db: sqlite3.Connection, ref: str, until: int, notebook: str | None) -> Checkpoint:
    found = checkpoints.list_checkpoints(db, notebook=notebook, limit=1, before_at=until)
    if not found:
        some = checkpoints.count_checkpoints(db, notebook)
        raise UnknownCheckpoint(ref, hint="The oldest is younger than that: %track checkpoints lists them." if some else _NONE_YET)
    return found[0]


def _by_digits(db: sqlite3.Connection, ref: str, digits: str) -> Checkpoint | None:
    found = checkpoints.by_digits(db, digits)
    if len(found) > 1 and len(digits) < _WHOLE_ID:
        listed = ", ".join(one.short_id for one in found[:5])
        raise UnknownCheckpoint(ref, hint=f"More than one id has {digits}: {listed}. Type more digits.")
    return found[0] if found else None


def _of_run(db: sqlite3.Connection, ref: str, notebook: str | None) -> tuple[Checkpoint, str]:
    try:
        run_id, remark = runs.resolve_run(db, ref)
    except UnknownRun as error:
        raise UnknownCheckpoint(ref, (), _hint(db, notebook) + (f" {error.hint}" if error.near else "")) from None
    states = checkpoints.of_run(db, run_id)
    found = states.get("end") or states.get("start")
    if found is None:
        raise UnknownCheckpoint(ref, hint="That run has no checkpoint: its notebook's file was not known when it ran.")
    return found, remark


_NONE_YET = "The first checkpoint appears with the next save or run."


def _hint(db: sqlite3.Connection, notebook: str | None) -> str:
    if not checkpoints.count_checkpoints(db, notebook):
        return _NONE_YET
    return "Write last, last~2, a time (yesterday 17:42, 2 hours ago), an id or a run; %track checkpoints lists them."
