"""The `nbtrack` program: the same verbs as `%track`, answered in text. Status 0: done, 1: an error or a finding, 2: wrongly called."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from nbtrack import config
from nbtrack._version import __version__
from nbtrack.errors import NbtrackError, UnknownVerb, UsageError

if TYPE_CHECKING:
    from nbtrack.commands import Door

_PIPE_WIDTH = 200
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    words = list(sys.argv[1:] if argv is None else argv)
    _write_what_can_be_written()
    if words[:1] in (["--version"], ["-V"]):
        sys.stdout.write(f"nbtrack {__version__}\n")
        return 0
    from nbtrack.commands import run_words

    try:
        view = run_words(words, make_door())
        if view is not None:
            sys.stdout.write(view.to_text(_width(sys.stdout), colour=config.wants_colour(sys.stdout.isatty())) + "\n")
            sys.stdout.flush()
            return 1 if view.failed else 0
    except NbtrackError as error:
        sys.stderr.write(f"nbtrack: {error.message}\n" + (f"{error.hint}\n" if error.hint else ""))
        return 2 if isinstance(error, (UsageError, UnknownVerb)) else 1
    except BrokenPipeError:  # the reader (head, less) has seen enough
        sys.stderr.close()
        return 0
    except KeyboardInterrupt:
        return _INTERRUPTED
    return 0


def make_door() -> Door:
    """Describe the shell to the verbs: no variables, no hooks, quiet lines on stderr."""
    from nbtrack.commands import Door
    from nbtrack.tracking import session

    return Door(kind="shell", get_session=lambda: session.open_session(kind="shell"), say=_say)


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")


def _width(stream: TextIO) -> int:
    """The width of the terminal; what is read by a program is cut later."""
    return shutil.get_terminal_size((100, 24)).columns if stream.isatty() else _PIPE_WIDTH


def _write_what_can_be_written() -> None:
    """Let a terminal of a small character set show a question mark instead of raising at the first star."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")


if __name__ == "__main__":
    raise SystemExit(main())
