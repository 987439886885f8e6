"""``nbtrack demo`` from the shell: real kernels, real notebooks, one store; and what it refuses."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from nbtrack.commands import demo
from nbtrack.commands.demo import Failure
from nbtrack.config import open_location
from nbtrack.errors import NbtrackError
from nbtrack.store.connection import open_reader
from nbtrack.store.executions import list_executions
from nbtrack.store.runs import list_runs

ROOT = Path(__file__).resolve().parent.parent.parent
SHIPPED = sorted((ROOT / "demo_notebooks").glob("*.ipynb"))
PROGRAM = "import sys; sys.path.insert(0, {root!r}); from nbtrack.cli import main; sys.exit(main())"
WITHOUT = "import sys; sys.modules['matplotlib'] = None; "
RAISES = "raises-exception"


def _type(arguments: Sequence[str], *, before: str = "", cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    code = before + PROGRAM.format(root=str(ROOT))
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True, timeout=280, cwd=cwd)


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """Run the whole demo once; the tests below look at what it left."""
    folder = tmp_path_factory.mktemp("demo") / "shown here"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(ROOT))
        patch.setenv("NBTRACK_RUN", "0" * 32)  # a demo started from a cell is not part of that cell's run
        patch.setenv("MPLBACKEND", "Agg")
        patch.setenv("JUPYTER_DATA_DIR", str(folder.parent / "jupyter"))
        return folder, _type(["demo", str(folder)])


def test_the_demo_ends_well_and_says_what_to_type_next(shown: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    _, done = shown
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    for source in SHIPPED:
        assert source.name in done.stdout
    assert "nbtrack show" in done.stdout


def test_the_demo_leaves_at_least_eight_runs_of_all_kinds_with_curves(shown: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = shown
    assert done.returncode == 0, done.stdout + done.stderr
    with open_reader(open_location(folder / ".nbtrack")) as db:
        runs = list_runs(db)
    assert len(runs) >= 8
    assert {run.experiment for run in runs} == {source.stem for source in SHIPPED}
    assert {run.origin for run in runs} >= {"api", "magic"}
    assert {run.state for run in runs} == {"finished", "failed"}
    assert sum(run.state == "failed" for run in runs) == 1, "only the one that is meant to"
    assert any(run.parent_id for run in runs)
    assert max(summary.count for run in runs for summary in run.summaries.values()) >= 30
    assert {Path(str(run.notebook)).name for run in runs} == {source.name for source in SHIPPED}


def test_every_code_cell_of_the_demo_is_in_its_store(shown: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, done = shown
    assert done.returncode == 0, done.stdout + done.stderr
    with open_reader(open_location(folder / ".nbtrack")) as db:
        executions = list_executions(db)
    for source in SHIPPED:
        cells = [cell for cell in nbformat.read(source, 4).cells if cell.cell_type == "code"]
        mine = sorted((one for one in executions if one.notebook and Path(one.notebook).name == source.name), key=lambda one: one.seq)
        assert [one.source for one in mine] == [cell.source for cell in cells]
        wrong = [one.source for one in mine if one.status != "ok"]
        assert wrong == [cell.source for cell in cells if RAISES in cell.metadata.get("tags", [])]


def test_the_notebooks_open_with_their_outputs(shown: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = shown
    for source in SHIPPED:
        notebook = nbformat.read(folder / source.name, 4)
        nbformat.validate(notebook)
        code = [cell for cell in notebook.cells if cell.cell_type == "code"]
        assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
        assert any("image/png" in output.get("data", {}) for cell in code for output in cell.outputs)
        errors = [cell.id for cell in code for output in cell.outputs if output.output_type == "error"]
        assert errors == [cell.id for cell in code if RAISES in cell.metadata.get("tags", [])]
        assert NotebookNotary(data_dir=str(folder.parent / "jupyter")).check_signature(notebook), "it opens trusted, with its styles"


def test_edited_notebooks_are_not_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    path = folder / SHIPPED[0].name
    notebook = nbformat.read(SHIPPED[0], 4)
    notebook.cells[0].source += "\nmy own words"
    nbformat.write(notebook, path)
    before = path.read_bytes()
    done = _type(["demo", str(folder)])
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 2
    assert path.name in done.stderr
    assert "--force" in done.stderr
    assert path.read_bytes() == before
    assert list(folder.iterdir()) == [path], "nothing else was written"


def test_a_missing_library_is_named_with_the_extra_that_brings_it(tmp_path: Path) -> None:
    done = _type(["demo", str(tmp_path / "new")], before=WITHOUT)
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 2
    assert "matplotlib" in done.stderr
    assert 'pip install "nbtrack[demo]"' in done.stderr
    assert not (tmp_path / "new").exists()


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "taken"
    path.write_text("mine", "utf-8")
    done = _type(["demo", str(path)])
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 2
    assert path.read_text("utf-8") == "mine"


def test_a_folder_that_cannot_be_made_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "file").write_text("", "utf-8")
    done = _type(["demo", str(folder / "file" / "below")])
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 2
    assert sorted(one.name for one in folder.iterdir()) == ["file"]


def test_the_shipped_notebooks_are_stored_clean() -> None:
    assert len(SHIPPED) >= 2
    for source in SHIPPED:
        document = json.loads(source.read_text("utf-8"))
        assert (document["nbformat"], document["nbformat_minor"]) == (4, 5)
        ids = [cell["id"] for cell in document["cells"]]
        assert len(ids) == len(set(ids))
        code = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
        assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code)
        nbformat.validate(nbformat.read(source, 4))


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[Failure, ...]]:
    """Run the demo with small notebooks in the place of the shipped ones: name -> sources of the code cells."""
    shipped = tmp_path / "shipped"
    shipped.mkdir()
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))

    def run(notebooks: dict[str, list[str]], *, force: bool = False) -> tuple[Failure, ...]:
        for name, sources in notebooks.items():
            nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources]), shipped / name)
        monkeypatch.setattr(demo, "_shipped_notebooks", lambda: sorted(shipped.glob("*.ipynb")))
        return demo.run_demo(tmp_path / "here", force=force, progress=lambda name, cells: nullcontext(lambda count: None))

    return run


def _code(path: Path) -> list[nbformat.NotebookNode]:
    return [cell for cell in nbformat.read(path, 4).cells if cell.cell_type == "code"]


def test_a_cell_that_fails_is_named_and_the_other_notebooks_still_run(small: Callable[..., tuple[Failure, ...]], tmp_path: Path) -> None:
    failures = small({"a.ipynb": ["1 + 1", "1 / 0", "print('never')"], "b.ipynb": ["print('still')"]})
    assert failures == (Failure("a.ipynb", "cell 2 of 3 failed: ZeroDivisionError: division by zero"),)
    counts = [cell.execution_count for cell in _code(tmp_path / "here" / "a.ipynb")]
    assert counts == [1, 2, None], "what ran before is kept with its outputs"
    assert _code(tmp_path / "here" / "b.ipynb")[0].outputs[0].text == "still\n"


def test_a_kernel_that_dies_is_told(small: Callable[..., tuple[Failure, ...]]) -> None:
    (failure,) = small({"a.ipynb": ["import os; os._exit(1)"]})
    assert failure.what.startswith("cell 1 of 1 failed: DeadKernelError")


def test_the_demo_runs_in_this_python_whatever_kernelspec_is_named_python3(
    small: Callable[..., tuple[Failure, ...]], tmp_path: Path
) -> None:
    spec = tmp_path / "jupyter" / "kernels" / "python3" / "kernel.json"
    spec.parent.mkdir(parents=True)
    spec.write_text('{"argv": ["another-python", "{connection_file}"], "display_name": "x", "language": "python"}', "utf-8")
    source = "import os, sys; print(sys.executable, os.environ['JPY_SESSION_NAME'], os.environ['NBTRACK_STORE'])"
    assert small({"a $b.ipynb": [source]}) == ()
    here = tmp_path / "here"
    assert _code(here / "a $b.ipynb")[0].outputs[0].text == f"{sys.executable} {here / 'a $b.ipynb'} {here / '.nbtrack'}\n"


def test_a_second_demo_replaces_what_nobody_edited_and_force_what_somebody_did(
    small: Callable[..., tuple[Failure, ...]], tmp_path: Path
) -> None:
    path = tmp_path / "here" / "a.ipynb"
    small({"a.ipynb": ["print(1)"]})
    assert small({"a.ipynb": ["print(2)"]}) == (), "a newer nbtrack may ship another text"
    assert _code(path)[0].outputs[0].text == "2\n"
    edited = nbformat.read(path, 4)
    edited.cells[0].source = "print(3)"
    nbformat.write(edited, path)
    with pytest.raises(NbtrackError, match="was edited since"):
        small({})
    assert small({}, force=True) == ()
    assert _code(path)[0].outputs[0].text == "2\n"
