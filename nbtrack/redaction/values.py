"""What a value looks like: made by a machine, a dummy that stands for a secret, a word, a path."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_SEGMENT = re.compile(r"[A-Za-z0-9]+")
_HEX = re.compile(r"(?:0x)?[0-9a-fA-F]{16,}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NUMBER = re.compile(r"[-+]?[\d_.,]+(?:[eE][-+]?\d+)?")
_TIME = re.compile(r"\d{4}-?\d\d-?\d\d(?:[T _-].{0,24})?")
_WORDS = re.compile(r"[A-Za-z]+(?:[ _.\-/:&,]{1,2}[A-Za-z]+)*[!?.]?")
_NAMES = re.compile(r"[A-Za-z_][A-Za-z_]*\d{0,3}(?:[._][A-Za-z_]+\d{0,3})*")
_ENVIRONMENT_NAME = re.compile(r"[A-Z]+(?:_(?:[A-Z]+|\d{1,2}))+")
_TEMPLATE = re.compile(
    r"\$?\{.*\}|\$\(.*\)|\$[A-Za-z_]\w*|%\(?\w*\)?[sdr]|<[^<>]*>|\[[^\[\]]*\]|\{\{.*|%[A-Z_]+%|"
    r"(?:env|vault|op|file|secrets?|ssm|arn)[:.].*|\\[A-Za-z]|#{2,}.*",
    re.DOTALL,
)
_INTERPOLATED = re.compile(r"\$?\{[^{}]*\}|%\(\w+\)s")
_EXACT = _words(
    """
    password passwd passwort passphrase pass pwd secret token key apikey value none null nil true false str string text bytes int
    float any object changeme change_me change-me example sample test testing dummy fake foo bar baz foobar todo tbd n/a na
    undefined default required optional hidden redacted masked username user name empty missing unset not_set abc abcd abcdef type
    field label key1 key2 bearer basic write read secretstr optional[str] off on yes no mypassword mysecret mytoken mykey
    my_password my_secret my_token my_key secretkey topsecret api_key api-key
    """
)
_ADDRESSED = re.compile(
    r"(?:^|[^a-z])(?:your|my|the|some|an|insert|enter|paste|put|replace|change|add|example|dummy|fake|sample|placeholder|todo|redacted|hidden|"
    r"masked|here|demo|goes|must|please|with|for|of|is|are|to|if|not|this|that|required|optional|invalid|incorrect|wrong|missing|provide|"
    r"provided|default|string|name|none|null|value)(?:$|[^a-z])"
)
_FILLER = re.compile(r"(?:(.)\1+|[xX*._\-#•…?0 ]{2,}|(?:\w{2,8}-)?[xX*]{3,}.*|1234567?8?9?0?|abc123|abcdefg\w*)", re.DOTALL)
_UNSPEAKABLE = re.compile(r"[BCDFGHJKLMNPQRSTVWXZ]{6}|[bcdfghjklmnpqrstvwxz]{6}")
_KEYWORDS = re.compile(r"key|token|secret|passw|credential|auth")


@lru_cache(maxsize=512)
def is_dummy(value: str) -> bool:
    """Tell whether a value only stands where a secret would: a template, a placeholder in words, a filler, the name of a variable.

    >>> [is_dummy(one) for one in ("your-api-key", "xxx", "changeme", "...", "<pad>", "${DB_PASSWORD}", "hunter2")]
    [True, True, True, True, True, True, False]
    """
    text = value.strip()
    if len(text) > 200:
        return "{" in text and not _INTERPOLATED.sub("", text).strip()
    lowered = text.lower()
    if not text or lowered in _EXACT or "..." in text or "…" in text or "EXAMPLE" in text:
        return True
    if _FILLER.fullmatch(text) or _TEMPLATE.fullmatch(text) or _ENVIRONMENT_NAME.fullmatch(text):
        return True
    if _WORDS.fullmatch(text) and (_ADDRESSED.search(lowered) or (_KEYWORDS.search(lowered) and re.search(r"[ _.\-/:]", text))):
        return not looks_random(text)
    rest = _INTERPOLATED.sub("", text)
    if rest != text and len(rest.strip()) < 6:
        return True
    return bool(_ADDRESSED.search(lowered)) and not looks_random(text)


def is_sentence(value: str) -> bool:
    """Tell whether a value is two or more words with spaces between them."""
    return len(value.split()) > 1


def is_place(value: str) -> bool:
    """Tell whether a value is a path, an address without a password in it, or a file's name."""
    if "://" in value[:12]:
        return True
    if re.fullmatch(r"[\w.-]+\.(?:pem|json|ya?ml|txt|key|crt|cfg|ini|env|toml|csv|py|ipynb|pkl|pub)", value):
        return True
    if not re.match(r"\.{0,2}/|~|[A-Za-z]:[\\/]", value):
        return False
    return not any(looks_random(part, 16) for part in re.split(r"[/\\]", value))


def is_hash_like(value: str) -> bool:
    """Tell whether a value could as well be a hash, a UUID, a number or a time."""
    return any(pattern.fullmatch(value) for pattern in (_HEX, _UUID, _NUMBER, _TIME))


def is_name_like(value: str) -> bool:
    """Tell whether a value written without quotes may be an expression of plain names, as code has them."""
    return _NAMES.fullmatch(value) is not None and not looks_random(value, 8)


@lru_cache(maxsize=512)
def looks_random(value: str, least: int = 12) -> bool:
    """Tell whether a text has a stretch of at least ``least`` letters and digits that no person would write.

    Letters and digits change places often, or upper and lower case do without making words.

    >>> [looks_random(one) for one in ("x9Kd02mQpz71Lw", "efficientnet_b0_v2", "GradientBoostingClassifier", "8f14e45fceea167a")]
    [True, False, False, True]
    """
    return any(_is_random(part, least) for part in _SEGMENT.findall(value[:600]) if len(part) >= least)


def _is_random(part: str, least: int) -> bool:
    kinds = ["d" if char.isdigit() else "U" if char.isupper() else "l" for char in part]
    size = len(kinds)
    digits = kinds.count("d")
    if digits == size:
        return False
    switches = sum((one == "d") != (other == "d") for one, other in pairwise(kinds))
    if digits >= 2 and (switches >= max(3, size // 12) or _UNSPEAKABLE.search(part)):
        return True
    upper = kinds.count("U")
    turns = sum(one != other for one, other in pairwise(kinds))
    # Words in camel case turn twice in five to nine letters, random letters in every second place.
    mixed = upper >= 3 and size - upper - digits >= 3 and turns >= 0.38 * size
    return mixed and (digits >= 1 or size >= max(least, 14))
