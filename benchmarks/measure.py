"""What every benchmark shares: one row of the table, percentiles, a store of its own in a temporary folder."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table: the figure, the plain limit or peer measured beside it, and the bar it is held against.

    ``met`` is None where a row only informs.
    """

    what: str
    figure: str
    beside: str
    bar: str
    met: bool | None


def percentile(values: list[float], share: float) -> float:
    """Return the value below which ``share`` (0 to 1) of the values lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def median(values: list[float]) -> float:
    """Return the middle value."""
    return percentile(values, 0.5)


def cpu_of(work: Callable[[], object]) -> float:
    """Return the CPU seconds that this process, all threads, spends in ``work``."""
    before = time.process_time()
    work()
    return time.process_time() - before


@contextmanager
def own_store() -> Iterator[Path]:
    """Give a project folder with a store of its own, as the working directory; a tracking session opened inside is closed."""
    from nbtrack.tracking.session import close_session

    before, names = Path.cwd(), ("NBTRACK_STORE", "NBTRACK_RUN")
    kept = {name: os.environ.pop(name) for name in names if name in os.environ}
    with tempfile.TemporaryDirectory(prefix="nbtrack-bench-") as folder:
        (Path(folder) / ".nbtrack").mkdir()
        os.chdir(folder)
        try:
            yield Path(folder)
        finally:
            close_session()
            os.chdir(before)
            os.environ.update(kept)
