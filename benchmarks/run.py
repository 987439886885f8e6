"""Measure nbtrack against plain SQLite and its own bars, and print one table: ``python -m benchmarks.run [GROUP ...] [--large]``.

Groups: write, query, cells, processes, diff, checkpoints; all when none is named. Real notebooks are taken from
``NBTRACK_NOTEBOOKS`` when it is set.
"""

from __future__ import annotations

import argparse
import platform
import sqlite3
import time

from benchmarks import cells, checkpoints, diff, processes, query, write
from benchmarks.measure import Row


def main() -> None:
    """Run the groups and print the table as Markdown."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("groups", nargs="*", choices=[[], "write", "query", "cells", "processes", "diff", "checkpoints"])
    parser.add_argument("--large", action="store_true", help="also 100,000 runs, and nbdime on 1,000 cells with new ids")
    options = parser.parse_args()
    chosen = options.groups or ["write", "query", "cells", "processes", "diff", "checkpoints"]
    groups = {
        "write": write.rows,
        "query": lambda: query.rows(large=options.large),
        "cells": cells.rows,
        "processes": processes.rows,
        "diff": lambda: diff.rows(large=options.large),
        "checkpoints": checkpoints.rows,
    }
    print(f"Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, {platform.platform()}, {time.strftime('%Y-%m-%d')}\n")
    print("| what | measured | beside it, same run | bar | met |\n|---|---|---|---|---|")
    for name in chosen:
        for row in groups[name]():
            print(_line(row), flush=True)


def _line(row: Row) -> str:
    met = {True: "yes", False: "no", None: ""}[row.met]
    return f"| {row.what} | {row.figure} | {row.beside} | {row.bar} | {met} |"


if __name__ == "__main__":
    main()
