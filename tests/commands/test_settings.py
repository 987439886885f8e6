"""`config`: list, show, change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from nbtrack.commands import Door
from nbtrack.config import setting_keys
from nbtrack.errors import NbtrackError


def test_every_setting_is_listed_with_its_value_and_its_words(track: Callable[[str], Any]) -> None:
    text = track("config").to_text(400)
    for key, (_, _, words) in setting_keys().items():
        assert key in text
        assert words in text


def test_a_setting_is_changed_for_this_kernel(track: Callable[[str], Any], notebook: Door) -> None:
    said = track("config log.strict=true").to_text()
    assert said.startswith("log.strict = true, in this kernel\nFor good: [log] strict = true in ")
    assert notebook.get_session().settings.log_strict is True
    text = track("config log.strict").to_text(200)
    assert "true" in text
    assert "(default false)" in text


def test_a_value_is_the_rest_of_the_line(track: Callable[[str], Any], notebook: Door) -> None:
    track("config run.experiment = churn of the north")
    assert notebook.get_session().settings.run_experiment == "churn of the north"
    track('config run.experiment=""')
    assert notebook.get_session().settings.run_experiment == ""


def test_the_shell_says_where_a_setting_lasts(type_words: Callable[..., Any]) -> None:
    with pytest.raises(NbtrackError, match="would end with this command") as caught:
        type_words("config", "log.strict=true")
    assert "For good: [log] strict = true in " in caught.value.hint


def test_a_value_that_does_not_fit_is_refused(track: Callable[[str], Any]) -> None:
    with pytest.raises(NbtrackError, match="neither on nor off"):
        track("config log.strict=maybe")
