"""From text to one call: finds the verb, splits its options, runs it through click, and turns click's complaints into two lines.

Nothing here prints or ends a process; ``nbtrack.cli`` maps errors to exit statuses, the notebook shows them.
"""

from __future__ import annotations

from collections.abc import Sequence

import click

from nbtrack.commands import checkpoints, demo, diff, guide, recording, runs, secrets, settings, startup, upkeep, values
from nbtrack.commands.door import Door
from nbtrack.commands.grammar import HelpAsked, Verb, near_words, split_line
from nbtrack.errors import NbtrackError, UnknownVerb, UsageError
from nbtrack.views.view import View

_ROOMS = (recording, values, runs, checkpoints, diff, settings, guide, startup, upkeep, secrets, demo)


def _collect() -> click.Group:
    """Put all verbs into one group, in the order help lists them."""
    verbs = [one for room in _ROOMS for one in room.VERBS]
    return click.Group("nbtrack", commands={one.name or "": one for one in verbs}, add_help_option=False, no_args_is_help=False)


group = _collect()


def run_line(line: str, door: Door) -> View | None:
    """Run what stands behind `%track`: a verb and the rest of its line; nothing at all means ``status``.

    Raises ``UsageError`` and its kin with two lines, and whatever the verb raises.
    """
    name, _, rest = line.strip().partition(" ")
    verb = find_verb(name or "status", door)
    return _invoke(verb, split_line(rest, verb), door)


def run_words(words: Sequence[str], door: Door) -> View | None:
    """Run words that a shell has split already."""
    verb = find_verb(words[0] if words else "status", door)
    return _invoke(verb, list(words[1:]), door)


def find_verb(name: str, door: Door) -> Verb:
    """Find a verb that works at this door; raises with near names, or with the place where it does work."""
    if name in ("--help", "-h"):
        name = "help"
    verb = group.commands.get(name)
    if not isinstance(verb, Verb):
        known = [known for known, one in group.commands.items() if isinstance(one, Verb) and door.kind in one.doors]
        raise UnknownVerb(name, known, f"{door.program} help lists them.")
    if door.kind not in verb.doors:
        if door.kind == "shell":
            raise NbtrackError(
                f"{name} needs a running kernel, and the shell has none", verb.elsewhere or f"In the notebook: %track {name}"
            )
        raise NbtrackError(
            f"{name} is a command of the shell", verb.elsewhere or f"In a terminal: nbtrack {name}, in a cell: !nbtrack {name}"
        )
    return verb


def _invoke(verb: Verb, words: list[str], door: Door) -> View | None:
    try:
        with verb.make_context(verb.name, words, obj=door) as context:
            result = verb.invoke(context)
    except HelpAsked:
        return guide.verb_page(verb, door)
    except click.ClickException as error:
        raise _told(verb, error, door) from None
    return result if isinstance(result, View) else None


def _told(verb: Verb, error: click.ClickException, door: Door) -> UsageError:
    """Say in two lines what click found wrong, and how the verb is written."""
    hint = f"Write {verb.written(door.program)}"
    if isinstance(error, click.NoSuchOption):
        return UsageError(f"{verb.name} has no option {error.option_name!r}.{near_words(error.option_name, list(verb.options))}", hint)
    if isinstance(error, click.BadOptionUsage):
        return UsageError(f"{verb.name}: {error.option_name} needs a value", hint)
    if isinstance(error, click.MissingParameter):
        what = error.param.human_readable_name if error.param is not None else "something"
        return UsageError(f"{verb.name} needs {what}", hint)
    if isinstance(error, click.BadParameter) and error.param is not None:
        return UsageError(f"{verb.name}: {error.param.opts[0]}: {error.message}", hint)
    return UsageError(f"{verb.name}: {error.format_message().rstrip('.')}", hint)
