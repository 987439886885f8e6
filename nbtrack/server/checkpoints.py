"""``GET checkpoints`` and ``GET checkpoints/<id>``: a notebook's path or a checkpoint's id in; a page of the list, or the document, out."""

from __future__ import annotations

from typing import Any

from nbtrack.server.base import APIHandler

PAGE = 50
LONGEST_PAGE = 1000


class CheckpointsHandler(APIHandler):
    """The checkpoints of one notebook."""

    async def get(self) -> None:
        """Answer ``{"checkpoints": [...], "next": id or null}``, the newest first; ``before`` takes ``next`` for the page after."""
        path, before = self.get_query_argument("path"), self.get_query_argument("before", None)
        limit = self.number("limit", PAGE, most=LONGEST_PAGE)

        def read() -> dict[str, Any]:
            from nbtrack.server import reading  # with the first request: it loads SQLite and the rooms below

            return reading.read_page(self.nbtrack, path, limit=limit, before=before)

        await self.answer(read)


class CheckpointHandler(APIHandler):
    """One checkpoint."""

    async def get(self, checkpoint_id: str) -> None:
        """Answer ``{"checkpoint": {...}, "document": {...}}``."""
        path = self.get_query_argument("path", None)

        def read() -> dict[str, Any]:
            from nbtrack.server import reading

            return reading.read_document(self.nbtrack, checkpoint_id, path)

        await self.answer(read)
