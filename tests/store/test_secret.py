"""The key of a store's tags: one for everybody, made once, never in the way."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from nbtrack.config import StoreLocation, open_location
from nbtrack.store.secret import KEY_BYTES, KEY_FILE, copy_key, tag_key

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def place(tmp_path: Path) -> StoreLocation:
    return open_location(tmp_path / "project" / ".nbtrack")


@pytest.fixture
def project(place: StoreLocation) -> Path:
    place.folder.parent.mkdir()
    return place.folder.parent


def test_the_first_call_makes_the_key_and_every_later_one_finds_it(place: StoreLocation, project: Path) -> None:
    key = tag_key(place)
    assert len(key) == KEY_BYTES
    assert tag_key(place) == key
    assert (place.folder / KEY_FILE).read_bytes() == key


def test_only_the_owner_may_read_it(place: StoreLocation, project: Path) -> None:
    tag_key(place)
    assert (place.folder / KEY_FILE).stat().st_mode & 0o777 == 0o600
    assert place.folder.stat().st_mode & 0o777 == 0o700


def test_a_shared_store_shares_its_key(place: StoreLocation, project: Path) -> None:
    tag_key(place, shared=True)
    assert (place.folder / KEY_FILE).stat().st_mode & 0o777 == 0o660


def test_two_stores_have_two_keys(tmp_path: Path) -> None:
    assert tag_key(open_location(tmp_path / "a" / ".nbtrack")) != tag_key(open_location(tmp_path / "b" / ".nbtrack"))


def test_nothing_but_the_key_is_left_behind(place: StoreLocation, project: Path) -> None:
    tag_key(place)
    assert sorted(path.name for path in place.folder.iterdir()) == [".gitignore", KEY_FILE]


def test_threads_at_once_get_one_key(place: StoreLocation, project: Path) -> None:
    keys: list[bytes] = []
    barrier = threading.Barrier(8)

    def get() -> None:
        barrier.wait()
        keys.append(tag_key(place))

    threads = [threading.Thread(target=get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(keys)) == 1


def test_processes_at_once_get_one_key(place: StoreLocation, project: Path) -> None:
    code = (
        "import sys; from nbtrack.config import open_location; from nbtrack.store.secret import tag_key; sys.stdin.readline();"
        " print(tag_key(open_location(sys.argv[1])).hex())"
    )
    children = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(place.folder)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for child in children:
        assert child.stdin is not None
        child.stdin.write("go\n")
        child.stdin.flush()
    assert len({child.communicate(timeout=60)[0] for child in children}) == 1


def test_a_damaged_key_is_replaced(place: StoreLocation, project: Path) -> None:
    place.folder.mkdir()
    (place.folder / KEY_FILE).write_bytes(b"short")
    key = tag_key(place)
    assert tag_key(place) == key
    assert len(key) == KEY_BYTES


def test_a_store_that_cannot_be_made_gives_a_key_of_this_process(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("no folder")
    place = open_location(blocked / ".nbtrack")
    assert len(tag_key(place)) == KEY_BYTES
    assert tag_key(place) != tag_key(place)


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions do not stop this user")
def test_a_read_only_store_gives_the_key_it_has(place: StoreLocation, project: Path) -> None:
    key = tag_key(place)
    place.folder.chmod(0o500)
    try:
        assert tag_key(place) == key
    finally:
        place.folder.chmod(0o700)


def test_a_copy_of_a_store_has_its_key(place: StoreLocation, project: Path, tmp_path: Path) -> None:
    copy = open_location(tmp_path / "copy" / ".nbtrack")
    copy.folder.mkdir(parents=True)
    copy_key(place, copy)
    assert not (copy.folder / KEY_FILE).exists()
    key = tag_key(place)
    copy_key(place, copy)
    assert tag_key(copy) == key
