"""The grammar every door shares: a line of text in, words, K=V pairs and raw text out; and ``Verb``, a click command that knows its help.

Only options are split. Free text is the rest of the line as it stands. A backslash is an escape before a blank or a quote, and never on
Windows, where it is a path.
"""

from __future__ import annotations

import difflib
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import click

from nbtrack.errors import UnknownVariable, UsageError

_VARIABLE = re.compile(r"\{\s*([^\W\d]\w*)\s*\}")
_PAIRS = {"[": "]", "{": "}"}
_OPENS_QUOTE = frozenset("=[{,:( ")

BOTH = frozenset({"notebook", "shell"})
KERNEL = frozenset({"notebook"})
SHELL = frozenset({"shell"})


class HelpAsked(Exception):
    """``--help`` stood among the words of a verb."""


class Verb(click.Command):
    """One verb. ``usage`` is how it is written, ``section`` where help lists it, ``doors`` where it works.

    ``raw`` names the parameter that takes the rest of the line as it stands: an argument, or an option such as ``--note``.
    """

    def __init__(
        self,
        name: str,
        *,
        usage: str,
        section: str,
        example: str,
        doors: frozenset[str],
        elsewhere: str,
        raw: str,
        callback: Callable[..., Any],
        params: list[click.Parameter],
        help: str,
    ) -> None:
        settings = {"ignore_unknown_options": True, "allow_interspersed_args": False} if raw and not raw.startswith("-") else {}
        super().__init__(name, context_settings=settings, callback=callback, params=params, help=help, add_help_option=False)
        self.usage = usage
        self.section = section
        self.example = example
        self.doors = doors
        self.elsewhere = elsewhere
        self.raw = raw

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words; ``--help`` among the options shows the help of this verb."""
        if args and (args[0] in ("--help", "-h") or ("--help" in args and not self.raw)):
            raise HelpAsked
        if self.raw and not self.raw.startswith("-"):
            self._refuse_unknown(ctx, args)
        return super().parse_args(ctx, args)

    def _refuse_unknown(self, ctx: click.Context, args: Sequence[str]) -> None:
        """Name a wrong option that stands before the free text: click would take it for text."""
        takes_value = False
        for word in args:
            if takes_value:
                takes_value = False
            elif word == "--" or not word.startswith("--"):
                return
            elif word.partition("=")[0] not in self.options:
                raise click.NoSuchOption(word.partition("=")[0], possibilities=sorted(self.options), ctx=ctx)
            else:
                takes_value = "=" not in word and self.takes_value(word)

    @property
    def options(self) -> dict[str, click.Option]:
        """Every option by each of its spellings."""
        return {spelling: one for one in self.params if isinstance(one, click.Option) for spelling in (*one.opts, *one.secondary_opts)}

    def takes_value(self, word: str) -> bool:
        """Tell whether this word is an option that a value follows."""
        option = self.options.get(word)
        return option is not None and not option.is_flag

    def written(self, program: str) -> str:
        """Say how the verb is written: ``%track stop [--failed]``."""
        return f"{program} {self.name} {self.usage}".strip()


def verb(
    name: str,
    help: str,
    *,
    usage: str = "",
    section: str,
    example: str,
    doors: frozenset[str] = BOTH,
    elsewhere: str = "",
    raw: str = "",
) -> Callable[[Callable[..., Any]], Verb]:
    """Make a function a verb; ``elsewhere`` is said where it does not work."""

    def make(function: Callable[..., Any]) -> Verb:
        params = list(reversed(getattr(function, "__click_params__", [])))
        return Verb(
            name, usage=usage, section=section, example=example, doors=doors, elsewhere=elsewhere, raw=raw,
            callback=click.pass_obj(function), params=params, help=help,
        )  # fmt: skip

    return make


def split_line(line: str, verb: Verb | None = None, *, escapes: bool = os.name != "nt") -> list[str]:
    """Split what stands behind a verb into words; free text of the verb stays one word, behind ``--``.

    >>> split_line('lr=0.1 layers=[64, 32] name="two words"')
    ['lr=0.1', 'layers=[64, 32]', 'name="two words"']
    """
    words: list[str] = []
    position = 0
    raw = verb.raw if verb is not None else ""
    is_value = False
    while True:
        while position < len(line) and line[position].isspace():
            position += 1
        if position >= len(line):
            return words
        rest = line[position:].rstrip()
        if raw and not raw.startswith("-") and not is_value and not rest.startswith("--"):
            return [*words, "--", strip_quotes(rest)]
        word, position = _next_word(line, position, escapes)
        if verb is not None and raw.startswith("-") and not is_value and word.partition("=")[0] == raw:
            given = line[position:].strip() if word == raw else rest.partition("=")[2].strip()
            if word == raw and not given:
                return [*words, raw]
            joint = "=" if raw.startswith("--") else ""  # a short option takes what is glued to it
            return [*words, f"{raw}{joint}{strip_quotes(given)}"]
        if raw and not raw.startswith("-") and word == "--" and not is_value:
            return [*words, "--", strip_quotes(line[position:].strip())]
        words.append(word)
        is_value = not is_value and verb is not None and verb.takes_value(word)


def read_pairs(words: Sequence[str], namespace: Mapping[str, Any] | None, *, as_text: bool = False) -> dict[str, Any]:
    """Read ``K=V`` words: V is a JSON value, else text; ``{name}`` is the value of a variable.

    With ``as_text`` numbers stay as they were written (tags), only ``null`` means no value. Raises ``UsageError``.
    """
    pairs: dict[str, Any] = {}
    for word in words:
        key, equals, text = word.partition("=")
        key = strip_quotes(key.strip())
        if not equals or not key:
            raise UsageError(f"{word!r} is no K=V", "Write name=value, with no blank around the =.")
        pairs[key] = read_value(text, namespace, as_text=as_text)
    return pairs


def read_value(text: str, namespace: Mapping[str, Any] | None, *, as_text: bool = False) -> Any:
    """Read one V."""
    variable = _VARIABLE.fullmatch(text)
    if variable is not None:
        return read_variable(variable[1], namespace)
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return strip_quotes(text)
    return value if not as_text or value is None or isinstance(value, str) else text


def read_variable(name: str, namespace: Mapping[str, Any] | None) -> Any:
    """Take the value of a variable of the notebook; raises with near names."""
    if namespace is None:
        raise UsageError(f"{{{name}}} takes a variable of a notebook, and the shell has none", 'Text in braces is written K="{...}".')
    if name not in namespace:
        raise UnknownVariable(name, [key for key in namespace if not key.startswith("_")])
    return namespace[name]


def named_variable(text: str) -> str | None:
    """Return the name inside ``{name}``, None for anything else."""
    match = _VARIABLE.fullmatch(text.strip())
    return match[1] if match else None


def strip_quotes(text: str) -> str:
    """Remove one pair of quotes that encloses the whole text, as a shell would have done."""
    if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]:
        return text[1:-1]
    return text


def near_words(word: str, known: Sequence[str]) -> str:
    """Say which known word is near: `` Did you mean '--step'?``, or nothing."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f" Did you mean {near[0]!r}?" if near else ""


def _next_word(line: str, position: int, escapes: bool) -> tuple[str, int]:
    """Read one word: quotes and brackets keep blanks together where they begin a value and are closed."""
    start, out = position, []
    while position < len(line) and not line[position].isspace():
        char = line[position]
        before = line[position - 1] if position > start else " "
        end = None
        if char in "\"'" and before in _OPENS_QUOTE:
            end = _closing_quote(line, position)
        elif char in _PAIRS and before in "= ":
            end = _closing_bracket(line, position)
        elif escapes and char == "\\" and position + 1 < len(line) and line[position + 1] in " \t\"'":
            out.append(line[position + 1])
            position += 2
            continue
        if end is None:
            out.append(char)
            position += 1
        else:
            out.append(line[position : end + 1])
            position = end + 1
    word = "".join(out)
    if word.startswith("--"):
        option, equals, value = word.partition("=")
        return f"{option}{equals}{strip_quotes(value)}", position
    return strip_quotes(word), position


def _closing_quote(line: str, position: int) -> int | None:
    quote, place = line[position], position + 1
    while place < len(line):
        if line[place] == "\\" and quote == '"' and line[place + 1 : place + 2] in ('"', "\\"):
            place += 2
            continue
        if line[place] == quote:
            return place
        place += 1
    return None


def _closing_bracket(line: str, position: int) -> int | None:
    expected: list[str] = []
    place = position
    while place < len(line):
        char = line[place]
        if char == '"':
            closed = _closing_quote(line, place)
            if closed is None:
                return None
            place = closed
        elif char in _PAIRS:
            expected.append(_PAIRS[char])
        elif expected and char == expected[-1]:
            expected.pop()
            if not expected:
                return place
        place += 1
    return None
