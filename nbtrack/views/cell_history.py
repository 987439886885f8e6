"""Every state of one cell, the newest first: when, in how many checkpoints, what changed in its text, what it showed."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nbtrack.records import CellState, RunRecord
from nbtrack.views import words
from nbtrack.views.labels import run_label
from nbtrack.views.markup import clean, element, escape, running_text
from nbtrack.views.style import page
from nbtrack.views.terminal import cut, paint
from nbtrack.views.view import DEFAULT_WIDTH, View
from nbtrack.views.words import Clock

_OUTPUT_LINES = 3
_SOURCE_LINES = 30
_MOST_CHARS = 20_000

_SHEET = """.jp-nbtrack-state{border-top:1px solid var(--jp-nbtrack-line);padding:6px 12px 8px}
.jp-nbtrack-out .jp-nbtrack-state pre{margin:4px 0 0;padding:0;white-space:pre-wrap;overflow-wrap:anywhere;background:none}
"""


@dataclass(frozen=True, repr=False, slots=True)
class CellHistoryView(View):
    """The states of one cell; ``cell`` is how it is called, ``runs`` holds the runs that its checkpoints name."""

    states: tuple[CellState, ...]
    cell: str
    notebook: str
    clock: Clock
    runs: Mapping[str, RunRecord] = field(default_factory=dict)

    def to_html(self) -> str:
        head = element(
            "div",
            element("b", f"{self.cell} ", cls="strong"),
            element("span", self._told(), cls="muted sm"),
            cls="row",
            style="padding:0 12px",
        )
        parts = []
        for place, state in enumerate(self.states):
            older = self.states[place + 1] if place + 1 < len(self.states) else None
            lines = [element("div", escape(line, 2000) or " ", cls=tone) for line, tone in _changes(state, older)]
            shown = outputs_text(state.outputs)
            parts.append(
                element(
                    "div", element("div", self._title(state), cls="muted sm", title=self.clock.exact(state.last.at)),
                    element("pre", *lines, cls="code"),
                    element("pre", running_text(shown, _MOST_CHARS), cls="code muted") if shown else None,
                    cls="state",
                )
            )  # fmt: skip
        return page(head, *parts, more=_SHEET, label="History of a cell")

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        out = [f"{paint(clean(self.cell), 'strong', colour)}  {paint(clean(self._told()), 'muted', colour)}"]
        for place, state in enumerate(self.states):
            older = self.states[place + 1] if place + 1 < len(self.states) else None
            out.append(paint(clean(self._title(state)), "muted", colour))
            out += [paint(f"  {cut(line, width - 2)}" if line else "", tone, colour).rstrip() for line, tone in _changes(state, older)]
            shown = outputs_text(state.outputs).splitlines()
            out += [paint(f"    {cut(line, width - 4)}", "muted", colour) for line in shown[:_OUTPUT_LINES]]
            if len(shown) > _OUTPUT_LINES:
                out.append(paint(f"    … {words.plural(len(shown) - _OUTPUT_LINES, 'line')} more", "muted", colour))
        return "\n".join(out)

    def _told(self) -> str:
        return f"{self.notebook} · {words.plural(len(self.states), 'state')}"

    def _title(self, state: CellState) -> str:
        label = f"[{state.count}]" if state.count is not None else f"cell {state.index + 1}"
        since = self.clock.moment(state.first.at)
        span = f"{since} until now" if state.present else since
        if not state.present and state.first.id != state.last.id:
            span = f"{since} to {self.clock.moment(state.last.at)}"
        runs = dict.fromkeys(mark.run_id for one in (state.first, state.last) for mark in one.runs)
        told = [run_label(self.runs[run_id]) for run_id in runs if run_id in self.runs]
        many = words.plural(state.checkpoints, "checkpoint")
        return " · ".join([label, span, many, *told, state.last.short_id])


def _changes(state: CellState, older: CellState | None) -> list[tuple[str, str]]:
    """The text of the oldest state; of the others the lines that changed, or that the text stayed."""
    lines = state.source.splitlines()
    if older is None:
        return [(line, "") for line in lines[:_SOURCE_LINES]] + ([("…", "muted")] if len(lines) > _SOURCE_LINES else [])
    if state.source == older.source:
        return [("the same text", "muted")]
    found = [line for line in difflib.ndiff(older.source.splitlines()[:400], lines[:400]) if line[:1] in "+-"]
    return [(line, "better" if line[0] == "+" else "worse") for line in found[:_SOURCE_LINES]]


def outputs_text(outputs: tuple[Any, ...]) -> str:
    """Write outputs as text: what was printed, the plain form of what was shown, the line of an error, else the kind of image."""
    return "\n".join(text for output in outputs if isinstance(output, dict) and (text := _output_text(output).rstrip()))


def _output_text(output: dict[str, Any]) -> str:
    if output.get("output_type") in ("error", "pyerr"):
        return f"{output.get('ename')}: {output.get('evalue')}"
    data = output.get("data") if isinstance(output.get("data"), dict) else output
    assert isinstance(data, dict)
    for key in ("text/plain", "text"):
        text = data.get(key)
        if isinstance(text, str | list):
            return "".join(map(str, text)) if isinstance(text, list) else text
    return ", ".join(key for key in data if "/" in key)
