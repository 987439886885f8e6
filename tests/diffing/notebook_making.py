"""Notebooks for the tests: written by hand in one line a cell, made by hypothesis, or grown through a history of edits."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

from hypothesis import strategies as st

Notebook = dict[str, Any]

WORDS = ("load", "frame", "model", "score", "plot", "0.01", "128", "x", "=", "(", ")", "train", "valid", "#", "é", "数", "\t", "'a'")
LINE_ENDS = ("\n", "\r\n", "\r", "\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\u2029")
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+M8AAAIEAQH7u1fXAAAAAElFTkSuQmCC"


def code(source: str, *outputs: Any, count: int | None = None, **more: Any) -> dict[str, Any]:
    """Write a code cell."""
    return {"cell_type": "code", "execution_count": count, "metadata": {}, "outputs": list(outputs), "source": source, **more}


def text(source: str, **more: Any) -> dict[str, Any]:
    """Write a Markdown cell."""
    return {"cell_type": "markdown", "metadata": {}, "source": source, **more}


def printed(words: str, name: str = "stdout") -> dict[str, Any]:
    """Write a stream output."""
    return {"output_type": "stream", "name": name, "text": words}


def result(count: int | None = None, **forms: Any) -> dict[str, Any]:
    """Write a result; ``plain``, ``html``, ``png``, ``svg`` name its forms."""
    names = {"plain": "text/plain", "html": "text/html", "png": "image/png", "svg": "image/svg+xml", "json": "application/json"}
    data = {names.get(key, key): value for key, value in forms.items()}
    return {"output_type": "execute_result", "execution_count": count, "data": data, "metadata": {}}


def notebook(*cells: Any, **more: Any) -> Notebook:
    """Write a notebook of format 4."""
    return {"cells": list(cells), "metadata": {}, "nbformat": 4, "nbformat_minor": 4, **more}


def with_ids(made: Notebook, start: int = 0) -> Notebook:
    """Give every cell an id of its own."""
    return {**made, "cells": [{**cell, "id": f"id{start + place}"} for place, cell in enumerate(made["cells"])], "nbformat_minor": 5}


def canonical(value: object) -> str:
    """Return canonical JSON: the form in which the law of patches is stated."""
    return json.dumps(value, sort_keys=True)


line = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
source_text = st.lists(st.tuples(line, st.sampled_from(LINE_ENDS)), max_size=5).map(lambda pairs: "".join(a + b for a, b in pairs))
any_text = st.one_of(source_text, line, st.text(max_size=12))
multiline = st.one_of(any_text, any_text.map(lambda one: one.splitlines(True)), st.lists(st.text(max_size=4), max_size=3))
leaf = st.one_of(st.none(), st.booleans(), st.sampled_from([0, 1, 1.0, 0.0, -0.0, 2, float("nan"), float("inf")]), any_text)
value = st.recursive(
    leaf,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
    max_leaves=6,
)
count = st.sampled_from([None, 1, 2])
bundle = st.dictionaries(
    st.sampled_from(["text/plain", "text/html", "image/png", "image/svg+xml", "application/json", "application/pdf", "text/latex"]),
    st.one_of(multiline, value, st.just(PNG), st.just("<table><tr><th>a</th></tr><tr><td>1</td></tr></table>")),
    max_size=3,
)
output = st.one_of(
    st.fixed_dictionaries({"output_type": st.just("stream"), "name": st.sampled_from(["stdout", "stderr"]), "text": multiline}),
    st.fixed_dictionaries({"output_type": st.just("display_data"), "data": bundle, "metadata": st.just({})}),
    st.fixed_dictionaries({"output_type": st.just("execute_result"), "data": bundle, "metadata": st.just({}), "execution_count": count}),
    st.fixed_dictionaries({"output_type": st.just("error"), "ename": line, "evalue": line, "traceback": st.lists(line, max_size=2)}),
    value,
)
cell = st.fixed_dictionaries(
    {},
    optional={
        "cell_type": st.one_of(st.sampled_from(["code", "markdown", "raw"]), value),
        "source": st.one_of(multiline, value),
        "outputs": st.one_of(st.lists(output, max_size=3), value),
        "execution_count": st.one_of(st.none(), st.integers(0, 3), value),
        "metadata": value,
        "id": st.sampled_from(["a", "b", "c", "d", "", "a"]),
        "attachments": value,
        "extra": value,
    },
)
cells = st.lists(st.one_of(cell, cell, cell, value), max_size=6)
sheet = st.fixed_dictionaries({"cells": cells})
notebooks = st.one_of(
    st.fixed_dictionaries({"cells": cells, "metadata": value, "nbformat": st.just(4), "nbformat_minor": st.integers(0, 5)}),
    st.fixed_dictionaries({"worksheets": st.lists(st.one_of(sheet, value), max_size=2), "nbformat": st.just(3)}),
    st.dictionaries(st.sampled_from(["cells", "metadata", "nbformat", "worksheets"]), value, max_size=3),
)


@st.composite
def edited(draw: st.DrawFn, made: Notebook) -> Notebook:
    """Edit a notebook as people and kernels do: text, order, copies, outputs, ids, forms."""
    changed = copy.deepcopy(made)
    inside = changed.get("cells")
    if not isinstance(inside, list):
        return changed
    for _ in range(draw(st.integers(0, 4))):
        verb = draw(st.sampled_from(["insert", "drop", "move", "copy", "replace", "source", "form"]))
        place = draw(st.integers(0, max(len(inside) - 1, 0)))
        if verb == "insert" or not inside:
            inside.insert(place, draw(cell))
        elif verb == "drop":
            del inside[place]
        elif verb == "move":
            inside.insert(draw(st.integers(0, len(inside) - 1)), inside.pop(place))
        elif verb == "copy":
            inside.insert(place, copy.deepcopy(inside[place]))
        elif verb == "replace":
            inside[place] = draw(cell)
        elif isinstance(inside[place], dict):
            now = inside[place].get("source")
            inside[place]["source"] = draw(multiline) if verb == "source" or not isinstance(now, str) else now.splitlines(True)
    return changed


def grown(seed: int, *, cells: int = 12, steps: int = 12) -> list[Notebook]:
    """Grow a history: states of one notebook, each a few edits after the one before."""
    picked = random.Random(seed)

    def some_source() -> str:
        return "\n".join(" ".join(picked.choices(WORDS, k=picked.randrange(1, 7))) for _ in range(picked.randrange(1, 6)))

    def some_outputs() -> list[Any]:
        made = (
            printed(f"loss {picked.random():.3f}\nat 0x{picked.getrandbits(44):x}\n"),
            result(picked.randrange(50), plain=f"{picked.random():.4f}"),
            result(None, png=PNG[:-8] + f"{picked.randrange(10**7):08d}", plain="<Figure>"),
        )
        return picked.sample(made, picked.randrange(3))

    state = notebook(*(code(some_source(), *some_outputs(), count=number) for number in range(cells)))
    history = [state]
    for _ in range(steps):
        state = copy.deepcopy(state)
        inside = state["cells"]
        for _ in range(picked.randrange(1, 5)):
            verb, place = picked.randrange(6), picked.randrange(len(inside))
            if verb == 0:
                inside.insert(place, code(some_source()))
            elif verb == 1 and len(inside) > 3:
                del inside[place]
            elif verb == 2:
                inside.insert(picked.randrange(len(inside)), inside.pop(place))
            elif verb == 3:
                inside[place]["outputs"] = some_outputs()
                inside[place]["execution_count"] = picked.randrange(100)
            else:
                lines = inside[place]["source"].split("\n")
                lines[picked.randrange(len(lines))] = some_source().split("\n")[0]
                inside[place]["source"] = "\n".join(lines)
        if picked.random() < 0.2:
            state = with_ids(state, picked.randrange(1000))
        history.append(state)
    return history
