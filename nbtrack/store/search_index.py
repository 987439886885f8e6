"""Texts into the full-text index: a text and its kind in, its id out; what of an output is text.

The index is FTS5 over ``search_text``. A process whose SQLite lacks FTS5 only adds the texts, and the next one that has it catches up:
the ids run upwards, so the newest indexed one says how far the index is.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from typing import Any

from nbtrack.records import SEARCH_KINDS
from nbtrack.store.batch import storable

INDEXED_CHARS = 20_000  # of one text: its beginning, and a quarter of that from its end
LARGEST_OUTPUT = 4 << 20  # bytes; the words of a larger output are not indexed

_KINDS = 8  # the id of a text modulo 8 is its kind
_COLOUR = re.compile(r"\x1b\[[0-9;:?]*[A-Za-z]")
_TAG = re.compile(r"<style\b.*?</style>|<script\b.*?</script>|<[^>]{0,2000}>", re.DOTALL | re.IGNORECASE)
_TEXT_MIMES = ("text/plain", "text/markdown", "text/latex")
_available: bool | None = None


def code_of(kind: str) -> int:
    """The number of a kind: what the ids of its texts leave modulo 8."""
    return SEARCH_KINDS.index(kind)


def kind_of(text_id: int) -> str:
    """The kind of a text by its id."""
    return SEARCH_KINDS[text_id % _KINDS]


def has_fts5(db: sqlite3.Connection) -> bool:
    """Whether this process can use the index."""
    global _available
    if _available is None:
        _available = db.execute("select 1 from pragma_module_list where name = 'fts5'").fetchone() is not None
    return _available


def has_index(db: sqlite3.Connection) -> bool:
    """Whether there is an index, and this process can use it."""
    return has_fts5(db) and db.execute("select 1 from sqlite_schema where name = 'search_index'").fetchone() is not None


def add_text(db: sqlite3.Connection, kind: str, text: str, *, note_id: int | None = None, execution_id: str | None = None) -> int | None:
    """Add a text, once however often it occurs, and return its id; None for one without a word. Notes are each a text of their own."""
    kept = _bounded(storable(text))
    if not kept.strip():
        return None
    code = code_of(kind)
    key = None if note_id is not None else hashlib.sha256(f"{code} {kept}".encode()).digest()[:16]
    if key is not None:
        row = db.execute("select id from search_text where hash = :hash", {"hash": key}).fetchone()
        if row is not None:
            if execution_id is not None:
                db.execute("update search_text set execution_id = :execution where id = :id", {"execution": execution_id, "id": row[0]})
            return int(row[0])
    newest = db.execute("select max(id) from search_text").fetchone()[0] or 0
    text_id = (newest // _KINDS + 1) * _KINDS + code
    indexed = _catch_up(db, newest) if has_fts5(db) else False
    db.execute(
        "insert into search_text (id, hash, note_id, execution_id, text) values (:id, :hash, :note, :execution, :text)",
        {"id": text_id, "hash": key, "note": note_id, "execution": execution_id, "text": kept},
    )
    if indexed:
        db.execute("insert into search_index (rowid, text) values (:id, :text)", {"id": text_id, "text": kept})
    return text_id


def drop_texts(db: sqlite3.Connection, ids: list[int]) -> int:
    """Take texts out again; without FTS5 they stay until a process has it. Returns how many went."""
    if not has_index(db):
        return 0
    for text_id in ids:
        row = db.execute("select text from search_text where id = :id", {"id": text_id}).fetchone()
        if row is not None and _is_indexed(db, text_id):
            db.execute(
                "insert into search_index (search_index, rowid, text) values ('delete', :id, :text)", {"id": text_id, "text": row[0]}
            )
        db.execute("delete from search_text where id = :id", {"id": text_id})
    return len(ids)


def output_text(body: bytes) -> tuple[str, str]:
    """Return kind and words of an output: its JSON in; what a reader of the notebook would read out. Empty for an image."""
    try:
        output = json.loads(body.decode("utf-8", "surrogatepass"))
    except (ValueError, RecursionError):
        return "output", ""
    if not isinstance(output, dict):
        return "output", ""
    if output.get("output_type") in ("error", "pyerr"):
        return "error", error_text(output.get("ename"), output.get("evalue"))
    if isinstance(output.get("text"), str) and not isinstance(output.get("data"), dict):
        return "output", _COLOUR.sub("", output["text"])
    data = output.get("data")
    if not isinstance(data, dict):
        return "output", ""
    texts = [data[mime] for mime in _TEXT_MIMES if isinstance(data.get(mime), str)]
    if not texts and isinstance(data.get("text/html"), str):
        texts = [_TAG.sub(" ", data["text/html"])]
    return "output", _COLOUR.sub("", "\n".join(texts))


def error_text(kind: Any, message: Any) -> str:
    """Write an error as one line: ``ValueError: needs 2 classes``."""
    return f"{kind or ''}: {_COLOUR.sub('', str(message or ''))}"


def _bounded(text: str) -> str:
    if len(text) <= INDEXED_CHARS:
        return text
    return f"{text[: INDEXED_CHARS * 3 // 4]}\n…\n{text[-INDEXED_CHARS // 4 :]}"


def _catch_up(db: sqlite3.Connection, newest: int) -> bool:
    """Make the index hold every text up to ``newest``; what a process without FTS5 added is missing in it."""
    if not has_index(db):
        if db.execute("select 1 from sqlite_schema where name = 'search_text'").fetchone() is None:
            return False
        from nbtrack.store.schema_checkpoints import INDEX_SCHEMA

        for statement in INDEX_SCHEMA:
            db.execute(statement)
        return True
    if not _is_indexed(db, newest) and newest:
        last = db.execute("select coalesce(max(id), 0) from search_index_docsize").fetchone()[0]
        db.execute("insert into search_index (rowid, text) select id, text from search_text where id > :last order by id", {"last": last})
    return True


def _is_indexed(db: sqlite3.Connection, text_id: int) -> bool:
    return db.execute("select 1 from search_index_docsize where id = :id", {"id": text_id}).fetchone() is not None
