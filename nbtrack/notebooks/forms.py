"""The ways a text or an image can stand in a notebook file: a value in, its text or bytes and a word for the form out; and back.

A file holds a text as a list of lines, an editor sends it as one string; base64 comes wrapped or not. One body is kept for all of them.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from typing import Any

STRING, LINES, LINE_FEEDS, AS_IT_WAS = "s", "l", "n", "x"
IMAGES_3 = {"png": "image/png", "jpeg": "image/jpeg"}

_TEXTS_3 = ("html", "jpeg", "javascript", "latex", "png", "svg", "text")
_SMALLEST = 64
_TEXTS_OF_APPLICATIONS = ("json", "javascript", "xml", "latex", "ecmascript", "x-tex", "sql", "yaml", "toml")


def join_lines(value: Any) -> tuple[str, str]:
    """Return a text as one string, and its form; ``AS_IT_WAS`` for what is no text or could not be split the same way again."""
    if isinstance(value, str):
        return value, STRING
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        text = "".join(value)
        for form in (LINES, LINE_FEEDS):
            if split_lines(text, form) == value:
                return text, form
    return "", AS_IT_WAS


def split_lines(text: str, form: str) -> Any:
    """Undo ``join_lines``."""
    if form == LINES:
        return text.splitlines(True)
    if form == LINE_FEEDS:
        return [line for line in text.replace("\n", "\n\0").split("\0") if line] if "\0" not in text else _at_line_feeds(text)
    return text


def _at_line_feeds(text: str) -> list[str]:
    pieces = text.split("\n")
    return [f"{piece}\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])


def text_slots(output: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Go through the places of an output where a text may stand as a list of lines, in one order before and after."""
    data = output.get("data")
    if isinstance(data, dict):
        if "text" in output:
            yield output, "text"
        for mime in sorted(data):
            if not mime.endswith("json"):
                yield data, mime
        return
    for key in _TEXTS_3:
        if key in output:
            yield output, key


def is_binary(mime: str) -> bool:
    """Whether a body of this type stands in a notebook as base64."""
    kind, _, name = mime.partition("/")
    if kind in ("image", "audio", "video"):
        return not name.startswith("svg")
    return kind == "application" and not name.endswith(_TEXTS_OF_APPLICATIONS) and not name.startswith("x-javascript")


def decode_image(mime: str, value: Any) -> tuple[bytes, str] | None:
    """Decode base64: the bytes and a word for how it was written; None for what is no base64 or would not come back the same."""
    if not is_binary(mime):
        return None
    text, form = join_lines(value)
    if form == AS_IT_WAS or len(text) < _SMALLEST:
        return None
    try:
        body = binascii.a2b_base64(text)
    except (binascii.Error, ValueError):
        return None
    codec = next((codec for codec in ("b", "bn", "w", "wn") if encode_image(body, codec + form) == value), None)
    return None if codec is None else (body, codec + form)


def encode_image(body: bytes, codec: str) -> Any:
    """Undo ``decode_image``. The word: ``b`` one line, ``w`` wrapped at 76, ``n`` a line feed at the end; then the form of the text."""
    written = base64.encodebytes(body) if codec[0] == "w" else binascii.b2a_base64(body)
    text = written.decode("ascii")
    return split_lines(text if codec[1] == "n" else text.removesuffix("\n"), codec[-1])


def encode_text(text: str) -> bytes:
    """Turn a text into the bytes that are kept; half surrogates, which files hold as escapes, stay."""
    return text.encode("utf-8", "surrogatepass")


def decode_text(body: bytes) -> str:
    """Undo ``encode_text``."""
    return body.decode("utf-8", "surrogatepass")
