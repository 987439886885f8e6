"""One holder at a time, whatever happens to processes, threads, forks and the file itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from nbtrack.store.filelock import FileLock, try_lock, unlock

StartPython = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.lock"


def test_a_held_lock_is_refused_to_everybody_else_in_this_process(path: Path) -> None:
    first, second = FileLock(path), FileLock(path)
    with first:
        assert first.held
        assert not second.acquire(0)
        assert not second.acquire(0.01)
    assert second.acquire(0)
    second.release()
    second.release()
    assert not second.held


def test_one_lock_object_excludes_threads_from_each_other(path: Path) -> None:
    lock, inside, most, rounds = FileLock(path), [], [], []

    def work() -> None:
        for _ in range(100):
            with lock:
                inside.append(1)
                most.append(len(inside))
                inside.pop()
            rounds.append(1)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(rounds) == 400
    assert set(most) == {1}


def test_another_process_waits_until_the_lock_is_free(path: Path, start_python: StartPython) -> None:
    code = """
        import sys
        from nbtrack.store.filelock import FileLock
        lock = FileLock(sys.argv[1])
        print(lock.acquire(0), flush=True)
        print(lock.acquire(30), flush=True)
        """
    lock = FileLock(path)
    lock.acquire()
    child = start_python(code, path)
    assert child.stdout is not None
    assert child.stdout.readline() == b"False\n"
    lock.release()
    assert child.stdout.readline() == b"True\n"


def test_the_death_of_the_holder_frees_the_lock(path: Path, start_python: StartPython) -> None:
    holder = start_python(
        """
        import sys, time
        from nbtrack.store.filelock import FileLock
        lock = FileLock(sys.argv[1])
        lock.acquire()
        print("held", flush=True)
        time.sleep(60)
        """,
        path,
    )
    assert holder.stdout is not None
    holder.stdout.readline()
    lock = FileLock(path)
    assert not lock.acquire(0)
    holder.kill()
    assert lock.acquire(10)
    lock.release()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_neither_holds_nor_frees_the_lock_of_its_parent(path: Path) -> None:
    lock = FileLock(path)
    lock.acquire()
    reading, writing = os.pipe()
    waiting, going = os.pipe()
    child = os.fork()
    if child == 0:
        lock.release()
        os.write(writing, b"1" if lock.held or FileLock(path).acquire(0) else b"0")
        os.read(waiting, 1)  # lives on while the parent looks
        os._exit(0)
    assert os.read(reading, 1) == b"0", "the child got the lock that its parent holds"
    assert not FileLock(path).acquire(0), "the child's end of the lock freed it"
    lock.release()
    assert lock.acquire(0), "the child's copy of the descriptor keeps the lock"
    lock.release()
    os.write(going, b"x")
    os.waitpid(child, 0)
    for fd in (reading, writing, waiting, going):
        os.close(fd)


def test_a_copy_of_the_folder_does_not_lose_the_lock(path: Path, tmp_path: Path) -> None:
    lock = FileLock(path)
    with lock:
        shutil.copytree(path.parent, tmp_path.parent / f"{tmp_path.name}-copy")
        path.read_bytes()
        assert not FileLock(path).acquire(0)


def test_a_lock_on_a_deleted_file_is_not_taken_for_the_new_one(path: Path) -> None:
    old, new = FileLock(path), FileLock(path)
    old.acquire()
    path.unlink()
    assert new.acquire(0)
    old.release()
    assert not old.acquire(0)
    new.release()


def test_the_file_is_closed_to_others_and_open_to_the_group_only_when_shared(tmp_path: Path) -> None:
    for name, shared, mode in (("own", False, 0o600), ("shared", True, 0o660)):
        with FileLock(tmp_path / name, shared=shared):
            assert (tmp_path / name).stat().st_mode & 0o777 == mode


def test_a_lock_in_a_missing_folder_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        FileLock(tmp_path / "missing" / "store.lock").acquire(0)


def test_an_open_file_can_be_locked_and_unlocked(path: Path) -> None:
    path.touch()
    one, two = os.open(path, os.O_RDWR), os.open(path, os.O_RDWR)
    assert try_lock(one)
    assert not try_lock(two)
    unlock(one)
    assert try_lock(two)
    os.close(one)
    os.close(two)


def test_a_dropped_lock_object_gives_the_lock_back(path: Path) -> None:
    FileLock(path).acquire()
    assert FileLock(path).acquire(0)


def test_eight_processes_share_the_lock_fairly(path: Path, start_python: StartPython, long_run: bool) -> None:
    code = """
        import sys, time
        from nbtrack.store.filelock import FileLock
        lock, turns = FileLock(sys.argv[1]), 0
        sys.stdin.readline()
        end = time.monotonic() + float(sys.argv[2])
        while time.monotonic() < end:
            with lock:
                turns += 1
                time.sleep(0.0001)  # a transaction; without any work in between the scheduler's slices would be measured
        print(turns)
        """
    for _ in range(3):  # other programs of a busy machine may take their time from one of the eight
        children = [start_python(code, path, 10 if long_run else 2) for _ in range(8)]
        for child in children:
            assert child.stdin is not None
            child.stdin.write(b"\n")
            child.stdin.flush()
        turns = sorted(int(child.communicate(timeout=60)[0]) for child in children)
        if turns[0] * 3 >= turns[-1]:
            return
    pytest.fail(f"one waits too long: {turns}")
