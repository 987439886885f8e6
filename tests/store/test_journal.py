"""The journal never raises, never waits and keeps every record that its caller got back from, in order."""

from __future__ import annotations

import errno
import itertools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.config import Settings, StoreLocation
from nbtrack.store import frames, journal
from nbtrack.store.frames import Frame, Kind
from nbtrack.store.journal import Journal
from nbtrack.store.liveness import Owner, judge_owner

RUN = "0123456789abcdef0123456789abcdef"
LOSS = frames.series(RUN, ("loss",))

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")


def files(*folders: Path) -> list[Path]:
    return sorted((path for folder in folders for path in folder.glob("*.nbj")), key=lambda path: path.name)


def read(*paths: Path) -> list[Frame]:
    found = []
    for path in paths:
        for one in frames.scan(path.read_bytes(), final=True):
            assert isinstance(one, Frame), f"damage in {path.name}: {one}"
            found.append(one)
    return found


def notes(*paths: Path) -> list[str]:
    return [frames.unpack_record(frame.payload)[0]["text"] for frame in read(*paths) if frame.kind == Kind.NOTE]


def steps(*paths: Path) -> list[int]:
    return [frames.unpack_points(frame.payload)[3] for frame in read(*paths) if frame.kind == Kind.POINTS]


def kinds(path: Path) -> list[Kind]:
    return [Kind(frame.kind) for frame in read(path)]


def note(one: Journal, text: str) -> None:
    one.append(Kind.NOTE, {"run": RUN, "text": text})


class Disk:
    """Stands before ``os.write``: full after so many bytes, or refusing with another fault, for files of journals only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room: int | None = None
        self.fault = errno.ENOSPC
        self.write = os.write
        monkeypatch.setattr(os, "write", self)

    def __call__(self, fd: int, data: bytes) -> int:
        room = self.room  # a signal handler may change it meanwhile
        if room is None:
            return self.write(fd, data)
        if room == 0:
            raise OSError(self.fault, os.strerror(self.fault))
        part = bytes(data[:room])
        self.room = room - len(part)
        return self.write(fd, part)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Disk:
    return Disk(monkeypatch)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try again at every record instead of every 0.2 s."""
    monkeypatch.setattr(journal, "RETRY_S", 0.0)


# -- files -----------------------------------------------------------------------------------------------------------------------


def test_no_file_exists_before_the_first_record(journal: Journal, location: StoreLocation) -> None:
    assert not location.folder.exists()
    assert journal.state() == type(journal.state())("", 0, 0, 0, False, "")
    note(journal, "first")
    assert [path.name for path in files(location.journal)] == [f"{journal.id}-000001.nbj"]


def test_the_folder_is_closed_to_others_and_kept_out_of_commits(journal: Journal, location: StoreLocation) -> None:
    note(journal, "first")
    assert location.folder.stat().st_mode & 0o777 == 0o700
    assert location.journal.stat().st_mode & 0o777 == 0o700
    assert files(location.journal)[0].stat().st_mode & 0o777 == 0o600
    assert (location.folder / ".gitignore").read_text() == "*\n"


def test_a_shared_store_is_open_to_the_group(location: StoreLocation) -> None:
    one = Journal(location, settings=Settings(store_shared=True))
    note(one, "first")
    assert location.folder.stat().st_mode & 0o777 == 0o770
    assert files(location.journal)[0].stat().st_mode & 0o777 == 0o660
    one.close()


def test_the_header_says_whose_file_it_is(journal: Journal, location: StoreLocation) -> None:
    note(journal, "first")
    (path,) = files(location.journal)
    head, bodies = frames.unpack_record(read(path)[0].payload)
    assert kinds(path) == [Kind.HEADER, Kind.NOTE]
    assert (head["journal"], head["generation"], head["pid"], head["format"]) == (journal.id, 1, os.getpid(), frames.VERSION)
    assert {"t", "wall", "host", "boot", "user", "python", "nbtrack"} <= set(head)
    assert "parent" not in head
    assert bodies == []


def test_records_get_the_boot_clock_and_the_heads_that_anchor_time_the_wall_clock(journal: Journal, location: StoreLocation) -> None:
    journal.append(Kind.RUN, {"id": RUN})
    journal.append(Kind.NOTE, {"text": "x"})
    journal.append(Kind.EXECUTION, {"id": RUN, "t": 5, "wall": 6}, [b"print(1)"])
    run, said, execution = (frames.unpack_record(frame.payload) for frame in read(*files(location.journal))[1:])
    assert set(run[0]) == {"id", "t", "wall"}
    assert set(said[0]) == {"text", "t"}
    assert execution == ({"id": RUN, "t": 5, "wall": 6}, [b"print(1)"])


def test_the_owner_of_an_open_journal_is_alive_and_of_a_closed_one_gone(journal: Journal, location: StoreLocation) -> None:
    note(journal, "first")
    fd = os.open(files(location.journal)[0], os.O_RDWR)
    assert judge_owner(fd) is Owner.ALIVE
    journal.close()
    assert judge_owner(fd) is Owner.FINISHED
    os.close(fd)


def test_a_closed_journal_says_so_and_a_later_record_begins_a_new_file(journal: Journal, location: StoreLocation) -> None:
    note(journal, "first")
    journal.close()
    journal.close()
    note(journal, "second")
    first, second = files(location.journal)
    assert kinds(first) == [Kind.HEADER, Kind.NOTE, Kind.CLOSE]
    assert kinds(second) == [Kind.HEADER, Kind.NOTE]
    assert second.name == f"{journal.id}-000002.nbj"


def test_a_long_journal_goes_on_in_a_new_file_under_the_same_descriptor(
    journal: Journal, location: StoreLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbtrack.store.journal.ROTATE_BYTES", 20_000)
    monkeypatch.setattr(journal, "_limit", 20_000)
    note(journal, "first")
    descriptor = journal._fd
    for step in range(1000):
        journal.points(LOSS, step, (0.5,))
    found = files(location.journal)
    assert len(found) == 4
    assert journal._fd == descriptor
    assert [kinds(path)[-1] for path in found[:-1]] == [Kind.ROTATE] * 3
    assert steps(*found) == list(range(1000))
    assert all(path.stat().st_size <= 20_200 for path in found)
    for path, owner in zip(found, [Owner.FINISHED] * 3 + [Owner.ALIVE], strict=True):
        fd = os.open(path, os.O_RDWR)
        assert judge_owner(fd) is owner
        os.close(fd)


def test_a_file_that_cannot_be_followed_by_another_grows_on(
    journal: Journal, location: StoreLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    note(journal, "first")
    monkeypatch.setattr(journal, "_limit", 1)
    monkeypatch.setattr(journal, "_room", 0)
    location.journal.rename(location.folder / "aside")
    location.journal.touch()  # no folder can be made in its place
    note(journal, "second")
    note(journal, "third")
    assert notes(*files(location.folder / "aside")) == ["first", "second", "third"]


def test_threads_write_whole_frames_and_lose_none(journal: Journal, location: StoreLocation) -> None:
    def work(first: int) -> None:
        for step in range(first, first + 2000):
            journal.points(LOSS, step, (1.0,))

    threads = [threading.Thread(target=work, args=(number * 2000,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(steps(*files(location.journal))) == list(range(8000))


# -- what cannot be written ------------------------------------------------------------------------------------------------------


def test_a_record_that_cannot_be_packed_is_counted_and_named(journal: Journal) -> None:
    journal.append(Kind.NOTE, {"text": object()})
    journal.append(Kind.NOTE, {"text": "x" * (5 << 20)})
    journal.points(LOSS, 2**70, (1.0,))
    journal.points(LOSS, 1, ("no number",))  # type: ignore[arg-type]
    state = journal.state()
    assert state.dropped == 4
    assert "could not be packed" in state.problem


def test_what_a_full_disk_refuses_waits_in_memory_and_is_written_in_order(
    journal: Journal, location: StoreLocation, disk: Disk, impatient: None
) -> None:
    note(journal, "before")
    disk.room = 30
    for number in range(5):
        note(journal, str(number))
    state = journal.state()
    assert state.queued_bytes > 0
    assert "cannot be written" in state.problem
    assert "wait in memory" in state.problem
    disk.room = None
    note(journal, "after")
    assert notes(*files(location.journal)) == ["before", *"01234", "after"]
    assert journal.state().queued_bytes == 0
    assert journal.state().problem == ""


@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EIO, errno.EROFS, errno.EDQUOT])
def test_no_fault_of_the_disk_reaches_the_caller(journal: Journal, location: StoreLocation, disk: Disk, fault: int) -> None:
    note(journal, "before")
    disk.room, disk.fault = 0, fault
    note(journal, "meanwhile")
    journal.points(LOSS, 7, (1.0,))
    assert os.strerror(fault) in journal.state().problem
    disk.room = None
    assert journal.drain()
    assert notes(*files(location.journal)) == ["before", "meanwhile"]
    assert steps(*files(location.journal)) == [7]


def test_disk_full_at_random_points_loses_and_doubles_nothing(
    journal: Journal, location: StoreLocation, disk: Disk, impatient: None, long_run: bool
) -> None:
    import random

    chance = random.Random(6)
    step = 0
    for _ in range(500 if long_run else 50):
        disk.room = chance.choice([0, 1, 11, 12, 13, chance.randrange(200), chance.randrange(5000)])
        for _ in range(chance.randrange(40)):
            journal.points(LOSS, step, (1.0,))
            step += 1
        disk.room = None
        if chance.random() < 0.3 and journal.state().path:
            assert journal.move_on()
    assert journal.drain()
    found = []
    for path in files(location.journal, location.fallback_journal):
        for one in frames.scan(path.read_bytes(), final=True):
            if isinstance(one, Frame) and one.kind == Kind.POINTS:
                found.append(frames.unpack_points(one.payload)[3])
    assert found == list(range(step))


def test_a_full_queue_drops_the_newest_records_and_counts_them(
    journal: Journal, location: StoreLocation, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbtrack.store.journal.QUEUE_BYTES", 1000)
    note(journal, "before")
    disk.room = 0
    for number in range(100):
        note(journal, str(number))
    state = journal.state()
    assert 0 < state.queued_bytes <= 1000
    assert state.dropped > 50
    assert f"{state.dropped} records were dropped" in state.problem
    disk.room = None
    assert journal.drain()
    kept = notes(*files(location.journal))
    assert kept == ["before", *map(str, range(100 - state.dropped))]
    assert f"{state.dropped} records were dropped" in journal.state().problem


def test_a_store_that_cannot_be_made_sends_the_journal_to_the_state_folder_and_gets_it_back(location: StoreLocation) -> None:
    location.folder.write_text("a file stands where the store should be")
    one = Journal(location, settings=Settings())
    note(one, "aside")
    assert one.state().in_fallback
    assert not one.move_on(home=True)
    location.folder.unlink()
    assert one.move_on(home=True)
    note(one, "home")
    assert not one.state().in_fallback
    assert notes(*files(location.fallback_journal)) == ["aside"]
    assert notes(*files(location.journal)) == ["home"]
    assert [path.name[-10:-4] for path in files(location.fallback_journal, location.journal)] == sorted(
        path.name[-10:-4] for path in files(location.fallback_journal, location.journal)
    )
    one.close()


def test_with_no_folder_at_all_records_wait_in_memory(location: StoreLocation) -> None:
    location.folder.write_text("in the way")
    location.fallback_journal.parent.mkdir(parents=True)
    location.fallback_journal.write_text("in the way too")
    one = Journal(location, settings=Settings())
    note(one, "patience")
    assert one.state().queued_bytes > 0
    assert one.state().problem
    location.folder.unlink()
    assert one.drain()
    assert notes(*files(location.journal)) == ["patience"]
    one.close()


# -- what others do to the files -------------------------------------------------------------------------------------------------


def test_a_deleted_store_is_noticed_and_what_was_not_ingested_is_written_again(journal: Journal, location: StoreLocation) -> None:
    for number in range(4):
        note(journal, str(number))
    ingested = read(*files(location.journal))[2].end
    assert not journal.is_deleted()
    shutil.rmtree(location.folder)
    note(journal, "4")
    assert journal.is_deleted()
    assert journal.replace_deleted(ingested)
    note(journal, "5")
    assert not journal.is_deleted()
    assert notes(*files(location.journal)) == ["2", "3", "4", "5"]
    assert kinds(files(location.journal)[0]).count(Kind.HEADER) == 1


def test_a_deleted_project_folder_is_not_brought_back(journal: Journal, location: StoreLocation) -> None:
    note(journal, "0")
    shutil.rmtree(location.folder.parent)
    assert journal.replace_deleted(0)
    assert not location.folder.parent.exists()
    assert notes(*files(location.fallback_journal)) == ["0"]


def test_a_descriptor_closed_by_somebody_else_is_neither_used_nor_closed(
    journal: Journal, location: StoreLocation, tmp_path: Path, impatient: None
) -> None:
    note(journal, "0")
    os.close(journal._fd)
    note(journal, "1")
    note(journal, "2")
    assert notes(*files(location.journal)) == ["0", "1", "2"]
    os.close(journal._fd)
    stolen = os.open(tmp_path / "theirs", os.O_RDWR | os.O_CREAT)
    assert stolen == journal._fd
    journal.is_deleted()
    note(journal, "3")
    assert notes(*files(location.journal)) == ["0", "1", "2", "3"]
    assert (tmp_path / "theirs").read_bytes() == b""
    os.close(stolen)


# -- interrupts, handlers, forks -------------------------------------------------------------------------------------------------


SITUATIONS = ["first record", "plain", "rotation", "queue", "short write"]


def prepare(one: Journal, disk: Disk, situation: str) -> list[str]:
    """Bring a journal into a situation; returns what was recorded on the way."""
    disk.room = None
    if situation == "first record":
        return []
    note(one, "before")
    if situation == "rotation":
        one._limit, one._room = 1, 0
    if situation == "queue":
        disk.room = 10
        note(one, "waiting")
        disk.room = None
        return ["before", "waiting"]
    if situation == "short write":
        disk.room = 10
    return ["before"]


@pytest.mark.parametrize("situation", SITUATIONS)
def test_an_interrupt_at_any_moment_leaves_order_and_lock_intact(
    location: StoreLocation, disk: Disk, impatient: None, situation: str
) -> None:
    """KeyboardInterrupt at the n-th look of the interpreter, for every n; what came back before and after must be there in order."""

    def interrupt() -> None:
        raise KeyboardInterrupt

    for moment in range(10_000):
        one = Journal(location, settings=Settings())
        expected = prepare(one, disk, situation)
        finished = strike(moment, lambda one=one: note(one, "struck"), interrupt)  # type: ignore[misc]
        disk.room = None
        for text in ("after", "last"):
            note(one, text)
        assert one.drain()
        assert_free(one)
        got = surviving_notes(files(location.journal))
        if finished:
            expected.append("struck")
        assert [text for text in got if text != "struck" or finished] == [*expected, "after", "last"], (moment, got)
        assert got.count("struck") <= 1
        close_strays(one)
        one.close()
        shutil.rmtree(location.folder)
        if finished:
            return
    pytest.fail("the call never finished")


@pytest.mark.parametrize("room", [None, 10, 0])
@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_record_inside_a_record_at_any_moment_costs_neither(
    location: StoreLocation, disk: Disk, impatient: None, situation: str, room: int | None
) -> None:
    """A signal handler records at the n-th look of the interpreter, for every n, on a disk that is fine, nearly full or full by then."""
    for moment in range(10_000):
        one = Journal(location, settings=Settings())
        expected = prepare(one, disk, situation)

        def handle(one: Journal = one) -> None:
            disk.room = room
            note(one, "nested")
            disk.room = None

        struck = not strike(moment, lambda one=one: note(one, "struck"), handle)  # type: ignore[misc]
        disk.room = None
        note(one, "after")
        assert one.drain()
        assert_free(one)
        got = surviving_notes(files(location.journal, location.fallback_journal))
        assert sorted(got) == sorted([*expected, "struck", "after", *(["nested"] if struck else [])]), (moment, got)
        assert got[-1] == "after"
        one.close()
        shutil.rmtree(location.folder)
        shutil.rmtree(location.fallback_journal, ignore_errors=True)
        if not struck:
            return
    pytest.fail("the call never finished")


def strike(moment: int, call: Callable[[], None], action: Callable[[], None]) -> bool:
    """Call; at the n-th moment inside the store's code at which CPython looks for signals, do something. True when it finished before."""
    left = moment

    def trace(frame: Any, event: str, argument: object) -> Any:
        nonlocal left
        if "nbtrack/store" not in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode" and at_check(frame):
            left -= 1
            if left == -1:
                sys.settrace(None)
                action()
        return trace

    sys.settrace(trace)
    try:
        call()
    except KeyboardInterrupt:
        return False
    finally:
        sys.settrace(None)
    return left >= 0


def at_check(frame: Any) -> bool:
    """CPython looks for signals after calls, at the start of functions and at jumps backwards: before the opcode that follows."""
    import dis

    offsets = CHECKS.get(frame.f_code)
    if offsets is None:
        previous, offsets = "RESUME", set()
        for instruction in dis.get_instructions(frame.f_code):
            if previous.startswith(("CALL", "RESUME")) or instruction.opname.startswith("JUMP_BACKWARD"):
                offsets.add(instruction.offset)
            previous = instruction.opname
        CHECKS[frame.f_code] = offsets
    return frame.f_lasti in offsets


CHECKS: dict[Any, set[int]] = {}


def close_strays(one: Journal) -> None:
    """Close what no order of steps can save: the descriptor of an ``os.open`` that returned into an interrupt."""
    for entry in list(Path("/proc/self/fd").glob("*")):
        if entry.exists() or entry.is_symlink():
            name = entry.readlink().name
            if one.id in name and int(entry.name) not in one._open_fds:
                os.close(int(entry.name))


def assert_free(one: Journal) -> None:
    """Nobody holds the journal's mutex and nothing of a step is left half done."""
    assert not one._busy
    free: list[bool] = []

    def look() -> None:
        free.append(one._mutex.acquire(timeout=0.5))
        if free[0]:
            one._mutex.release()

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert free == [True]


def surviving_notes(paths: list[Path]) -> list[str]:
    found = []
    for path in paths:
        for one in frames.scan(path.read_bytes(), final=True):
            if isinstance(one, Frame) and one.kind == Kind.NOTE:
                found.append(frames.unpack_record(one.payload)[0]["text"])
    return found


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
def test_two_hundred_real_interrupts_lose_no_returned_record(
    journal: Journal, location: StoreLocation, monkeypatch: pytest.MonkeyPatch
) -> None:
    import random

    monkeypatch.setattr("nbtrack.store.journal.ROTATE_BYTES", 50_000)
    monkeypatch.setattr(journal, "_limit", 50_000)
    chance = random.Random(10)
    returned, step = [], 0
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(200):
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0002, 0.004))
                while True:
                    journal.points(LOSS, step, (1.0,))
                    returned.append(step)
                    step += 1
            except KeyboardInterrupt:
                step += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    assert journal.drain()
    found = steps(*files(location.journal))
    assert found == sorted(set(found)), "no step twice, none out of order"
    assert set(returned) <= set(found)
    assert_free(journal)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer")
def test_a_signal_handler_may_record_while_it_interrupts_a_record(
    journal: Journal, location: StoreLocation, disk: Disk, impatient: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nbtrack.store.journal.ROTATE_BYTES", 20_000)
    monkeypatch.setattr(journal, "_limit", 20_000)
    told, numbers = [], itertools.count()

    def handle(signal_number: int, frame: object) -> None:
        number = next(numbers)  # another signal may interrupt this handler too
        disk.room = None if number % 2 else 100
        told.append(str(number))
        note(journal, str(number))

    previous = signal.signal(signal.SIGALRM, handle)
    step = 0
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.0005, 0.0005)
        while len(told) < 300:
            journal.points(LOSS, step, (1.0,))
            step += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)
    disk.room = None
    assert journal.drain()
    found = files(location.journal, location.fallback_journal)
    assert sorted(surviving_notes(found), key=int) == sorted(told, key=int)
    points = []
    for path in found:
        for one in frames.scan(path.read_bytes(), final=True):
            if isinstance(one, Frame) and one.kind == Kind.POINTS:
                points.append(frames.unpack_points(one.payload)[3])
    assert sorted(points) == list(range(step))


@needs_fork
def test_a_forked_child_writes_its_own_journal_and_names_its_parent(journal: Journal, location: StoreLocation) -> None:
    note(journal, "parent")
    parent = journal.id
    child = os.fork()
    if child == 0:
        note(journal, "child")
        os._exit(0)
    os.waitpid(child, 0)
    note(journal, "parent again")
    mine = [path for path in files(location.journal) if path.name.startswith(parent)]
    (theirs,) = [path for path in files(location.journal) if path not in mine]
    assert notes(*mine) == ["parent", "parent again"]
    assert notes(theirs) == ["child"]
    assert frames.unpack_record(read(theirs)[0].payload)[0]["parent"] == parent


@needs_fork
def test_a_child_that_never_records_makes_no_file_and_does_not_keep_the_journal_of_its_parent_alive(
    location: StoreLocation, start_python: Callable[..., subprocess.Popen[bytes]]
) -> None:
    parent = start_python(
        """
        import os, sys, time
        from nbtrack.config import Settings, open_location
        from nbtrack.store.frames import Kind
        from nbtrack.store.journal import Journal
        journal = Journal(open_location(sys.argv[1]), settings=Settings())
        journal.append(Kind.NOTE, {"text": "parent"})
        child = os.fork()
        if child == 0:
            print(os.getpid(), flush=True)
            os.close(1)
            os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
            time.sleep(60)
            os._exit(0)
        sys.stdin.read()
        """,
        location.folder,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    try:
        (path,) = files(location.journal)
        fd = os.open(path, os.O_RDWR)
        assert judge_owner(fd) is Owner.ALIVE
        parent.kill()
        parent.wait()
        assert judge_owner(fd) is Owner.FINISHED
        os.close(fd)
    finally:
        os.kill(child, signal.SIGKILL)
    assert len(files(location.journal)) == 1


@needs_fork
def test_forks_in_the_middle_of_writing_threads_lose_nothing_of_parent_or_child(
    location: StoreLocation, run_python: Callable[..., str], long_run: bool
) -> None:
    code = """
        import json, os, sys, threading
        from nbtrack.config import Settings, open_location
        from nbtrack.store import frames, journal
        journal.ROTATE_BYTES = 100_000
        one = journal.Journal(open_location(sys.argv[1]), settings=Settings())
        line = frames.series("0" * 32, ("loss",))
        stop, counts = threading.Event(), [0, 0]
        def work(number):
            while not stop.is_set():
                one.points(line, number * 1_000_000 + counts[number], (1.0,))
                counts[number] += 1
        threads = [threading.Thread(target=work, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for child_number in range(int(sys.argv[2])):
            child = os.fork()
            if child == 0:
                for step in range(20):
                    one.points(line, 10_000_000 + child_number * 100 + step, (2.0,))
                os._exit(0)
            assert os.waitpid(child, 0)[1] == 0
        stop.set()
        for thread in threads:
            thread.join()
        one.close()
        print(json.dumps(counts))
        """
    forks = 200 if long_run else 50
    counts = json.loads(run_python(code, location.folder, forks))
    expected = {number * 1_000_000 + step for number in (0, 1) for step in range(counts[number])}
    expected |= {10_000_000 + number * 100 + step for number in range(forks) for step in range(20)}
    found = steps(*files(location.journal))
    assert len(found) == len(set(found))
    assert set(found) == expected


def test_two_journals_of_one_process_do_not_meet(location: StoreLocation) -> None:
    one, two = (Journal(location, settings=Settings()) for _ in range(2))
    note(one, "one")
    note(two, "two")
    assert one.id != two.id
    assert len(files(location.journal)) == 2
    one.close()
    two.close()


def test_the_waker_is_called_while_it_is_set(journal: Journal) -> None:
    calls = []
    journal.waker = lambda: calls.append(1)
    note(journal, "one")
    journal.points(LOSS, 1, (1.0,))
    journal.waker = None
    note(journal, "two")
    assert len(calls) == 2
