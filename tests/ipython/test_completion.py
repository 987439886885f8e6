"""Tab behind `%track`."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from IPython.core.interactiveshell import InteractiveShell

from nbtrack.tracking import session as sessions

from .conftest import Notebook

Press = Callable[[InteractiveShell, str], list[str]]


@pytest.fixture
def filled(notebook: Notebook) -> Notebook:
    """A notebook with two runs."""
    for name, loss in (("baseline", 0.5), ("deeper", 0.25)):
        with sessions.current().start_run(name, params={"depth": 3, "lr": 0.1}, tags={"team": "x"}) as run:
            run.log({"val_loss": loss, "acc": 1 - loss})
    sessions.current().writer.flush()
    return notebook


def test_verbs_are_completed(filled: Notebook, typed: Press) -> None:
    assert {"runs", "start", "show"} <= set(typed(filled.shell, "%track "))
    assert typed(filled.shell, "%track sho") == ["show"]
    assert "sql" not in typed(filled.shell, "%track ")


def test_runs_are_completed_by_name_and_by_what_is_best(filled: Notebook, typed: Press) -> None:
    assert {"baseline", "deeper", "last"} <= set(typed(filled.shell, "%track show "))
    assert typed(filled.shell, "%track show ba") == ["baseline"]
    assert typed(filled.shell, "%track compare baseline de") == ["deeper"]
    assert typed(filled.shell, "%track show best:val") == ["val_loss"]


def test_keys_are_completed(filled: Notebook, typed: Press) -> None:
    assert set(typed(filled.shell, "%track metric ")) >= {"acc", "val_loss"}
    assert set(typed(filled.shell, "%track param ")) >= {"depth=", "lr="}
    assert typed(filled.shell, "%track tag te") == ["team="]
    assert "metrics.val_loss" in typed(filled.shell, "%track runs --sort ")
    assert "params.lr" in typed(filled.shell, "%track runs --sort params")


def test_options_are_completed(filled: Notebook, typed: Press) -> None:
    assert "--sort" in typed(filled.shell, "%track runs --so")
    assert typed(filled.shell, "%%track deep --exp") == ["--experiment"]


def test_it_works_in_the_middle_of_a_cell(filled: Notebook, typed: Press) -> None:
    assert "deeper" in typed(filled.shell, "x = 1\n%track show dee")


def test_no_store_completes_nothing_and_says_nothing(notebook: Notebook, typed: Press, capsys: pytest.CaptureFixture[str]) -> None:
    import shutil

    sessions.current().writer.flush()
    shutil.rmtree(sessions.current().location.folder)
    capsys.readouterr()
    assert "baseline" not in typed(notebook.shell, "%track show ba")
    assert capsys.readouterr().out == ""
    notebook.shell.run_line_magic("unload_ext", "nbtrack")


def test_other_lines_are_completed_as_before(filled: Notebook, typed: Press) -> None:
    filled.run("baseline_value = 1")
    assert "baseline_value" in typed(filled.shell, "base")
