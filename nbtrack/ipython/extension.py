"""`%load_ext nbtrack` and `%unload_ext nbtrack`: session, hooks, magics, transformer and completion are put on a shell, and taken off."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from nbtrack import config
from nbtrack.errors import NbtrackError
from nbtrack.ipython import cellmagic, magic
from nbtrack.ipython.completion import Completion
from nbtrack.ipython.hooks import Hooks, say
from nbtrack.tracking import session as sessions
from nbtrack.tracking.session import RunEvent, Session

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbtrack.notebooks.boundary import Boundary


class Extension:
    """What stands on one shell between load and unload."""

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._hooks: Hooks | None = None
        self._completion: Completion | None = None
        self._session: Session | None = None
        self._boundary: Boundary | None = None
        self._before: dict[str, Any] = {}

    def load(self) -> None:
        """Put everything on, and say in one line where it records; settings that cannot be read are said instead, and nothing records."""
        try:
            session = _open_session(self._shell)
        except NbtrackError as error:
            say(f"not recording: {error.message} {error.hint}")
            self._add_magics()
            return
        hooks = self._hooks = Hooks(self._shell, session)
        self._add_magics()
        self._shell.input_transformers_cleanup.append(cellmagic.transform)
        self._completion = Completion(self._shell, hooks.guard)
        self._completion.add()
        self._session = session
        session.subscribe(self._at_boundary)
        if not session.settings.capture_cells:
            say(f"cells are not recorded (capture.cells is off); runs go into {_place(session)}")
            return
        session.announce()
        hooks.guard.attempt(hooks.note_earlier_cells)
        hooks.turn_on()
        what = "notebook" if session.kind == "kernel" else "session"
        sys.stdout.write(f"nbtrack records this {what} into {_place(session)} (%track says more)\n")

    def unload(self) -> None:
        """Take everything off and close the session."""
        if self._hooks is not None:
            self._hooks.turn_off()
        if self._completion is not None:
            self._completion.remove()
        if self._session is not None:
            self._session.unsubscribe(self._at_boundary)
        transformers = self._shell.input_transformers_cleanup
        if cellmagic.transform in transformers:
            transformers.remove(cellmagic.transform)
        self._remove_magics()
        sessions.close_session()

    def _at_boundary(self, event: RunEvent) -> None:
        """Take a checkpoint where a run begins or ends."""
        if self._hooks is not None:
            self._hooks.guard.attempt(self._take_checkpoint, event)

    def _take_checkpoint(self, event: RunEvent) -> None:
        if self._boundary is None and self._session is not None:
            from nbtrack.notebooks.boundary import Boundary  # 25 ms of imports that wait for the first run

            self._boundary = Boundary(self._session)
        if self._boundary is not None:
            self._boundary.note(event)

    def _add_magics(self) -> None:
        magics = self._shell.magics_manager.magics
        self._before = {kind: magics[kind].get(magic.NAME) for kind in ("line", "cell")}
        self._shell.register_magic_function(magic.make_line_magic(self._shell, self._hooks), "line", magic.NAME)  # type: ignore[arg-type]
        self._shell.register_magic_function(magic.refuse_cell, "cell", magic.NAME)  # type: ignore[arg-type]

    def _remove_magics(self) -> None:
        manager = self._shell.magics_manager
        for kind, before in self._before.items():
            if before is None:
                manager.magics[kind].pop(magic.NAME, None)
            else:
                manager.magics[kind][magic.NAME] = before
        vars(manager.user_magics).pop(magic.NAME, None)


_loaded: WeakKeyDictionary[Any, Extension] = WeakKeyDictionary()


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Begin to record this shell; a second load changes nothing."""
    if shell not in _loaded:
        extension = _loaded[shell] = Extension(shell)
        extension.load()


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Stop recording and leave no trace on the shell."""
    extension = _loaded.pop(shell, None)
    if extension is not None:
        extension.unload()


def _open_session(shell: InteractiveShell) -> Session:
    """Open the session of this kernel, or make the one that a call before the load opened a kernel's."""
    kernel = getattr(shell, "kernel", None)
    kind = "shell" if kernel is None else "kernel"
    notebook = config.session_notebook()
    session = sessions.open_session(kind=kind, notebook=str(notebook) if notebook else None, kernel_id=_kernel_id())
    if session.kind != kind:
        session.kind, session.kernel_id = kind, _kernel_id()
        session.move_notebook(str(notebook) if notebook else session.notebook)
    return session


def _kernel_id() -> str | None:
    """The id that Jupyter gave this kernel: the middle of its connection file's name."""
    apps = sys.modules.get("ipykernel.kernelapp")
    if apps is None or not apps.IPKernelApp.initialized():
        return None
    name = Path(apps.IPKernelApp.instance().connection_file).stem
    return name.removeprefix("kernel-") or None


def _place(session: Session) -> str:
    """The store's folder as seen from here."""
    folder = session.location.folder
    try:
        near = os.path.relpath(folder)
    except ValueError:  # another drive
        return str(folder)
    return str(folder) if near.count("..") > 2 else near
