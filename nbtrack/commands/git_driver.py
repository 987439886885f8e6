"""What git calls for a notebook: the arguments of an external diff, a difftool or a text conversion in; text on standard output.

Whatever the files hold, it ends with status 0: git gives up the whole diff when a driver fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nbtrack.diffing import diff_notebooks
from nbtrack.diffing.outputs import list_shown, text_of, what_of
from nbtrack.diffing.reading import list_cells, read_document
from nbtrack.errors import BadNotebook
from nbtrack.views.markup import clean
from nbtrack.views.notebook_diff import NotebookDiffView
from nbtrack.views.terminal import paint

_PIPE_WIDTH = 120
_SHORT_HASH = 7
_MOST_TEXT = 20_000
_UNMERGED = 1  # git gives only the path of a file with an open conflict


def main(argv: Sequence[str] | None = None) -> int:
    """Answer one call of git: ``diff PATH OLD HEX MODE NEW HEX MODE [NEW-PATH REMARK]``, ``tool OLD NEW PATH`` or ``text FILE``."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(encoding="utf-8", errors="replace")
    try:
        sys.stdout.write(_answer(words))
        sys.stdout.flush()
    except BrokenPipeError:  # the pager has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return 0


def _answer(words: list[str]) -> str:
    kind, given = (words[0], words[1:]) if words else ("", [])
    if kind == "text" and given:
        return write_text(given[-1])
    if kind == "tool" and len(given) >= 2:
        name = given[2] if len(given) > 2 else given[1]
        return draw(given[0], given[1], f"a/{name}", f"b/{name}", colour=_wants_colour())
    if kind == "diff" and len(given) == _UNMERGED:
        return f"* Unmerged path {clean(given[0])}\n"
    if kind == "diff" and len(given) >= 7:
        return _external_diff(given, colour=_wants_colour())
    return "nbtrack: git calls this program, people write: nbtrack diff A.ipynb B.ipynb\n"


def _external_diff(given: Sequence[str], *, colour: bool) -> str:
    """Write the diff of one file as git heads its own."""
    path, old, old_hash, old_mode, new, new_hash, new_mode = given[:7]
    renamed = given[7] if len(given) > 7 else path
    head = [f"diff --git a/{path} b/{renamed}"]
    if _is_missing(old):
        head.append(f"new file mode {new_mode}")
    elif _is_missing(new):
        head.append(f"deleted file mode {old_mode}")
    elif old_mode != new_mode:
        head += [f"old mode {old_mode}", f"new mode {new_mode}"]
    if len(given) > 8:
        head += [line for line in given[8].splitlines() if line and not line.startswith("index ")]
    if old_hash == new_hash and set(old_hash) - set("0."):
        return _head(head, colour)
    names = (
        "/dev/null" if _is_missing(old) else f"a/{path} ({_revision(old_hash)})",
        "/dev/null" if _is_missing(new) else f"b/{renamed} ({_revision(new_hash)})",
    )
    return _head(head, colour) + draw(old, new, *names, colour=colour)


def draw(old: str, new: str, a_name: str, b_name: str, *, colour: bool) -> str:
    """Compare two files; what is no notebook is compared as the text it is."""
    names = _head([f"--- {a_name}", f"+++ {b_name}"], colour)
    width = shutil.get_terminal_size((_PIPE_WIDTH, 24)).columns if colour else _PIPE_WIDTH
    try:
        found = diff_notebooks(Path(old), Path(new)) if not _is_missing(old) and not _is_missing(new) else None
        if found is None:
            sides = [{} if _is_missing(side) else read_document(Path(side), "file") for side in (old, new)]
            found = diff_notebooks(*sides)
    except BadNotebook as error:
        return f"{names}{paint(f'compared as text: {clean(error.message)}', 'muted', colour)}\n{_as_text(old, new)}"
    view = NotebookDiffView(found, a_name, b_name)
    _, _, rest = view.to_text(width, colour=colour).partition("\n")
    return f"{names}{rest}\n"


def write_text(path: str) -> str:
    """Write a notebook as text for `git log -p`, `git show` and `git blame`: cells as in a script, outputs as remarks."""
    try:
        cells = list_cells(read_document(Path(path), "file"))
    except BadNotebook:
        return Path(path).read_bytes().decode("utf-8", "replace")
    out = []
    for cell in cells:
        out.append(f"# %% {'' if cell.cell_type == 'code' else f'[{cell.cell_type}]'}".rstrip())
        out.append(cell.source.rstrip("\n"))
        for shown in list_shown(cell.outputs):
            out += _output_lines(shown.raw)
        out.append("")
    return clean("\n".join(out), lines=True) + "\n"


def _output_lines(raw: Any) -> list[str]:
    what, mime = what_of(raw)
    if what in ("text", "error"):
        text = text_of(raw, mime)[:_MOST_TEXT].rstrip("\n")
    else:
        plain = text_of(raw, "text/plain")[:_MOST_TEXT].rstrip("\n")
        text = f"{what}: {plain}" if plain else what
    return [f"#> {line}".rstrip() for line in text.split("\n")]


def _as_text(old: str, new: str) -> str:
    """Let git compare the bytes; its own head is left out."""
    command = ["git", "diff", "--no-index", "--no-ext-diff", "--no-textconv", "--no-color", "--", old, new]
    done = subprocess.run(command, capture_output=True, check=False)
    text = done.stdout.decode("utf-8", "replace")
    start = text.find("\n@@")
    return "\n".join(clean(line, lines=True) for line in text[start + 1 :].split("\n")) if start >= 0 else ""


def _head(lines: Sequence[str], colour: bool) -> str:
    return "".join(f"{paint(clean(line), 'strong', colour)}\n" for line in lines)


def _is_missing(path: str) -> bool:
    return path == os.devnull or path == "/dev/null"


def _revision(found: str) -> str:
    return "working tree" if not set(found) - set("0.") else found[:_SHORT_HASH]


def _wants_colour() -> bool:
    """Ask git what the user set; a pager that git started counts as a terminal."""
    if os.environ.get("NO_COLOR"):
        return False
    seen = "true" if sys.stdout.isatty() or os.environ.get("GIT_PAGER_IN_USE") else "false"
    try:
        done = subprocess.run(["git", "config", "--get-colorbool", "color.diff", seen], capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return seen == "true"
    return done.stdout.strip() == "true"


if __name__ == "__main__":
    raise SystemExit(main())
