"""The first story, by hand: a notebook in JupyterLab, cells run with Shift+Enter, and a store that holds every one of them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest

from nbtrack.config import store_for
from nbtrack.records import Execution
from nbtrack.store.connection import open_reader
from nbtrack.store.executions import list_executions
from nbtrack.store.ingest import ingest
from nbtrack.store.runs import get_run, list_runs

pytestmark = pytest.mark.browser

CELLS = {
    "load": "%load_ext nbtrack",
    "stdout": "print('a line on stdout')\n6 * 7",
    "image": "import matplotlib.pyplot as plt\n\nfigure, axis = plt.subplots(figsize=(4, 1.6))\naxis.plot([3, 1, 2])\nplt.show()",
    "baseline": '%%track baseline\nimport nbtrack\n\nnbtrack.log_params({"lr": 0.1, "depth": 3})\nfor epoch in range(20):\n'
    '    nbtrack.log({"loss": 1 / (epoch + 1), "val_acc": 0.9 - 0.3 / (epoch + 1)}, step=epoch)',
    "second": 'with nbtrack.run("deeper", params={"lr": 0.1, "depth": 5}) as run:\n    for epoch in range(20):\n'
    '        run.log({"loss": 0.8 / (epoch + 1), "val_acc": 0.93 - 0.3 / (epoch + 1)}, step=epoch)',
    "error": "rates = {'lr': 0.1}\nrates['momentum']",
    "after": "print('still here')",
    "where": "%track",
    "runs": "%track runs",
    "show": "%track show deeper",
}


@pytest.fixture
def notebook(lab: Any, request: pytest.FixtureRequest) -> Path:
    """The story as a notebook of this test alone: a notebook's kernel lives on in the server."""
    cells = [nbformat.v4.new_code_cell(source, id=name) for name, source in CELLS.items()]
    spec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    path = Path(lab.folder / request.node.name / "story.ipynb")
    path.parent.mkdir()
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": spec}), path)
    return path


def test_a_story_run_by_hand_is_recorded_completely(visit: Any, notebook: Path, pictures: Path) -> None:
    visit.open_notebook(f"{notebook.parent.name}/{notebook.name}")
    for index in range(len(CELLS)):
        visit.run_by_hand(index, index + 1)
    page = visit.page
    visit.cell(len(CELLS) - 1).locator(".jp-OutputArea-output").first.wait_for(timeout=30_000)
    for theme in ("JupyterLab Light", "JupyterLab Dark"):
        visit.choose_theme(theme)
        for part, index, block in (("top", 0, "start"), ("bottom", len(CELLS) - 1, "end")):
            visit.cell(index).evaluate("(node, block) => node.scrollIntoView({block})", block)
            page.wait_for_timeout(500)
            page.screenshot(path=str(pictures / f"story-{theme.split()[-1].lower()}-{part}.png"))
    page.evaluate("() => window.jupyterapp.commands.execute('docmanager:save')")

    executions = _read_executions(notebook)
    assert [one.source for one in executions] == list(CELLS.values())
    assert [one.cell_id for one in executions] == list(CELLS)
    assert [one.count for one in executions] == list(range(1, len(CELLS) + 1))
    assert {one.notebook for one in executions} == {str(notebook)}
    assert [one.status for one in executions] == ["error" if name == "error" else "ok" for name in CELLS]
    assert all(one.duration_ms is not None and one.started_at for one in executions)

    by_cell = {str(one.cell_id): one for one in executions}
    assert _outputs(by_cell["stdout"]) == [("stdout", "text/plain"), ("result", "text/plain")]
    assert by_cell["stdout"].outputs[0].text == "a line on stdout\n"
    assert by_cell["stdout"].outputs[1].text == "42"
    image = next(one for one in by_cell["image"].outputs if one.mime == "image/png")
    assert image.size_bytes > 1000
    assert image.sha256
    assert by_cell["error"].error_type == "KeyError"
    assert by_cell["error"].error_message == "'momentum'"
    assert any(one.kind == "error" for one in by_cell["error"].outputs)


def test_the_runs_of_the_story_are_there_with_every_point(visit: Any, notebook: Path) -> None:
    visit.open_notebook(f"{notebook.parent.name}/{notebook.name}")
    for count, name in enumerate(("load", "baseline", "second"), start=1):
        visit.run_by_hand(list(CELLS).index(name), count)
    location = store_for(notebook)
    ingest(location)
    with open_reader(location) as db:
        newest = list_runs(db, notebook=str(notebook), limit=2)
        runs = {run.name: get_run(db, run.id) for run in newest}
    assert set(runs) == {"baseline", "deeper"}
    assert runs["baseline"].origin == "magic"
    assert runs["baseline"].params == {"lr": 0.1, "depth": 3}
    assert runs["deeper"].params == {"lr": 0.1, "depth": 5}
    for run in runs.values():
        assert run.state == "finished"
        assert run.experiment == "story"
        assert run.summaries["loss"].count == 20
        assert [one.status for one in run.executions] == ["ok"]


def _read_executions(notebook: Path) -> list[Execution]:
    location = store_for(notebook)
    ingest(location)
    with open_reader(location) as db:
        return list(list_executions(db))


def _outputs(execution: Execution) -> list[tuple[str, str]]:
    return [(one.kind, one.mime) for one in execution.outputs]
