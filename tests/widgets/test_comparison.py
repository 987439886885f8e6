"""``nbtrack.diff``: checkpoints, runs, times, files and documents in; a comparison out, and the widget's answers to the page."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.errors import BadNotebook, UnknownCheckpoint, UsageError
from nbtrack.tracking import session
from nbtrack.widgets.comparison import Comparison, is_kernel
from nbtrack.widgets.notebook_diff import NotebookDiffWidget
from nbtrack.widgets.sides import tell_moment


def document(*sources: str) -> dict[str, Any]:
    cells = [{"cell_type": "code", "execution_count": None, "metadata": {}, "outputs": [], "source": source} for source in sources]
    return {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 4}


def save(path: Path, *sources: str) -> None:
    path.write_text(json.dumps(document(*sources)), "utf-8")


@pytest.fixture
def three(project: Path) -> Path:
    """Three checkpoints of churn.ipynb, the second one named, and a file that was edited since."""
    session.open_session(kind="kernel", notebook=str(project / "churn.ipynb"))
    for number, message in enumerate((None, "before the cleanup", None)):
        save(project / "churn.ipynb", f"rate = {number}", "keep()")
        nbtrack.checkpoint(message)
    save(project / "churn.ipynb", "rate = 9", "keep()")
    return project


def told(comparison: Comparison) -> str:
    return comparison.diff.words


def test_without_arguments_the_file_is_compared_with_its_last_checkpoint(three: Path) -> None:
    found = nbtrack.diff()
    assert told(found) == "cell 1 rate 2 → 9"
    assert found.b.name == "now"
    assert found.a.checkpoint is not None


@pytest.mark.parametrize(
    ("a", "b", "words"),
    [
        ("last~2", None, "cell 1 rate 0 → 9"),
        ("last~2", "last", "cell 1 rate 0 → 2"),
        ("before the cleanup", "now", "cell 1 rate 1 → 9"),
        ("1 min ago", None, None),
        ("last", "churn.ipynb", "cell 1 rate 2 → 9"),
        ("last~1", document("rate = 7", "keep()"), "cell 1 rate 1 → 7"),
        (json.dumps(document("rate = 7", "keep()")), "now", "cell 1 rate 7 → 9"),
    ],
)
def test_each_kind_of_reference_means_a_state(three: Path, a: Any, b: Any, words: str | None) -> None:
    if words is None:
        with pytest.raises(UnknownCheckpoint, match="younger than that"):
            nbtrack.diff(a, b)
        return
    assert told(nbtrack.diff(a, b)) == words


def test_a_run_means_the_state_in_which_it_ended(three: Path) -> None:
    save(three / "churn.ipynb", "rate = 5", "keep()")
    with nbtrack.run("baseline") as run:
        run.log({"f1": 0.8})
    kept = nbtrack.checkpoint("at the end")
    writer = session.current().writer
    writer.flush()
    writer.call(
        lambda db: db.execute(
            "insert or ignore into checkpoint_run (run_id, boundary, checkpoint_n) select ?, 'end', n from checkpoint where id = ?",
            (run.id, kept.id),
        )
    )
    save(three / "churn.ipynb", "rate = 6", "keep()")
    assert told(nbtrack.diff("baseline")) == "cell 1 rate 5 → 6"
    assert told(nbtrack.diff(run)) == "cell 1 rate 5 → 6"
    assert told(nbtrack.diff(nbtrack.get_run("baseline"))) == "cell 1 rate 5 → 6"


def test_an_unknown_reference_is_two_lines_with_near_names(three: Path) -> None:
    with pytest.raises(UnknownCheckpoint) as caught:
        nbtrack.diff("before the claenup")
    assert caught.value.near[0] == "before the cleanup"
    assert len(str(caught.value).split("\n")) == 2
    with pytest.raises(BadNotebook, match="there is no file"):
        nbtrack.diff("chrun.ipynb", "now")
    with pytest.raises(BadNotebook, match="A is a float"):
        nbtrack.diff(1.5, "now")
    with pytest.raises(UsageError, match="B without an A"):
        nbtrack.diff(None, "last")


def test_without_a_notebook_nothing_can_be_guessed(project: Path) -> None:
    with pytest.raises(UnknownCheckpoint, match="first checkpoint appears"):
        nbtrack.diff()
    with pytest.raises(UsageError, match="which notebook"):
        nbtrack.diff(document("a"), None)


def test_one_self_contained_file_is_written(three: Path) -> None:
    found = nbtrack.diff()
    path = found.to_html(three / "diff.html")
    page = Path(path).read_text("utf-8")
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    with pytest.raises(nbtrack.NbtrackError, match="cannot be written"):
        found.to_html(three / "nowhere" / "diff.html")


def test_outside_a_kernel_a_comparison_is_text_and_html_and_makes_no_widget(three: Path) -> None:
    assert not is_kernel()
    bundle = nbtrack.diff()._repr_mimebundle_()
    assert set(bundle) == {"text/plain", "text/html"}
    assert "rate = 9" in bundle["text/plain"]


def test_a_large_comparison_leaves_only_its_summary_in_the_notebook() -> None:
    a, b = document(*(f"v{number} = 1" for number in range(900))), document(*(f"v{number} = 2" for number in range(900)))
    html = nbtrack.diff(a, b)._repr_mimebundle_()["text/html"]
    assert len(html) < 20_000
    assert "900 edited" in html


class Page:
    """The page's end of the wire: what the widget sent, and a way to ask it."""

    def __init__(self, widget: NotebookDiffWidget, monkeypatch: pytest.MonkeyPatch) -> None:
        self.widget = widget
        self.got: list[tuple[dict[str, Any], list[bytes]]] = []
        monkeypatch.setattr(widget, "send", lambda content, buffers=None: self.got.append((content, buffers or [])))

    def ask(self, **message: Any) -> list[dict[str, Any]]:
        self.got.clear()
        self.widget._handle_custom_msg({"version": self.widget.plan["version"], **message}, [])
        return [content for content, _ in self.got]


@pytest.fixture
def page(three: Path, monkeypatch: pytest.MonkeyPatch) -> Page:
    return Page(nbtrack.diff().widget, monkeypatch)


def test_cells_are_sent_when_the_page_asks(page: Page) -> None:
    (changed, quiet) = page.ask(type="parts", ids=[0, 1], ask=4, noise=[], outputs=True)
    assert changed["part"]["lines"][0][0] == "~"
    assert changed["ask"] == 4
    assert [row[0] for row in quiet["part"]["lines"]] == ["="]


def test_the_first_cells_come_with_the_plan_and_unchanged_ones_do_not(page: Page) -> None:
    assert set(page.widget.plan["parts"]) == {"0"}


def test_the_text_of_a_is_sent_to_be_copied_back_and_a_redaction_mark_is_said(page: Page) -> None:
    (told_back,) = page.ask(type="source", id=0, why="copy")
    assert (told_back["a"], told_back["b"], told_back["redacted"]) == ("rate = 2", "rate = 9", False)
    found = nbtrack.diff(document("key = '<redacted jwt 0a1b2c3d>'"), document("key = 'x'"))
    other = Page(found.widget, pytest.MonkeyPatch())
    assert other.ask(type="source", id=0)[0]["redacted"] is True


def test_an_older_a_is_one_step_away(page: Page) -> None:
    assert page.ask(type="step", by=-1) == []
    assert page.widget.plan["version"] == 2
    assert told(page.widget.comparison) == "cell 1 rate 1 → 9"
    page.ask(type="step", by=-1)
    assert page.ask(type="step", by=-1)[0]["text"] == "There is no older checkpoint."
    page.ask(type="step", by=1)
    assert told(page.widget.comparison) == "cell 1 rate 1 → 9"


@pytest.mark.parametrize(
    "message",
    [
        {"type": "parts", "ids": ["0", None, -7, 10**9, True, {}]},
        {"type": "parts", "ids": "all"},
        {"type": "parts", "ids": [0], "version": 77},
        {"type": "live", "id": 0, "at": "x"},
        {"type": "live", "id": None, "at": 0},
        {"type": "source", "id": []},
        {"type": "__init__"},
        {},
    ],
)
def test_what_nobody_can_mean_is_not_answered(page: Page, message: dict[str, Any]) -> None:
    assert page.ask(**message) == []


def test_the_frame_of_the_notebook_can_be_asked_for(page: Page) -> None:
    assert page.ask(type="parts", ids=[-1])[0]["part"]["name"] == "Notebook"


def test_a_moment_is_told_as_people_say_it() -> None:
    day = 86_400_000
    now = 1_800_000_000_000
    assert len(tell_moment(now, now)) == 5
    assert tell_moment(now - day, now).startswith("yesterday ")
    assert len(tell_moment(now - 400 * day, now).split()) == 4
