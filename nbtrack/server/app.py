"""The server extension: a Jupyter server in; routes, save hooks and their threads, started when needed and stopped in order, out.

Nothing below this room is loaded while a server starts (it would take 200 ms): the first save or request loads it, in a thread.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from jupyter_server.extension.application import ExtensionApp

from nbtrack.server.base import UnknownRoute
from nbtrack.server.checkpoints import CheckpointHandler, CheckpointsHandler
from nbtrack.server.save_hooks import SaveHooks
from nbtrack.server.version import VersionHandler

if TYPE_CHECKING:
    from nbtrack.server.stores import Stores

ROUTES = [
    (r"/nbtrack/api/version", VersionHandler),
    (r"/nbtrack/api/checkpoints", CheckpointsHandler),
    (r"/nbtrack/api/checkpoints/([0-9a-f]{32})", CheckpointHandler),
    (r"/nbtrack(?:/.*)?", UnknownRoute),  # the last one: what nothing above answers
]
_THREADS = 4
_LEAVING_S = 5.0


class NbtrackServer(ExtensionApp):
    """Keeps every saved notebook as a checkpoint and answers under ``/nbtrack/api``."""

    name = "nbtrack"
    load_other_extensions = True

    _hooks: SaveHooks | None = None
    _executor: ThreadPoolExecutor | None = None
    _stores: Stores | None = None

    def initialize_settings(self) -> None:
        """Begin to listen to saves; what happens then is in ``save_hooks``."""
        self._opening = threading.Lock()
        self._hooks = SaveHooks(self.contents_manager, lambda: self.stores)
        self._hooks.register()

    def initialize_handlers(self) -> None:
        """Add the routes."""
        self.handlers.extend(ROUTES)

    @property
    def stores(self) -> Stores:
        """The stores of this server, made at first use; not for the event loop."""
        with self._opening:
            if self._stores is None:
                from nbtrack.server.stores import Stores

                self._stores = Stores()
            return self._stores

    @property
    def contents_manager(self) -> Any:
        """What keeps the notebooks of this server."""
        assert self.serverapp is not None
        return self.serverapp.contents_manager

    @property
    def hooks(self) -> SaveHooks:
        """What listens to saves."""
        assert self._hooks is not None
        return self._hooks

    @property
    def executor(self) -> ThreadPoolExecutor:
        """The threads in which requests read the store; used from the event loop only."""
        if self._executor is None:
            self._executor = ThreadPoolExecutor(_THREADS, thread_name_prefix="nbtrack-request")
        return self._executor

    async def stop_extension(self) -> None:
        """Take the saves that wait, bring them into their stores, end the threads; at most about five seconds."""
        if self._hooks is not None:
            self._hooks.unregister()
        await asyncio.get_running_loop().run_in_executor(None, self._stop)

    def _stop(self) -> None:
        if self._hooks is not None:
            self._hooks.close(_LEAVING_S)
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)
        if self._stores is not None:
            self._stores.close()
