"""What every view is: frozen data with two faces, HTML and terminal text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from nbtrack.views.markup import element, running_text
from nbtrack.views.style import page

DEFAULT_WIDTH = 100
_MOST_SHOWN = 1_000_000


class View(ABC):
    """Something that a verb shows. ``to_html`` stands alone in any notebook; ``to_text`` is for terminals and screen dumps."""

    __slots__ = ()

    @property
    def failed(self) -> bool:
        """Whether the shell ends with status 1 after showing this."""
        return False

    @abstractmethod
    def to_html(self) -> str:
        """Return one self-contained piece of HTML."""

    @abstractmethod
    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        """Return text without a line end after the last line, at most ``width`` columns wide where its content allows."""

    def __repr__(self) -> str:
        return self.to_text()

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/plain": self.to_text(), "text/html": self.to_html()}


@dataclass(frozen=True, repr=False, slots=True)
class Verbatim(View):
    """Text that must reach its reader byte by byte: CSV, JSON."""

    text: str

    def to_html(self) -> str:
        return page(element("pre", running_text(self.text, _MOST_SHOWN), cls="code"), cls="")

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        return self.text.rstrip("\n")
