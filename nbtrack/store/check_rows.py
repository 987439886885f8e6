"""Rows against each other and against the journal files: states, numbers, references, JSON, offsets."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

from nbtrack.config import StoreLocation
from nbtrack.records import EXECUTION_STATUSES, RUN_ORIGINS, RUN_STATES
from nbtrack.store.findings import Findings
from nbtrack.store.lifecycle import number_run
from nbtrack.store.schema import FIRST_SCHEMA
from nbtrack.store.schema_checkpoints import CHECKPOINT_SCHEMA
from nbtrack.store.segments import list_journals

# (kind, what is wrong as SQL text, the rows that are wrong, what mends one of them or nothing); each row gives its id as :id
_RULES: tuple[tuple[str, str, str, str], ...] = (
    (
        "end without a time", "run {0} has ended and has no time of its end",
        "select id from run where hidden = 0 and state in ('finished', 'failed', 'killed') and ended_at is null order by id",
        """
        update run set ended_at = max(started_at, coalesce((select max(last_at) from metric where run_id = run.id), started_at))
        where id = :id
        """,
    ),
    (
        "time of an end", "run {0} is running and has a time of its end",
        "select id from run where state = 'running' and ended_at is not null order by id",
        "update run set ended_at = null, duration_us = null where id = :id",
    ),
    (
        "end before start", "run {0} ends before it starts",
        "select id from run where ended_at < started_at order by id",
        "update run set ended_at = started_at + coalesce(duration_us, 0) / 1000 where id = :id",
    ),
    (
        "negative duration", "run {0} has a negative duration",
        "select id from run where duration_us < 0 order by id",
        "update run set duration_us = max(coalesce(ended_at, started_at) - started_at, 0) * 1000 where id = :id",
    ),
    (
        "missing session", "execution {0} names a session that is not there",
        """
        select id from execution
        where session_id <> '' and not exists (select 1 from session where session.id = execution.session_id) order by id
        """,
        """
        insert or ignore into session (id, kind, journal, started_at, ended_at, ended_how)
        select session_id, 'kernel', journal, coalesce(started_at, 0), coalesce(started_at, 0), 'killed' from execution where id = :id
        """,
    ),
    (
        "missing session", "run {0} names a session that is not there",
        """
        select id from run
        where session_id is not null and not exists (select 1 from session where session.id = run.session_id) order by id
        """,
        """
        insert or ignore into session (id, kind, journal, started_at, ended_at, ended_how)
        select session_id, 'kernel', coalesce(journal, ''), started_at, started_at, 'killed' from run where id = :id
        """,
    ),
    (
        "missing execution", "run {0} names a cell that is not there",
        """
        select run_id || ' ' || execution_id from run_execution
        where not exists (select 1 from execution where execution.id = run_execution.execution_id) order by run_id, execution_id
        """,
        "",
    ),
    (
        "missing parent", "run {0} names a parent that is not there",
        """
        select id from run
        where parent_id is not null and not exists (select 1 from run as parent where parent.id = run.parent_id) order by id
        """,
        "",
    ),
    (
        "missing environment", "run {0} names an environment that is not there",
        """
        select id from run where environment_id is not null
            and not exists (select 1 from environment where environment.id = run.environment_id) order by id
        """,
        "",
    ),
    (
        "tag of nothing", "a tag is on run {0}, which is not there",
        "select distinct entity_id from tag where entity = 'run' and entity_id not in (select id from run) order by entity_id", "",
    ),
    (
        "note on nothing", "a note is on run {0}, which is not there",
        "select distinct entity_id from note where entity = 'run' and entity_id not in (select id from run) order by entity_id", "",
    ),
    (
        "output of nothing", "outputs name execution {0}, which is not there",
        "select distinct execution_id from output where execution_id not in (select id from execution) order by execution_id", "",
    ),
    (
        "merged into nothing", "draft {0} went into a run that is not there",
        """
        select id from run
        where merged_into is not null and not exists (select 1 from run as target where target.id = run.merged_into) order by id
        """,
        "",
    ),
    (
        "negative size", "artifact {0} has a negative size",
        "select id from artifact where size_bytes < 0 order by id",
        "update artifact set size_bytes = coalesce((select size_bytes from blob where blob.sha256 = artifact.sha256), 0) where id = :id",
    ),
    (
        "unknown direction", "the rule for {0} says neither min nor max",
        "select key from rule where direction not in ('min', 'max') order by key", "",
    ),
    (
        "negative duration", "execution {0} has a negative duration",
        "select id from execution where duration_us < 0 or cpu_us < 0 order by id", "",
    ),
)  # fmt: skip

_JSON = (
    ("param", "select run_id || ' ' || name, value from param order by run_id, name"),
    ("the packages of environment", "select id, packages from environment order by id"),
    ("the git state of environment", "select id, git from environment where git is not null order by id"),
    ("the facts of environment", "select id, facts from environment order by id"),
)


def check_schema(findings: Findings) -> bool:
    """Check that every table and index is there, making what is missing when repairing; False when the rest cannot be checked."""
    real = {name for (name,) in findings.db.execute("select name from sqlite_schema").fetchall()}
    complete = True
    for statement in (*FIRST_SCHEMA, *CHECKPOINT_SCHEMA):
        words = statement.split()
        if words[0] != "create":
            continue
        kind = "table" if words[1] == "table" else "index"
        name = words[words.index(kind) + 1]
        if name not in real:
            findings.add(f"missing {kind}", name, statement)
            complete = complete and (kind == "index" or findings.repair)
    return complete


def check_rows(findings: Findings) -> None:
    """Check what the tables say of each other."""
    db = findings.db
    for table in ("runs", "executions", "sessions", "params", "artifacts"):
        findings.count(table, db.execute(_COUNTS[table]).fetchone()[0])
    for kind, what, query, mend in _RULES:
        for (name,) in db.execute(query).fetchall():
            findings.add(kind, what.format(name), mend, {"id": name})
    _check_words(findings)
    _check_numbers(findings)
    for what, query in _JSON:
        for name, text in db.execute(query).fetchall():
            try:
                json.loads(text)
            except ValueError:
                findings.add("damaged value", f"{what} {name} cannot be read")
    _check_param_numbers(findings)


_COUNTS = {
    "runs": "select count(*) from run",
    "executions": "select count(*) from execution",
    "sessions": "select count(*) from session",
    "params": "select count(*) from param",
    "artifacts": "select count(*) from artifact",
}


def _check_words(findings: Findings) -> None:
    for what, query, words in (
        ("the state of run", "select id, state from run order by id", RUN_STATES),
        ("the origin of run", "select id, origin from run order by id", RUN_ORIGINS),
        ("the status of execution", "select id, status from execution order by id", EXECUTION_STATUSES),
    ):
        for name, word in findings.db.execute(query).fetchall():
            if word not in words:
                findings.add("unknown word", f"{what} {name} is {word!r}")


def _check_numbers(findings: Findings) -> None:
    db = findings.db
    rows = db.execute("select id from run where hidden = 0 and (number is null or name is null or experiment_id is null) order by id")
    for (run_id,) in rows.fetchall():
        if findings.repair:
            number_run(db, run_id)
            db.execute(
                """
                update run set name = coalesce(name, (select name from experiment where id = experiment_id) || '-' || number)
                where id = :id
                """,
                {"id": run_id},
            )
        findings.note("missing number", f"run {run_id} has no number, name or experiment", mended=findings.repair)
    rows = db.execute(
        """
        select experiment.id, experiment.name, max(run.number) from experiment join run on run.experiment_id = experiment.id
        group by experiment.id having max(run.number) > experiment.last_number order by experiment.id
        """
    )
    for experiment_id, name, highest in rows.fetchall():
        findings.add(
            "wrong count", f"experiment {name} counts fewer runs than it has numbers",
            "update experiment set last_number = :highest where id = :id", {"highest": highest, "id": experiment_id},
        )  # fmt: skip


def _check_param_numbers(findings: Findings) -> None:
    for run_id, name, value, number in findings.db.execute(
        "select run_id, name, value, number from param order by run_id, name"
    ).fetchall():
        try:
            real = json.loads(value)
        except ValueError:
            continue
        numeric = isinstance(real, int | float) and not isinstance(real, bool)
        try:
            expected = float(real) if numeric else None
        except OverflowError:
            expected = None
        if expected is not None and expected != expected:
            expected = None
        if expected != number:
            findings.add(
                "wrong number", f"param {name} of run {run_id} sorts as {number}, its value is {value}",
                "update param set number = :number where run_id = :run_id and name = :name",
                {"number": expected, "run_id": run_id, "name": name},
            )  # fmt: skip


def check_sources(findings: Findings) -> None:
    """Check offsets against journal files, and that everything that runs has a journal that can end it."""
    db, location = findings.db, findings.location
    files = {file.path.name: file.path for file in list_journals(location)}
    for name, folder, offset, finished in db.execute("select name, folder, offset, finished from source order by name").fetchall():
        findings.count("journals", 1)
        if offset < 0:
            findings.add("wrong offset", f"journal {name} is in up to {offset}")
        elif name in files and files[name].stat().st_size < offset:
            findings.add("wrong offset", f"journal {name} is shorter than what is in of it")
        elif name not in files and folder == "journal" and not finished:
            findings.add(
                "missing journal",
                f"journal {name} is gone; what it held beyond byte {offset} is lost",
                "delete from source where name = :name",
                {"name": name},
            )
    _end_orphans(findings, {file.journal for file in list_journals(location)})


def _end_orphans(findings: Findings, living: set[str]) -> None:
    """End what runs although the journal that could end it is gone."""
    db = findings.db
    known = living | {journal for (journal,) in db.execute("select journal from source where finished = 0 and folder <> 'journal'")}
    for run_id, journal in db.execute("select id, journal from run where state = 'running' order by id").fetchall():
        if journal not in known:
            findings.add(
                "run without a process", f"run {run_id} is running and its journal is gone",
                """
                update run set state = 'killed',
                    ended_at = max(started_at, coalesce((select max(last_at) from metric where run_id = run.id), 0)),
                    duration_us = max(0, coalesce((select max(last_at) from metric where run_id = run.id), 0) - started_at) * 1000
                where id = :id
                """,
                {"id": run_id},
            )  # fmt: skip
    for session_id, journal in db.execute("select id, journal from session where ended_at is null order by id").fetchall():
        if journal not in known:
            findings.add(
                "session without a process", f"session {session_id} goes on and its journal is gone",
                """
                update session set ended_how = 'killed',
                    ended_at = max(started_at, coalesce((select max(started_at) from execution where session_id = session.id), 0))
                where id = :id
                """,
                {"id": session_id},
            )  # fmt: skip
    for execution_id, journal in db.execute("select id, journal from execution where status = 'running' order by id").fetchall():
        if journal not in known:
            findings.add(
                "execution without a process", f"execution {execution_id} is running and its journal is gone",
                "update execution set status = 'killed' where id = :id", {"id": execution_id},
            )  # fmt: skip
    rows = db.execute("select id from run where journal is null order by id").fetchall()
    if living:
        return  # the RUN frame may still come
    for (run_id,) in rows:
        if findings.repair:
            db.execute("update run set hidden = 0, state = 'killed', ended_at = started_at, journal = '' where id = :id", {"id": run_id})
            number_run(db, run_id)
        findings.note("run without its beginning", f"run {run_id} is named by records and was never opened", mended=findings.repair)


def file_problem(location: StoreLocation, db: sqlite3.Connection) -> str:
    """Ask SQLite about its own pages; empty when it has nothing to say."""
    said = [text for (text,) in db.execute("pragma integrity_check(20)").fetchall()]
    return "" if said == ["ok"] else f"{Path(location.database).name}: {'; '.join(said)}"
