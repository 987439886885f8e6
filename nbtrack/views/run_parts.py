"""The sections of a run card below its result: metrics, parameters, tags, notes, artifacts, children, cells, environment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from nbtrack.records import Execution, MetricSeries, RunRecord, direction
from nbtrack.views import words
from nbtrack.views.curve import sparkline
from nbtrack.views.labels import STATE_TONES, given_name, read_metric, run_label
from nbtrack.views.markup import Html, clean, element, join, shorten
from nbtrack.views.message import Line, Piece
from nbtrack.views.sections import Note, Section
from nbtrack.views.table import Cell, Column
from nbtrack.views.terminal import sparkline as blocks
from nbtrack.views.words import Clock

MOST_METRICS = 40
MOST_PARAMS = 60
MOST_CELLS = 60
MOST_ROWS = 40  # of anything else
_OPEN_CELLS = 12  # more cells than these stay folded
_STATUS_TONES = {"error": "worse", "syntax_error": "worse", "interrupted": "warn", "killed": "warn", "running": "link"}


def run_sections(
    run: RunRecord,
    *,
    main: str | None,
    curves: Mapping[str, MetricSeries],
    rules: Mapping[str, str],
    previous: RunRecord | None,
    children: Sequence[RunRecord],
    clock: Clock,
) -> list[Section]:
    """List the sections that have something to say, in the order they are read."""
    cells = {execution.id: execution for execution in run.executions}
    sections = [
        _metrics(run, main, curves, rules, previous),
        _params(run, previous, cells),
        _tags(run),
        _notes(run, clock),
        _artifacts(run, cells),
        _children(children, main, rules),
        _cells(run),
        *_environment(run),
    ]
    return [section for section in sections if section is not None]


def _metrics(
    run: RunRecord, main: str | None, curves: Mapping[str, MetricSeries], rules: Mapping[str, str], previous: RunRecord | None
) -> Section | None:
    keys = [key for key in run.metrics if key != main]
    if not keys:
        return None
    columns = [Column("metric"), Column("curve", rank=3), Column("best", right=True), Column("at step", right=True, rank=2)]
    columns += [Column("last", right=True, rank=1)]
    if previous is not None:
        columns.append(Column(f"since {run_label(previous)}", right=True, rank=1))
    rows = []
    for key in keys[:MOST_METRICS]:
        reading, series = read_metric(run, key, rules), curves.get(key)
        best = reading.best if reading is not None else None
        drawn = sparkline(series, best) if series is not None else Html("")
        shown, last = words.number_column([best[0] if best else None, reading.last if reading else None])
        row = [
            Cell(key),
            Cell(blocks(series.values) if drawn and series is not None else "", html=drawn),
            Cell(shown, "" if best else "muted"),
            Cell(words.count(best[1]) if best else words.MISSING, "muted"),
            Cell(last),
        ]
        if previous is not None:
            row.append(_since(run, previous, key, rules))
        rows.append(tuple(row))
    return Section("Metrics", words.count(len(keys)), tuple(columns), tuple(rows), more=_more(len(keys), MOST_METRICS, "metric"))


def _since(run: RunRecord, previous: RunRecord, key: str, rules: Mapping[str, str]) -> Cell:
    """How a metric moved since the run before: the arrow tells where, the colour whether that is good."""
    now, then = read_metric(run, key, rules), read_metric(previous, key, rules)
    if now is None or then is None or now.number is None or then.number is None:
        return Cell("")
    gap = words.distance(now.number, then.number, words.column_decimals([now.last, then.last]))
    lower = direction(key, rules)
    is_training = key.lower().startswith(("train", "fit"))
    if lower is None or is_training or gap in ("same", ""):
        return Cell(gap, "muted")
    return Cell(gap, "better" if (now.number < then.number) == lower else "worse")


def _params(run: RunRecord, previous: RunRecord | None, cells: Mapping[str, Execution]) -> Section | None:
    if not run.params:
        return None
    records = {param.name: param for param in run.param_records}
    was = previous.params if previous is not None else {}
    changed = [key for key in run.params if key in was and was[key] != run.params[key]]
    keys = changed + [key for key in run.params if key not in set(changed)]
    rows = []
    for key in keys[:MOST_PARAMS]:
        value, record = run.params[key], records.get(key)
        shown, whole = words.value(value, width=60), words.value(value, width=600)
        before = f"was {words.value(was[key])}" if key in changed else ""
        marked = f"kept as text: {record.marked}" if record is not None and record.marked else ""
        quiet = " · ".join(part for part in (before, marked) if part)
        html = join(element("bdi", shown), Html(" ") if quiet else None, element("span", quiet, cls="muted sm") if quiet else None)
        source = record.source if record is not None else ""
        cell = Cell(f"{shown}  {quiet}" if quiet else shown, title=whole if whole != shown else "", html=html)
        rows.append((Cell(key, "muted"), cell, Cell(source, "muted"), _cell_ref(record.execution_id if record else None, cells)))
    columns = (Column("parameter"), Column("value"), Column("source", rank=2), Column("cell", right=True, rank=1))
    return Section("Parameters", words.count(len(keys)), columns, tuple(rows), more=_more(len(keys), MOST_PARAMS, "parameter"), heads=False)


def _tags(run: RunRecord) -> Section | None:
    if not run.tags:
        return None
    lines = tuple(Line.of(shorten(key, 60), Piece(value)) for key, value in list(run.tags.items())[:MOST_ROWS])
    return Section("Tags", words.count(len(run.tags)), lines=lines, more=_more(len(run.tags), MOST_ROWS, "tag"))


def _notes(run: RunRecord, clock: Clock) -> Section | None:
    if not run.notes:
        return None
    notes = []
    for note in run.notes[-MOST_ROWS:]:
        notes.append(Note(note.text, " · ".join(part for part in (note.author, clock.day_moment(note.at)) if part)))
    return Section("Notes", words.count(len(run.notes)), notes=tuple(notes), more=_more(len(run.notes), MOST_ROWS, "note"))


def _artifacts(run: RunRecord, cells: Mapping[str, Execution]) -> Section | None:
    if not run.artifacts:
        return None
    rows = []
    for artifact in run.artifacts[:MOST_ROWS]:
        state = "" if artifact.state == "stored" else artifact.state
        size = Cell(words.size(artifact.size_bytes)) if not state else Cell(state, "worse" if state == "failed" else "muted")
        name = Cell(artifact.name, title=f"{artifact.mime} · sha256 {artifact.sha256}")
        rows.append((name, Cell(artifact.kind, "muted"), size, _cell_ref(artifact.execution_id, cells)))
    columns = (Column("artifact"), Column("kind", rank=2), Column("size", right=True), Column("cell", right=True, rank=1))
    told = words.count(len(run.artifacts))
    return Section("Artifacts", told, columns, tuple(rows), more=_more(len(run.artifacts), MOST_ROWS, "artifact"), heads=False)


def _children(children: Sequence[RunRecord], main: str | None, rules: Mapping[str, str]) -> Section | None:
    if not children:
        return None
    readings = [read_metric(child, main, rules) for child in children[:MOST_ROWS]]
    texts = words.number_column([None if reading is None else reading.last for reading in readings])
    rows = []
    for child, text in zip(children, texts, strict=False):
        name = " ".join(part for part in (run_label(child), given_name(child)) if part)
        state = Cell(child.state, STATE_TONES.get(child.state, "muted"))
        rows.append((Cell(name, "link"), Cell(child.change), state, Cell(text), Cell(words.duration(child.duration_s), "muted")))
    result, took = Column(main or "result", right=True), Column("duration", right=True, rank=1)
    columns = (Column("run"), Column("what changed"), Column("state", rank=2), result, took)
    return Section("Runs inside", words.count(len(children)), columns, tuple(rows), more=_more(len(children), MOST_ROWS, "run"))


def _cells(run: RunRecord) -> Section | None:
    if not run.executions:
        return None
    shown = run.executions[-MOST_CELLS:]
    rows = []
    for execution in shown:
        error = execution.error_type or ("" if execution.status in ("ok", "unknown") else execution.status.replace("_", " "))
        first, _, rest = execution.source.strip().partition("\n")
        source = element("code", join(shorten(clean(first), 90), Html(" …") if rest.strip() else None), cls="code")
        text = shorten(clean(first), 90) + (" …" if rest.strip() else "")
        rows.append(
            (
                Cell(_prompt(execution), html=element("span", _prompt(execution), cls="ref")),
                Cell(text, title=shorten(clean(execution.source[:2000].strip(), lines=True), 600), html=source),
                Cell(error, _STATUS_TONES.get(execution.status, "muted"), title=execution.error_message or ""),
                Cell(words.duration(None if execution.duration_ms is None else execution.duration_ms / 1000), "muted"),
            )
        )
    columns = (Column("cell"), Column("source"), Column("error"), Column("duration", right=True, rank=1))
    hidden = len(run.executions) - len(shown)
    more = f"{words.plural(hidden, 'earlier cell')} not shown." if hidden else ""
    folded = len(run.executions) > _OPEN_CELLS
    return Section("Cells", words.count(len(run.executions)), columns, tuple(rows), more=more, heads=False, folded=folded)


def _environment(run: RunRecord) -> list[Section]:
    environment = run.environment
    if environment is None:
        return []
    told = [f"Python {environment.python}"] if environment.python else []
    if environment.platform:
        told.append(environment.platform)
    git = environment.git
    if git and git.get("commit"):
        dirty = " with changes" if git.get("dirty") else ""
        told.append(f"git {str(git['commit'])[:8]}{' on ' + str(git['branch']) if git.get('branch') else ''}{dirty}")
    if environment.packages:
        told.append(words.plural(len(environment.packages), "package"))
    packages = sorted(environment.packages.items(), key=lambda item: item[0].lower())
    lines = tuple(Line.of(name, version) for name, version in packages)
    return [Section("Environment", " · ".join(told), lines=lines, folded=True)]


def _cell_ref(execution_id: str | None, cells: Mapping[str, Execution]) -> Cell:
    execution = cells.get(execution_id) if execution_id else None
    if execution is None:
        return Cell("")
    first = shorten(clean(execution.source.strip(), lines=True), 300)
    return Cell(_prompt(execution), "link", title=first, html=element("span", _prompt(execution), cls="ref"))


def _prompt(execution: Execution) -> str:
    return f"[{execution.count}]" if execution.count is not None else "[ ]"


def _more(count: int, most: int, noun: str) -> str:
    return f"{words.plural(count - most, 'more ' + noun)} not shown." if count > most else ""
