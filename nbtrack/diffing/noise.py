"""What differs without meaning anything: text in, text with its noise replaced by marks out; and how much of each kind differs.

Kinds: ``counts`` (execution counts), ``timings``, ``metadata``, ``addresses`` (of memory), ``progress`` (bars and the frames they
overwrote), ``ids`` (made anew by each run), ``form`` (line ends, a text as a list, streams cut elsewhere). When in doubt it is no noise:
a time or a date in a result is data; only printed text and logs hold timings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from nbtrack.diffing.hashes import same
from nbtrack.diffing.result import NOISE_KINDS

SETTLED_AT_MOST = 200_000  # characters; a pattern costs about 10 ms a megabyte
_TIMING_KEYS = {"execution", "ExecuteTime", "papermill", "execution_info", "executionInfo", "time_run", "duration"}
_SECONDS = r"(?:ns|µs|μs|us|ms|s|secs?|seconds?|hours?|minutes?)"
_THINGS = r"(?:it|[kMG]i?B|B|rows|examples|steps|samples)"
_VALUE = r"\d+(?:[.,]\d+)?(?:[eE][-+]?\d+)?"


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One kind of noise in text: what it looks like, what stands in its place, and a piece of text without which it cannot occur."""

    kind: str
    look: re.Pattern[str]
    mark: str
    needs: tuple[str, ...]
    printed_only: bool = False


_PATTERNS = (
    _Pattern("counts", re.compile(r"(?:(?<=Cell )|(?<=Input )|(?<=Cell In)|(?<=Out))(?:In ?)?\[\d+\]"), "[…]", ("[",)),
    _Pattern("counts", re.compile(r"<ipython-input-\d+-[0-9a-f]+>"), "<cell>", ("<ipython-input-",)),
    _Pattern("counts", re.compile(r"[^\s\"']{0,200}ipykernel_\d+[/\\]\d+\.py"), "<cell>", ("ipykernel_",)),
    _Pattern("addresses", re.compile(r"(?<=at )0x[0-9a-fA-F]{4,16}\b|\b0x[0-9a-fA-F]{9,16}\b"), "0x…", ("0x",)),
    _Pattern("ids", re.compile(r"\b[0-9a-f]{8}(?:-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9a-f]{24})\b"), "id", ("-", "a", "f")),
    _Pattern("ids", re.compile(r"(?<=sk-container-id-)\d+|(?<=sk-estimator-id-)\d+"), "id", ("sk-",)),
    _Pattern("ids", re.compile(r"\bT_[0-9a-f]{5}(?=_|\b)"), "id", ("T_",)),
    _Pattern("ids", re.compile(r"(?:(?<=id=\")|(?<=href=\"#)|(?<=url\(#))[a-z][0-9a-f]{10}(?=[\")])"), "id", ("id=", "#")),
    _Pattern("timings", re.compile(r"(?<=<dc:date>)[^<]*"), "time", ("<dc:date>",)),
    _Pattern("progress", re.compile(r"\|[█▉▊▋▌▍▎▏#\- ]{3,}\|(?= *\d+/)|[━╸╺]{3,}|\[[=>.]{5,}\]"), "bar", ("|", "━", "[=", "[>", "[.")),
    _Pattern(
        "progress", re.compile(rf"\[\d+:\d\d(?::\d\d)?<[^,\]\n]{{1,12}}, *(?:{_VALUE}|\?) ?[\w/]+"), "[time", ("<",), printed_only=True
    ),
    _Pattern("timings", re.compile(rf"{_VALUE} ?{_SECONDS} ± .*? per loop[^\n]*"), "time", ("per loop",)),
    _Pattern("timings", re.compile(r"\b(?:CPU times|Wall time|Elapsed)\b:?[^\n]*"), "time", ("time", "Elapsed"), printed_only=True),
    _Pattern("timings", re.compile(r"\beta:? \d+:\d\d(?::\d\d)?", re.I), "time", ("eta", "ETA"), printed_only=True),
    _Pattern(
        "timings",
        re.compile(
            r"^[\[(]?\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d+)?Z?(?=[\])]| - |: | ?\[| +(?:INFO|WARN|ERROR|DEBUG|CRITICAL))"
            r"|^\[?(?:[IWEDC] )?\d\d:\d\d:\d\d(?:[.,]\d+)?(?=\]| - |: | \w+\])",
            re.M,
        ),
        "time",
        (":",),
        printed_only=True,
    ),
    _Pattern("timings", re.compile(rf"\b{_VALUE} ?{_THINGS}/s(?:ec)?\b"), "rate", ("/s",), printed_only=True),
    _Pattern("timings", re.compile(rf"(?<![\w.])(?:\d+ ?min )?{_VALUE} ?{_SECONDS}\b(?:/\w+)?"), "time", ("s",), printed_only=True),
)
_OVERWRITTEN = re.compile(r"[^\n]*\r(?=[^\n\r])")


def settler(*, printed: bool) -> Callable[[str], str]:
    """Return the function that replaces noise by marks, for printed text or for results; it keeps the number of lines."""

    def settle(text: str) -> str:
        if len(text) > SETTLED_AT_MOST:
            return text
        for pattern in _PATTERNS:
            if (printed or not pattern.printed_only) and any(piece in text for piece in pattern.needs):
                text = pattern.look.sub(pattern.mark, text)
        return text

    return settle


def last_frames(text: str) -> str:
    """Return what a terminal would show in the end: what a carriage return overwrote is left out."""
    if "\r" not in text:
        return text
    return _OVERWRITTEN.sub("", text.replace("\r\n", "\n")).replace("\r", "")


def kinds_between(a: str, b: str, *, printed: bool) -> dict[str, int]:
    """Count per kind the places where two texts, equal but for their noise, differ."""
    found: dict[str, int] = {}
    for pattern in _PATTERNS:
        if (pattern.printed_only and not printed) or not any(piece in a or piece in b for piece in pattern.needs):
            continue
        ones, others = pattern.look.findall(a), pattern.look.findall(b)
        differ = sum(one != other for one, other in zip(ones, others, strict=False)) + abs(len(ones) - len(others))
        if differ:
            found[pattern.kind] = found.get(pattern.kind, 0) + differ
        a, b = pattern.look.sub(pattern.mark, a), pattern.look.sub(pattern.mark, b)
    return found


def metadata_noise(a: Any, b: Any) -> dict[str, int]:
    """Say which noise lies between the metadata of two cells: timings when only keys that hold timings differ."""
    if same(a, b):
        return {}
    if isinstance(a, dict) and isinstance(b, dict):
        differ = {key for key in a.keys() | b.keys() if key not in a or key not in b or not same(a[key], b[key])}
        timed, rest = differ & _TIMING_KEYS, differ - _TIMING_KEYS
        return ({"timings": 1} if timed else {}) | ({"metadata": 1} if rest else {})
    return {"metadata": 1}


def add_up(parts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add counts of noise, in the order in which kinds are told."""
    found: dict[str, int] = {}
    for part in parts:
        for kind, number in part.items():
            found[kind] = found.get(kind, 0) + number
    return {kind: found[kind] for kind in NOISE_KINDS if kind in found}
