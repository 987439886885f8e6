"""Where secrets stand in a text, and how a secret that is broken over lines or string literals holds together."""

from __future__ import annotations

import re
from dataclasses import dataclass

# What may stand inside one secret without being part of it: a line break (with a backslash, indentation, the line number of a traceback),
# or the end of one string literal and the start of the next.
_BREAK = r"(?:\\?\r?\n[ \t]{0,80}(?:-+>[ \t]*)?(?:\d{1,5}[ \t]+)?[ \t]{0,80})"
_LITERALS = (
    r"""(?:["'][ \t]*(?:\+[ \t]*)?(?:\\?\r?\n[ \t]{0,80}(?:-+>[ \t]*)?(?:\d{1,5}[ \t]+)?)?[ \t]{0,80}(?:\+[ \t]*)?[rbfuRBFU]{0,2}["'])"""
)
JOINT = re.compile(f"{_LITERALS}|{_BREAK}")

# Letters, digits and "_-+/" at least so long are a word in which hints are looked for, with what stands just before it.
# 18 leaves out the 17 digits of floats; a token broken over lines is found when its first piece is a word.
SHORTEST_WORD = 18
LONGEST_BEGINNING = 6


@dataclass(frozen=True, slots=True)
class Span:
    """One secret in a text: ``secret`` is what is hashed, the text between start and end without joints."""

    start: int
    end: int
    kind: str
    secret: str


def solid(text: str) -> str:
    """Return a secret without the joints inside it, so that it equals the same secret written in one piece."""
    return JOINT.sub("", text) if "\n" in text or '"' in text or "'" in text else text


def merge_spans(spans: list[Span], text: str) -> list[Span]:
    """Order spans and join those that overlap; the first found of equal ones gives the kind, the longest of unequal ones."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        last = merged[-1] if merged else None
        if last is None or span.start >= last.end:
            merged.append(span)
        elif span.end > last.end:
            kind = span.kind if span.end - span.start > last.end - last.start else last.kind
            merged[-1] = Span(last.start, span.end, kind, solid(text[last.start : span.end]))
    return merged
