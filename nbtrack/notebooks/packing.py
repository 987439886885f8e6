"""A notebook taken apart for the store: a document in; its manifest, and the bodies nobody has seen yet, out. Pure but for a cache.

Anything that is a JSON object can be packed, whatever is missing or wrong in it, and comes back the same (``documents``). What was packed
before is recognised by one fast hash of the cell, so that a save of 2 MB costs what changed in it.
"""

from __future__ import annotations

import hashlib
import json
import marshal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import xxhash

from nbtrack.errors import BadNotebook
from nbtrack.notebooks import forms
from nbtrack.store.manifests import Content, Manifest

COUNT_KEYS = ("execution_count", "prompt_number")
SOURCE_KEYS = ("source", "input")
_KEPT_KEYS = frozenset({"id", "cell_type", "output_type", *COUNT_KEYS})
_PIECE = 256 << 10  # characters that are redacted in one go: the rules are regular expressions, and hold the GIL


@dataclass(frozen=True, slots=True)
class Redaction:
    """How secrets leave a text and a JSON value on their way; the default lets everything pass."""

    text: Callable[[str], str] = lambda text: text
    value: Callable[[str, Any], Any] = lambda _name, value: value


@dataclass(frozen=True, slots=True)
class PackedOutput:
    """One output: the name of its body, its parts, its execution counts, the forms of its texts."""

    name: str
    parts: list[Any]
    counts: tuple[Any, ...] = ()
    forms: str = ""


@dataclass(frozen=True, slots=True)
class PackedCell:
    """One cell: its content as the manifest holds it, with what stands apart."""

    content: Content
    counts: tuple[Any, ...] = ()
    forms: str = ""
    cell_id: str | None = None
    source_name: str | None = None
    output_keys: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Memory:
    """What was packed last, by the hash of what came in. One for each notebook; given to the next ``pack`` of it."""

    cells: dict[bytes, PackedCell] = field(default_factory=dict)
    outputs: dict[bytes, PackedOutput] = field(default_factory=dict)
    frame: tuple[bytes, str] = (b"", "")


@dataclass(frozen=True, slots=True)
class Packed:
    """A document taken apart. ``fresh`` holds the bodies that the memory did not know, by name."""

    manifest: Manifest
    forms: str
    fresh: Mapping[str, bytes]
    cells: tuple[PackedCell, ...]
    memory: Memory
    format: int | None = None
    minor: int | None = None


def pack_document(document: Mapping[str, Any], redaction: Redaction, memory: Memory | None = None) -> Packed:
    """Take a document apart. Raises ``BadNotebook`` for what has no JSON form."""
    try:
        return _Packing(redaction, memory or Memory()).pack(document if isinstance(document, dict) else dict(document))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadNotebook(f"the notebook cannot be written as JSON: {error}", "Only what a notebook file can hold can be kept.") from error


def pack_bytes(data: bytes, redaction: Redaction) -> Packed:
    """Keep a file that is no JSON object as it is."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        body = data
    else:
        body = _redacted(text, redaction).encode("utf-8")
    name = hashlib.sha256(body).hexdigest()
    return Packed(Manifest(raw=name, size=len(body)), "", {name: body}, (), Memory())


def cell_lists(document: Mapping[str, Any]) -> list[tuple[tuple[Any, ...], list[Any]]]:
    """Find the lists of cells in a document of format 4 or 3, each with its place."""
    cells = document.get("cells")
    if isinstance(cells, list):
        return [(("cells",), cells)]
    sheets = document.get("worksheets")
    return [
        (("worksheets", place, "cells"), sheet["cells"])
        for place, sheet in enumerate(sheets if isinstance(sheets, list) else ())
        if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
    ]


class _Packing:
    """One document on its way."""

    def __init__(self, redaction: Redaction, known: Memory) -> None:
        self.redaction = redaction
        self.known = known
        self.now = Memory()
        self.fresh: dict[str, bytes] = {}

    def pack(self, document: dict[str, Any]) -> Packed:
        lists = cell_lists(document)
        cells = [self._cell(raw) for _, found in lists for raw in found]
        kept = "".join(cell.forms for cell in cells)
        manifest = Manifest(
            frame=self._frame(document, lists),
            lists=tuple((path, len(found)) for path, found in lists),
            cells=tuple(cell.content for cell in cells),
            counts=tuple(list(cell.counts) for cell in cells),
        )
        return Packed(
            manifest, kept[:1] if len(set(kept)) < 2 else kept, self.fresh, tuple(cells), self.now,
            _whole(document.get("nbformat")), _whole(document.get("nbformat_minor")),
        )  # fmt: skip

    def _frame(self, document: dict[str, Any], lists: list[tuple[tuple[Any, ...], list[Any]]]) -> str:
        frame = dict(document)
        for path, _ in lists:
            if path == ("cells",):
                del frame["cells"]
            else:
                frame["worksheets"] = list(frame["worksheets"])
                sheet = frame["worksheets"][path[1]] = dict(frame["worksheets"][path[1]])
                del sheet["cells"]
        digest = _digest(frame)
        if digest is not None and digest == self.known.frame[0]:
            self.now.frame = self.known.frame
            return self.known.frame[1]
        name = self._keep(_dump({key: self.redaction.value(str(key), value) for key, value in frame.items()}))
        self.now.frame = (digest or b"", name)
        return name

    def _cell(self, raw: Any) -> PackedCell:
        digest = _digest(raw)
        if digest is None:
            raw = json.loads(json.dumps(raw))  # a subclass of dict or str, as nbformat's
            digest = _digest(raw) or b""
        found = self.now.cells.get(digest) or self.known.cells.get(digest)
        if found is None:
            found = self._pack_cell(raw)
        elif digest not in self.now.cells:
            for key in found.output_keys:  # they stay known, too: the next save may change the cell around them
                self.now.outputs[key] = self.known.outputs[key]
        if digest:
            self.now.cells[digest] = found
        return found

    def _pack_cell(self, raw: Any) -> PackedCell:
        if not isinstance(raw, dict):
            return PackedCell([_text(raw), [], None])
        fields = dict(raw)
        counts = _take_counts(fields)
        kept, parts = "", []
        source_name = None
        for key in SOURCE_KEYS:
            text, form = forms.join_lines(fields[key]) if key in fields else ("", forms.AS_IT_WAS)
            if form != forms.AS_IT_WAS:
                source_name = self._keep(forms.encode_text(_redacted(text, self.redaction)))
                parts.append([[key], "t", source_name])
                kept += form
                del fields[key]
        parts += self._attachments(fields)
        outputs = fields.pop("outputs") if isinstance(fields.get("outputs"), list) else None
        keys = [_digest(output) or b"" for output in outputs or ()]
        packed = [self._output(output, key) for output, key in zip(outputs or (), keys, strict=True)]
        head = {key: value if key in _KEPT_KEYS else self.redaction.value(str(key), value) for key, value in fields.items()}
        return PackedCell(
            [_text(head), parts, None if outputs is None else [[output.name, output.parts] for output in packed]],
            (*counts, *(count for output in packed for count in output.counts)),
            kept + "".join(output.forms for output in packed),
            fields.get("id") if isinstance(fields.get("id"), str) else None,
            source_name,
            tuple(filter(None, keys)),
        )

    def _attachments(self, fields: dict[str, Any]) -> list[Any]:
        found = fields.get("attachments")
        parts: list[Any] = []
        if not isinstance(found, dict):
            return parts
        fields["attachments"] = kept = dict(found)
        for name in sorted(found):
            if isinstance(found[name], dict):
                kept[name] = dict(found[name])
                for mime in sorted(found[name]):
                    self._take_image(kept[name], mime, mime, ["attachments", name, mime], parts)
        return parts

    def _output(self, raw: Any, digest: bytes) -> PackedOutput:
        found = self.now.outputs.get(digest) or self.known.outputs.get(digest) or self._pack_output(raw)
        if digest:
            self.now.outputs[digest] = found
        return found

    def _pack_output(self, raw: Any) -> PackedOutput:
        if not isinstance(raw, dict):
            return PackedOutput(self._keep(_dump(raw)), [])
        fields = dict(raw)
        counts = _take_counts(fields)
        parts: list[Any] = []
        if isinstance(fields.get("data"), dict):
            fields["data"] = dict(fields["data"])
            for mime in sorted(raw["data"]):
                self._take_image(fields["data"], mime, mime, ["data", mime], parts)
        else:
            for key in sorted(forms.IMAGES_3.keys() & fields.keys()):
                self._take_image(fields, key, forms.IMAGES_3[key], [key], parts)
        letters = []
        slots = set()
        for holder, key in forms.text_slots(fields):
            text, form = forms.join_lines(holder[key])
            if form != forms.AS_IT_WAS:
                holder[key] = _redacted(text, self.redaction)
                slots.add((id(holder), key))
            letters.append(form)
        self._redact_rest(fields, slots)
        return PackedOutput(self._keep(_dump(fields)), parts, counts, "".join(letters))

    def _redact_rest(self, fields: dict[str, Any], done: set[tuple[int, str]]) -> None:
        """Take secrets out of what is no plain text of an output: JSON, errors and their tracebacks, metadata."""
        data = fields.get("data")
        for holder in (fields, data if isinstance(data, dict) else {}):
            for key, value in holder.items():
                if key not in _KEPT_KEYS and value is not data and (id(holder), key) not in done:
                    holder[key] = self.redaction.value(str(key), value)

    def _take_image(self, holder: dict[str, Any], key: str, mime: str, path: list[str], parts: list[Any]) -> None:
        """Take a base64 body out of its holder, decoded, so that equal images are one body however they are written."""
        found = forms.decode_image(mime, holder[key])
        if found is not None:
            body, codec = found
            parts.append([path, codec, self._keep(body)])
            del holder[key]

    def _keep(self, body: bytes) -> str:
        name = hashlib.sha256(body).hexdigest()
        self.fresh[name] = body
        return name


def _take_counts(fields: dict[str, Any]) -> tuple[Any, ...]:
    found = []
    for key in COUNT_KEYS:
        if key in fields:
            found.append(fields[key])
            fields[key] = None
    return tuple(found)


def _redacted(text: str, redaction: Redaction) -> str:
    if len(text) <= _PIECE:
        return redaction.text(text)
    pieces, start = [], 0
    while start < len(text):
        end = text.rfind("\n", start, start + _PIECE) + 1 if start + _PIECE < len(text) else len(text)
        end = end if end > start else min(start + _PIECE, len(text))
        pieces.append(redaction.text(text[start:end]))
        start = end
    return "".join(pieces)


def _digest(value: Any) -> bytes | None:
    """Hash a plain JSON value fast; None for what is none. Version 2 of marshal writes equal values equally, 1 GB a second."""
    try:
        return xxhash.xxh3_128_digest(marshal.dumps(value, 2))
    except ValueError:
        return None


def _dump(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31 else None
