"""HTML put together safely: plain text and ``Html`` in, ``Html`` out. Whatever is not ``Html`` already is escaped.

Text of people (names, values, notes, sources) may hold anything: tags, quotes, control characters, half surrogates, right-to-left
overrides. ``clean`` makes it harmless for a page and for a terminal, ``shorten`` keeps it small.
"""

from __future__ import annotations

import html
import re

MOST_CHARACTERS = 160
_BAD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff]")
_VOID = {"br", "hr", "line", "circle", "path", "polyline", "rect"}


class Html(str):
    """Text that is HTML already and must not be escaped again."""

    __slots__ = ()


def clean(text: object, *, lines: bool = False) -> str:
    """Make text harmless: line ends to spaces (kept with ``lines``), control and direction characters to ``\ufffd``."""
    plain = str(text).replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    " if lines else " ")
    if not lines:
        plain = " ".join(plain.splitlines()) if "\n" in plain else plain
    return _BAD.sub("\ufffd", plain)


def shorten(text: str, most: int = MOST_CHARACTERS) -> str:
    """Cut long text in the middle: the ending of a name tells more than its middle."""
    if len(text) <= most:
        return text
    tail = most // 3
    return f"{text[: most - tail - 1]}…{text[-tail:]}"


def escape(thing: object, most: int = MOST_CHARACTERS) -> Html:
    """Turn anything into HTML; ``Html`` passes unchanged, text is cleaned, cut and escaped."""
    if isinstance(thing, Html):
        return thing
    return Html(html.escape(shorten(clean(thing), most), quote=True))


def running_text(text: str, most: int) -> Html:
    """Turn text of several lines into HTML, its line ends kept; cut at its end when longer than ``most`` characters."""
    kept = text if len(text) <= most else f"{text[:most]}…"
    return Html(html.escape(clean(kept, lines=True), quote=True))


def join(*parts: object) -> Html:
    """Put parts side by side; None and empty ones vanish."""
    return Html("".join(escape(part) for part in parts if part is not None and part != ""))


def element(name: str, *children: object, cls: str = "", **attributes: object) -> Html:
    """Write one element. ``cls`` names classes without the ``jp-nbtrack-`` prefix; ``aria_label`` becomes ``aria-label``."""
    head = [name]
    if cls:
        head.append(f'class="{" ".join("jp-nbtrack-" + one for one in cls.split())}"')
    for key, given in attributes.items():
        if given is None or given is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        head.append(attribute if given is True else f'{attribute}="{escape(given, 2000)}"')
    opening = f"<{' '.join(head)}>"
    if name in _VOID:
        return Html(opening if name in {"br", "hr"} else opening[:-1] + "/>")
    return Html(f"{opening}{join(*children)}</{name}>")
