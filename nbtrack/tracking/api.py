"""The public functions: arguments in, the session of this process asked, runs and frames out. ``nbtrack.NAME`` is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nbtrack.errors import UnknownMetric, UsageError
from nbtrack.records import Artifact, Execution, MetricSummary, Param, RunRecord
from nbtrack.tracking.run import Run, within
from nbtrack.tracking.session import current

if TYPE_CHECKING:
    import pandas


def run(
    name: str | None = None,
    *,
    experiment: str | None = None,
    params: Mapping[str, Any] | None = None,
    tags: Mapping[str, Any] | None = None,
    note: str | None = None,
    parent: str | None = None,
    id: str | None = None,
) -> Run:
    """Open a run: as a ``with`` block, or as a handle that ``finish()`` ends.

    Parameters
    ----------
    name : what people call it; ``<experiment>-<n>`` when None.
    experiment : the group it belongs to; the notebook's file name when None, ``default`` outside notebooks.
    params, tags, note : what is known already.
    parent : reference of the run it is part of; the enclosing ``with`` block's run when None.
    id : join the run with this id instead, as a worker process does; a joined run is ended by the process that opened it.

    Raises ``UnknownRun`` (with near names) for a parent or id that does not exist.

    >>> with nbtrack.run("baseline", params={"lr": 0.1}) as r:
    ...     r.log({"loss": 0.4})
    """
    return current().start_run(name, experiment=experiment, params=params, tags=tags, note=note, parent=parent, id=id)


def log(values: Mapping[str, Any], *, step: int | None = None) -> None:
    """Log metric values of one step into the active run; outside one, into a run of this cell (in a script: of the process).

    Durable when it returns: a kernel killed afterwards loses none of it. See ``Run.log`` for keys, values and steps.

    >>> nbtrack.log({"loss": 0.31, "acc": 0.9}, step=3)
    """
    run = within.get()  # first, and without a call in between: this is the hot path of every training loop
    if run is None or run.state != "running":
        run = current().metric_run()
    run.log(values, step=step)


def log_param(key: str, value: Any) -> None:
    """Keep one parameter with the active run, else with the run of this cell, else with the last one."""
    current().value_run().log_params({key: value})


def log_params(params: Mapping[str, Any]) -> None:
    """Keep parameters with the active run, else with the run of this cell, else with the last one."""
    current().value_run().log_params(params)


def set_tag(key: str, value: Any) -> None:
    """Set one tag of the active run, else of this cell's, else of the last one; None removes it."""
    current().value_run().set_tags({key: value})


def set_tags(tags: Mapping[str, Any]) -> None:
    """Set tags of the active run, else of this cell's, else of the last one; None removes a tag."""
    current().value_run().set_tags(tags)


def note(text: str) -> None:
    """Add a remark in markdown to the active run, else to this cell's, else to the last one."""
    current().value_run().note(text)


def log_artifact(obj_or_path: Any, name: str | None = None, *, kind: str | None = None) -> Artifact:
    """Keep a file, folder, bytes, text, dict, figure, DataFrame or array; see ``Run.log_artifact``."""
    return current().value_run().log_artifact(obj_or_path, name, kind=kind)


def active_run() -> Run | None:
    """Return the run that ``log`` feeds here and now, or None when none was opened by hand."""
    return current().active_run()


def last_run() -> RunRecord | None:
    """Return the record of the last run of this session, or None when there is none yet."""
    session = current()
    return session.find_record(session.last_run_id) if session.last_run_id else None


def get_run(ref: str | int | Run) -> RunRecord:
    """Return everything the store knows of a run.

    ``ref`` is a name, a number (``38``, ``"#38"``), an id or an unambiguous ending of one, ``last`` or ``best:KEY``; a handle works too.
    Raises ``UnknownRun`` with near names.

    >>> nbtrack.get_run("best:acc").params["lr"]
    """
    from nbtrack.store import runs as rows

    session = current()
    found = ref.id if isinstance(ref, Run) else session.find_run_id(str(ref))
    return session.query(lambda db: rows.get_run(db, found))


def runs(
    *,
    experiment: str | None = None,
    state: str | Sequence[str] | None = None,
    sort: str | None = None,
    descending: bool | None = None,
    limit: int | None = 1000,
    columns: Sequence[str] | None = None,
) -> pandas.DataFrame:
    """Return the runs of this store as a DataFrame, newest first.

    Parameters
    ----------
    experiment, state : only these (``state``: one or several of running, finished, failed, killed).
    sort : ``started_at``, ``name``, ``duration_s``, ``metrics.K``, ``params.K``, ``tags.K`` or a bare key K.
    descending : None puts the better value first where the direction of a metric is known, the newest or largest otherwise.
    limit : rows at most; None for all.
    columns : only these, in this order.

    Columns: id, name, change, state, experiment, started_at (UTC), duration_s, then ``params.K``, ``metrics.K`` (last values), ``tags.K``.
    Raises ``NotFound`` with near names for an unknown key, ``UsageError`` for an unknown state or column.
    """
    from nbtrack.store import runs as rows
    from nbtrack.tracking.tables import runs_frame

    states = (state,) if isinstance(state, str) else state
    found = current().query(
        lambda db: rows.list_runs(
            db, experiment=experiment, states=states, sort=sort, descending=descending, limit=-1 if limit is None else limit
        )
    )
    return runs_frame(found, columns)


def metric_history(ref: str | int | Run, key: str) -> pandas.DataFrame:
    """Return all points of one metric: a DataFrame with step, value and at (UTC), in step order.

    Raises ``UnknownRun`` and ``UnknownMetric``, both with near names.
    """
    from nbtrack.store import metrics
    from nbtrack.tracking.tables import series_frame

    session = current()
    found = ref.id if isinstance(ref, Run) else session.find_run_id(str(ref))
    series = session.query(lambda db: metrics.read_series(db, found, key))
    if not series.steps:
        record = session.find_record(found)
        raise UnknownMetric(key, record.summaries if record else (), "%track show RUN lists its metrics.")
    return series_frame(series)


@dataclass(frozen=True, slots=True)
class SessionView:
    """What this kernel or script did so far, as the store has it."""

    id: str
    executions: tuple[Execution, ...]
    runs: tuple[RunRecord, ...]
    params: tuple[Param, ...]
    metrics: tuple[MetricSummary, ...]


def session() -> SessionView:
    """Return what this kernel or script did so far: executions, runs, and the parameters and metrics of all its runs."""
    from nbtrack.store import executions
    from nbtrack.store import runs as rows

    mine = current()

    def read(db: Any) -> SessionView:
        records = [rows.get_run(db, one.id) for one in rows.list_runs(db, session_id=mine.id, limit=-1)]
        return SessionView(
            mine.id,
            tuple(executions.list_executions(db, session_id=mine.id)),
            tuple(records),
            tuple(param for record in records for param in record.param_records),
            tuple(summary for record in records for summary in record.summaries.values()),
        )

    return mine.query(read)


def flush(timeout: float = 10.0) -> bool:
    """Wait until everything logged so far can be queried; False when the store could not take it within ``timeout`` seconds.

    Never needed for safety (logged values are durable at once), only before another program reads the store.
    """
    if timeout < 0:
        raise UsageError(f"a timeout of {timeout} s", "Give 0 or more seconds.")
    return current().writer.flush(timeout)
