"""One matched cell in, what became of it out: its text, its outputs, its noise."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from nbtrack.diffing import noise
from nbtrack.diffing.budget import Budget
from nbtrack.diffing.hashes import same
from nbtrack.diffing.outputs import diff_outputs
from nbtrack.diffing.result import Cell, CellDiff, CellKind
from nbtrack.diffing.text import diff_text

_KNOWN = {"attachments", "cell_type", "execution_count", "id", "metadata", "outputs", "source"}
_KNOWN_3 = {"collapsed", "input", "language", "level", "prompt_number"}


def diff_cell(a: Cell, b: Cell, budget: Budget, *, moved_by: int = 0, differ: Collection[str] | None = None) -> CellDiff:
    """Say what differs between the two states of a cell. ``differ`` names the keys that do, when that is known."""
    keys = _unlike_keys(a, b) if differ is None else set(differ)
    if not keys:
        return CellDiff("moved" if moved_by else "unchanged", a, b, moved_by)
    source = diff_text(a.source, b.source, budget) if a.source != b.source else None
    outputs = diff_outputs(a.outputs, b.outputs, budget) if "outputs" in keys else ()
    also = tuple(name for name, unlike in (("type", a.cell_type != b.cell_type), ("attachments", "attachments" in keys)) if unlike)
    real = any(output.kind in ("changed", "added", "removed") for output in outputs)
    quiet = noise.add_up([_cell_noise(a, b, keys, source is None), *(output.noise for output in outputs)])
    if not quiet and source is None and not also and not real:
        quiet = {"form": 1}
    return CellDiff(_kind(source is not None or bool(also), real, moved_by, bool(quiet)), a, b, moved_by, source, outputs, quiet, also)


def _kind(edited: bool, real: bool, moved_by: int, quiet: bool) -> CellKind:
    if edited:
        return "edited"
    if real:
        return "output only"
    if moved_by:
        return "moved"
    return "noise only" if quiet else "unchanged"


def _unlike_keys(a: Cell, b: Cell) -> set[str]:
    """Name what differs between two cells whose files may be of different formats."""
    if isinstance(a.raw, dict) and isinstance(b.raw, dict) and ("input" in a.raw) == ("input" in b.raw):
        return {key for key in a.raw.keys() | b.raw.keys() if key not in a.raw or key not in b.raw or not same(a.raw[key], b.raw[key])}
    found = {"source"} if a.source != b.source else set()
    if a.cell_type != b.cell_type:
        found.add("cell_type")
    if a.count != b.count:
        found.add("execution_count")
    if not same(list(a.outputs), list(b.outputs)):
        found.add("outputs")
    return found


def _cell_noise(a: Cell, b: Cell, keys: set[str], same_text: bool) -> dict[str, int]:
    found: dict[str, int] = {}
    if keys & {"execution_count", "prompt_number"} or ("outputs" in keys and _counts(a) != _counts(b)):
        found["counts"] = 1
    if a.id != b.id:
        found["ids"] = 1
    if same_text and keys & {"source", "input"}:
        found["form"] = 1
    if "metadata" in keys:
        found |= noise.metadata_noise(_metadata(a), _metadata(b))
    if keys - _KNOWN - _KNOWN_3:
        found["metadata"] = found.get("metadata", 0) + 1
    return found


def _counts(cell: Cell) -> list[Any]:
    """Return the execution counts of a cell's results, which follow the cell's own and are no noise of their own."""
    results = [output for output in cell.outputs if isinstance(output, dict) and output.get("output_type") == "execute_result"]
    return [output.get("execution_count") for output in results]


def _metadata(cell: Cell) -> Any:
    return cell.raw.get("metadata", {}) if isinstance(cell.raw, dict) else {}
