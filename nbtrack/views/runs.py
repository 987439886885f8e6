"""The table of runs: what changed, the parameters that differ, the main metric and its distance to the best. Records in, a table out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nbtrack.records import RunRecord, direction, main_metric
from nbtrack.views import words
from nbtrack.views.labels import STATE_MARKS, STATE_TONES, Reading, best_of, given_name, read_metric, run_label, state_icon
from nbtrack.views.markup import Html, clean, element, join, shorten
from nbtrack.views.table import Cell, Column, Table
from nbtrack.views.view import DEFAULT_WIDTH, View
from nbtrack.views.words import Clock

_MOST_COLUMNS = 4  # of parameters and further metrics that differ
_ABSENT = object()
_NAME_CHARACTERS = 32
_HEAD_CHARACTERS = 28
_PLAIN_SORTS = {"started_at", "number", "name", "duration_s"}


@dataclass(frozen=True, repr=False, slots=True)
class RunsTable(View):
    """Runs in the order given. ``total`` counts all that match, ``where`` says in words what was asked for.

    ``sort`` is the key they were sorted by (None: newest first); ``chosen`` the main metric a person set.
    """

    runs: tuple[RunRecord, ...]
    clock: Clock
    total: int | None = None
    where: str = ""
    sort: str | None = None
    rules: Mapping[str, str] = field(default_factory=dict)
    chosen: str | None = None
    hint: str = ""

    def to_html(self) -> str:
        return self.table().to_html()

    def to_text(self, width: int = DEFAULT_WIDTH, *, colour: bool = False) -> str:
        return self.table().to_text(width, colour=colour)

    def table(self) -> Table:
        """Put the columns together."""
        if not self.runs:
            said = f"No run matches: {self.where}." if self.where else "No run yet."
            return Table((), (), label="Runs", empty=f"{said} {self.hint}".strip())
        key, sorted_metric = self._main_key()
        shown = _differing(self.runs, main=key, sort=self.sort)
        mixed = len({run.experiment for run in self.runs}) > 1
        columns = [Column("run"), Column("what changed")]
        cells: list[list[Cell]] = [[self._name_cell(run, mixed=mixed) for run in self.runs], [self._change_cell(run) for run in self.runs]]
        for rank, (kind, name) in enumerate(shown.columns, start=3):
            head = shorten(clean(name), _HEAD_CHARACTERS)
            columns.append(Column(head, right=True, sorted=shown.sorted_by == (kind, name), rank=rank, title=_whole(name, head)))
            cells.append(_param_cells(self.runs, name) if kind == "params" else self._metric_cells(name)[0])
        if key is not None:
            values, gaps = self._metric_cells(key)
            head = shorten(clean(key), _HEAD_CHARACTERS)
            said = f"{head} {self._arrow(key)}" if sorted_metric else head
            columns.append(Column(said, right=True, sorted=sorted_metric, title=_whole(key, head)))
            cells.append(values)
            if gaps is not None:
                columns.append(Column("from best", right=True, rank=1))
                cells.append(gaps)
        if self.sort in (None, "started_at", "number") or (key is None and self.sort != "duration_s"):
            columns.append(Column("when" if self.sort == "name" else "when ↓", right=True, sorted=self.sort != "name", rank=2))
            moments = ((self.clock.moment(run.started_at), self.clock.exact(run.started_at)) for run in self.runs)
            cells.append([Cell(said, "muted", exact) for said, exact in moments])
        if self.sort == "duration_s":
            columns.append(Column("duration ↓", right=True, sorted=True))
            cells.append([Cell(words.duration(run.duration_s)) for run in self.runs])
        rows = tuple(tuple(column[place] for column in cells) for place in range(len(self.runs)))
        return Table(tuple(columns), rows, label="Runs", foot=self._foot(shown))

    def _main_key(self) -> tuple[str | None, bool]:
        """The metric that stands in the main column, and whether the runs are sorted by it."""
        if self.sort and self.sort not in _PLAIN_SORTS and not self.sort.startswith(("params.", "tags.")):
            key = self.sort.removeprefix("metrics.")
            if any(key in run.metrics for run in self.runs):
                return key, True
        return main_metric(self.runs, self.chosen), False

    def _arrow(self, key: str) -> str:
        numbers = [reading.number for reading in (read_metric(run, key, self.rules) for run in self.runs) if reading is not None]
        known = [number for number in numbers if number is not None]
        return "↑" if len(known) > 1 and known[0] < known[-1] else "↓"

    def _foot(self, shown: _Shown) -> str:
        count = len(self.runs)
        total = self.total if self.total is not None else count
        said = f"{words.count(count)} of {words.plural(total, 'run')}" if total > count else words.plural(count, "run")
        parts = [f"{said} · {shorten(self.where, 80)}" if self.where else said]
        if count > 1 and shown.all:
            parts.append(f"{shown.differing} of {words.plural(shown.all, 'column')} {'differs' if shown.differing == 1 else 'differ'}")
        if self.hint:
            parts.append(self.hint)
        return " · ".join(parts)

    def _name_cell(self, run: RunRecord, *, mixed: bool) -> Cell:
        label, name = run_label(run, mixed=mixed), shorten(clean(given_name(run)), _NAME_CHARACTERS)
        mark = STATE_MARKS.get(run.state, "")
        text = " ".join(part for part in (label, name, mark) if part)
        picture = state_icon(run)
        coloured = element("span", picture, cls=STATE_TONES[run.state]) if picture else None
        named = element("bdi", name) if name else None
        html = join(element("span", label, cls="link"), Html(" ") if named else None, named, Html(" ") if coloured else None, coloured)
        return Cell(text, title=f"{run.name} · id {run.short_id}", html=html)

    def _change_cell(self, run: RunRecord) -> Cell:
        nothing = "first run" if run.number == 1 else words.MISSING
        change = run.change or (nothing if run.state not in STATE_MARKS else "")
        state = "" if run.state not in STATE_MARKS else f"{run.state} {run.error_type}" if run.error_type else run.state
        text = " · ".join(part for part in (change, state) if part)
        if not state:
            return Cell(text, "muted" if not run.change else "")
        told = element("span", state, cls=STATE_TONES[run.state], title=run.error_message or None)
        return Cell(text, html=join(element("bdi", change), Html(" · ") if change else None, told))

    def _metric_cells(self, key: str) -> tuple[list[Cell], list[Cell] | None]:
        """Values of one metric, and how far each is from the best (None when nobody can say what is better)."""
        readings = [read_metric(run, key, self.rules) for run in self.runs]
        lower = direction(key, self.rules)
        best = best_of(readings, lower)
        numbers = sorted({reading.number for reading in readings if reading and reading.number is not None}, reverse=not lower)
        apart = (float(numbers[0]), float(numbers[1])) if lower is not None and len(numbers) > 1 and _fit_doubles(numbers[:2]) else None
        values = [None if reading is None else reading.last for reading in readings]
        texts = words.number_column(values, apart=apart)
        decimals = max((len(text.partition(".")[2]) for text in texts if "e" not in text), default=0)
        starred = best is not None and len(numbers) > 1
        cells, gaps = [], []
        for text, reading in zip(texts, readings, strict=True):
            is_best = starred and reading is not None and reading.number == best
            cells.append(_value_cell(text, reading, is_best=is_best, starred=starred))
            gap = words.distance(reading.number, best, decimals) if reading is not None and reading.number is not None else ""
            gaps.append(Cell("best" if is_best else gap, "muted"))
        return cells, gaps if starred else None


def _whole(name: str, shown: str) -> str:
    """What a hover says of a name that was cut."""
    return "" if name == shown else shorten(clean(name), 400)


def _value_cell(text: str, reading: Reading | None, *, is_best: bool, starred: bool) -> Cell:
    if is_best:
        return Cell(f"{text} ★", "best", reading.told if reading else "")
    tone, title = ("muted", "") if reading is None else ("", reading.told)
    return Cell(text + ("  " if starred else ""), tone, title, html=_starless(text, starred))


def _starless(text: str, starred: bool) -> Html | None:
    """Keep the place of the star free, so that the digits stand below each other."""
    return join(text, element("span", " ★", style="visibility:hidden", aria_hidden="true")) if starred else None


def _fit_doubles(numbers: Sequence[float | int]) -> bool:
    return all(abs(number) < 1e300 for number in numbers)


@dataclass(frozen=True, slots=True)
class _Shown:
    """Which columns differ, how many of all, and which of them are shown."""

    columns: tuple[tuple[str, str], ...]
    differing: int
    all: int
    sorted_by: tuple[str, str] | None


def _differing(runs: Sequence[RunRecord], *, main: str | None, sort: str | None) -> _Shown:
    params, metrics = _keys(run.params for run in runs), _keys(run.metrics for run in runs)
    unlike_params = [key for key in params if _differs([run.params.get(key) for run in runs])]
    unlike_metrics = [key for key in metrics if _differs([run.metrics.get(key) for run in runs])]
    sorted_by = None
    if sort is not None:
        name = sort.removeprefix("params.")
        if name in params and not sort.startswith("metrics.") and name != main:
            sorted_by = ("params", name)
    # What takes two values says more than what is only missing somewhere; what most runs have says more than what one has.
    unlike_params.sort(key=lambda key: _telling([run.params[key] for run in runs if key in run.params]))
    chosen = [("params", key) for key in unlike_params] + [("metrics", key) for key in unlike_metrics if key != main]
    if sorted_by is not None:
        chosen = [sorted_by, *(one for one in chosen if one != sorted_by)]
    differing = len(unlike_params) + len(unlike_metrics)
    return _Shown(tuple(chosen[:_MOST_COLUMNS]), differing, len(params) + len(metrics), sorted_by)


def _telling(present: Sequence[Any]) -> tuple[bool, int]:
    return not _differs(present), -len(present)


def _keys(mappings: Any) -> list[str]:
    seen: dict[str, None] = {}
    for mapping in mappings:
        seen.update(dict.fromkeys(mapping))
    return list(seen)


def _differs(values: Sequence[Any]) -> bool:
    first = values[0]
    return any(type(one) is not type(first) or (one != first and not (one != one and first != first)) for one in values[1:])


def _param_cells(runs: Sequence[RunRecord], name: str) -> list[Cell]:
    values = [run.params.get(name) if name in run.params else _ABSENT for run in runs]
    known = [value for value in values if value is not _ABSENT and value is not None]
    texts = dict(zip(range(len(known)), words.param_column(known), strict=True))
    cells, place = [], 0
    for value in values:
        if value is _ABSENT:
            cells.append(Cell(words.MISSING, "muted"))
        elif value is None:
            cells.append(Cell("None"))
        else:
            whole = words.value(value, width=400)
            cells.append(Cell(texts[place], title=whole if whole != texts[place] else ""))
            place += 1
    return cells
