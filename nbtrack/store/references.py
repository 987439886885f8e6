"""What people type for a run: ``baseline``, ``#38``, ``38``, an id or its ending, ``last``, ``best:acc`` in; a run id and a remark out."""

from __future__ import annotations

import sqlite3

from nbtrack.errors import UnknownMetric, UnknownRun, UsageError
from nbtrack.records import SHORT_ID_DIGITS, direction
from nbtrack.store import metrics

ID_DIGITS = 32
SHORTEST = 4
_HINT = "%track runs lists them."


def resolve_run(db: sqlite3.Connection, ref: str, *, experiment: str | None = None) -> tuple[str, str]:
    """Find the run that a reference means: ``(id, remark)``; the remark is one line when the reference was not unique, else empty.

    In this order: ``last``, ``best:KEY``, a whole id, a number, a name, an ending of an id, a beginning of one (4 digits or more).
    ``experiment`` narrows everything but whole ids. Raises ``UnknownRun`` with near names.
    """
    ref = ref.strip()
    if ref == "last":
        return _newest(db, ref, experiment), ""
    if ref.startswith("best:"):
        return _best(db, ref, ref.removeprefix("best:").strip(), experiment), ""
    if len(ref) == ID_DIGITS:
        row = db.execute("select id, merged_into from run where id = :id", {"id": ref.lower()}).fetchone()
        if row:
            return row[1] or row[0], ""
    number = ref.removeprefix("#")
    if number.isascii() and number.isdigit() and len(number) < 18:
        found = _ask(db, "run.number = :number", {"number": int(number), "experiment": experiment})
        if found:
            return _newest_of(found, f"{len(found)} runs have the number {number}")
    if not ref.startswith("#"):
        found = _ask(db, "run.name = :name", {"name": ref, "experiment": experiment})
        if found:
            return _newest_of(found, f"{len(found)} runs are named {ref!r}")
        run_id = _by_digits(db, ref.lower(), experiment)
        if run_id is not None:
            return run_id, ""
    raise UnknownRun(ref, _known(db), _HINT)


def _newest(db: sqlite3.Connection, ref: str, experiment: str | None) -> str:
    found = _ask(db, "true", {"experiment": experiment}, limit=1)
    if not found:
        raise UnknownRun(ref, hint="Nothing has been recorded as a run yet.")
    return found[0][0]


def _best(db: sqlite3.Connection, ref: str, key: str, experiment: str | None) -> str:
    known = metrics.keys(db)
    if key not in known:
        raise UnknownMetric(key, known, "best:KEY takes the key of a metric.")
    lower = direction(key, metrics.rules(db, experiment))
    if lower is None:
        raise UsageError(
            f"nobody can know whether lower or higher is better for {key!r}", f"Say it once: %track metric {key} --lower-is-better"
        )
    # The same order as that of a list sorted by this metric: by last value, ties to the newest where higher is better.
    query = """
        select run.id from metric cross join run on run.id = metric.run_id left join experiment on experiment.id = run.experiment_id
        where metric.key = :key and metric.protocol = '' and metric.data = '' and metric.last is not null and run.hidden = 0
            and (:experiment is null or experiment.name = :experiment)
        order by metric.last {way}, metric.run_id {way} limit 1
    """.format(way="asc" if lower else "desc")
    row = db.execute(query, {"key": key, "experiment": experiment}).fetchone()
    if row is None:
        raise UnknownRun(ref, hint=f"No run has a number for {key!r}.")
    return str(row[0])


def _by_digits(db: sqlite3.Connection, digits: str, experiment: str | None) -> str | None:
    """Find the only run whose id ends, else begins, with these digits; several of them are an error that lists them."""
    if len(digits) < SHORTEST or len(digits) > ID_DIGITS or not set(digits) <= set("0123456789abcdef"):
        return None
    for pattern, place in ((f"%{digits}", "ends with"), (f"{digits}%", "begins with")):
        found = _ask(db, "run.id like :pattern", {"pattern": pattern, "experiment": experiment}, limit=6)
        if len(found) > 1:
            listed = ", ".join(f"{name} ({run_id[-SHORT_ID_DIGITS:]})" for run_id, name, _ in found[:5])
            raise UnknownRun(digits, hint=f"More than one id {place} {digits}: {listed}. Type more digits.")
        if found:
            return found[0][0]
    return None


def _ask(db: sqlite3.Connection, condition: str, values: dict[str, object], limit: int = 1000) -> list[tuple[str, str, str]]:
    """Find shown runs by one of the conditions written in this module, the newest first: (id, name, experiment)."""
    rows = db.execute(
        f"""
        select run.id, run.name, experiment.name from run left join experiment on experiment.id = run.experiment_id
        where +run.hidden = 0 and {condition} and (:experiment is null or experiment.name = :experiment)
        order by run.started_at desc, run.id desc limit :limit
        """,
        {**values, "limit": limit},
    )
    return rows.fetchall()


def _newest_of(found: list[tuple[str, str, str]], many: str) -> tuple[str, str]:
    run_id, name, experiment = found[0]
    if len(found) == 1:
        return run_id, ""
    return run_id, f"{many}: took the newest, {name} of {experiment} ({run_id[-SHORT_ID_DIGITS:]})"


def _known(db: sqlite3.Connection) -> list[str]:
    rows = db.execute("select distinct name from run where hidden = 0 and name is not null order by started_at desc, id desc limit 1000")
    return [name for (name,) in rows]
