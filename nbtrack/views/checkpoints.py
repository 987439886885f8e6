"""The timeline of a notebook: lines with what changed, by day, the named ones and those of runs apart. Records in, a view out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nbtrack.records import Checkpoint, RunRecord, TimelineEntry, main_metric
from nbtrack.views import words
from nbtrack.views.labels import STATE_TONES, run_label
from nbtrack.views.markup import Html, clean, element, escape, join
from nbtrack.views.style import icon, page
from nbtrack.views.table import Cell, Column, table_text
from nbtrack.views.terminal import paint
from nbtrack.views.view import DEFAULT_WIDTH, View
from nbtrack.views.words import MINUS, Clock

REASON_WORDS = {
    "save": "saved",
    "run start": "run started",
    "run end": "run ended",
    "manual": "by hand",
    "before restore": "before a restore",
    "changed outside": "found changed",
}
_MARKS = {"run": "●", "save": "○", "fold": "·", "named": "◆"}
_WORDS_CHARS = 120

_SHEET = """.jp-nbtrack-day{padding:8px 12px 2px;color:var(--jp-nbtrack-muted);font-size:12px}
.jp-nbtrack-tl{list-style:none;margin:0;padding:0}
.jp-nbtrack-out .jp-nbtrack-tl li{display:flex;gap:10px;padding:0 12px;margin:0;min-height:44px;align-items:stretch}
.jp-nbtrack-out .jp-nbtrack-tl li:hover{background:var(--jp-nbtrack-hover)}
.jp-nbtrack-rail{position:relative;width:12px;flex:none}
.jp-nbtrack-rail::before{content:'';position:absolute;left:5.5px;top:0;bottom:0;border-left:1px solid var(--jp-nbtrack-rule)}
.jp-nbtrack-dot{position:absolute;left:1px;top:9px;width:10px;height:10px;border-radius:50%;border:1.5px solid var(--jp-nbtrack-muted);
background:var(--jp-nbtrack-ground)}
.jp-nbtrack-dot.jp-nbtrack-run{background:var(--jp-nbtrack-c1);border-color:var(--jp-nbtrack-c1)}
.jp-nbtrack-dot.jp-nbtrack-fold{left:3px;top:11px;width:6px;height:6px;border-width:1px}
.jp-nbtrack-dot.jp-nbtrack-named{border-radius:0;transform:rotate(45deg);background:var(--jp-nbtrack-text);border-color:var(--jp-nbtrack-text);
left:2px;width:8px;height:8px;top:10px}
.jp-nbtrack-said{flex:1 1 0;min-width:0;padding:4px 0}
.jp-nbtrack-said div{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.jp-nbtrack-side{padding:5px 0;white-space:nowrap;font-size:12px;font-variant-numeric:tabular-nums}
"""


@dataclass(frozen=True, repr=False, slots=True)
class TimelineView(View):
    """The timeline of one notebook, the newest line first. ``runs`` holds the runs that its checkpoints name, by id.

    ``total`` counts all checkpoints; ``gone``: the file is not there any more; ``before`` are the paths it had; ``hint`` is said below.
    """

    entries: tuple[TimelineEntry, ...]
    notebook: str
    clock: Clock
    runs: Mapping[str, RunRecord] = field(default_factory=dict)
    total: int = 0
    gone: bool = False
    before: tuple[str, ...] = ()
    hint: str = ""

    def to_html(self) -> str:
        head = element(
            "div",
            icon("notebook"),
            element("b", element("bdi", self.notebook), cls="strong"),
            element("span", cls="sp"),
            element("span", self._told(), cls="muted sm"),
            cls="row",
            style="padding:0 12px;min-height:36px",
        )
        if not self.entries:
            return page(head, element("div", "The first checkpoint appears with the next save or run.", cls="pad muted"), label="History")
        parts: list[Html] = []
        day = ""
        rows: list[Html] = []
        for entry in self.entries:
            said = self.clock.day(entry.newest.at)
            if said != day and rows:
                parts += [element("div", day, cls="day"), element("ol", *rows, cls="tl")]
                rows = []
            day = said
            rows.append(self._line_html(entry))
        parts += [element("div", day, cls="day"), element("ol", *rows, cls="tl")]
        foot = element("div", escape(self._foot(), 400), cls="foot") if self._foot() else None
        return page(head, *parts, foot, more=_SHEET, label="History")

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        title = paint(clean(self.notebook), "strong", colour) + "  " + paint(clean(self._told()), "muted", colour)
        if not self.entries:
            return f"{title}\nThe first checkpoint appears with the next save or run."
        columns = (
            Column("", right=True), Column("what changed"), Column("lines", right=True, rank=1), Column("when"), Column("why", rank=3),
            Column("run", rank=2), Column("id", right=True),
        )  # fmt: skip
        rows = [self._line_cells(entry) for entry in self.entries]
        lines, _ = table_text(columns, rows, width, colour=colour)
        foot = self._foot()
        return "\n".join([title, *lines, *([paint(clean(foot), "muted", colour)] if foot else [])])

    def _told(self) -> str:
        told = words.plural(self.total or len(self.entries), "checkpoint")
        parts = [told, "the file is gone" if self.gone else "", f"was {', '.join(self.before[-2:])}" if self.before else ""]
        return " · ".join(part for part in parts if part)

    def _foot(self) -> str:
        shown = sum(len(entry.checkpoints) for entry in self.entries)
        more = f"{words.count(shown)} of {words.count(self.total)} shown" if self.total > shown else ""
        return " · ".join(part for part in (more, self.hint) if part)

    def _line_html(self, entry: TimelineEntry) -> Html:
        newest = entry.newest
        kind = mark_of(entry)
        title = newest.message or entry.words
        tone = "strong" if newest.message else "" if entry.real else "muted"
        second: list[object] = [element("span", self._when(entry), cls="muted", title=self.clock.exact(newest.at))]
        why = self._why(entry)
        second.append(element("span", f" · {why}", cls="muted") if why else None)
        for run in self._runs_of(newest):
            second += [Html(" "), element("span", f" {self._run_words(run)}", cls="link")]
        second.append(element("span", f"  {newest.short_id}", cls="muted ref"))
        return element(
            "li",
            element("span", element("span", cls=f"dot {kind}"), cls="rail", aria_hidden="true"),
            element(
                "div", element("div", element("bdi", escape(title, _WORDS_CHARS)), cls=tone, title=entry.words),
                element("div", *second, cls="sm"), cls="said",
            ),
            element("div", *sizes_html(entry), cls="side"),
        )  # fmt: skip

    def _line_cells(self, entry: TimelineEntry) -> tuple[Cell, ...]:
        newest = entry.newest
        runs = self._runs_of(newest)
        tone = "strong" if newest.message else "" if entry.real else "muted"
        return (
            Cell(_MARKS[mark_of(entry)], "link" if mark_of(entry) == "run" else "muted"),
            Cell(newest.message or entry.words, tone),
            Cell(sizes_text(entry)),
            Cell(self._moment(entry), "muted"),
            Cell(self._why(entry) if len(entry.checkpoints) < 2 or not entry.real else "saved", "muted"),
            Cell(", ".join(self._run_words(run) for run in runs), STATE_TONES.get(runs[0].state, "link") if runs else ""),
            Cell(newest.short_id, "muted"),
        )

    def _when(self, entry: TimelineEntry) -> str:
        first, last = self.clock.time(entry.checkpoints[-1].at), self.clock.time(entry.newest.at)
        return f"{first}–{last}" if first != last else last

    def _moment(self, entry: TimelineEntry) -> str:
        day = self.clock.day(entry.newest.at)
        if len(entry.checkpoints) < 2 and day == "Today":
            return self.clock.moment(entry.newest.at)
        return self._when(entry) if day == "Today" else f"{day.lower() if day == 'Yesterday' else day} {self._when(entry)}"

    def _why(self, entry: TimelineEntry) -> str:
        newest = entry.newest
        if len(entry.checkpoints) > 1:
            most = 6 if entry.real else len(entry.cells)
            return (" " if entry.real else ", ").join(entry.cells[:most]) + (" …" if len(entry.cells) > most else "")
        return reason_words(newest)

    def _runs_of(self, checkpoint: Checkpoint) -> list[RunRecord]:
        found = dict.fromkeys(mark.run_id for mark in checkpoint.runs if mark.run_id in self.runs)
        return [self.runs[run_id] for run_id in found][:3]

    def _run_words(self, run: RunRecord) -> str:
        label = run_label(run)
        if run.state != "finished":
            return f"{label} · {run.state}"
        key = main_metric([run])
        return f"{label} · {words.number(run.metrics[key])}" if key is not None else label


def mark_of(entry: TimelineEntry) -> str:
    """Tell how a line is marked: ``named``, ``run``, ``save`` or ``fold``."""
    if entry.newest.message:
        return "named"
    if entry.newest.runs:
        return "run"
    return "fold" if len(entry.checkpoints) > 1 or not entry.real else "save"


def reason_words(checkpoint: Checkpoint) -> str:
    """Say why a checkpoint was made."""
    if checkpoint.message and checkpoint.author:
        said = f"named by {checkpoint.author}"
    else:
        said = REASON_WORDS.get(checkpoint.reason, checkpoint.reason)
        if checkpoint.runs:
            said = REASON_WORDS["run end" if any(mark.boundary == "end" for mark in checkpoint.runs) else "run start"]
    return f"{said}, unsaved" if checkpoint.unsaved else said


def sizes_text(entry: TimelineEntry) -> str:
    """Write ``+1 −1 · 2 outputs``."""
    return " · ".join(part for part in (" ".join(text for text, _ in _lines(entry)), _outputs(entry)) if part)


def sizes_html(entry: TimelineEntry) -> Sequence[object]:
    """The same in colours."""
    parts: list[object] = []
    for text, tone in _lines(entry):
        parts += [element("span", text, cls=tone), Html(" ")]
    if _outputs(entry):
        parts.append(element("span", f"{'· ' if parts else ''}{_outputs(entry)}", cls="muted"))
    return [join(*parts)]


def _lines(entry: TimelineEntry) -> list[tuple[str, str]]:
    told = [(f"+{words.count(entry.added)}", "better")] if entry.added else []
    return told + ([(f"{MINUS}{words.count(entry.removed)}", "worse")] if entry.removed else [])


def _outputs(entry: TimelineEntry) -> str:
    return words.plural(entry.outputs, "output") if entry.outputs else ""
