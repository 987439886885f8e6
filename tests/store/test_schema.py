"""The page about the tables and the tables say the same."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.config import StoreLocation
from nbtrack.store.connection import APPLICATION_ID, open_reader
from nbtrack.store.ingest import ingest
from nbtrack.store.schema import FIRST_SCHEMA
from nbtrack.store.sql import run_sql

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "store-schema.md").read_text(encoding="utf-8")
QUESTIONS = re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)


def tables_of_the_page() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    name = ""
    for line in PAGE.splitlines():
        if line.startswith("### "):
            name = line.removeprefix("### ")
            found[name] = []
        elif line.startswith("## "):
            name = ""
        elif name and (match := re.match(r"\| `(\w+)` \| \S", line)):
            found[name].append(match[1])
    return found


def test_every_table_and_column_is_on_the_page_in_its_order(store: StoreLocation) -> None:
    with open_reader(store) as db:
        names = "select name from pragma_table_list where schema = 'main' and type <> 'shadow' and name not like '%sqlite_%' order by name"
        tables = {
            name: [column for (column,) in db.execute("select name from pragma_table_info(:name) order by cid", {"name": name})]
            for (name,) in db.execute(names).fetchall()
        }
    assert tables_of_the_page() == tables


def test_the_page_names_the_header(store: StoreLocation) -> None:
    assert str(APPLICATION_ID) in PAGE


@pytest.mark.parametrize("question", QUESTIONS, ids=range(len(QUESTIONS)))
def test_the_questions_of_the_page_have_answers(store: StoreLocation, script: Callable[..., Any], question: str) -> None:
    one = script()
    one.log(one.run(), 0, acc=0.5, loss=1.0)
    ingest(store)
    columns, rows = run_sql(store, question)
    assert columns
    assert rows or "error" in question


def test_every_column_that_a_foreign_key_names_has_an_index() -> None:
    db = sqlite3.connect(":memory:")
    for statement in FIRST_SCHEMA:
        db.execute(statement)
    query = """
        select tables.name, keys."from" from pragma_table_list as tables join pragma_foreign_key_list(tables.name) as keys
        where tables.name in ('metric_block', 'metric_chunk', 'metric', 'metric_line', 'param', 'output', 'artifact', 'run_execution')
    """
    for table, column in db.execute(query).fetchall():
        leading = [
            db.execute("select name from pragma_index_info(:name) where seqno = 0", {"name": name}).fetchone()[0]
            for (name,) in db.execute("select name from pragma_index_list(:table)", {"table": table}).fetchall()
        ]
        assert column in leading, f"{table}.{column}: deleting what it names would read the whole table"
    db.close()
