"""What has to happen around a fork: objects that hold mutexes and files in; their three methods called at the right moments.

Mutexes are taken before a fork, so that the child does not inherit them from a thread it does not have; bounded, because a fork must not
hang on us. A forked child closes what is the parent's without unlocking it and begins anew.
"""

from __future__ import annotations

import os
import time
import weakref
from typing import Protocol

PATIENCE_S = 0.05


class Forkable(Protocol):
    """Something that a fork has to go around."""

    def before_fork(self, patience: float) -> None:
        """Come to rest within so many seconds."""

    def after_fork_in_parent(self) -> None:
        """Go on; also when ``before_fork`` did not come to its end."""

    def after_fork_in_child(self) -> None:
        """Begin anew."""


_protected: weakref.WeakKeyDictionary[Forkable, None] = weakref.WeakKeyDictionary()  # in the order of ``protect``


def protect(one: Forkable) -> None:
    """Call the methods of an object around every fork for as long as it lives; what was protected first is renewed first."""
    _protected[one] = None


def _before() -> None:
    deadline = time.monotonic() + PATIENCE_S
    for one in reversed(list(_protected)):
        one.before_fork(max(deadline - time.monotonic(), 0))


def _after_in_parent() -> None:
    for one in list(_protected):
        one.after_fork_in_parent()


def _after_in_child() -> None:
    for one in list(_protected):
        one.after_fork_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before, after_in_parent=_after_in_parent, after_in_child=_after_in_child)
