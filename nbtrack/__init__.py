"""nbtrack: experiment management for Jupyter notebooks.

``%load_ext nbtrack`` records every cell of a notebook; ``nbtrack.run``, ``nbtrack.log`` and their like add to it, from scripts, too.
Names load when they are first used, so that importing nbtrack costs next to nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrack._version import __version__

if TYPE_CHECKING:
    from nbtrack.diffing import diff_notebooks
    from nbtrack.errors import NbtrackError
    from nbtrack.notebooks.api import checkpoint, checkpoints, history, restore, search
    from nbtrack.tracking.api import (
        active_run,
        flush,
        get_run,
        last_run,
        log,
        log_artifact,
        log_param,
        log_params,
        metric_history,
        note,
        run,
        runs,
        session,
        set_tag,
        set_tags,
    )
    from nbtrack.widgets.comparison import diff

_HOMES = dict.fromkeys(
    (
        "active_run",
        "flush",
        "get_run",
        "last_run",
        "log",
        "log_artifact",
        "log_param",
        "log_params",
        "metric_history",
        "note",
        "run",
        "runs",
        "session",
        "set_tag",
        "set_tags",
    ),
    "nbtrack.tracking.api",
) | dict.fromkeys(("checkpoint", "checkpoints", "history", "restore", "search"), "nbtrack.notebooks.api") | {
    "NbtrackError": "nbtrack.errors",
    "diff": "nbtrack.widgets.comparison",
    "diff_notebooks": "nbtrack.diffing",
}

__all__ = [
    "NbtrackError",
    "__version__",
    "active_run",
    "checkpoint",
    "checkpoints",
    "diff",
    "diff_notebooks",
    "flush",
    "get_run",
    "history",
    "last_run",
    "load_ipython_extension",
    "log",
    "log_artifact",
    "log_param",
    "log_params",
    "metric_history",
    "note",
    "restore",
    "run",
    "runs",
    "search",
    "session",
    "set_tag",
    "set_tags",
    "unload_ipython_extension",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'nbtrack' has no attribute {name!r}")
    from importlib import import_module

    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    return sorted(__all__)


def load_ipython_extension(ipython: Any) -> None:
    """``%load_ext nbtrack``: start recording this notebook."""
    from nbtrack.ipython.extension import load_ipython_extension as load

    load(ipython)


def unload_ipython_extension(ipython: Any) -> None:
    """``%unload_ext nbtrack``: stop recording and leave no trace."""
    from nbtrack.ipython.extension import unload_ipython_extension as unload

    unload(ipython)


def _jupyter_server_extension_points() -> list[dict[str, Any]]:
    """Tell a Jupyter server what to load."""
    from nbtrack.server.app import NbtrackServer

    return [{"module": "nbtrack", "app": NbtrackServer}]
