"""What a stored state of a notebook consists of, as bytes: a manifest in, its parts out, and back. Pure: no file, no SQL.

A manifest is canonical JSON, and its sha256 is the name of the state::

    {"v": 1, "frame": sha256, "lists": [[["cells"], 12]], "cells": [content, ...], "counts": [[7, 7], [], ...]}
    {"v": 1, "raw": sha256, "size": 812}                     a file that is no JSON object, kept byte by byte

``frame`` is the document without its lists of cells, ``lists`` says where they stood and how long they were. The content of a cell is
``[head, parts, outputs]``: its JSON text without what stands elsewhere; ``[path, codec, sha256]`` for each text or image taken out; and
None (no list of outputs) or ``[sha256, parts]`` for each output. ``counts`` are the execution counts of each cell, its own before those
of its outputs: apart, so that a cell that only ran again is the same cell.

``forms`` stand beside the manifest, since they mean nothing: one letter for each text in reading order, ``s`` one string, ``l`` a list
of lines, ``n`` a list of lines that end at line feeds only, ``x`` left as it was; a single letter when all are alike.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

VERSION = 1
HASH_BYTES = 16

Content = list[Any]


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest taken apart; ``raw`` is the body of a file that is no notebook, and then nothing else is filled."""

    frame: str = ""
    lists: tuple[tuple[tuple[Any, ...], int], ...] = ()
    cells: tuple[Content, ...] = ()
    counts: tuple[Any, ...] = ()
    raw: str = ""
    size: int = 0


def canonical(value: Any) -> bytes:
    """Write a JSON value the one way it is hashed: sorted keys, no blanks, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode("ascii")


def pack_manifest(manifest: Manifest) -> bytes:
    """Write a manifest."""
    if manifest.raw:
        return canonical({"v": VERSION, "raw": manifest.raw, "size": manifest.size})
    return canonical({"v": VERSION, "frame": manifest.frame, "lists": manifest.lists, "cells": manifest.cells, "counts": manifest.counts})


def name_of(packed: bytes) -> str:
    """Name a state by its manifest."""
    return hashlib.sha256(packed).hexdigest()


def unpack_manifest(packed: bytes) -> Manifest:
    """Read a manifest; raises ``ValueError`` when it is none."""
    found = json.loads(packed)
    if not isinstance(found, dict) or found.get("v") != VERSION:
        raise ValueError("a manifest of an unknown kind")
    if "raw" in found:
        return Manifest(raw=_name(found["raw"]), size=int(found.get("size") or 0))
    cells, lists, counts = found.get("cells"), found.get("lists"), found.get("counts")
    if not isinstance(cells, list) or not isinstance(lists, list) or not isinstance(counts, list):
        raise ValueError("a manifest without cells")
    for content in cells:
        check_content(content)
    if len(counts) != len(cells) or not all(isinstance(one, list) for one in counts):
        raise ValueError("a manifest whose counts are not those of its cells")
    return Manifest(_name(found.get("frame")), tuple((tuple(path), int(length)) for path, length in lists), tuple(cells), tuple(counts))


def check_content(content: Any) -> None:
    """Raise ``ValueError`` unless this is the content of a cell."""
    if not isinstance(content, list) or len(content) != 3 or not isinstance(content[0], str):
        raise ValueError("a cell without its head")
    for _ in names_in(content):
        pass


def names_in(content: Content) -> Iterator[str]:
    """Go through the names of all bodies of a cell: its parts, then each output and its parts."""
    for _, _, name in content[1]:
        yield _name(name)
    for name, parts in content[2] or ():
        yield _name(name)
        for _, _, part in parts:
            yield _name(part)


def hash_content(content: Content) -> bytes:
    """Hash the content of one cell, for its row."""
    return hashlib.sha256(canonical(content)).digest()[:HASH_BYTES]


def source_name(content: Content) -> str | None:
    """Return the name of the body that is the cell's text, None when it has none."""
    return next((str(name) for path, _, name in content[1] if path in (["source"], ["input"])), None)


def own_count(content: Content, counts: Any) -> int | None:
    """Return the execution count of a cell, None when it has none."""
    head = json.loads(content[0])
    if not isinstance(head, dict) or not counts or not ({"execution_count", "prompt_number"} & head.keys()):
        return None
    return counts[0] if isinstance(counts[0], int) and not isinstance(counts[0], bool) else None


def pack_rows(manifest: Manifest, ids: Iterable[int], forms: str) -> bytes:
    """Write what the row of a checkpoint keeps: the ids of its cell states instead of their contents."""
    if manifest.raw:
        kept: dict[str, Any] = {"raw": manifest.raw, "size": manifest.size}
    else:
        kept = {"lists": manifest.lists, "cells": list(ids), "counts": manifest.counts, "forms": forms}
    return zlib.compress(canonical(kept), 6)


@dataclass(frozen=True, slots=True)
class Rows:
    """What the row of a checkpoint keeps, taken apart."""

    lists: tuple[tuple[tuple[Any, ...], int], ...] = ()
    ids: tuple[int, ...] = ()
    counts: tuple[Any, ...] = ()
    forms: str = ""
    raw: str = ""
    size: int = 0


def unpack_rows(packed: bytes) -> Rows:
    """Read what ``pack_rows`` wrote; raises ``ValueError`` when it is damaged."""
    try:
        found = json.loads(zlib.decompress(packed))
        if "raw" in found:
            return Rows(raw=_name(found["raw"]), size=int(found["size"]))
        return Rows(
            tuple((tuple(path), int(length)) for path, length in found["lists"]),
            tuple(map(int, found["cells"])),
            tuple(found["counts"]),
            str(found["forms"]),
        )
    except (zlib.error, KeyError, TypeError) as error:
        raise ValueError(f"a manifest cannot be read: {error}") from error


def _name(value: Any) -> str:
    if not isinstance(value, str) or len(value) != 64 or not set(value) <= set("0123456789abcdef"):
        raise ValueError(f"{value!r:.80} is no sha256")
    return value
