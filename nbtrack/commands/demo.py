"""``nbtrack demo``: the demo notebooks of this installation in; executed copies in a folder, with a store of their own, out.

They run in real kernels of this Python, whatever kernelspecs the machine has.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nbtrack.commands.door import Door
from nbtrack.commands.grammar import SHELL, verb
from nbtrack.commands.runs import list_runs, near_path
from nbtrack.config import STORE_FOLDER, load_settings, open_location, store_for
from nbtrack.errors import NbtrackError
from nbtrack.store.ingest import ingest
from nbtrack.tracking.session import Session
from nbtrack.views.message import Message
from nbtrack.views.stack import Stack
from nbtrack.views.view import Verbatim, View

if TYPE_CHECKING:
    from jupyter_client.kernelspec import KernelSpecManager
    from nbformat import NotebookNode

SECTION = "nbtrack itself"
DEFAULT_FOLDER = "nbtrack-demo"
CELL_TIMEOUT_S = 300
_NEEDED = {"sklearn": "scikit-learn", "matplotlib": "matplotlib"}
_MARK = "nbtrack_demo"

Tick = Callable[[int], None]
Progress = Callable[[str, int], AbstractContextManager[Tick]]


@verb(
    "demo",
    "Run the demo notebooks in a folder of their own and show what was recorded",
    usage="[DIR] [--force]",
    section=SECTION,
    example="demo",
    doors=SHELL,
)
@click.argument("folder", default=DEFAULT_FOLDER, metavar="[DIR]")
@click.option("--force", is_flag=True, help="replace demo notebooks that were edited")
def demo(door: Door, folder: str, force: bool) -> View:
    """Run the demo, then show the runs and what to type next."""
    place = Path(folder).expanduser().absolute()
    failures = run_demo(place, force=force, progress=_show_progress)
    more = "Its cells up to there are recorded; the other notebooks ran."
    told = tuple(Message(f"{one.notebook}: {one.what}", more, "worse") for one in failures)
    return Stack((*told, *_runs_of(place, door), _what_next(place)), ended_badly=bool(failures))


@dataclass(frozen=True, slots=True)
class Failure:
    """A notebook that did not run to its end, and where it stopped."""

    notebook: str
    what: str


def run_demo(folder: Path, *, force: bool = False, progress: Progress) -> tuple[Failure, ...]:
    """Copy the demo notebooks into a folder, execute them there, and write them back with their outputs.

    A cell that fails ends its notebook, not the demo. Raises ``NbtrackError`` before anything is written when a library is missing, the
    folder cannot be used, or it holds demo notebooks that a person edited (``force`` replaces them).
    """
    _refuse_without_libraries()
    shipped = _shipped_notebooks()
    _refuse_edited(folder, shipped, force=force)
    _put_copies(folder, shipped)
    failures = []
    for source in shipped:
        what = _execute(folder / source.name, folder / STORE_FOLDER, progress)
        if what:
            failures.append(Failure(source.name, what))
    return tuple(failures)


@contextmanager
def _show_progress(name: str, cells: int) -> Iterator[Tick]:
    """One line a notebook: a bar that moves in a terminal, the name elsewhere."""
    reached = [0]

    def where(_: object) -> str:
        return f"cell {reached[0]} of {cells}"

    with click.progressbar(
        length=cells,
        label=f"{name:<18}",
        show_percent=False,
        show_eta=False,
        item_show_func=where,
        bar_template="%(label)s [%(bar)s] %(info)s",
    ) as bar:

        def tick(count: int) -> None:
            steps, reached[0] = count - reached[0], count
            bar.update(steps, count)

        yield tick


def _runs_of(folder: Path, door: Door) -> list[View]:
    """The tables of ``nbtrack runs`` for the demo's own store, one a notebook."""
    location = open_location(folder / STORE_FOLDER)
    ingest(location)  # what a kernel left that did not end in order
    session = Session(location, load_settings(folder), kind="shell")
    there = replace(door, get_session=lambda: session)
    tables: list[View] = []
    try:
        for source in _shipped_notebooks():
            with list_runs.make_context("runs", ["--experiment", source.stem], obj=there) as context:
                tables.append(list_runs.invoke(context))
    finally:
        session.close()
    return tables


def _what_next(folder: Path) -> View:
    """Three lines that can be typed as they stand, also when the environment is not activated."""
    near = near_path(folder)
    lines = [
        (f"cd {shlex.quote(near)}", "here the runs are"),
        (f"{_program('nbtrack', folder)} show best:val_accuracy", "one run in full: curves, parameters, cells, files"),
        (f"{_program('jupyter', folder)} lab digits.ipynb", "as it ran; change a number and run it again"),
    ]
    if importlib.util.find_spec("jupyterlab") is None:
        lines[2] = (f"{_program('pip', folder)} install jupyterlab", "to open the notebooks, which are there with their outputs")
    if store_for(folder).folder != folder / STORE_FOLDER:
        lines[0] = (f"unset NBTRACK_STORE; {lines[0][0]}", "it names another store than the demo's")
    width = max(len(command) for command, _ in lines)
    return Verbatim("What to type next:\n" + "\n".join(f"  {command:<{width}}   {words}" for command, words in lines))


def _program(name: str, folder: Path) -> str:
    """How a program of this environment is called from a folder: by its name where PATH leads to it, else by its path."""
    here = Path(sys.executable).parent / name
    found = shutil.which(name)
    if not here.exists() or (found is not None and Path(found).parent.resolve() == here.parent.resolve()):
        return name
    return shlex.quote(min(os.path.relpath(here, folder), str(here), key=len))


def _refuse_without_libraries() -> None:
    missing = [distribution for module, distribution in _NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise NbtrackError(f"the demo needs {' and '.join(missing)}, which this Python does not have", 'pip install "nbtrack[demo]"')


def _shipped_notebooks() -> list[Path]:
    """Find the notebooks of this installation: in the package when it came as a wheel, beside it in a source tree."""
    package = Path(__file__).resolve().parent.parent
    for place in (package / "demo_notebooks", package.parent / "demo_notebooks"):
        found = sorted(place.glob("*.ipynb"))
        if found:
            return found
    raise NbtrackError(f"this installation has no demo notebooks in {package}", "Reinstall it: pip install --force-reinstall nbtrack")


def _refuse_edited(folder: Path, shipped: Sequence[Path], *, force: bool) -> None:
    """Raise unless every notebook that would be replaced is as the demo left it."""
    if folder.exists() and not folder.is_dir():
        raise NbtrackError(f"{folder} is a file, the demo needs a folder", "Name another one: nbtrack demo FOLDER")
    if force:
        return
    for source in shipped:
        target = folder / source.name
        if target.exists() and not _is_untouched(target):
            raise NbtrackError(
                f"{target} was edited since the demo wrote it, or never came from it; nothing was changed",
                "Name another folder, or replace it: nbtrack demo FOLDER --force",
            )


def _is_untouched(path: Path) -> bool:
    try:
        document = json.loads(path.read_text("utf-8"))
        return bool(document["metadata"][_MARK] == _fingerprint(document["cells"]))
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _fingerprint(cells: Sequence[Any]) -> str:
    """Hash what a person can edit: kinds and sources of the cells, not outputs and counts."""
    told = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _put_copies(folder: Path, shipped: Sequence[Path]) -> None:
    """Write fresh copies of all notebooks; when one cannot be written, take back what this call made."""
    import nbformat

    made = next((place for place in (*reversed(folder.parents), folder) if not place.exists()), None)
    written: list[Path] = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for source in shipped:
            notebook = nbformat.read(source, as_version=4)
            notebook.metadata[_MARK] = _fingerprint(notebook.cells)
            target = folder / source.name
            is_new = not target.exists()
            _write(target, notebook)
            if is_new:
                written.append(target)
        (folder / STORE_FOLDER).mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        for path in written:
            path.unlink(missing_ok=True)
        _remove_empty(folder, made)
        raise NbtrackError(f"{folder} cannot be written: {error.strerror or error}", "Name another folder: nbtrack demo FOLDER") from error


def _remove_empty(folder: Path, made: Path | None) -> None:
    """Remove the folders that were made for the demo, from the inside out."""
    if made is None:
        return
    for place in (folder, *folder.parents):
        try:
            place.rmdir()
        except OSError:
            return
        if place == made:
            return


def _write(path: Path, notebook: NotebookNode) -> None:
    """Replace a notebook in one step, so that nobody ever reads half of it."""
    import nbformat

    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".ipynb")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            nbformat.write(notebook, file)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _execute(path: Path, store: Path, progress: Progress) -> str:
    """Run one notebook in a kernel of its own and write it back; return what stopped it, or nothing."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, DeadKernelError

    notebook = nbformat.read(path, as_version=4)
    code = [index for index, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.source.strip()]
    reached = {"cell": code[0] if code else 0}
    with progress(path.name, len(code)) as tick:
        client = NotebookClient(
            notebook,
            km=_kernel_manager(path, store),
            timeout=CELL_TIMEOUT_S,
            on_cell_execute=lambda cell, cell_index: reached.update(cell=cell_index),
            on_cell_executed=lambda cell, cell_index, execute_reply: tick(code.index(cell_index) + 1),
        )
        what = ""
        try:
            client.execute(cwd=str(path.parent), cleanup_kc=True)
        except (CellControlSignal, DeadKernelError, RuntimeError) as error:
            name, value = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", str(error))
            first_line = str(value).strip().partition("\n")[0]
            what = f"cell {code.index(reached['cell']) + 1} of {len(code)} failed: {name}: {first_line}"
    _write(path, notebook)
    _trust(path)
    return what


def _trust(path: Path) -> None:
    """Sign what was executed here, as Jupyter does when it saves: unsigned outputs lose their style sheets and drawings."""
    import nbformat
    from nbformat.sign import NotebookNotary

    try:
        NotebookNotary().sign(nbformat.read(path, as_version=4))
    except OSError:  # no place for signatures: the tables open plain, and running a cell again styles it
        return


def _kernel_manager(path: Path, store: Path) -> Any:
    """Prepare a kernel of this Python that records into the given store and knows its notebook."""
    from jupyter_client.manager import AsyncKernelManager

    environment = {
        "NBTRACK_STORE": str(store),
        "NBTRACK_RUN": "",  # a demo started from a cell with an open run is not part of it
        "JPY_SESSION_NAME": str(path),
        "MPLBACKEND": "",  # the kernel then shows figures inline
    }
    return AsyncKernelManager(kernel_name="python3", kernel_spec_manager=_this_python(environment))


def _this_python(environment: dict[str, str]) -> KernelSpecManager:
    """Offer one kernelspec: this Python. One named python3 in a user's folder may belong to another environment."""
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager

    escaped = {name: value.replace("$", "$$") for name, value in environment.items()}
    spec = KernelSpec(
        argv=[sys.executable, "-m", "ipykernel_launcher", "--log-level=ERROR", "-f", "{connection_file}"],
        name="python3",
        display_name="Python 3 (ipykernel)",
        language="python",
        env=escaped,
    )

    class ThisPython(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            return spec

    return ThisPython()


VERBS = (demo,)
