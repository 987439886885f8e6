"""One run in full: title, result with its curve, then the parts of ``run_parts``. A record in, a card out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from nbtrack.records import MetricSeries, RunRecord, main_metric
from nbtrack.views import words
from nbtrack.views.curve import chart
from nbtrack.views.labels import STATE_TONES, given_name, read_metric, run_label, state_icon
from nbtrack.views.markup import Html, clean, element, escape, join
from nbtrack.views.run_parts import run_sections
from nbtrack.views.sections import Section, section_html, section_text
from nbtrack.views.style import CARD_SHEET, CHART_SHEET, page
from nbtrack.views.terminal import paint, sparkline
from nbtrack.views.view import DEFAULT_WIDTH, View
from nbtrack.views.words import Clock

_ENDINGS = {"running": "Running for", "finished": "Finished in", "failed": "Failed after", "killed": "Killed after", "draft": "Draft, "}


@dataclass(frozen=True, repr=False, slots=True)
class RunCard(View):
    """Everything known of a run. ``curves`` holds the series that are drawn; ``previous`` is the run it is compared with.

    ``standing`` judges the result among the others (``best of 41``); ``chosen`` is the main metric a person set.
    """

    run: RunRecord
    clock: Clock
    curves: Mapping[str, MetricSeries] = field(default_factory=dict)
    rules: Mapping[str, str] = field(default_factory=dict)
    previous: RunRecord | None = None
    parent: RunRecord | None = None
    children: tuple[RunRecord, ...] = ()
    standing: str = ""
    chosen: str | None = None

    def to_html(self) -> str:
        sections = [section_html(section) for section in self._sections()]
        return page(self._hero(), *sections, more=CARD_SHEET + CHART_SHEET, label=f"Run {clean(self.run.name)[:100]}")

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        run = self.run
        label, title = self._titles()
        lines = [paint(" · ".join(label), "muted", colour), paint(clean(title)[: 4 * width], "strong", colour)]
        lines.append(paint(clean(self._second_line()), STATE_TONES.get(run.state, "muted"), colour))
        if run.error_type or run.error_message:
            lines.append(paint(clean(self._error())[: 6 * width], "worse", colour))
        for section in self._sections():
            lines += ["", *section_text(section, width, colour=colour)]
        return "\n".join(lines)

    def _titles(self) -> tuple[list[str], str]:
        """The quiet line above and the title: the name a person gave, else what changed, else the name."""
        run, name = self.run, given_name(self.run)
        label = [run_label(run), clean(run.experiment)[:80], f"id {run.short_id}"]
        if self.parent is not None:
            label.append(f"part of {run_label(self.parent)}")
        return label, name or run.change or run.name

    def _second_line(self) -> str:
        run = self.run
        took = words.duration(run.duration_s) if run.duration_s is not None else ""
        if run.state == "running" and run.duration_s is None:
            took = words.duration((self.clock.now_ms - run.started_at) / 1000)
        told = [f"{_ENDINGS[run.state]} {took}" if took else run.state.capitalize(), self.clock.day_moment(run.started_at)]
        if run.user:
            told.append(f"by {run.user}")
        if not run.stopped and run.state == "finished":
            told.append("not stopped: ended with its kernel")
        if given_name(run) and run.change:
            told.insert(0, run.change)
        return " · ".join(told)

    def _error(self) -> str:
        return ": ".join(part for part in (self.run.error_type, self.run.error_message) if part)

    def _hero(self) -> Html:
        label, title = self._titles()
        picture = state_icon(self.run)
        state = element("span", picture, Html(" "), cls=STATE_TONES[self.run.state]) if picture else None
        error = element("div", element("bdi", escape(self._error(), 600)), cls="bad sm") if self._error() else None
        return element(
            "div",
            element("div", Html(" · ".join(element("bdi", part) for part in label)), cls="muted sm"),
            element("div", _changed(title), cls="title"),
            element("div", state, element("bdi", self._second_line(), title=self.clock.exact(self.run.started_at)), cls="muted sm"),
            error,
            cls="hero",
        )

    def _sections(self) -> list[Section]:
        key = main_metric([self.run], self.chosen)
        parts = run_sections(
            self.run, main=key, curves=self.curves, rules=self.rules, previous=self.previous, children=self.children, clock=self.clock
        )
        return [self._result(key), *parts] if key is not None else parts

    def _result(self, key: str) -> Section:
        """The main metric large, with its curve and, behind it, the same measure on the training data."""
        reading = read_metric(self.run, key, self.rules)
        best = reading.best if reading else None
        value = words.number(best[0] if best else reading.last if reading else None)
        where = key if best is None else f"{key}, step {words.count(best[1])}"
        if reading is not None and best is not None and best[0] != reading.last:
            where = f"{key}, best at step {words.count(best[1])} · last {words.number(reading.last)}"
        series, behind = self.curves.get(key), self.curves.get(counterpart(key, self.curves))
        summary = self.run.summaries.get(key)
        picture = chart(series, best, behind) if series is not None and (summary is None or summary.count > 1) else None
        standing = element("span", self.standing, cls="link sm strong") if self.standing else None
        big = element("span", value, cls="big")
        line = element("div", big, element("span", element("bdi", where), cls="muted"), element("span", cls="sp"), standing, cls="row")
        legend = None
        if picture and behind is not None:
            legend = element("div", element("i", cls="key"), key, element("i", cls="key behind"), behind.key, cls="muted sm")
        text = [f"{value}  {clean(where)}" + (f"  {self.standing}" if self.standing else "")]
        if series is not None and len(series.values) > 1:
            text.append(sparkline(series.values, 60))
        told = f"change since {run_label(self.previous)}" if self.previous else ""
        return Section("Result", told, first=join(line, picture, legend), first_text=tuple(text))


def counterpart(key: str, known: Mapping[str, MetricSeries]) -> str:
    """Name the training metric that belongs to an evaluation metric: ``train_f1`` for ``val_f1``; empty when there is none."""
    for word in ("train", "training"):
        other = re.sub(r"(^|[_./ -])(?:val|valid|validation|test|dev|holdout)(?=$|[_./ -])", rf"\g<1>{word}", key, count=1)
        if other != key and other in known:
            return other
    bare = re.sub(r"^(?:val|valid|validation|test|dev)[_./ -]", "", key)
    return bare if bare != key and bare in known else ""


def _changed(title: str) -> Html:
    """Mute the old value of a change: ``batch_size 128 → 64``."""
    match = re.fullmatch(r"(\S+) (.+) → (.+)", title)
    if match is None or "," in title or len(title) > 160:
        return element("bdi", title)
    return element("bdi", match[1], Html(" "), element("span", f"{match[2]} →", cls="muted"), Html(" "), match[3])
