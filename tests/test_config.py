"""Settings, and the one answer to which store."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nbtrack.config import Settings, get_setting, load_settings, open_location, setting_keys, store_for, with_setting
from nbtrack.errors import SettingError


def test_the_environment_beats_the_file_and_the_file_the_default(tmp_path: Path) -> None:
    assert load_settings(tmp_path, {}) == Settings()
    (tmp_path / "nbtrack.toml").write_text("[capture]\noutputs = false\noutput_chars = 50\n[run]\nexperiment = 'churn'\n", "utf-8")
    settings = load_settings(tmp_path, {"NBTRACK_CAPTURE_OUTPUT_CHARS": "70", "NBTRACK_LOG_STRICT": "yes", "OTHER": "1"})
    assert (settings.capture_outputs, settings.capture_output_chars, settings.run_experiment) == (False, 70, "churn")
    assert settings.log_strict
    assert get_setting(settings, "capture.output_chars") == 70


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("capture.output", "1", "Did you mean capture.outputs"),
        ("capture.outputs", "maybe", "neither on nor off"),
        ("capture.output_chars", "many", "no whole number"),
        ("capture.output_chars", "-1", "below zero"),
        ("nothing", "1", "no setting named 'nothing'"),
    ],
)
def test_a_wrong_setting_is_named_with_its_mend(key: str, value: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        with_setting(Settings(), key, value)


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "nbtrack.toml").write_text("[capture\n", "utf-8")
    with pytest.raises(SettingError, match=r"nbtrack\.toml cannot be read"):
        load_settings(tmp_path, {})
    (tmp_path / "nbtrack.toml").write_text("outputs = false\n", "utf-8")
    with pytest.raises(SettingError, match="stands outside a section"):
        load_settings(tmp_path, {})


def test_every_setting_has_words_and_a_plain_type() -> None:
    for key, (kind, default, words) in setting_keys().items():
        assert kind in {"bool", "int", "str"}, key
        assert words, key
        assert with_setting(Settings(), key, default) == Settings()


def test_the_store_is_looked_for_upwards_to_the_git_top(tmp_path: Path) -> None:
    home, project = tmp_path / "home", tmp_path / "project"
    deep = project / "a" / "b"
    deep.mkdir(parents=True)
    home.mkdir()
    assert store_for(deep, {}, home).folder == deep / ".nbtrack"
    (project / ".git").mkdir()
    assert store_for(deep, {}, home).folder == project / ".nbtrack"
    assert store_for(deep / "book.ipynb", {}, home).reason == "git top"
    (project / "a" / ".nbtrack").mkdir()
    assert store_for(deep, {}, home).folder == project / "a" / ".nbtrack"
    (tmp_path / ".nbtrack").mkdir()
    (project / "a" / ".nbtrack").rmdir()
    assert store_for(deep, {}, home).folder == project / ".nbtrack", "nothing above the git top counts"


def test_the_home_folder_itself_is_never_a_store(tmp_path: Path) -> None:
    home = tmp_path / "home"
    work = home / "work"
    work.mkdir(parents=True)
    (home / ".nbtrack").mkdir()
    (tmp_path / ".nbtrack").mkdir()
    assert store_for(work, {}, home).folder == work / ".nbtrack"


def test_a_named_store_wins_in_every_spelling(tmp_path: Path) -> None:
    store = tmp_path / "team" / ".nbtrack"
    store.mkdir(parents=True)
    for given in (store, store / "store.db", store.parent):
        assert store_for(tmp_path, {"NBTRACK_STORE": str(given)}, tmp_path).folder == store
    assert store_for(tmp_path, {"NBTRACK_STORE": " "}, tmp_path).reason != "NBTRACK_STORE"


@pytest.mark.skipif(os.geteuid() == 0 if hasattr(os, "geteuid") else True, reason="root may write everywhere")
def test_where_nothing_can_be_made_the_user_folder_is_taken_and_said(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    location = store_for(closed, {"XDG_DATA_HOME": str(tmp_path / "data")}, tmp_path / "home")
    assert location.folder.is_relative_to(tmp_path / "data")
    assert str(closed) in location.said


def test_where_nothing_can_be_made_the_user_folder_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nbtrack.config._can_make", lambda folder: False)
    project = tmp_path / "project"
    project.mkdir()
    location = store_for(project, {"XDG_DATA_HOME": str(tmp_path / "data")}, tmp_path / "home")
    assert location.folder.is_relative_to(tmp_path / "data")
    assert "cannot be written" in location.said
    (project / ".nbtrack").mkdir()
    assert store_for(project, {}, tmp_path / "home").reason == "found", "an existing store stays the store"


def test_two_stores_never_share_the_folder_where_their_journals_wait(tmp_path: Path) -> None:
    assert open_location(tmp_path / "a").fallback_journal != open_location(tmp_path / "b").fallback_journal
