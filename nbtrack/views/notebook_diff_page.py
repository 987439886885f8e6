"""A notebook diff as HTML: side by side or unified, folds, outline, noise in chips. No script, nothing loaded, all stored text escaped.

Switches are radio buttons and boxes that the style sheet answers to, so that the page works where scripts are off: in an exported file,
in a trusted or an untrusted notebook, in a mail.
"""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Iterator
from zlib import crc32

from nbtrack.diffing import CellDiff, Image, NotebookDiff, OutputDiff, TableCell, TableDiff
from nbtrack.diffing.outputs import text_of
from nbtrack.diffing.tables import parse_number
from nbtrack.diffing.words import counted, noise_words
from nbtrack.records import direction
from nbtrack.views import words
from nbtrack.views.markup import Html, clean, element, join
from nbtrack.views.notebook_diff_parts import (
    MOST_CHARACTERS,
    SIGNS,
    DrawnLine,
    Fold,
    changed_outputs,
    delta_of,
    lines_of,
    list_blocks,
    name_of,
    told_of,
    whole_lines,
)
from nbtrack.views.notebook_diff_style import DIFF_SHEET
from nbtrack.views.style import page

_NOISE_CHIPS = {
    "counts": "Counts",
    "timings": "Timings",
    "metadata": "Metadata",
    "addresses": "Addresses",
    "progress": "Progress",
    "ids": "Ids",
    "form": "Form",
}
_IMAGES = {"image/png", "image/jpeg", "image/gif", "image/webp", "image/svg+xml"}
_LARGEST_IMAGE = 8_000_000
_MOST_ROWS = 200
_POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'; base-uri 'none'"


def draw_document(diff: NotebookDiff, a_name: str, b_name: str, *, outputs: bool = True) -> str:
    """Return a page that stands alone; its policy forbids scripts and the network, should anything ever slip through."""
    title = html.escape(clean(f"{a_name} → {b_name}"))
    body = _draw(diff, a_name, b_name, outputs=outputs, whole=True)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{html.escape(_POLICY)}">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{title}</title>'
        "<style>body{margin:0}@media (prefers-color-scheme:dark){body{background:#212121}}</style></head>"
        f"<body>{body}</body></html>\n"
    )


def draw_piece(diff: NotebookDiff, a_name: str, b_name: str, *, outputs: bool = True) -> str:
    """Return a piece for a notebook's output: without the text of unchanged cells, which the notebook has itself."""
    return _draw(diff, a_name, b_name, outputs=outputs, whole=False)


def _draw(diff: NotebookDiff, a_name: str, b_name: str, *, outputs: bool, whole: bool) -> Html:
    blocks = list_blocks(diff, outputs=outputs, noise=False)
    key = f"d{crc32(f'{a_name} {b_name} {diff.words}'.encode('utf-8', 'replace')):08x}"
    shown = [block for block in blocks if isinstance(block, CellDiff)]
    places = {id(cell): number for number, cell in enumerate(shown, start=1)}
    drawn: list[Html] = []
    for block in blocks:
        drawn.append(_fold(block, whole) if isinstance(block, Fold) else _cell(block, places[id(block)], len(shown), key, outputs))
    if not shown:
        drawn = [element("p", diff.summary, cls="equal"), *(drawn if whole else [])]
    outline = _outline(blocks, places, key) if len(shown) > 1 else None
    inside = join(_bar(diff, a_name, b_name, key), element("div", outline, element("div", *drawn, cls="cells"), cls="body"))
    switches = join(_radio(key, "side", "Side by side", on=True), _radio(key, "uni", "Unified"))
    return page(element("div", switches, inside, cls="diff"), cls="card wide", more=DIFF_SHEET, label=f"{a_name} → {b_name}")


def _radio(group: str, kind: str, label: str, *, on: bool = False) -> Html:
    """Write one switch, seen only by keyboards and screen readers; its label stands elsewhere and the style sheet follows it."""
    head = f'<input type="radio" name="{group}" id="{group}-{kind}" class="jp-nbtrack-pick jp-nbtrack-{kind}"'
    return Html(f"{head} aria-label=\"{label}\"{' checked' if on else ''}/>")


def _segments(group: str, *kinds: tuple[str, str]) -> Html:
    labels = (Html(f'<label for="{group}-{kind}" class="jp-nbtrack-for-{kind}">{label}</label>') for kind, label in kinds)
    return element("span", *labels, cls="seg")


def _bar(diff: NotebookDiff, a_name: str, b_name: str, key: str) -> Html:
    names = join(element("b", a_name), Html(" → "), element("b", b_name))
    told, _, unchanged = counted(diff.cells).partition(" · ")
    first = element("div", names, element("span", cls="sp"), _segments(key, ("side", "Side by side"), ("uni", "Unified")), cls="tbar")
    if not diff.changed:
        told, unchanged = diff.summary, ""
    chips = [element("span", f"{_NOISE_CHIPS[kind]} {number}", cls="chip") for kind, number in diff.noise.items()]
    noise = join(element("span", "Hidden as noise", cls="muted"), *chips) if chips else None
    count = element("span", f" · {unchanged}" if unchanged else "", cls="muted")
    second = element("div", element("span", element("b", told), count), element("span", cls="sp"), noise, cls="tbar thin")
    return join(first, second)


def _outline(blocks: list[Fold | CellDiff], places: dict[int, int], key: str) -> Html:
    entries = []
    for block in blocks:
        if isinstance(block, Fold):
            entries.append(element("div", f"{len(block.cells)} unchanged", cls="o f"))
            continue
        link = Html(f'<a href="#{key}-{places[id(block)]}">')
        sign = element("span", SIGNS[block.kind], cls=f"sig {_side_of(block)}")
        text = join(sign, element("span", name_of(block), cls="grow"), _counted(block))
        entries.append(element("div", Html(f"{link}{text}</a>"), cls="o"))
    return Html(element("nav", *entries, cls="outline", aria_label="Changes"))


def _counted(cell: CellDiff) -> Html:
    if cell.kind in ("added", "removed"):
        number = cell.cell.source.count("\n") + 1
        return element("span", f"{'+' if cell.kind == 'added' else '−'}{number}", cls="muted sm")
    if cell.source is not None:
        return element("span", f"+{cell.source.added} −{cell.source.removed}", cls="muted sm")
    return element("span", {"output only": "output", "moved": "moved"}.get(cell.kind, ""), cls="muted sm")


def _side_of(cell: CellDiff) -> str:
    return {"added": "a", "removed": "d"}.get(cell.kind, "c")


def _fold(fold: Fold, whole: bool) -> Html:
    told = element("span", fold.told)
    if not whole:
        return element("div", told, cls="fold")
    cells = []
    for cell in fold.cells:
        noise = element("span", noise_words(cell.noise), cls="muted") if cell.noise else None
        head = element("div", element("b", name_of(cell)), noise, cls="h")
        cells.append(element("div", head, element("pre", _code(cell.cell.source), cls="src"), cls="dc"))
    return element("details", element("summary", told, cls="fold"), *cells)


def _cell(cell: CellDiff, number: int, of: int, key: str, outputs: bool) -> Html:
    place = element("span", f"{number} of {of}", cls="muted sm")
    told = element("span", told_of(cell, outputs=outputs), cls="muted")
    head = element("div", element("b", name_of(cell)), told, element("span", cls="sp"), place, cls="h")
    parts: list[Html] = [head]
    if cell.kind in ("added", "removed"):
        parts.append(_lines(whole_lines(cell.cell.source, "added" if cell.kind == "added" else "removed")))
    if cell.source is not None:
        parts.append(_lines(lines_of(cell.source)))
    if outputs:
        for place_of, output in enumerate(changed_outputs(cell, noise=False)):
            parts.append(_output(output, f"{key}-{number}-{place_of}", told=cell.kind != "output only"))
    return Html(f'<section id="{key}-{number}" class="jp-nbtrack-dc">{join(*parts)}</section>')


def _lines(lines: Iterable[DrawnLine]) -> Html:
    """Draw lines so that one grid serves both views: four cells a row, which the unified view puts below each other."""
    return Html(f'<div class="jp-nbtrack-sbs" role="table" aria-label="Lines">{"".join(_row(line) for line in lines)}</div>')


def _row(line: DrawnLine) -> str:
    if line.state == "gap":
        return f'<div class="jp-nbtrack-gap">⋯ {html.escape(clean(line.a))}</div>'
    left = _half(line, "a") if line.a_number is not None else '<div class="jp-nbtrack-ln jp-nbtrack-e"></div>'
    right = _half(line, "b") if line.b_number is not None else '<div class="jp-nbtrack-ln jp-nbtrack-e"></div>'
    return f'<div class="jp-nbtrack-pair jp-nbtrack-{line.state}" role="row">{left}{right}</div>'


def _half(line: DrawnLine, side: str) -> str:
    text, number = (line.a, line.a_number) if side == "a" else (line.b, line.b_number)
    state = {"same": "", "noise": ""}.get(line.state, "d" if side == "a" else "a")
    sign = {"d": "−", "a": "+"}.get(state, "")
    marks = line.change.marks[side == "b"] if line.change is not None else ()
    out, at = [], 0
    for low, high in marks if len(text) <= MOST_CHARACTERS else ():
        out.append(f"{_code(text[at:low])}<{'del' if side == 'a' else 'ins'}>{_code(text[low:high])}</{'del' if side == 'a' else 'ins'}>")
        at = high
    out.append(_code(text[at:MOST_CHARACTERS]) + ("…" if len(text) > MOST_CHARACTERS else ""))
    cls = f"jp-nbtrack-ln jp-nbtrack-{state}" if state else "jp-nbtrack-ln"
    return (
        f'<div class="{cls}" role="cell"><span class="jp-nbtrack-g">{(number or 0) + 1}</span>'
        f'<span class="jp-nbtrack-s">{sign}</span><span class="jp-nbtrack-tx">{"".join(out)}</span></div>'
    )


def _code(text: str) -> Html:
    return Html(html.escape(clean(text, lines=True), quote=True))


def _output(output: OutputDiff, key: str, *, told: bool) -> Html:
    said = element("div", f"output: {output.words}", cls="muted sm said") if told and output.words else None
    if output.table is not None:
        return join(said, _table(output.table))
    if output.images is not None:
        return join(said, _images(output.images, key))
    if output.text is not None:
        return join(said, _lines(lines_of(output.text)))
    if output.kind in ("added", "removed"):
        source = text_of(output.b if output.kind == "added" else output.a, output.mime)[:200_000].rstrip("\n")
        if output.what in ("text", "error", "html", "markdown", "table"):
            return join(said, _lines(whole_lines(source, "added" if output.kind == "added" else "removed")))
    return said or element("div", f"output: {output.words}", cls="muted sm said")


def _images(images: tuple[Image | None, Image | None], key: str) -> Html:
    """Put two images side by side; a switch lays B over A and shows what differs (black is equal)."""
    drawn = [_image(image, name) for image, name in zip(images, "AB", strict=True)]
    if images[0] is None or images[1] is None:
        return element("div", *(element("div", one, cls="im") for one in drawn), cls="ims")
    switches = join(_radio(key, "two", "Side by side", on=True), _radio(key, "dif", "Difference"))
    switches = join(switches, _segments(key, ("two", "Side by side"), ("dif", "Difference")))
    return element("div", switches, element("div", *(element("div", one, cls="im") for one in drawn), cls="ims"), cls="imd")


def _image(image: Image | None, name: str) -> Html:
    if image is None:
        return element("div", f"none in {name}", cls="muted sm")
    note = element("div", f"{name} · {words.size(image.size_bytes)} · sha256 {image.sha256[:12]}", cls="muted sm")
    if image.mime not in _IMAGES or len(image.data) > _LARGEST_IMAGE:
        return note
    # Inside <img> an SVG runs no script and loads nothing. Encoded anew: what the notebook calls base64 may hold anything.
    data = base64.b64encode(image.to_bytes()).decode("ascii")
    return join(Html(f'<img alt="{name}" src="data:{image.mime};base64,{data}"/>'), note)


def _table(table: TableDiff) -> Html:
    """Draw A, B and change of every column that differs, and one column of those that do not."""
    differs = [any(cell.a != cell.b for cell in (row.cells[place] for row in table.rows)) for place in range(len(table.columns))]
    heads = []
    for (one, other), unlike in zip(table.columns, differs, strict=True):
        name = other if other is not None else one or ""
        titles = (f"{name} A", "B", "change") if unlike else (name,)
        heads += [element("th", title, cls="r" if unlike else "") for title in titles]
    rows = []
    for row in [row for row in table.rows if row.changed][:_MOST_ROWS]:
        cells: list[Html] = []
        for (one, other), cell, unlike in zip(table.columns, row.cells, differs, strict=True):
            cells += _table_cells(cell, other or one or "") if unlike else [_quiet_cell(cell.b if cell.b is not None else cell.a or "")]
        rows.append(element("tr", *cells))
    left = len(table.rows) - len(rows)
    foot = element("div", f"{words.plural(left, 'more row')}, equal or not drawn", cls="muted sm") if left else None
    grid = element("table", element("thead", element("tr", *heads)), element("tbody", *rows), cls="tbl")
    return join(element("div", grid, cls="scroll"), foot)


def _quiet_cell(text: str) -> Html:
    return element("td", text, cls="muted r" if parse_number(text) is not None else "")


def _table_cells(cell: TableCell, column: str) -> Iterator[Html]:
    yield element("td", cell.a if cell.a is not None else "–", cls="r muted")
    yield element("td", cell.b if cell.b is not None else "–", cls="r" if cell.a != cell.b else "r muted")
    delta = delta_of(cell.moved) if cell.moved is not None else ""
    tone = ""
    lower = direction(column) if delta else None
    if lower is not None and cell.moved is not None and cell.moved.delta:
        tone = " better" if (cell.moved.delta < 0) == lower else " worse"
    yield element("td", delta, cls=f"r{tone}")
