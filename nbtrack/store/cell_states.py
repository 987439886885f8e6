"""The states of cells that checkpoints are made of: contents in, their ids out, and back. Equal cells of a notebook are kept once.

``first_n`` and ``last_n`` say from which checkpoint to which a state stood in its notebook (``last_n`` null: it stands in the newest), so
that a search can tell what is there now without reading a manifest.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

from nbtrack.errors import StoreCorrupt, UnknownArtifact
from nbtrack.store import blobs, manifests, search_index
from nbtrack.store.manifests import Content
from nbtrack.store.scope import Scope

SOURCE_POSITION = -1  # where the text of a cell stands among its texts; outputs count from 0
_MARKUP = ("markdown", "heading", "raw", "html")


def keep_states(scope: Scope, notebook_id: int, contents: Sequence[Content], *, n: int, newest: bool) -> list[int]:
    """Return the ids of the cells of a new checkpoint ``n``, in order; what is new becomes a row and goes into the search index."""
    ids: list[int] = []
    known: dict[bytes, int] = {}
    for content in contents:
        key = manifests.hash_content(content)
        found = known.get(key)
        if found is None:
            row = scope.db.execute(
                "select id from cell_state where notebook_id = :notebook and hash = :hash", {"notebook": notebook_id, "hash": key}
            ).fetchone()
            found = known[key] = int(row[0]) if row is not None else _add_state(scope, notebook_id, key, content, n, newest)
        ids.append(found)
    return ids


def _add_state(scope: Scope, notebook_id: int, key: bytes, content: Content, n: int, newest: bool) -> int:
    head = json.loads(content[0])
    fields: dict[str, Any] = head if isinstance(head, dict) else {}
    kind, cell_id = fields.get("cell_type"), fields.get("id")
    state_id = scope.db.execute(
        """
        insert into cell_state (notebook_id, hash, cell_id, kind, first_n, last_n, content)
        values (:notebook, :hash, :cell, :kind, :n, :last, :content) returning id
        """,
        {
            "notebook": notebook_id, "hash": key, "cell": _storable(cell_id), "kind": _storable(kind) or "", "n": n,
            "last": None if newest else n, "content": manifests.canonical(content).decode("ascii"),
        },
    ).fetchone()[0]  # fmt: skip
    _add_texts(scope, int(state_id), _storable(kind) or "", content)
    return int(state_id)


def _add_texts(scope: Scope, state_id: int, kind: str, content: Content) -> None:
    """Put the words of a new state into the search index."""
    found = []
    source = manifests.source_name(content)
    if source is not None:
        text = _body(scope, source).decode("utf-8", "surrogatepass")
        found.append((SOURCE_POSITION, "text" if kind in _MARKUP else "code", text))
    for position, (name, _) in enumerate(content[2] or ()):
        found.append((position, *search_index.output_text(_body(scope, name))))
    for position, what, text in found:
        text_id = search_index.add_text(scope.db, what, text)
        if text_id is not None:
            scope.db.execute(
                "insert or ignore into cell_text (text_id, state_id, position) values (:text, :state, :position)",
                {"text": text_id, "state": state_id, "position": position},
            )


def _body(scope: Scope, name: str) -> bytes:
    """Read a body for the index: nothing when it is missing or very large."""
    row = scope.db.execute("select size_bytes from blob where sha256 = :name", {"name": name}).fetchone()
    if row is None or row[0] > search_index.LARGEST_OUTPUT:
        return b""
    try:
        return blobs.read_body(scope.location, scope.db, name)
    except (StoreCorrupt, UnknownArtifact):
        return b""


def note_change(db: sqlite3.Connection, before: set[int], now: set[int], *, last_n: int) -> None:
    """Note which states stood last in the checkpoint before the newest, and which came back."""
    for query, ids in (
        ("update cell_state set last_n = :n where id = :id and last_n is null", before - now),
        ("update cell_state set last_n = null where id = :id", now - before),
    ):
        db.executemany(query, [{"n": last_n, "id": one} for one in sorted(ids)])


def read_contents(db: sqlite3.Connection, ids: Iterable[int]) -> dict[int, Content]:
    """Read the contents of cell states by their ids."""
    rows = db.execute(
        "select id, content from cell_state where id in (select value from json_each(:ids))", {"ids": json.dumps(sorted(ids))}
    ).fetchall()
    return {int(state_id): json.loads(content) for state_id, content in rows}


def states_of_cell(db: sqlite3.Connection, notebook_id: int, cell_id: str) -> list[int]:
    """List the states that a cell with this id ever had."""
    rows = db.execute(
        "select id from cell_state where notebook_id = :notebook and cell_id = :cell order by first_n, id",
        {"notebook": notebook_id, "cell": cell_id},
    )
    return [int(state_id) for (state_id,) in rows]


def cell_ids(db: sqlite3.Connection, notebook_id: int) -> list[str]:
    """List the ids of all cells that a notebook ever had."""
    rows = db.execute(
        "select distinct cell_id from cell_state where notebook_id = :notebook and cell_id is not null order by cell_id",
        {"notebook": notebook_id},
    )
    return [str(cell_id) for (cell_id,) in rows]


def _storable(value: Any) -> str | None:
    return search_index.storable(value) if isinstance(value, str) else None
