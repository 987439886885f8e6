"""The hash of what a cell does: two sources that differ in comments, layout or a timing magic alone have the same one."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable

from nbtrack.lineage.cells import to_python


def fingerprint(source: str) -> str:
    """Return the hash of a cell's syntax tree (64 hex digits); of its lines without trailing blanks when it cannot be read.

    >>> fingerprint("x = 1  # one") == fingerprint("x=1"), fingerprint("x = 1") == fingerprint("x = 2")
    (True, False)
    """
    python = to_python(source)
    if python.tree is not None:
        try:
            return _hash("python", ast.dump(python.tree, annotate_fields=False))
        except RecursionError:
            pass
    return _hash("text", "\n".join(line.rstrip() for line in source.strip().splitlines()))


def code_fingerprint(sources: Iterable[str]) -> str:
    """Return the hash of cells in order; cells that do nothing do not count."""
    empty = fingerprint("")
    return _hash("cells", "\n".join(one for one in map(fingerprint, sources) if one != empty))


def _hash(kind: str, text: str) -> str:
    return hashlib.sha256(f"{kind}\0{text}".encode("utf-8", "surrogatepass")).hexdigest()
