"""Which executed cells a value depends on: the analysis of a cell, the backward slice over executions, stale cells. Pure records in and out."""

from nbtrack.lineage.analysis import analyse
from nbtrack.lineage.fingerprint import code_fingerprint, fingerprint
from nbtrack.lineage.records import (
    CellAnalysis,
    DocumentCell,
    Evidence,
    Executed,
    Need,
    OrderVerdict,
    SliceResult,
    SliceStep,
    StaleCell,
)  # fmt: skip
from nbtrack.lineage.slicer import History, slice_back
from nbtrack.lineage.stale import find_stale, judge_order

__all__ = [
    "CellAnalysis", "DocumentCell", "Evidence", "Executed", "History", "Need", "OrderVerdict", "SliceResult", "SliceStep", "StaleCell",
    "analyse", "code_fingerprint", "find_stale", "fingerprint", "judge_order", "slice_back",
]  # fmt: skip
