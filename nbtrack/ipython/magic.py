"""The `%track` line magic, thin: the line goes to ``commands.run_line`` with the notebook's door, the answer comes back as the result."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from IPython.core.magic import no_var_expand

from nbtrack.errors import UsageError
from nbtrack.ipython.hooks import Hooks
from nbtrack.tracking import session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbtrack.commands.door import Door

NAME = "track"


def make_door(shell: InteractiveShell, hooks: Hooks | None) -> Door:
    """Describe this notebook to the verbs."""
    from nbtrack.commands.door import Door

    return Door(kind="notebook", get_session=session.current, namespace=shell.user_ns, switch=hooks)


def make_line_magic(shell: InteractiveShell, hooks: Hooks | None) -> Callable[[str], Any]:
    """Return the function behind `%track`."""

    @no_var_expand  # {name} is ours: K={name} takes the value, not its text, and a note keeps its braces and dollars
    def track(line: str) -> Any:
        """Record, compare and find runs: `%track help` lists the verbs.

        `%track` alone says where this notebook stands. `%%track NAME` as the first line of a cell makes that cell one run.
        """
        from nbtrack.commands import run_line  # click comes with the first verb, not with %load_ext

        return run_line(line, make_door(shell, hooks))

    return track


def refuse_cell(line: str, cell: str) -> NoReturn:
    """Make one cell a run: `%%track [NAME] [--experiment E] [--tag K=V] [--note TEXT]`.

    The line is read before IPython looks for cell magics; this function answers only where it came too late for that.
    """
    raise UsageError("%%track stands below another line here", "Make it the first line of the cell.")
