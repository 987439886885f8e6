"""Recording: ``on``, ``off``, ``pause`` of the hooks, ``start`` and ``stop`` of a run over cells."""

from __future__ import annotations

import click

from nbtrack.commands.door import Door, Switch
from nbtrack.commands.grammar import KERNEL, read_pairs, verb
from nbtrack.errors import NbtrackError, UsageError
from nbtrack.records import main_metric
from nbtrack.views import words
from nbtrack.views.labels import read_metric
from nbtrack.views.message import Message

SECTION = "Recording"
_IN_A_SCRIPT = 'A run belongs to a notebook (%track start) or a script (with nbtrack.run("baseline"): ...).'


@verb("on", "Record every cell from now on", section=SECTION, example="on", doors=KERNEL)
def on(door: Door) -> Message:
    """Switch the hooks on."""
    switch = _switch(door)
    was = switch.state
    switch.turn_on()
    return Message("already recording" if was == "on" else "recording from the next cell on")


@verb("off", "Stop recording: every hook is removed until on", section=SECTION, example="off", doors=KERNEL)
def off(door: Door) -> Message:
    """Switch the hooks off."""
    _switch(door).turn_off()
    return Message("not recording", f"{door.program} on begins again; nbtrack.log and runs opened by hand still work.")


@verb("pause", "Leave no trace of the next cells until on", section=SECTION, example="pause", doors=KERNEL)
def pause(door: Door) -> Message:
    """Keep the hooks, record nothing."""
    _switch(door).pause()
    return Message("paused", f"{door.program} on goes on.")


@verb(
    "start",
    "Begin a run that lasts over cells until stop",
    usage="[NAME] [--experiment E] [--tag K=V] [--note TEXT]",
    section=SECTION,
    example="start baseline --tag team=growth --note first try with the new data",
    doors=KERNEL,
    elsewhere=_IN_A_SCRIPT,
    raw="--note",
)
@click.argument("name", required=False, metavar="NAME")
@click.option("--experiment", metavar="E", help="the group it belongs to; the notebook's name otherwise")
@click.option("--tag", "tags", multiple=True, metavar="K=V", help="a tag; may be given several times")
@click.option("--note", metavar="TEXT", help="a remark: the rest of the line, so it comes last")
def start(door: Door, name: str | None, experiment: str | None, tags: tuple[str, ...], note: str | None) -> Message:
    """Open a run."""
    if note is not None and not note.strip():
        raise UsageError("an empty note", "Write --note and what is worth knowing, or leave it out.")
    pairs = read_pairs(tags, door.namespace, as_text=True)
    session = door.get_session()
    run = session.start_run(name or None, experiment=experiment, tags=pairs, note=note, origin="magic")
    return Message(f"{run.name} runs until {door.program} stop")


@verb(
    "stop",
    "End the run that start began",
    usage="[--failed]",
    section=SECTION,
    example="stop --failed",
    doors=KERNEL,
    elsewhere=_IN_A_SCRIPT,
)
@click.option("--failed", is_flag=True, help="end it as failed")
def stop(door: Door, failed: bool) -> Message:
    """Close the run that was opened last."""
    session = door.get_session()
    run = session.stop_run(failed=failed)
    record = session.find_record(run.id)
    if record is None:
        return Message(f"{run.name} {run.state}")
    told = [f"{record.name} {record.state}"]
    if record.duration_s is not None:
        told[0] += f" after {words.duration(record.duration_s)}"
    main = main_metric([record])
    for key in sorted(record.metrics, key=lambda key: key != main)[:3]:
        reading = read_metric(record, key, {})
        told.append(f"{key} {words.number(reading.last if reading else None)}")
    return Message(" · ".join(told), f"{door.program} show {record.number if record.number is not None else record.short_id}")


def _switch(door: Door) -> Switch:
    if door.switch is None:
        raise NbtrackError("nothing can be switched here: the settings of this store cannot be read", f"{door.program} says what is wrong.")
    return door.switch


VERBS = (on, off, pause, start, stop)
