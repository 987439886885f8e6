"""Brings what kernels and scripts recorded into their stores: locations in; once a second a look at the sizes of their journals.

Without it the last records of a kernel that was killed would wait for the next reader. While nothing is new nothing is opened for writing
and SQLite is not touched: a look is one listing of a folder.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

from nbtrack.config import StoreLocation
from nbtrack.store.liveness import has_ended
from nbtrack.store.segments import list_journals, read_header

LOOK_S = 1.0
ENDED_S = 5.0  # how often it is asked whether the owners of quiet journals still live
_MOST_STORES = 64

log = logging.getLogger("nbtrack")


class Ingestion:
    """The stores that are looked after and the thread that does it; the thread starts with the first store."""

    def __init__(self, bring_in: Callable[[StoreLocation], bool]) -> None:
        self._bring_in = bring_in
        self._stores: OrderedDict[Path, StoreLocation] = OrderedDict()
        self._sizes: dict[Path, dict[str, int]] = {}  # of the journals when all of them were in
        self._next_ended: dict[Path, float] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def watch(self, location: StoreLocation) -> None:
        """Look after a store from now on."""
        with self._lock:
            self._stores[location.folder] = location
            self._stores.move_to_end(location.folder)
            while len(self._stores) > _MOST_STORES:
                self._drop(next(iter(self._stores)))
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._run, name="nbtrack-ingestion", daemon=True)
                self._thread.start()

    def watched(self) -> list[StoreLocation]:
        """List the stores, the one met last first."""
        with self._lock:
            return list(reversed(self._stores.values()))

    def forget_below(self, folder: Path) -> None:
        """Leave the stores of a folder alone that is not there any more."""
        with self._lock:
            for place in [place for place in self._stores if place.is_relative_to(folder)]:
                self._drop(place)

    def close(self) -> None:
        """End the thread."""
        self._closing.set()
        with self._lock:
            thread = self._thread
        if thread is not None:
            thread.join()

    def _drop(self, place: Path) -> None:
        self._stores.pop(place, None)
        self._sizes.pop(place, None)
        self._next_ended.pop(place, None)

    def _run(self) -> None:
        while not self._closing.wait(LOOK_S):
            for location in self.watched():
                try:
                    self._look(location)
                except Exception:  # one store must not keep the others from being looked after
                    log.debug("%s could not be looked after", location.folder, exc_info=True)
                if self._closing.is_set():
                    return

    def _look(self, location: StoreLocation) -> None:
        sizes, known = self._measure(location), self._sizes.get(location.folder, {})
        new = any(known.get(name) != size for name, size in sizes.items())
        if (new or self._has_ended(location)) and self._bring_in(location):
            with self._lock:
                if location.folder in self._stores:
                    self._sizes[location.folder] = sizes

    def _has_ended(self, location: StoreLocation) -> bool:
        now = time.monotonic()
        if now < self._next_ended.get(location.folder, 0.0):
            return False
        self._next_ended[location.folder] = now + ENDED_S
        return any(has_ended(file.path, read_header(file.path)) for file in list_journals(location))

    def _measure(self, location: StoreLocation) -> dict[str, int]:
        found = {}
        for file in list_journals(location):
            try:
                found[file.path.name] = file.path.stat().st_size
            except OSError:
                continue
        return found
