"""`%%track` as an input transformer: its line becomes a comment, so that line numbers, await, last expression and errors stay as they are.

The transformer only rewrites text (IPython calls it several times for one cell); the hook before the cell reads the line again and opens
the run. A line that cannot be meant replaces the cell by its error, and nothing of the cell runs.
"""

from __future__ import annotations

import os
import shlex
from dataclasses import dataclass, field

from nbtrack.errors import NbtrackError, UsageError

MARK = "%%track"
OPTIONS = ("--experiment", "--tag", "--note")
_USAGE = "%%track [NAME] [--experiment E] [--tag K=V] [--note TEXT]"


@dataclass(frozen=True, slots=True)
class TrackLine:
    """What a `%%track` line asks for."""

    name: str | None = None
    experiment: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    note: str | None = None


def find_line(cell: str) -> str | None:
    """Return what stands behind `%%track` at the top of a cell, None when it does not stand there."""
    stripped = cell.lstrip()
    if not stripped.startswith(MARK):
        return None
    return _rest(stripped.split("\n", 1)[0])


def read_line(line: str) -> TrackLine:
    """Read what stands behind `%%track`; raises ``UsageError``."""
    line, marker, note = _cut_note(line)
    if marker and not note:
        raise UsageError("--note without a text", f"Write {_USAGE}.")
    name: str | None = None
    experiment: str | None = None
    tags: dict[str, str] = {}
    words = iter(_split(line))
    for word in words:
        option, equals, value = word.partition("=")
        if not word.startswith("--"):
            if name is not None:
                raise UsageError(f"two names: {name!r} and {word!r}", "Put a name with spaces in quotes.")
            name = word
            continue
        if option not in OPTIONS:
            import difflib  # only for a mistake

            near = difflib.get_close_matches(option, OPTIONS, n=1)
            guess = f" Did you mean {near[0]}?" if near else ""
            raise UsageError(f"%%track has no option {option!r}.{guess}", f"Write {_USAGE}.")
        if not equals:
            value = next(words, "")
        if not value:
            raise UsageError(f"{option} without a value", f"Write {_USAGE}.")
        if option == "--tag":
            key, equals, text = value.partition("=")
            if not key or not equals:
                raise UsageError(f"--tag {value!r} is no K=V", "Write --tag team=vision.")
            tags[key] = text
        else:
            experiment = value
    return TrackLine(name, experiment, tags, note or None)


def transform(lines: list[str]) -> list[str]:
    """Turn the `%%track` line of a cell into a comment, or the cell into the error of that line."""
    if not lines or not lines[0].startswith(MARK):
        return lines
    line = _rest(lines[0])
    if line is None:
        return lines
    body = lines[1:]
    try:
        read_line(line)
        if not "".join(body).strip():
            raise UsageError("%%track without code below it", "%track start NAME opens a run over several cells.")
    except NbtrackError as error:
        return [_raising(error)]
    first = next(number for number, text in enumerate(body) if text.strip())
    if body[first].startswith("%%"):
        return body[first:]  # another cell magic must be the first line to be one
    return [f"# {lines[0]}", *body]


def _rest(first: str) -> str | None:
    rest = first[len(MARK) :].rstrip("\r\n")
    return rest.strip() if not rest or rest[0].isspace() else None


def _cut_note(line: str) -> tuple[str, str, str]:
    """A note is the rest of the line, taken raw."""
    before, marker, note = f" {line}".partition(" --note")
    if marker and note[:1] not in {"", " ", "="}:
        return line, "", ""
    return before.strip(), marker, note[1:].strip()


def _split(line: str) -> list[str]:
    """Split into words with quotes; backslashes stay what they are on Windows."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=False)
    lexer.whitespace_split = True
    lexer.commenters = ""
    if os.name == "nt":
        lexer.escape = ""
    try:
        return list(lexer)
    except ValueError as error:
        raise UsageError(f"%%track {line}: {str(error).lower()}", "Close the quote.") from None


def _raising(error: NbtrackError) -> str:
    return f"raise __import__('nbtrack.errors', fromlist=['UsageError']).UsageError({error.message!r}, {error.hint!r})\n"
