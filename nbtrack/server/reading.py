"""What requests read: paths and ids of the front end in; pages and documents, of notebooks below the server's folder only, out.

A store may stand above the server's folder and hold notebooks of others: an id alone opens nothing that the path would not.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from nbtrack.config import StoreLocation, store_for
from nbtrack.errors import StoreMissing, UnknownCheckpoint
from nbtrack.notebooks.documents import load_document
from nbtrack.notebooks.take import real_path
from nbtrack.records import Checkpoint
from nbtrack.server.paths import resolve, root_of, shown_path
from nbtrack.store import checkpoints
from nbtrack.store.connection import open_reader
from nbtrack.store.notebooks import find_notebook

if TYPE_CHECKING:
    from nbtrack.server.app import NbtrackServer

_SETTLE_S = 2.0


def read_page(app: NbtrackServer, path: str, *, limit: int, before: str | None) -> dict[str, Any]:
    """Read one page of a notebook's checkpoints, the newest first; none where nothing was recorded yet."""
    manager = app.contents_manager
    file = str(resolve(manager, path))
    location = _settled(app, file)
    try:
        with open_reader(location) as db:
            if before is not None:
                checkpoints.get_checkpoint(db, before)
            found = checkpoints.list_checkpoints(db, notebook=real_path(file), limit=limit + 1, before_id=before)
    except StoreMissing:
        if before is not None:
            raise UnknownCheckpoint(before) from None
        found = []
    page = found[:limit]
    return {"checkpoints": [_as_json(manager, one, path) for one in page], "next": page[-1].id if len(found) > limit else None}


def read_document(app: NbtrackServer, checkpoint_id: str, path: str | None) -> dict[str, Any]:
    """Read a checkpoint and its document: of the notebook at a path, or of any below the server's folder.

    Raises ``UnknownCheckpoint`` and ``BadNotebook`` (it is a file that was no notebook).
    """
    manager = app.contents_manager
    file = None if path is None else str(resolve(manager, path))
    if file is not None:
        places = [_settled(app, file)]
    else:
        root = root_of(manager)
        app.hooks.settle(_SETTLE_S)
        places = [*app.stores.known(), *([store_for(root)] if root is not None else [])]
    for location in places:
        app.stores.settle(location)
        try:
            with open_reader(location) as db:
                found = checkpoints.get_checkpoint(db, checkpoint_id)
                if not _may_show(db, manager, found, file):
                    continue
                return {"checkpoint": _as_json(manager, found, path), "document": load_document(location, db, found)}
        except (StoreMissing, UnknownCheckpoint):
            continue
    raise UnknownCheckpoint(checkpoint_id, hint="It may be in a store that no notebook of this server has used yet: send path=.")


def _settled(app: NbtrackServer, file: str) -> StoreLocation:
    """Return the store of a file with everything in it that was recorded so far: people read what they wrote."""
    app.hooks.settle(_SETTLE_S)
    app.stores.notice(file)
    location = store_for(file)
    app.stores.settle(location)
    return location


def _may_show(db: Any, manager: Any, found: Checkpoint, file: str | None) -> bool:
    if shown_path(manager, found.notebook) is not None:
        return file is None or ((there := find_notebook(db, real_path(file))) is not None and there.path == found.notebook)
    return file is not None and real_path(file) == found.notebook  # a link inside the server's folder leads there


def _as_json(manager: Any, one: Checkpoint, path: str | None) -> dict[str, Any]:
    shown = shown_path(manager, one.notebook)
    return dataclasses.asdict(one) | {"notebook": shown if shown is not None else path}
