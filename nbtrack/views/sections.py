"""The parts of a long card, each drawn twice: a title with a count, then rows, named lines, notes or a picture."""

from __future__ import annotations

from dataclasses import dataclass

from nbtrack.views.markup import Html, clean, element, escape, join, running_text
from nbtrack.views.message import Line, lines_text, piece_html
from nbtrack.views.table import Cell, Column, table_html, table_text, without_empty
from nbtrack.views.terminal import paint, wrap

_NOTE_CHARACTERS = 20_000


@dataclass(frozen=True, slots=True)
class Note:
    """A remark of a person, and who wrote it when."""

    text: str
    by: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a card. What is empty is not drawn; ``folded`` keeps it closed in HTML and, but for its title, out of a terminal."""

    title: str
    told: str = ""
    columns: tuple[Column, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    lines: tuple[Line, ...] = ()
    notes: tuple[Note, ...] = ()
    first: Html | None = None
    first_text: tuple[str, ...] = ()
    more: str = ""
    folded: bool = False
    heads: bool = True


def section_html(section: Section) -> Html:
    """Draw one part."""
    told = element("span", element("bdi", section.told), cls="n") if section.told else None
    parts: list[Html | None] = [section.first]
    if section.lines:
        entries = [join(element("dt", line.name), element("dd", *(piece_html(piece) for piece in line.pieces))) for line in section.lines]
        parts.append(element("dl", *entries, cls="kv"))
    if section.rows:
        grid = table_html(
            *without_empty(section.columns, section.rows), cls="plain" if section.heads else "plain bare", caption=section.title
        )
        parts.append(element("div", grid, cls="scroll"))
    for note in section.notes:
        by = element("div", note.by, cls="muted sm") if note.by else None
        parts.append(join(element("div", element("bdi", running_text(note.text, _NOTE_CHARACTERS)), by, cls="note")))
    if section.more:
        parts.append(element("div", escape(section.more, 1000), cls="muted sm", style="margin-top:2px"))
    body = element("div", *parts, cls="bd")
    if section.folded:
        return element("details", element("summary", section.title, told, cls="t"), body, cls="sec")
    # no h4: JupyterLab would number it and list it in the table of contents of the user's notebook
    title = element("div", section.title, told, cls="t", role="heading", aria_level="4")
    return element("section", title, body, cls="sec", aria_label=section.title)


def section_text(section: Section, width: int, *, colour: bool = False) -> list[str]:
    """Write one part as lines."""
    title = paint(section.title, "strong", colour)
    out = [f"{title}  {paint(clean(section.told), 'muted', colour)}" if section.told else title]
    if section.folded:
        return out
    body = list(section.first_text)
    body += lines_text(section.lines, width - 2, colour=colour)
    if section.rows:
        lines, left_out = table_text(*without_empty(section.columns, section.rows), width - 2, colour=colour)
        body += lines if section.heads else lines[1:]
        if left_out:
            body.append(paint(f"not shown for want of room: {', '.join(left_out)}", "muted", colour))
    for note in section.notes:
        body += wrap(note.text, width - 4)
        if note.by:
            body.append(paint(clean(note.by), "muted", colour))
    if section.more:
        body.append(paint(clean(section.more), "muted", colour))
    return [*out, *(f"  {line}".rstrip() for line in body)]
