"""The session of one process: which store, which runs are open, and which run a value belongs to.

Everything goes down as journal frames through the writer; rooms above subscribe to runs being opened and closed.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from nbtrack import config
from nbtrack.config import Settings, StoreLocation
from nbtrack.errors import StoreError, UnknownRun, UsageError
from nbtrack.store.frames import Kind
from nbtrack.store.ids import boot_us, new_id, wall_ms
from nbtrack.store.writer import Writer
from nbtrack.tracking.cells import ExecutedCells
from nbtrack.tracking.environment import EnvironmentReader
from nbtrack.tracking.run import Run, within
from nbtrack.tracking.secrets import Secrets

if TYPE_CHECKING:
    import sqlite3

    from nbtrack.records import RunRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunEvent:
    """Told to subscribers: a run was ``opened`` or ``closed`` by this process."""

    kind: str
    run_id: str
    origin: str
    state: str


class _Cell:
    """The cell that is being executed: what it feeds."""

    def __init__(self, execution_id: str) -> None:
        self.execution_id = execution_id
        self.began = {"t": boot_us(), "wall": wall_ms()}
        self.run: Run | None = None  # opened by log() outside any explicit run; a draft as long as only params, tags ... came
        self.linked: set[str] = set()
        self.last_before: str | None = None  # the last run before this cell opened its own
        self.auto_before: Run | None = None


class Session:
    """One life of a kernel or script in one store."""

    def __init__(
        self,
        location: StoreLocation,
        settings: Settings,
        *,
        kind: str = "script",
        notebook: str | None = None,
        kernel_id: str | None = None,
    ) -> None:
        self.id = new_id()
        self.location = location
        self.settings = settings
        self.kind = kind
        self.notebook = notebook
        self.kernel_id = kernel_id
        self.user = config.user_name()
        self.secrets = Secrets(location, lambda: self.settings)
        self.writer = Writer(location, settings)
        self.cells = ExecutedCells()
        self._environment = EnvironmentReader()
        self._environment_id: str | None = None
        self._lock = threading.RLock()
        self._open: list[Run] = []
        self._cell: _Cell | None = None
        self._auto: Run | None = None  # the automatic run of a script, or the last one of a kernel
        self._joined: dict[str, Run] = {}
        self._last_id: str | None = None
        self._said: set[str] = set()
        self._subscribers: list[Callable[[RunEvent], None]] = []
        self._announced = False
        self._exported: dict[str, str | None] = {}
        self._pid = os.getpid()
        atexit.register(self._end_at_exit)

    # ------------------------------------------------------------------ the session itself

    @property
    def experiment(self) -> str:
        """The experiment that new runs belong to: the setting, else the notebook's file name, else ``default``."""
        return self.settings.run_experiment or (Path(self.notebook).stem if self.notebook else "default")

    @property
    def execution_id(self) -> str | None:
        """The execution of the cell that runs now, or None."""
        return self._cell.execution_id if self._cell else None

    def announce(self) -> None:
        """Tell the store what is known of this session now; done by itself before its first run or cell."""
        self._announced = True
        head = {
            "id": self.id,
            "kind": self.kind,
            "kernel": self.kernel_id,
            "notebook": self.notebook,
            "cwd": self.secrets.text(str(Path.cwd())),
            "user": self.user,
            "wall": wall_ms(),
        }
        self.writer.append(Kind.SESSION, head)

    def move_notebook(self, path: str | None) -> None:
        """Take note that the notebook is (now) at this path."""
        if path != self.notebook:
            self.notebook = path
            if self._announced:
                self.announce()

    def change_setting(self, key: str, value: Any) -> None:
        """Change one setting for this process; raises ``SettingError``."""
        self.settings = config.with_setting(self.settings, key, value)

    def subscribe(self, listener: Callable[[RunEvent], None]) -> None:
        """Call ``listener`` for every run opened or closed here."""
        self._subscribers.append(listener)

    def unsubscribe(self, listener: Callable[[RunEvent], None]) -> None:
        """Stop calling ``listener``."""
        if listener in self._subscribers:
            self._subscribers.remove(listener)

    def say(self, key: str, line: str) -> None:
        """Print one quiet line, once per key."""
        if key not in self._said:
            self._said.add(key)
            stream = sys.stdout if self.kind == "kernel" else sys.stderr
            try:
                print(f"nbtrack: {line}", file=stream)
            except (OSError, ValueError):  # closed or broken stream: nobody to tell
                pass

    # ------------------------------------------------------------------ cells

    def begin_execution(self, execution_id: str) -> None:
        """A cell begins: it feeds the explicit runs that are open."""
        if not self._announced:
            self.announce()
        self._cell = _Cell(execution_id)
        for run in self._open:
            self._link(run)

    def end_execution(self, error: tuple[str, str] | None = None) -> None:
        """The cell ended: runs that live no longer than it end, failed when it raised."""
        cell, self._cell = self._cell, None
        if cell is None:
            return
        state = "failed" if error else "finished"
        for run in [run for run in self._open if run.ends_with_cell]:
            run.end(state, error=error)
        if cell.run is not None:
            self._settle(cell, state, error)

    def _settle(self, cell: _Cell, state: str, error: tuple[str, str] | None) -> None:
        """End the cell's own run; one that got no metric gives what it holds to the last run, if there is one."""
        run, last = cell.run, cell.last_before
        assert run is not None
        if run.draft and last is not None:
            self.writer.append(Kind.RUN_UPDATE, {"run": run.id, "into": last})
            run.state = "finished"
            self._last_id, self._auto = last, cell.auto_before
            self.say(f"into:{run.id}", f"no metric in this cell: its values went to the last run ({last[-8:]})")
            return
        run.show_draft()
        self._write_end(run, state, error, stopped=True)

    def _link(self, run: Run) -> None:
        cell = self._cell
        if cell is not None and run.id not in cell.linked:
            cell.linked.add(run.id)
            self.writer.append(Kind.RUN_EXECUTION, {"run": run.id, "execution": cell.execution_id})

    # ------------------------------------------------------------------ runs

    def start_run(
        self,
        name: str | None = None,
        *,
        experiment: str | None = None,
        params: Mapping[str, Any] | None = None,
        tags: Mapping[str, Any] | None = None,
        note: str | None = None,
        parent: str | None = None,
        id: str | None = None,
        origin: str = "api",
        ends_with_cell: bool = False,
    ) -> Run:
        """Open a run, or join the one with this ``id``; see ``nbtrack.run``."""
        if id is not None:
            run = self.join_run(id)
        else:
            outer = within.get()
            if parent is not None:
                parent = self.find_run_id(parent)
            elif outer is not None and outer.state == "running":
                parent = outer.id
            else:
                parent = next((one.id for one in reversed(self._open) if one.origin == "magic"), None)
            run = self._open_run(name, experiment=experiment, parent=parent, origin=origin)
        run.ends_with_cell = ends_with_cell
        with self._lock:
            self._open.append(run)
        self._export()
        if params:
            run.put_params(params, source="run")
        if tags:
            run.set_tags(tags)
        if note:
            run.note(note)
        return run

    def join_run(self, run_id: str) -> Run:
        """Return a handle on a run that another process (or an earlier cell) opened; it is not ended from here."""
        found = run_id if _is_full_id(run_id) else self.find_run_id(run_id)
        known = self._joined.get(found)
        if known is None or known.state != "running":
            known = self._joined[found] = Run(self, found, name=None, origin="api", owned=False)
        self._announce_once()
        self._link(known)
        return known

    def _open_run(
        self, name: str | None, *, experiment: str | None = None, parent: str | None = None, origin: str, draft: bool = False
    ) -> Run:
        self._announce_once()
        name = self.secrets.text(name) if name else name
        run = Run(self, new_id(), name=name, origin=origin, owned=True, parent=parent, draft=draft)
        head = {
            "id": run.id,
            "name": name,
            "experiment": self.secrets.text(experiment or self.experiment),
            "notebook": self.notebook,
            "session": self.id,
            "execution": self.execution_id,
            "origin": origin,
            "parent": parent,
            "environment": self._note_environment(),
            "user": self.user,
            "wall": wall_ms(),
        }
        if origin == "auto" and self._cell is not None:
            head.update(self._cell.began)  # it is as old as the cell that made its first value
        self.writer.append(Kind.RUN, {**head, "draft": True} if draft else head)
        self._link(run)
        self._last_id = run.id
        self._tell("opened", run)
        return run

    def close_run(self, run: Run, state: str, *, error: tuple[str, str] | None, stopped: bool) -> None:
        """End a run for this process; called by the handle."""
        with self._lock:
            if run in self._open:
                self._open.remove(run)
        self._write_end(run, state, error, stopped)
        self._export()

    def _write_end(self, run: Run, state: str, error: tuple[str, str] | None, stopped: bool) -> None:
        run.state = state
        if run.owned and run._pid == os.getpid():
            head: dict[str, Any] = {"run": run.id, "state": state, "stopped": stopped}
            if error:
                kind, message = self.secrets.texts(error)
                head["error"] = {"type": kind, "message": message}
            self.writer.append(Kind.RUN_END, head)
        self._tell("closed", run)

    def stop_run(self, *, failed: bool = False) -> Run:
        """End the run that was opened last and lasts over cells; raises ``UsageError`` when none is open."""
        with self._lock:
            lasting = [run for run in self._open if not run.entered and not run.ends_with_cell]
        if not lasting:
            raise UsageError("no run is open, so there is nothing to stop", "%track start NAME opens one.")
        run = lasting[-1]
        run.end("failed" if failed else "finished")
        return run

    def active_run(self) -> Run | None:
        """The explicit run that takes values here and now: of this ``with`` block, else the one opened last, else the parent process's."""
        run = within.get()
        if run is not None and run.state == "running" and run._session is self:
            return run
        if self._open:
            return self._open[-1]
        inherited = config.inherited_run() if self.kind == "script" else None
        return self.join_run(inherited) if inherited and _is_full_id(inherited) else None

    def metric_run(self) -> Run:
        """The run that ``log`` feeds now: the explicit one, else a run of this cell, else of this process."""
        run = self.active_run()
        if run is None:
            run = self._cell_run()
            run.show_draft()
        return run

    def value_run(self) -> Run:
        """The run that params, tags, notes and artifacts go to now: the explicit one, else the one this cell feeds.

        A cell that fed none yet gets a draft: a metric in the same cell shows it, otherwise the end of the cell gives what it holds to
        the last run of this session.
        """
        return self.active_run() or self._cell_run(draft=True)

    def _cell_run(self, *, draft: bool = False) -> Run:
        if self._cell is not None:
            if self._cell.run is None:
                self._cell.last_before, self._cell.auto_before = self._last_id, self._auto
                self._cell.run = self._auto = self._open_run(None, origin="auto", draft=draft)
            return self._cell.run
        if self._auto is None:
            self._auto = self._open_run(None, origin="auto")
        elif self._auto.state != "running":
            self._auto.state = "running"  # a thread that outlives its cell goes on with that cell's run
        return self._auto

    # ------------------------------------------------------------------ reading

    def query(self, function: Callable[[sqlite3.Connection], T]) -> T:
        """Bring everything logged so far, here and by others, into the store, then read: people read what they wrote."""
        from nbtrack.store.connection import open_reader

        self.writer.flush(everyone=True)
        with open_reader(self.location) as db:
            return function(db)

    def find_run_id(self, ref: str) -> str:
        """Return the id behind a run reference; raises ``UnknownRun`` with near names."""
        from nbtrack.store import runs

        def resolve(db: sqlite3.Connection) -> tuple[str, str]:
            try:  # here first: the numbers of every experiment begin at 1
                return runs.resolve_run(db, ref, experiment=self.experiment)
            except UnknownRun:
                return runs.resolve_run(db, ref)

        found, said = self.query(resolve)
        if said:
            self.say(f"ref:{ref}", said)
        return found

    def find_record(self, run_id: str) -> RunRecord | None:
        """Return the record of a run, or None when the store does not have it (yet)."""
        from nbtrack.store import runs

        try:
            return self.query(lambda db: runs.get_run(db, run_id))
        except (UnknownRun, StoreError):
            return None

    def next_step(self, run_id: str, key: str) -> int:
        """The step after the last one that this or another process logged of a series."""
        record = self.find_record(run_id)
        summary = record.summaries.get(key) if record else None
        return summary.last_step + 1 if summary else 0

    @property
    def last_run_id(self) -> str | None:
        """The run opened last by this session."""
        return self._last_id

    # ------------------------------------------------------------------ inside

    def _announce_once(self) -> None:
        if not self._announced:
            self.announce()

    def _note_environment(self) -> str | None:
        if not self.settings.capture_environment:
            return None
        found, facts = self._environment.read(Path(self.notebook or Path.cwd()))
        if found != self._environment_id:
            self._environment_id = found
            self.writer.append(Kind.ENVIRONMENT, {"id": found, "facts": {**facts, "git": self.secrets.value("git", facts.get("git"))}})
        return found

    def _tell(self, kind: str, run: Run) -> None:
        for listener in tuple(self._subscribers):
            listener(RunEvent(kind, run.id, run.origin, run.state))

    def _export(self) -> None:
        """Let child processes find the store and the open run; put back what was there when none is open."""
        if os.getpid() != self._pid:
            return
        run = self._open[-1] if self._open else None
        wanted = {"NBTRACK_RUN": run.id, "NBTRACK_STORE": str(self.location.folder)} if run else {}
        for name in ("NBTRACK_RUN", "NBTRACK_STORE"):
            if name in wanted:
                self._exported.setdefault(name, os.environ.get(name))
                os.environ[name] = wanted[name]
            elif name in self._exported:
                before = self._exported.pop(name)
                if before is None:
                    os.environ.pop(name, None)
                else:
                    os.environ[name] = before

    def _end_at_exit(self) -> None:
        """End what is still open when the process ends in order; a forked child leaves its parent's runs alone."""
        if os.getpid() != self._pid:
            return
        crashed = sys.exc_info()[1] or (getattr(sys, "last_value", None) if self.kind == "script" else None)
        error = (type(crashed).__name__, str(crashed)) if crashed is not None else None
        for run in list(self._open):
            run.end("failed" if error else "finished", error=error, stopped=run.origin != "magic")
        if self._auto is not None and self._auto.state == "running":
            self._write_end(self._auto, "failed" if error else "finished", error, stopped=True)

    def close(self) -> None:
        """End the session: runs, journal, thread. The session can not be used afterwards."""
        atexit.unregister(self._end_at_exit)
        self._end_at_exit()
        self.writer.close()


def _is_full_id(text: str) -> bool:
    return len(text) == 32 and all(digit in "0123456789abcdef" for digit in text)


_current: Session | None = None
_opening = threading.Lock()


def current() -> Session:
    """Return the session of this process; a script gets one at its first use, for the store of its working directory."""
    return _current if _current is not None else open_session()


def open_session(
    path: str | Path | None = None, *, kind: str = "script", notebook: str | None = None, kernel_id: str | None = None
) -> Session:
    """Open the session of this process, or return the one that is open.

    ``path`` is where the store is looked for (the working directory when None).
    """
    global _current
    with _opening:
        if _current is None:
            location = config.store_for(path or Path.cwd())
            settings = config.load_settings(location.folder.parent)
            _current = Session(location, settings, kind=kind, notebook=notebook or settings.notebook_path or None, kernel_id=kernel_id)
            if location.said:
                _current.say("location", location.said)
        return _current


def close_session() -> None:
    """Close the session of this process, if one is open; the next use opens a new one."""
    global _current
    with _opening:
        session, _current = _current, None
    if session is not None:
        session.close()
