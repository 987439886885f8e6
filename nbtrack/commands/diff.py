"""``diff``: two notebook files in, their difference out, as text, as a view in the notebook, or written as one HTML file."""

from __future__ import annotations

from pathlib import Path

import click

from nbtrack.commands.door import Door
from nbtrack.commands.grammar import verb
from nbtrack.diffing import diff_notebooks
from nbtrack.errors import NbtrackError
from nbtrack.views import words
from nbtrack.views.message import Message
from nbtrack.views.notebook_diff import NotebookDiffView
from nbtrack.views.view import View

SECTION = "Notebooks"


@verb(
    "diff",
    "What changed between two notebooks, outputs included",
    usage="A.ipynb B.ipynb [--html FILE] [--no-outputs] [--noise]",
    section=SECTION,
    example="diff churn-old.ipynb churn.ipynb",
)
@click.argument("a", metavar="A.ipynb")
@click.argument("b", metavar="B.ipynb")
@click.option("--html", "html", metavar="FILE", help="write one HTML file that opens without a network")
@click.option("--no-outputs", "no_outputs", is_flag=True, help="compare text only, leave outputs out")
@click.option("--noise", is_flag=True, help="also show what is folded as noise: counts, timings, metadata, addresses")
def diff(door: Door, a: str, b: str, html: str | None, no_outputs: bool, noise: bool) -> View:
    """Compare two notebook files."""
    left, right = Path(a).expanduser(), Path(b).expanduser()
    found = diff_notebooks(left, right)
    names = (left.name, right.name) if left.name != right.name else (str(a), str(b))
    view = NotebookDiffView(found, *names, outputs=not no_outputs, noise=noise)
    if html is None:
        return view
    target = Path(html).expanduser()
    document = view.to_document()
    try:
        target.write_text(document, encoding="utf-8")
    except OSError as error:
        reason = error.strerror or error
        raise NbtrackError(f"{str(target)!r} cannot be written: {reason}", "Name a file in a folder that exists.") from None
    return Message(f"written to {target}: {found.summary}", f"{words.size(len(document.encode('utf-8')))}, opens in any browser")


VERBS = (diff,)
