"""Ids and the two clocks of a record: nothing in; UUIDv7 text, boot-clock microseconds and wall-clock milliseconds out."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

_COUNTER_BITS = 12  # the field rand_a of a UUIDv7: random at first, then counted up, so that ids of one process never run backwards


def wall_ms() -> int:
    """UTC in milliseconds since 1970: for display and for anchoring the boot clock, never for order."""
    return time.time_ns() // 1_000_000


# Linux stops CLOCK_MONOTONIC during sleep, macOS does not; Windows has neither, its monotonic clock counts sleep.
_BOOT_CLOCK = getattr(time, "CLOCK_BOOTTIME", getattr(time, "CLOCK_MONOTONIC", None))
read_boot_ns: Callable[[], int] = time.monotonic_ns if _BOOT_CLOCK is None else partial(time.clock_gettime_ns, _BOOT_CLOCK)


def boot_us() -> int:
    """Microseconds since this machine started, sleep included: what orders records and measures durations."""
    return read_boot_ns() // 1000


@cache
def boot_id() -> str:
    """Name the running kernel of this machine: equal in all its containers, different after a restart; empty when unknown."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        pass
    # Both clocks are read within microseconds, and the wall clock is corrected by less than a minute in ordinary life.
    return f"about-{round((wall_ms() / 1000 - boot_us() / 1e6) / 60)}"


class IdSource:
    """Makes UUIDv7 that grow within one process even when the wall clock is set back."""

    def __init__(self) -> None:
        self._stamp = 0
        self._mutex = threading.Lock()

    def new_id(self) -> str:
        """Return the next id: 32 hex digits, the last 20 of them random."""
        noise = int.from_bytes(os.urandom(10), "big")
        with self._mutex:
            stamp = max(wall_ms() << _COUNTER_BITS | noise >> 69, self._stamp + 1)
            self._stamp = stamp
        number = (stamp >> _COUNTER_BITS) << 80 | 0x7 << 76 | (stamp & 0xFFF) << 64 | 0b10 << 62 | noise & (1 << 62) - 1
        return f"{number:032x}"

    def renew_mutex(self) -> None:
        """Replace a mutex that a thread of the parent may have held while the process was forked."""
        self._mutex = threading.Lock()


_source = IdSource()
new_id = _source.new_id

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_source.renew_mutex)
