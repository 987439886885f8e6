"""Questions of people in SQL: text in, columns and rows out; reading only, for a limited time."""

from __future__ import annotations

import sqlite3
import time
from typing import Any

from nbtrack.config import StoreLocation
from nbtrack.errors import StoreError, UsageError
from nbtrack.store.connection import open_reader

TIME_LIMIT_S = 60.0
_INSTRUCTIONS_BETWEEN_LOOKS = 20_000

# Everything else (writing, attach, pragma, transactions, ...) is refused by SQLite itself before a statement runs.
_ALLOWED = frozenset({sqlite3.SQLITE_SELECT, sqlite3.SQLITE_READ, sqlite3.SQLITE_FUNCTION, sqlite3.SQLITE_RECURSIVE})
_REFUSED_FUNCTIONS = frozenset({"load_extension", "readfile", "writefile", "edit", "fts3_tokenizer"})
_HINT = "The tables are described in docs/store-schema.md."


def run_sql(
    location: StoreLocation, text: str, *, limit: int | None = 1000, time_limit_s: float = TIME_LIMIT_S
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """Run one query on the store, read-only, and return its columns and at most ``limit`` rows (None: all).

    Raises ``UsageError`` with SQLite's own words for a query that is wrong, refused or too slow, and what ``open_reader`` raises.
    """
    import sqlite_utils  # here and not above: it imports pandas and numpy when they are installed

    with open_reader(location) as db:
        deadline = time.monotonic() + time_limit_s
        db.set_authorizer(_authorize)
        db.set_progress_handler(lambda: int(time.monotonic() > deadline), _INSTRUCTIONS_BETWEEN_LOOKS)
        try:
            cursor = sqlite_utils.Database(db, execute_plugins=False, recursive_triggers=False).execute(text)
            rows = cursor.fetchall() if limit is None else cursor.fetchmany(limit)
        except (sqlite3.Error, sqlite3.Warning) as error:
            raise _explained(error, text, time_limit_s) from error
        finally:
            db.set_progress_handler(None, 0)
            db.set_authorizer(None)
    if cursor.description is None:
        raise UsageError("this is no query: it gives no columns", "Write a select.")
    return [column[0] for column in cursor.description], rows


def _authorize(action: int, first: str | None, second: str | None, database: str | None, trigger: str | None) -> int:
    if action == sqlite3.SQLITE_FUNCTION:
        return sqlite3.SQLITE_DENY if (second or "").lower() in _REFUSED_FUNCTIONS else sqlite3.SQLITE_OK
    return sqlite3.SQLITE_OK if action in _ALLOWED else sqlite3.SQLITE_DENY


def _explained(error: Exception, text: str, time_limit_s: float) -> UsageError | StoreError:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code == sqlite3.SQLITE_INTERRUPT:
        return UsageError(f"the query was stopped after {time_limit_s:g} s", "Add a where or a limit.")
    if code == sqlite3.SQLITE_AUTH or "not authorized" in str(error) or "prohibited" in str(error):
        return UsageError("only reading is allowed here: one select", _HINT)
    return UsageError(f"SQLite does not understand the query: {error}", _HINT)
