"""Secrets known by the name they are given to: in code, dicts, keyword arguments, JSON, YAML, INI, environment listings, flags."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from nbtrack.redaction.names import Promise, promise_of
from nbtrack.redaction.placeholders import OPENING
from nbtrack.redaction.spans import Span, merge_spans, solid
from nbtrack.redaction.values import is_dummy, is_hash_like, is_name_like, is_place, is_sentence, looks_random

KEYWORDS = ("pass", "pwd", "secret", "token", "key", "cred")

_KEYWORD = re.compile(r"pass(?:wor[dt]|wd|phrase)?|pwd|secret|token|key|cred(?:ential)?", re.IGNORECASE)
_NAME_CHARACTERS = "".join(map(chr, range(48, 58))) + "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_-"
_SPOKEN = re.compile(r"\b(?:api|access|auth|secret|private) \Z", re.IGNORECASE)  # "invalid API key: ..."
_LONGEST_NAME = 60
_LONGEST = 4_096
_LONGEST_BARE = 2_048

_QUOTE = r"""\\*\"\"\"|\\*'''|\\*["']|&quot;|&\#0?39;|&\#x27;|&\#34;"""
# From the end of the name to the beginning of the value. A type may stand between; the value may be the next argument or a "value" entry.
_AFTER = re.compile(
    rf"""
    (?P<tail>s|_?\d{{1,3}}|_(?:value|val|string|str|text|raw|prod|dev|test|stage|staging|live|main|old|new|b64|base64|base))?
    (?![A-Za-z0-9_])
    (?P<close>{_QUOTE})? \]?
    (?P<gap>[ \t]{{0,20}})
    (?:
        (?P<sep> :=?(?!=) | ==?>? | != | => )
        (?:(?<=:)[ \t]{{0,4}}[A-Za-z_][\w.]{{0,40}}(?:\[[\w., |\[\]]{{0,60}}\])?(?:[ ]\|[ ]\w+)?[ \t]{{0,4}}=(?!=))?
      | (?P<value_entry> ,\s{{0,20}}(?:{_QUOTE})?[Vv]alue(?:{_QUOTE})?[ ]{{0,2}}[:=] )
      | (?P<comma> , )
      | (?P<call> \()
    )
    (?P<space>[ \t]{{0,20}})
    """,
    re.VERBOSE,
)
_NEW_LINE = r"\\?\r?\n[ \t]{0,80}(?:-+>[ \t]*)?(?:\d{1,5}[ \t]+)?"  # with the number that a traceback puts before a line
_OPENING = re.compile(
    rf"(?:{_NEW_LINE}|[ \t]){{0,4}}(?P<list>[\[({{](?:\\?\r?\n|[ \t]){{0,40}})?"
    r"(?:(?:\w{1,30}\.)?(?:SecretStr|SecretBytes|Secret|str|bytes|AzureKeyCredential|b64decode|quote_plus|quote|Token)\([ \t\n]{0,20})?"
)
_LITERAL = re.compile(
    rf"""(?P<prefix>[rbfuRBFU]{{0,2}})(?P<quote>{_QUOTE})""",
    re.VERBOSE,
)
_PLAIN_CONTENT = {
    '"': re.compile(rf'(?:[^"\\\n]|\\.){{0,{_LONGEST}}}+(?=")'),
    "'": re.compile(rf"(?:[^'\\\n]|\\.){{0,{_LONGEST}}}+(?=')"),
}
_CUT_CONTENT = re.compile(rf"[^\s\"'`]{{6,{_LONGEST_BARE}}}(?=\s|\Z)")
_NEXT_ITEM = re.compile(r"\s{0,80},\s{0,80}")
_NEXT_LITERAL = re.compile(rf"""[ \t]*(?:\+[ \t]*)?(?:{_NEW_LINE})?[ \t]{{0,80}}(?:\+[ \t]*)?(?=[rbfuRBFU]{{0,2}}["'])""")
_MOST_ITEMS = 50

_BARE_ENVIRONMENT = re.compile(rf"[^\s\"'`<>]{{1,{_LONGEST_BARE}}}")
_BARE = re.compile(rf"[^\s\"'`<>,;&(){{}}\[\]|\\]{{1,{_LONGEST_BARE}}}")
_BARE_LINE = re.compile(rf"(?P<value>[^\s\"'`<>{{}}\[\]|,]{{3,{_LONGEST_BARE}}})[ \t]*(?:\#.*)?(?=\\?[\r\n]|\\n|\Z)")
_BARE_FLAG = re.compile(rf"[ \t]+(?![-$])(?P<value>[^\s\"'`<>\[\]|]{{4,{_LONGEST_BARE}}})")
_INI_SECTION = re.compile(r"^[ \t]*\[[\w .:-]+\][ \t]*$", re.MULTILINE)
_TYPE = re.compile(r"(?:u?int|float|complex|str|bytes)\d*|[A-Z]\w*")
_CODE = re.compile(r"[A-Za-z_][\w.]*[(\[]")
_PAIR_BEFORE = re.compile(r"(?:\w=[^\s,()]+|[;?&])[ ]?\Z")
_LETTER = re.compile(r"[A-Za-z0-9]")
_COMMAND = re.compile(r"\s*(?:%|!|\$ )")  # a magic or a line for the shell: no expressions there
_SPECIAL = re.compile(r"[^A-Za-z0-9_.\s]")


@dataclass(frozen=True, slots=True)
class _Name:
    """A name with a keyword in it: its text, what it promises, where it begins and what stands between it and its value."""

    text: str
    promise: Promise
    start: int
    after: re.Match[str]


def find_assigned(text: str, lowered: str, known: list[Span]) -> Iterator[Span]:
    """Yield values that are given to secret names. ``known``: spans already found, whose secrets are not taken twice."""
    covered, others = 0, _Known(known, text)
    for position in _hits(lowered):
        if position < covered:
            continue
        name = _read_name(text, position)
        if name is None:
            continue
        for span in _values_of(name, text):
            covered = max(covered, span.end)
            if not others.explains(span):
                yield span


def _hits(lowered: str) -> list[int]:
    positions = []
    for keyword in KEYWORDS:
        at = lowered.find(keyword)
        while at >= 0:
            positions.append(at)
            at = lowered.find(keyword, at + len(keyword))
    return sorted(positions)


def _read_name(text: str, position: int) -> _Name | None:
    keyword = _KEYWORD.match(text, position)
    if keyword is None:
        return None
    before = text[max(0, position - _LONGEST_NAME) : position]
    prefix = before[len(before.rstrip(_NAME_CHARACTERS)) :]
    if not prefix and (spoken := _SPOKEN.search(before)) is not None:
        prefix = spoken[0]
    flagged = prefix.startswith("--") or before.endswith(f"%env {prefix}")
    after = _AFTER.match(text, keyword.end()) or (_FLAG_AFTER.match(text, keyword.end()) if flagged else None)
    if after is None:
        return None
    name = prefix + keyword[0] + (after["tail"] or "")
    promise = promise_of(name.lstrip("-"))
    return _Name(name, promise, position - len(prefix), after) if promise else None


_FLAG_AFTER = re.compile(r"(?P<tail>)(?P<close>)(?P<gap>)(?P<sep>)(?P<value_entry>)(?P<comma>)(?P<call>)(?P<space>)(?=[ \t]+[^\s-])")


def _values_of(name: _Name, text: str) -> Iterator[Span]:
    """Yield the literals, or the bare word, that a name is given."""
    start = name.after.end()
    opening = _OPENING.match(text, start)
    position = opening.end() if opening else start
    listed = bool(opening and opening["list"])
    if not name.after["sep"] and not name.after["value_entry"] and not name.after["comma"] and not name.after["call"]:
        yield from _flag_value(name, text)
        return
    for _ in range(_MOST_ITEMS):
        literal = _read_literal(text, position)
        if literal is None:
            break
        begin, end, behind = literal
        if _is_secret_literal(name, text, begin, end):
            yield Span(begin, end, _kind(name), solid(text[begin:end]))
        following = _NEXT_ITEM.match(text, behind) if listed else None
        if following is None:
            return
        position = following.end()
    else:
        return
    if not listed and position == start and name.after["sep"] in {"=", ":"} and name.promise >= Promise.FAIR:
        yield from _bare_value(name, text, start)


def _read_literal(text: str, position: int, depth: int = 0) -> tuple[int, int, int] | None:
    """Read a string literal: where its content begins and ends, and where the text goes on; parts written side by side are one."""
    opened = _LITERAL.match(text, position)
    if opened is None:
        return None
    quote, begin = opened["quote"], opened.end()
    plain = _PLAIN_CONTENT.get(quote)
    if plain is not None:
        content = plain.match(text, begin)
        if content is None:
            cut = _CUT_CONTENT.match(text, begin)  # a line of a traceback is cut at some length
            return (begin, cut.end(), cut.end()) if cut else None
        end = content.end()
        behind = end + 1
        following = _NEXT_LITERAL.match(text, behind)
        if following is not None and following.end() > behind and depth < _MOST_ITEMS:
            more = _read_literal(text, following.end(), depth + 1)
            if more is not None:
                return begin, more[1], more[2]
        return begin, end, behind
    end = text.find(quote, begin, begin + _LONGEST + len(quote))
    if end < 0 or (len(quote) - quote.count("\\") < 3 and "\n" in text[begin:end]):
        return None
    return begin, end, end + len(quote)


def _is_secret_literal(name: _Name, text: str, begin: int, end: int) -> bool:
    value = solid(text[begin:end]).strip()
    if not value or OPENING in value:
        return False
    if name.after["comma"] or name.after["call"]:
        return _is_secret_argument(name, value)
    return is_secret_value(name.promise, value, name.text)


def is_secret_value(promise: Promise, value: str, name: str = "") -> bool:
    """Tell whether a text given to a name of this promise is a secret."""
    if is_dummy(value) or value.lower() == name.lower():
        return False
    if promise is Promise.PASSWORD:
        if name.lower().endswith("pwd"):  # also the working directory, and the command that prints it
            return not is_place(value) and not is_sentence(value) and not value.isalpha()
        return len(value.split()) <= 8
    if is_sentence(value) or is_place(value):
        return False
    if promise is Promise.FIRM:
        return _LETTER.search(value) is not None
    if promise is Promise.FAIR:
        return looks_random(value, 12) or (is_hash_like(value) and len(value) >= 24 and not value.isdigit())
    return len(value) >= 20 and not is_hash_like(value) and looks_random(value, 16) and any(map(str.isupper, value)) and "." not in value


def _is_secret_argument(name: _Name, value: str) -> bool:
    """A value beside the name, not given to it: ``setenv("API_KEY", "...")``, ``set_password("...")``; other things stand there too."""
    if name.promise < Promise.FIRM or not is_secret_value(name.promise, value, name.text) or is_sentence(value) or is_name_like(value):
        return False
    if name.after["call"] and not re.match(r"_*(?:set|with|use|add|update|change)", name.text, re.IGNORECASE):
        return looks_random(value, 16)
    mixed = any(map(str.isdigit, value)) and not value.isdigit()
    return len(value) >= 6 and (mixed or looks_random(value, 12)) and not value.startswith("-")


def _bare_value(name: _Name, text: str, start: int) -> Iterator[Span]:
    """A value without quotes: in environment listings, INI and YAML, connection strings, flags; in code it is an expression instead."""
    line = text.rfind("\n", max(0, name.start - 400), name.start) + 1
    before = text[max(line, name.start - 400) : name.start]
    after = name.after
    tight = not after["gap"] and not after["space"]
    if after["sep"] == "=" and tight and name.text.isupper() and not after["close"]:
        found = _BARE_ENVIRONMENT.match(text, start)
        if found is not None:
            argument = before.rstrip().endswith(("(", ","))
            value = found[0].rstrip(",;)" if argument else ",;")
            if _is_environment_value(name, value, before, argument=argument):
                yield _bare_span(name, text, start, start + len(value))
        return
    if after["sep"] == "=" and tight:
        found = _BARE.match(text, start)
        if found is not None and not _is_called(text, found.end()) and _is_pair_value(name, found[0], before):
            yield _bare_span(name, text, start, found.end())
        return
    line_value = _BARE_LINE.match(text, start)
    if line_value is not None and _is_line_value(name, line_value["value"], before, text):
        yield _bare_span(name, text, start, line_value.end("value"))
        return
    found = _BARE.match(text, start)
    if found is None or name.promise < Promise.FIRM or _is_called(text, found.end()) or OPENING.strip() in found[0]:
        return
    if looks_random(found[0], 12) and is_secret_value(name.promise, found[0], name.text):
        yield _bare_span(name, text, start, found.end())


def _is_called(text: str, end: int) -> bool:
    """Whether a word without quotes goes on as code does: it is a function, a list, a module."""
    return text[end : end + 1] in {"(", "[", "{"}


def _bare_span(name: _Name, text: str, start: int, end: int) -> Span:
    return Span(start, end, _kind(name), text[start:end])


def _is_environment_value(name: _Name, value: str, before: str, *, argument: bool) -> bool:
    if before and not re.search(r"(?:^|[\s;|\"'(,`]|\\n)\Z", before):
        return False
    if _CODE.match(value) or not is_secret_value(name.promise, value, name.text):
        return False
    if name.promise < Promise.FIRM:
        return looks_random(value, 12)
    return not is_name_like(value) or (not argument and (len(value) >= 6 or any(map(str.isdigit, value))))


def _is_pair_value(name: _Name, value: str, before: str) -> bool:
    """``name=value`` in lower case: a keyword argument in code, unless the value or what stands before tells otherwise."""
    if not is_secret_value(name.promise, value, name.text):
        return False
    if name.promise < Promise.FIRM:
        return looks_random(value, 16) and not is_name_like(value)
    if _PAIR_BEFORE.search(before) or name.text.startswith(("--", "_auth")) or before.endswith(("--", "://")) or _COMMAND.match(before):
        return len(value) >= 3 and not value.startswith(("$", "%("))
    if value.isdigit():
        return name.promise is Promise.PASSWORD and len(value) >= 6
    special = bool(_SPECIAL.search(value)) and not re.search(r"[+*/-]", value)
    return looks_random(value, 8) or (special and any(map(str.isdigit, value)) and len(value) >= 6)


def _is_line_value(name: _Name, value: str, before: str, text: str) -> bool:
    """``name: value`` or ``name = value`` alone on its line: YAML and INI, or code with an expression."""
    if before.strip(" \t-#\"'") or _CODE.match(value) or OPENING.strip() in value or not is_secret_value(name.promise, value, name.text):
        return False
    if name.promise < Promise.FIRM:
        return looks_random(value, 16)
    if value.isdigit():
        return name.promise is Promise.PASSWORD and len(value) >= 4
    if name.after["sep"] == ":" and not name.after["gap"]:
        mixed = any(map(str.isdigit, value)) or bool(_SPECIAL.search(value) and not value.endswith((":", ".", ")", "!", "?")))
        return len(value) >= 5 and mixed and not _TYPE.fullmatch(value)
    if looks_random(value, 8) or (_SPECIAL.search(value) and any(map(str.isdigit, value)) and looks_random(value, 6)):
        return True
    above = text[max(0, name.start - 1000) : name.start]
    return bool(_INI_SECTION.search(above)) and len(value) >= 3


def _flag_value(name: _Name, text: str) -> Iterator[Span]:
    """``--password VALUE``, ``%env PASSWORD VALUE``."""
    if name.promise < Promise.FAIR:
        return
    found = _BARE_FLAG.match(text, name.after.end())
    if found is None:
        return
    value = found["value"]
    mixed = any(map(str.isdigit, value)) and not value.isdigit() and len(value) >= 5
    if (looks_random(value, 12) or (mixed and name.promise >= Promise.FIRM)) and not is_dummy(value) and not is_place(value):
        yield _bare_span(name, text, found.start("value"), found.end("value"))


class _Known:
    """The spans that other rules found, ready to be asked for a stretch of text."""

    def __init__(self, spans: list[Span], text: str) -> None:
        self._spans = merge_spans(spans, text)
        self._ends = [span.end for span in self._spans]
        self._text = text

    def explains(self, span: Span) -> bool:
        """Whether these spans hold what is secret in a value: what they leave of it is nothing to hide."""
        rest, position, inside = [], span.start, False
        for one in self._spans[bisect_right(self._ends, span.start) :]:
            if one.start >= span.end:
                break
            rest.append(self._text[position : one.start])
            position, inside = max(position, one.end), True
        rest.append(self._text[position : span.end])
        return inside and not any(looks_random(part, 8) for part in rest)


def _kind(name: _Name) -> str:
    words = name.text.lower()
    for word, kind in (("pass", "password"), ("pwd", "password"), ("secret", "secret"), ("token", "token"), ("key", "key")):
        if word in words:
            return kind
    return "secret"
