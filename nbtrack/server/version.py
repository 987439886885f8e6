"""``GET version``: the versions of both halves, the server's and the front end's, which may differ after an update."""

from __future__ import annotations

import json
from pathlib import Path

from nbtrack._version import __version__
from nbtrack.server.base import APIHandler

_FRONT_END = Path(__file__).resolve().parent.parent / "labextension" / "package.json"


class VersionHandler(APIHandler):
    """The versions of both halves."""

    async def get(self) -> None:
        """Answer ``{"server", "labextension"}``; null where no front end is installed."""
        await self.answer(lambda: {"server": __version__, "labextension": read_front_end_version(_FRONT_END)})


def read_front_end_version(path: Path) -> str | None:
    """Read the version of the built front end; None when there is none."""
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    version = found.get("version") if isinstance(found, dict) else None
    return version if isinstance(version, str) else None
