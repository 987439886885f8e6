"""Notebooks as they come: a dict, a path or JSON text in; the document as it stands, and its cells in one form, out.

Anything that is a JSON object can be read, whatever is missing or wrong inside it; formats 3 and 4 are known. Nothing is repaired in the
document itself, and nothing in it is executed. Neither nbformat nor nbdime is needed.
"""

from __future__ import annotations

import difflib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from nbtrack.diffing.result import Cell
from nbtrack.errors import BadNotebook

NotebookLike = Mapping[str, Any] | str | bytes | os.PathLike[str]

_TYPES_3 = {"heading": "markdown", "html": "markdown"}
_OUTPUTS_3 = {"pyout": "execute_result", "pyerr": "error"}
_MIMES_3 = {
    "text": "text/plain",
    "html": "text/html",
    "svg": "image/svg+xml",
    "png": "image/png",
    "jpeg": "image/jpeg",
    "latex": "text/latex",
    "json": "application/json",
    "javascript": "application/javascript",
}


def read_document(given: NotebookLike, side: str) -> dict[str, Any]:
    """Return the JSON object behind a dict, a path or JSON text. ``side`` names it in messages when it has no path.

    Raises ``BadNotebook`` with the place and the reason. ``os.devnull``, which git names for a file that one side lacks, is empty.
    """
    if isinstance(given, dict):
        return given
    if isinstance(given, Mapping):
        return dict(given)
    if isinstance(given, bytes | bytearray):
        return _parsed(bytes(given), side)
    if isinstance(given, str) and (not given.strip() or given.lstrip("\ufeff \t\r\n")[:1] in ("{", "[") or "\n" in given):
        return _parsed(given, side)
    if not isinstance(given, str | os.PathLike):
        raise BadNotebook(f"{side} is a {type(given).__name__}, not a notebook", "Give a notebook's path, its JSON text or its dict.")
    return {} if os.fspath(given) == os.devnull else _from_file(Path(given))


def list_cells(document: dict[str, Any]) -> list[Cell]:
    """Return the cells in one form, in document order. What is no list of cells counts as none."""
    cells = document.get("cells")
    if isinstance(cells, list):
        return [read_cell(raw, index) for index, raw in enumerate(cells)]
    sheets = document.get("worksheets")
    found = []
    for sheet in sheets if isinstance(sheets, list) else ():
        inside = sheet.get("cells") if isinstance(sheet, dict) else None
        found += inside if isinstance(inside, list) else []
    return [_read_cell_3(raw, index) for index, raw in enumerate(found)]


def read_cell(raw: Any, index: int) -> Cell:
    """Bring one cell of format 4 into form; missing and wrong parts become empty ones."""
    if not isinstance(raw, dict):
        return Cell(index, "", None, None, raw if isinstance(raw, str) else "", (), raw)
    kind, count, outputs = raw.get("cell_type"), raw.get("execution_count"), raw.get("outputs")
    found, source = raw.get("id"), raw.get("source")
    return Cell(
        index,
        kind if isinstance(kind, str) else "",
        found if isinstance(found, str) and found else None,
        count if isinstance(count, int) else None,
        source if isinstance(source, str) else joined(source),
        tuple(outputs) if isinstance(outputs, list) else (),
        raw,
    )


def joined(text: Any) -> str:
    """Return a multi-line text as one: the format allows a list of lines."""
    if isinstance(text, str):
        return text
    if isinstance(text, list):
        return "".join(line if isinstance(line, str) else _shown(line) for line in text)
    return "" if text is None else _shown(text)


def _shown(value: Any) -> str:
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return str(value)


def _from_file(path: Path) -> dict[str, Any]:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        near = difflib.get_close_matches(path.name, [one.name for one in _notebooks_beside(path)], n=1)
        raise BadNotebook(f"there is no file {str(path)!r}", f"Did you mean {near[0]!r}?" if near else "") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise BadNotebook(f"{str(path)!r} cannot be read: {reason}", "Give the path of a notebook file.") from None
    return _parsed(data, repr(path.name))


def _notebooks_beside(path: Path) -> list[Path]:
    try:
        return sorted(path.parent.glob("*.ipynb"))[:1000]
    except (OSError, ValueError):
        return []


def _parsed(text: str | bytes, name: str) -> dict[str, Any]:
    try:
        found = json.loads(text.removeprefix("\ufeff") if isinstance(text, str) else text)
    except json.JSONDecodeError as error:
        raise BadNotebook(f"{name} is not a notebook: {_complaint(text, error)}", _mend(text)) from None
    except UnicodeDecodeError as error:
        raise BadNotebook(f"{name} is not a notebook: byte {error.start} is no UTF-8", "") from None
    except RecursionError:
        raise BadNotebook(f"{name} is nested too deep to be read", "") from None
    except ValueError as error:
        raise BadNotebook(f"{name} is not a notebook: {str(error).partition(';')[0]}", "") from None
    if not isinstance(found, dict):
        raise BadNotebook(f"{name} is JSON but not a notebook: a {type(found).__name__} where an object should be", "")
    return found


def _complaint(text: str | bytes, error: json.JSONDecodeError) -> str:
    if not text.strip():
        return "it is empty"
    if error.pos >= len(error.doc.rstrip()) or error.msg.startswith("Unterminated string"):
        return f"it ends in the middle, at line {error.doc.count(chr(10)) + 1}"
    return f"line {error.lineno}, column {error.colno}: {error.msg}"


def _mend(text: str | bytes) -> str:
    start = b"<<<<<<< " if isinstance(text, bytes) else "<<<<<<< "
    if start in text:  # type: ignore[operator]
        return "It holds marks of an unresolved git merge. Resolve it first: git mergetool, or git checkout --ours."
    return "Take an older state of the file, or open it in an editor and mend it there."


def _read_cell_3(raw: Any, index: int) -> Cell:
    """Bring one cell of format 3 into the form of format 4."""
    if not isinstance(raw, dict):
        return read_cell(raw, index)
    kind, count, outputs = raw.get("cell_type"), raw.get("prompt_number"), raw.get("outputs")
    source = joined(raw.get("input", raw.get("source")))
    if kind == "heading":
        level = raw.get("level")
        source = f"{'#' * (level if isinstance(level, int) and 0 < level < 7 else 1)} {source}"
    return Cell(
        index,
        _TYPES_3.get(kind, kind) if isinstance(kind, str) else "",
        None,
        count if isinstance(count, int) else None,
        source,
        tuple(map(_read_output_3, outputs)) if isinstance(outputs, list) else (),
        raw,
    )


def _read_output_3(raw: Any) -> Any:
    if not isinstance(raw, dict):
        return raw
    kind = raw.get("output_type")
    if kind == "stream":
        return {"output_type": "stream", "name": raw.get("stream", "stdout"), "text": raw.get("text", "")}
    if kind == "pyerr":
        return {"output_type": "error", **{key: raw.get(key) for key in ("ename", "evalue", "traceback")}}
    data = {mime: raw[key] for key, mime in _MIMES_3.items() if key in raw}
    found = {"output_type": _OUTPUTS_3.get(str(kind), kind), "data": data, "metadata": raw.get("metadata", {})}
    if "prompt_number" in raw:
        found["execution_count"] = raw["prompt_number"]
    return found
