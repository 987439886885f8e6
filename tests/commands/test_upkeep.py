"""`sql`, `fsck`, `gc`, `backup` on a real store."""

from __future__ import annotations

import csv
import io
import json
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.commands import run_line
from nbtrack.commands.door import Door
from nbtrack.errors import NbtrackError, StoreMissing, UsageError
from nbtrack.tracking import session

pytestmark = pytest.mark.usefixtures("three_runs")


def test_a_query_is_a_table(type_words: Callable[..., Any]) -> None:
    text = type_words("sql", "select name, number, null as empty from run order by number").to_text()
    assert text.split("\n") == [
        "name      number  empty",
        "baseline       1   null",
        "churn-2        2   null",
        "churn-3        3   null",
        "churn-4        4   null",
        "4 rows",
    ]
    assert type_words("sql", "select name from run where number = 99").to_text() == "No row."


def test_a_query_is_csv_or_json_for_programs(type_words: Callable[..., Any]) -> None:
    query = "select name, 'a,\"b\"\n' as odd, x'00ff' as bytes from run where number < 3 order by number"
    rows = list(csv.reader(io.StringIO(type_words("sql", query, "--csv").to_text() + "\n")))
    assert rows == [["name", "odd", "bytes"], ["baseline", 'a,"b"\n', "00ff"], ["churn-2", 'a,"b"\n', "00ff"]]
    assert json.loads(type_words("sql", "--json", query).to_text())[1] == {"name": "churn-2", "odd": 'a,"b"\n', "bytes": "00ff"}
    doubled = json.loads(type_words("sql", "select 1 as id, 2 as id, 3 as id", "--json").to_text())
    assert doubled == [{"id": 1, "id_2": 2, "id_3": 3}]
    with pytest.raises(UsageError, match="exclude each other"):
        type_words("sql", query, "--csv", "--json")


def test_a_long_answer_is_cut_on_the_screen_and_whole_as_csv(type_words: Callable[..., Any]) -> None:
    query = "with recursive n(i) as (select 1 union all select i + 1 from n where i < 3000) select i from n"
    assert type_words("sql", query).to_text().endswith("1\u202f000 rows, there are more: --csv prints all")
    assert len(type_words("sql", query, "--csv").to_text().split("\n")) == 3001


@pytest.mark.parametrize("query", ["delete from run", "select nme from run", "attach 'x' as y", "pragma user_version = 3", ";", "  "])
def test_a_query_only_reads(type_words: Callable[..., Any], query: str) -> None:
    with pytest.raises(NbtrackError):
        type_words("sql", query)
    assert len(nbtrack.runs()) == 4


def test_a_sound_store_passes_the_check(type_words: Callable[..., Any]) -> None:
    report = type_words("fsck")
    assert report.to_text(200).startswith("No fault found; checked ")
    assert not report.failed


def test_a_fault_ends_the_check_with_status_one(type_words: Callable[..., Any], project: Path) -> None:
    with sqlite3.connect(project / ".nbtrack" / "store.db") as db:
        db.execute("update metric set count = count + 7")
    db.close()
    report = type_words("fsck")
    assert report.failed
    assert "open" in report.to_text(200)
    assert "fsck --repair" in report.to_text(200)


def test_unreferenced_files_are_listed_and_removed_when_asked(type_words: Callable[..., Any], project: Path) -> None:
    assert type_words("gc").to_text().startswith("nothing to remove")
    loose = project / ".nbtrack" / "blobs" / "ab" / ("ab" + "0" * 62)
    loose.parent.mkdir(parents=True, exist_ok=True)
    loose.write_bytes(b"x" * 1500)
    os.utime(loose, (1_600_000_000, 1_600_000_000))
    listed = type_words("gc").to_text(200)
    assert loose.name in listed
    assert "could be removed: 1 file, 1.5 kB · nbtrack gc --apply removes it" in listed
    assert loose.exists()
    assert type_words("gc", "--apply").to_text() == "removed 1 file, 1.5 kB"
    assert not loose.exists()


def test_a_backup_opens_as_a_store(type_words: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = type_words("backup", str(tmp_path / "copy")).to_text()
    assert said.startswith("backed up into ")
    assert "4 runs" in said
    with pytest.raises(UsageError, match="is not empty"):
        type_words("backup", str(tmp_path / "copy"))
    session.close_session()
    monkeypatch.setenv("NBTRACK_STORE", str(tmp_path / "copy"))
    assert len(nbtrack.runs()) == 4


def test_without_a_store_there_is_nothing_to_look_after(shell: Door, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    for line in ("sql select 1", "fsck", "gc", "backup copy"):
        session.close_session()
        with pytest.raises(StoreMissing):
            run_line(line, shell)
    assert list((tmp_path / "empty").iterdir()) == []
