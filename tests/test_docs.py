"""The documentation is true: its code runs, its links lead somewhere, and every verb, setting and public name is in it.

A page is one sitting: its ``python`` blocks are cells of one kernel, its ``$ nbtrack`` and ``$ python`` lines are typed in the same folder,
in the order of the page. ``text`` blocks show output and are not compared, since they hold times and ids.
"""

from __future__ import annotations

import dataclasses
import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from jupyter_client.manager import KernelManager, start_new_kernel

import nbtrack
from nbtrack.commands import group
from nbtrack.config import setting_keys
from nbtrack.records import RunRecord
from nbtrack.tracking.run import Run

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
PROGRAM = "import sys; from nbtrack.cli import main; sys.exit(main())"
LEFT_ALONE = {"demo", "enable", "disable"}  # the demo has tests of its own; the others change the environment of the tests


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _text(path: Path) -> str:
    return path.read_text("utf-8")


def _runs_something(path: Path) -> bool:
    return any(kind == "python" for kind, _ in BLOCK.findall(_text(path)))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a store of its own, where a page is worked through."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    return work


@pytest.fixture
def kernel(place: Path) -> Iterator[object]:
    """A kernel of this Python, in the page's folder."""
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(place))
    yield client
    client.stop_channels()
    _stop(manager)


def _stop(manager: KernelManager) -> None:
    manager.shutdown_kernel(now=False)
    manager.cleanup_resources()


@pytest.mark.parametrize("path", [path for path in PAGES if _runs_something(path)], ids=_name)
def test_the_code_of_a_page_runs(path: Path, place: Path, kernel: object) -> None:
    for kind, body in BLOCK.findall(_text(path)):
        if kind == "python":
            _run_cell(kernel, body)
        elif kind == "console":
            for line in body.splitlines():
                _run_line(line, place)


def _run_cell(kernel: object, source: str) -> None:
    problems: list[str] = []

    def keep_errors(message: dict) -> None:
        if message["msg_type"] == "error":
            problems.append("\n".join(message["content"]["traceback"]))

    reply = kernel.execute_interactive(source, timeout=120, output_hook=keep_errors)  # type: ignore[attr-defined]
    assert reply["content"]["status"] == "ok", f"{source}\n{problems}"
    assert not problems, f"{source}\n{problems}"


def _run_line(line: str, place: Path) -> None:
    if not line.startswith(("$ nbtrack ", "$ python ")):
        return
    program, *arguments = shlex.split(line[2:], comments=True)
    if program == "nbtrack" and arguments[0] in LEFT_ALONE:
        return
    start = (
        [sys.executable] if program == "python" else [sys.executable, "-c", PROGRAM]
    )
    done = subprocess.run([*start, *arguments], cwd=place, capture_output=True, text=True, timeout=120, env=os.environ)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_the_links_of_a_page_lead_somewhere(path: Path) -> None:
    prose = BLOCK.sub("", _text(path))
    for link, picture in LINK.findall(prose):
        target, _, anchor = (link or picture).partition("#")
        if "://" in target:
            continue
        page = (path.parent / target).resolve() if target else path
        assert page.exists(), f"{_name(path)} links to {target}, which is not there"
        if anchor:
            assert anchor in _anchors(page), f"{_name(path)} links to #{anchor} of {_name(page)}, which is not there"


def _anchors(page: Path) -> set[str]:
    titles = re.findall(r"^#+ (.+)$", BLOCK.sub("", _text(page)), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=_name)
def test_a_page_names_no_place_of_the_machine_it_was_written_on(path: Path) -> None:
    assert str(ROOT) not in _text(path)
    assert "/root/" not in _text(path)


def test_every_verb_is_in_the_reference() -> None:
    page = _text(ROOT / "docs" / "reference" / "verbs.md")
    missing = [name for name in group.commands if not re.search(rf"\b{re.escape(name)}\b", page)]
    assert missing == []


def test_every_verb_that_the_pages_type_exists() -> None:
    typed = set()
    for path in PAGES:
        for kind, body in BLOCK.findall(_text(path)):
            lines = body.splitlines() if kind in {"python", "console"} else []
            typed |= {match.group(1) for line in lines if (match := re.match(r"(?:\$ nbtrack|%track) ([a-z]+)", line))}
    assert typed <= set(group.commands), "a page types a verb that is not there"


def test_every_setting_is_in_the_reference_with_its_default_and_its_words() -> None:
    page = _text(ROOT / "docs" / "reference" / "settings.md")
    rows = {
        cells[0].strip("` "): cells for line in page.splitlines() if line.startswith("| `") and (cells := line.strip("| ").split(" | "))
    }
    expected = {
        key: [f"`{key}`", f"`{_written(default)}`", words, f"`NBTRACK_{key.replace('.', '_').upper()}`"]
        for key, (_, default, words) in setting_keys().items()
    }
    assert rows == expected


def _written(default: object) -> str:
    if isinstance(default, bool):
        return str(default).lower()
    return '""' if default == "" else str(default)


def test_every_public_name_is_in_the_reference_with_its_signature_and_its_first_line() -> None:
    page = _text(ROOT / "docs" / "reference" / "python.md")
    rows = dict(re.findall(r"^\| `([a-zA-Z].+?)` \| (.+) \|$", page, re.MULTILINE))
    for name in set(nbtrack.__all__) - {"__version__"}:
        thing = getattr(nbtrack, name)
        written = name if inspect.isclass(thing) else name + _without_types(thing)
        assert rows.get(written) == _first_line(thing), written


def test_every_part_of_a_handle_and_of_a_record_is_in_the_reference() -> None:
    page = _text(ROOT / "docs" / "reference" / "python.md")
    rows = dict(re.findall(r"^\| `\.(.+?)` \| (.+) \|$", page, re.MULTILINE))
    for name in ("log", "log_param", "log_params", "set_tag", "set_tags", "note", "log_artifact", "finish"):
        method = getattr(Run, name)
        assert rows.get(name + _without_types(method)) == _first_line(method), name
    missing = [field.name for field in dataclasses.fields(RunRecord) if f"`{field.name}`" not in page]
    assert missing == []


def _without_types(function: Callable[..., object]) -> str:
    params = [
        one.replace(annotation=inspect.Parameter.empty) for one in inspect.signature(function).parameters.values() if one.name != "self"
    ]
    return str(inspect.Signature(params))


def _first_line(thing: object) -> str:
    return (inspect.getdoc(thing) or "").partition("\n")[0].rstrip(":").replace("``", "`")
