"""The one guard around everything that runs in the user's cells: a failing function in, a counted, logged, quiet failure out."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

logger = logging.getLogger("nbtrack")

MOST_FAILURES = 5  # a fault that comes back is a fault of ours; from then on the user's cells are left alone
KEPT_PROBLEMS = 5


class Guard:
    """Runs functions so that no exception of theirs reaches the user's cell.

    ``say`` takes one line for the user; ``give_up`` switches recording off after ``MOST_FAILURES`` failures. Problems are kept as text: an
    exception would keep the user's objects alive through its frames.
    """

    def __init__(self, say: Callable[[str], None], give_up: Callable[[], None]) -> None:
        self._say = say
        self._give_up = give_up
        self._told = False
        self.failures = 0
        self.problems: deque[str] = deque(maxlen=KEPT_PROBLEMS)

    def attempt(self, function: Callable[..., T], *args: Any, blame: bool = True) -> T | None:
        """Call ``function``; None when it raised. ``blame=False``: what it calls is the user's (a ``__str__``), a failure is not ours."""
        try:
            return function(*args)
        except Exception as error:  # noqa: BLE001  the guard itself: the user's cell must go on whatever we did wrong
            # At the end of the user's stack or memory the first to fail may be us; that is no fault that comes back.
            if blame and not isinstance(error, (RecursionError, MemoryError)):
                self._note(error)
            return None

    def forgive(self) -> None:
        """Start counting anew: the user switched recording on again."""
        self.failures = 0

    def _note(self, error: Exception) -> None:
        self.failures += 1
        what = f"{type(error).__name__}: {str(error)[:200]}".splitlines()[0]
        self.problems.append(what)
        logger.debug("a hook failed", exc_info=error)
        if not self._told:
            self._told = True
            self.attempt(self._say, f"a cell could not be recorded ({what}); your code is not affected, %track says more")
        if self.failures == MOST_FAILURES:
            self.attempt(self._give_up)
            self.attempt(self._say, f"recording is off after {MOST_FAILURES} failures; %track on tries again")
