"""Time and memory of one cell: started at its begin, read at its end."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

_CLEAR = Path("/proc/self/clear_refs")
_STATUS = Path("/proc/self/status")


@dataclass(frozen=True, slots=True)
class Usage:
    """What a cell took. ``peak_bytes`` is the highest resident memory of the process while it ran; None where it cannot be told."""

    duration_us: int
    cpu_us: int
    peak_bytes: int | None


class Meter:
    """Measures one cell after the other."""

    def __init__(self, *, memory: bool) -> None:
        self._memory = memory
        self._wall = time.perf_counter_ns()
        self._cpu = time.process_time_ns()

    def start(self) -> None:
        """Begin a cell."""
        if self._memory:
            self._memory = _forget_peak()
        self._wall = time.perf_counter_ns()
        self._cpu = time.process_time_ns()

    def read(self) -> Usage:
        """Return what was taken since ``start``."""
        cpu, wall = time.process_time_ns(), time.perf_counter_ns()
        return Usage((wall - self._wall) // 1000, (cpu - self._cpu) // 1000, _read_peak() if self._memory else None)


def _forget_peak() -> bool:
    """Reset the kernel's own record of the peak (Linux: 5 to clear_refs); False where there is none or it may not be written."""
    try:
        with _CLEAR.open("wb", buffering=0) as file:
            file.write(b"5")
    except OSError:
        return False
    return True


def _read_peak() -> int | None:
    try:
        with _STATUS.open("rb", buffering=0) as file:
            text = file.read(4096)
    except OSError:
        return None
    at = text.find(b"VmHWM:")
    words = text[at + 6 : at + 40].split()
    return int(words[0]) * 1024 if at >= 0 and words and words[0].isdigit() else None
