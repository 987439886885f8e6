"""Whatever is logged in whatever order and company, a series gives back one point a step, the last one logged, and its summary agrees."""

from __future__ import annotations

import json
import math
import sqlite3
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.config import StoreLocation
from nbtrack.store import frames, points
from nbtrack.store.batch import read_batch
from nbtrack.store.chunks import Column
from nbtrack.store.connection import open_writer
from nbtrack.store.points import Points, decode_line, finish_lines, kept_indexes, read_points, store_points
from nbtrack.store.schema import FIRST_SCHEMA
from nbtrack.store.summary import COLUMNS, Summary, join_number, record_of, split_number

RUN = "01890000000070008000000000000001"
KEYS = ("loss", "acc", "f1")
VALUES = st.one_of(st.floats(allow_nan=True, width=32), st.sampled_from([-0.0, 0.0, math.inf, -math.inf, 1.5]))
LOGS = st.lists(
    st.tuples(
        st.sets(st.sampled_from(KEYS), min_size=1).map(lambda keys: tuple(sorted(keys))),
        st.integers(-3, 12),
        st.lists(VALUES, min_size=3, max_size=3),
    ),
    min_size=1, max_size=40,
)  # fmt: skip


def memory_store() -> sqlite3.Connection:
    db = sqlite3.connect(":memory:", isolation_level=None)
    for statement in FIRST_SCHEMA:
        db.execute(statement)
    db.execute("pragma foreign_keys = on")
    db.execute("insert into run (id, origin, state, started_at) values (:id, 'api', 'running', 0)", {"id": RUN})
    return db


def store_logs(db: sqlite3.Connection, logs: list[tuple[tuple[str, ...], int, list[float]]], begin: int) -> None:
    data = b"".join(
        frames.pack_points(frames.series(RUN, keys), 1000 * (begin + number), step, values[: len(keys)])
        for number, (keys, step, values) in enumerate(logs)
    )
    batch = read_batch(data, final=True)
    assert batch.used == len(data)
    store_points(db, RUN, [decode_line(line, lambda clocks: [us // 1000 for us in clocks]) for line in batch.lines])


def series(db: sqlite3.Connection, key: str) -> tuple[list[int], list[float | int], list[int], Summary] | None:
    row = db.execute(f"select {COLUMNS} from metric where key = :key", {"key": key}).fetchone()
    if row is None:
        return None
    steps, column, ats = read_points(db, RUN, key, row[0])
    return list(steps), column.numbers(), list(ats), Summary(row)


def same(one: float, other: float) -> bool:
    return (one != one and other != other) or (one == other and math.copysign(1, one) == math.copysign(1, other))


def check_against_model(db: sqlite3.Connection, logs: list[tuple[tuple[str, ...], int, list[float]]]) -> None:
    for key in KEYS:
        model: dict[int, tuple[float, int]] = {}
        logged = 0
        for number, (keys, step, values) in enumerate(logs):
            if key in keys:
                model[step] = (values[keys.index(key)], number)
                logged += 1
        found = series(db, key)
        if not model:
            assert found is None
            continue
        assert found is not None
        steps, values, ats, summary = found
        assert steps == sorted(model)
        assert all(same(value, model[step][0]) for step, value in zip(steps, values, strict=True))
        assert ats == [model[step][1] for step in steps]
        real = [value for value in values if value == value]
        record = record_of([getattr(summary, name) for name in COLUMNS.split(", ")])
        assert same(record.last, values[-1])
        assert (record.last_step, record.first_step, record.count) == (steps[-1], steps[0], len(steps))
        assert record.nan_count == len(values) - len(real)
        assert record.repeated == logged - len(model)
        assert record.minimum == (min(real) if real else None)
        assert record.maximum == (max(real) if real else None)
        if real and all(map(math.isfinite, real)):
            assert record.mean == pytest.approx(sum(real) / len(real), rel=1e-6, abs=1e-6 * max(map(abs, real)))
            assert record.minimum == values[steps.index(record.min_step)]
            assert record.maximum == values[steps.index(record.max_step)]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(LOGS, st.lists(st.integers(1, 9), min_size=1), st.sampled_from([2, 4, 64]), st.sampled_from([5, 16, 4000]), st.booleans())
def test_points_and_summaries_agree_with_a_plain_dictionary(
    logs: list[Any], cuts: list[int], raw_blocks: int, sealed: int, finish: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(points, "RAW_BLOCKS", raw_blocks)
        patch.setattr(points, "SEALED_POINTS", sealed)
        patch.setattr(points, "_SEAL_AT_END", 3)
        patch.setattr(points, "_LONG", 4)
        db = memory_store()
        begin, turn = 0, 0
        while begin < len(logs):
            size = cuts[turn % len(cuts)]
            store_logs(db, logs[begin : begin + size], begin)
            if finish and turn % 3 == 2:
                finish_lines(db, RUN)
            begin, turn = begin + size, turn + 1
        if finish:
            finish_lines(db, RUN)
        check_against_model(db, logs)
        db.close()


def test_sixty_four_raw_blocks_are_merged_and_four_thousand_points_are_sealed() -> None:
    db = memory_store()
    for number in range(63):
        store_logs(db, [(("loss",), number, [1.0])], number)
    assert db.execute("select count(*) from metric_block").fetchone() == (63,)
    store_logs(db, [(("loss",), 63, [1.0])], 63)
    assert db.execute("select count(*), sum(count) from metric_block where body is not null").fetchone() == (1, 64)
    store_logs(db, [(("loss",), step, [float(step)]) for step in range(64, 9000)], 64)
    assert db.execute("select count(*) from metric_block where body is null and count = 4000").fetchone() == (2,)
    assert db.execute("select count(*), sum(count) from metric_block where body is not null").fetchone() == (1, 1000)
    finish_lines(db, RUN)
    assert db.execute("select count(*) from metric_block where body is not null").fetchone() == (0,)
    found = series(db, "loss")
    assert found is not None and found[0] == list(range(9000))
    db.close()


def test_ten_keys_logged_together_share_their_axis() -> None:
    db = memory_store()
    keys = tuple(f"m{number}" for number in range(10))
    line = frames.series(RUN, keys)
    data = b"".join(frames.pack_points(line, step, step, [float(step)] * 10) for step in range(4000))
    store_points(db, RUN, [decode_line(one, list) for one in read_batch(data, final=True).lines])
    assert db.execute("select count(*) from metric_block").fetchone() == (1,)
    assert db.execute("select count(*) from metric_chunk").fetchone() == (10,)
    db.close()


def test_a_key_in_other_company_goes_on_alone_and_repeats_are_won_by_the_last() -> None:
    db = memory_store()
    store_logs(db, [(("acc", "loss"), 1, [0.1, 1.0])], 0)
    store_logs(db, [(("loss",), 1, [2.0]), (("acc", "loss"), 1, [0.3, 3.0]), (("loss",), 1, [4.0])], 1)
    assert series(db, "loss")[:2] == ([1], [4.0])  # type: ignore[index]
    assert series(db, "acc")[:2] == ([1], [0.3])  # type: ignore[index]
    lines = db.execute("select keys, retired from metric_line order by retired desc, keys").fetchall()
    assert [(json.loads(keys), retired) for keys, retired in lines] == [(["acc", "loss"], 1), (["acc"], 0), (["loss"], 0)]
    db.close()


def test_a_damaged_block_costs_itself_only(store: StoreLocation) -> None:
    with open_writer(store) as db:
        db.execute("insert into run (id, origin, state, started_at) values (:id, 'api', 'running', 0)", {"id": RUN})
        store_logs(db, [(("loss",), 1, [1.0])], 0)
        db.execute("update metric_block set body = x'00'")
        for number in range(70):
            store_logs(db, [(("loss",), 2 + number, [1.0])], number)
        assert db.execute("select sum(count) from metric_block").fetchone() == (71,)


def test_kept_indexes_say_nothing_when_there_is_nothing_to_do() -> None:
    assert kept_indexes([1, 2, 3]) is None
    assert kept_indexes([1, 5, 9]) is None
    assert kept_indexes([1, 1, 0, 3, 0]) == [4, 1, 3]


@pytest.mark.parametrize("value", [1.5, -0.0, 0.0, math.nan, math.inf, -math.inf, 2**53 + 1, -(10**400), 5e-324])
def test_a_number_survives_its_column(value: float) -> None:
    real, exact = split_number(value)
    db = sqlite3.connect(":memory:")
    db.execute("create table t (a real, b text) strict")
    db.execute("insert into t values (?, ?)", (real, exact))
    back = join_number(*db.execute("select a, b from t").fetchone())
    assert (back != back and value != value) or back == value
    if value == 0:
        assert math.copysign(1, back) == math.copysign(1, value)
    db.close()


def test_settling_keeps_exact_numbers_with_their_steps() -> None:
    group = Points(("n",), [3, 1, 3], [1, 2, 3], [Column.of([2**60 + 1, 5.0, 2**61 + 1])])
    group.settle()
    assert (group.steps, group.ats, group.columns[0].numbers(), group.repeated) == ([1, 3], [2, 3], [5.0, 2**61 + 1], 1)
