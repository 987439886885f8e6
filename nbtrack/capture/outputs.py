"""What one cell printed, showed and returned: writes and mime bundles in while it runs, bounded outputs with their bytes out at its end.

Everything is cut down as it arrives. Of a bundle only text, bytes and plain JSON are taken, so that no object of the user's is kept alive.
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nbtrack.capture.streams import StreamText, cut_middle

MOST_ITEMS = 400  # of one cell; from then on the middle ones are counted only
WHOLE_FACTOR = 10  # HTML, SVG and JSON are kept whole up to this many text limits: half a document shows nothing

_RICHEST_FIRST = ("image/png", "image/jpeg", "image/svg+xml", "application/vnd.plotly.v1+json", "text/html", "text/latex", "text/markdown")
_WHOLE_TEXT = frozenset({"text/html", "image/svg+xml", "application/javascript"})


@dataclass(frozen=True, slots=True)
class KeptOutput:
    """One output as it goes to the store. ``size`` is the full size in bytes as far as it is known; ``body`` is None when not kept."""

    kind: str
    mime: str
    size: int
    body: bytes | None
    truncated: bool = False
    display_id: str | None = None


class _Stream:
    def __init__(self, kind: str, limit: int) -> None:
        self.kind = kind
        self.text = StreamText(limit)

    def close(self) -> Iterator[KeptOutput]:
        text, cut = self.text.close()
        if text:
            body = text.encode("utf-8", "surrogatepass")
            yield KeptOutput(self.kind, "text/plain", len(body) + cut, body, bool(cut))


@dataclass(slots=True)
class _Part:
    """One form of a shown object: text already cut, or an image still in base64 (a display updated a thousand times decodes one)."""

    mime: str
    value: str | bytes | None
    size: int
    truncated: bool = False

    def body(self) -> bytes | None:
        if isinstance(self.value, bytes) or self.value is None:
            return self.value
        if not is_binary(self.mime):
            return self.value.encode("utf-8", "surrogatepass")
        try:
            return binascii.a2b_base64(self.value)
        except binascii.Error:
            return None


class _Shown:
    def __init__(self, kind: str, parts: list[_Part], display_id: str | None) -> None:
        self.kind = kind
        self.parts = parts
        self.display_id = display_id

    def close(self) -> Iterator[KeptOutput]:
        for part in self.parts:
            body = part.body()
            size = part.size if body is None or part.truncated else len(body)
            yield KeptOutput(self.kind, part.mime, size, body, part.truncated or body is None, self.display_id)


class Outputs:
    """Collects the outputs of one cell, in order.

    Between two displays there is one stdout and one stderr, however they alternate: a progress bar on stderr beside prints stays one line.
    """

    def __init__(self, *, text_chars: int, image_bytes: int) -> None:
        self._text_chars = text_chars
        self._image_bytes = image_bytes
        self._items: list[_Stream | _Shown] = []
        self._dropped = 0
        self._out: StreamText | None = None
        self._err: StreamText | None = None
        self._by_id: dict[str, _Shown] = {}
        self._clear_first = False
        self._muted = 0
        self._closed = False

    def write_out(self, text: str) -> None:
        """Take what was written to stdout."""
        if type(text) is not str:
            text = _exact(text)
        if not self._muted and not self._closed and text:
            (self._out or self._open_stream("stdout")).add(text)

    def write_err(self, text: str) -> None:
        """Take what was written to stderr."""
        if type(text) is not str:
            text = _exact(text)
        if not self._muted and not self._closed and text:
            (self._err or self._open_stream("stderr")).add(text)

    def show(self, data: Any, display_id: str | None = None, update: bool = False) -> None:
        """Take a displayed mime bundle; an update takes the place of what this cell displayed under the same id."""
        self._place("display", data, display_id if type(display_id) is str else None, update)

    def give(self, data: Any) -> None:
        """Take the mime bundle of the cell's result."""
        self._place("result", data, None, False)

    def clear(self, wait: bool = False) -> None:
        """Forget what was shown so far; with ``wait`` only when something new comes."""
        if wait:
            self._clear_first = True
            self._out = self._err = None
        else:
            self._clear()

    def mute(self) -> None:
        """Stop listening to the streams: what is printed now is a display or a traceback, taken elsewhere."""
        self._muted += 1

    def unmute(self) -> None:
        """Listen again."""
        self._muted = max(self._muted - 1, 0)

    def close(self) -> list[KeptOutput]:
        """Return the outputs; what threads write from now on is left alone."""
        self._closed = True
        kept = [output for item in self._items[: MOST_ITEMS // 2] for output in item.close()]
        if self._dropped:
            mark = f"… {self._dropped:,} outputs cut …".encode()
            kept.append(KeptOutput("display", "text/plain", len(mark), mark, truncated=True))
        kept.extend(output for item in self._items[MOST_ITEMS // 2 :] for output in item.close())
        return kept

    def _open_stream(self, kind: str) -> StreamText:
        if self._clear_first:
            self._clear()
        stream = _Stream(kind, self._text_chars)
        self._append(stream)
        if kind == "stdout":
            self._out = stream.text
        else:
            self._err = stream.text
        return stream.text

    def _place(self, kind: str, data: Any, display_id: str | None, update: bool) -> None:
        if self._closed or type(data) is not dict:
            return
        parts = self._read_parts(data)
        known = self._by_id.get(display_id) if update and display_id is not None else None
        if known is not None:
            known.parts = parts
            return
        if self._clear_first:
            self._clear()
        shown = _Shown(kind, parts, display_id)
        self._append(shown)
        self._out = self._err = None
        if display_id is not None:
            self._by_id[display_id] = shown

    def _append(self, item: _Stream | _Shown) -> None:
        self._items.append(item)
        if len(self._items) > MOST_ITEMS:
            gone = self._items.pop(MOST_ITEMS // 2)
            self._dropped += 1
            if isinstance(gone, _Shown) and gone.display_id is not None:
                self._by_id.pop(gone.display_id, None)

    def _clear(self) -> None:
        self._items.clear()
        self._by_id.clear()
        self._dropped = 0
        self._out = self._err = None
        self._clear_first = False

    def _read_parts(self, data: dict[Any, Any]) -> list[_Part]:
        parts = [part for mime, value in data.items() if type(mime) is str and (part := self._read_part(mime, value)) is not None]
        parts.sort(key=lambda part: (_rank(part.mime), part.mime))
        return parts

    def _read_part(self, mime: str, value: Any) -> _Part | None:
        if mime.endswith("json"):
            return self._read_json(mime, value)
        if type(value) is bytes:
            return _Part(mime, value if len(value) <= self._image_bytes else None, len(value))
        if type(value) is not str:
            return None
        if is_binary(mime):
            size = len(value) * 3 // 4
            return _Part(mime, value if size <= self._image_bytes else None, size)
        if mime in _WHOLE_TEXT:
            whole = len(value) <= (self._image_bytes if mime == "image/svg+xml" else WHOLE_FACTOR * self._text_chars)
            return _Part(mime, value if whole else None, len(value))
        text, cut = cut_middle(value, self._text_chars)
        return _Part(mime, text, len(value), bool(cut))

    def _read_json(self, mime: str, value: Any) -> _Part | None:
        """Write JSON as text, piece by piece: a figure of 100 MB costs no more than the limit."""
        limit = WHOLE_FACTOR * self._text_chars
        pieces, size = [], 0
        try:
            for piece in json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).iterencode(value):
                pieces.append(piece)
                size += len(piece)
                if size > limit:
                    return _Part(mime, None, size)
        except (TypeError, ValueError, RecursionError):
            return None
        return _Part(mime, "".join(pieces), size)


def _rank(mime: str) -> int:
    if mime == "text/plain":
        return len(_RICHEST_FIRST) + 1
    return _RICHEST_FIRST.index(mime) if mime in _RICHEST_FIRST else len(_RICHEST_FIRST)


def is_binary(mime: str) -> bool:
    """Tell whether bodies of this type are bytes rather than text."""
    return mime == "application/pdf" or (mime.startswith(("image/", "audio/", "video/")) and mime != "image/svg+xml")


def _exact(text: Any) -> str:
    """Return plain text: a subclass of ``str`` could bring its own ``__len__`` and keep its attributes alive; what is no text is none."""
    return str.__add__(text, "") if issubclass(type(text), str) else ""
