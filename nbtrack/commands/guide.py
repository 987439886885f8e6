"""``help``: the verbs of this door, grouped, or one verb with its options and an example. A verb is in it only when it exists."""

from __future__ import annotations

import click

from nbtrack.commands.door import Door
from nbtrack.commands.grammar import Verb, verb
from nbtrack.views.help import Entry, HelpPage
from nbtrack.views.view import View

SECTION = "nbtrack itself"
_OPENING = {
    "notebook": "Records what happens in this notebook and gives it back as runs.",
    "shell": "Looks at what notebooks and scripts recorded, and looks after it.",
}
_CELL = "%%track [NAME] [--experiment E] [--tag K=V] [--note TEXT]"


@verb("help", "The verbs, or one of them in full", usage="[VERB]", section=SECTION, example="help runs")
@click.argument("name", required=False, metavar="VERB")
def help(door: Door, name: str | None) -> View:
    """Show help."""
    from nbtrack.commands import dispatch

    if name is None:
        return overview(door, [one for one in dispatch.group.commands.values() if isinstance(one, Verb)])
    known = dispatch.group.commands.get(name)
    return verb_page(known if isinstance(known, Verb) else dispatch.find_verb(name, door), door)


def overview(door: Door, verbs: list[Verb]) -> HelpPage:
    """List the verbs of a door by section."""
    sections: dict[str, list[Entry]] = {}
    for one in verbs:
        if door.kind in one.doors:
            sections.setdefault(one.section, []).append(Entry(_short(one), one.help or ""))
    if door.kind == "notebook":
        sections["Recording"].append(Entry("%%track [NAME]", "As the first line of a cell: this cell is one run"))
    elsewhere = sorted(one.name or "" for one in verbs if door.kind not in one.doors)
    foot = [f"{door.program} help VERB says more of one."]
    if elsewhere:
        foot.append(f"In {'a terminal, after nbtrack' if door.kind == 'notebook' else 'a notebook, after %track'}: {', '.join(elsewhere)}.")
    return HelpPage(door.program, _OPENING[door.kind], tuple((title, tuple(entries)) for title, entries in sections.items()), tuple(foot))


def verb_page(one: Verb, door: Door) -> HelpPage:
    """Show one verb: how it is written, its options, an example."""
    program = door.program if door.kind in one.doors else "%track" if door.kind == "shell" else "nbtrack"
    options = []
    for param in one.params:
        if isinstance(param, click.Option):
            value = "" if param.is_flag else f" {param.metavar}"
            options.append(Entry(f"{param.opts[0]}{value}", param.help or ""))
    foot = []
    if one.name == "start" and program == "%track":
        foot.append(f"For one cell only: {_CELL} as its first line.")
    if door.kind not in one.doors:
        foot.append("It works in a notebook only." if door.kind == "shell" else "It works in a terminal only.")
    sections = (("Options", tuple(options)),) if options else ()
    return HelpPage(one.written(program), one.help or "", sections, tuple(foot), f"{program} {one.example}")


def _short(one: Verb) -> str:
    usage = one.usage.partition("  |  ")[0]
    return (
        f"{one.name} {usage}".strip()
        if len(usage) < 34
        else f"{one.name} {usage.split(' [')[0].split(' (')[0]} ...".replace("... ...", "...")
    )


VERBS = (help,)
