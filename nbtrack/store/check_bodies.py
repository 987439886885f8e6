"""Bodies against their names: every row and file of a body is read again and hashed; what refers to a body that is not there is found."""

from __future__ import annotations

import hashlib
import time
import zlib
from pathlib import Path
from typing import BinaryIO

from nbtrack.store.blobs import StoredBody, body_path, decode, record_file
from nbtrack.store.findings import Findings
from nbtrack.store.garbage import body_files

_PIECE = 1 << 20
_YOUNG_S = 60  # a file this young may be ahead of its record

_REFERENCES = (
    ("the source of execution", "select id, source_sha256 from execution where source_sha256 is not null order by id"),
    ("an output of execution", "select execution_id, sha256 from output where sha256 is not null order by execution_id, position"),
    ("artifact", "select id, sha256 from artifact where state = 'stored' order by id"),
)


def check_bodies(findings: Findings) -> None:
    """Check all bodies and all references to bodies."""
    _check_rows(findings)
    _check_files(findings)
    _check_references(findings)


def _check_rows(findings: Findings) -> None:
    rows = findings.db.execute("select sha256, size_bytes, stored_bytes, encoding, body from blob where body is not null order by sha256")
    for sha256, size, stored, encoding, body in rows:
        findings.count("bodies", 1)
        try:
            data = decode(body, encoding)
        except ValueError as error:
            findings.add("damaged body", f"{sha256}: {error}")
            continue
        if hashlib.sha256(data).hexdigest() != sha256:
            findings.add("damaged body", f"{sha256}: its bytes have another hash")
        elif (len(data), len(body)) != (size, stored):
            findings.add(
                "wrong size", f"body {sha256}: {len(data)} bytes, not {size}",
                "update blob set size_bytes = :size, stored_bytes = :stored where sha256 = :sha256",
                {"size": len(data), "stored": len(body), "sha256": sha256},
            )  # fmt: skip


def _check_files(findings: Findings) -> None:
    location = findings.location
    rows = findings.db.execute("select sha256, size_bytes, stored_bytes, encoding from blob where body is null order by sha256").fetchall()
    known = set()
    for sha256, size, stored, encoding in rows:
        findings.count("bodies", 1)
        known.add(sha256)
        path = body_path(location, sha256)
        if not path.exists():
            findings.add("missing body file", f"{path.relative_to(location.folder)}")
            continue
        real = read_file(path)
        if real is None or real.sha256 != sha256:
            findings.add("damaged body file", f"{path.relative_to(location.folder)}: its bytes have another hash")
        elif (real.size_bytes, real.stored_bytes, real.encoding) != (size, stored, encoding):
            findings.add(
                "wrong size", f"body {sha256}: {real.size_bytes} bytes, not {size}",
                "update blob set size_bytes = :size, stored_bytes = :stored, encoding = :encoding where sha256 = :sha256",
                {"size": real.size_bytes, "stored": real.stored_bytes, "encoding": real.encoding, "sha256": sha256},
            )  # fmt: skip
    inline = {sha256 for (sha256,) in findings.db.execute("select sha256 from blob where body is not null")}
    before = time.time() - _YOUNG_S
    for path in body_files(location):
        if path.name in known or path.stat().st_mtime > before:
            continue
        name = str(path.relative_to(location.folder))
        if path.name in inline:
            findings.note("file of a body kept inline", f"{name}: nothing refers to it; nbtrack gc removes it", mended=False)
        else:
            _adopt(findings, path, name)


def _adopt(findings: Findings, path: Path, name: str) -> None:
    """A file without a row is taken in when it is what its name says: then it can be found, and collected."""
    real = read_file(path) if path.suffix == "" else None
    whole = real is not None and real.sha256 == path.name and path == body_path(findings.location, path.name)
    if whole and findings.repair and real is not None:
        record_file(findings.db, real)
    findings.note("orphan file", name, mended=whole and findings.repair)


def _check_references(findings: Findings) -> None:
    known = {sha256 for (sha256,) in findings.db.execute("select sha256 from blob")}
    for what, query in _REFERENCES:
        for owner, sha256 in findings.db.execute(query).fetchall():
            findings.count("references", 1)
            if sha256 not in known:
                findings.add("missing body", f"{what} {owner} refers to {sha256 or 'nothing'}")


def read_file(path: Path) -> StoredBody | None:
    """Read a body file in constant memory and tell what it holds, whichever way it is kept; None when it cannot be read either way."""
    expected = path.name
    with open(path, "rb") as file:
        raw = _digest(file, inflate=False)
        file.seek(0)
        squeezed = None if raw is not None and raw.sha256 == expected else _digest(file, inflate=True)
    return squeezed or raw


def _digest(file: BinaryIO, *, inflate: bool) -> StoredBody | None:
    digest, size, stored = hashlib.sha256(), 0, 0
    inflater = zlib.decompressobj() if inflate else None
    try:
        while piece := file.read(_PIECE):
            stored += len(piece)
            data = inflater.decompress(piece) if inflater else piece
            digest.update(data)
            size += len(data)
        if inflater:
            data = inflater.flush()
            digest.update(data)
            size += len(data)
    except zlib.error:
        return None
    if inflater and not inflater.eof:
        return None
    return StoredBody(digest.hexdigest(), size, stored, "zlib" if inflate else "raw")
