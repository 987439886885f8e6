"""Several views as one: below each other, a blank line between them in a terminal."""

from __future__ import annotations

from dataclasses import dataclass

from nbtrack.views.view import DEFAULT_WIDTH, View


@dataclass(frozen=True, repr=False, slots=True)
class Stack(View):
    """Views in order; ``ended_badly`` makes the shell end with status 1 after showing them."""

    parts: tuple[View, ...]
    ended_badly: bool = False

    @property
    def failed(self) -> bool:
        return self.ended_badly

    def to_html(self) -> str:
        return "\n".join(part.to_html() for part in self.parts)

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        return "\n\n".join(part.to_text(width, colour=colour) for part in self.parts)
