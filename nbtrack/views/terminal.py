"""Text for terminals: aligned by display width (CJK and emoji take two columns), colour only when asked.

Cut, pad, wrap and paint; control characters never reach the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence

from wcwidth import wcswidth, wcwidth

from nbtrack.views.markup import clean

TONES = {"muted": "2", "best": "1", "strong": "1", "link": "34", "better": "32", "worse": "31", "warn": "33"}
_LARGEST = 1e300  # beyond it no two values can be subtracted; NaN compares false, too
SPARKS = "▁▂▃▄▅▆▇█"


def display_width(text: str) -> int:
    """Tell how many columns a text takes."""
    width = wcswidth(text)
    return width if width >= 0 else sum(max(wcwidth(char), 0) for char in text)


def cut(text: str, width: int) -> str:
    """Cut to a display width, in the middle: the ending of a name tells more."""
    text = clean(text)
    if width <= 0:
        return ""
    if len(text) <= width and text.isascii():
        return text
    if len(text) > 4 * width + 40:  # ten thousand characters need no exact measure in their middle
        text = text[: 2 * width + 20] + text[-(2 * width + 20) :]
    if display_width(text) <= width:
        return text
    if width == 1:
        return "…"
    tail = (width - 1) // 2
    head = width - 1 - tail
    return f"{_first(text, head)}…{_first(text[::-1], tail)[::-1]}"


def pad(text: str, width: int, *, right: bool = False) -> str:
    """Fill up to a display width on the left or, for numbers, on the right edge."""
    fill = " " * max(width - display_width(text), 0)
    return fill + text if right else text + fill


def paint(text: str, tone: str, colour: bool) -> str:
    """Colour a text by its tone when colour is wanted."""
    code = TONES.get(tone) if colour and text else None
    return f"\x1b[{code}m{text}\x1b[0m" if code else text


def wrap(text: str, width: int) -> list[str]:
    """Break running text into lines of a display width; its own line ends stay."""
    lines: list[str] = []
    for paragraph in clean(text, lines=True).split("\n"):
        line = ""
        for word in paragraph.split(" "):
            candidate = f"{line} {word}" if line else word
            if display_width(candidate) <= width or not line:
                line = candidate
            else:
                lines.append(line)
                line = word
        lines.append(line)
    return [piece for line in lines for piece in _hard_broken(line, width)]


def sparkline(values: Sequence[float | int], width: int = 12) -> str:
    """Draw a curve in one line of blocks; NaN and infinite points leave a gap."""
    if not values:
        return ""
    buckets: list[float | None] = []
    for place in range(min(width, len(values))):
        start, end = place * len(values) // min(width, len(values)), (place + 1) * len(values) // min(width, len(values))
        good = [float(one) for one in values[start:end] if abs(one) < _LARGEST]
        buckets.append(sum(good) / len(good) if good else None)
    known = [one for one in buckets if one is not None]
    if not known:
        return ""
    low, high = min(known), max(known)
    span = (high - low) or 1.0
    if high == low:
        return "".join(" " if one is None else SPARKS[3] for one in buckets)
    return "".join(" " if one is None else SPARKS[round((one - low) / span * (len(SPARKS) - 1))] for one in buckets)


def _first(text: str, width: int) -> str:
    """Return the longest beginning that fits; a reversed text gives the longest ending."""
    taken, used = [], 0
    for char in text:
        wide = max(wcwidth(char), 0)
        if used + wide > width:
            break
        taken.append(char)
        used += wide
    return "".join(taken)


def _hard_broken(line: str, width: int) -> list[str]:
    pieces = []
    while display_width(line) > width > 1:
        piece = _first(line, width) or line[:1]
        pieces.append(piece)
        line = line[len(piece) :]
    return [*pieces, line]
