"""An exception in, its text out: type, message, traceback with chained exceptions, all bounded; nothing of it is kept alive.

Frames of IPython itself are left out. The user's ``__str__`` is the only code of theirs that is called, and it may raise.
"""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType

from nbtrack.capture.cells import ErrorText
from nbtrack.capture.streams import cut_middle
from nbtrack.errors import NbtrackError

FIRST_FRAMES = 5
LAST_FRAMES = 20
MOST_FRAMES_WALKED = 20_000
MOST_CHAINED = 10
MOST_GROUPED = 10
MESSAGE_CHARS = 2_000
LINE_CHARS = 200

_CAUSE = "The above exception was the direct cause of the following exception:"
_CONTEXT = "During handling of the above exception, another exception occurred:"
_SYNTAX = (SyntaxError, IndentationError, TabError)


@dataclass(frozen=True)
class ErrorReader:
    """Reads exceptions out.

    ``internal``: path prefixes whose frames are left out. ``name_file``: what stands for a file name (``Cell In[3]``), None for itself.
    ``attempt``: calls a function of the user's and gives None when it raises.
    """

    attempt: Callable[..., object]
    internal: tuple[str, ...] = ()
    name_file: Callable[[str], str | None] = field(default=lambda name: None)
    text_chars: int = 20_000

    def read(self, error: BaseException) -> ErrorText:
        """Return type, message and traceback of an exception."""
        text, _ = cut_middle("\n".join(self._chain(error)), self.text_chars)
        return ErrorText(type(error).__name__, self._message(error), text)

    def _syntax(self, error: BaseException) -> list[str]:
        """Write the place of a syntax error as Python does, with our name for its file."""
        lines = "".join(traceback.format_exception_only(error)).rstrip("\n").split("\n")
        filename = SyntaxError.__dict__["filename"].__get__(error)
        named = self.name_file(filename) if type(filename) is str else None
        return [line.replace(f'File "{filename}"', named, 1) if number == 0 and named else line for number, line in enumerate(lines)]

    def _message(self, error: BaseException) -> str:
        if type(error) in _SYNTAX:
            said: object = SyntaxError.__dict__["msg"].__get__(error)  # str() adds the name of a temporary file
        else:
            said = self.attempt(str, error)
        if not isinstance(said, str):
            return "<its message could not be read>"
        return cut_middle("".join((said, "")), MESSAGE_CHARS)[0]

    def _chain(self, error: BaseException) -> list[str]:
        """Write the chain, the oldest first, as Python does."""
        links: list[tuple[BaseException, str]] = []
        seen: set[int] = set()
        current: BaseException | None = error
        between = ""
        while current is not None and id(current) not in seen and len(links) < MOST_CHAINED:
            seen.add(id(current))
            links.append((current, between))
            cause, context, hidden = _links(current)
            current, between = (cause, _CAUSE) if cause is not None else (None if hidden else context, _CONTEXT)
        lines: list[str] = []
        for link, joint in reversed(links):
            lines += self._one(link)
            if joint:
                lines += ["", joint, ""]
        return lines

    def _one(self, error: BaseException, depth: int = 0) -> list[str]:
        # Our own errors are two lines for people; where in nbtrack they were raised tells them nothing.
        frames = [] if issubclass(type(error), NbtrackError) else list(self._frames(_trace_of(error)))
        lines = ["Traceback (most recent call last):", *frames] if frames else []
        if type(error) in _SYNTAX:
            lines += self._syntax(error)
        else:
            message = self._message(error)
            lines.append(f"{type(error).__name__}: {message}" if message else type(error).__name__)
        lines += [f"  {note}" for note in _notes(error)]
        if issubclass(type(error), BaseExceptionGroup) and depth < 3:
            inner = BaseExceptionGroup.__dict__["exceptions"].__get__(error)
            for one in inner[:MOST_GROUPED]:
                lines += [f"  | {line}" for line in self._one(one, depth + 1)]
            if len(inner) > MOST_GROUPED:
                lines.append(f"  | … {len(inner) - MOST_GROUPED} more exceptions …")
        return lines

    def _frames(self, trace: TracebackType | None) -> Iterator[str]:
        """Write the user's frames, the middle of a deep recursion cut."""
        places: list[tuple[str, int, str]] = []
        for _ in range(MOST_FRAMES_WALKED):
            if trace is None:
                break
            code = trace.tb_frame.f_code
            if not code.co_filename.startswith(self.internal) and not code.co_filename.startswith("<decorator-gen"):
                places.append((code.co_filename, trace.tb_lineno or 0, code.co_name))
            trace = trace.tb_next
        skipped = len(places) - FIRST_FRAMES - LAST_FRAMES
        for number, place in enumerate(places):
            if skipped > 0 and FIRST_FRAMES <= number < FIRST_FRAMES + skipped:
                if number == FIRST_FRAMES:
                    yield f"  … {skipped:,} frames cut …"
                continue
            yield self._frame(*place)

    def _frame(self, filename: str, line: int, function: str) -> str:
        named = self.name_file(filename) or f'File "{filename}"'
        source = linecache.getline(filename, line).strip()[:LINE_CHARS]
        head = f"  {named}, line {line}, in {function}"
        return f"{head}\n    {source}" if source else head


# An exception class of the user's may shadow these names with anything; the slots of BaseException answer for every exception.
def _links(error: BaseException) -> tuple[BaseException | None, BaseException | None, bool]:
    slots = BaseException.__dict__
    return slots["__cause__"].__get__(error), slots["__context__"].__get__(error), slots["__suppress_context__"].__get__(error)


def _trace_of(error: BaseException) -> TracebackType | None:
    found: TracebackType | None = BaseException.__dict__["__traceback__"].__get__(error)
    return found


def _notes(error: BaseException) -> list[str]:
    found = BaseException.__dict__["__dict__"].__get__(error).get("__notes__")
    return [note[:LINE_CHARS] for note in found if type(note) is str][:10] if type(found) is list else []
