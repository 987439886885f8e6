"""The placeholder that stands for a secret: how it is written, found again, and how its tag is made."""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass

TAG_DIGITS = 8
OPENING = "<redacted "

PLACEHOLDER = re.compile(r"<redacted ([a-z][a-z-]{1,30}) ([0-9a-f]{8})>")


@dataclass(frozen=True, slots=True)
class Placeholder:
    """One placeholder in a text: what it stands for, and where it stands."""

    kind: str
    tag: str
    start: int
    end: int


def find_tags(text: str) -> tuple[Placeholder, ...]:
    """List the placeholders in a text, in order.

    >>> [(one.kind, one.tag) for one in find_tags('key = "<redacted jwt 0a1b2c3d>"')]
    [('jwt', '0a1b2c3d')]
    """
    if OPENING not in text:
        return ()
    return tuple(Placeholder(found[1], found[2], found.start(), found.end()) for found in PLACEHOLDER.finditer(text))


def is_placeholder(text: str) -> bool:
    """Tell whether a text is one placeholder and nothing else.

    >>> is_placeholder("<redacted jwt 0a1b2c3d>"), is_placeholder("<pad>")
    (True, False)
    """
    return PLACEHOLDER.fullmatch(text) is not None


def write_placeholder(kind: str, tag: str) -> str:
    """Write the placeholder of a kind and a tag."""
    return f"{OPENING}{kind} {tag}>"


def make_tag(key: bytes, secret: str) -> str:
    """Hash a secret so that only who has the key can try guesses: the first 8 hex digits of HMAC-SHA256."""
    return hmac.digest(key, secret.encode("utf-8", "surrogatepass"), "sha256").hex()[:TAG_DIGITS]
