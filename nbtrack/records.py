"""Plain frozen records that travel between rooms, and the two judgements every view shares.

Nothing here reads a clock, a file or a store. Moments are UTC milliseconds since 1970 and end in ``_at``; ids are 32 hex digits
(UUIDv7) and opaque. Collections inside records are tuples and plain dicts that nobody changes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

RUN_STATES = ("draft", "running", "finished", "failed", "killed")
RUN_ORIGINS = ("auto", "magic", "api")
EXECUTION_STATUSES = ("running", "ok", "error", "interrupted", "syntax_error", "killed", "unknown")
OUTPUT_KINDS = ("stdout", "stderr", "result", "display", "error")
CHECKPOINT_REASONS = ("save", "run start", "run end", "manual", "before restore", "changed outside")
SEARCH_KINDS = ("code", "text", "output", "error", "note")

SHORT_ID_DIGITS = 8

_LOWER_IS_BETTER = {"loss", "error", "mae", "mse", "rmse", "mape", "perplexity", "time", "latency", "deviance", "inertia"}
_HIGHER_IS_BETTER = {
    "acc", "accuracy", "auc", "f1", "precision", "recall", "r2", "score", "map", "ndcg", "iou", "dice", "bleu", "rouge",
    "kappa", "mcc", "specificity", "sensitivity", "silhouette", "roc_auc", "average_precision",
}  # fmt: skip
_TRAINING = re.compile(r"(^|[_./ -])(train|training|fit)($|[_./ -])")
_TEST = re.compile(r"(^|[_./ -])(test|holdout)($|[_./ -])")
_VALIDATION = re.compile(r"(^|[_./ -])(val|valid|validation|dev|cv|oob)($|[_./ -])")


@dataclass(frozen=True, slots=True)
class Param:
    """One parameter of a run: the value as JSON gives it back, and where it came from.

    ``marked`` says why the value is kept as text only (None: kept as it was).
    """

    name: str
    value: Any
    source: str = "log_param"
    confidence: float = 1.0
    execution_id: str | None = None
    marked: str | None = None


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """What is known of one metric series without reading its points.

    ``last`` may be an int beyond 2**53, NaN or infinite, exactly as logged. ``minimum``, ``maximum`` and ``mean`` leave NaN out and are
    None when nothing else was logged. ``repeated`` counts steps logged more than once (the last value wins).
    """

    key: str
    last: float | int
    last_step: int
    first_step: int
    count: int
    minimum: float | None = None
    maximum: float | None = None
    mean: float | None = None
    min_step: int | None = None
    max_step: int | None = None
    nan_count: int = 0
    repeated: int = 0
    last_at: int | None = None

    def best(self, lower_is_better: bool | None) -> tuple[float | int, int]:
        """Return the best value and its step; the last one when the direction is unknown."""
        if lower_is_better is True and self.minimum is not None and self.min_step is not None:
            return self.minimum, self.min_step
        if lower_is_better is False and self.maximum is not None and self.max_step is not None:
            return self.maximum, self.max_step
        return self.last, self.last_step


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """The points of one metric in step order; ``ats`` are UTC milliseconds."""

    run_id: str
    key: str
    steps: Sequence[int]
    values: Sequence[float | int]
    ats: Sequence[int]


@dataclass(frozen=True, slots=True)
class Artifact:
    """A body kept with a run. ``state`` is ``stored``, ``pending`` (still being written) or ``failed``."""

    id: str
    run_id: str
    name: str
    kind: str
    mime: str
    size_bytes: int
    sha256: str
    at: int
    state: str = "stored"
    execution_id: str | None = None
    source_path: str | None = None


@dataclass(frozen=True, slots=True)
class Output:
    """One output of an execution. ``text`` is set for text kinds, ``sha256`` for bodies kept aside; ``size_bytes`` is the full size."""

    kind: str
    mime: str
    size_bytes: int
    text: str | None = None
    sha256: str | None = None
    truncated: bool = False
    display_id: str | None = None


@dataclass(frozen=True, slots=True)
class Execution:
    """One executed cell. ``seq`` is its order in the session, ``count`` the number Jupyter shows as ``[n]`` (None: not counted)."""

    id: str
    session_id: str
    seq: int
    source: str
    source_hash: str
    status: str
    started_at: int | None = None
    count: int | None = None
    cell_id: str | None = None
    notebook: str | None = None
    duration_ms: float | None = None
    cpu_ms: float | None = None
    peak_memory_bytes: int | None = None
    error_type: str | None = None
    error_message: str | None = None
    before_recording: bool = False
    outputs: tuple[Output, ...] = ()


@dataclass(frozen=True, slots=True)
class Session:
    """One life of a kernel or of a script."""

    id: str
    kind: str
    started_at: int
    ended_at: int | None = None
    ended_how: str | None = None
    notebook: str | None = None
    kernel_id: str | None = None
    user: str | None = None
    host: str | None = None
    pid: int | None = None
    executions: int = 0


@dataclass(frozen=True, slots=True)
class Environment:
    """What the process ran in; equal environments share one id. ``git`` has commit, branch, dirty, remote or is None."""

    id: str
    python: str
    platform: str
    packages: Mapping[str, str] = field(default_factory=dict)
    git: Mapping[str, Any] | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Note:
    """One remark of a person on a run, in markdown."""

    text: str
    at: int
    author: str | None = None


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run as the store knows it at one moment.

    ``metrics`` holds last values, ``summaries`` everything known without the points. ``number`` is the n of ``#n`` (None while a draft).
    ``executions``, ``artifacts``, ``notes`` and ``environment`` are filled by ``get_run`` only.
    ``stopped`` is False when a run started by hand was ended by the end of its kernel instead.
    """

    id: str
    name: str
    experiment: str
    state: str
    origin: str
    started_at: int
    number: int | None = None
    ended_at: int | None = None
    duration_s: float | None = None
    change: str = ""
    notebook: str | None = None
    session_id: str | None = None
    execution_id: str | None = None
    parent_id: str | None = None
    user: str | None = None
    error_type: str | None = None
    error_message: str | None = None
    stopped: bool = True
    params: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, float | int | str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    summaries: Mapping[str, MetricSummary] = field(default_factory=dict)
    param_records: tuple[Param, ...] = ()
    artifacts: tuple[Artifact, ...] = ()
    executions: tuple[Execution, ...] = ()
    notes: tuple[Note, ...] = ()
    environment: Environment | None = None
    hashes: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def short_id(self) -> str:
        """The last 8 digits of the id: what is shown and typed."""
        return self.id[-SHORT_ID_DIGITS:]


@dataclass(frozen=True, slots=True)
class RunMark:
    """That a checkpoint is the state of its notebook at one ``boundary`` (``start`` or ``end``) of a run."""

    run_id: str
    boundary: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One stored state of a notebook.

    ``notebook`` is where the file is, or was last, whatever it was called when the state was taken. Equal ``state`` means an equal
    notebook, execution counts included. ``unsaved``: cells that ran stood in no file, at least not so. ``format`` is the notebook's
    ``nbformat``, None for a file that is no notebook and was kept byte by byte. ``runs`` are those that began or ended in this state,
    ``run_id`` the one whose boundary made the checkpoint.
    """

    id: str
    notebook: str
    at: int
    reason: str
    message: str | None = None
    author: str | None = None
    parent_id: str | None = None
    run_id: str | None = None
    session_id: str | None = None
    unsaved: bool = False
    format: int | None = None
    cells: int = 0
    size_bytes: int = 0
    state: str = ""
    runs: tuple[RunMark, ...] = ()

    @property
    def short_id(self) -> str:
        """The last 8 digits of the id: what is shown and typed."""
        return self.id[-SHORT_ID_DIGITS:]


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One line of a notebook's timeline: one checkpoint, or several saves folded into one, the newest first.

    ``words`` say what changed since the checkpoint before; ``added`` and ``removed`` count lines of text, ``outputs`` changed outputs,
    ``cells`` names the cells of a fold. ``real`` is False when only noise differs.
    """

    checkpoints: tuple[Checkpoint, ...]
    words: str
    real: bool = True
    added: int = 0
    removed: int = 0
    outputs: int = 0
    cells: tuple[str, ...] = ()

    @property
    def newest(self) -> Checkpoint:
        """The checkpoint that stands for the line."""
        return self.checkpoints[0]


@dataclass(frozen=True, slots=True)
class CellState:
    """One state of one cell: what it said and showed from the checkpoint ``first`` to the checkpoint ``last``.

    ``index`` is its place in ``first``, counted from 0; ``outputs`` are as in a notebook file. ``present``: it stands so in the newest
    checkpoint. ``checkpoints`` counts those that hold it.
    """

    first: Checkpoint
    last: Checkpoint
    index: int
    cell_type: str
    source: str
    outputs: tuple[Any, ...] = field(default=(), repr=False)
    cell_id: str | None = None
    count: int | None = None
    present: bool = False
    checkpoints: int = 1


@dataclass(frozen=True, slots=True)
class SearchHit:
    """One place where a text was found. ``line`` is the line around the first find, ``marks`` the spans of what was found in it.

    ``checkpoint`` is the newest that holds the place, None for notes and for errors of cells that no checkpoint holds. ``present``: the
    newest checkpoint of its notebook holds it; ``older`` counts the other checkpoints that do.
    """

    kind: str
    line: str
    marks: tuple[tuple[int, int], ...]
    notebook: str | None
    at: int
    checkpoint: Checkpoint | None = None
    cell_id: str | None = None
    index: int | None = None
    count: int | None = None
    present: bool = False
    older: int = 0
    run_id: str | None = None
    execution_id: str | None = None


@dataclass(frozen=True, slots=True)
class SearchResult:
    """What a search found: the best ``hits`` first, how many places there are in all, and how many of each kind."""

    text: str
    hits: tuple[SearchHit, ...]
    total: int
    kinds: Mapping[str, int] = field(default_factory=dict)
    near: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did: the ``path`` written, the checkpoint it came from, and the one that ``kept`` the state before it.

    ``beside``: another file was written, because the notebook is open in a server. ``cells`` are the places that were written (empty:
    the whole notebook); ``held_back`` names cells that kept their present text, because what was stored lacks a secret that stands
    nowhere in the present notebook; ``put_back`` counts the secrets that were found there.
    """

    path: str
    checkpoint: Checkpoint
    kept: Checkpoint | None = None
    beside: bool = False
    cells: tuple[int, ...] = ()
    held_back: tuple[str, ...] = ()
    put_back: int = 0


def direction(key: str, rules: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> bool | None:
    """Tell whether lower is better for a metric key: True, False, or None when nobody can know.

    ``rules`` maps keys to ``"min"`` or ``"max"`` and overrules the names.

    >>> direction("val_loss"), direction("test_f1"), direction("depth")
    (True, False, None)
    """
    ruled = dict(rules).get(key)
    if ruled is not None:
        return ruled == "min"
    words = [word for word in re.split(r"[^a-z0-9]+", key.lower()) if word]
    if not words:
        return None
    if words[-1] in _LOWER_IS_BETTER or key.lower() in _LOWER_IS_BETTER:
        return True
    tails = {words[-1], "_".join(words[-2:])}
    if tails & _HIGHER_IS_BETTER or any(word in _HIGHER_IS_BETTER for word in words):
        return False
    return True if any(word in _LOWER_IS_BETTER for word in words) else None


def main_metric(runs: Sequence[RunRecord], chosen: str | None = None) -> str | None:
    """Name the metric that stands for a set of runs, or None when they have none.

    The chosen one if any run has it; else the evaluation metric present in most runs, test before validation before train, keys whose
    direction is known first, the one logged last first.
    """
    present: dict[str, int] = {}
    latest: dict[str, int] = {}
    for run in runs:
        for key, value in run.metrics.items():
            if not isinstance(value, str):
                present[key] = present.get(key, 0) + 1
                summary = run.summaries.get(key)
                latest[key] = max(latest.get(key, 0), (summary.last_at or 0) if summary else 0)
    if chosen is not None and chosen in present:
        return chosen
    if not present:
        return None
    return min(present, key=lambda key: (_split_rank(key) == 3, direction(key) is None, -present[key], _split_rank(key), -latest[key], key))


def _split_rank(key: str) -> int:
    lowered = key.lower()
    if _TEST.search(lowered):
        return 0
    if _VALIDATION.search(lowered):
        return 1
    return 3 if _TRAINING.search(lowered) else 2


def describe_change(before: Mapping[str, Any] | None, after: Mapping[str, Any], *, most: int = 2) -> str:
    """Say in words what differs between two sets of parameters: ``lr 0.1 → 0.01``, at most ``most`` terms, then ``+3``."""
    if before is None:
        return ""
    changed = [key for key in after if key in before and before[key] != after[key]]
    added = [key for key in after if key not in before]
    gone = [key for key in before if key not in after]
    # Only the terms that are shown are written out: a list of 10,000 runs has ten times as many.
    terms = [f"{key} {short_value(before[key])} → {short_value(after[key])}" for key in changed[:most]]
    terms += [f"{key} {short_value(after[key])}" for key in added[: most - len(terms)]]
    terms += [f"without {key}" for key in gone[: most - len(terms)]]
    more = len(changed) + len(added) + len(gone) - len(terms)
    return ", ".join(terms) + (f" +{more}" if more else "")


def short_value(value: Any, *, width: int = 24) -> str:
    """Write a parameter or metric value as people would: ``0.003``, ``1e-06``, ``(64,)``, ``relu``; cut in the middle when long."""
    if isinstance(value, bool) or value is None or isinstance(value, int):
        text = str(value)
    elif isinstance(value, float):
        text = short_number(value)
    elif isinstance(value, str):
        text = value
    elif isinstance(value, (list, tuple)):
        text = "[" + ", ".join(short_value(item) for item in value) + "]"
    elif isinstance(value, dict):
        text = "{" + ", ".join(f"{key}: {short_value(item)}" for key, item in value.items()) + "}"
    else:
        text = str(value)
    text = " ".join(text.split())
    if len(text) <= width:
        return text
    return f"{text[: width - 9]}…{text[-8:]}"


def short_number(value: float, *, digits: int = 4) -> str:
    """Write a number with about ``digits`` significant digits, NaN and infinities as words.

    >>> short_number(0.87312345), short_number(1e-7), short_number(float("nan")), short_number(1234567.0)
    ('0.8731', '1e-07', 'NaN', '1234567')
    """
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "∞" if value > 0 else "-∞"
    if value == int(value) and abs(value) < 1e15:
        return str(int(value))
    if 1e-3 <= abs(value) < 1e5:
        whole = len(str(int(abs(value))))
        places = max(digits - whole, 1) if abs(value) >= 1 else digits
        return f"{value:.{places}f}".rstrip("0").rstrip(".")
    return f"{value:.{digits - 1}g}"
