"""Metric points into blocks and back: lines of a batch in; rows of ``metric``, ``metric_line``, ``metric_block``, ``metric_chunk`` out.

Keys logged together form a **line** and share steps and moments. A batch adds one raw block to a line; when 64 blocks or 4,000 points are
waiting, they are merged and whole groups of 4,000 points are **sealed**: the block keeps the axis, each key its own chunk. A key has one
line at a time. When a key turns up in another company, its line is retired and its keys go on alone, so that for every key the order of the
blocks is the order of logging: a repeated step keeps the last value.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice, pairwise
from operator import lt

from nbtrack.store.batch import Line
from nbtrack.store.chunks import (
    RAW_BLOCKS,
    SEALED_POINTS,
    Column,
    Damaged,
    Deferred,
    pack_columns,
    pack_integers,
    pack_values,
    progression_of,
    unpack_columns,
    unpack_integers,
    unpack_values,
)
from nbtrack.store.summary import COLUMNS, Summary

_LONG = 1000
_SEAL_AT_END = 256  # a shorter rest stays one block when its run ends: rows of its own would cost more than they save

_UPDATE_SUMMARY = """
    update metric set line_id = :line_id, count = :count, nan_count = :nan_count, repeated = :repeated, last = :last,
        last_exact = :last_exact, last_step = :last_step, last_at = :last_at, first_step = :first_step, minimum = :minimum,
        min_step = :min_step, maximum = :maximum, max_step = :max_step, total = :total, text = :text, text_step = :text_step
    where id = :id
"""


@dataclass(slots=True)
class Points:
    """Decoded points of some keys of one run, in the order of logging; ``order`` says where each stretch of rows stood in the journal."""

    keys: tuple[str, ...]
    steps: Sequence[int]
    ats: Sequence[int]
    columns: list[Column]
    marks: list[tuple[int, int]] = field(default_factory=list)
    repeated: int = 0

    def settle(self) -> None:
        """Bring the rows into step order and drop those whose step was logged again later."""
        kept = kept_indexes(self.steps)
        if kept is not None:
            self.repeated = len(self.steps) - len(kept)
            self.steps = [self.steps[index] for index in kept]
            self.ats = [self.ats[index] for index in kept]
            self.columns = [column.picked(kept) for column in self.columns]


def decode_line(line: Line, moment: Callable[[list[int]], list[int]]) -> Points:
    """Decode the tails of a line; ``moment`` turns boot clocks into UTC milliseconds."""
    data = b"".join(line.tails)
    width = len(line.keys) + 2
    if sys.byteorder != "little":
        swapped = array("Q", data)
        swapped.byteswap()
        data = swapped.tobytes()
    integers, doubles = memoryview(data).cast("q"), memoryview(data).cast("d")
    columns = [Column(array("d", doubles[place::width].tobytes())) for place in range(2, width)]
    return Points(line.keys, integers[1::width].tolist(), moment(integers[0::width].tolist()), columns, line.marks)


def store_points(db: sqlite3.Connection, run_id: str, groups: Sequence[Points]) -> None:
    """Add decoded points to a run that has its row: blocks, summaries, and merges that are due."""
    keys = {key for group in groups for key in group.keys}
    summaries = _load_summaries(db, run_id, keys)
    together, apart = _arrange(db, run_id, groups, summaries)
    for group in (*together, *apart):
        group.settle()
        _store_group(db, run_id, group, summaries)
    db.executemany(_UPDATE_SUMMARY, [summary.values() for summary in summaries.values()])


def store_text(db: sqlite3.Connection, run_id: str, key: str, step: int, text: str) -> None:
    """Keep a metric value that is no number: it is shown as last value until a number of a later step comes."""
    db.execute(
        """
        insert into metric (run_id, key, text, text_step) values (:run_id, :key, :text, :step)
        on conflict (run_id, key, protocol, data) do update set text = excluded.text, text_step = excluded.text_step
            where excluded.text_step >= coalesce(metric.text_step, excluded.text_step)
        """,
        {"run_id": run_id, "key": key, "text": text, "step": step},
    )


def finish_lines(db: sqlite3.Connection, run_id: str) -> None:
    """Make the points of a run small, because it has ended."""
    waiting = "select id from metric_line where run_id = :run_id and raw_blocks > 0 order by id"
    for (line_id,) in db.execute(waiting, {"run_id": run_id}).fetchall():
        merge_blocks(db, line_id, finish=True)


def kept_indexes(steps: Sequence[int]) -> list[int] | None:
    """Return the indexes that give strictly rising steps, of equal ones the last; None when that is all of them in their order."""
    if steps[-1] - steps[0] == len(steps) - 1 and list(steps) == list(range(steps[0], steps[-1] + 1)):
        return None
    if all(map(lt, steps, islice(steps, 1, None))):
        return None
    latest = {step: index for index, step in enumerate(steps)}
    return [latest[step] for step in sorted(latest)]


def read_points(db: sqlite3.Connection, run_id: str, key: str, metric_id: int) -> tuple[Sequence[int], Column, Sequence[int]]:
    """Read all points of one series in step order: steps, values, moments.

    Long evenly stepped series give a ``range``, and moments that are unpacked when somebody looks at them.
    """
    parts: list[tuple[int, bytes, bytes]] = []
    values = Column(array("d"))
    rising, last = True, None
    for line_id, place in _lines_of(db, run_id, key):
        for count, first_step, last_step, axis, body, chunk in db.execute(
            """
            select block.count, block.first_step, block.last_step, block.axis, block.body, chunk.body
            from metric_block as block left join metric_chunk as chunk on chunk.block_id = block.id and chunk.metric_id = :metric_id
            where block.line_id = :line_id order by block.id
            """,
            {"line_id": line_id, "metric_id": metric_id},
        ):
            rising, last = rising and (last is None or first_step > last), last_step
            packed_steps, packed_ats = unpack_columns(axis)
            parts.append((count, packed_steps, packed_ats))
            (packed,) = unpack_columns(chunk) if body is None else unpack_columns(body)[place : place + 1]
            values.append(unpack_values(packed, count))
    steps = _joined_steps(parts)
    ats: Sequence[int] = Deferred([(packed, count) for count, _, packed in parts])
    kept = None if rising or not parts else kept_indexes(steps)
    if kept is not None:
        moments = list(ats)
        return [steps[index] for index in kept], values.picked(kept), [moments[index] for index in kept]
    return steps, values, ats if len(values) >= _LONG else list(ats)


def _lines_of(db: sqlite3.Connection, run_id: str, key: str) -> list[tuple[int, int]]:
    """The lines that hold points of a key, in their order, each with the place of the key in it."""
    rows = db.execute("select id, keys from metric_line where run_id = :run_id order by id", {"run_id": run_id}).fetchall()
    lines = ((line_id, json.loads(keys)) for line_id, keys in rows)
    return [(line_id, keys.index(key)) for line_id, keys in lines if key in keys]


def _joined_steps(parts: Sequence[tuple[int, bytes, bytes]]) -> Sequence[int]:
    whole: range | None = None
    for count, packed, _ in parts:
        part = progression_of(packed, count)
        if part is None or (whole is not None and (part.start != whole.stop or (part.step != whole.step and count > 1))):
            break
        whole = part if whole is None else range(whole.start, whole.stop + count * whole.step, whole.step)
    else:
        if whole is not None and len(whole) >= _LONG:
            return whole
    return [step for count, packed, _ in parts for step in unpack_integers(packed, count)]


def merge_blocks(db: sqlite3.Connection, line_id: int, *, finish: bool) -> None:
    """Merge the raw blocks of a line, seal whole groups of 4,000 points, and (``finish``) make the rest small too."""
    run_id, listed = db.execute("select run_id, keys from metric_line where id = :line_id", {"line_id": line_id}).fetchone()
    keys = tuple(json.loads(listed))
    all_steps: list[int] = []
    all_ats: list[int] = []
    points, merged = Points(keys, all_steps, all_ats, [Column(array("d")) for _ in keys]), []
    for block_id, count, axis, body in db.execute(
        "select id, count, axis, body from metric_block where line_id = :line_id and body is not null order by id", {"line_id": line_id}
    ).fetchall():
        try:
            steps, ats = map(unpack_integers, unpack_columns(axis), (count, count))
            columns = [unpack_values(packed, count) for packed in unpack_columns(body)]
        except Damaged:
            continue  # it stays as it is, for fsck to name; what comes after it must not be lost with it
        merged.append({"id": block_id})
        all_steps += steps
        all_ats += ats
        for column, more in zip(points.columns, columns, strict=True):
            column.append(more)
    left = 0
    if merged:
        points.settle()
        db.executemany("delete from metric_block where id = :id", merged)
        rest = _seal_whole_groups(db, run_id, line_id, points, finish=finish)
        left = len(points.steps) - rest
        if left:
            _insert_block(db, line_id, points, rest, len(points.steps), seal=finish)
    db.execute(
        "update metric_line set raw_blocks = :blocks, raw_points = :points where id = :line_id",
        {"blocks": 0 if finish or not left else 1, "points": 0 if finish else left, "line_id": line_id},
    )


def _seal_whole_groups(db: sqlite3.Connection, run_id: str, line_id: int, points: Points, *, finish: bool) -> int:
    total = len(points.steps)
    end = total if finish and total % SEALED_POINTS >= _SEAL_AT_END else total - total % SEALED_POINTS
    if not end:
        return 0
    ids = dict(
        db.execute(
            """
            select key, id from metric
            where run_id = :run_id and protocol = '' and data = '' and key in (select value from json_each(:keys))
            """,
            {"run_id": run_id, "keys": json.dumps(points.keys)},
        ).fetchall()
    )
    for start in range(0, end, SEALED_POINTS):
        stop = min(start + SEALED_POINTS, end)
        block_id = _insert_block_row(db, line_id, points, start, stop, None, seal=True)
        db.executemany(
            "insert into metric_chunk (block_id, metric_id, body) values (:block_id, :metric_id, :body)",
            [
                {"block_id": block_id, "metric_id": ids[key], "body": pack_columns([pack_values(column.part(start, stop), seal=True)])}
                for key, column in zip(points.keys, points.columns, strict=True)
            ],
        )
    return end


def _load_summaries(db: sqlite3.Connection, run_id: str, keys: Iterable[str]) -> dict[str, Summary]:
    rows = db.execute(
        f"""
        select {COLUMNS} from metric
        where run_id = :run_id and protocol = '' and data = '' and key in (select value from json_each(:keys))
        """,
        {"run_id": run_id, "keys": json.dumps(sorted(keys))},
    )
    return {row[1]: Summary(row) for row in rows}


def _arrange(
    db: sqlite3.Connection, run_id: str, groups: Sequence[Points], summaries: dict[str, Summary]
) -> tuple[list[Points], list[Points]]:
    """Divide the groups into those stored as they are, and single keys made of those whose keys also turn up in other company."""
    company: dict[str, int] = {}
    for group in groups:
        for key in group.keys:
            company[key] = company.get(key, 0) + 1
    together, mixed = [], []
    for group in groups:
        alone = len(group.keys) == 1 and company[group.keys[0]] == 1
        if all(company[key] == 1 for key in group.keys) and (alone or _may_stay(db, run_id, group.keys, summaries)):
            together.append(group)
        else:
            mixed.append(group)
    return together, _single_keys(mixed)


def _may_stay(db: sqlite3.Connection, run_id: str, keys: tuple[str, ...], summaries: dict[str, Summary]) -> bool:
    homes = {summaries[key].line_id for key in keys if key in summaries}
    if not homes or homes == {None}:
        return True
    line = _find_line(db, run_id, keys)
    return line is not None and homes == {line[0]} and not line[1]


def _single_keys(groups: Sequence[Points]) -> list[Points]:
    """Take groups apart into single keys, each with its points in the order of logging."""
    rows = []
    for number, group in enumerate(groups):
        marks = [*group.marks, (0, len(group.steps))] if group.marks else [(0, 0), (0, len(group.steps))]
        for (place, first), (_, end) in pairwise(marks):
            rows += [(place, index, number) for index in range(first, end)]
    rows.sort()
    single: dict[str, tuple[list[int], list[int], list[float | int]]] = {}
    numbers = [[column.numbers() for column in group.columns] for group in groups]
    for _, index, number in rows:
        group = groups[number]
        for key, values in zip(group.keys, numbers[number], strict=True):
            steps, ats, kept = single.setdefault(key, ([], [], []))
            steps.append(group.steps[index])
            ats.append(group.ats[index])
            kept.append(values[index])
    return [Points((key,), steps, ats, [Column.of(values)]) for key, (steps, ats, values) in single.items()]


def _store_group(db: sqlite3.Connection, run_id: str, group: Points, summaries: dict[str, Summary]) -> None:
    line_id, raw_blocks, raw_points = _line_for(db, run_id, group.keys, summaries)
    _insert_block(db, line_id, group, 0, len(group.steps), seal=False)
    raw_blocks, raw_points = raw_blocks + 1, raw_points + len(group.steps)
    db.execute(
        "update metric_line set raw_blocks = :blocks, raw_points = :points where id = :line_id",
        {"blocks": raw_blocks, "points": raw_points, "line_id": line_id},
    )
    for key, column in zip(group.keys, group.columns, strict=True):
        summary = summaries[key]
        summary.repeated += group.repeated
        if not summary.add(group.steps, column, group.ats):
            _summarise_again(db, run_id, summary, len(group.steps))
    if raw_blocks >= RAW_BLOCKS or raw_points >= SEALED_POINTS:
        merge_blocks(db, line_id, finish=False)


def _summarise_again(db: sqlite3.Connection, run_id: str, summary: Summary, added: int) -> None:
    try:
        steps, values, ats = read_points(db, run_id, summary.key, summary.id)
    except Damaged:
        return  # fsck names the block, and sums up again what is left
    summary.repeated += summary.count + added - len(steps)
    summary.reset()
    summary.add(steps, values, ats)


def _line_for(db: sqlite3.Connection, run_id: str, keys: tuple[str, ...], summaries: dict[str, Summary]) -> tuple[int, int, int]:
    """Find or make the line of these keys and make it their home, retiring the line a key lived in before."""
    found = _find_line(db, run_id, keys)
    if found is None:
        made = db.execute(
            "insert into metric_line (run_id, keys) values (:run_id, :keys) returning id", {"run_id": run_id, "keys": _listed(keys)}
        ).fetchone()
        found = (made[0], 0, 0, 0)
    line_id = found[0]
    for key in keys:
        summary = summaries.get(key)
        if summary is None:
            row = db.execute(
                f"insert into metric (run_id, key) values (:run_id, :key) returning {COLUMNS}", {"run_id": run_id, "key": key}
            ).fetchone()
            summary = summaries[key] = Summary(row)
        if summary.line_id is not None and summary.line_id != line_id:
            _retire(db, summary.line_id)
        summary.line_id = line_id
    return line_id, found[2], found[3]


def _find_line(db: sqlite3.Connection, run_id: str, keys: tuple[str, ...]) -> tuple[int, int, int, int] | None:
    found: tuple[int, int, int, int] | None = db.execute(
        "select id, retired, raw_blocks, raw_points from metric_line where run_id = :run_id and keys = :keys",
        {"run_id": run_id, "keys": _listed(keys)},
    ).fetchone()
    return found


def _retire(db: sqlite3.Connection, line_id: int) -> None:
    merge_blocks(db, line_id, finish=True)
    db.execute("update metric_line set retired = 1 where id = :line_id", {"line_id": line_id})


def _insert_block(db: sqlite3.Connection, line_id: int, points: Points, start: int, stop: int, *, seal: bool) -> None:
    body = pack_columns(pack_values(column.part(start, stop), seal=seal) for column in points.columns)
    _insert_block_row(db, line_id, points, start, stop, body, seal=seal)


def _insert_block_row(
    db: sqlite3.Connection, line_id: int, points: Points, start: int, stop: int, body: bytes | None, *, seal: bool
) -> int:
    steps, ats = points.steps[start:stop], points.ats[start:stop]
    cursor = db.execute(
        """
        insert into metric_block (line_id, count, first_step, last_step, axis, body)
        values (:line_id, :count, :first_step, :last_step, :axis, :body)
        """,
        {
            "line_id": line_id,
            "count": len(steps),
            "first_step": steps[0],
            "last_step": steps[-1],
            "axis": pack_columns((pack_integers(steps, seal=seal), pack_integers(ats, seal=seal))),
            "body": body,
        },
    )
    return int(cursor.lastrowid or 0)


def _listed(keys: tuple[str, ...]) -> str:
    return json.dumps(keys, ensure_ascii=False, separators=(",", ":"))
