"""The redactor: one key, many texts; remembers what it took out, so that the same secret printed bare later goes too."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

from nbtrack.redaction.names import Promise, promise_of
from nbtrack.redaction.placeholders import OPENING, Placeholder, find_tags, is_placeholder, make_tag, write_placeholder
from nbtrack.redaction.spans import JOINT, LONGEST_BEGINNING, SHORTEST_WORD, Span, merge_spans

_COLOUR = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")
_MOST_REMEMBERED = 500
_SHORTEST_REMEMBERED = 8
_MOST_PASSES = 4
_DEEPEST = 12

# What a text must hold, all but letters taken out of it, before the slower rules look: that halves a log and leaves nothing of numbers.
_HINTS = tuple(b"pass pwd secret token key cred auth bearer curl aws akia asia sig= sharedaccess".split())
_LOWER = bytes(code + 32 if 65 <= code <= 90 else code for code in range(256))
_NO_LETTERS = bytes(code for code in range(128) if not chr(code).isalpha() and chr(code) != "=")
_LONGEST_WORD = 8_192  # longer ones without dash and underscore are images in base64

_WORDS = bytes(ord("a") if chr(code).isascii() and (chr(code).isalnum() or chr(code) in "_-+/") else ord(" ") for code in range(256))
_LONG_WORD = re.compile(b"a" * SHORTEST_WORD + b"a*+")


@cache
def _rules() -> ModuleType:
    from nbtrack.redaction import rules

    return rules


class Redactor:
    """Takes secrets out of texts and parameter values.

    Parameters
    ----------
    key : what tags are hashed with, or a function that gives it when the first secret is met.

    ``found`` counts what was taken out, by kind. Values known as secrets only by their surroundings (a password in an assignment) are
    remembered while this object lives: printed bare later, they are taken out as well.

    >>> Redactor(bytes(32)).text("login(password='x7-Kq')")
    "login(password='<redacted password c9b5cf66>')"
    """

    def __init__(self, key: bytes | Callable[[], bytes]) -> None:
        self._given_key = key
        self._key: bytes | None = key if isinstance(key, bytes) else None
        self._remembered: dict[str, str] = {}
        self.found: Counter[str] = Counter()

    def text(self, text: str) -> str:
        """Return the text with a placeholder for every secret; as many lines as before, and the same again when called with the result."""
        for _ in range(_MOST_PASSES):
            spans = self.spans(text)
            if not spans:
                break
            text = self._replace(text, spans)
        return text

    def value(self, name: str, value: Any) -> Any:
        """Return a parameter's JSON value without secrets; the name tells, too.

        Texts inside lists and dicts are looked at, with the keys of the dicts as names. What is no text stays as it is, but for a number
        that is a password.
        """
        return self._value(name, value, 0)

    def spans(self, text: str) -> list[Span]:
        """List the secrets in a text, in order, without changing it; placeholders are none."""
        view, origin = _uncoloured(text)
        found = self._find(view)
        if not found:
            return []
        taken = find_tags(view)
        ends = [one.end for one in taken]
        spans = [one for one in merge_spans(found, view) if not _is_taken(one, taken, ends)]
        return spans if origin is None else [Span(origin(one.start, False), origin(one.end, True), one.kind, one.secret) for one in spans]

    def tag(self, secret: str) -> str:
        """Return the tag that a secret has here: equal for equal secrets, telling nothing without the key."""
        if self._key is None:
            self._key = self._given_key() if callable(self._given_key) else self._given_key
        return make_tag(self._key, secret)

    def learn(self, named: Mapping[str, str]) -> None:
        """Remember the secrets among named values, such as environment variables, without storing them anywhere."""
        for name, value in named.items():
            promise = promise_of(name)
            if promise >= Promise.FIRM and _rules().is_secret_value(promise, value, name):
                self._remember(value, "secret")

    def _find(self, text: str) -> list[Span]:
        if len(text) < 4:
            return []
        found: list[Span] = []
        raw = text.encode("utf-8", "replace")
        words = _long_words(raw)
        if words:
            found.extend(_rules().find_tokens(text, words))
        if "-----" in text and "PRIVATE KEY" in text:
            found.extend(_rules().find_private_keys(text))
        if "@" in text and "://" in text:
            found.extend(_rules().find_address_passwords(text))
        letters = raw.translate(_LOWER, _NO_LETTERS)
        hints = {hint for hint in _HINTS if hint in letters}
        if hints:
            lowered = _lowered(text)
            found.extend(_rules().find_headers(text, lowered, hints))
            found.extend(_rules().find_connections(text, lowered, hints))
            found.extend(_rules().find_assigned(text, lowered, list(found)))
        for secret, kind in tuple(self._remembered.items()):
            if secret in text:
                found.extend(_occurrences(text, secret, kind))
        return found

    def _replace(self, text: str, spans: list[Span]) -> str:
        parts, position = [], 0
        for span in spans:
            self.found[span.kind] += 1
            inside = text[span.start : span.end]
            for secret in _rules().pem_lines(inside) if span.kind == "private-key" else (span.secret,):
                self._remember(secret, span.kind)
            kept = "".join(one[0] for one in _COLOUR.finditer(inside)) if "\x1b" in inside else ""
            parts += [
                text[position : span.start],
                write_placeholder(span.kind, self.tag(span.secret)),
                _line_structure(span.kind, inside),
                kept,
            ]
            position = span.end
        return "".join((*parts, text[position:]))

    def _remember(self, secret: str, kind: str) -> None:
        if secret not in self._remembered and _is_distinct(secret):
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))
            self._remembered[secret] = kind

    def _value(self, name: str, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            promise = promise_of(name)
            if promise and not is_placeholder(value) and _rules().is_secret_value(promise, value, name):
                spans = self._find(value)
                if not spans or (promise >= Promise.FIRM and not _rules().is_place(value)):
                    return self._replace(value, [Span(0, len(value), _kind_of(name), value)])
            return self.text(value)
        if isinstance(value, int) and not isinstance(value, bool):
            if promise_of(name) is Promise.PASSWORD and abs(value) >= 1000:
                return self._replace(str(value), [Span(0, len(str(value)), "password", str(value))])
            return value
        if depth < _DEEPEST and isinstance(value, Mapping):
            return {self.text(str(key)): self._value(str(key), item, depth + 1) for key, item in value.items()}
        if depth < _DEEPEST and isinstance(value, (list, tuple)):
            return [self._value(name, item, depth + 1) for item in value]
        return value


def _is_taken(span: Span, taken: tuple[Placeholder, ...], ends: list[int]) -> bool:
    """Whether a span touches a placeholder: the first that ends behind its start decides."""
    place = bisect_right(ends, span.start)
    return place < len(taken) and taken[place].start < span.end


def _kind_of(name: str) -> str:
    lowered = name.lower()
    return next((kind for kind in ("password", "secret", "token", "key") if kind in lowered), "secret")


def _lowered(text: str) -> str:
    """Lower the letters, keeping every position: one letter, the dotted capital I, would become two."""
    lowered = text.lower()
    return lowered if len(lowered) == len(text) else text.replace("\u0130", "i").lower()


def _long_words(raw: bytes) -> bytes:
    """The long words of a text, where the beginnings of keys are looked for: most text has few."""
    words = [raw[max(0, run.start() - LONGEST_BEGINNING) : run.end()] for run in _LONG_WORD.finditer(raw.translate(_WORDS))]
    return b"\n".join([word for word in words if len(word) < _LONGEST_WORD or b"_" in word or b"-" in word])


def _occurrences(text: str, secret: str, kind: str) -> list[Span]:
    spans, position = [], text.find(secret)
    while position >= 0:
        end = position + len(secret)
        spans.append(Span(position, end, kind, secret))
        position = text.find(secret, end)
    return spans


def _is_distinct(secret: str) -> bool:
    """Whether a secret may be looked for anywhere without meeting ordinary words and numbers."""
    if len(secret) < _SHORTEST_REMEMBERED or secret.isdigit() or OPENING in secret or "\n" in secret:
        return False
    return _rules().looks_random(secret, 8) or (any(map(str.isdigit, secret)) and any(map(str.isalpha, secret)) and len(set(secret)) >= 6)


def _line_structure(kind: str, inside: str) -> str:
    """What must stay of a secret that is broken: its line breaks, and the quotes that keep code around it valid."""
    if "\n" not in inside and '"' not in inside and "'" not in inside:
        return ""
    joints = "".join(joint[0] for joint in JOINT.finditer(inside))
    breaks = inside.count("\n")
    return joints if joints.count("\n") == breaks and kind != "private-key" else "\n" * breaks


def _uncoloured(text: str) -> tuple[str, Callable[[int, bool], int] | None]:
    """Take the colours of a terminal out of a text; the function maps a position back (at its end: before the colours that follow)."""
    if "\x1b[" not in text:
        return text, None
    parts, starts, shifts, position, removed = [], [0], [0], 0, 0
    for colour in _COLOUR.finditer(text):
        parts.append(text[position : colour.start()])
        position = colour.end()
        removed += len(colour[0])
        starts.append(position - removed)
        shifts.append(removed)

    def origin(index: int, is_end: bool) -> int:
        if is_end:
            return index - 1 + shifts[bisect_right(starts, index - 1) - 1] + 1
        return index + shifts[bisect_right(starts, index) - 1]

    return "".join((*parts, text[position:])), origin
