"""Bodies kept by what they hold: bytes or files in, sha256 names out, and back.

The name is the sha256 of the bytes as given. Up to 128 KiB compressed a body is a row; larger ones are files ``blobs/ab/abcd...``. zlib, so
that every store can be read everywhere; raw where zlib gains less than 5 %.
"""

from __future__ import annotations

import hashlib
import io
import os
import sqlite3
import zlib
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from nbtrack.config import StoreLocation
from nbtrack.errors import StoreCorrupt, UnknownArtifact
from nbtrack.store.ids import new_id

INLINE_BYTES = 128 << 10
_FAST_ABOVE = 1 << 20
_PIECE = 1 << 20
_WORTH = 0.95
_TEMPORARY = ".part"
_FSCK = "nbtrack fsck lists what is damaged."


@dataclass(frozen=True, slots=True)
class StoredBody:
    """A body file as it stands in ``blobs/``: what a BLOB frame says."""

    sha256: str
    size_bytes: int
    stored_bytes: int
    encoding: str


def encode(data: bytes) -> tuple[str, bytes]:
    """Compress a body where that is worth it: ``(encoding, stored bytes)``."""
    small = zlib.compress(data, 1 if len(data) > _FAST_ABOVE else 6) if len(data) >= 64 else data
    return ("zlib", small) if len(small) < _WORTH * len(data) else ("raw", data)


def decode(stored: bytes, encoding: str) -> bytes:
    """Undo ``encode``; raises ``ValueError`` for damaged bytes."""
    if encoding == "raw":
        return stored
    try:
        return zlib.decompress(stored)
    except zlib.error as error:
        raise ValueError(f"a compressed body cannot be read: {error}") from error


def body_path(location: StoreLocation, sha256: str) -> Path:
    """Where the file of a body stands if it has one; raises ``ValueError`` for a name that is no sha256."""
    if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
        raise ValueError(f"{sha256!r} is no sha256")
    return location.blobs / sha256[:2] / sha256


def put_body(db: sqlite3.Connection, location: StoreLocation, data: bytes) -> str:
    """Keep a body inside a write transaction and return its name; equal bodies are kept once."""
    sha256 = hashlib.sha256(data).hexdigest()
    if db.execute("select 1 from blob where sha256 = :sha256", {"sha256": sha256}).fetchone():
        return sha256
    encoding, stored = encode(data)
    if len(stored) > INLINE_BYTES:
        record_file(db, write_file(location, data))
        return sha256
    db.execute(
        """
        insert into blob (sha256, size_bytes, stored_bytes, encoding, body) values (:sha256, :size, :stored, :encoding, :body)
        on conflict (sha256) do nothing
        """,
        {"sha256": sha256, "size": len(data), "stored": len(stored), "encoding": encoding, "body": stored},
    )
    return sha256


def record_file(db: sqlite3.Connection, body: StoredBody) -> None:
    """Add the row of a body file."""
    db.execute(
        """
        insert into blob (sha256, size_bytes, stored_bytes, encoding) values (:sha256, :size, :stored, :encoding)
        on conflict (sha256) do nothing
        """,
        {"sha256": body.sha256, "size": body.size_bytes, "stored": body.stored_bytes, "encoding": body.encoding},
    )


def write_file(location: StoreLocation, data: bytes, *, sync: bool = True) -> StoredBody:
    """Write a body file, durable at return; raises ``OSError``. ``sync`` as in ``write_stream``."""
    return write_stream(location, io.BytesIO(data), sync=sync)


def copy_file(location: StoreLocation, path: Path) -> StoredBody:
    """Copy a file of the user into ``blobs/`` in constant memory, durable at return; raises ``OSError``.

    Never a hard link: the body would change with the file.
    """
    with open(path, "rb") as source:
        return write_stream(location, source)


def write_stream(location: StoreLocation, source: BinaryIO, *, sync: bool = True) -> StoredBody:
    """Write what a stream gives as a body file: temporary name, hash, fsync, rename, fsync of the folder.

    ``sync`` False leaves both fsyncs to the caller (the thread behind a user's cell): the file then survives the death of the process, not
    yet a loss of power.
    """
    location.blobs.mkdir(mode=0o700, parents=True, exist_ok=True)
    temporary = location.blobs / f"{new_id()}{_TEMPORARY}"
    digest, size = hashlib.sha256(), 0
    first = source.read(_PIECE)
    squeeze = zlib.compressobj(1) if encode(first)[0] == "zlib" else None
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(fd, "wb") as target:
            piece = first
            while piece:
                digest.update(piece)
                size += len(piece)
                target.write(squeeze.compress(piece) if squeeze else piece)
                piece = source.read(_PIECE)
            if squeeze:
                target.write(squeeze.flush())
            target.flush()
            if sync:
                os.fsync(target.fileno())
            stored = target.tell()
        return _settle(location, temporary, StoredBody(digest.hexdigest(), size, stored, "zlib" if squeeze else "raw"), sync=sync)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _settle(location: StoreLocation, temporary: Path, body: StoredBody, *, sync: bool) -> StoredBody:
    path = body_path(location, body.sha256)
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, exist_ok=True)
        if sync:
            sync_folder(location.blobs)
    # Replacing an equal body is harmless, and it heals a damaged one.
    temporary.replace(path)
    if sync:
        sync_folder(path.parent)
    return body


def sync_written(paths: deque[Path]) -> None:
    """Force body files that were written without it to disk, and empty the list; one that has gone meanwhile is somebody's wish."""
    while paths:
        path = paths.popleft()
        for place in (path, path.parent):
            with suppress(OSError):
                fd = os.open(place, os.O_RDONLY)
                try:
                    os.fsync(fd)
                finally:
                    os.close(fd)


def sync_folder(folder: Path) -> None:
    """Make new and removed names of a folder survive a loss of power, where the system can."""
    if os.name == "nt":
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def read_body(location: StoreLocation, db: sqlite3.Connection, sha256: str) -> bytes:
    """Return a body as it was given; raises ``UnknownArtifact`` when it is not kept, ``StoreCorrupt`` when it is damaged."""
    with open_body(location, db, sha256) as stream:
        data = stream.read()
    if hashlib.sha256(data).hexdigest() != sha256:
        raise StoreCorrupt(location.folder, f"body {sha256[:8]} is damaged: its bytes have another hash", _FSCK)
    return data


@contextmanager
def open_body(location: StoreLocation, db: sqlite3.Connection, sha256: str) -> Iterator[BinaryIO]:
    """Give a body as a stream in constant memory; raises what ``read_body`` raises, but its hash is not checked again."""
    row = db.execute("select encoding, body from blob where sha256 = :sha256", {"sha256": sha256}).fetchone()
    if row is None:
        raise UnknownArtifact(sha256, hint="Nothing with this content is kept.")
    encoding, inline = row
    try:
        if inline is not None:
            yield io.BytesIO(decode(inline, encoding))
            return
        with open(body_path(location, sha256), "rb") as file:
            yield io.BufferedReader(_Inflated(file), _PIECE) if encoding == "zlib" else file
    except FileNotFoundError as error:
        raise StoreCorrupt(location.folder, f"the file of body {sha256[:8]} is missing", _FSCK) from error
    except (ValueError, zlib.error) as error:
        raise StoreCorrupt(location.folder, f"body {sha256[:8]} is damaged: {error}", _FSCK) from error


class _Inflated(io.RawIOBase):
    """A compressed file read as what it was."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflater = zlib.decompressobj()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        while True:
            piece = self._inflater.unconsumed_tail or self._file.read(_PIECE)
            data = self._inflater.decompress(piece, len(buffer)) if piece else self._inflater.flush()
            if data or not piece:
                if not data and not self._inflater.eof:
                    raise ValueError("a compressed body is cut short")
                buffer[: len(data)] = data
                return len(data)
