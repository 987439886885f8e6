"""The promises of the write path, each in a short form here and in a long form with ``--long``; the numbers are those of the promises."""

from __future__ import annotations

import hashlib
import json
import os
import random
import shutil
import signal
import struct
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest

from nbtrack.config import Settings, StoreLocation
from nbtrack.store import frames, ids
from nbtrack.store.connection import open_reader
from nbtrack.store.frames import Kind
from nbtrack.store.ingest import ingest
from nbtrack.store.journal import Journal
from nbtrack.store.metrics import read_series
from nbtrack.store.writer import Writer

ROOT = Path(__file__).resolve().parents[2]
RUN = "0123456789abcdef0123456789abcdef"
LOSS = frames.series(RUN, ("loss",))

StartPython = Callable[..., "subprocess.Popen[bytes]"]
RunPython = Callable[..., str]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs fork, signals and mounts")


def note(one: Writer | Journal, text: str, run: str = RUN) -> None:
    one.append(Kind.NOTE, {"run": run, "text": text})


def notes(location: StoreLocation) -> list[str]:
    with open_reader(location) as db:
        return [text for (text,) in db.execute("select text from note order by id")]


def steps(location: StoreLocation, run: str, key: str = "loss") -> list[int]:
    with open_reader(location) as db:
        return list(read_series(db, run, key).steps)


def state_of(location: StoreLocation, run: str) -> str:
    with open_reader(location) as db:
        return str(db.execute("select state from run where id = :run", {"run": run}).fetchone()[0])


def assert_whole(location: StoreLocation) -> None:
    """The database is sound and no step of any series came in twice."""
    with open_reader(location) as db:
        assert db.execute("pragma integrity_check").fetchone() == ("ok",)
        assert db.execute("select coalesce(sum(repeated), 0) from metric").fetchone() == (0,)


# -- 1: SIGKILL ------------------------------------------------------------------------------------------------------------------

KILLED = """
    import json, mmap, os, random, signal, struct, sys, time
    from nbtrack.config import Settings, open_location
    from nbtrack.store import frames, journal, pump
    from nbtrack.store.frames import Kind
    from nbtrack.store.writer import Writer

    journal.ROTATE_BYTES, pump.TICK_S = 30_000, 0.005

    def work(run, returned):
        writer = Writer(open_location(sys.argv[1]), Settings())
        line = frames.series(run, ("loss",))
        writer.append(Kind.RUN, {"id": run, "experiment": "killed", "origin": "api"})
        step = 0
        while True:
            step += 1
            writer.points(line, step, (1.0,))
            if step % 5 == 0:
                writer.append(Kind.NOTE, {"run": run, "text": f"{run} {step}"})
            if step % 101 == 0:
                writer.flush(1)
            struct.pack_into("<q", returned, 0, step)
            if step % 20 == 0:
                time.sleep(0.0005)

    chance, told = random.Random(1), {}
    for turn in range(int(sys.argv[2])):
        children = {}
        for number in range(2):
            run, returned = f"{turn:016x}{number:016x}", mmap.mmap(-1, 8)
            child = os.fork()
            if child == 0:
                work(run, returned)
            children[child] = run, returned
        end = time.monotonic() + 30
        while time.monotonic() < end and any(struct.unpack("<q", returned)[0] == 0 for _, returned in children.values()):
            time.sleep(0.001)
        time.sleep(chance.uniform(0, 0.12))
        for child, (run, returned) in children.items():
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            told[run] = struct.unpack("<q", returned)[0]
    print(json.dumps(told))
    """


def test_1_sigkill_loses_no_returned_record_and_doubles_none(store: StoreLocation, run_python: RunPython, long_run: bool) -> None:
    told = json.loads(run_python(KILLED, store.folder, 200 if long_run else 20))
    report = ingest(store)
    assert report.problem == ""
    assert_whole(store)
    found = notes(store)
    assert len(found) == len(set(found))
    for run, returned in told.items():
        here = steps(store, run)
        assert here == list(range(1, len(here) + 1))
        assert len(here) >= returned > 0
        assert {f"{run} {step}" for step in range(5, returned + 1, 5)} <= set(found)
        assert state_of(store, run) == "killed"
    assert list(store.journal.glob("*.nbj")) == []


# -- 3: eight writers ------------------------------------------------------------------------------------------------------------

EIGHT = """
    import json, os, sys, time
    from nbtrack.config import Settings, open_location
    from nbtrack.store import frames
    from nbtrack.store.frames import Kind
    from nbtrack.store.writer import Writer

    def work(number, answer):
        writer, step, failed = Writer(open_location(sys.argv[1]), Settings()), 0, 0
        run = f"{number:032x}"
        line = frames.series(run, ("loss",))
        writer.append(Kind.RUN, {"id": run, "experiment": "eight", "origin": "api"})
        end = time.monotonic() + float(sys.argv[2])
        while time.monotonic() < end:
            for _ in range(10):
                writer.points(line, step, (1.0,))
                step += 1
            writer.append(Kind.NOTE, {"run": run, "text": f"{number} {step}"})
            failed += not writer.flush(30)
        writer.append(Kind.RUN_END, {"run": run, "state": "finished"})
        writer.close(10)
        os.write(answer, json.dumps([number, step, failed, writer.health().problem]).encode() + b"\\n")

    reading, writing = os.pipe()
    for number in range(8):
        if os.fork() == 0:
            work(number, writing)
            os._exit(0)
    for _ in range(8):
        assert os.wait()[1] == 0
    os.close(writing)
    sys.stdout.write(os.fdopen(reading).read())
    """


def test_3_eight_writers_lose_nothing_and_share_fairly(store: StoreLocation, run_python: RunPython, long_run: bool) -> None:
    lines = run_python(EIGHT, store.folder, 60 if long_run else 2.5).splitlines()
    assert len(lines) == 8
    counts = {}
    for number, count, failed, problem in map(json.loads, lines):
        assert (failed, problem) == (0, "")
        counts[number] = count
    assert ingest(store).problem == ""
    assert_whole(store)
    found = notes(store)
    assert len(found) == len(set(found)) == sum(counts.values()) // 10
    for number, count in counts.items():
        run = f"{number:032x}"
        assert steps(store, run) == list(range(count))
        assert state_of(store, run) == "finished"
    assert min(counts.values()) * 3 >= max(counts.values()), counts


# -- 5: fork, spawn, forkserver, worker pools ------------------------------------------------------------------------------------

CHILDREN = """
    import multiprocessing, os, sys, threading
    from nbtrack.config import Settings, open_location
    from nbtrack.store import frames, pump
    from nbtrack.store.frames import Kind
    from nbtrack.store.writer import Writer

    FOLDER, METHOD, COUNT, PARENT = sys.argv[1], sys.argv[2], int(sys.argv[3]), "f" * 32
    pump.TICK_S = 0.001
    writer = None

    def record(number):
        global writer
        if writer is None:
            writer = Writer(open_location(FOLDER), Settings())
        run = f"{number:032x}"
        line = frames.series(run, ("loss",))
        writer.append(Kind.RUN, {"id": run, "experiment": "children", "origin": "api"})
        for step in range(50):
            writer.points(line, step, (1.0,))
        writer.append(Kind.NOTE, {"run": PARENT, "text": f"child {number}"})
        return number

    def main():
        global writer
        if METHOD in ("fork", "pool"):
            writer = Writer(open_location(FOLDER), Settings())
        mine = writer or Writer(open_location(FOLDER), Settings())
        line, stop, counted = frames.series(PARENT, ("loss",)), threading.Event(), [0]
        mine.append(Kind.RUN, {"id": PARENT, "experiment": "children", "origin": "api"})
        def work():
            while not stop.wait(0.0005):
                for _ in range(20):
                    mine.points(line, counted[0], (1.0,))
                    counted[0] += 1
        thread = threading.Thread(target=work)
        thread.start()
        if METHOD == "loky":
            import joblib
            joblib.Parallel(n_jobs=3)(joblib.delayed(record)(number) for number in range(COUNT))
        elif METHOD == "pool":
            with multiprocessing.get_context("fork").Pool(4, maxtasksperchild=3) as pool:
                assert sorted(pool.map(record, range(COUNT), chunksize=1)) == list(range(COUNT))
                pool.close()
                pool.join()
        else:
            context = multiprocessing.get_context(METHOD)
            for first in range(0, COUNT, 4):
                processes = [context.Process(target=record, args=(number,)) for number in range(first, min(first + 4, COUNT))]
                for process in processes:
                    process.start()
                for process in processes:
                    process.join()
                    assert process.exitcode == 0
        stop.set()
        thread.join()
        mine.append(Kind.RUN_END, {"run": PARENT, "state": "finished"})
        assert mine.flush(60), mine.health()
        mine.close(10)
        print(counted[0])

    if __name__ == "__main__":
        main()
    """


@pytest.mark.parametrize(("method", "count"), [("fork", 40), ("pool", 30), ("spawn", 4), ("forkserver", 8), ("loky", 6)])
def test_5_rows_of_parents_and_children_are_all_there(
    method: str, count: int, store: StoreLocation, tmp_path: Path, long_run: bool
) -> None:
    if method == "loky":
        pytest.importorskip("joblib")
    if long_run:
        count *= 5
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(CHILDREN))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(program), str(store.folder), method, str(count)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=250)
    assert (done.returncode, done.stderr) == (0, "")
    report = ingest(store)
    assert (report.problem, report.damaged, report.undecodable) == ("", 0, 0)
    assert_whole(store)
    assert steps(store, "f" * 32) == list(range(int(done.stdout)))
    assert sorted(notes(store)) == sorted(f"child {number}" for number in range(count))
    for number in range(count):
        assert steps(store, f"{number:032x}") == list(range(50))
        if method != "loky":  # its workers are stopped, not ended
            assert state_of(store, f"{number:032x}") == "finished"
    assert state_of(store, "f" * 32) == "finished"


# -- 6: disk full ----------------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=False, capture_output=True)


def fill_up(path: Path, leave: int) -> None:
    """Take all room of a disk except about ``leave`` bytes."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 12):
            try:
                while True:
                    if file.write(b"x" * size) < size:
                        break
            except OSError:
                continue
    os.truncate(path, max(path.stat().st_size - leave, 0))


def test_6_a_disk_full_at_random_points_loses_nothing_and_reads_go_on(
    small_disk: Path, monkeypatch: pytest.MonkeyPatch, long_run: bool
) -> None:
    from nbtrack.config import open_location
    from nbtrack.store.migrations import migrate

    monkeypatch.setattr("nbtrack.store.journal.ROTATE_BYTES", 60_000)
    monkeypatch.setattr("nbtrack.store.pump.TICK_S", 0.01)
    location = open_location(small_disk / ".nbtrack")
    migrate(location)
    writer, chance = Writer(location, Settings()), random.Random(6)
    step, told = 0, []
    note(writer, "first")
    assert writer.flush(60)
    for turn in range(500 if long_run else 50):
        fill_up(small_disk / "filler", chance.choice([0, 0, 100, 5_000, 30_000]))
        for _ in range(chance.randrange(5, 60)):
            writer.points(LOSS, step, (1.0,))
            step += 1
        told.append(f"{turn} " + "x" * chance.choice([0, 10, 6_000]))
        note(writer, told[-1])
        if chance.random() < 0.3:
            writer.flush(0.05)
        assert notes(location)[0] == "first"
        (small_disk / "filler").unlink()
        if chance.random() < 0.5:
            assert writer.flush(60), writer.health()
    assert writer.flush(60), writer.health()
    writer.close()
    assert_whole(location)
    assert notes(location) == ["first", *told]
    assert steps(location, RUN) == list(range(step))


# -- 11: copies and hashes in mid-transaction ------------------------------------------------------------------------------------

BESIDE = """
    import sys
    from nbtrack.config import Settings, open_location
    from nbtrack.store import frames, pump
    from nbtrack.store.frames import Kind
    from nbtrack.store.writer import Writer
    pump.TICK_S = 0.001
    writer, count = Writer(open_location(sys.argv[1]), Settings()), 0
    print("ready", flush=True)
    import select
    while not select.select([sys.stdin], [], [], 0)[0]:
        writer.append(Kind.NOTE, {"run": "a" * 32, "text": f"beside {count}"})
        count += 1
        writer.flush(30)
    writer.close(10)
    print(count, flush=True)
    """


def copy_if_there(source: str, target: str) -> None:
    """Copy a file unless it went meanwhile: journals and WALs come and go."""
    with suppress(FileNotFoundError):
        shutil.copy2(source, target)


def test_11_copying_and_hashing_the_store_in_mid_transaction_loses_nothing(
    store: StoreLocation, start_python: StartPython, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, long_run: bool
) -> None:
    monkeypatch.setattr("nbtrack.store.pump.TICK_S", 0.001)
    other = start_python(BESIDE, store.folder)
    assert other.stdout is not None
    assert other.stdin is not None
    assert other.stdout.readline() == b"ready\n"
    writer, count = Writer(store, Settings()), 0
    for turn in range(200 if long_run else 20):
        for _ in range(300):
            note(writer, f"here {count}")
            count += 1
        shutil.copytree(store.folder, tmp_path / f"copy {turn}", copy_function=copy_if_there)
        for path in [Path(folder, name) for folder, _, names in os.walk(store.folder) for name in names]:
            with suppress(FileNotFoundError):
                hashlib.sha256(path.read_bytes()).hexdigest()
        shutil.rmtree(tmp_path / f"copy {turn}")
    assert writer.flush(60)
    writer.close()
    other.stdin.write(b"\n")
    other.stdin.flush()
    beside = int(other.stdout.readline())
    other.wait(30)
    assert ingest(store).problem == ""
    assert_whole(store)
    assert sorted(notes(store)) == sorted([*(f"here {one}" for one in range(count)), *(f"beside {one}" for one in range(beside))])


# -- 20: clocks and owners -------------------------------------------------------------------------------------------------------


def test_20_a_clock_set_back_changes_neither_order_nor_durations(store: StoreLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(store, settings=Settings())
    wall, boot = [1_900_000_000_000], [5_000_000_000]
    monkeypatch.setattr(ids, "wall_ms", lambda: wall[0])
    monkeypatch.setattr(ids, "read_boot_ns", lambda: boot[0] * 1000)

    def pass_time(seconds: int, *, clock_s: int | None = None) -> None:
        boot[0] += seconds * 1_000_000
        wall[0] += (seconds if clock_s is None else clock_s) * 1000

    journal.append(Kind.RUN, {"id": RUN, "experiment": "clock", "origin": "api"})
    for step in range(3):
        pass_time(10)
        journal.points(LOSS, step, (1.0,))
    pass_time(10, clock_s=-3600)
    journal.points(LOSS, 3, (1.0,))
    journal.append(Kind.RUN_END, {"run": RUN, "state": "finished"})
    journal.close()
    assert ingest(store).problem == ""
    with open_reader(store) as db:
        assert db.execute("select duration_us from run where id = :run", {"run": RUN}).fetchone() == (40_000_000,)
        ats = list(read_series(db, RUN, "loss").ats)
    assert [later - sooner for sooner, later in pairwise(ats)] == [10_000] * 3


LIVING = """
    import sys, time
    from nbtrack.config import Settings, open_location
    from nbtrack.store.frames import Kind
    from nbtrack.store.writer import Writer
    writer = Writer(open_location(sys.argv[1]), Settings())
    writer.append(Kind.RUN, {"id": sys.argv[2], "experiment": "living", "origin": "api"})
    print("open", flush=True)
    time.sleep(120)
    """


def test_20_a_stopped_process_is_alive_and_a_killed_one_is_closed_by_the_next_opener(
    store: StoreLocation, start_python: StartPython
) -> None:
    process = start_python(LIVING, store.folder, RUN)
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    for path in store.journal.glob("*.nbj"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    assert ingest(store).problem == ""
    assert state_of(store, RUN) == "running"
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait()
    assert ingest(store).finished == 1
    assert state_of(store, RUN) == "killed"
    assert list(store.journal.glob("*.nbj")) == []


def test_20_the_journal_of_another_host_is_never_unlinked_early_and_runs_again_when_it_speaks(
    store: StoreLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr("nbtrack.store.segments.host_name", lambda: "another-machine")
        elsewhere.setattr(ids, "boot_id", lambda: "another-boot")
        journal = Journal(store, settings=Settings())
        journal.append(Kind.RUN, {"id": RUN, "experiment": "far", "origin": "api"})
    (path,) = store.journal.glob("*.nbj")
    assert ingest(store).problem == ""
    assert state_of(store, RUN) == "running"
    os.utime(path, (time.time() - 600,) * 2)
    ingest(store)
    assert state_of(store, RUN) == "killed"
    journal.points(LOSS, 1, (1.0,))
    ingest(store)
    assert state_of(store, RUN) == "running"
    assert steps(store, RUN) == [1]
    journal.close()
    os.utime(path, (time.time() - 6 * 86_400,) * 2)
    ingest(store)
    assert path.exists()
    os.utime(path, (time.time() - 8 * 86_400,) * 2)
    ingest(store)
    assert not path.exists()
    assert steps(store, RUN) == [1]


# -- 21: death of the ingester, dead journals, damage ----------------------------------------------------------------------------

DYING = """
    import os, signal, sys
    from pathlib import Path
    from nbtrack.config import open_location
    from nbtrack.store import connection, ingest

    where, count = sys.argv[2], int(sys.argv[3])
    ingest.BATCH_BYTES = 4000

    def dying(function, *, before):
        left = [count]
        def called(*arguments, **named):
            left[0] -= 1
            if before and left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            answer = function(*arguments, **named)
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return answer
        return called

    if "commit" in where:
        connection._commit = dying(connection._commit, before=where.startswith("before"))
    else:
        Path.unlink = dying(Path.unlink, before=where.startswith("before"))
    ingest.ingest(open_location(sys.argv[1]))
    """


def test_21_death_around_commit_and_unlink_loses_and_doubles_nothing(
    store: StoreLocation, start_python: StartPython, long_run: bool
) -> None:
    journal, count = Journal(store, settings=Settings()), 600
    journal.append(Kind.RUN, {"id": RUN, "experiment": "dying", "origin": "api"})
    for number in range(count):
        note(journal, str(number))
        journal.points(LOSS, number, (1.0,))
    journal.close()
    deaths = 0
    for turn in range(40 if long_run else 10):
        for where in ("before commit", "after commit"):
            process = start_python(DYING, store.folder, where, turn % 3)
            deaths += process.wait(60) == -signal.SIGKILL
    for where in ("before unlink", "after unlink"):
        process = start_python(DYING, store.folder, where, 0)
        deaths += process.wait(60) == -signal.SIGKILL
    assert deaths >= 18
    assert ingest(store).problem == ""
    assert_whole(store)
    assert notes(store) == list(map(str, range(count)))
    assert steps(store, RUN) == list(range(count))
    assert list(store.journal.glob("*.nbj")) == []
    with open_reader(store) as db:
        assert db.execute("select count(*) from source").fetchone() == (0,)


def test_21_four_openers_of_one_dead_journal_bring_it_in_once(store: StoreLocation, start_python: StartPython) -> None:
    journal, count = Journal(store, settings=Settings()), 5000
    for number in range(count):
        note(journal, str(number))
    journal.close()
    code = """
        import sys
        from nbtrack.config import open_location
        from nbtrack.store import ingest
        ingest.BATCH_BYTES = 20_000
        sys.stdin.readline()
        print(ingest.ingest(open_location(sys.argv[1])).problem)
        """
    openers = [start_python(code, store.folder) for _ in range(4)]
    for opener in openers:
        assert opener.stdin is not None
        opener.stdin.write(b"\n")
        opener.stdin.flush()
    assert [opener.communicate(timeout=60)[0] for opener in openers] == [b"\n"] * 4
    assert notes(store) == list(map(str, range(count)))
    assert list(store.journal.glob("*.nbj")) == []


def test_21_poisoned_frames_and_damaged_lengths_cost_nothing_else(store: StoreLocation) -> None:
    journal = Journal(store, settings=Settings())
    poison = [
        frames.pack(Kind.NOTE, b"\x00"),
        frames.pack(Kind.NOTE, struct.pack("<I", 4) + b"null"),
        frames.pack_record(Kind.NOTE, {"run": ["no id"], "text": {}}),
        frames.pack_record(Kind.RUN, {"id": None, "wall": "soon"}),
        frames.pack_record(Kind.RUN_END, {"run": RUN, "state": "asleep"}),
        frames.pack_record(Kind.PARAMS, {"run": RUN, "values": 5}),
        frames.pack(Kind.POINTS, b"\xff" * 40),
        frames.pack(200, b"from a later release"),
    ]
    note(journal, "0")
    for number, frame in enumerate(poison, 1):
        os.write(journal._fd, frame)
        note(journal, str(number))
    longer = bytearray(frames.pack_record(Kind.NOTE, {"run": RUN, "text": "damaged"}))
    longer[5] ^= 0x40
    os.write(journal._fd, bytes(longer))
    os.write(journal._fd, b"\x9bN garbage \x9b")
    note(journal, "last")
    live = ingest(store)
    assert live.problem == ""
    assert notes(store) == [*map(str, range(len(poison) + 1)), "last"]
    assert live.damaged == 1
    assert live.undecodable == len(poison)
    journal.close()
    assert ingest(store).finished == 1
    assert notes(store) == [*map(str, range(len(poison) + 1)), "last"]


def test_21_what_waits_in_the_state_folder_comes_in_too_and_in_order(store: StoreLocation) -> None:
    journal = Journal(store, settings=Settings())
    note(journal, "in the store")
    aside = store.folder.with_name("aside")
    store.folder.rename(aside)
    store.folder.write_text("in the way")
    assert journal.move_on()
    note(journal, "in the state folder")
    store.folder.unlink()
    aside.rename(store.folder)
    assert journal.move_on(home=True)
    note(journal, "in the store again")
    journal.close()
    report = ingest(store)
    assert (report.problem, report.finished) == ("", 3)
    assert notes(store) == ["in the store", "in the state folder", "in the store again"]
    assert list(store.fallback_journal.iterdir()) == []


def test_21_a_damaged_end_of_a_killed_journal_costs_only_the_last_frame(store: StoreLocation) -> None:
    journal = Journal(store, settings=Settings())
    for number in range(3):
        note(journal, str(number))
    half = frames.pack_record(Kind.NOTE, {"run": RUN, "text": "half"})[:-7]
    os.write(journal._fd, half)
    assert ingest(store).damaged == 0, "it may still be completed"
    os.close(journal._fd)
    journal._abandon()
    report = ingest(store)
    assert (report.damaged, report.finished) == (1, 1)
    assert notes(store) == ["0", "1", "2"]
