"""What a verb may ask of the place it was typed in: the session, the user's names, the switch of the hooks, a quiet line.

A verb never asks which program runs it; it asks its door. The notebook's door is built by ``nbtrack.ipython.magic``, the shell's by
``nbtrack.cli``, and a test builds its own.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from nbtrack.store.ids import wall_ms

if TYPE_CHECKING:
    from nbtrack.tracking.session import Session


class Switch(Protocol):
    """The hooks of a kernel, as far as ``on``, ``off`` and ``pause`` need them."""

    @property
    def state(self) -> str:
        """``on``, ``paused`` or ``off``."""

    def turn_on(self) -> None:
        """Record cells from the next one on."""

    def turn_off(self) -> None:
        """Remove every hook; nothing of nbtrack runs between cells any more."""

    def pause(self) -> None:
        """Keep the hooks, record nothing."""


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


@dataclass(frozen=True)
class Door:
    """One place where verbs are typed.

    ``get_session`` is called by the verbs that need one, so that ``help`` opens nothing. ``namespace`` is the user's (None in the
    shell); ``switch`` is None where nothing can be switched. ``say`` takes one quiet line beside the result.
    """

    kind: Literal["notebook", "shell"]
    get_session: Callable[[], Session]
    namespace: Mapping[str, Any] | None = None
    switch: Switch | None = None
    say: Callable[[str], None] = _say
    now_ms: Callable[[], int] = wall_ms

    @property
    def program(self) -> str:
        """What stands before the verb here: ``%track`` or ``nbtrack``."""
        return "%track" if self.kind == "notebook" else "nbtrack"
