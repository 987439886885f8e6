"""Taking a value out of the store after it was stored: ``redact``."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import click

from nbtrack.commands.door import Door
from nbtrack.commands.grammar import verb
from nbtrack.commands.target import find_run_id
from nbtrack.store import tombstones
from nbtrack.store.tombstones import Removal
from nbtrack.views import words
from nbtrack.views.message import Message

SECTION = "Looking after the store"


@verb(
    "redact",
    "Take a parameter, tag or metric text out of the store for good",
    usage="RUN KEY",
    section=SECTION,
    example="redact churn-3 service_url",
)
@click.argument("ref", metavar="RUN")
@click.argument("key", metavar="KEY")
def redact(door: Door, ref: str, key: str) -> Message:
    """Put a tombstone in the place of a value."""
    session = door.get_session()
    run_id = find_run_id(door, ref)
    session.writer.flush()
    removal = _remove(door, run_id, key)
    record = session.find_record(run_id)
    name = record.name if record else run_id[-8:]
    said = f"removed {' and '.join(removal.kinds) or 'what the journals held of it'} {key} of {name}"
    if removal.records:
        said += f", and {words.plural(removal.records, 'record')} of it in journals"
    return Message(said, removal.problem or "Cells and outputs that show the value are not touched; backups keep it.")


def _remove(door: Door, run_id: str, key: str) -> Removal:
    """Remove in a thread of its own: an interrupt of the user's must not end a write of the store half-way."""
    session = door.get_session()
    with ThreadPoolExecutor(1, thread_name_prefix="nbtrack-redact") as thread:
        return thread.submit(tombstones.remove_value, session.location, run_id, key, tombstone=session.secrets.tombstone).result()


VERBS = (redact,)
