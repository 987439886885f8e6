"""`on`, `off`, `pause`, `start`, `stop`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import nbtrack
from nbtrack.commands import Door, run_line
from nbtrack.errors import NbtrackError, UsageError


def test_the_switch_is_turned_and_says_so(track: Callable[[str], Any], notebook: Door) -> None:
    assert notebook.switch is not None
    assert track("pause").to_text().startswith("paused")
    assert notebook.switch.state == "paused"
    assert track("").to_text().startswith("Paused in churn.ipynb")
    assert "not recording" in track("off").to_text()
    assert notebook.switch.state == "off"
    assert track("on").to_text() == "recording from the next cell on"
    assert track("on").to_text() == "already recording"


def test_without_hooks_nothing_can_be_switched(notebook: Door) -> None:
    with pytest.raises(NbtrackError, match="nothing can be switched"):
        run_line("off", Door("notebook", notebook.get_session, {}))


def test_a_run_lasts_from_start_to_stop(track: Callable[[str], Any]) -> None:
    assert track('start baseline --experiment churn --tag team=growth --tag n=1.0 --note it\'s "the" first --tag no=tag').to_text() == (
        "baseline runs until %track stop"
    )
    nbtrack.log({"val_f1": 0.5})
    stopped = track("stop").to_text()
    assert stopped.startswith("baseline finished after ")
    assert "val_f1 0.5" in stopped
    record = nbtrack.get_run("baseline")
    assert (record.state, record.experiment, record.origin) == ("finished", "churn", "magic")
    assert record.tags == {"team": "growth", "n": "1.0"}
    assert [note.text for note in record.notes] == ['it\'s "the" first --tag no=tag']


def test_a_run_without_a_name_is_called_by_its_number(track: Callable[[str], Any]) -> None:
    assert track("start").to_text() == "churn-1 runs until %track stop"
    track("stop --failed")
    assert nbtrack.get_run("churn-1").state == "failed"


def test_a_name_of_two_words_stands_in_quotes(track: Callable[[str], Any]) -> None:
    assert track('start "wide net"').to_text().startswith("wide net runs")
    track("stop")


def test_an_empty_note_is_refused_before_a_run_is_opened(track: Callable[[str], Any]) -> None:
    with pytest.raises(UsageError, match="an empty note"):
        track("start baseline --note ''")
    assert nbtrack.active_run() is None
