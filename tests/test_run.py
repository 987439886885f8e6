"""The program that runs the tests: readable by old Pythons, and not installing twice."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

PROGRAM = Path(__file__).resolve().parent / "run.py"


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The program as a module, with an environment folder of the test's own."""
    spec = importlib.util.spec_from_file_location("tests_run", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "VENV", str(tmp_path))
    monkeypatch.setattr(module, "MARK", str(tmp_path / "installed-for"))
    return module


def test_an_old_python_can_read_the_program() -> None:
    ast.parse(PROGRAM.read_text("utf-8"), feature_version=(3, 4))


def test_an_old_python_without_a_newer_one_gets_two_lines(
    program: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(program.shutil, "which", lambda name: None)
    assert program.run_with_newer_python([]) == 1
    assert len(capsys.readouterr().err.splitlines()) == 2


def test_an_installation_counts_only_when_it_was_finished_for_exactly_this(program: ModuleType, tmp_path: Path) -> None:
    python = tmp_path / "python"
    wanted = program.fingerprint()
    assert wanted == program.fingerprint()
    assert not program.is_installed(str(python), wanted)
    python.write_text("")
    assert not program.is_installed(str(python), wanted)
    (tmp_path / "installed-for").write_text(wanted + "\n")
    assert program.is_installed(str(python), wanted)
    assert not program.is_installed(str(python), "another")
