"""What a search found, by notebook: the kind, the cell, its checkpoint or run, and the line with the words marked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbtrack.records import RunRecord, SearchHit, SearchResult
from nbtrack.views import words
from nbtrack.views.labels import run_label
from nbtrack.views.markup import Html, clean, element, escape, join
from nbtrack.views.style import icon, page
from nbtrack.views.terminal import paint
from nbtrack.views.view import DEFAULT_WIDTH, View
from nbtrack.views.words import Clock

KIND_WORDS = {"code": "Code", "text": "Text", "output": "Outputs", "error": "Errors", "note": "Notes"}
_SIGNS = {"code": "<>", "text": "¶", "output": "=", "error": "✗", "note": "✎"}
_NO_NOTEBOOK = "without a notebook"

_SHEET = """.jp-nbtrack-chips{display:flex;gap:6px;padding:8px 12px;flex-wrap:wrap}
.jp-nbtrack-chip{border:1px solid var(--jp-nbtrack-link);border-radius:2px;padding:0 6px;font-size:12px}
.jp-nbtrack-group{background:var(--jp-nbtrack-hover);padding:0 12px;min-height:30px}
.jp-nbtrack-out ul.jp-nbtrack-hits{list-style:none;margin:0;padding:0}
.jp-nbtrack-out .jp-nbtrack-hits li{padding:4px 12px 5px;margin:0}
.jp-nbtrack-out .jp-nbtrack-hits li:hover{background:var(--jp-nbtrack-hover)}
.jp-nbtrack-out .jp-nbtrack-hits .jp-nbtrack-code{white-space:pre-wrap;overflow-wrap:anywhere}
.jp-nbtrack-out mark.jp-nbtrack-hit{background:var(--jp-nbtrack-warn-bg);color:inherit;outline:1px solid var(--jp-nbtrack-warn-mark)}
"""


@dataclass(frozen=True, repr=False, slots=True)
class SearchView(View):
    """The hits of a search. ``runs`` holds the runs they name, ``gone`` the notebooks whose file is not there any more.

    ``took_ms`` is how long it took (None: not said).
    """

    result: SearchResult
    clock: Clock
    runs: Mapping[str, RunRecord] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    took_ms: float | None = None

    def to_html(self) -> str:
        if not self.result.hits:
            return page(element("div", escape(self._nothing(), 400), cls="pad muted"), label="Search")
        chips = [element("span", f"{KIND_WORDS[kind]} {words.count(number)}", cls="chip") for kind, number in self.result.kinds.items()]
        parts = [element("div", *chips, cls="chips"), element("div", self._head(), cls="foot")]
        for notebook, hits in self._groups().items():
            title = element(
                "div", icon("notebook"), element("b", element("bdi", self._name(notebook)), cls="strong"), element("span", cls="sp"),
                element("span", self._told(notebook, hits), cls="muted sm"), cls="row group",
            )  # fmt: skip
            parts += [title, element("ul", *(self._hit_html(hit) for hit in hits), cls="hits")]
        return page(*parts, more=_SHEET, label="Search")

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        if not self.result.hits:
            return self._nothing()
        lines = [paint(self._head(), "muted", colour)]
        for notebook, hits in self._groups().items():
            lines.append(f"{paint(clean(self._name(notebook)), 'strong', colour)}  {paint(self._told(notebook, hits), 'muted', colour)}")
            for hit in hits:
                lines.append(f"  {_SIGNS[hit.kind]:2} {paint(clean(self._place(hit)), 'muted', colour)}")
                lines.append(f"     {_marked_text(hit, colour)}")
        return "\n".join(lines)

    def _nothing(self) -> str:
        near = f" Did you mean {clean(' or '.join(self.result.near))}?" if self.result.near else ""
        return f'No place has "{clean(self.result.text)}".{near}'

    def _head(self) -> str:
        shown = len(self.result.hits)
        counted = words.plural(self.result.total, "text") if self.result.total != shown else words.plural(shown, "place")
        kinds = ", ".join(f"{KIND_WORDS[kind]} {words.count(number)}" for kind, number in self.result.kinds.items())
        parts = [counted, words.plural(len(self._groups()), "notebook"), kinds]
        if self.result.total > shown:
            parts.append(f"the best {words.count(shown)} shown")
        if self.took_ms is not None:
            parts.append(words.duration(self.took_ms / 1000))
        return " · ".join(parts)

    def _groups(self) -> dict[str, list[SearchHit]]:
        found: dict[str, list[SearchHit]] = {}
        for hit in self.result.hits:
            found.setdefault(hit.notebook or "", []).append(hit)
        return found

    def _name(self, notebook: str) -> str:
        return self.names.get(notebook, notebook) or _NO_NOTEBOOK

    def _told(self, notebook: str, hits: list[SearchHit]) -> str:
        return f"{'the file is gone · ' if notebook in self.gone else ''}{words.count(len(hits))}"

    def _place(self, hit: SearchHit) -> str:
        run = self.runs.get(hit.run_id or "")
        label = run_label(run, mixed=True) if run is not None else ""
        if hit.kind == "note":
            return f"note on {label or 'a run'} · {self.clock.day_moment(hit.at)}"
        cell = f"[{hit.count}]" if hit.count is not None else f"cell {hit.index + 1}" if hit.index is not None else "a cell"
        if hit.checkpoint is None:
            return " · ".join(part for part in (cell, label, self.clock.day_moment(hit.at)) if part)
        if hit.present:
            older = f" and {words.plural(hit.older, 'older checkpoint')}" if hit.older else ""
            told = f"now{older}"
        else:
            told = f"last seen {self.clock.day_moment(hit.at)}"
        return " · ".join(part for part in (cell, label, told, hit.checkpoint.short_id) if part)

    def _hit_html(self, hit: SearchHit) -> Html:
        place = element("div", icon(hit.kind), Html(" "), self._place(hit), cls="muted sm", title=self.clock.exact(hit.at))
        return element("li", place, element("div", _marked_html(hit), cls="code"))


def _marked_html(hit: SearchHit) -> Html:
    parts: list[object] = []
    end = 0
    for start, stop in hit.marks:
        parts += [escape(hit.line[end:start], 400), element("mark", escape(hit.line[start:stop], 400), cls="hit")]
        end = stop
    return join(*parts, escape(hit.line[end:], 400))


def _marked_text(hit: SearchHit, colour: bool) -> str:
    parts, end = [], 0
    for start, stop in hit.marks:
        parts += [clean(hit.line[end:start]), paint(clean(hit.line[start:stop]), "warn", colour)]
        end = stop
    return "".join([*parts, clean(hit.line[end:])])
