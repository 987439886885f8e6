"""A bound on work: one allowance for a whole diff, drawn on by every step that could grow beyond its input."""

from __future__ import annotations

WHOLE_DIFF = 600_000  # units of roughly one microsecond


class Budget:
    """What is left to spend. A step that gets no allowance takes its cheaper way; the result is larger, never wrong."""

    __slots__ = ("left",)

    def __init__(self, units: int = WHOLE_DIFF) -> None:
        self.left = units

    def take(self, units: int) -> bool:
        """Spend units when there are as many; tell whether there were."""
        if units > self.left:
            return False
        self.left -= units
        return True
