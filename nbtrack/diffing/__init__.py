"""Two notebooks in, their difference out: which cells were edited, added, removed, moved, and what their outputs show now.

Pure: no store, no IPython, no clock; neither nbformat nor nbdime is imported.
"""

from nbtrack.diffing.hashes import CellHashes
from nbtrack.diffing.notebooks import diff_notebooks
from nbtrack.diffing.result import (
    Cell,
    CellDiff,
    Image,
    LineChange,
    Move,
    NotebookDiff,
    NumberChange,
    OutputDiff,
    TableCell,
    TableDiff,
    TableRow,
    TextDiff,
)

__all__ = [
    "Cell",
    "CellDiff",
    "CellHashes",
    "Image",
    "LineChange",
    "Move",
    "NotebookDiff",
    "NumberChange",
    "OutputDiff",
    "TableCell",
    "TableDiff",
    "TableRow",
    "TextDiff",
    "diff_notebooks",
]
