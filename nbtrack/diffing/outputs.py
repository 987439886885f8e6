"""Outputs of one cell on both sides in, one record for each output that differs out: text, table, image, error, HTML, JSON.

Base64 is never compared as text. What is only noise is said to be noise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from operator import ne
from typing import Any

from nbtrack.diffing import noise, tables
from nbtrack.diffing.alignment import Pair, align, between
from nbtrack.diffing.budget import Budget
from nbtrack.diffing.hashes import output_key, output_shape, same
from nbtrack.diffing.reading import joined
from nbtrack.diffing.result import Image, OutputDiff, TableDiff, TextDiff
from nbtrack.diffing.text import diff_text

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]")
_DIGITS = re.compile(r"(?<![\w.])[-+]?(?:\d[\d,]*\.?\d*|\.\d+)(?:[eE][-+]?\d+)?(?![\w])")
# What a reader sees first, when several forms of one result are there.
_RICHEST = (
    ("widget", "application/vnd.jupyter.widget-view+json"),
    ("image", "image/png"),
    ("image", "image/jpeg"),
    ("image", "image/gif"),
    ("image", "image/webp"),
    ("image", "image/svg+xml"),
    ("html", "text/html"),
    ("markdown", "text/markdown"),
    ("text", "text/latex"),
)
_SEEN_NUMBERS = 100_000  # characters in which numbers are counted


@dataclass(frozen=True, slots=True)
class Shown:
    """One output as it is seen: neighbouring pieces of one stream are one. ``places`` are the raw outputs behind it."""

    raw: Any
    places: tuple[int, ...]


def list_shown(outputs: Sequence[Any]) -> list[Shown]:
    """Join neighbouring pieces of the same stream: where a kernel cut them is chance."""
    found: list[Shown] = []
    for place, raw in enumerate(map(_with_data, outputs)):
        last: Any = found[-1].raw if found else None
        if _is_stream(raw) and _is_stream(last) and raw.get("name") == last.get("name"):
            first = found.pop()
            text = joined(last.get("text")) + joined(raw.get("text"))
            found.append(Shown({**last, "text": text}, (*first.places, place)))
        else:
            found.append(Shown(raw, (place,)))
    return found


def diff_outputs(a: Sequence[Any], b: Sequence[Any], budget: Budget) -> tuple[OutputDiff, ...]:
    """Compare the outputs of a cell; empty when a reader could not tell them apart, execution counts aside."""
    left, right = list_shown(a), list_shown(b)
    found = []
    low_a = low_b = 0
    for one, other in [*_match(left, right, budget), (len(left), len(right))]:
        found += [_alone("removed", shown) for shown in left[low_a:one]]
        found += [_alone("added", shown) for shown in right[low_b:other]]
        if one < len(left):
            found.append(_pair(left[one], right[other], budget))
        low_a, low_b = one + 1, other + 1
    if all(output.kind == "same" for output in found):
        return ()
    return tuple(found)


def match_raw(a: Sequence[Any], b: Sequence[Any], budget: Budget) -> list[Pair]:
    """Pair raw outputs: equal ones first, then those of the same shape in order."""
    return _match([Shown(raw, ()) for raw in a], [Shown(raw, ()) for raw in b], budget)


def what_of(output: Any) -> tuple[str, str]:
    """Return what a reader sees of an output, and its richest MIME type."""
    if not isinstance(output, dict):
        return "other", ""
    kind, data = output.get("output_type"), output.get("data")
    if kind == "stream":
        return "text", "text/plain"
    if kind == "error":
        return "error", ""
    if not isinstance(data, dict):
        return "other", ""
    for what, mime in _RICHEST:
        if mime in data:
            return ("table", mime) if what == "html" and "<table" in joined(data[mime])[: tables.READ_AT_MOST] else (what, mime)
    for mime in data:
        if isinstance(mime, str) and (mime.endswith("+json") or mime == "application/json"):
            return "json", mime
    if "text/plain" in data:
        return "text", "text/plain"
    return "other", next((mime for mime in data if isinstance(mime, str)), "")


def text_of(output: Any, mime: str) -> str:
    """Return the text of an output in one of its forms; a traceback without its colours."""
    if not isinstance(output, dict):
        return ""
    if output.get("output_type") == "error":
        lines = output.get("traceback")
        text = "\n".join(map(joined, lines)) if isinstance(lines, list) else joined(lines)
        return _ANSI.sub("", text) or f"{joined(output.get('ename'))}: {joined(output.get('evalue'))}"
    data = output.get("data")
    return joined(data.get(mime) if isinstance(data, dict) else output.get("text"))


def _with_data(raw: Any) -> Any:
    """Gather the forms of a result under ``data``, as today's format has them; files of the first days of format 4 have them beside."""
    if not isinstance(raw, dict) or "data" in raw or raw.get("output_type") not in ("display_data", "execute_result"):
        return raw
    data = {key: value for key, value in raw.items() if isinstance(key, str) and "/" in key}
    return {**{key: value for key, value in raw.items() if key not in data}, "data": data} if data else raw


def _is_stream(raw: Any) -> bool:
    return isinstance(raw, dict) and raw.get("output_type") == "stream"


def _match(left: list[Shown], right: list[Shown], budget: Budget) -> list[Pair]:
    if len(left) == len(right) == 1:
        return [(0, 0)] if _same_kind(left[0].raw, right[0].raw) else []
    pairs = align([output_key(one.raw) for one in left], [output_key(one.raw) for one in right], budget)
    found = list(pairs)
    for a_low, a_high, b_low, b_high in between(pairs, 0, len(left), 0, len(right)):
        shapes = [output_shape(one.raw) for one in left[a_low:a_high]], [output_shape(one.raw) for one in right[b_low:b_high]]
        alike = align(*shapes, budget)
        if not alike and a_high - a_low == b_high - b_low == 1 and _same_kind(left[a_low].raw, right[b_low].raw):
            alike = [(0, 0)]
        found += [(a_low + one, b_low + other) for one, other in alike]
    return sorted(found)


def _same_kind(a: Any, b: Any) -> bool:
    """Tell whether two outputs are of one shape, or one has all the forms of the other and some more."""
    if output_shape(a) == output_shape(b):
        return True
    if not isinstance(a, dict) or not isinstance(b, dict) or a.get("output_type") != b.get("output_type"):
        return False
    left, right = a.get("data"), b.get("data")
    if not isinstance(left, dict) or not isinstance(right, dict) or not left or not right:
        return False
    return left.keys() <= right.keys() or right.keys() <= left.keys()


def _alone(kind: Any, shown: Shown) -> OutputDiff:
    what, mime = what_of(shown.raw)
    image = _image(shown.raw, mime) if what == "image" else None
    place, words = shown.places[0], f"{what} {kind}"
    if kind == "added":
        return OutputDiff(kind, what, mime, None, place, None, shown.raw, words, images=(None, image) if image else None)
    return OutputDiff(kind, what, mime, place, None, shown.raw, None, words, images=(image, None) if image else None)


def _pair(left: Shown, right: Shown, budget: Budget) -> OutputDiff:
    a, b = left.raw, right.raw
    what, mime = what_of(b)
    found = OutputDiff("same", what, mime, left.places[0], right.places[0], a, b)
    cut = {"form": 1} if len(left.places) != len(right.places) else {}
    if a is b or (isinstance(a, dict) and isinstance(b, dict) and _same_but_count(a, b)):
        return replace(found, kind="noise", noise=cut) if cut else found
    if not isinstance(a, dict) or not isinstance(b, dict):
        return replace(found, kind="changed", words=f"{what} changed")
    if what == "error" or (b.get("output_type") == "stream"):
        return _text_pair(found, cut, budget)
    return _data_pair(found, cut, budget)


def _same_but_count(a: dict[str, Any], b: dict[str, Any]) -> bool:
    """Tell whether a reader sees the same; metadata of outputs belongs to the sight (widths, isolation)."""
    keys = (a.keys() | b.keys()) - {"execution_count"}
    return all(key in a and key in b and same(a[key], b[key]) for key in keys)


def _text_pair(found: OutputDiff, cut: Mapping[str, int], budget: Budget) -> OutputDiff:
    what, mime, a, b = found.what, found.mime, found.a, found.b
    raw_a, raw_b = text_of(a, mime), text_of(b, mime)
    one, other = noise.last_frames(raw_a), noise.last_frames(raw_b)
    if one.endswith("\n") and other.endswith("\n"):
        one, other = one[:-1], other[:-1]  # the last line's end is no line of its own to a reader
    frames = {"progress": 1} if (one == other) != (raw_a == raw_b) else {}
    text = diff_text(one, other, budget, settle=noise.settler(printed=True))
    quiet = noise.add_up([cut, frames, _noise_of(text, printed=True)])
    if text is None or _only_noise(text):
        quiet = quiet or {"metadata" if raw_a == raw_b else "form": 1}
        return replace(found, kind="noise", text=text, noise=quiet)
    if what == "error":
        names = joined(a.get("ename")), joined(b.get("ename"))
        words = f"error {names[0]} → {names[1]}" if names[0] != names[1] else f"error {names[1]}, {_text_words(text, printed=True)}"
    else:
        words = f"text, {_text_words(text, printed=True)}"
    return replace(found, kind="changed", words=words, text=text, noise=quiet)


def _data_pair(found: OutputDiff, cut: Mapping[str, int], budget: Budget) -> OutputDiff:
    what, mime, a, b = found.what, found.mime, found.a, found.b
    left, right = a.get("data"), b.get("data")
    if not isinstance(left, dict) or not isinstance(right, dict):
        return replace(found, kind="changed", words=f"{what} changed")
    differ = [name for name in dict.fromkeys([*left, *right]) if name not in left or name not in right or not same(left[name], right[name])]
    real, quiet = [], [dict(cut)]
    for name in differ:
        part = _part_noise(name, left.get(name), right.get(name), budget) if name in left and name in right else None
        if part is None:
            real.append(name)
        else:
            quiet.append(part)
    if not real:
        return replace(found, kind="noise", noise=noise.add_up(quiet) or {"metadata": 1})
    shown = mime if mime in real else next((name for name in real if name == "text/plain"), real[0])
    if what == "image" and mime in real:
        one, other = _image(a, mime), _image(b, mime)
        return replace(found, kind="changed", words=_image_words(one, other), images=(one, other), noise=noise.add_up(quiet))
    table = _table_of(a, b, mime, budget) if mime in ("text/html", "text/plain") and mime in real else None
    if table is not None and (table.moved or any(row.changed for row in table.rows)):
        return replace(found, kind="changed", what="table", words=_table_words(table), table=table, noise=noise.add_up(quiet))
    text = None
    if shown.startswith("text/") and shown in left and shown in right:
        text = diff_text(joined(left[shown]), joined(right[shown]), budget, settle=noise.settler(printed=False))
    words = f"{what}, {_text_words(text, printed=False)}" if text is not None and what == "text" else f"{what} changed"
    return replace(found, kind="changed", words=words, text=text, noise=noise.add_up([*quiet, _noise_of(text, printed=False)]))


def _part_noise(mime: Any, a: Any, b: Any, budget: Budget) -> dict[str, int] | None:
    """Say which noise two unlike forms differ by; None when they really differ."""
    textual = isinstance(a, str | list) and isinstance(b, str | list)
    if mime == "application/vnd.jupyter.widget-view+json":
        return {"ids": 1}
    if not textual or not isinstance(mime, str):
        return None
    one, other = joined(a), joined(b)
    if _without_breaks(one) == _without_breaks(other) if mime.startswith("image/") else one.splitlines() == other.splitlines():
        return {"form": 1}
    if not mime.startswith("text/") and mime != "image/svg+xml":
        return None
    longest = max(len(one), len(other))
    if abs(len(one) - len(other)) > 200 or longest > noise.SETTLED_AT_MOST or not budget.take(longest // 20):
        return None
    settle = noise.settler(printed=False)
    return noise.kinds_between(one, other, printed=False) or None if settle(one) == settle(other) else None


def _without_breaks(base64: str) -> str:
    """Return base64 text without its line breaks: some programs wrap it."""
    return base64.replace("\n", "").replace("\r", "") if "\n" in base64[:100] else base64.rstrip("\r\n")


def _noise_of(text: TextDiff | None, *, printed: bool) -> dict[str, int]:
    if text is None:
        return {}
    return noise.add_up(noise.kinds_between(line.a, line.b, printed=printed) for line in text.lines if line.kind == "noise")


def _only_noise(text: TextDiff) -> bool:
    return not text.whole and all(line.kind == "noise" for line in text.lines)


def _image(output: Any, mime: str) -> Image | None:
    data = output.get("data") if isinstance(output, dict) else None
    return Image(mime, joined(data[mime])) if isinstance(data, dict) and mime in data else None


def _image_words(a: Image | None, b: Image | None) -> str:
    if a is None or b is None:
        return "image changed"
    one, other = _size(a.size_bytes), _size(b.size_bytes)
    return f"image changed, {one} → {other}" if one != other else f"image changed, {other}"


def _size(size: int) -> str:
    return f"{size} B" if size < 1000 else f"{size / 1e3:.1f} kB" if size < 1e6 else f"{size / 1e6:.1f} MB"


def _table_of(a: Any, b: Any, mime: str, budget: Budget) -> TableDiff | None:
    read = tables.read_html_table if mime == "text/html" else tables.read_text_table
    one = read(text_of(a, mime))
    other = read(text_of(b, mime)) if one is not None else None
    return tables.diff_tables(one, other, budget) if one is not None and other is not None else None


def _table_words(table: TableDiff) -> str:
    parts = []
    if table.moved:
        parts.append(f"{table.moved} of {table.numbers} number{'s' * (table.numbers != 1)} moved")
    added = sum(row.a_index is None for row in table.rows), sum(row.b_index is None for row in table.rows)
    columns = sum(one is None for one, _ in table.columns), sum(other is None for _, other in table.columns)
    for (more, fewer), noun in ((added, "row"), (columns, "column")):
        parts += [f"{more} {noun}{'s' * (more != 1)} added"] if more else []
        parts += [f"{fewer} {noun}{'s' * (fewer != 1)} removed"] if fewer else []
    return f"table, {', '.join(parts) or 'text changed'}"


def _text_words(text: TextDiff | None, *, printed: bool) -> str:
    """Say how a text changed: numbers that moved when nothing else did, else lines."""
    if text is None or text.whole:
        return "changed"
    real = [line for line in text.lines if line.kind != "noise"]
    if real and all(line.kind == "changed" for line in real):
        one, other = "\n".join(line.a for line in real), "\n".join(line.b for line in real)
        if _DIGITS.sub("#", one) == _DIGITS.sub("#", other):
            moved = sum(map(ne, _DIGITS.findall(one), _DIGITS.findall(other)))
            total = len(_DIGITS.findall(noise.settler(printed=printed)(text.b))) if len(text.b) <= _SEEN_NUMBERS else 0
            return f"{moved} of {total} number{'s' * (total != 1)} moved" if total else f"{moved} numbers moved"
    return f"+{text.added} −{text.removed}"
