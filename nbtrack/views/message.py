"""Short answers: one line with an optional second one, or a card of named lines."""

from __future__ import annotations

from dataclasses import dataclass

from nbtrack.views.markup import Html, clean, element, escape, join
from nbtrack.views.style import icon, page
from nbtrack.views.terminal import display_width, pad, paint, wrap
from nbtrack.views.view import DEFAULT_WIDTH, View


@dataclass(frozen=True, repr=False, slots=True)
class Message(View):
    """What was done, in one line; ``more`` says what follows from it."""

    text: str
    more: str = ""
    tone: str = ""

    def to_html(self) -> str:
        more = element("span", escape(self.more, 1000), cls="muted") if self.more else None
        words = element("bdi", escape(self.text, 1000), cls=self.tone)
        return page(join(words, Html(" ") if more else None, more), cls="said")

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        first = paint(clean(self.text), self.tone, colour)
        return f"{first}\n{paint(clean(self.more), 'muted', colour)}" if self.more else first


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of running text with a tone; ``code`` and ``strong`` are tones, too."""

    text: str
    tone: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """One named line of a card; its text may be one piece or several."""

    name: str
    pieces: tuple[Piece, ...]

    @classmethod
    def of(cls, name: str, *pieces: Piece | str) -> Line:
        """Make a line of pieces; plain text has no tone."""
        return cls(name, tuple(Piece(one) if isinstance(one, str) else one for one in pieces))


@dataclass(frozen=True, repr=False, slots=True)
class Card(View):
    """A title with an icon and named lines below it."""

    title: str
    lines: tuple[Line, ...]
    badge: Piece | None = None
    foot: str = ""

    def to_html(self) -> str:
        badge = element("span", icon("warn"), Html(" "), self.badge.text, cls=self.badge.tone) if self.badge else None
        title = element("b", element("bdi", self.title), cls="strong")
        head = element("div", icon("nbtrack", small=False), title, element("span", cls="sp"), badge, cls="row")
        entries = [join(element("dt", line.name), element("dd", *(piece_html(piece) for piece in line.pieces))) for line in self.lines]
        foot = element("div", escape(self.foot, 1000), cls="muted sm", style="margin-top:4px") if self.foot else None
        return page(element("div", head, element("dl", *entries, cls="kv"), foot, cls="pad"), label=clean(self.title))

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        title = paint(clean(self.title), "strong", colour)
        out = [f"{title}  {paint(clean(self.badge.text), self.badge.tone, colour)}" if self.badge else title]
        out += lines_text(self.lines, width, colour=colour)
        return "\n".join([*out, paint(clean(self.foot), "muted", colour)] if self.foot else out)


def lines_text(lines: tuple[Line, ...], width: int, *, colour: bool = False) -> list[str]:
    """Write named lines as two aligned columns; what is too long goes on below its own column."""
    measure = min(max((display_width(clean(line.name)) for line in lines), default=0), max(width // 3, 8))
    out = []
    for line in lines:
        plain = "".join(clean(piece.text) for piece in line.pieces)
        name = paint(pad(clean(line.name), measure), "muted", colour)
        if display_width(plain) <= max(width - measure - 2, 16):
            out.append((name + "  " + "".join(paint(clean(piece.text), piece.tone, colour) for piece in line.pieces)).rstrip())
            continue
        tone = line.pieces[0].tone if len(line.pieces) == 1 else ""
        for place, part in enumerate(wrap(plain, max(width - measure - 2, 16))):
            out.append((name if place == 0 else " " * measure) + "  " + paint(part, tone, colour))
    return out


def piece_html(piece: Piece) -> Html:
    """Draw a piece of running text."""
    if not piece.tone and not piece.title:
        return escape(piece.text, 600)
    return element("span", element("bdi", escape(piece.text, 600)), cls=piece.tone, title=piece.title or None)
