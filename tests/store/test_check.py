"""A check finds every fault that is planted, mends what can be mended without losing a value, and finds nothing in a healthy store."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.config import StoreLocation, open_location
from nbtrack.errors import StoreMissing
from nbtrack.store import blobs, runs
from nbtrack.store.check import check_store
from nbtrack.store.connection import open_reader, open_writer
from nbtrack.store.filelock import try_lock
from nbtrack.store.frames import Kind
from nbtrack.store.ingest import ingest

ScriptMaker = Callable[..., Any]
Fault = Callable[[sqlite3.Connection, StoreLocation, random.Random], None]

LARGE = random.Random(7).randbytes(300_000)


@pytest.fixture
def healthy(store: StoreLocation, script: ScriptMaker) -> StoreLocation:
    """A store with something of everything, and nothing wrong."""
    one = script().session(environment="env1")
    one.record(Kind.ENVIRONMENT, {"id": "env1", "facts": {"python": "3.11", "platform": "linux", "packages": {}, "git": {"commit": "a"}}})
    body = blobs.write_file(store, LARGE)
    one.record(Kind.BLOB, {"sha256": body.sha256, "size": body.size_bytes, "stored": body.stored_bytes, "encoding": body.encoding})
    text = blobs.write_file(store, b"a long text " * 100_000)
    one.record(Kind.BLOB, {"sha256": text.sha256, "size": text.size_bytes, "stored": text.stored_bytes, "encoding": text.encoding})
    parent = None
    for number in range(4):
        cell = f"cell{number}"
        one.record(Kind.EXECUTION, {"id": cell, "session": "s1", "seq": number, "hash": "h"}, f"fit({number})".encode())
        run_id = one.run(session="s1", execution=cell, environment="env1", parent=parent)
        parent = parent or run_id
        one.record(Kind.RUN_EXECUTION, {"run": run_id, "execution": cell})
        one.params(run_id, lr=0.1 * number, deep={"a": [1, 2]})
        one.record(Kind.TAGS, {"run": run_id, "values": {"team": "x"}}).record(Kind.NOTE, {"run": run_id, "text": "note"})
        for step in range(5000 if number == 0 else 300):
            one.log(run_id, step, loss=1 / (step + 1), acc=step / 7)
        one.log(run_id, 3, lonely=float(number))
        artifact = {"id": f"a{number}", "run": run_id, "name": "model.bin", "kind": "file", "mime": "x/y", "size": len(LARGE)}
        one.record(Kind.ARTIFACT, {**artifact, "sha256": body.sha256 if number % 2 else text.sha256, "size": 300_000})
        output = {"kind": "stdout", "mime": "text/plain", "size": 3, "body": 0}
        one.record(Kind.EXECUTION_END, {"id": cell, "status": "ok", "duration_us": 5, "outputs": [output]}, b"out %d" % number)
        if number < 3:
            one.end(run_id)
    one.record(Kind.RULE, {"key": "depth", "direction": "min"})
    one.close()
    ingest(store)
    return store


def statement(text: str) -> Fault:
    """A fault made by one statement; ``{pick TABLE.COLUMN}`` chooses a row."""

    def plant(db: sqlite3.Connection, location: StoreLocation, chance: random.Random) -> None:
        before = db.total_changes
        query = text
        while "{pick " in query:
            start, end = query.index("{pick "), query.index("}")
            table, column = query[start + 6 : end].split(".")
            table, _, condition = table.partition("|")
            rows = db.execute(f"select {column} from {table} {condition} order by {column}").fetchall()
            query = f"{query[:start]}{chance.choice(rows)[0]!r}{query[end + 1 :]}"
        db.execute(query)
        assert db.total_changes > before or text.startswith("drop"), query

    return plant


def flip_in(table: str, column: str, condition: str = "true") -> Fault:
    """One flipped bit in a blob of the database."""

    def plant(db: sqlite3.Connection, location: StoreLocation, chance: random.Random) -> None:
        rows = db.execute(f"select id, {column} from {table} where {column} is not null and {condition} order by id").fetchall()
        row_id, data = chance.choice(rows)
        changed = bytearray(data)
        bit = chance.randrange(8 * len(changed))
        changed[bit // 8] ^= 1 << bit % 8
        db.execute(f"update {table} set {column} = :data where id = :id", {"data": bytes(changed), "id": row_id})

    return plant


def in_file(act: Callable[[Path, random.Random], None]) -> Fault:
    """Something done to a body file."""

    def plant(db: sqlite3.Connection, location: StoreLocation, chance: random.Random) -> None:
        act(chance.choice(sorted(path for path in location.blobs.rglob("*") if path.is_file())), chance)

    return plant


def flip_byte(path: Path, chance: random.Random) -> None:
    data = bytearray(path.read_bytes())
    data[chance.randrange(len(data))] ^= 0xFF
    path.write_bytes(data)


def cut(path: Path, chance: random.Random) -> None:
    os.truncate(path, chance.randrange(path.stat().st_size))


def leave_orphan(path: Path, chance: random.Random) -> None:
    other = path.parent / f"{chance.randrange(16**64):064x}"
    other.write_bytes(b"left behind")
    os.utime(other, (1, 1))


FAULTS: tuple[Fault, ...] = (
    flip_in("metric_block", "axis"),
    flip_in("metric_block", "body"),
    flip_in("metric_chunk", "body"),
    flip_in("blob", "body"),
    in_file(lambda path, chance: path.unlink()),
    in_file(flip_byte),
    in_file(cut),
    in_file(leave_orphan),
    statement("delete from metric_chunk where id = {pick metric_chunk.id}"),
    statement("delete from metric_block where id = {pick metric_block.id}"),
    statement("delete from metric_line where id = {pick metric_line.id}"),
    statement("delete from metric where id = {pick metric.id}"),
    statement("update metric set count = count + 1 where id = {pick metric.id}"),
    statement("update metric set last = last + 1.0 where id = {pick metric.id}"),
    statement("update metric set minimum = minimum - 1.0 where id = {pick metric.id}"),
    statement("update metric set max_step = max_step + 1 where id = {pick metric.id}"),
    statement("update metric set total = total * 1.01 + 1.0 where id = {pick metric.id}"),
    statement("update metric set last_at = last_at + 1 where id = {pick metric.id}"),
    statement("update metric set line_id = 999 where id = {pick metric.id}"),
    statement("update metric_block set count = count - 1 where id = {pick metric_block.id}"),
    statement("update metric_block set last_step = last_step + 1 where id = {pick metric_block.id}"),
    statement("update metric_line set keys = '[\"loss\"' where id = {pick metric_line.id}"),
    statement("update metric_line set raw_blocks = 5 where id = {pick metric_line.id}"),
    statement("delete from blob where sha256 = {pick blob.sha256}"),
    statement("update blob set size_bytes = size_bytes + 1 where sha256 = {pick blob.sha256}"),
    statement("update blob set stored_bytes = 1 where sha256 = {pick blob.sha256}"),
    statement("update output set sha256 = 'feed' where execution_id = {pick output.execution_id}"),
    statement("update artifact set sha256 = '' where id = {pick artifact.id}"),
    statement("update artifact set size_bytes = -1 where id = {pick artifact.id}"),
    statement("delete from execution where id = {pick execution.id}"),
    statement("delete from session"),
    statement("delete from environment"),
    statement("delete from run where id = {pick run.id}"),
    statement("delete from experiment"),
    statement("update experiment set last_number = 1"),
    statement("update run set number = null where id = {pick run.id}"),
    statement("update run set state = 'asleep' where id = {pick run.id}"),
    statement("update run set state = 'running', ended_at = null where id = {pick run.id}"),
    statement("update run set ended_at = null where id = {pick run.id}"),
    statement("update run set ended_at = started_at - 5 where id = {pick run.id}"),
    statement("update run set duration_us = -1 where id = {pick run.id}"),
    statement("update run set parent_id = 'nobody' where id = {pick run.id}"),
    statement("update run set journal = null where id = {pick run.id}"),
    statement("update execution set status = 'running' where id = {pick execution.id}"),
    statement("update execution set session_id = 'nowhere' where id = {pick execution.id}"),
    statement("update session set ended_at = null"),
    statement("update param set value = '{' where run_id = {pick param.run_id}"),
    statement("update param set number = 77.0 where run_id = {pick param.run_id} and name = 'lr'"),
    statement("update tag set entity_id = 'nobody' where entity_id = {pick tag.entity_id}"),
    statement("update note set entity_id = 'nobody' where id = {pick note.id}"),
    statement("update rule set direction = 'up'"),
    statement("update environment set packages = 'numpy'"),
    statement(
        "insert into source (name, journal, generation, folder, offset) values ('"
        + "c" * 32
        + "-000000.nbj', '"
        + "c" * 32
        + "', 0, 'journal', 9)"
    ),
    statement("drop index metric_by_key"),
    statement("drop table rule"),
)


def plant(location: StoreLocation, fault: Fault, chance: random.Random) -> None:
    db = sqlite3.connect(location.database, isolation_level=None)
    db.execute("pragma foreign_keys = off")
    try:
        fault(db, location, chance)
    finally:
        db.close()


def test_a_healthy_store_has_no_findings(healthy: StoreLocation) -> None:
    report = check_store(healthy)
    assert report.findings == ()
    assert report.clean
    assert report.checked["runs"] == 4
    assert report.checked["bodies"] >= 10
    assert report.checked["series"] == 12
    assert check_store(healthy, repair=True).findings == ()


def test_every_planted_fault_is_found_and_repairing_loses_nothing(healthy: StoreLocation, tmp_path: Path, long_run: bool) -> None:
    chance = random.Random(20)
    order = [*range(len(FAULTS)), *(chance.randrange(len(FAULTS)) for _ in range(100))]
    tried = order[:100] if long_run else chance.sample(range(len(FAULTS)), 25)
    missed = []
    for number, place in enumerate(tried):
        copy = open_location(tmp_path / f"copy{number}")
        shutil.copytree(healthy.folder, copy.folder)
        plant(copy, FAULTS[place], chance)
        report = check_store(copy)
        if not report.findings:
            missed.append(place)
        before = count_rows(copy)
        repaired = check_store(copy, repair=True)
        mended = {(one.kind, one.what) for one in repaired.findings if one.mended}
        left = {(one.kind, one.what) for one in check_store(copy).findings}
        assert not mended & left, (place, mended & left)
        assert left <= {(one.kind, one.what) for one in report.findings}, (place, left)
        after = count_rows(copy)
        assert all(after[table] >= count for table, count in before.items() if table != "source"), place
        shutil.rmtree(copy.folder)
    assert missed == [], f"{len(missed)} of {len(tried)} faults were not found"


def count_rows(location: StoreLocation) -> dict[str, int]:
    db = sqlite3.connect(location.database)
    try:
        tables = [name for (name,) in db.execute("select name from sqlite_schema where type = 'table'")]
        return {table: db.execute(f"select count(*) from {table}").fetchone()[0] for table in tables}
    finally:
        db.close()


def test_a_wrong_summary_is_mended_from_its_points(healthy: StoreLocation) -> None:
    with open_reader(healthy) as db:
        before = runs.list_runs(db)
    with open_writer(healthy) as db:
        db.execute("update metric set last = 5.0, minimum = null, count = 1, total = 0.0, last_exact = 'NaN'")
    report = check_store(healthy, repair=True)
    assert len(report.findings) == 12
    assert report.clean
    with open_reader(healthy) as db:
        assert runs.list_runs(db) == before


def test_a_run_whose_process_and_journal_are_gone_is_ended(healthy: StoreLocation, script: ScriptMaker) -> None:
    lost = script().session("s2")
    run_id = lost.run()
    lost.log(run_id, 0, loss=1.0)
    holder = os.open(lost.path, os.O_RDWR)
    assert try_lock(holder)
    ingest(healthy)
    assert check_store(healthy).findings == ()
    lost.path.unlink()
    os.close(holder)
    kinds = {one.kind for one in check_store(healthy, repair=True).findings}
    assert {"missing journal", "run without a process", "session without a process"} <= kinds
    with open_reader(healthy) as db:
        assert runs.get_run(db, run_id).state == "killed"
    assert check_store(healthy).findings == ()


def test_a_store_that_cannot_be_read_is_one_finding(store: StoreLocation, tmp_path: Path) -> None:
    store.database.write_bytes(b"rubbish" * 1000)
    report = check_store(store)
    assert [one.kind for one in report.findings][-1] == "unreadable database"
    with pytest.raises(StoreMissing):
        check_store(open_location(tmp_path / "none"))
