"""Time and memory of a cell."""

from __future__ import annotations

import sys
import time

import pytest

from nbtrack.capture import meter
from nbtrack.capture.meter import Meter


def test_sleeping_takes_time_and_little_cpu() -> None:
    one = Meter(memory=False)
    one.start()
    time.sleep(0.05)
    usage = one.read()
    assert usage.duration_us >= 50_000
    assert usage.cpu_us < usage.duration_us
    assert usage.peak_bytes is None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the peak of a moment")
def test_the_peak_is_of_this_cell_alone() -> None:
    one = Meter(memory=True)
    one.start()
    held = b"x" * 100_000_000
    high = one.read().peak_bytes
    del held
    one.start()
    low = one.read().peak_bytes
    assert high is not None
    assert low is not None
    assert high - low > 80_000_000


def test_memory_that_cannot_be_measured_is_absent(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    monkeypatch.setattr(meter, "_CLEAR", meter.Path("/nowhere/clear_refs"))
    one = Meter(memory=True)
    one.start()
    assert one.read().peak_bytes is None
