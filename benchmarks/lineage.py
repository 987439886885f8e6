"""Lineage: the analysis of a cell and the slice of a history, on real notebooks when ``NBTRACK_NOTEBOOKS`` is set, on made-up cells always."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import Row, percentile
from benchmarks.slices import AGAIN, NOTEBOOKS, cells_of
from nbtrack.lineage import CellAnalysis, Executed, History, analyse

MADE_UP = (
    "import numpy as np\nimport pandas as pd\nfrom sklearn.linear_model import LogisticRegression\nfrom sklearn.metrics import accuracy_score",
    "df = pd.read_csv('data.csv')",
    "df['ratio'] = df['a'] / df['b']\ndf = df.dropna()",
    "X = df[['a', 'ratio']].values\ny = df['y'].values",
    "from sklearn.model_selection import train_test_split\nX_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)",
    "def report(model, X, y):\n    predicted = model.predict(X)\n    results.append(accuracy_score(y, predicted))\n    return results[-1]",
    "results = []\nC = 0.1",
    "clf = LogisticRegression(C=C)\nclf.fit(X_train, y_train)",
    "acc = report(clf, X_test, y_test)\nprint(acc)",
    "for C in (0.1, 1, 10):\n    clf = LogisticRegression(C=C).fit(X_train, y_train)\n    print(C, report(clf, X_test, y_test))",
    "df.describe()",
)
MOST_MS = {1_000: 50, 10_000: 500}


def rows() -> list[Row]:
    """Measure analysis and slicing."""
    sets: dict[str, list[str]] = {"made-up cells": list(MADE_UP)}
    folder = os.environ.get("NBTRACK_NOTEBOOKS")
    if folder:
        sets |= {name: cells_of(Path(folder) / "notebooks" / f"{name}.ipynb") for name in NOTEBOOKS}
    found = _analysis([source for name, sources in sets.items() for source in sources if name != "made-up cells" or not folder])
    for name, sources in sets.items():
        analysed = [analyse(source) for source in sources]
        for length in MOST_MS:
            found.append(_slicing(name, analysed, length))
    return found


def _analysis(sources: Sequence[str], rounds: int = 5) -> list[Row]:
    spent = []
    for source in sources:
        best = float("inf")
        for _ in range(rounds):
            begin = time.process_time()
            analyse(source)
            best = min(best, time.process_time() - begin)
        spent.append(best * 1000)
    p50, p95 = percentile(spent, 0.5), percentile(spent, 0.95)
    beside = f"{len(sources)} cells, slowest {max(spent):.1f} ms"
    return [
        Row("analysis of a cell, p50", f"{p50:.2f} ms CPU", beside, "< 0.5 ms", p50 < 0.5),
        Row("analysis of a cell, p95", f"{p95:.2f} ms CPU", beside, "< 3 ms", p95 < 3),
    ]


def order_of(cells: int, length: int, seed: int = 1) -> list[int]:
    """Run a notebook from top to bottom over and over, with 40 % of the cells executed again in between."""
    draw = random.Random(seed)
    order: list[int] = []
    while len(order) < length:
        for at in range(cells):
            order.append(at)
            if draw.random() < AGAIN:
                order.append(draw.randrange(at + 1))
    return order[:length]


def _slicing(name: str, analysed: Sequence[CellAnalysis], length: int, rounds: int = 3) -> Row:
    history = [Executed(str(at), analysed[cell], count=at + 1) for at, cell in enumerate(order_of(len(analysed), length))]
    whole, back, kept = float("inf"), float("inf"), 0
    for _ in range(rounds):
        begin = time.process_time()
        ready = History(history)
        middle = time.process_time()
        kept = len(ready.slice_back((), execution=history[-1].id).steps)
        end = time.process_time()
        whole, back = min(whole, end - begin), min(back, end - middle)
    most = MOST_MS[length]
    beside = f"of it {back * 1000:.1f} ms for the walk back alone; {kept} executions kept"
    return Row(f"slice of {length:,} executions, {name}", f"{whole * 1000:.0f} ms CPU", beside, f"< {most} ms", whole * 1000 < most)
