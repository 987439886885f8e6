"""Writing: the cost of a logged value at the caller and all the way to its chunk, beside plain SQLite in the same run."""

from __future__ import annotations

import random
import sqlite3
import threading
import time
from pathlib import Path

import psutil

import nbtrack
from benchmarks.measure import Row, cpu_of, median, own_store, percentile
from nbtrack.store.frames import Kind
from nbtrack.store.ids import new_id, wall_ms
from nbtrack.tracking.session import current

KEYS = [f"metric_{number}" for number in range(10)]


def plain_database(folder: Path) -> sqlite3.Connection:
    """Open the plain limit: SQLite in WAL mode, synchronous NORMAL, one row a point."""
    db = sqlite3.connect(folder / "plain.db", isolation_level=None)
    db.execute("pragma journal_mode = wal")
    db.execute("pragma synchronous = normal")
    db.execute("create table point (run text, key text, step integer, at integer, value real)")
    db.execute("create table cell (id text, source text, output text)")
    return db


def rows() -> list[Row]:
    """Measure every writing bar."""
    return [*_callers(), *_to_chunks(), _cell_record(), *_run_life(), _writer_thread()]


def _callers(rounds: int = 30, calls: int = 1000) -> list[Row]:
    insert = "insert into point values (?, ?, ?, ?, ?)"
    times: dict[str, list[float]] = {"log": [], "insert": [], "log10": [], "insert10": []}
    with own_store() as folder, nbtrack.run("scalar") as run:
        db, clock = plain_database(folder), time.perf_counter_ns
        nbtrack.log({"loss": 0.5}, step=0)
        nbtrack.flush(30)
        step = 0
        for _ in range(rounds):
            for _ in range(calls):
                step += 1
                value = random.random()
                begin = clock()
                nbtrack.log({"loss": value}, step=step)
                times["log"].append(clock() - begin)
            for _ in range(calls):
                begin = clock()
                db.execute(insert, (run.id, "loss", step, time.time_ns(), value))
                times["insert"].append(clock() - begin)
            for _ in range(calls // 10):
                step += 1
                values = {key: random.random() for key in KEYS}
                begin = clock()
                nbtrack.log(values, step=step)
                times["log10"].append(clock() - begin)
                begin = clock()
                db.execute("begin")
                for key, one in values.items():
                    db.execute(insert, (run.id, key, step, time.time_ns(), one))
                db.execute("commit")
                times["insert10"].append(clock() - begin)
        db.close()
    us = {name: (median(found) / 1000, percentile(found, 0.99) / 1000) for name, found in times.items()}
    p50, p99 = us["log"][0] / us["insert"][0], us["log"][1] / us["insert"][1]
    ten = us["log10"][0] / us["insert10"][0]
    return [
        Row("log() one scalar, p50", f"{us['log'][0]:.2f} us", f"plain INSERT {us['insert'][0]:.2f} us: {p50:.2f}x", "<= 0.5x", p50 <= 0.5),
        Row("log() one scalar, p99", f"{us['log'][1]:.2f} us", f"plain INSERT {us['insert'][1]:.2f} us: {p99:.2f}x", "<= 0.5x", p99 <= 0.5),
        Row(
            "log() ten metrics, p50",
            f"{us['log10'][0]:.2f} us",
            f"10-row transaction {us['insert10'][0]:.1f} us: {ten:.2f}x",
            "<= 0.15x",
            ten <= 0.15,
        ),
    ]


def _to_chunks(points: int = 200_000) -> list[Row]:
    """CPU of all threads from the call to the chunk, and bytes a point of random doubles."""
    found: dict[str, float] = {}
    live = sealed = 0.0
    for name, keys in (("scalars", ["loss"]), ("ten", KEYS)):
        with own_store() as folder, nbtrack.run(name):
            values = [{key: random.random() for key in keys} for _ in range(points // len(keys))]
            nbtrack.log(values[0], step=0)
            nbtrack.flush(30)
            _checkpoint(folder)
            base = _database_size(folder)

            def work(keys: list[str] = keys, values: list[dict[str, float]] = values) -> None:
                for step in range(points // len(keys)):
                    nbtrack.log(values[step], step=step)
                nbtrack.flush(60)

            found[name] = cpu_of(work) / points * 1e6
            if name == "ten":
                _checkpoint(folder)
                live = (_database_size(folder) - base) / points
    with own_store() as folder:
        with nbtrack.run("size"):
            nbtrack.log({"loss": 0.5}, step=0)
            nbtrack.flush(60)
            _checkpoint(folder)
            empty = _database_size(folder)
            for step in range(points):
                nbtrack.log({"loss": random.random()}, step=step)
        nbtrack.flush(60)
        _checkpoint(folder)
        sealed = (_database_size(folder) - empty) / points
    return [
        Row("CPU a point, ten metrics, call to chunk", f"{found['ten']:.2f} us", "all threads", "<= 2 us", found["ten"] <= 2),
        Row("CPU a point, scalars, call to chunk", f"{found['scalars']:.2f} us", "all threads", "<= 4 us", found["scalars"] <= 4),
        Row(
            "disk, random doubles, run finished",
            f"{sealed:.1f} bytes a point",
            f"a double alone is 8; an empty store has {empty / 1000:.0f} kB",
            "<= 8.5",
            sealed <= 8.5,
        ),
        Row(
            "disk, run open",
            f"{live:.1f} bytes a point",
            "beside it at most 4 MB of journal a process and 8 MB of WAL",
            "<= 15",
            live <= 15,
        ),
    ]


def _cell_record(cells: int = 2000) -> Row:
    source, output = "x = 1  # a line of code\n" * 88, "epoch 1 loss 0.5\n" * 300
    ours: list[float] = []
    plain: list[float] = []
    with own_store() as folder:
        db, session = plain_database(folder), current()
        session.announce()
        session.writer.flush(30)
        for number in range(cells):
            text = f"{number}\n{source}"
            execution = new_id()  # outside the clock: both ways need it
            begin = time.perf_counter_ns()
            head = {"id": execution, "session": session.id, "seq": number, "count": number, "hash": execution, "wall": wall_ms()}
            session.writer.append(Kind.EXECUTION, head, (text.encode(),))
            outputs = [{"kind": "stdout", "mime": "text/plain", "size": len(output), "body": 0}]
            end = {"id": execution, "status": "ok", "duration_us": 10, "cpu_us": 10, "outputs": outputs}
            session.writer.append(Kind.EXECUTION_END, end, (output.encode(),))
            ours.append(time.perf_counter_ns() - begin)
            begin = time.perf_counter_ns()
            db.execute("insert into cell values (?, ?, ?)", (execution, text, output))
            plain.append(time.perf_counter_ns() - begin)
        db.close()
    ratio = median(ours) / median(plain)
    figure = f"{median(ours) / 1000:.1f} us"
    return Row(
        "cell record, 2 KB source and 5 KB output",
        figure,
        f"plain INSERT {median(plain) / 1000:.1f} us: {ratio:.2f}x",
        "<= 1.2x",
        ratio <= 1.2,
    )


def _run_life(runs: int = 300) -> list[Row]:
    def life(number: int) -> None:
        with nbtrack.run(f"run {number}", params={f"p{one}": number + one for one in range(10)}, tags={"a": 1, "b": 2, "c": 3}) as run:
            run.log({f"m{one}": number * 0.1 for one in range(5)}, step=0)

    found = {}
    for name, environment in (("without", "off"), ("with", "on")):
        with own_store():
            current().change_setting("capture.environment", environment)
            life(0)
            nbtrack.flush(30)

            def work() -> None:
                for number in range(runs):
                    life(number)

            found[name] = cpu_of(work) / runs * 1000
    text = "create, 10 params, 5 metrics, 3 tags, finish"
    return [
        Row(f"run: {text}", f"{found['without']:.2f} ms CPU", "all threads, while it is ingested", "<= 0.3 ms", found["without"] <= 0.3),
        Row(
            "the same with environment",
            f"{found['with']:.2f} ms CPU",
            "all threads, while it is ingested",
            "<= 0.5 ms",
            found["with"] <= 0.5,
        ),
    ]


def _writer_thread(seconds: float = 6.0, rate: int = 27_000) -> Row:
    """Share of a core that the writer thread takes while 27,000 points a second come in, ten a step."""
    with own_store(), nbtrack.run("steady"):
        nbtrack.log(dict.fromkeys(KEYS, 0.5), step=0)
        nbtrack.flush(30)
        main = threading.get_native_id()
        before = _thread_seconds()
        start, step = time.perf_counter(), 0
        while (now := time.perf_counter() - start) < seconds:
            due = int(now * rate / 10)
            while step < due:
                step += 1
                nbtrack.log({key: random.random() for key in KEYS}, step=step)
            time.sleep(0.002)
        took = time.perf_counter() - start
        after = _thread_seconds()
    spent = sum(after[tid] - before.get(tid, 0) for tid in after if tid != main)
    share = spent / took
    return Row(
        "writer thread at 27,000 points/s",
        f"{share * 100:.1f} % of a core",
        f"{step * 10 / took:,.0f} points/s came in",
        "<= 2 %",
        share <= 0.02,
    )


def _thread_seconds() -> dict[int, float]:
    """CPU seconds of every thread; Linux tells them to the nanosecond, elsewhere a clock tick is 10 ms."""
    tasks = Path("/proc/self/task")
    if not tasks.is_dir():
        return {one.id: one.user_time + one.system_time for one in psutil.Process().threads()}
    return {int(task.name): int((task / "schedstat").read_text().split()[0]) / 1e9 for task in tasks.iterdir()}


def _database_size(folder: Path) -> int:
    return (folder / ".nbtrack" / "store.db").stat().st_size


def _checkpoint(folder: Path) -> None:
    """Bring the WAL into the database file, so that its size says what is stored."""
    db = sqlite3.connect(folder / ".nbtrack" / "store.db", isolation_level=None)
    db.execute("pragma wal_checkpoint(truncate)")
    db.close()
