"""People may ask the store anything in SQL and change nothing by it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbtrack.config import StoreLocation
from nbtrack.errors import UsageError
from nbtrack.store.ingest import ingest
from nbtrack.store.sql import run_sql


@pytest.fixture
def filled(store: StoreLocation, script: Callable[..., Any]) -> StoreLocation:
    """A store with three runs."""
    one = script()
    for number in range(3):
        one.params(one.run(), lr=number)
    ingest(store)
    return store


def test_a_query_gives_columns_and_rows(filled: StoreLocation) -> None:
    columns, rows = run_sql(filled, "select name, number from run order by number", limit=2)
    assert (columns, rows) == (["name", "number"], [("churn-1", 1), ("churn-2", 2)])
    assert len(run_sql(filled, "select * from run", limit=None)[1]) == 3
    assert run_sql(filled, "with t as (select json_extract(value, '$') as v from param) select sum(v) as total from t") == (
        ["total"],
        [(3,)],
    )
    assert run_sql(filled, "select 1 as one where 0") == (["one"], [])


@pytest.mark.parametrize(
    "text",
    [
        "delete from run", "insert into rule values ('a', '', 'min', 0)", "update run set name = 'x'", "drop table run",
        "create table t (a)", "create temp table t (a)",
        "pragma user_version = 7", "pragma table_info(run)", "attach database '/tmp/x.db' as y", "vacuum",
        "vacuum into '/tmp/x.db'", "begin", "commit", "rollback", "savepoint x", "reindex", "analyze", "select load_extension('x')",
        "select fts3_tokenizer('simple')", "explain select 1; delete from run", "detach main",
        "with t as (select 1) insert into rule select 'a', '', 'min', 0 from t", "replace into rule values ('a', '', 'min', 0)",
        "alter table run add column x", "create trigger t after insert on run begin select 1; end",
    ],
)  # fmt: skip
def test_everything_but_reading_is_refused(filled: StoreLocation, text: str) -> None:
    before = filled.database.read_bytes()
    with pytest.raises(UsageError):
        run_sql(filled, text)
    assert filled.database.read_bytes() == before


@pytest.mark.parametrize("text", ["", "   ", "selekt 1", "select * from nothing_here", "select 1; select 2", "select ?", "\x00"])
def test_a_wrong_query_is_an_error_in_two_lines(filled: StoreLocation, text: str) -> None:
    with pytest.raises(UsageError) as caught:
        run_sql(filled, text)
    assert caught.value.hint


def test_an_endless_query_is_stopped(filled: StoreLocation) -> None:
    with pytest.raises(UsageError, match="stopped"):
        run_sql(filled, "with recursive c (x) as (select 1 union all select x + 1 from c) select count(*) from c", time_limit_s=0.2)
