"""Checkpoints against what they are made of: manifests put together again and hashed, cells, bodies, runs, the search index."""

from __future__ import annotations

import json

from nbtrack.records import CHECKPOINT_REASONS
from nbtrack.store import checkpoints, manifests, search_index
from nbtrack.store.findings import Findings


def check_checkpoints(findings: Findings) -> None:
    """Check every checkpoint, every cell state and the index."""
    known = {sha256 for (sha256,) in findings.db.execute("select sha256 from blob")}
    _check_manifests(findings, known)
    _check_states(findings, known)
    _check_links(findings)
    _check_index(findings)


def _check_manifests(findings: Findings, known: set[str]) -> None:
    rows = findings.db.execute("select n, id, state, reason, frame_sha256, cells from checkpoint order by n").fetchall()
    for n, checkpoint_id, state, reason, frame, cells in rows:
        findings.count("checkpoints", 1)
        if reason not in CHECKPOINT_REASONS:
            findings.add("unknown word", f"the reason of checkpoint {checkpoint_id} is {reason!r}")
        if frame not in known:
            findings.add("missing body", f"checkpoint {checkpoint_id} refers to {frame or 'nothing'}")
        try:
            manifest = checkpoints.read_manifest(findings.db, n)
        except ValueError as error:
            findings.add("damaged manifest", f"checkpoint {checkpoint_id}: {error}")
            continue
        if manifests.name_of(manifests.pack_manifest(manifest)) != state:
            findings.add("damaged manifest", f"checkpoint {checkpoint_id}: its parts have another hash")
        elif len(manifest.cells) != cells:
            findings.add(
                "wrong count", f"checkpoint {checkpoint_id} counts {cells} cells and has {len(manifest.cells)}",
                "update checkpoint set cells = :cells where n = :n", {"cells": len(manifest.cells), "n": n},
            )  # fmt: skip


def _check_states(findings: Findings, known: set[str]) -> None:
    rows = findings.db.execute("select id, hash, content from cell_state order by id").fetchall()
    for state_id, key, content in rows:
        findings.count("cell states", 1)
        try:
            parsed = json.loads(content)
            manifests.check_content(parsed)
        except (ValueError, TypeError):
            findings.add("damaged cell state", f"cell state {state_id} cannot be read")
            continue
        if manifests.hash_content(parsed) != key:
            findings.add("damaged cell state", f"cell state {state_id} has another hash")
        for name in manifests.names_in(parsed):
            findings.count("references", 1)
            if name not in known:
                findings.add("missing body", f"cell state {state_id} refers to {name}")


def _check_links(findings: Findings) -> None:
    db = findings.db
    rows = db.execute(
        """
        select run_id, boundary from checkpoint_run where run_id not in (select id from run) or boundary not in ('start', 'end')
        order by run_id, boundary
        """
    )
    for run_id, boundary in rows.fetchall():
        findings.add("checkpoint of nothing", f"a checkpoint is the {boundary} of run {run_id}, which is not there")
    rows = db.execute(
        "select id, parent_id from checkpoint where parent_id is not null and parent_id not in (select id from checkpoint) order by id"
    )
    for checkpoint_id, parent in rows.fetchall():
        findings.add(
            "missing parent", f"checkpoint {checkpoint_id} follows {parent}, which is not there",
            "update checkpoint set parent_id = null where id = :id", {"id": checkpoint_id},
        )  # fmt: skip
    for (state_id,) in db.execute("select id from cell_state where last_n is not null and last_n < first_n order by id").fetchall():
        findings.add("end before start", f"cell state {state_id} ends before it begins")


def _check_index(findings: Findings) -> None:
    """Compare the index with the texts; it is made anew from them."""
    db = findings.db
    findings.count("texts", db.execute("select count(*) from search_text").fetchone()[0])
    if not search_index.has_index(db):
        return
    whole = db.execute(
        "select (select count(*) from search_text) = (select count(*) from search_index_docsize)"
        " and not exists (select 1 from search_text where id not in (select id from search_index_docsize))"
    ).fetchone()[0]
    if not whole:
        findings.add("search index", "the index is not that of the texts", "insert into search_index (search_index) values ('rebuild')")
