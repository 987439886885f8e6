"""Secrets known by what stands around them: private keys, passwords in addresses, headers, connection strings."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Collection, Iterator

from nbtrack.redaction.spans import Span, solid
from nbtrack.redaction.values import is_dummy, looks_random

_PEM_START = re.compile(r"-----BEGIN ((?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?)-----")
_PEM_END = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
_PEM_LONGEST = 20_000
_PEM_LINE = re.compile(
    r"(?:[\s\"'|>()+,]|\\+[nr]|-+>)*+(?:\d{1,5}[ \t]+)?(?:(?:Proc-Type|DEK-Info|Version|Comment):[^\n\\]*+|[\"']?[A-Za-z0-9+/=]{16,}+)"
)
_PEM_WHOLE_LINE = re.compile(r"(?:-*>? ?\d{0,5} +)?[\"']?[A-Za-z0-9+/=]{16,}[A-Za-z0-9+/=\\]*+")
_BASE64_LINE = re.compile(r"[A-Za-z0-9+/=]{16,}")
_LINE_NUMBER = re.compile(r"^[ \t]*(?:-+>)?[ \t]*\d{0,5}[ \t|]*", re.MULTILINE)
_ESCAPED_BREAK = re.compile(r"\\+[nr]")
_NOT_BASE64 = re.compile(r"[^A-Za-z0-9+/=]+")
# What a key's body may consist of besides base64: line breaks, escaped ones, quotes of literals, line numbers, the headers of old formats.
_PEM_BODY = re.compile(
    r"(?:[A-Za-z0-9+/=\s\\\"'|>(),\[\]]++|Proc-Type:[ \w,]*|DEK-Info:[ \w,-]*|(?:Version|Comment|Hash):[^\n\\]{0,120}|-+> ?)*+"
)

_ADDRESS = re.compile(r"://([^\s\"'<>`]+)")
_AUTHORITY = re.compile(
    r"[^/:@]{0,256}:(?!\d{1,5}[/?#])(?P<password>[^@/]{1,512}(?:@[^@/?#]{1,256}(?=@[\w.\[{-]))?|[^@]{1,512})@(?=[\w.\[{(%$-]|$)"
)
_LONE_TOKEN = re.compile(r"([A-Za-z0-9_-]{20,256})@(?=[\w-]+\.)")

_HEADER = re.compile(
    r"""authorization(?:\\*["']|&quot;)?\]?\s{0,4}[:=,]\s{0,8}[bfru]{0,2}(?:\\*["']|&quot;)?"""
    r"""(?:(?P<scheme>bearer|basic|token|digest|apikey|negotiate|key|bot)[ ]+)?"""
    r"""(?P<secret>[\w+/=.~:!%-]{8,4096})""",
    re.IGNORECASE,
)
_SCHEMES = ("bearer ", "basic ")
_CREDENTIALS = re.compile(r"[ ]{0,8}(?P<secret>[\w+/=.~-]{8,4096})")
_BASIC_PAIR = re.compile(
    r"""(?:\bauth[ ]{0,2}=[ ]{0,2}|BasicAuth)\([^()"'\n]{0,40}(?:"[^"\n]{0,120}"|'[^'\n]{0,120}')\s{0,20},\s{0,20}"""
    r"""(?:\w+=)?(?P<q>["'])(?P<secret>[^"'\n]{3,256})(?P=q)"""
)
_CURL_USER = re.compile(r"\bcurl\b[^\n]{0,400}?\s(?:-u|--user)[ =]{0,2}[\"']?[^\s:\"']{1,120}:(?P<secret>[^\s\"']{3,256})")

_CONNECTION_NAMES = ("accountkey", "sharedaccesskey", "sharedaccesssignature", "sharedsecretvalue", "primarykey", "secondarykey")
_CONNECTION = re.compile(r"\w{8,30}\s{0,2}=\s{0,2}(?P<secret>[^\s;\"'<>&]{16,1024})", re.IGNORECASE)
_SIGNATURE = re.compile(r"[?&;]sig=(?P<secret>[A-Za-z0-9%+/=_-]{20,512})")
_AWS_SECRET = re.compile(r"(?<![A-Za-z0-9/+=])(?P<secret>[A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])")
_BASE64 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=")
_AWS_NEAR = 400
_AWS_LENGTH = 42
_KAGGLE = re.compile(
    r"""["']username\\*["']\s{0,4}:\s{0,4}\\*["'][^"'\n]{1,80}["']\s{0,8},\s{0,8}"""
    r"""\\*["']key\\*["']\s{0,4}:\s{0,4}\\*["'](?P<secret>[0-9a-f]{32})"""
)


def find_private_keys(text: str) -> Iterator[Span]:
    """Yield private keys in PEM form, whole ones and those whose end or beginning is missing."""
    position = 0
    while (start := _PEM_START.search(text, position)) is not None:
        position = start.end()
        body = _PEM_BODY.match(text, position, position + _PEM_LONGEST)
        end = _PEM_END.match(text, body.end()) if body else None
        stop = end.end() if end else _end_of_lines(text, position)
        if sum(map(len, _BASE64_LINE.findall(text[position:stop]))) >= 32:
            yield Span(start.start(), stop, "private-key", _pem_content(text[start.start() : stop]))
            position = stop
    yield from _find_headless_keys(text)


def _end_of_lines(text: str, position: int) -> int:
    """Where the lines of base64 end that follow the beginning of a key whose end is missing."""
    stop, limit = position, position + _PEM_LONGEST
    while (line := _PEM_LINE.match(text, stop, limit)) is not None:
        stop = line.end()
    return stop


def _find_headless_keys(text: str) -> Iterator[Span]:
    """A key whose beginning was cut off: lines of base64 that end in the end of a key."""
    for end in _PEM_END.finditer(text):
        lowest = max(0, end.start() - _PEM_LONGEST)
        begin = end.start()
        while begin > lowest:
            line = max(text.rfind("\n", lowest, begin - 1) + 1, lowest)
            content = text[line:begin].strip(" \t\r\n\\\"'+")
            if (content or begin != end.start()) and not _PEM_WHOLE_LINE.fullmatch(content):
                break
            begin = line
        if sum(map(len, _BASE64_LINE.findall(text[begin : end.start()]))) >= 32:
            yield Span(begin, end.end(), "private-key", _pem_content(text[begin : end.end()]))


def pem_lines(text: str) -> list[str]:
    """The lines of base64 in a private key: any of them alone gives a part of it away."""
    return [line for line in _BASE64_LINE.findall(_ESCAPED_BREAK.sub("\n", text)) if len(line) >= 20]


def _pem_content(text: str) -> str:
    return _NOT_BASE64.sub("", _LINE_NUMBER.sub("", _ESCAPED_BREAK.sub("\n", text)))


def find_address_passwords(text: str) -> Iterator[Span]:
    """Yield passwords in addresses: ``scheme://user:password@host``."""
    for address in _ADDRESS.finditer(text):
        start = address.start(1)
        for piece in address[1].split("://"):
            if "@" in piece:
                found = _AUTHORITY.match(piece)
                if found is not None:
                    password = found["password"]
                    if not is_dummy(password):
                        at = start + found.start("password")
                        yield Span(at, at + len(password), "url-password", password)
                elif (lone := _LONE_TOKEN.match(piece)) is not None and looks_random(lone[1], 16):
                    yield Span(start, start + len(lone[1]), "url-password", lone[1])
            start += len(piece) + 3


def find_headers(text: str, lowered: str, hints: Collection[bytes]) -> Iterator[Span]:
    """Yield what HTTP authorization headers carry, and pairs of user and password for basic authentication."""
    reached = 0
    for position in _positions(lowered, "authorization") if b"auth" in hints else ():
        found = _HEADER.match(text, position) if position >= reached else None
        reached = found.end() if found else reached
        if found is None or (found["scheme"] is None and not looks_random(found["secret"], 12)):
            continue
        if not is_dummy(found["secret"]) and (looks_random(found["secret"], 8) or not found["secret"].isalpha()):
            yield _span(found, "authorization")
    for scheme in _SCHEMES if b"bearer" in hints or b"auth" in hints else ():
        for position in _positions(lowered, scheme):
            found = _CREDENTIALS.match(text, position + len(scheme))
            secret = found["secret"].rstrip(".") if found else ""
            if found is not None and (looks_random(secret, 10) if scheme == "bearer " else _is_user_and_password(secret)):
                yield Span(found.start("secret"), found.start("secret") + len(secret), "authorization", secret)
    if b"auth" in hints:
        for found in _BASIC_PAIR.finditer(text):
            if not is_dummy(found["secret"]):
                yield _span(found, "password")
    if b"curl" in hints:
        for found in _CURL_USER.finditer(text):
            if not is_dummy(found["secret"]):
                yield _span(found, "password")


def find_connections(text: str, lowered: str, hints: Collection[bytes]) -> Iterator[Span]:
    """Yield keys in connection strings and signed addresses, secret keys beside an AWS key id, Kaggle's credentials."""
    for name in _CONNECTION_NAMES if b"key" in hints or b"secret" in hints or b"sharedaccess" in hints else ():
        reached = 0
        for position in _positions(lowered, name):
            found = _CONNECTION.match(text, position) if position >= reached else None
            if found is not None and not is_dummy(found["secret"]):
                reached = found.end()
                yield _span(found, "azure-key")
    if b"sig=" in hints:
        for found in _SIGNATURE.finditer(text):
            if looks_random(found["secret"], 8):
                yield _span(found, "azure-key")
    if b"aws" in hints or b"akia" in hints or b"asia" in hints:
        reached = 0
        for position in sorted((*_positions(lowered, "aws"), *_positions(lowered, "akia"), *_positions(lowered, "asia"))):
            for found in _AWS_SECRET.finditer(text, max(reached, position - _AWS_NEAR), position + _AWS_NEAR):
                reached = found.end()
                if text[reached : reached + 1] not in _BASE64 and _is_aws_secret(found["secret"]):
                    yield _span(found, "aws-secret")
            reached = max(reached, position + _AWS_NEAR - _AWS_LENGTH)
    if b"key" in hints and "username" in lowered:
        for found in _KAGGLE.finditer(text):
            yield _span(found, "service-token")


def _positions(text: str, part: str) -> Iterator[int]:
    position = text.find(part)
    while position >= 0:
        yield position
        position = text.find(part, position + len(part))


def _span(found: re.Match[str], kind: str) -> Span:
    return Span(found.start("secret"), found.end("secret"), kind, solid(found["secret"]))


def _is_aws_secret(secret: str) -> bool:
    """40 characters of base64 with upper, lower and digits; not a path, not a commit hash."""
    kinds = any(char.isupper() for char in secret) and any(char.islower() for char in secret) and any(char.isdigit() for char in secret)
    return kinds and "EXAMPLE" not in secret and looks_random(secret.replace("/", "").replace("+", ""), 12)


def _is_user_and_password(secret: str) -> bool:
    try:
        decoded = base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        return False
    return b":" in decoded and decoded.isascii()
