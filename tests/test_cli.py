"""The `nbtrack` program: text, exit statuses, and nothing that a pipe or an old terminal could break."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import nbtrack
from nbtrack import cli
from nbtrack.tracking import session

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a store of its own."""
    (tmp_path / ".nbtrack").mkdir()
    monkeypatch.chdir(tmp_path)
    session.close_session()
    yield tmp_path
    nbtrack.flush()
    session.close_session()


@pytest.fixture
def recorded(project: Path) -> None:
    """One finished run."""
    with nbtrack.run("baseline", params={"lr": 0.1}) as run:
        run.log({"val_f1": 0.8731})
    nbtrack.flush()
    session.close_session()


def nbtrack_program(*words: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "nbtrack.cli", *words]
    return subprocess.run(command, capture_output=True, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT), **environment})


@pytest.mark.usefixtures("recorded")
def test_a_command_prints_text_and_ends_with_zero(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["runs"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("run ")
    assert "0.8731" in out
    assert "\x1b" not in out
    assert err == ""


@pytest.mark.parametrize(
    ("words", "status", "first"),
    [
        (["show", "nothing"], 1, "nbtrack: no run named 'nothing'."),
        (["on"], 1, "nbtrack: on needs a running kernel"),
        (["show"], 2, "nbtrack: show needs RUN"),
        (["shwo"], 2, "nbtrack: no verb named 'shwo'. Did you mean 'show'?"),
        (["runs", "--lmit", "3"], 2, "nbtrack: runs has no option '--lmit'. Did you mean '--limit'?"),
    ],
)
def test_errors_are_two_lines_on_stderr_with_their_status(
    words: list[str], status: int, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(words) == status
    out, err = capsys.readouterr()
    assert out == ""
    lines = err.rstrip("\n").split("\n")
    assert lines[0].startswith(first)
    assert len(lines) == 2


def test_the_version_and_help_open_no_store(capsys: pytest.CaptureFixture[str], project: Path) -> None:
    assert cli.main(["--version"]) == 0
    assert capsys.readouterr().out == f"nbtrack {nbtrack.__version__}\n"
    assert cli.main(["--help"]) == 0
    assert "nbtrack help VERB says more of one." in capsys.readouterr().out
    assert list((project / ".nbtrack").iterdir()) == []


def test_the_program_runs_as_a_process_and_reads_only() -> None:
    done = nbtrack_program()
    assert done.returncode == 0, done.stderr.decode()
    assert b"no run yet" in done.stdout
    assert list(Path(".nbtrack").iterdir()) == []


@pytest.mark.usefixtures("recorded")
def test_a_terminal_of_a_small_character_set_gets_question_marks_and_no_traceback() -> None:
    done = nbtrack_program("show", "last", PYTHONIOENCODING="ascii")
    assert done.returncode == 0, done.stderr.decode()
    assert b"0.8731" in done.stdout


@pytest.mark.usefixtures("recorded")
def test_a_reader_that_has_seen_enough_ends_the_program_quietly() -> None:
    command = f"{sys.executable} -m nbtrack.cli show last | head -c 1"
    done = subprocess.run(command, shell=True, capture_output=True, timeout=60, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert done.stderr == b""


@pytest.mark.usefixtures("recorded")
def test_what_the_shell_writes_the_next_command_reads(capsys: pytest.CaptureFixture[str]) -> None:
    assert nbtrack_program("note", "--run", "baseline", "from", "the", "shell").returncode == 0
    assert nbtrack_program("tag", "team=growth").returncode == 0
    assert cli.main(["show", "baseline"]) == 0
    out = capsys.readouterr().out
    assert "from the shell" in out
    assert "team  growth" in out


@pytest.mark.usefixtures("recorded")
def test_colour_is_for_terminals_that_want_it() -> None:
    from nbtrack.config import wants_colour

    assert wants_colour(True, {})
    assert not wants_colour(False, {})
    assert not wants_colour(True, {"NO_COLOR": "1"})
    assert not wants_colour(True, {"TERM": "dumb"})
