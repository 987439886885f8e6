"""Saves and renames of a Jupyter server: the contents manager's hooks and events in; one line in a queue each, worked off in a thread, out.

The hooks run in the event loop, inside the user's save, and what a post-save hook raises becomes HTTP 500 for it: they only enqueue (a few
microseconds) and are guarded. The document is the one that was sent to be saved, minus what Jupyter strips: reading the file again would
take one that the next save is just writing, and parsing 50 MB holds the GIL for half a second.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

from nbtrack.server.paths import NOTEBOOK, resolve

if TYPE_CHECKING:
    from nbtrack.server.stores import Stores

_EVENTS = "https://events.jupyter.org/jupyter_server/contents_service/v1"
_GRACE_S = 0.05  # the answer to the save goes out first: packing would take the GIL from it
_UNFINISHED = 8  # documents of saves that began; one that fails calls no hook again

log = logging.getLogger("nbtrack")


@dataclass(frozen=True, slots=True)
class Saved:
    """A notebook was saved; ``content`` is the document, None when only the file has it."""

    path: str
    content: Any = None


@dataclass(frozen=True, slots=True)
class Moved:
    """A file or folder has another path."""

    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A notebook was read: its store is worth a look."""

    path: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Somebody waits until everything before this is worked off."""

    done: threading.Event


Event = Saved | Moved | Opened | Asked


class SaveHooks:
    """The hooks of one contents manager, their queue and the thread behind it."""

    def __init__(self, manager: Any, stores: Callable[[], Stores]) -> None:
        self._manager = manager
        self._stores = stores
        self._queue: SimpleQueue[Event | None] = SimpleQueue()
        self._began: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closing = threading.Event()

    def register(self) -> None:
        """Begin to listen. A contents manager without hooks or events is left alone."""
        for name, hook in (("register_pre_save_hook", self.before_save), ("register_post_save_hook", self.after_save)):
            add = getattr(self._manager, name, None)
            if add is not None:
                add(hook)
        events = getattr(self._manager, "event_logger", None)
        if events is not None:
            events.add_listener(schema_id=_EVENTS, listener=self.on_event)

    def unregister(self) -> None:
        """Listen to no event any more; the hooks stay, and do nothing after ``close``."""
        events = getattr(self._manager, "event_logger", None)
        if events is not None:
            events.remove_listener(schema_id=_EVENTS, listener=self.on_event)

    # -- in the event loop ---------------------------------------------------------------------------------------------------------

    def before_save(self, *, model: dict[str, Any], path: str, **_: Any) -> None:
        """Remember the document of a save that begins: the model, since another hook may still give it another content."""
        try:
            if model.get("type") == "notebook":
                self._began[path.strip("/")] = model
                self._began.move_to_end(path.strip("/"))
                while len(self._began) > _UNFINISHED:
                    self._began.popitem(last=False)
        except Exception:
            log.warning("nbtrack could not note that %s is saved", path, exc_info=True)

    def after_save(self, *, os_path: str, model: dict[str, Any], **_: Any) -> None:
        """Enqueue a save."""
        try:
            began = self._began.pop(str(model.get("path", "")).strip("/"), None)
            if os_path.endswith(NOTEBOOK):
                self._put(Saved(os_path, began.get("content") if began is not None else None))
        except Exception:
            log.warning("a save of %s was not kept as a checkpoint", os_path, exc_info=True)

    async def on_event(self, *, data: dict[str, Any], **_: Any) -> None:
        """Enqueue what the contents manager tells of renames and of notebooks that are opened."""
        try:
            action, path = data.get("action"), str(data.get("path", ""))
            if action == "rename":
                self._put(Moved(str(resolve(self._manager, str(data["source_path"]))), str(resolve(self._manager, path))))
            elif action == "get" and path.endswith(NOTEBOOK):
                self._put(Opened(str(resolve(self._manager, path))))
        except Exception:
            log.debug("an event of the contents manager was not understood: %r", data, exc_info=True)

    def _put(self, event: Event) -> None:
        if self._closing.is_set():
            return
        self._queue.put(event)
        if self._thread is None:
            self._start()

    def _start(self) -> None:
        with self._starting:
            if self._thread is None and not self._closing.is_set():
                self._thread = threading.Thread(target=self._work, name="nbtrack-saves", daemon=True)
                self._thread.start()
                atexit.register(self.close, 2.0)

    # -- elsewhere -----------------------------------------------------------------------------------------------------------------

    def settle(self, timeout: float) -> bool:
        """Wait until every save before this call is recorded; for the threads of requests."""
        if self._thread is None:
            return True
        asked = Asked(threading.Event())
        self._put(asked)
        return asked.done.wait(timeout)

    def close(self, timeout: float) -> None:
        """Work off what waits, as far as time allows, and take nothing more."""
        self._closing.set()
        atexit.unregister(self.close)
        with self._starting:
            thread = self._thread
        if thread is not None:
            self._queue.put(None)
            thread.join(timeout)

    def _work(self) -> None:
        while (event := self._queue.get()) is not None:
            try:
                self._take(event)
            except Exception:  # a thread has nobody to raise to, and the next save must find it alive
                log.warning("nbtrack could not record %s", type(event).__name__, exc_info=True)

    def _take(self, event: Event) -> None:
        if isinstance(event, Saved):
            self._closing.wait(_GRACE_S)
            self._stores().take_save(os.fspath(event.path), event.content)
        elif isinstance(event, Moved):
            self._stores().note_move(event.old, event.new)
        elif isinstance(event, Opened):
            self._stores().notice(event.path)
        else:
            event.done.set()
