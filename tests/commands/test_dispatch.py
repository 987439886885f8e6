"""From a line to a verb: names, doors, options, and complaints in two lines."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from nbtrack.commands import Door, group, run_line, run_words
from nbtrack.commands.grammar import Verb
from nbtrack.errors import NbtrackError, UnknownVerb, UsageError

VERBS = [one for one in group.commands.values() if isinstance(one, Verb)]


def refused(track: Callable[[str], Any], line: str) -> list[str]:
    with pytest.raises(NbtrackError) as caught:
        track(line)
    lines = caught.value._render_traceback_()
    assert len(lines) == 2, lines
    return lines


def test_every_command_is_a_verb() -> None:
    assert len(VERBS) == len(group.commands)


@pytest.mark.parametrize(
    ("line", "what", "how"),
    [
        ("compare", "UnknownVerb: no verb named 'compare'.", "%track help lists them."),
        ("show", "UsageError: show needs RUN", "Write %track show RUN"),
        ("shwo 3", "UnknownVerb: no verb named 'shwo'. Did you mean 'show'", "%track help lists them."),
        ("metric a=1 --stp 3", "UsageError: metric has no option '--stp'. Did you mean '--step'?", "Write %track metric K=V"),
        ("metric a=1 --step x", "UsageError: metric: --step: 'x' is not a valid integer.", "Write %track metric K=V"),
        ("metric a=1 --step", "UsageError: metric: --step needs a value", "Write %track metric K=V"),
        ("metric", "UsageError: metric needs K=V", "Write %track metric K=V"),
        ("param lr", "UsageError: 'lr' is no K=V", "Write name=value"),
        ("param lr={nothing}", "UnknownVariable: no variable named 'nothing'.", ""),
        ("runs lr > 3", "UsageError: runs: Got unexpected extra arguments (lr > 3)", "Write %track runs"),
        ("runs --limit 0", "UsageError: --limit 0 shows nothing", "Write a whole number"),
        ("runs --state faild", "UsageError: no state 'faild'. Did you mean 'failed'?", "A run is running"),
        ("note", "UsageError: note needs TEXT", "Write %track note"),
        ("note ''", "UsageError: an empty note", "Write %track note"),
        ("note --rn 3 text", "UsageError: note has no option '--rn'. Did you mean '--run'?", "Write %track note"),
        ("start a b", "UsageError: start: Got unexpected extra argument (b)", "Write %track start"),
        ("start --note", "UsageError: start: --note needs a value", "Write %track start"),
        ("stop", "UsageError: no run is open, so there is nothing to stop", "%track start NAME opens one."),
        ("config log.stric=true", "SettingError: no setting named 'log.stric'. Did you mean log.strict?", "%track config lists them."),
        ("enable", "NbtrackError: enable is a command of the shell", "In a terminal: nbtrack enable, in a cell: !nbtrack enable"),
        ("help nothing", "UnknownVerb: no verb named 'nothing'.", "%track help lists them."),
        ("metric a --lower-is-better --higher-is-better", "UsageError: a direction stands alone", "Write %track metric K"),
    ],
)
def test_a_complaint_is_two_lines_what_and_how(track: Callable[[str], Any], line: str, what: str, how: str) -> None:
    if line.startswith("param lr={"):
        with pytest.raises(NbtrackError, match="no variable named 'nothing'"):
            track(line)
        return
    first, second = refused(track, line)
    assert first.startswith(what)
    assert second.startswith(how)


def test_a_bare_line_is_the_status(track: Callable[[str], Any]) -> None:
    assert track("").to_text() == track("status").to_text() == track("   ").to_text()


@pytest.mark.parametrize("name", ["on", "off", "pause", "start", "stop"])
def test_the_shell_says_what_only_a_kernel_can_do(shell: Door, name: str) -> None:
    with pytest.raises(NbtrackError, match=f"{name} needs a running kernel, and the shell has none") as caught:
        run_words([name], shell)
    assert not isinstance(caught.value, UsageError)
    assert "%track" in caught.value.hint


@pytest.mark.parametrize("one", VERBS, ids=lambda one: one.name)
def test_every_verb_explains_itself_at_both_doors(one: Verb, notebook: Door, shell: Door) -> None:
    for door in (notebook, shell):
        page = run_line(f"help {one.name}", door).to_text()
        program = door.program if door.kind in one.doors else {"%track": "nbtrack", "nbtrack": "%track"}[door.program]
        assert page.startswith(f"{program} {one.name}")
        assert f"Example: {program} {one.example}" in page
        assert all(spelling in page for spelling in one.options)
        assert one.help and one.help[0].isupper() and not one.help.endswith(".")
        assert one.example.split()[0] == one.name
        assert all(option.help for option in one.options.values())


@pytest.mark.parametrize("line", ["runs --help", "metric --help", "note --help", "start --help", "--help", "-h"])
def test_dashes_help_is_help(track: Callable[[str], Any], line: str) -> None:
    assert track(line).to_text().startswith("%track")


def test_help_lists_what_this_door_can_do_and_names_the_rest(notebook: Door, shell: Door) -> None:
    in_notebook, in_shell = run_line("help", notebook).to_text(120), run_line("help", shell).to_text(120)
    for one in VERBS:
        assert one.name in in_notebook
        assert one.name in in_shell
    assert "  start [NAME]" in in_notebook
    assert "  start" not in in_shell
    assert "  enable" in in_shell
    assert "%%track [NAME]" in in_notebook


def test_every_page_of_help_fits_a_terminal_of_eighty_columns_but_for_its_title(notebook: Door) -> None:
    for line in ["help", *(f"help {one.name}" for one in VERBS)]:
        assert all(
            len(row) <= 80 for row in run_line(line, notebook).to_text(80).split("\n")[2:] if not row.startswith(("Example", "In a", "For"))
        )


def test_near_names_come_from_the_verbs_of_this_door(shell: Door) -> None:
    with pytest.raises(UnknownVerb) as caught:
        run_words(["enabel"], shell)
    assert caught.value.near == ("enable",)


def test_loading_the_extension_imports_neither_click_nor_views() -> None:
    code = "import sys, nbtrack.ipython.magic; print([name for name in sys.modules if name == 'click' or name.startswith('nbtrack.views')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=sys.path[0] or ".")
    if done.returncode == 0:
        assert done.stdout.strip() == "[]"
