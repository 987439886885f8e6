"""``diff``: two files in; text in the shell, a view in the notebook, or one HTML file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.errors import BadNotebook, NbtrackError, UnknownCheckpoint
from nbtrack.tracking import session
from nbtrack.widgets.comparison import Comparison


@pytest.fixture
def two(project: Path) -> None:
    for name, rate, words in (("old.ipynb", 0.1, "loss 0.5\n"), ("new one.ipynb", 0.2, "loss 0.4\n")):
        output = {"output_type": "stream", "name": "stdout", "text": words}
        cell = {"cell_type": "code", "execution_count": 1, "metadata": {}, "outputs": [output], "source": f"lr = {rate}"}
        (project / name).write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}))


def test_the_shell_prints_the_difference(two: None, type_words: Callable[..., Any]) -> None:
    text = type_words("diff", "old.ipynb", "new one.ipynb").to_text(80)
    assert text.startswith("old.ipynb → new one.ipynb\n1 edited")
    assert "    - lr = 0.1\n    + lr = 0.2" in text
    assert "loss 0.4" in text
    assert "loss 0.4" not in type_words("diff", "old.ipynb", "new one.ipynb", "--no-outputs").to_text(80)


def test_the_notebook_gets_a_view_with_html(two: None, track: Callable[[str], Any]) -> None:
    view = track('diff old.ipynb "new one.ipynb"')
    assert isinstance(view, Comparison)
    bundle = view._repr_mimebundle_()
    assert "<script" not in bundle["text/html"]
    assert "1 edited" in bundle["text/plain"]


def test_one_html_file_is_written(two: None, project: Path, type_words: Callable[..., Any]) -> None:
    message = type_words("diff", "old.ipynb", "new one.ipynb", "--html", "diff.html")
    assert message.text == "written to diff.html: 1 edited: [1] lr 0.1 → 0.2 · 0 unchanged"
    assert (project / "diff.html").read_text("utf-8").startswith("<!doctype html>")
    with pytest.raises(NbtrackError, match="cannot be written"):
        type_words("diff", "old.ipynb", "new one.ipynb", "--html", "nowhere/diff.html")


def test_files_of_one_name_are_told_apart_by_their_folders(two: None, project: Path, type_words: Callable[..., Any]) -> None:
    (project / "copy").mkdir()
    (project / "copy" / "old.ipynb").write_text((project / "old.ipynb").read_text())
    assert type_words("diff", "copy/old.ipynb", "old.ipynb").to_text(80) == "copy/old.ipynb → old.ipynb\nNo change."


def test_what_cannot_be_compared_is_an_error_of_two_lines(two: None, project: Path, type_words: Callable[..., Any]) -> None:
    with pytest.raises(BadNotebook, match="Did you mean 'old"):
        type_words("diff", "odl.ipynb", "old.ipynb")
    (project / "broken.ipynb").write_text('{"cells": [')
    with pytest.raises(BadNotebook, match="it ends in the middle"):
        type_words("diff", "broken.ipynb", "old.ipynb")
    with pytest.raises(UnknownCheckpoint, match="first checkpoint appears"):
        type_words("diff", "old.ipynb")


def test_comparing_files_makes_no_store(two: None, project: Path, type_words: Callable[..., Any]) -> None:
    before = sorted((project / ".nbtrack").rglob("*"))
    type_words("diff", "old.ipynb", "new one.ipynb")
    assert sorted((project / ".nbtrack").rglob("*")) == before


def test_the_notebook_compares_with_its_last_checkpoint(two: None, project: Path, track: Callable[[str], Any]) -> None:
    (project / "churn.ipynb").write_text((project / "old.ipynb").read_text())
    nbtrack.checkpoint("one")
    (project / "churn.ipynb").write_text((project / "new one.ipynb").read_text())
    for line in ("diff", "diff last", "diff one now", "diff last churn.ipynb"):
        assert track(line).summary.startswith("1 edited: [1] lr 0.1 → 0.2"), line
    assert track("diff last~0 --noise --no-outputs").noise is True
    assert "lr = 0.2" in track('diff "old.ipynb"').to_text(80)


def test_the_shell_compares_a_file_with_its_last_checkpoint(two: None, project: Path, type_words: Callable[..., Any]) -> None:
    session.open_session(kind="kernel", notebook=str(project / "old.ipynb"))
    nbtrack.checkpoint()
    nbtrack.flush()
    session.close_session()
    (project / "old.ipynb").write_text((project / "new one.ipynb").read_text())
    for words in (("diff", "old.ipynb"), ("diff",), ("diff", "last")):
        text = type_words(*words).to_text(80)
        assert "    - lr = 0.1\n    + lr = 0.2" in text, words
