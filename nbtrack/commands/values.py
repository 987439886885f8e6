"""What people say about a run: ``param``, ``metric``, ``tag``, ``note``, ``artifact``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from nbtrack.commands.door import Door
from nbtrack.commands.grammar import named_variable, read_pairs, read_variable, verb
from nbtrack.commands.target import refuse_empty, run_to_fill
from nbtrack.errors import UsageError
from nbtrack.store.frames import Kind
from nbtrack.tracking.values import plain
from nbtrack.views import words
from nbtrack.views.message import Message

SECTION = "Values of a run"
_RUN_HELP = "the run it goes to; otherwise the one that is open, or this cell's, or the last"


@verb(
    "param",
    "Keep parameters; {name} takes a variable's value",
    usage="K=V ... [--run RUN]",
    section=SECTION,
    example="param lr=0.01 layers=[64,32] optimizer=adam seed={seed}",
)
@click.argument("pairs", nargs=-1, required=True, metavar="K=V")
@click.option("--run", "ref", metavar="RUN", help=_RUN_HELP)
def param(door: Door, pairs: tuple[str, ...], ref: str | None) -> Message:
    """Keep parameters."""
    values = read_pairs(pairs, door.namespace)
    run = run_to_fill(door, ref)
    run.put_params(values, source="command")
    return Message(_kept(values))


@verb(
    "metric",
    "Log metric values, or say which way is better",
    usage="K=V ... [--step N] [--run RUN]  |  metric K (--lower-is-better | --higher-is-better)",
    section=SECTION,
    example="metric val_f1=0.87 val_loss=0.29 --step 12",
)
@click.argument("pairs", nargs=-1, required=True, metavar="K=V")
@click.option("--step", type=int, metavar="N", help="the step; the next one of each key otherwise")
@click.option("--lower-is-better", "lower", is_flag=True, help="teach that lower values of K are better")
@click.option("--higher-is-better", "higher", is_flag=True, help="teach that higher values of K are better")
@click.option("--run", "ref", metavar="RUN", help=_RUN_HELP)
def metric(door: Door, pairs: tuple[str, ...], step: int | None, lower: bool, higher: bool, ref: str | None) -> Message:
    """Log values, or teach a direction."""
    if lower or higher:
        if (lower and higher) or step is not None or ref is not None or any("=" in one for one in pairs):
            raise UsageError(
                "a direction stands alone: one of the two, and names of metrics", f"Write {door.program} metric K --lower-is-better"
            )
        return _teach(door, pairs, "min" if lower else "max")
    values = read_pairs(pairs, door.namespace)
    run = run_to_fill(door, ref, metric=True)
    run.log(values, step=step)
    return Message(_kept(values) + (f" at step {words.count(step)}" if step is not None else ""))


def _teach(door: Door, keys: tuple[str, ...], direction: str) -> Message:
    writer = door.get_session().writer
    for key in keys:
        writer.append(Kind.RULE, {"key": key, "direction": direction, "experiment": None})
    return Message(f"{', '.join(keys)}: {'lower' if direction == 'min' else 'higher'} is better, from now on in this store")


@verb(
    "tag",
    "Set tags; K=null removes one",
    usage="K=V ... [--run RUN]",
    section=SECTION,
    example="tag team=growth stage=try",
)
@click.argument("pairs", nargs=-1, required=True, metavar="K=V")
@click.option("--run", "ref", metavar="RUN", help=_RUN_HELP)
def tag(door: Door, pairs: tuple[str, ...], ref: str | None) -> Message:
    """Set or remove tags."""
    values = read_pairs(pairs, door.namespace, as_text=True)
    run_to_fill(door, ref).set_tags(values)
    kept = {key: value for key, value in values.items() if value is not None}
    gone = [key for key, value in values.items() if value is None]
    return Message(" · ".join(part for part in (_kept(kept), f"removed {', '.join(gone)}" if gone else "") if part))


@verb(
    "note",
    "Write down what is worth knowing of a run: the rest of the line",
    usage="[--run RUN] TEXT",
    section=SECTION,
    example="note smaller batches help more than width; next: lr = 0.003",
    raw="text",
)
@click.argument("text", nargs=-1, required=True, metavar="TEXT")
@click.option("--run", "ref", metavar="RUN", help=_RUN_HELP)
def note(door: Door, text: tuple[str, ...], ref: str | None) -> Message:
    """Add a remark."""
    remark = " ".join(text)
    refuse_empty(remark, "an empty note", f"Write {door.program} note and what is worth knowing of this run.")
    run_to_fill(door, ref).note(remark)
    return Message("noted")


@verb(
    "artifact",
    "Keep a file, a folder or, as {name}, an object with the run",
    usage="PATH [--name N] [--kind K] [--run RUN]",
    section=SECTION,
    example="artifact figures/roc.png --name roc",
)
@click.argument("path", metavar="PATH")
@click.option("--name", metavar="N", help="how it is called in the run; the file's own name otherwise")
@click.option("--kind", metavar="K", help="file, folder, text, json, figure, table, array, image or bytes; found out otherwise")
@click.option("--run", "ref", metavar="RUN", help=_RUN_HELP)
def artifact(door: Door, path: str, name: str | None, kind: str | None, ref: str | None) -> Message:
    """Keep a body with the run."""
    variable = named_variable(path)
    given: Any = Path(path).expanduser() if variable is None else read_variable(variable, door.namespace)
    kept = run_to_fill(door, ref).log_artifact(given, name or variable, kind=kind)
    return Message(f"kept {kept.name}, {words.size(kept.size_bytes)}")


def _kept(values: Mapping[str, Any]) -> str:
    shown = [f"{key} = {words.value(plain(value)[0])}" for key, value in list(values.items())[:6]]
    more = len(values) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


VERBS = (param, metric, tag, note, artifact)
