"""One cell of a notebook diff as the widget draws it: a cell diff in, JSON and image bytes out. Sent when the cell comes into view.

All text is cleaned here and set as text there; marks of words travel as pieces of text, since the two languages count characters unlike.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtrack.diffing import Cell, CellDiff, Image, OutputDiff, TableCell, TableDiff
from nbtrack.diffing.budget import Budget
from nbtrack.diffing.marks import mark_words
from nbtrack.diffing.outputs import list_shown, text_of, what_of
from nbtrack.diffing.reading import joined
from nbtrack.diffing.tables import parse_number
from nbtrack.diffing.text import diff_text
from nbtrack.diffing.words import noise_words
from nbtrack.records import direction
from nbtrack.views import words
from nbtrack.views.markup import clean
from nbtrack.views.notebook_diff_parts import CONTEXT, MOST_CHARACTERS, DrawnLine, delta_of, lines_of, name_of, whole_lines

IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"}
LARGEST_IMAGE = 16_000_000
LARGEST_LIVE = 2_000_000
_MOST_TEXT = 200_000
_MOST_ROWS = 200
_STATES = {"same": "=", "removed": "-", "added": "+", "changed": "~", "noise": "n", "gap": "g"}
_LIVE = {"html", "table"}

Row = list[Any]
Marks = tuple[Sequence[tuple[int, int]], Sequence[tuple[int, int]]]


@dataclass
class Part:
    """What is drawn of one cell, and the images that travel beside it as bytes."""

    body: dict[str, Any] = field(default_factory=dict)
    buffers: list[bytes] = field(default_factory=list)


def make_part(cell: CellDiff, *, noise: Iterable[str] = (), outputs: bool = True, whole: bool = False) -> Part:
    """Return one cell. ``noise`` names the kinds that are shown, ``whole`` draws the equal lines too."""
    part, kinds, context = Part(), frozenset(noise), 1 << 30 if whole else CONTEXT
    part.body = {"name": clean(name_of(cell)), "lang": "code" if cell.cell.cell_type == "code" else "", "notes": _notes(cell, kinds)}
    quiet = cell.kind == "unchanged" or (cell.kind == "noise only" and not kinds & cell.noise.keys())
    if quiet:
        part.body["lines"] = _rows(whole_lines(cell.cell.source, "same")) if cell.cell.source else []
        if outputs:
            part.body["outputs"] = [_plain_output(shown.raw, part) for shown in list_shown(cell.cell.outputs)]
        return part
    if cell.kind in ("added", "removed"):
        part.body["lines"] = _rows(whole_lines(cell.cell.source, "added" if cell.kind == "added" else "removed"))
    elif cell.source is not None:
        part.body["lines"] = _rows(lines_of(cell.source, context=context))
    if outputs:
        shown = [(place, output) for place, output in enumerate(cell.outputs) if _is_shown(output, kinds)]
        part.body["outputs"] = [_output(output, place, part, kinds, context) for place, output in shown]
    if cell.kind == "moved" or not (part.body.get("lines") or part.body.get("outputs") or part.body["notes"]):
        part.body.setdefault("lines", [])
    part.body |= _metadata(cell, kinds)
    return part


def make_frame_part(a: Mapping[str, Any], b: Mapping[str, Any]) -> Part:
    """Return what differs around the cells: the metadata and the format of the notebook."""
    left, right = ({key: value for key, value in side.items() if key not in ("cells", "worksheets")} for side in (a, b))
    return Part({"name": "Notebook", "lang": "json", "notes": [], "meta": _json_rows(left, right)})


def live_of(cell: CellDiff, place: int) -> tuple[str | None, str | None]:
    """Return the stored HTML of an output on both sides. It may hold anything: it belongs into a frame without scripts, nowhere else."""
    if cell.kind == "unchanged" or not 0 <= place < len(cell.outputs):
        shown = list_shown(cell.cell.outputs)
        raw = shown[place].raw if 0 <= place < len(shown) else None
        return None, _live_text(raw, "text/html")
    output = cell.outputs[place]
    return _live_text(output.a, output.mime), _live_text(output.b, output.mime)


def _live_text(output: Any, mime: str) -> str | None:
    text = text_of(output, mime) if output is not None and mime == "text/html" else ""
    return text.encode("utf-8", "replace").decode("utf-8")[:LARGEST_LIVE] or None


def _is_shown(output: OutputDiff, kinds: frozenset[str]) -> bool:
    return output.kind not in ("same", "noise") or (output.kind == "noise" and bool(kinds & output.noise.keys()))


def _notes(cell: CellDiff, kinds: frozenset[str]) -> list[str]:
    """Say in words what noise is shown that has no lines of its own."""
    found = []
    if "counts" in kinds and cell.a is not None and cell.b is not None and cell.a.count != cell.b.count:
        found.append(f"executed as [{_count(cell.a)}], then as [{_count(cell.b)}]")
    if "ids" in kinds and cell.a is not None and cell.b is not None and cell.a.id != cell.b.id:
        found.append(f"id {clean(cell.a.id or 'none')} → {clean(cell.b.id or 'none')}")
    if "form" in kinds and cell.noise.get("form"):
        found.append(f"{noise_words({'form': cell.noise['form']})}: stored differently, reads the same")
    return found


def _count(cell: Cell) -> str:
    return " " if cell.count is None else str(cell.count)


def _metadata(cell: CellDiff, kinds: frozenset[str]) -> dict[str, Any]:
    if not {"metadata", "timings"} & kinds & cell.noise.keys() or cell.a is None or cell.b is None:
        return {}
    left, right = (side.raw.get("metadata") if isinstance(side.raw, dict) else None for side in (cell.a, cell.b))
    rows = _json_rows(left, right)
    return {"meta": rows} if rows else {}


def _json_rows(a: Any, b: Any) -> list[Row]:
    left, right = (json.dumps(side, indent=1, sort_keys=True, ensure_ascii=False, default=str) for side in (a, b))
    text = diff_text(left, right, Budget())
    return _rows(lines_of(text, context=1)) if text is not None else []


def _output(output: OutputDiff, place: int, part: Part, kinds: frozenset[str], context: int) -> dict[str, Any]:
    body: dict[str, Any] = {"at": place, "what": output.what, "kind": output.kind}
    body["said"] = clean(output.words or f"{output.what}: {noise_words(output.noise)}")
    if output.table is not None:
        body["table"] = _table(output.table)
    elif output.images is not None:
        body["images"] = [_image(image, part) for image in output.images]
    elif output.text is not None:
        body["lines"] = _rows(lines_of(output.text, context=context, noise=bool(kinds & output.noise.keys())))
    elif output.kind in ("added", "removed"):
        side = output.b if output.kind == "added" else output.a
        body |= _one_side(side, output.what, output.mime, part, "added" if output.kind == "added" else "removed")
    if output.what in _LIVE and output.mime == "text/html":
        body["live"] = True
    return body


def _one_side(raw: Any, what: str, mime: str, part: Part, state: Any) -> dict[str, Any]:
    """Draw an output that stands on one side only."""
    if what == "image":
        image = _image(_read_image(raw, mime), part)
        return {"images": [None, image] if state == "added" else [image, None]}
    if what == "widget":
        return {}
    text = text_of(raw, mime)
    if what in ("json", "other"):
        return {}
    return {"lines": _rows(whole_lines(text[:_MOST_TEXT].rstrip("\n"), state))} if text else {}


def _plain_output(raw: Any, part: Part) -> dict[str, Any]:
    """Draw an output of a cell in which nothing changed."""
    what, mime = what_of(raw)
    body: dict[str, Any] = {"at": len(part.body.get("outputs", ())), "what": what, "kind": "same", "said": what}
    if what == "image":
        return body | {"image": _image(_read_image(raw, mime), part)}
    if what in _LIVE and mime == "text/html":
        plain = text_of(raw, "text/plain")
        body["live"] = True
        return body | ({"lines": _rows(whole_lines(plain[:_MOST_TEXT].rstrip("\n"), "same"))} if plain else {})
    return body | _one_side(raw, what, mime, part, "same")


def _read_image(raw: Any, mime: str) -> Image | None:
    data = raw.get("data") if isinstance(raw, dict) else None
    return Image(mime, joined(data[mime])) if isinstance(data, dict) and mime in data else None


def _image(image: Image | None, part: Part) -> dict[str, Any] | None:
    if image is None:
        return None
    told: dict[str, Any] = {"size": words.size(image.size_bytes), "sha": image.sha256[:12]}
    if image.mime in IMAGES and len(image.data) <= LARGEST_IMAGE:
        told |= {"mime": image.mime, "buffer": len(part.buffers)}
        part.buffers.append(image.to_bytes())
    return told


def _rows(lines: Iterable[DrawnLine]) -> list[Row]:
    rows: list[Row] = []
    for line in lines:
        marks: Marks = line.change.marks if line.change is not None else ((), ())
        if line.state == "gap":
            rows.append(["g", clean(line.a)])
        elif line.state == "same":
            rows.append(["=", line.a_number, line.b_number, _text(line.a, ())])
        else:
            if line.state == "noise":
                marks = mark_words(line.a, line.b)
            rows.append([_STATES[line.state], line.a_number, line.b_number, _text(line.a, marks[0]), _text(line.b, marks[1])])
    return rows


def _text(text: str, marks: Sequence[tuple[int, int]]) -> str | list[str]:
    """Return a line as text, or as pieces of text of which every second one is marked."""
    if len(text) > MOST_CHARACTERS:
        return clean(text[:MOST_CHARACTERS], lines=True) + "…"
    if not marks:
        return clean(text, lines=True)
    pieces, at = [], 0
    for low, high in marks:
        pieces += [clean(text[at:low], lines=True), clean(text[low:high], lines=True)]
        at = high
    return [*pieces, clean(text[at:], lines=True)]


def _table(table: TableDiff) -> dict[str, Any]:
    """Draw A, B and change of every column that differs, and one column of those that do not."""
    differs = [any(cell.a != cell.b for cell in (row.cells[place] for row in table.rows)) for place in range(len(table.columns))]
    heads: list[list[Any]] = []
    for (one, other), unlike in zip(table.columns, differs, strict=True):
        name = clean(other if other is not None else one or "")
        heads += [[f"{name} A", 1], ["B", 1], ["change", 1]] if unlike else [[name, 0]]
    changed = [row for row in table.rows if row.changed][:_MOST_ROWS]
    rows = []
    for row in changed:
        cells: list[list[str]] = []
        for (one, other), cell, unlike in zip(table.columns, row.cells, differs, strict=True):
            cells += _table_cells(cell, other or one or "") if unlike else [_quiet_cell(cell)]
        rows.append(cells)
    left = len(table.rows) - len(changed)
    return {"heads": heads, "rows": rows, "more": f"{words.plural(left, 'more row')}, equal or not drawn" if left else ""}


def _quiet_cell(cell: TableCell) -> list[str]:
    text = cell.b if cell.b is not None else cell.a or ""
    return [clean(text), "r muted" if parse_number(text) is not None else ""]


def _table_cells(cell: TableCell, column: str) -> list[list[str]]:
    delta = delta_of(cell.moved) if cell.moved is not None else ""
    lower = direction(column) if delta else None
    tone = ""
    if lower is not None and cell.moved is not None and cell.moved.delta:
        tone = " better" if (cell.moved.delta < 0) == lower else " worse"
    sides = [clean(side) if side is not None else "–" for side in (cell.a, cell.b)]
    return [[sides[0], "r muted"], [sides[1], "r" if cell.a != cell.b else "r muted"], [delta, f"r{tone}"]]
