"""A comparison as people hold it: two references in; the diff, its words, an interactive view in a notebook and one HTML file out."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from nbtrack.diffing import NotebookDiff, diff_notebooks
from nbtrack.errors import NbtrackError
from nbtrack.tracking import session as sessions
from nbtrack.views import words
from nbtrack.views.message import Message
from nbtrack.views.notebook_diff import NotebookDiffView
from nbtrack.views.view import DEFAULT_WIDTH, View
from nbtrack.widgets.sides import Given, Reader, Side

_LARGEST_FALLBACK = 200_000  # characters of HTML that stay in the notebook's file


class Comparison(View):
    """Two notebook states and what differs: shown as a widget in a notebook, as text in a terminal.

    ``.diff`` is the `NotebookDiff`, ``.a`` and ``.b`` are the two sides (``.name``, ``.document``, ``.path``, ``.checkpoint``).
    """

    __slots__ = ("_widget", "a", "b", "diff", "noise", "outputs", "reader")

    def __init__(self, a: Side, b: Side, reader: Reader, *, outputs: bool = True, noise: bool = False) -> None:
        self.a = a
        self.b = b
        self.reader = reader
        self.outputs = outputs
        self.noise = noise
        self.diff: NotebookDiff = diff_notebooks(a.document, b.document)
        self._widget: Any = None

    @property
    def summary(self) -> str:
        """The difference in one line."""
        return self.diff.summary

    @property
    def drawn(self) -> NotebookDiffView:
        """The same as a still picture: text and HTML without scripts."""
        return NotebookDiffView(self.diff, self.a.name, self.b.name, outputs=self.outputs, noise=self.noise)

    @property
    def widget(self) -> Any:
        """The interactive view; made when it is first asked for."""
        if self._widget is None:
            from nbtrack.widgets.notebook_diff import NotebookDiffWidget

            self._widget = NotebookDiffWidget(self)
        return self._widget

    def to_html(self, path: str | os.PathLike[str] | None = None) -> str:
        """Return HTML for a notebook's output; with a path write one self-contained page there and return its path.

        The page opens without a network, runs no script and shows stored HTML as text, so that it can be sent to anybody.
        """
        if path is None:
            return self.drawn.to_html()
        target = Path(path).expanduser()
        try:
            target.write_text(self.drawn.to_document(), encoding="utf-8")
        except OSError as error:
            reason = error.strerror or error
            raise NbtrackError(f"{str(target)!r} cannot be written: {reason}", "Name a file in a folder that exists.") from None
        return str(target)

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        return self.drawn.to_text(width, colour=colour)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        """Give every reader what it can show: the widget, HTML for exports and mails, text for terminals."""
        bundle: dict[str, Any] = {"text/plain": self.to_text()}
        html = self.drawn.to_html()
        bundle["text/html"] = html if len(html) <= _LARGEST_FALLBACK else self._told().to_html()
        if is_kernel():
            bundle["application/vnd.jupyter.widget-view+json"] = self.widget.view_json()
        return bundle

    def _told(self) -> Message:
        more = "Too large to be kept here: run the cell again, or write it to a file with .to_html(path)."
        return Message(f"{self.a.name} → {self.b.name}: {self.diff.summary}", more)


def diff(a: Given = None, b: Given = None) -> Comparison:
    """Compare two states of a notebook, outputs included.

    Parameters
    ----------
    a, b : each a checkpoint (``"last"``, ``"last~2"``, an id, a name), a time (``"yesterday 17:42"``, ``"2 hours ago"``), a run, a
        notebook's path, its JSON text or its dict, or ``"now"``: this notebook as its file is. Without ``b``: the notebook as its file
        is now; without both: what changed in that file since its last checkpoint.

    Raises ``UnknownCheckpoint`` with near names, ``BadNotebook`` for what cannot be read as a notebook.

    >>> nbtrack.diff("last~2").summary
    """
    reader = Reader(sessions.current, lambda line: sessions.current().say(f"diff:{line}", line))
    return Comparison(*reader.read_two(a, b), reader)


def write_page(comparison: Comparison, path: str) -> Message:
    """Write the comparison as one HTML file; say where it is and how large."""
    target = Path(comparison.to_html(path))
    return Message(f"written to {target}: {comparison.summary}", f"{words.size(target.stat().st_size)}, opens in any browser")


def is_kernel() -> bool:
    """Tell whether this process serves a notebook: only there somebody draws a widget."""
    app = getattr(sys.modules.get("ipykernel.kernelapp"), "IPKernelApp", None)
    return app is not None and bool(app.initialized())
