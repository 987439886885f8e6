"""The diff widget: a comparison in, an anywidget out. The first message is a plan; cells travel when they come into view.

Messages from the page: ``parts`` (cells to draw), ``live`` (stored HTML for a frame without scripts), ``source`` (the text of a cell on
both sides, to copy it back or to find it), ``step`` (an older or newer A). Anything else, and anything malformed, is not answered.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from nbtrack.diffing import CellDiff
from nbtrack.errors import NbtrackError
from nbtrack.redaction.placeholders import find_tags
from nbtrack.views.markup import clean
from nbtrack.widgets.diff_parts import Part, live_of, make_frame_part, make_part
from nbtrack.widgets.diff_plan import make_plan

if TYPE_CHECKING:
    from nbtrack.widgets.comparison import Comparison
    from nbtrack.widgets.sides import Side

_HERE = Path(__file__).parent
_SCRIPTS = ("virtual_list.js", "diff_images.js", "diff_cells.js", "notebook_diff.js")
_FIRST_CELLS = 12  # drawn without asking, so that the first paint waits for nothing
_FIRST_CHARACTERS = 40_000
_MOST_ASKED = 200
_SHORT = 4_000


class NotebookDiffWidget(anywidget.AnyWidget):
    """One notebook diff that can be walked through; ``comparison`` is what it shows now."""

    _esm = "\n".join((_HERE / name).read_text("utf-8") for name in _SCRIPTS)
    _css = (_HERE / "notebook_diff.css").read_text("utf-8")
    plan = traitlets.Dict().tag(sync=True)

    def __init__(self, comparison: Comparison) -> None:
        self.comparison = comparison
        self._version = 0
        super().__init__(plan=self._make_plan())
        self.on_msg(self._answer)

    def view_json(self) -> dict[str, Any]:
        """Return what a notebook keeps to draw this widget."""
        return {"version_major": 2, "version_minor": 0, "model_id": self.model_id}

    def _make_plan(self) -> dict[str, Any]:
        found = self.comparison
        self._version += 1
        title = Path(found.b.path or found.a.path or "notebook").name
        heads = {
            "title": clean(title),
            "a": _side(found.a),
            "b": _side(found.b),
            "version": self._version,
            "outputs": found.outputs,
            "noisy": found.noise,
        }
        plan = make_plan(found.diff) | heads
        plan["parts"] = self._first_parts(plan["items"])
        return plan

    def _first_parts(self, items: list[dict[str, Any]]) -> dict[str, Any]:
        """Draw the first changed cells at once; images always travel later, by themselves."""
        found: dict[str, Any] = {}
        left = _FIRST_CHARACTERS
        for item in [item for item in items if "u" not in item and item["k"] != "noise only"][:_FIRST_CELLS]:
            cell = self.comparison.diff.cells[item["i"]]
            if any(output.what == "image" for output in cell.outputs) or _length(cell) > min(left, _SHORT):
                continue
            left -= _length(cell)
            found[str(item["i"])] = make_part(cell, outputs=self.comparison.outputs).body
        return found

    def _answer(self, _: Any, message: Any, buffers: Any) -> None:
        """Answer one message of the page."""
        if not isinstance(message, dict):
            return
        kind = message.get("type")
        if kind == "step":
            self._step(-1 if message.get("by") == -1 else 1)
            return
        if message.get("version") != self._version:
            return
        if kind == "parts":
            asked = message.get("ids")
            for place in asked[:_MOST_ASKED] if isinstance(asked, list) else ():
                self._send_part(place, message)
        elif kind == "live":
            cell = self._cell(message.get("id"))
            place = message.get("at")
            if cell is not None and isinstance(place, int):
                a, b = live_of(cell, place)
                self.send({"type": "live", "version": self._version, "id": message["id"], "at": place, "a": a, "b": b})
        elif kind == "source":
            self._send_source(message)

    def _send_part(self, place: Any, asked: dict[str, Any]) -> None:
        noise = [kind for kind in asked.get("noise") or () if isinstance(kind, str)]
        if place == -1:
            part = make_frame_part(self.comparison.a.document, self.comparison.b.document)
        else:
            cell = self._cell(place)
            if cell is None:
                return
            part = make_part(cell, noise=noise, outputs=bool(asked.get("outputs", True)), whole=bool(asked.get("whole")))
        self._send_drawn(place, part, asked.get("ask"))

    def _send_drawn(self, place: int, part: Part, ask: Any) -> None:
        self.send({"type": "part", "version": self._version, "id": place, "ask": ask, "part": part.body}, buffers=part.buffers)

    def _send_source(self, message: dict[str, Any]) -> None:
        """Send a cell's text on both sides. A text with a redaction mark is never put over code: the page only copies it."""
        cell = self._cell(message.get("id"))
        if cell is None:
            return
        a, b = (None if side is None else side.source.encode("utf-8", "replace").decode("utf-8") for side in (cell.a, cell.b))
        why = "show" if message.get("why") == "show" else "copy"
        told = {"type": "source", "version": self._version, "id": message["id"], "why": why, "a": a, "b": b}
        self.send(told | {"redacted": bool(a and find_tags(a)), "from": clean(self.comparison.a.name)})

    def _step(self, by: int) -> None:
        """Compare with an older or newer A instead."""
        now = self.comparison
        try:
            side = now.reader.step(now.a, by)
        except NbtrackError as error:
            self.send({"type": "said", "text": error.message})
            return
        if side is None:
            word = "older" if by < 0 else "newer"
            told = f"There is no {word} checkpoint." if now.a.checkpoint else "A is no checkpoint: nothing is older or newer."
            self.send({"type": "said", "text": told})
            return
        self.comparison = type(now)(side, now.b, now.reader, outputs=now.outputs, noise=now.noise)
        self.plan = self._make_plan()

    def _cell(self, place: Any) -> CellDiff | None:
        cells = self.comparison.diff.cells
        return cells[place] if isinstance(place, int) and not isinstance(place, bool) and 0 <= place < len(cells) else None


def _side(side: Side) -> dict[str, Any]:
    return {"name": clean(side.name), "checkpoint": side.checkpoint is not None, "file": side.is_file}


def _length(cell: CellDiff) -> int:
    texts = [side.source for side in (cell.a, cell.b) if side is not None]
    texts += [text for output in cell.outputs if output.text is not None for text in (output.text.a, output.text.b)]
    return sum(map(len, texts)) + 500 * len(cell.outputs)
