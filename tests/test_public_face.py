"""The public names: exactly these, loaded when first used, and an import of the root that costs next to nothing."""

from __future__ import annotations

import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import nbtrack

ROOT = Path(__file__).resolve().parent.parent
PUBLIC = {
    "NbtrackError",
    "__version__",
    "active_run",
    "checkpoint",
    "checkpoints",
    "diff",
    "diff_notebooks",
    "flush",
    "get_run",
    "history",
    "last_run",
    "load_ipython_extension",
    "log",
    "log_artifact",
    "log_param",
    "log_params",
    "metric_history",
    "note",
    "restore",
    "run",
    "runs",
    "search",
    "session",
    "set_tag",
    "set_tags",
    "unload_ipython_extension",
}
HEAVY = ("IPython", "pandas", "numpy", "sqlite_utils", "plotly", "click", "nbformat", "jupyter_client", "jupyter_server")


def _is_installed() -> bool:
    try:
        importlib.metadata.version("nbtrack")
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


needs_installation = pytest.mark.skipif(not _is_installed(), reason="nbtrack is on the path, but not installed here")


def _in_new_python(code: str) -> object:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, timeout=60, env=environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_public_names_are_exactly_these() -> None:
    assert set(nbtrack.__all__) == PUBLIC
    assert sorted(nbtrack.__all__) == list(nbtrack.__all__)
    assert dir(nbtrack) == sorted(PUBLIC)


@pytest.mark.parametrize("name", sorted(PUBLIC))
def test_a_public_name_loads_and_says_what_it_is(name: str) -> None:
    found = getattr(nbtrack, name)
    if callable(found):
        first_line = (found.__doc__ or "").strip().partition("\n")[0]
        assert first_line.endswith((".", ":")), f"nbtrack.{name} says in one line what it does"


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'loog'"):
        nbtrack.loog


def test_importing_the_root_loads_no_room_and_no_library() -> None:
    code = "import json, sys; before = set(sys.modules); import nbtrack; print(json.dumps(sorted(set(sys.modules) - before)))"
    loaded = _in_new_python(code)
    assert isinstance(loaded, list)
    assert [name for name in loaded if name.startswith("nbtrack")] == ["nbtrack", "nbtrack._version"]
    assert {name.partition(".")[0] for name in loaded} - {"nbtrack"} <= sys.stdlib_module_names
    assert not {"sqlite3", "tomllib", "asyncio"} & set(loaded)


def test_logging_loads_no_table_no_chart_and_no_notebook_library() -> None:
    code = (
        "import json, os, sys, tempfile; os.chdir(tempfile.mkdtemp()); import nbtrack\n"
        "with nbtrack.run('light', params={'lr': 0.1}) as run:\n    run.log({'loss': 0.5})\n"
        f"print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    assert _in_new_python(code) == []


@needs_installation
def test_the_program_is_declared() -> None:
    (program,) = [one for one in importlib.metadata.entry_points(group="console_scripts") if one.name == "nbtrack"]
    assert program.value == "nbtrack.cli:main"
    assert callable(program.load())


@needs_installation
def test_the_version_is_one() -> None:
    assert importlib.metadata.version("nbtrack") == nbtrack.__version__
