"""The hooks of one shell: IPython's pre_run_cell and post_run_cell in, plain cell events to the recorder out; and the switch on them.

Events nest (`%%capture`, ``get_ipython().run_cell``): only the outermost cell is recorded. Empty cells and the cell that loads us fire the
second event without the first. Cells outside the history (``store_history=False``) are not recorded.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.capture.cells import CellEnd, CellStart, ErrorText
from nbtrack.capture.errors import ErrorReader
from nbtrack.capture.guard import Guard
from nbtrack.capture.recorder import Recorder
from nbtrack.errors import UsageError
from nbtrack.ipython import cellmagic
from nbtrack.ipython.interrupts import HeldInterrupts
from nbtrack.ipython.taps import Taps
from nbtrack.tracking.session import Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

BEFORE_CELLS = 2_000  # of a kernel that worked for days before it loaded us, the last ones

_INTERRUPTS = (KeyboardInterrupt, asyncio.CancelledError)


@dataclass(frozen=True, slots=True)
class _Open:
    """A cell whose start we saw. ``info`` is IPython's own description of it: text and flags, no object of the user's."""

    info: Any
    source: str
    recorded: bool


class Hooks:
    """Everything of nbtrack that runs around the cells of one shell; also the switch that ``%track on``, ``off`` and ``pause`` turn."""

    def __init__(self, shell: InteractiveShell, session: Session) -> None:
        self._shell = shell
        self._session = session
        self._recorder = Recorder(session)
        self.guard = Guard(say, self.turn_off)
        self._taps = Taps(shell, self.guard)
        self._errors = ErrorReader(
            attempt=lambda function, *args: self.guard.attempt(function, *args, blame=False),
            internal=_own_folders(),
            name_file=self._name_file,
            text_chars=session.settings.capture_output_chars,
        )
        self._state = "off"
        self._open: list[_Open] = []
        self._thread = 0

    # ------------------------------------------------------------------ the switch

    @property
    def state(self) -> str:
        """``on``, ``paused`` or ``off``."""
        return self._state

    @property
    def problems(self) -> tuple[str, ...]:
        """What failed in the hooks lately, as text."""
        return tuple(self.guard.problems)

    def turn_on(self) -> None:
        """Record cells from now on, the one that runs included."""
        if self._state == "off":
            self._shell.events.register("pre_run_cell", self._on_start)
            self._shell.events.register("post_run_cell", self._on_end)
        if self._state != "on":
            self._state = "on"
            self.guard.forgive()
            self.guard.attempt(self._adopt_running_cell)

    def turn_off(self) -> None:
        """Remove every hook and wrap."""
        if self._state != "off":
            self._state = "off"
            self._shell.events.unregister("pre_run_cell", self._on_start)
            self._shell.events.unregister("post_run_cell", self._on_end)
            self._let_go()

    def pause(self) -> None:
        """Record nothing until it is turned on again; the hooks stay and return at once."""
        if self._state == "off":
            self.turn_on()
        self._state = "paused"
        self._let_go()

    def note_earlier_cells(self) -> None:
        """Record what the input history knows of the cells that ran before us."""
        sources = list(self._history())
        if self._find_running_cell() is not None:
            sources.pop()
        first = max(1, len(sources) - BEFORE_CELLS)
        cells = [CellStart(source, count=count) for count, source in enumerate(sources[first:], first) if source.strip()]
        self._recorder.note_before(cells)

    # ------------------------------------------------------------------ events of IPython

    def _on_start(self, info: Any) -> None:
        with HeldInterrupts():
            self.guard.attempt(self._start, info)

    def _on_end(self, result: Any) -> None:
        with HeldInterrupts():
            self.guard.attempt(self._end, result)

    def _start(self, info: Any) -> None:
        if self._state != "on":
            return
        if self._open:
            if threading.get_ident() != self._thread:
                return  # a subshell beside the cell that runs
            if self._depth() > 0:
                self._open.append(_Open(info, info.raw_cell, recorded=False))
                return
            self._let_go()  # the end of the cell before never came
        recorded = bool(info.store_history) and not info.silent
        self._thread = threading.get_ident()
        self._open.append(_Open(info, info.raw_cell, recorded))
        if recorded:
            self._record(info.raw_cell, info)
            line = cellmagic.find_line(info.raw_cell)
            if line is not None:
                self._start_run(line)

    def _end(self, result: Any) -> None:
        if not self._open or threading.get_ident() != self._thread:
            return
        at = len(self._open) - 1 if result is None else self._find(result.info)
        if at is None:
            return
        ended = self._open[at]
        del self._open[at:]
        if ended.recorded:
            self._taps.close()
            self._recorder.end_cell(self._read_end(result))

    def _find(self, info: Any) -> int | None:
        """Find the open cell that an end belongs to; None for an empty cell, whose start never came.

        After an interrupt IPython makes a new ``info`` for the same cell. A cell that we were loaded in, deep inside, has none.
        """
        places = range(len(self._open) - 1, -1, -1)
        found = next((at for at in places if self._open[at].info is info), None)
        if found is not None or not str(info.raw_cell).strip():
            return found
        found = next((at for at in places if self._open[at].source == info.raw_cell), None)
        return 0 if found is None and self._open[0].info is None and info.store_history else found

    def _read_end(self, result: Any) -> CellEnd:
        if result is None:  # an asynchronous cell that was cancelled
            return CellEnd("interrupted", ErrorText("KeyboardInterrupt", "", "KeyboardInterrupt"))
        before = result.error_before_exec is not None
        error = result.error_before_exec if before else result.error_in_exec
        if error is None:
            return CellEnd("ok")
        kind = type(error)
        status = "syntax_error" if before and issubclass(kind, SyntaxError) else "error"
        text = self.guard.attempt(self._errors.read, error) or ErrorText(kind.__name__, "", kind.__name__)
        return CellEnd("interrupted" if issubclass(kind, _INTERRUPTS) else status, text)

    # ------------------------------------------------------------------ inside

    def _record(self, source: str, info: Any) -> None:
        notebook = self._shell.user_ns.get("__vsc_ipynb_file__")
        if type(notebook) is str:
            self._session.move_notebook(notebook)
        cell_id = getattr(info, "cell_id", None) or self._parent_cell_id()
        cell = CellStart(source, count=self._shell.displayhook.prompt_count, cell_id=cell_id if type(cell_id) is str else None)
        outputs = self._recorder.start_cell(cell)
        if outputs is not None:
            self._taps.open(outputs)

    def _start_run(self, line: str) -> None:
        """Open the run of a `%%track` cell; a line in error replaced the cell by that error, and no run opens."""
        try:
            wanted = cellmagic.read_line(line)
        except UsageError:
            return
        self._session.start_run(
            wanted.name, experiment=wanted.experiment, tags=wanted.tags, note=wanted.note, origin="magic", ends_with_cell=True
        )

    def _adopt_running_cell(self) -> None:
        """Begin in the middle of a cell: the one that loads us, or that turns us on."""
        found = self._find_running_cell()
        if found is not None:
            info, source = found
            self._thread = threading.get_ident()
            self._open = [_Open(info, source, recorded=True)]
            self._record(source, info)

    def _find_running_cell(self) -> tuple[Any, str] | None:
        """Return the outermost cell that runs now, if it is one of the history: IPython's description (None: not known) and source."""
        depth = self._depth()
        running = self._shell.displayhook.exec_result
        if depth == 1 and running is not None:
            return (running.info, running.info.raw_cell) if running.info.store_history else None
        sources = self._history()
        if depth > 1 and len(sources) == self._shell.displayhook.prompt_count + 1:
            return None, sources[-1]
        return None

    def _let_go(self) -> None:
        """Stop in the middle of a cell: how it ends is not known."""
        self._taps.close()
        self._open.clear()
        self._recorder.end_cell(CellEnd("unknown"))

    def _history(self) -> list[str]:
        """The sources of this session's cells; the first stands for no cell."""
        history = self._shell.history_manager
        return history.input_hist_raw if history is not None else []

    def _depth(self) -> int:
        """How many cells run inside each other now."""
        level: int = self._shell.display_trap._nested_level
        return level

    def _parent_cell_id(self) -> Any:
        """The cell's id as the front end sent it: kernels older than the event's own field."""
        get_parent = getattr(self._shell, "get_parent", None)
        parent = get_parent() if get_parent is not None else None
        metadata = parent.get("metadata") if type(parent) is dict else None
        return metadata.get("cellId") if type(metadata) is dict else None

    def _name_file(self, filename: str) -> str | None:
        named = self._shell.compile.format_code_name(filename)
        return " ".join(named) if named else None


def say(line: str) -> None:
    """Print one quiet line below the cell."""
    sys.stdout.write(f"nbtrack: {line}\n")
    sys.stdout.flush()


def _own_folders() -> tuple[str, ...]:
    """The folders whose frames tell the user nothing: IPython's machinery around their code, and this room."""
    loaded = (sys.modules.get(name) for name in ("IPython", "ipykernel", "nbtrack.ipython"))
    return tuple(str(Path(module.__file__).parent) for module in loaded if module is not None and module.__file__)
