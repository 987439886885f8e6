"""What is recorded comes into the store by itself; what the store refuses waits, is named in one line and comes in later."""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import sqlite3
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nbtrack.config import Settings, StoreLocation
from nbtrack.errors import StoreBusy, StoreError, StoreMissing, StoreNewer
from nbtrack.store import frames, pump
from nbtrack.store.connection import open_reader, open_writer
from nbtrack.store.filelock import FileLock
from nbtrack.store.frames import Kind
from nbtrack.store.ingest import ingest
from nbtrack.store.metrics import read_series
from nbtrack.store.migrations import migrate
from nbtrack.store.writer import Writer

RUN = "0123456789abcdef0123456789abcdef"
LOSS = frames.series(RUN, ("loss",))


@pytest.fixture
def writer(store: StoreLocation) -> Iterator[Writer]:
    one = Writer(store, Settings())
    yield one
    one.close()


def note(writer: Writer, text: str) -> None:
    writer.append(Kind.NOTE, {"run": RUN, "text": text})


def notes(location: StoreLocation) -> list[str]:
    with open_reader(location) as db:
        return [text for (text,) in db.execute("select text from note order by id")]


def steps(location: StoreLocation) -> list[int]:
    with open_reader(location) as db:
        return list(read_series(db, RUN, "loss").steps)


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end, "waited for nothing"
        time.sleep(0.01)


# -- the ordinary way ------------------------------------------------------------------------------------------------------------


def test_nothing_is_made_or_started_before_the_first_record(location: StoreLocation) -> None:
    writer = Writer(location, Settings())
    assert writer.flush()
    assert writer.health() == type(writer.health())("", 0, False, True)
    writer.close()
    assert not location.folder.exists()
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("nbtrack")]


def test_the_first_record_makes_the_store(location: StoreLocation) -> None:
    writer = Writer(location, Settings())
    note(writer, "first")
    assert writer.flush(60)
    assert notes(location) == ["first"]
    assert location.folder.stat().st_mode & 0o777 == 0o700
    assert location.database.stat().st_mode & 0o777 == 0o600
    writer.close()


def test_records_come_in_by_themselves(writer: Writer, store: StoreLocation) -> None:
    note(writer, "one")
    wait_for(lambda: notes(store) == ["one"])
    time.sleep(3 * pump.TICK_S)  # the thread is parked now
    note(writer, "two")
    wait_for(lambda: notes(store) == ["one", "two"])


def test_a_flush_brings_in_all_that_was_recorded_before_it(writer: Writer, store: StoreLocation) -> None:
    for step in range(20_000):
        writer.points(LOSS, step, (1.0,))
    assert writer.flush(60)
    assert steps(store) == list(range(20_000))
    assert writer.health().waiting_bytes == 0


def test_a_flush_does_not_wait_for_what_comes_after_it(writer: Writer, store: StoreLocation) -> None:
    stop, count = threading.Event(), [0]

    def work() -> None:
        while not stop.is_set():
            writer.points(LOSS, count[0], (1.0,))
            count[0] += 1

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(3):
            before = count[0]
            assert writer.flush(60)
            assert len(steps(store)) >= before
    finally:
        stop.set()
        thread.join()


def test_flushes_of_several_threads_are_all_answered(writer: Writer, store: StoreLocation) -> None:
    answers: list[bool] = []

    def work(number: int) -> None:
        for turn in range(10):
            note(writer, f"{number}-{turn}")
            answers.append(writer.flush(60))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [True] * 50
    assert len(set(notes(store))) == 50


def test_a_close_leaves_no_journal_behind_and_a_later_record_opens_it_again(writer: Writer, store: StoreLocation) -> None:
    note(writer, "one")
    writer.close()
    assert list(store.journal.iterdir()) == []
    note(writer, "two")
    assert writer.flush()
    assert notes(store) == ["one", "two"]


def test_a_long_journal_comes_in_over_all_its_files(writer: Writer, store: StoreLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbtrack.store.journal.ROTATE_BYTES", 10_000)
    note(writer, "first")
    writer.journal._limit = 10_000
    writer.journal._room = 0
    for step in range(3000):
        writer.points(LOSS, step, (1.0,))
    assert writer.flush(60)
    assert steps(store) == list(range(3000))
    wait_for(lambda: len(list(store.journal.glob("*.nbj"))) == 1)


def test_the_user_process_never_imports_the_heavy_libraries(location: StoreLocation, run_python: Callable[..., str]) -> None:
    code = """
        import sys
        from nbtrack.config import Settings, open_location
        from nbtrack.store.frames import Kind
        from nbtrack.store.writer import Writer
        writer = Writer(open_location(sys.argv[1]), Settings())
        writer.append(Kind.NOTE, {"run": "0" * 32, "text": "x"})
        assert writer.flush(60), writer.health()
        print([name for name in ("sqlite_utils", "pandas", "numpy") if name in sys.modules])
        """
    assert run_python(code, location.folder).strip() == "[]"
    assert notes(location) == ["x"]
    assert list(location.journal.iterdir()) == [], "a process that ends brings in what is left and ends its journal"


def test_a_thread_that_died_is_started_again_by_the_next_flush(writer: Writer, store: StoreLocation) -> None:
    note(writer, "one")
    assert writer.flush()
    writer._pump.stop(30)
    assert not writer._pump._thread or not writer._pump._thread.is_alive()
    note(writer, "two")
    assert writer.flush()
    assert notes(store) == ["one", "two"]


# -- call ------------------------------------------------------------------------------------------------------------------------


def test_call_runs_in_a_write_transaction_outside_the_users_thread_after_all_that_was_recorded(
    writer: Writer, store: StoreLocation
) -> None:
    note(writer, "recorded")

    def look(db: sqlite3.Connection) -> tuple[str, bool, list[str], int]:
        texts = [text for (text,) in db.execute("select text from note order by id")]
        return threading.current_thread().name, db.in_transaction, texts, db.execute("pragma synchronous").fetchone()[0]

    assert writer.call(look) == ("nbtrack-writer", True, ["recorded"], 2)


def test_an_error_in_a_call_reaches_the_caller_and_rolls_back(writer: Writer, store: StoreLocation) -> None:
    note(writer, "kept")

    def fail(db: sqlite3.Connection) -> None:
        db.execute("delete from note")
        raise LookupError("wrong")

    with pytest.raises(LookupError, match="wrong"):
        writer.call(fail)
    assert notes(store) == ["kept"]
    assert writer.call(lambda db: 7) == 7


def test_a_call_on_a_store_that_does_not_exist_says_so(location: StoreLocation) -> None:
    writer = Writer(location, Settings())
    with pytest.raises(StoreMissing):
        writer.call(lambda db: 1)
    writer.close()


def test_a_call_that_cannot_run_in_time_raises_store_busy(writer: Writer, store: StoreLocation) -> None:
    note(writer, "one")
    with FileLock(store.lock), pytest.raises(StoreBusy):
        writer.call(lambda db: 1, timeout=0.3)
    assert writer.call(lambda db: 2) == 2


# -- bodies ----------------------------------------------------------------------------------------------------------------------


def test_a_small_body_comes_back_for_the_callers_frame(writer: Writer) -> None:
    data = b"x" * frames.INLINE_BODY
    assert writer.put_body(data) == (hashlib.sha256(data).hexdigest(), data)


def test_a_large_body_becomes_a_file_and_a_row(writer: Writer, store: StoreLocation) -> None:
    data = os.urandom(300_000)
    digest, inline = writer.put_body(data)
    assert inline is None
    assert writer.flush()
    with open_reader(store) as db:
        assert db.execute("select size_bytes from blob where sha256 = ?", (digest,)).fetchone() == (300_000,)
    assert not writer._pump.unsynced


def test_a_file_is_copied_and_named_by_its_content(writer: Writer, store: StoreLocation, tmp_path: Path) -> None:
    data = os.urandom(3_000_000)
    (tmp_path / "model.bin").write_bytes(data)
    assert writer.put_file(tmp_path / "model.bin") == (hashlib.sha256(data).hexdigest(), 3_000_000)
    with pytest.raises(FileNotFoundError):
        writer.put_file(tmp_path / "missing")


def test_a_body_that_no_file_can_hold_goes_into_the_journal_when_it_fits(writer: Writer, store: StoreLocation, tmp_path: Path) -> None:
    store.blobs.write_text("in the way")
    data = os.urandom(300_000)
    assert writer.put_body(data) == (hashlib.sha256(data).hexdigest(), data)
    assert writer.put_body(bytes(5 << 20))[1] is None
    assert "could not be kept" in writer.health().problem
    (tmp_path / "model.bin").write_bytes(data)
    with pytest.raises(StoreError, match="could not be kept"):
        writer.put_file(tmp_path / "model.bin")


# -- promise 2: what can be wrong with a store -----------------------------------------------------------------------------------


def assert_waits_then_comes_in(writer: Writer, location: StoreLocation, said: str, mend: Callable[[], object]) -> None:
    """Record while the store is bad; nothing raises, one line says why, and after the mend everything is there."""
    note(writer, "meanwhile")
    assert not writer.flush(0.6)
    health = writer.health()
    assert said in health.problem
    assert "\n" not in health.problem
    assert health.waiting_bytes > 0
    mend()
    assert writer.flush(60)
    assert notes(location) == ["before", "meanwhile"]
    assert writer.health().problem == ""


def test_a_locked_store_lets_records_wait(writer: Writer, store: StoreLocation) -> None:
    note(writer, "before")
    assert writer.flush()
    lock = FileLock(store.lock)
    lock.acquire()
    assert_waits_then_comes_in(writer, store, "another program", lock.release)


def test_a_database_locked_by_another_program_lets_records_wait(writer: Writer, store: StoreLocation) -> None:
    note(writer, "before")
    assert writer.flush()
    other = sqlite3.connect(store.database, isolation_level=None)
    other.execute("begin immediate")
    assert_waits_then_comes_in(writer, store, "another program", lambda: other.execute("rollback"))
    other.close()


def test_a_corrupt_store_lets_records_wait(writer: Writer, store: StoreLocation) -> None:
    note(writer, "before")
    assert writer.flush()
    writer._pump.stop(30)
    good = store.folder.parent / "good.db"
    with sqlite3.connect(store.database) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    shutil.copy(store.database, good)
    store.database.write_bytes(b"this is no database" * 1000)
    assert_waits_then_comes_in(writer, store, "cannot be read", lambda: good.replace(store.database))


def test_a_newer_store_lets_records_wait(writer: Writer, store: StoreLocation) -> None:
    note(writer, "before")
    assert writer.flush()
    version = set_version(store, 999)
    with pytest.raises(StoreNewer):
        writer.call(lambda db: 1)
    assert_waits_then_comes_in(writer, store, "newer nbtrack", lambda: set_version(store, version))


def set_version(location: StoreLocation, version: int) -> int:
    db = sqlite3.connect(location.database)
    before = int(db.execute("pragma user_version").fetchone()[0])
    db.execute(f"pragma user_version = {version}")
    db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    return before


def test_a_folder_where_no_store_can_be_made_sends_the_journal_to_the_state_folder(location: StoreLocation) -> None:
    location.folder.write_text("in the way")
    writer = Writer(location, Settings())
    note(writer, "before")
    assert not writer.flush(5)
    health = writer.health()
    assert health.in_fallback
    assert str(location.fallback_journal) in health.problem
    assert not health.store_writable
    location.folder.unlink()
    assert writer.flush(60)
    assert notes(location) == ["before"]
    writer.close()
    assert list(location.fallback_journal.iterdir()) == []


def test_a_read_only_store_lets_records_wait_in_the_state_folder(
    store: StoreLocation, read_only: Callable[[Path], Callable[[], None]]
) -> None:
    make_writable = read_only(store.folder.parent)
    writer = Writer(store, Settings())
    note(writer, "before")
    assert not writer.flush(0.5)
    assert writer.health().in_fallback
    assert "cannot be" in writer.health().problem
    make_writable()
    assert writer.flush(60)
    assert notes(store) == ["before"]
    writer.close()


def test_a_store_deleted_under_way_is_made_again_and_gets_what_it_did_not_have(writer: Writer, store: StoreLocation) -> None:
    note(writer, "gone with the store")
    assert writer.flush()
    writer._pump.stop(30)
    note_quietly(writer, "not yet in")
    shutil.rmtree(store.folder)
    note_quietly(writer, "into the deleted file")
    assert writer.flush(60)
    note(writer, "after")
    assert writer.flush(60)
    assert notes(store)[-3:] == ["not yet in", "into the deleted file", "after"]
    assert writer.health().problem == ""


def note_quietly(writer: Writer, text: str) -> None:
    """Record without waking the thread."""
    waker, writer.journal.waker = writer.journal.waker, None
    note(writer, text)
    writer.journal.waker = waker


def test_a_journal_folder_deleted_under_way_loses_and_doubles_nothing(writer: Writer, store: StoreLocation) -> None:
    note(writer, "in")
    assert writer.flush()
    for turn in range(10):
        writer._pump.stop(30)
        note_quietly(writer, f"{turn} before")
        shutil.rmtree(store.journal)
        note_quietly(writer, f"{turn} behind")
        assert writer.flush(60)
    assert notes(store) == ["in", *(f"{turn} {when}" for turn in range(10) for when in ("before", "behind"))]


def test_on_a_network_file_system_the_journal_is_forced_to_disk_and_touched(store: StoreLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr("nbtrack.store.journal.Journal.sync", lambda journal: done.append("sync"))
    monkeypatch.setattr("nbtrack.store.journal.Journal.touch", lambda journal: done.append("touch"))
    writer = Writer(store, Settings(store_network=True))
    note(writer, "one")
    assert writer.flush()
    assert {"sync", "touch"} <= set(done)
    assert notes(store) == ["one"]
    writer.close()
    assert len(list(store.journal.iterdir())) == 1, "there nobody unlinks a journal before seven days"


def test_no_fault_prints_or_raises_in_the_thread(
    location: StoreLocation, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*arguments: object, **named: object) -> None:
        raise ZeroDivisionError("a mistake of ours")

    migrate(location)
    monkeypatch.setattr("nbtrack.store.ingest.Ingester.run", fail)
    writer = Writer(location, Settings())
    with caplog.at_level(logging.DEBUG, "nbtrack"):
        note(writer, "one")
        assert not writer.flush(5)
    assert "a mistake of ours" in writer.health().problem
    assert any(record.exc_info for record in caplog.records)
    monkeypatch.undo()
    assert writer.flush(60)
    assert notes(location) == ["one"]
    writer.close()
    assert capfd.readouterr() == ("", "")


# -- promise 10: interrupts ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform == "win32", reason="needs setitimer")
def test_two_hundred_interrupts_leave_no_open_transaction_and_no_part_of_a_group(writer: Writer, store: StoreLocation) -> None:
    import random
    import signal

    pair = frames.series(RUN, ("loss", "acc"))
    chance = random.Random(10)
    returned, step = [], 0
    previous = signal.signal(signal.SIGALRM, signal.default_int_handler)
    try:
        for _ in range(200):
            try:
                signal.setitimer(signal.ITIMER_REAL, chance.uniform(0.0002, 0.006))
                while True:
                    step += 1
                    writer.points(pair, step, (1.0, 2.0))
                    returned.append(step)
                    if step % 50 == 0:
                        writer.flush()
            except KeyboardInterrupt:
                continue
            finally:
                signal.setitimer(signal.ITIMER_REAL, 0)
    finally:
        signal.signal(signal.SIGALRM, previous)
    with open_writer(store, timeout=2) as db:
        db.execute("select 1")
    assert writer.flush(60)
    with open_reader(store) as db:
        loss, acc = (read_series(db, RUN, key).steps for key in ("loss", "acc"))
        repeated = db.execute("select sum(repeated) from metric").fetchone()[0]
    assert list(loss) == list(acc)
    assert set(returned) <= set(loss)
    assert repeated == 0


# -- promise 5: forks ------------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_the_parent_brings_in_what_its_forked_children_record(store: StoreLocation, run_python: Callable[..., str]) -> None:
    code = """
        import os, sys
        from nbtrack.config import Settings, open_location
        from nbtrack.store.frames import Kind
        from nbtrack.store.writer import Writer
        writer = Writer(open_location(sys.argv[1]), Settings())
        def note(text):
            writer.append(Kind.NOTE, {"run": "0" * 32, "text": text})
        note("parent")
        for number in range(5):
            child = os.fork()
            if child == 0:
                note(f"child {number}")
                grandchild = os.fork()
                if grandchild == 0:
                    note(f"grandchild {number}")
                    os._exit(0)
                os.waitpid(grandchild, 0)
                os._exit(0)
            os.waitpid(child, 0)
        assert writer.flush(60)
        print(sum(1 for name in os.listdir(writer.location.journal) if not name.startswith(writer.journal.id)))
        """
    assert run_python(code, store.folder).strip() == "0", "the journals of dead children are in and gone"
    assert sorted(notes(store)) == sorted(["parent", *(f"{who} {number}" for who in ("child", "grandchild") for number in range(5))])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_child_forked_in_mid_transaction_leaves_the_store_to_its_parent(store: StoreLocation) -> None:
    writer = Writer(store, Settings())
    note(writer, "parent")
    assert writer.flush()
    inside, go = threading.Event(), threading.Event()

    def hold(db: sqlite3.Connection) -> None:
        db.execute("insert into note (entity, entity_id, text, at) values ('run', 'x', 'in the transaction', 0)")
        inside.set()
        go.wait(30)

    caller = threading.Thread(target=lambda: writer.call(hold))
    caller.start()
    inside.wait(30)
    child = os.fork()
    if child == 0:
        note(writer, "child")
        os._exit(0 if not writer.flush(1) and not FileLock(store.lock).acquire(0) else 1)
    assert os.waitpid(child, 0)[1] == 0
    go.set()
    caller.join()
    assert writer.flush(60)
    assert sorted(notes(store)) == ["child", "in the transaction", "parent"]
    writer.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_can_flush_and_read_by_itself(store: StoreLocation) -> None:
    writer = Writer(store, Settings())
    note(writer, "parent")
    assert writer.flush()
    child = os.fork()
    if child == 0:
        note(writer, "child")
        done = writer.flush(30) and sorted(notes(store)) == ["child", "parent"]
        writer.close()
        os._exit(0 if done else 1)
    assert os.waitpid(child, 0)[1] == 0
    note(writer, "parent again")
    assert writer.flush(60)
    assert sorted(notes(store)) == ["child", "parent", "parent again"]
    writer.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_what_a_grandchild_records_comes_in_though_its_parent_recorded_nothing(store: StoreLocation) -> None:
    writer = Writer(store, Settings())
    note(writer, "parent")
    child = os.fork()
    if child == 0:
        grandchild = os.fork()
        if grandchild == 0:
            note(writer, "grandchild")
            os._exit(0)
        os.waitpid(grandchild, 0)
        os._exit(0)
    os.waitpid(child, 0)
    assert writer.flush(60)
    assert sorted(notes(store)) == ["grandchild", "parent"]
    writer.close()


def test_records_that_wait_in_memory_are_not_called_flushed(writer: Writer, store: StoreLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    note(writer, "one")
    assert writer.flush()

    def full(fd: int, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as disk:
        disk.setattr("nbtrack.store.journal.os.write", full)
        note(writer, "two")
        assert not writer.flush(5)
        assert "wait in memory" in writer.health().problem
    assert writer.flush(60)
    assert notes(store) == ["one", "two"]


def test_two_writers_of_one_process_share_a_store(store: StoreLocation) -> None:
    one, two = Writer(store, Settings()), Writer(store, Settings())
    note(one, "one")
    note(two, "two")
    assert one.flush()
    assert two.flush()
    assert sorted(notes(store)) == ["one", "two"]
    one.close()
    two.close()
    assert ingest(store).problem == ""
