"""The floors of the house hold: import-linter's contracts in pyproject.toml, run as everybody runs them."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = sorted(path for path in (ROOT / "nbtrack").rglob("*.py"))


def test_imports_run_downwards_only() -> None:
    code = "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_room_stands_on_a_floor() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]["contracts"]
    floors = next(contract["layers"] for contract in contracts if contract["type"] == "layers")
    named = {room.strip() for floor in floors for room in floor.split("|")}
    rooms = {
        f"nbtrack.{path.name.removesuffix('.py')}"
        for path in (ROOT / "nbtrack").iterdir()
        if (path / "__init__.py").is_file() or (path.suffix == ".py" and not path.name.startswith("_"))
    }
    assert rooms == named


@pytest.mark.parametrize("path", ROOMS, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_module_says_what_it_does_and_imports_nothing_from_the_root(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    assert ast.get_docstring(tree), "the first line of a module says what it does"
    public = {
        alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == "nbtrack" for alias in node.names
    }
    rooms = {child.name.removesuffix(".py") for child in (ROOT / "nbtrack").iterdir()}
    assert public <= rooms | {"__version__"}, "nothing inside goes through the public face"
