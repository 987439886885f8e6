"""Only what nothing refers to, only when it is old, only when asked."""

from __future__ import annotations

import os
import random
import time
import zlib
from collections.abc import Callable
from typing import Any

import pytest

from nbtrack.config import StoreLocation
from nbtrack.store import blobs
from nbtrack.store.check import check_store
from nbtrack.store.connection import open_reader, open_writer
from nbtrack.store.frames import Kind
from nbtrack.store.garbage import collect

NOISE = [random.Random(number).randbytes(200_000) for number in range(4)]


def age(location: StoreLocation) -> None:
    for path in location.blobs.rglob("*"):
        os.utime(path, (time.time() - 90_000,) * 2)


def fill(location: StoreLocation, script: Callable[..., Any]) -> list[str]:
    """One body in use, one with a row and no use, one without a row, one half written."""
    used, unused, rowless = (blobs.write_file(location, data) for data in NOISE[:3])
    one = script()
    for body in (used, unused):
        one.record(Kind.BLOB, {"sha256": body.sha256, "size": body.size_bytes, "stored": body.stored_bytes, "encoding": body.encoding})
    run_id = one.run()
    one.record(Kind.ARTIFACT, {"id": "a", "run": run_id, "name": "m", "sha256": used.sha256, "size": 200_000})
    one.end(run_id).close()
    (location.blobs / "0123.part").write_bytes(b"half")
    return [used.sha256, unused.sha256, rowless.sha256]


def names(location: StoreLocation) -> set[str]:
    return {path.name for path in location.blobs.rglob("*") if path.is_file()}


def test_nothing_is_removed_unless_asked(store: StoreLocation, script: Callable[..., Any]) -> None:
    _, unused, rowless = fill(store, script)
    age(store)
    before = names(store)
    report = collect(store)
    assert {path.rsplit("/", 1)[-1] for path in report.files} == {unused, rowless, "0123.part"}
    assert (report.applied, report.size_bytes, names(store)) == (False, 400_004, before)


def test_young_files_stay(store: StoreLocation, script: Callable[..., Any]) -> None:
    fill(store, script)
    report = collect(store, apply=True)
    assert (report.files, report.rows) == ((), 0)
    assert len(names(store)) == 4


def test_old_files_nothing_refers_to_go_and_the_rest_is_whole(store: StoreLocation, script: Callable[..., Any]) -> None:
    used, *_ = fill(store, script)
    age(store)
    report = collect(store, apply=True)
    assert (len(report.files), report.rows, report.applied) == (3, 1, True)
    assert names(store) == {used}
    assert check_store(store).findings == ()
    assert collect(store, apply=True).files == ()


def test_inline_bodies_without_a_use_go_too(store: StoreLocation) -> None:
    with open_writer(store) as db:
        blobs.put_body(db, store, b"nobody wants me")
    assert collect(store).rows == 1
    collect(store, apply=True)
    with open_reader(store) as db:
        assert db.execute("select count(*) from blob").fetchone() == (0,)


def test_what_a_waiting_journal_refers_to_stays(store: StoreLocation, script: Callable[..., Any]) -> None:
    body = blobs.write_file(store, NOISE[3])
    age(store)
    one = script()
    run_id = one.run()
    one.record(Kind.BLOB, {"sha256": body.sha256, "size": body.size_bytes, "stored": body.stored_bytes, "encoding": "raw"})
    one.record(Kind.ARTIFACT, {"id": "a", "run": run_id, "name": "m", "sha256": body.sha256, "size": 1})
    assert collect(store, apply=True).files == ()
    assert names(store) == {body.sha256}


@pytest.mark.parametrize("packed", [False, True])
def test_a_body_that_a_table_unknown_to_the_collector_names_stays(store: StoreLocation, packed: bool) -> None:
    with open_writer(store) as db:
        sha256 = blobs.put_body(db, store, b"kept by a later version")
        db.execute("create table later (id integer primary key, facts text, manifest blob) strict")
        said = f'{{"cells": ["{sha256}"]}}'
        facts, manifest = (None, zlib.compress(said.encode())) if packed else (said, None)
        db.execute("insert into later (facts, manifest) values (:facts, :manifest)", {"facts": facts, "manifest": manifest})
    assert collect(store, apply=True).rows == 0
    with open_reader(store) as db:
        assert blobs.read_body(store, db, sha256) == b"kept by a later version"


def test_the_file_of_a_body_in_use_stays_even_when_its_row_is_lost(store: StoreLocation, script: Callable[..., Any]) -> None:
    used, *_ = fill(store, script)
    collect(store)
    with open_writer(store) as db:
        db.execute("delete from blob where sha256 = :sha256", {"sha256": used})
    age(store)
    collect(store, apply=True)
    assert names(store) == {used}
