"""Bodies are kept by what they hold: once each, small, whole, in constant memory."""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.config import StoreLocation
from nbtrack.errors import StoreCorrupt, UnknownArtifact
from nbtrack.store import blobs
from nbtrack.store.connection import open_reader, open_writer

NOISE = random.Random(1).randbytes(400_000)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=300), st.sampled_from([b"", b"a" * 200_000, NOISE, NOISE[:1000] * 100])))
def test_every_body_comes_back_as_it_was(store: StoreLocation, data: bytes) -> None:
    with open_writer(store) as db:
        sha256 = blobs.put_body(db, store, data)
        assert blobs.put_body(db, store, data) == sha256 == hashlib.sha256(data).hexdigest()
    with open_reader(store) as db:
        assert blobs.read_body(store, db, sha256) == data


def test_small_bodies_are_rows_and_large_ones_files(store: StoreLocation) -> None:
    with open_writer(store) as db:
        small, large = blobs.put_body(db, store, b"text " * 100_000), blobs.put_body(db, store, NOISE)
        rows = dict(db.execute("select sha256, body is not null from blob").fetchall())
    assert rows == {small: 1, large: 0}
    path = blobs.body_path(store, large)
    assert path.relative_to(store.blobs).parts == (large[:2], large)
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_only_what_shrinks_is_compressed() -> None:
    assert blobs.encode(NOISE)[0] == "raw"
    assert blobs.encode(b"x" * 1000)[0] == "zlib"
    for data in (NOISE, b"x" * 1000, b""):
        encoding, stored = blobs.encode(data)
        assert blobs.decode(stored, encoding) == data


def test_a_file_is_copied_and_read_again_in_constant_memory(store: StoreLocation, tmp_path: Path) -> None:
    big = tmp_path / "big.bin"
    with open(big, "wb") as file:
        for number in range(60):
            file.write(number.to_bytes(4, "little") * (1 << 18))
    code = """
import resource
import sys
sys.path.insert(0, sys.argv[3])
from pathlib import Path
from nbtrack.config import open_location
from nbtrack.store import blobs
from nbtrack.store.connection import open_reader, open_writer
location = open_location(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
body = blobs.copy_file(location, Path(sys.argv[2]))
with open_writer(location) as db:
    blobs.record_file(db, body)
total = 0
with open_reader(location) as db, blobs.open_body(location, db, body.sha256) as stream:
    while piece := stream.read(1 << 20):
        total += len(piece)
assert total == body.size_bytes == 60 << 20, total
assert body.encoding == "zlib"
grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
assert grown < 20_000, grown
"""
    root = Path(blobs.__file__).parents[2]
    subprocess.run([sys.executable, "-c", code, str(store.folder), str(big), str(root)], check=True)


def test_a_copy_never_changes_with_the_users_file(store: StoreLocation, tmp_path: Path) -> None:
    mine = tmp_path / "model.bin"
    mine.write_bytes(NOISE)
    body = blobs.copy_file(store, mine)
    with open(mine, "r+b") as file:
        file.write(b"changed")
    assert blobs.body_path(store, body.sha256).read_bytes() == NOISE
    assert blobs.body_path(store, body.sha256).stat().st_nlink == 1


def test_a_copy_that_fails_leaves_nothing_behind(store: StoreLocation, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(blobs.os, "fsync", fail)
    with pytest.raises(OSError, match="no space"):
        blobs.write_file(store, NOISE)
    assert [path for path in store.blobs.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("damage", ["missing", "cut", "flipped"])
@pytest.mark.parametrize("data", [NOISE, NOISE[:100_000].hex().encode() * 5], ids=["raw", "zlib"])
def test_a_damaged_body_is_an_error_that_names_fsck(store: StoreLocation, damage: str, data: bytes) -> None:
    with open_writer(store) as db:
        body = blobs.write_file(store, data)
        blobs.record_file(db, body)
    path = blobs.body_path(store, body.sha256)
    stored = path.read_bytes()
    path.unlink()
    if damage == "cut":
        path.write_bytes(stored[: len(stored) // 2])
    elif damage == "flipped":
        path.write_bytes(stored[:5000] + bytes(100) + stored[5100:])
    with open_reader(store) as db, pytest.raises(StoreCorrupt, match="bod"):
        blobs.read_body(store, db, body.sha256)


@pytest.mark.parametrize("name", ["", "..", "../../etc/passwd", "A" * 64, "g" * 64, "a" * 63, "a" * 65, "a/" * 32])
def test_names_are_ids_and_never_paths(store: StoreLocation, name: str) -> None:
    with pytest.raises(ValueError, match="no sha256"):
        blobs.body_path(store, name)
    with open_reader(store) as db, pytest.raises(UnknownArtifact):
        blobs.read_body(store, db, name)
