"""The stores of one server: saves, moves and requests in; for each store one writer, its journals brought in, and locations out.

Which store a notebook belongs to is asked anew each time (``config.store_for``), as are its settings, so that nothing here needs a restart.
"""

from __future__ import annotations

import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbtrack.config import Settings, StoreLocation, load_settings, store_for
from nbtrack.errors import BadNotebook, StoreError
from nbtrack.notebooks.take import Cause, real_path, taker_of
from nbtrack.server.ingestion import Ingestion
from nbtrack.server.paths import NOTEBOOK
from nbtrack.store.connection import open_reader
from nbtrack.store.notebooks import list_notebooks
from nbtrack.store.writer import Writer

_MOST_WRITERS = 16  # each has a thread and an open file; the one that was not used for longest is closed
_FLUSH_S = 2.0
_TRANSIENT = ("orig_nbformat", "orig_nbformat_minor", "signature")

log = logging.getLogger("nbtrack")


class Stores:
    """The stores that this server has met. For threads, never for the event loop."""

    def __init__(self) -> None:
        self._writers: OrderedDict[Path, Writer] = OrderedDict()
        self._lock = threading.RLock()
        self._closed = False
        self._ingestion = Ingestion(self.settle)

    # -- what the hooks tell -------------------------------------------------------------------------------------------------------

    def take_save(self, path: str, content: Any = None) -> None:
        """Keep a state that was saved: the document, else the file; nothing where ``checkpoint.saves`` is off."""
        location = store_for(path)
        settings = load_settings(location.folder.parent)
        if not settings.checkpoint_saves:
            return
        taker = taker_of(self.writer(location, settings))
        self._ingestion.watch(location)
        if isinstance(content, Mapping):
            try:
                taker.take_document(path, without_transient(content), Cause("save"), size_bytes=_size(path))
                return
            except BadNotebook:
                log.debug("%s is no notebook: its file is kept", path, exc_info=True)
        taker.take_file(path, Cause("save"))

    def note_move(self, old: str, new: str) -> None:
        """Tell the stores of both places that a notebook, or every notebook of a folder, has another path."""
        if Path(new).is_dir():
            self._forget_below(old)
            places = {location.folder: location for location in (store_for(old), store_for(new))}
            for location in places.values():
                for path in self._notebooks_below(location, real_path(old)):
                    self._note_move(location, path, str(Path(new) / os.path.relpath(path, real_path(old))))
        elif old.endswith(NOTEBOOK) and new.endswith(NOTEBOOK):
            self._note_move(store_for(old), old, new)

    def notice(self, path: str) -> None:
        """Look after the journals of a store whose notebook was opened, if there is one."""
        location = store_for(path)
        if location.folder.is_dir():
            self._ingestion.watch(location)

    # -- what requests need --------------------------------------------------------------------------------------------------------

    def known(self) -> list[StoreLocation]:
        """List the stores that this server has met, the one used last first."""
        return self._ingestion.watched()

    def settle(self, location: StoreLocation) -> bool:
        """Bring everything that was recorded, by whatever process, into a store; False when that did not work in about two seconds."""
        if not location.folder.is_dir():
            return False
        return self.writer(location).flush(_FLUSH_S, everyone=True)

    def writer(self, location: StoreLocation, settings: Settings | None = None) -> Writer:
        """Return the one writer of a store."""
        with self._lock:
            if self._closed:
                raise StoreError(location.folder, "the server is stopping", "What was recorded is in the journal.")
            writer = self._writers.get(location.folder)
            if writer is None:
                writer = self._writers[location.folder] = Writer(location, settings or load_settings(location.folder.parent))
            elif settings is not None:
                writer.settings = settings
            self._writers.move_to_end(location.folder)
            spare = [self._writers.popitem(last=False)[1] for _ in range(len(self._writers) - _MOST_WRITERS)]
        for one in spare:
            one.close()
        return writer

    def close(self) -> None:
        """Stop the ingestion and close every writer."""
        self._ingestion.close()
        with self._lock:
            self._closed = True
            writers = list(self._writers.values())
            self._writers.clear()
        for writer in writers:
            writer.close()

    # -- moves ---------------------------------------------------------------------------------------------------------------------

    def _note_move(self, location: StoreLocation, old: str, new: str) -> None:
        if location.folder.is_dir():
            taker_of(self.writer(location)).note_move(old, new)

    def _notebooks_below(self, location: StoreLocation, folder: str) -> list[str]:
        try:
            self.settle(location)
            with open_reader(location) as db:
                return [one.path for one in list_notebooks(db) if Path(one.path).is_relative_to(folder)]
        except StoreError:
            return []

    def _forget_below(self, folder: str) -> None:
        """Close the writers of stores that were moved with their folder: they would write where nobody looks."""
        top = Path(real_path(folder))
        with self._lock:
            moved = [self._writers.pop(place) for place in list(self._writers) if place.is_relative_to(top)]
        for writer in moved:
            writer.close()
        self._ingestion.forget_below(top)


def without_transient(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return a document without what Jupyter strips when it writes the file: what was sent, seen as it is kept."""
    made = {key: value for key, value in document.items() if key not in _TRANSIENT[:2]}
    if isinstance(made.get("metadata"), dict):
        made["metadata"] = {key: value for key, value in made["metadata"].items() if key not in _TRANSIENT}
    if isinstance(made.get("cells"), list):
        made["cells"] = [_without_trust(cell) for cell in made["cells"]]
    return made


def _without_trust(cell: Any) -> Any:
    if not isinstance(cell, dict) or not isinstance(cell.get("metadata"), dict) or "trusted" not in cell["metadata"]:
        return cell
    return {**cell, "metadata": {key: value for key, value in cell["metadata"].items() if key != "trusted"}}


def _size(path: str) -> int | None:
    try:
        return Path(path).stat().st_size
    except OSError:
        return None
