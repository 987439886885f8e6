"""The whole store against itself: a location in; every fault found, and mended where nothing can be lost by it, out.

Bodies are hashed again, series summed up again, rows held against each other, against the files in ``blobs/`` and against the journals.
"""

from __future__ import annotations

import sqlite3

from nbtrack.config import StoreLocation
from nbtrack.errors import NbtrackError, StoreMissing
from nbtrack.store.check_bodies import check_bodies
from nbtrack.store.check_checkpoints import check_checkpoints
from nbtrack.store.check_points import check_points
from nbtrack.store.check_rows import check_rows, check_schema, check_sources, file_problem
from nbtrack.store.connection import open_reader, open_writer, schema_state
from nbtrack.store.findings import CheckReport, Finding, Findings
from nbtrack.store.ingest import ingest

__all__ = ["CheckReport", "Finding", "check_store"]


def check_store(location: StoreLocation, *, repair: bool = False) -> CheckReport:
    """Check everything; ``repair`` mends what can be mended without losing a value. Raises ``StoreMissing``.

    What waits in journals is ingested first. Repairs are one transaction; nothing else can write meanwhile.
    """
    if schema_state(location) == "missing":
        raise StoreMissing(location.folder, f"there is no store at {location.folder}", "It is made when something is recorded.")
    waiting = ingest(location)
    stuck = (Finding("journals wait", waiting.problem),) if waiting.problem else ()
    try:
        if repair:
            with open_writer(location, full_sync=True) as db:
                return _check(location, db, repair=True, before=stuck)
        with open_reader(location) as db:
            return _check(location, db, repair=False, before=stuck)
    except NbtrackError as error:
        return CheckReport((*stuck, Finding("unreadable database", error.message)), {})


def _check(location: StoreLocation, db: sqlite3.Connection, *, repair: bool, before: tuple[Finding, ...]) -> CheckReport:
    findings = Findings(db, location, repair, list(before))
    problem = file_problem(location, db)
    if problem:
        findings.add("damaged database", problem)
    for table, row, parent, _ in db.execute("pragma foreign_key_check").fetchall():
        findings.add("missing row", f"row {row} of {table} names a {parent} that is not there")
    if check_schema(findings):
        check_rows(findings)
        check_sources(findings)
        check_bodies(findings)
        check_points(findings)
        check_checkpoints(findings)
    return CheckReport(tuple(findings.found), findings.checked)
