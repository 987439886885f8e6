"""How a run is called and judged in every view: its label, its state in words, the value that stands for it, its distance to the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nbtrack.records import RunRecord, direction
from nbtrack.views import words
from nbtrack.views.markup import Html
from nbtrack.views.style import icon

STATE_WORDS = {
    "draft": "draft",
    "running": "running",
    "finished": "finished",
    "failed": "failed",
    "killed": "killed: its process died before it ended",
}
STATE_MARKS = {"running": "●", "failed": "✗", "killed": "△"}
STATE_TONES = {"running": "link", "failed": "worse", "killed": "warn"}


@dataclass(frozen=True, slots=True)
class Reading:
    """One metric of one run: its last value, by which runs are ranked everywhere, and the best of its series with the step."""

    last: float | int | str
    best: tuple[float | int, int] | None = None

    @property
    def number(self) -> float | int | None:
        """The last value if it is a finite number."""
        if isinstance(self.last, (str, bool)):
            return None
        return self.last if isinstance(self.last, int) or math.isfinite(self.last) else None

    @property
    def told(self) -> str:
        """What a hover adds to the last value: the best one, where it is another."""
        if self.best is None or self.best[0] == self.last:
            return ""
        return f"best {words.number(self.best[0])} at step {words.count(self.best[1])}"


def run_label(run: RunRecord, *, mixed: bool = False) -> str:
    """Name a run in few characters: ``#38``, in a list of several experiments ``churn-38``, its id while it has no number."""
    if run.number is None:
        return run.short_id
    return f"{run.experiment}-{run.number}" if mixed else f"#{run.number}"


def given_name(run: RunRecord) -> str:
    """Return the name a person gave, or nothing."""
    is_numbered = run.number is not None and run.name == f"{run.experiment}-{run.number}"
    return "" if is_numbered or run.name in (run.id, run.short_id) else run.name


def state_icon(run: RunRecord) -> Html | None:
    """Draw the state of a run; nothing when it finished, the calm case."""
    return icon(run.state, title=STATE_WORDS[run.state]) if run.state in STATE_MARKS else None


def read_metric(run: RunRecord, key: str | None, rules: Mapping[str, str]) -> Reading | None:
    """Return what a run has of a metric, or None."""
    last = None if key is None else run.metrics.get(key)
    if key is None or last is None:
        return None
    summary, lower = run.summaries.get(key), direction(key, rules)
    if summary is None or lower is None or isinstance(last, str):
        return Reading(last)
    return Reading(last, summary.best(lower))


def best_of(readings: Sequence[Reading | None], lower: bool | None) -> float | int | None:
    """Return the best number of several readings; None when the direction is unknown or there is none."""
    numbers = [reading.number for reading in readings if reading is not None and reading.number is not None]
    if lower is None or not numbers:
        return None
    return min(numbers) if lower else max(numbers)
