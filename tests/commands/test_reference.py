"""The reference of the verbs says what the program says: every verb, how it is written, its options, its example."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from nbtrack.commands import group
from nbtrack.commands.grammar import KERNEL, SHELL, Verb
from nbtrack.config import setting_keys

REFERENCE = Path(__file__).resolve().parents[2] / "docs" / "reference"
VERBS = [one for one in group.commands.values() if isinstance(one, Verb)]


def section_of(name: str) -> str:
    page = (REFERENCE / "verbs.md").read_text("utf-8")
    _, found, rest = page.partition(f"\n### {name}\n")
    assert found, f"docs/reference/verbs.md has no section {name}"
    return rest.partition("\n### ")[0].partition("\n## ")[0]


@pytest.mark.parametrize("one", VERBS, ids=lambda one: one.name)
def test_a_verb_is_described_as_its_help_describes_it(one: Verb) -> None:
    section = section_of(one.name or "")
    program = "nbtrack" if one.doors == SHELL else "%track"
    where = "In a notebook." if one.doors == KERNEL else "In a terminal." if one.doors == SHELL else "In a notebook and in a terminal."
    assert section.strip().startswith(f"{one.help}. {where}")
    for form in one.usage.split("  |  "):
        assert form in section
    assert f"Example: `{program} {one.example}`" in section
    for option in (param for param in one.params if isinstance(param, click.Option)):
        value = "" if option.is_flag else f" {option.metavar}"
        assert f"| `{option.opts[0]}{value}` | {option.help} |" in section


def test_the_reference_has_no_verb_that_does_not_exist() -> None:
    page = (REFERENCE / "verbs.md").read_text("utf-8")
    titles = [line.removeprefix("### ") for line in page.split("\n") if line.startswith("### ")]
    assert sorted(titles) == sorted(str(one.name) for one in VERBS)


@pytest.mark.parametrize("key", setting_keys())
def test_a_setting_is_in_the_reference(key: str) -> None:
    assert f"`{key}`" in (REFERENCE / "settings.md").read_text("utf-8")
