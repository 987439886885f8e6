"""Help: verbs by section, or one verb with its options and an example."""

from __future__ import annotations

from dataclasses import dataclass

from nbtrack.views.markup import Html, element, escape
from nbtrack.views.sections import Section, section_html, section_text
from nbtrack.views.style import CARD_SHEET, page
from nbtrack.views.table import Cell, Column
from nbtrack.views.terminal import paint
from nbtrack.views.view import DEFAULT_WIDTH, View


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of help: how something is written, and what it does."""

    written: str
    words: str


@dataclass(frozen=True, repr=False, slots=True)
class HelpPage(View):
    """A title, an opening line, sections of entries, and what stands below."""

    title: str
    opening: str
    sections: tuple[tuple[str, tuple[Entry, ...]], ...]
    foot: tuple[str, ...] = ()
    example: str = ""

    def to_html(self) -> str:
        title = element("div", element("code", self.title, cls="code") if " " in self.title else self.title, cls="title")
        head = element("div", title, element("div", escape(self.opening, 1000), cls="muted"), cls="hero")
        foot = [element("div", escape(line, 1000), cls="muted") for line in self.foot]
        example = (
            element("div", element("span", "Example ", cls="muted"), element("code", self.example, cls="code")) if self.example else None
        )
        below = element("div", example, *foot, cls="pad sec") if foot or example else None
        return page(head, *(section_html(section) for section in self._sections()), below, more=CARD_SHEET, label="Help")

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        lines = [paint(self.title, "strong", colour), self.opening]
        for section in self._sections():
            lines += ["", *section_text(section, width, colour=colour)]
        if self.example:
            lines += ["", f"Example: {self.example}"]
        if self.foot:
            lines += ["", *self.foot]
        return "\n".join(lines)

    def _sections(self) -> list[Section]:
        columns = (Column("written"), Column("what it does", wraps=True))
        measure = max((len(entry.written) for _, entries in self.sections for entry in entries), default=0)
        made = []
        for title, entries in self.sections:
            rows = tuple((_written(entry.written, measure), Cell(entry.words, "muted")) for entry in entries)
            made.append(Section(title, columns=columns, rows=rows, heads=False))
        return made


def _written(text: str, measure: int) -> Cell:
    """Write the first column as wide as the widest of the page, so that all sections are one list to the eye."""
    width = f"display:inline-block;min-width:{measure}ch"
    return Cell(text.ljust(measure), html=element("code", Html(escape(text)), cls="code", style=width))
