"""The handle of one run: what a person logs into it, turned into journal frames that are durable when the call returns."""

from __future__ import annotations

import contextvars
import os
from collections.abc import Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any

from nbtrack.errors import UsageError, ValueRejected
from nbtrack.store import frames
from nbtrack.store.frames import Kind
from nbtrack.tracking.values import as_text, key_text, number, plain, step_number

if TYPE_CHECKING:
    from nbtrack.records import Artifact
    from nbtrack.tracking.session import Session

_INT64_MIN, _INT64_MAX = -(1 << 63), (1 << 63) - 1
END_STATES = ("finished", "failed", "killed")

# The run whose `with` block this code is in: per thread and task, which a list of the process could not tell.
within: contextvars.ContextVar[Run | None] = contextvars.ContextVar("nbtrack_run", default=None)


class _Line:
    """One set of keys logged together: its packed constants and the step that comes next; ``alone`` when no other set shares a key."""

    __slots__ = ("alone", "floats", "following", "keys", "series")

    def __init__(self, series: frames.Series, *, alone: bool) -> None:
        self.series = series
        self.keys = [*series.keys]
        self.floats = [float] * len(series.keys)
        self.alone = alone
        self.following = 0


_NO_LINE = _Line(frames.series("0" * 32, ()), alone=False)


class Run:
    """One run while it takes values; made by ``nbtrack.run()``, also usable as a ``with`` block.

    A handle lives from the call that made it until ``finish()``, the end of its ``with`` block, or the end of the process.
    """

    def __init__(
        self, session: Session, run_id: str, *, name: str | None, origin: str, owned: bool, parent: str | None = None, draft: bool = False
    ) -> None:
        self._session = session
        self._points = session.writer.points
        self._name = name
        self._lines: dict[tuple[str, ...], _Line] = {}
        self._lines_of: dict[str, list[_Line]] = {}
        self._recent = _NO_LINE
        self._pid = os.getpid()
        self._token: contextvars.Token[Run | None] | None = None
        self.id = run_id
        self.origin = origin
        self.owned = owned
        self.parent = parent
        self.draft = draft
        self.ends_with_cell = False
        self.entered = False
        self.state = "running"

    # ------------------------------------------------------------------ values

    def log(self, values: Mapping[str, Any], *, step: int | None = None) -> None:
        """Log metric values of one step.

        Parameters
        ----------
        values : numbers by key; numpy and torch scalars too. What is no number is kept as text, marked, and said once.
        step : any whole number of 64 bits; None takes the next one of each key in this run (0 first). A step logged again: the last value
            wins, the repetition is counted.
        """
        if self.state != "running":
            self._refuse_ended()
        if type(values) is dict:
            line = self._recent  # most loops log one set of keys: comparing beats hashing them
            if line.keys != [*values]:
                line = self._recent = self._lines.get(tuple(values), _NO_LINE)
            if line is not _NO_LINE:
                numbers = values.values()
                if [*map(type, numbers)] == line.floats:
                    if step is None and line.alone:
                        step = line.following
                    if type(step) is int and _INT64_MIN <= step <= _INT64_MAX:
                        self._points(line.series, step, numbers)  # type: ignore[arg-type]  # a view of the dict is as good as a sequence here
                        if step >= line.following:
                            line.following = step + 1
                        return
        self._log_any(values, step)

    def _log_any(self, values: Mapping[str, Any], step: int | None) -> None:
        if not isinstance(values, Mapping):
            raise UsageError(f"log takes values by key, not {type(values).__name__}", 'Write nbtrack.log({"loss": 0.3}, step=1).')
        numbers: dict[str, float] = {}
        odd: dict[str, dict[str, str]] = {}
        for given, value in values.items():
            key = self._key(given)
            if type(value) is float:
                numbers[key] = value
                continue
            found = number(value)
            if type(found) is float:
                numbers[key] = found
            elif found is not None:
                odd[key] = {"exact": str(found)}
            else:
                text = self._session.secrets.value(key, as_text(value))
                odd[key] = {"text": text}
                self._mind(key, f"{key} = {text[:60]!r} is no number: kept as text")
        at = None if step is None else step_number(step)
        if step is not None and at is None:
            self._mind("step", f"step = {as_text(step)[:60]!r} is no whole number of 64 bits: the next one is taken")
        for chosen, keys in self._by_step((*numbers, *odd), at):
            floats = tuple(key for key in keys if key in numbers)
            if floats:
                self._points(self._line(floats, chosen), chosen, [numbers[key] for key in floats])
            rest = {key: odd[key] for key in keys if key in odd}
            if rest:
                self._line(tuple(rest), chosen)
                self._session.writer.append(Kind.VALUES, {"run": self.id, "step": chosen, "values": rest})

    def _by_step(self, keys: tuple[str, ...], step: int | None) -> list[tuple[int, tuple[str, ...]]]:
        """Group keys by the step they get."""
        if step is not None:
            return [(step, keys)]
        groups: dict[int, list[str]] = {}
        for key in keys:
            groups.setdefault(self._following(key), []).append(key)
        return [(chosen, tuple(group)) for chosen, group in groups.items()]

    def _following(self, key: str) -> int:
        """The next free step of a key: after the highest one that this handle logged, or that the store has of a joined run."""
        lines = self._lines_of.get(key)
        if lines:
            return max(line.following for line in lines)
        return 0 if self.owned else self._session.next_step(self.id, key)

    def _line(self, keys: tuple[str, ...], step: int) -> frames.Series:
        """The packed constants of these keys, and note of the step they are at."""
        line = self._lines.get(keys)
        if line is None:
            shared = [other for key in keys for other in self._lines_of.get(key, ())]
            line = self._lines[keys] = _Line(frames.series(self.id, keys), alone=not shared and self.owned)
            for other in shared:
                other.alone = False
            for key in keys:
                self._lines_of.setdefault(key, []).append(line)
        line.following = max(line.following, step + 1)
        return line.series

    def log_param(self, key: str, value: Any) -> None:
        """Keep one parameter; a later value of the same key replaces it."""
        self.log_params({key: value})

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Keep parameters; a value with no JSON form is kept as text, marked, and said once."""
        self.put_params(params, source="log_param")

    def put_params(self, params: Mapping[str, Any], *, source: str, confidence: float = 1.0) -> None:
        """Keep parameters with the source they were found in and a confidence between 0 and 1."""
        self._refuse_ended()
        if not isinstance(params, Mapping):
            raise UsageError(f"parameters come by key, not as {type(params).__name__}", 'Write nbtrack.log_params({"lr": 0.1}).')
        values: dict[str, Any] = {}
        marked: dict[str, str] = {}
        for given, value in params.items():
            key = self._key(given)
            kept, reason = plain(value)
            values[key] = self._session.secrets.value(key, kept)
            if reason:
                marked[key] = reason
                self._mind(key, f"{key}: {reason}, kept as text")
        if values:
            head = {"run": self.id, "source": source, "confidence": confidence, "execution": self._session.execution_id, "values": values}
            self._session.writer.append(Kind.PARAMS, {**head, "marked": marked} if marked else head)

    def set_tag(self, key: str, value: Any) -> None:
        """Set one tag; None removes it."""
        self.set_tags({key: value})

    def set_tags(self, tags: Mapping[str, Any]) -> None:
        """Set tags; values become text, None removes a tag. Allowed after the run's end, too."""
        if not isinstance(tags, Mapping):
            raise UsageError(f"tags come by key, not as {type(tags).__name__}", 'Write nbtrack.set_tags({"team": "x"}).')
        values: dict[str, Any] = {}
        for given, value in tags.items():
            key = self._key(given)
            values[key] = None if value is None else self._session.secrets.value(key, as_text(value))
        if values:
            self._session.writer.append(Kind.TAGS, {"run": self.id, "values": values})

    def note(self, text: str) -> None:
        """Add a remark in markdown. Allowed after the run's end, too. Raises ``UsageError`` when it is empty."""
        if not str(text).strip():
            raise UsageError("an empty note", "Write what is worth knowing of this run.")
        self._session.writer.append(
            Kind.NOTE, {"run": self.id, "text": self._session.secrets.text(as_text(text)), "author": self._session.user}
        )

    def log_artifact(self, obj_or_path: Any, name: str | None = None, *, kind: str | None = None) -> Artifact:
        """Keep a file, folder, bytes, text, dict, matplotlib or plotly figure, DataFrame or array with the run.

        Parameters
        ----------
        obj_or_path : a path that exists (folders with everything in them), or an object. Text that looks like a path must exist.
        name : how it is called in the run; a file's own name when None. The same name again keeps both, the newest first.
        kind : ``file``, ``folder``, ``text``, ``json``, ``figure``, ``table``, ``array``, ``image``, ``bytes`` when None.

        Raises ``UnknownArtifact`` for a missing file (with near names) and ``UsageError`` for an object that cannot be kept.
        """
        self._refuse_ended()
        from nbtrack.tracking.artifacts import keep_artifact  # not every kernel keeps artifacts

        return keep_artifact(self._session, self.id, obj_or_path, name, kind)

    # ------------------------------------------------------------------ life

    def finish(self, state: str = "finished") -> None:
        """End the run as ``finished``, ``failed`` or ``killed``; ending twice changes nothing."""
        if state not in END_STATES:
            raise UsageError(f"a run cannot end as {state!r}", f"It ends as {', '.join(END_STATES)}.")
        self.end(state)

    def end(self, state: str, *, error: tuple[str, str] | None = None, stopped: bool = True) -> None:
        """Write the end of the run, once; a joined run only lets go, its owner ends it."""
        if self.state == "running":
            self._session.close_run(self, state, error=error, stopped=stopped)

    def show_draft(self) -> None:
        """Make a hidden run a visible, numbered one."""
        if self.draft:
            self.draft = False
            self._session.writer.append(Kind.RUN_UPDATE, {"run": self.id, "shown": True})

    def __enter__(self) -> Run:
        self._refuse_ended()
        self.entered = True
        self._token = within.set(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._token is not None:
            try:
                within.reset(self._token)
            except ValueError:  # left in another context than entered, as a generator can
                within.set(None)
            self._token = None
        if kind is None:
            self.end("finished")
        else:
            self.end("failed", error=(kind.__name__, as_text(error)))

    # ------------------------------------------------------------------ what is known

    @property
    def name(self) -> str:
        """The given name, else ``<experiment>-<n>`` as the store numbered it (reads the store once)."""
        if self._name is None:
            record = self._session.find_record(self.id)
            if record is None or record.number is None:
                return self.id[-8:]
            self._name = record.name
        return self._name

    @property
    def params(self) -> dict[str, Any]:
        """Parameters as the store has them now."""
        record = self._session.find_record(self.id)
        return dict(record.params) if record else {}

    @property
    def metrics(self) -> dict[str, Any]:
        """Last value of every metric, as the store has them now."""
        record = self._session.find_record(self.id)
        return dict(record.metrics) if record else {}

    @property
    def tags(self) -> dict[str, str]:
        """Tags as the store has them now."""
        record = self._session.find_record(self.id)
        return dict(record.tags) if record else {}

    def __repr__(self) -> str:
        return f"<nbtrack run {self._name or self.id[-8:]} ({self.state})>"

    def _key(self, given: Any) -> str:
        if type(given) is str and given in self._lines_of:
            return given
        key, wrong = key_text(given)
        key = self._session.secrets.text(key)
        if wrong:
            self._mind(key, f"{wrong}: kept as {key!r}")
        return key

    def _mind(self, key: str, line: str) -> None:
        """Say once per key that something was kept differently; raise instead when the settings are strict."""
        if self._session.settings.log_strict:
            raise ValueRejected(line, "log.strict is on: nothing of this call was kept.")
        self._session.say(f"{self.id}/{key}", line)

    def _refuse_ended(self) -> None:
        if self.state != "running":
            raise UsageError(
                f"run {self._name or self.id[-8:]!r} has ended ({self.state}) and takes no more values",
                "Open a new one with nbtrack.run().",
            )
