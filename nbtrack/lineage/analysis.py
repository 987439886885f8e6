"""One analysis of one cell: its source in, what it reads, binds, changes and defines out. Nothing but the text is looked at."""

from __future__ import annotations

import ast
from dataclasses import replace

from nbtrack.lineage.branches import Reader
from nbtrack.lineage.cells import to_python
from nbtrack.lineage.facts import ALL, RESOURCE, Facts
from nbtrack.lineage.records import CellAnalysis, Executed
from nbtrack.lineage.world import World

MOST_CHARACTERS = 400_000  # an embedded data file; parsing it would take seconds


def analyse(source: str) -> CellAnalysis:
    """Analyse a cell as IPython would read it; never raises.

    A cell that cannot be read (a syntax error, an unknown cell magic) gives an analysis whose ``opaque`` says why.

    >>> cell = analyse("y = x + 1")
    >>> sorted(cell.uses), sorted(cell.must)
    (['x'], ['y'])
    """
    if len(source) > MOST_CHARACTERS:
        return CellAnalysis(source, opaque="it is too long to be read")
    python = to_python(source)
    if python.tree is None:
        labels = dict.fromkeys(sorted(python.words), "the cell mentions")
        broken = not source.lstrip().startswith("%%")
        return CellAnalysis(source, uses=python.words, labels=labels, opaque=python.opaque, syntax_error=broken)
    reader = Reader()
    displays = _displays(python.tree, python.quiet)
    reader.shown = python.tree.body[-1] if displays else None
    try:
        reader.block(python.tree.body)
        reader.flush()
    except RecursionError:
        return CellAnalysis(source, opaque="it is nested too deeply to be read")
    return _with_effects(_close(source, reader, displays))


def _close(source: str, reader: Reader, displays: str) -> CellAnalysis:
    facts = Facts(name="cell", steps=tuple(reader.steps), reads=frozenset(reader.reads))
    must = frozenset(name for name in reader.bound if not name.startswith("__nbtrack_"))
    return CellAnalysis(
        source,
        uses=frozenset(name for name in reader.uses if not name.startswith("__nbtrack_")),
        must=must,
        may=frozenset(name for name in reader.may if not name.startswith("__nbtrack_")),
        functions=frozenset(name for name in reader.functions if not name.startswith("__nbtrack_")),
        imports=frozenset(reader.imports),
        star_imports=tuple(reader.star_imports),
        runs_text=any(step[0] == RESOURCE and ALL in step[2] for step in reader.steps),
        displays=displays,
        labels=reader.uses,
        bound_order=tuple(reader.order),
        facts=facts,
    )


def _with_effects(analysis: CellAnalysis) -> CellAnalysis:
    """Add what the cell changes, as if it were the first of a kernel."""
    effects = World().run(Executed("", analysis))
    resources = {name for name in effects.mods if name.startswith("$")}
    return replace(
        analysis,
        mods=frozenset(name for name in effects.mods if not name.startswith("$")),
        resources_used=frozenset(name for name in effects.uses if name.startswith("$")),
        resources_changed=frozenset(resources),
    )


def _displays(tree: ast.Module, quiet: bool) -> str:
    """Tell whether the cell has a result: "yes", "maybe" (a call may give None) or ""."""
    if quiet or not tree.body or not isinstance(tree.body[-1], ast.Expr):
        return ""
    value = tree.body[-1].value
    return "maybe" if isinstance(value, (ast.Call, ast.Await, ast.Attribute, ast.IfExp, ast.BoolOp, ast.Name, ast.Subscript)) else "yes"
