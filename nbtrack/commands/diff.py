"""``diff``: two references in, their difference out: text, a widget in the notebook, or one HTML file; and git set up for notebooks."""

from __future__ import annotations

import click

from nbtrack.commands import git
from nbtrack.commands.door import Door
from nbtrack.commands.grammar import strip_quotes, verb
from nbtrack.errors import UsageError
from nbtrack.views.message import Message
from nbtrack.views.view import View
from nbtrack.widgets.comparison import Comparison, write_page
from nbtrack.widgets.sides import Reader

SECTION = "Notebooks"


@verb(
    "diff",
    "What changed between two notebooks, outputs included",
    usage="[A] [B] [--html FILE] [--no-outputs] [--noise]  |  --install-git [--global]  |  --uninstall-git [--global]",
    section=SECTION,
    example="diff churn-old.ipynb churn.ipynb",
)
@click.argument("a", metavar="A", required=False)
@click.argument("b", metavar="B", required=False)
@click.option("--html", "html", metavar="FILE", help="write one HTML file that opens without a network")
@click.option("--no-outputs", "no_outputs", is_flag=True, help="compare text only, leave outputs out")
@click.option("--noise", is_flag=True, help="also show what is folded as noise: counts, timings, metadata, addresses")
@click.option("--install-git", "install_git", is_flag=True, help="let git diff show notebooks like code, in this repository")
@click.option("--uninstall-git", "uninstall_git", is_flag=True, help="take exactly that away again")
@click.option("--global", "everywhere", is_flag=True, help="with the two above: for all repositories of this user")
def diff(
    door: Door,
    a: str | None,
    b: str | None,
    html: str | None,
    no_outputs: bool,
    noise: bool,
    install_git: bool,
    uninstall_git: bool,
    everywhere: bool,
) -> View:
    """Compare two states of notebooks, or set git up."""
    if install_git or uninstall_git:
        if a is not None or install_git == uninstall_git:
            raise UsageError("--install-git and --uninstall-git stand alone", f"Write {door.program} diff --install-git [--global]")
        return _told(git.install(everywhere=everywhere) if install_git else git.uninstall(everywhere=everywhere), install_git)
    if everywhere:
        raise UsageError("--global belongs to --install-git", f"Write {door.program} diff --install-git --global")
    reader = Reader(door.get_session, door.say, door.now_ms)
    sides = reader.read_two(*(None if one is None else strip_quotes(one) for one in (a, b)))
    found = Comparison(*sides, reader, outputs=not no_outputs, noise=noise)
    if html is not None:
        return write_page(found, html)
    return found if door.kind == "notebook" else found.drawn


def _told(change: git.Change, installed: bool) -> Message:
    if not change.done:
        return Message(
            "git was set up already" if installed else "git is not set up for notebooks here", f"looked into {change.attributes}"
        )
    if not installed:
        return Message("git shows notebooks as JSON again", f"taken out of {change.attributes} and git's configuration")
    return Message("git diff shows notebooks like code now", "git log -p and git show as well; git difftool -t nbtrack; nothing to commit")


VERBS = (diff,)
