"""Ids sort in the order they were made and are never made twice; the boot clock never runs backwards."""

from __future__ import annotations

import os
import threading
import time
import uuid
from pathlib import Path

import pytest

from nbtrack.store import ids


def test_an_id_is_a_version_seven_uuid_of_this_moment() -> None:
    before = ids.wall_ms()
    one = uuid.UUID(ids.new_id())
    assert one.version == 7
    assert one.variant == uuid.RFC_4122
    assert before <= one.int >> 80 <= ids.wall_ms() + 1


def test_ids_grow_even_when_the_wall_clock_is_set_back(monkeypatch: pytest.MonkeyPatch) -> None:
    source = ids.IdSource()
    early = [source.new_id() for _ in range(3000)]
    monkeypatch.setattr(ids, "wall_ms", lambda: 1_000)
    late = [source.new_id() for _ in range(10_000)]
    assert early + late == sorted(set(early + late))


def test_threads_never_get_the_same_id() -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.extend([ids.new_id() for _ in range(2000)])) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 8000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_makes_other_ids_than_its_parent() -> None:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, "".join(ids.new_id() for _ in range(50)).encode())
        os._exit(0)
    mine = {ids.new_id() for _ in range(50)}
    os.waitpid(child, 0)
    text = os.read(reading, 50 * 32).decode()
    os.close(reading)
    os.close(writing)
    theirs = {text[place : place + 32] for place in range(0, len(text), 32)}
    assert len(theirs) == 50
    assert not mine & theirs


def test_the_boot_clock_counts_microseconds_and_never_runs_backwards() -> None:
    readings = [ids.boot_us() for _ in range(1000)]
    assert readings == sorted(readings)
    before = ids.boot_us()
    time.sleep(0.02)
    assert 15_000 < ids.boot_us() - before < 5_000_000


def test_the_boot_id_names_the_running_kernel() -> None:
    assert ids.boot_id() == ids.boot_id() != ""
    if Path("/proc/sys/kernel/random/boot_id").exists():
        assert len(ids.boot_id()) == 36
