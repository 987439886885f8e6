"""The answer to a bare ``%track``: where am I. Facts in, a card out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from nbtrack.records import RunRecord, direction
from nbtrack.views import words
from nbtrack.views.labels import STATE_TONES, given_name, read_metric, run_label
from nbtrack.views.message import Card, Line, Piece
from nbtrack.views.words import Clock


@dataclass(frozen=True, slots=True)
class StatusFacts:
    """What is known of this place. ``recording`` is ``on``, ``paused``, ``off`` or empty (a shell, which records nothing by itself).

    ``scope`` names what ``runs`` and ``cells`` count, for example ``This notebook``; ``best`` and ``current`` are judged by ``metric``,
    which ``measured`` runs of the experiment have.
    """

    place: str
    stored_in: str
    clock: Clock
    recording: str = ""
    scope: str = "This notebook"
    runs: int = 0
    cells: int = 0
    store_runs: int | None = None
    experiments: int = 0
    size_bytes: int | None = None
    stored_title: str = ""
    current: RunRecord | None = None
    best: RunRecord | None = None
    measured: int = 0
    metric: str | None = None
    rules: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""
    program: str = "%track"


def status_card(facts: StatusFacts) -> Card:
    """Write the card."""
    titles = {
        "on": f"Recording {facts.place}",
        "paused": f"Paused in {facts.place}",
        "off": f"Not recording {facts.place}",
        "": facts.place,
    }
    lines = [Line("Now", _now(facts))]
    counted = [words.plural(facts.runs, "run")]
    if facts.cells:
        counted.append(words.plural(facts.cells, "executed cell"))
    if facts.experiments > 1 and facts.store_runs is None:
        counted.append(words.plural(facts.experiments, "experiment"))
    lines.append(Line.of(facts.scope, ", ".join(counted)))
    if facts.store_runs is not None and facts.store_runs != facts.runs:
        many = f" in {words.plural(facts.experiments, 'experiment')}" if facts.experiments > 1 else ""
        lines.append(Line.of("All in store", f"{words.plural(facts.store_runs, 'run')}{many}"))
    stored = [Piece(facts.stored_in, "code", facts.stored_title)]
    if facts.size_bytes is not None:
        stored.append(Piece(f" {words.size(facts.size_bytes)}", "muted"))
    else:
        stored.append(Piece(" nothing stored yet", "muted"))
    lines.append(Line("Stored in", tuple(stored)))
    if facts.problem:
        lines.append(Line.of("Problem", Piece(facts.problem, "warn")))
    badge = Piece("the store has a problem", "warn") if facts.problem else None
    return Card(titles.get(facts.recording, facts.place), tuple(lines), badge=badge, foot=_mend(facts))


def _now(facts: StatusFacts) -> tuple[Piece, ...]:
    run = facts.current
    if run is None:
        begin = "%track start baseline" if facts.program == "%track" else "nbtrack.run()"
        return (Piece("no run yet · to begin one: "), Piece(begin, "code"))
    name = given_name(run)
    state = "finished" if run.state == "finished" else run.state
    said = f"{state} {run.error_type}" if run.state == "failed" and run.error_type else state
    pieces = [Piece(f"{run_label(run)}{' ' + name if name else ''} "), Piece(said, STATE_TONES.get(run.state, ""))]
    reading = read_metric(run, facts.metric, facts.rules)
    if reading is None or facts.metric is None:
        pieces.append(Piece(f" · {facts.clock.moment(run.started_at)}", "muted", facts.clock.exact(run.started_at)))
        return tuple(pieces)
    pieces += [Piece(f" · {facts.metric} "), Piece(words.number(reading.last), "strong")]
    best = read_metric(facts.best, facts.metric, facts.rules) if facts.best else None
    if facts.best is not None and best is not None and direction(facts.metric, facts.rules) is not None:
        if facts.best.id == run.id:
            pieces.append(Piece(f" ★ best of {words.count(facts.measured)}" if facts.measured > 1 else "", "muted"))
        else:
            decimals = max(words.column_decimals([reading.last, best.last]), 2)
            gap = words.distance(reading.number, best.number, decimals)
            told = f"same as best {run_label(facts.best)}" if gap == "same" else f"{gap} from best {run_label(facts.best)}"
            pieces += [Piece(" · "), Piece(told, "muted")] if gap else []
    return tuple(piece for piece in pieces if piece.text)


def _mend(facts: StatusFacts) -> str:
    if facts.recording == "paused":
        return "Cells run as always and leave no trace. %track on goes on."
    if facts.recording == "off":
        return "%track on begins."
    return ""
