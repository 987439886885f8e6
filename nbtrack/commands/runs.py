"""Looking at runs: ``status`` (where am I), ``runs`` (the table), ``show`` (one run in full)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nbtrack.commands.door import Door
from nbtrack.commands.grammar import near_words, verb
from nbtrack.commands.target import find_run_id, query
from nbtrack.config import StoreLocation
from nbtrack.errors import NotFound, StoreError, UsageError
from nbtrack.records import RUN_STATES, MetricSeries, RunRecord, direction, main_metric
from nbtrack.store import metrics, runs, sessions
from nbtrack.views.labels import read_metric
from nbtrack.views.message import Card
from nbtrack.views.run import RunCard
from nbtrack.views.run_parts import MOST_METRICS
from nbtrack.views.runs import RunsTable
from nbtrack.views.status import StatusFacts, status_card
from nbtrack.views.words import Clock, count, size

if TYPE_CHECKING:
    import sqlite3

    from nbtrack.store.writer import WriterHealth

SECTION = "Looking"
DEFAULT_LIMIT = 30
_JUDGED = 1000  # runs that a standing ("best of 41") looks at
_STATES = tuple(state for state in RUN_STATES if state != "draft")
_CURVE_POINTS = 600


@dataclass(frozen=True, slots=True)
class _Found:
    """What the status card is made of, read in one go."""

    recent: tuple[RunRecord, ...] = ()
    runs: int = 0
    cells: int = 0
    store_runs: int = 0
    experiments: int = 0
    rules: Mapping[str, str] = field(default_factory=dict)


@verb("status", "Where am I: the last run, counts, where it is stored", section=SECTION, example="status")
def status(door: Door) -> Card:
    """Say what is recorded here."""
    session = door.get_session()
    notebook = session.notebook if door.kind == "notebook" else None

    def read(db: sqlite3.Connection) -> _Found:
        return _Found(
            recent=tuple(runs.list_runs(db, notebook=notebook, limit=_JUDGED)),
            runs=runs.count_runs(db, notebook=notebook),
            cells=_cells(db, session.id),
            store_runs=runs.count_runs(db),
            experiments=len(runs.experiments(db)),
            rules=metrics.rules(db),
        )

    trouble = ""
    try:
        found = query(door, read, empty=_Found())
    except StoreError as error:  # this card is where people look when something is wrong: it says so instead of failing
        found, trouble = _Found(), f"{error.message}. {error.hint}".rstrip(". ")
    current = found.recent[0] if found.recent else None
    alike = [run for run in found.recent if current is not None and run.experiment == current.experiment]
    metric = _metric_of(current, alike)
    return status_card(
        StatusFacts(
            place=Path(notebook).name if notebook else _place(door, session.location),
            stored_in=near_path(session.location.database),
            stored_title=str(session.location.database),
            clock=Clock(door.now_ms()),
            recording=door.switch.state if door.switch is not None else "",
            scope="This notebook" if notebook else "Runs here",
            runs=found.runs,
            cells=found.cells,
            store_runs=found.store_runs if notebook else None,
            experiments=found.experiments,
            size_bytes=store_size(session.location),
            current=current,
            best=_best(alike, metric, found.rules),
            measured=sum(metric in run.metrics for run in alike),
            metric=metric,
            rules=found.rules,
            problem=_problem(session.writer.health(), trouble),
            program=door.program,
        )
    )


@verb(
    "runs",
    "The runs of this store: what changed, what differs, how good",
    usage="[--experiment E] [--state S] [--sort KEY] [--limit N]",
    section=SECTION,
    example="runs --sort val_f1 --limit 10",
)
@click.option("--experiment", metavar="E", help="only this experiment")
@click.option("--state", "states", multiple=True, metavar="S", help=f"only runs that are {', '.join(_STATES)}; may be given several times")
@click.option("--sort", metavar="KEY", help="a metric (best first), a parameter, or name, started_at, duration_s; newest first otherwise")
@click.option("--limit", type=int, default=DEFAULT_LIMIT, metavar="N", help=f"rows at most; {DEFAULT_LIMIT} otherwise")
def list_runs(door: Door, experiment: str | None, states: tuple[str, ...], sort: str | None, limit: int) -> RunsTable:
    """List runs."""
    if limit < 1:
        raise UsageError(f"--limit {limit} shows nothing", "Write a whole number above zero.")
    for state in states:
        if state not in _STATES:
            raise UsageError(f"no state {state!r}.{near_words(state, _STATES)}", f"A run is {', '.join(_STATES)}.")

    def read(db: sqlite3.Connection) -> tuple[list[RunRecord], int, Mapping[str, str]]:
        found = runs.list_runs(db, experiment=experiment, states=states or None, sort=sort, limit=limit)
        if len(found) < limit:
            total = len(found)
        elif states:
            total = len(runs.list_runs(db, experiment=experiment, states=states, limit=None))
        else:
            total = runs.count_runs(db, experiment=experiment)
        return found, total, metrics.rules(db)

    nothing: tuple[list[RunRecord], int, Mapping[str, str]] = ([], 0, {})
    found, total, rules = query(door, read, empty=nothing)
    where = ", ".join(part for part in (f"experiment {experiment}" if experiment else "", " or ".join(states)) if part)
    hint = f"--limit {total} shows all" if total > len(found) else ""
    if not found and not where:
        hint = (
            f"{door.program} help says how to begin one." if door.kind == "notebook" else 'In a script: with nbtrack.run("baseline"): ...'
        )
    return RunsTable(tuple(found), Clock(door.now_ms()), total=total, where=where, sort=sort, rules=rules, hint=hint)


@verb(
    "show",
    "One run in full: result, metrics, parameters, notes, cells",
    usage="RUN",
    section=SECTION,
    example="show best:val_f1",
    raw="ref",
)
@click.argument("ref", nargs=-1, required=True, metavar="RUN")
def show(door: Door, ref: tuple[str, ...]) -> RunCard:
    """Show one run; RUN is a name, a number (38, #38), an id or its ending, ``last`` or ``best:KEY``."""
    run_id = find_run_id(door, " ".join(ref))
    clock = Clock(door.now_ms())
    return door.get_session().query(lambda db: _card(db, run_id, clock))


def _card(db: sqlite3.Connection, run_id: str, clock: Clock) -> RunCard:
    run, rules = runs.get_run(db, run_id), metrics.rules(db)
    alike = runs.list_runs(db, experiment=run.experiment, limit=_JUDGED)
    earlier = [one for one in alike if one.number is not None and run.number is not None and one.number < run.number]
    key = main_metric([run])
    drawn = [name for name in ([key] if key else []) + [name for name in run.metrics if name != key] if name in run.summaries]
    curves: dict[str, MetricSeries] = {
        name: metrics.read_curve(db, run.id, name, points=_CURVE_POINTS)
        for name in drawn[: MOST_METRICS + 1]
        if run.summaries[name].count > 1
    }
    return RunCard(
        run,
        clock,
        curves=curves,
        rules=rules,
        previous=max(earlier, key=lambda one: one.number or 0) if earlier else None,
        parent=runs.get_run(db, run.parent_id) if run.parent_id else None,
        children=tuple(one for one in reversed(alike) if one.parent_id == run.id),
        standing=_standing(run, alike, key, rules),
    )


def _standing(run: RunRecord, alike: list[RunRecord], key: str | None, rules: Mapping[str, str]) -> str:
    """Judge a result among the runs of its experiment: ``best of 41``; nothing while there is nothing to compare."""
    best = _best(alike, key, rules)
    if best is None or key is None or best.id != run.id:
        return ""
    measured = sum(key in one.metrics for one in alike)
    return f"best of {count(measured)}" if measured > 1 else ""


def _metric_of(current: RunRecord | None, alike: list[RunRecord]) -> str | None:
    """The metric that judges the current run: that of its experiment where it has it, else its own."""
    if current is None:
        return None
    key = main_metric(alike)
    return key if key in current.metrics else main_metric([current])


def _best(alike: list[RunRecord], key: str | None, rules: Mapping[str, str]) -> RunRecord | None:
    """The best of some runs by a metric: the same one that ``best:KEY`` names."""
    lower = direction(key, rules) if key is not None else None
    if key is None or lower is None:
        return None
    measured = [(reading.number, run) for run in alike if (reading := read_metric(run, key, rules)) and reading.number is not None]
    if not measured:
        return None
    return min(measured, key=lambda pair: pair[0])[1] if lower else max(measured, key=lambda pair: pair[0])[1]


def near_path(path: Path) -> str:
    """Write a path as seen from the working directory, whole where it lies elsewhere."""
    try:
        near = os.path.relpath(path)
    except ValueError:  # another drive
        return str(path)
    return str(path) if near.count("..") > 2 else near


def store_size(location: StoreLocation) -> int | None:
    """Add up what the database takes (its write-ahead log included), or None when there is none."""
    files = [location.database, location.database.with_name(location.database.name + "-wal")]
    sizes = [path.stat().st_size for path in files if path.is_file()]
    return sum(sizes) if sizes else None


def _problem(health: WriterHealth, trouble: str) -> str:
    """Say in one line what is wrong with the store, and that nothing recorded is lost where that is so."""
    told = " · ".join(dict.fromkeys(part for part in (trouble, health.problem) if part))
    return f"{told} ({size(health.waiting_bytes)} wait)" if told and health.waiting_bytes else told


def _cells(db: sqlite3.Connection, session_id: str) -> int:
    """Count the cells this session has executed; a shell's session is not in the store."""
    try:
        return sessions.get_session(db, session_id).executions
    except NotFound:
        return 0


def _place(door: Door, location: StoreLocation) -> str:
    if door.kind == "notebook":
        return "this notebook" if door.get_session().kind == "kernel" else "this session"
    return f"Store of {location.folder.parent.name or location.folder}"


VERBS = (status, list_runs, show)
