"""Full text over everything: words in; the best places, each with its checkpoint and run, out.

The words are data: whatever is typed, nothing of it is syntax. Words are looked for as they begin, all of them in one text, in any order.
Where there is no index, or the words hold nothing that an index knows (``!=``, Chinese), the texts are read one by one.
"""

from __future__ import annotations

import difflib
import json
import re
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nbtrack.errors import UsageError
from nbtrack.records import SEARCH_KINDS, SearchHit, SearchResult
from nbtrack.store import checkpoints, manifests, search_index
from nbtrack.store.batch import storable
from nbtrack.store.cell_states import SOURCE_POSITION

LINE_CHARS = 200
_WORD = re.compile(r"[^\W_]+")
_JOKER = re.compile(r"[%_~]")
_MOST_WORDS = 20
_PLACES = 100  # states of one text that are looked at
_VOCABULARY = 4000
_NEAR = 3


@dataclass(frozen=True, slots=True)
class _Found:
    """One text that matches."""

    id: int
    text: str
    note_id: int | None
    execution_id: str | None


def search(db: sqlite3.Connection, text: str, *, kind: str | None = None, limit: int = 50) -> SearchResult:
    """Find the places where all words of a text stand, best first; see the module. Raises ``UsageError`` for an unknown kind.

    ``kind`` narrows to ``code``, ``text`` (markdown), ``output``, ``error`` or ``note``; the counts of ``kinds`` are of all of them.
    """
    if kind is not None and kind not in SEARCH_KINDS:
        raise UsageError(f"no kind {kind!r} to search in", f"It is one of {', '.join(SEARCH_KINDS)}.")
    words = storable(text).replace("\0", " ").split()[:_MOST_WORDS]
    if not words or limit < 1:
        return SearchResult(text, (), 0)
    code = None if kind is None else search_index.code_of(kind)
    query = _match_query(words)
    if query is not None and search_index.has_index(db):
        ids, kinds = _indexed(db, query, code, limit)
    else:
        ids, kinds = _one_by_one(db, words, code, limit)
    look = _pattern(words)
    hits: list[SearchHit] = []
    for found in _texts(db, ids):
        hits += _places(db, found, look)
    total = sum(kinds.values()) if kind is None else kinds.get(kind, 0)
    return SearchResult(text, tuple(hits[:limit]), total, kinds, () if kinds else _near(db, words))


def _match_query(words: Sequence[str]) -> str | None:
    """Write the words as phrases of FTS5, each meaning itself or what begins with it; None when the index could not find them."""
    known = [word for word in words if _WORD.search(word)]
    if len(known) < len(words) or any("\u2e80" <= char <= "\uffdc" for word in words for char in word):
        return None  # the index knows no signs, and takes a run of Chinese for one word
    return " ".join(f'"{_phrase(word)}"{"*" if len(word) > 1 else ""}' for word in known)


def _phrase(word: str) -> str:
    return word.replace('"', '""')


def _indexed(db: sqlite3.Connection, query: str, code: int | None, limit: int) -> tuple[list[int], dict[str, int]]:
    counted = db.execute(
        "select rowid % 8, count(*) from search_index where search_index match :query group by 1 order by 1", {"query": query}
    ).fetchall()
    rows = db.execute(
        """
        select rowid from search_index where search_index match :query and (:code is null or rowid % 8 = :code)
        order by rank, rowid desc limit :limit
        """,
        {"query": query, "code": code, "limit": limit},
    ).fetchall()
    return [int(row[0]) for row in rows], {SEARCH_KINDS[one]: int(number) for one, number in counted if one < len(SEARCH_KINDS)}


def _one_by_one(db: sqlite3.Connection, words: Sequence[str], code: int | None, limit: int) -> tuple[list[int], dict[str, int]]:
    """Read all texts; the newest first, since nothing ranks them."""
    patterns = ["%" + _JOKER.sub(r"~\g<0>", word) + "%" for word in words]
    rows = db.execute(
        """
        select id from search_text where not exists (
            select 1 from json_each(:patterns) as wanted where search_text.text not like wanted.value escape '~'
        ) order by id desc
        """,
        {"patterns": json.dumps(patterns)},
    ).fetchall()
    found = [int(text_id) for (text_id,) in rows]
    kinds: dict[str, int] = {}
    for text_id in found:
        name = search_index.kind_of(text_id)
        kinds[name] = kinds.get(name, 0) + 1
    wanted = [text_id for text_id in found if code is None or text_id % 8 == code]
    return wanted[:limit], {name: kinds[name] for name in SEARCH_KINDS if name in kinds}


def _texts(db: sqlite3.Connection, ids: Sequence[int]) -> list[_Found]:
    rows = db.execute(
        "select id, text, note_id, execution_id from search_text where id in (select value from json_each(:ids))", {"ids": json.dumps(ids)}
    ).fetchall()
    found = {row[0]: _Found(*row) for row in rows}
    return [found[text_id] for text_id in ids if text_id in found]


def _places(db: sqlite3.Connection, found: _Found, look: re.Pattern[str]) -> list[SearchHit]:
    """Say where a text stands: once in each notebook, in the newest checkpoint that holds it."""
    line, marks = _line(found.text, look)
    kind = search_index.kind_of(found.id)
    if found.note_id is not None:
        return _note(db, found.note_id, line, marks)
    rows = db.execute(
        """
        select cell_state.id, cell_text.position, cell_state.notebook_id, cell_state.first_n, cell_state.last_n, cell_state.cell_id
        from cell_text join cell_state on cell_state.id = cell_text.state_id where cell_text.text_id = :text
        order by cell_state.last_n is null desc, cell_state.last_n desc, cell_state.first_n desc, cell_state.id limit :most
        """,
        {"text": found.id, "most": _PLACES},
    ).fetchall()
    by_notebook: dict[int, list[tuple[Any, ...]]] = {}
    for row in rows:
        by_notebook.setdefault(row[2], []).append(row)
    hits = [hit for states in by_notebook.values() if (hit := _cell(db, states, kind, line, marks)) is not None]
    return hits or _execution(db, found.execution_id, line, marks)


def _cell(
    db: sqlite3.Connection, states: list[tuple[Any, ...]], kind: str, line: str, marks: tuple[tuple[int, int], ...]
) -> SearchHit | None:
    """Describe one text in one notebook; its states are ordered, the newest first."""
    state_id, position, notebook_id, first_n, last_n, cell_id = states[0]
    span = db.execute(
        """
        select max(n), count(*) from checkpoint
        where notebook_id = :notebook and n >= :first and (:last is null or n <= :last)
        """,
        {"notebook": notebook_id, "first": min(row[3] for row in states), "last": last_n},
    ).fetchone()
    shown = checkpoints.by_number(db, last_n if last_n is not None else span[0] or first_n)
    if shown is None:
        return None
    index, count = _place(db, last_n if last_n is not None else span[0], state_id)
    run = shown.runs[0].run_id if shown.runs and position != SOURCE_POSITION else None
    return SearchHit(kind, line, marks, shown.notebook, shown.at, shown, cell_id, index, count, last_n is None, max(span[1] - 1, 0), run)


def _place(db: sqlite3.Connection, n: int, state_id: int) -> tuple[int | None, int | None]:
    """Find the place and the execution count of a cell in a checkpoint."""
    try:
        _, rows = checkpoints.read_rows(db, n)
        index = rows.ids.index(state_id)
    except ValueError:
        return None, None
    content = db.execute("select content from cell_state where id = :id", {"id": state_id}).fetchone()
    return index, manifests.own_count(json.loads(content[0]), rows.counts[index])


def _note(db: sqlite3.Connection, note_id: int, line: str, marks: tuple[tuple[int, int], ...]) -> list[SearchHit]:
    row = db.execute(
        """
        select note.at, note.entity_id, notebook.path from note left join run on run.id = note.entity_id
        left join notebook on notebook.id = run.notebook_id where note.id = :id
        """,
        {"id": note_id},
    ).fetchone()
    return [SearchHit("note", line, marks, row[2], row[0], run_id=row[1])] if row is not None else []


def _execution(db: sqlite3.Connection, execution_id: str | None, line: str, marks: tuple[tuple[int, int], ...]) -> list[SearchHit]:
    row = db.execute(
        """
        select coalesce(execution.started_at, 0), notebook.path, execution.cell_id, execution.count, (
            select run_id from run_execution where run_execution.execution_id = execution.id order by run_id desc limit 1
        ) from execution left join notebook on notebook.id = execution.notebook_id where execution.id = :id
        """,
        {"id": execution_id},
    ).fetchone()
    if row is None:
        return []
    return [SearchHit("error", line, marks, row[1], row[0], cell_id=row[2], count=row[3], run_id=row[4], execution_id=execution_id)]


def _pattern(words: Sequence[str]) -> re.Pattern[str]:
    """What of a text is marked: the words, whatever signs stand between their parts."""
    looks = []
    for word in words:
        parts = _WORD.findall(word)
        looks.append(r"[\W_]{1,3}".join(map(re.escape, parts)) if parts and len(parts) < 10 else re.escape(word))
    return re.compile("|".join(sorted(looks, key=len, reverse=True)), re.IGNORECASE)


def _line(text: str, look: re.Pattern[str]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Cut out the line around the first find, and mark what was found in it."""
    first = look.search(text)
    at = first.start() if first else 0
    start = text.rfind("\n", 0, at) + 1
    end = text.find("\n", at)
    line = text[start : end if end >= 0 else len(text)]
    offset = len(line) - len(line.lstrip())
    if at - start > LINE_CHARS * 3 // 4:
        offset = at - start - LINE_CHARS // 4
    shown = line[offset : offset + LINE_CHARS].rstrip()
    shown = ("…" if offset and line[:offset].strip() else "") + shown + ("…" if len(line.rstrip()) > offset + LINE_CHARS else "")
    return shown, tuple(found.span() for found in look.finditer(shown) if found.end() > found.start())


def _near(db: sqlite3.Connection, words: Sequence[str]) -> tuple[str, ...]:
    """Find words of the index that are spelled like one that was not found."""
    if not search_index.has_index(db):
        return ()
    try:
        db.execute("create virtual table if not exists temp.search_words using fts5vocab('main', 'search_index', 'row')")
        near: list[str] = []
        for word in words:
            rows = db.execute(
                "select term from search_words where term >= :low and term < :high order by doc desc, term limit :most",
                {"low": word[:1].lower(), "high": word[:1].lower() + "\U0010ffff", "most": _VOCABULARY},
            ).fetchall()
            near += difflib.get_close_matches(word.lower(), [term for (term,) in rows], n=_NEAR, cutoff=0.7)
    except sqlite3.OperationalError:  # no room for a temporary table
        return ()
    return tuple(dict.fromkeys(one for one in near if one not in {word.lower() for word in words}))[:_NEAR]
