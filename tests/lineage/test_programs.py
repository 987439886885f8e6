"""A law: for small programs split into cells and run in any order, with cells run again, every slice gives the value of the history."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nbtrack.lineage import Evidence, Executed, analyse, slice_back

NAMES = ["a", "b", "c", "d"]
name = st.sampled_from(NAMES)
number = st.integers(0, 3)

FUNCTIONS = """
memo = []
base = 1
def grow(xs, x=1):
    xs.append(x)
    return xs
def count(xs):
    return len(xs) + base
def keep(x, seen=[]):
    seen.append(x)
    return seen
def bump():
    global base
    base += 1
def both(x, y):
    return [x, y]
class Box:
    made = 0
    def __init__(self, v):
        Box.made += 1
        self.v = v
        self.log = []
    def put(self, x):
        self.log.append(x)
        return self
    @property
    def size(self):
        memo.append(0)
        return len(self.log)
"""


def statement() -> st.SearchStrategy[str]:
    """One line over ints, lists, dicts and objects; some fail, which is a case too."""
    return st.one_of(
        st.builds("{} = {}".format, name, number),
        st.builds("{} = [{}, {}]".format, name, number, number),
        st.builds("{} = [{}]".format, name, name),
        st.builds("{} = {{'k': {}}}".format, name, name),
        st.builds("{} = {}".format, name, name),
        st.builds("{} = {}[0]".format, name, name),
        st.builds("{}, {} = {}, {}".format, name, name, name, name),
        st.builds("{}.append({})".format, name, name),
        st.builds("{}.append({})".format, name, number),
        st.builds("{}[0].append({})".format, name, number),
        st.builds("{}[0] = {}".format, name, number),
        st.builds("{}['k'] = {}".format, name, name),
        st.builds("{} += [{}]".format, name, number),
        st.builds("{} = {} + {}".format, name, name, name),
        st.builds("{} = list({})".format, name, name),
        st.builds("{} = {}[:]".format, name, name),
        st.builds("{} = iter({})".format, name, name),
        st.builds("{} = next({})".format, name, name),
        st.builds("{} = [z for z in {}]".format, name, name),
        st.builds("{} = (z for z in {})".format, name, name),
        st.builds("{} = grow({}, {})".format, name, name, number),
        st.builds("grow({}, {})".format, name, name),
        st.builds("{} = count({})".format, name, name),
        st.builds("{} = keep({})".format, name, number),
        st.builds("{} = both({}, {})".format, name, name, name),
        st.builds("{} = Box({})".format, name, name),
        st.builds("{}.put({})".format, name, number),
        st.builds("{} = {}.size".format, name, name),
        st.builds("{} = {}.log".format, name, name),
        st.builds("{}.v = {}".format, name, name),
        st.builds("{} = {}.v".format, name, name),
        st.builds("{} = lambda: {}".format, name, name),
        st.builds("{} = {}()".format, name, name),
        st.builds("if {}: {} = {}".format, name, name, number),
        st.builds("for z in {}: z.append({})".format, name, number),
        st.builds("for {} in {}: pass".format, name, name),
        st.builds("del {}".format, name),
        st.builds("{}.sort()".format, name),
        st.builds("{} = {}.pop()".format, name, name),
        st.builds("try: {} = {}[1]\nexcept Exception: {} = 7".format, name, name, name),
        st.just("bump()"),
        st.builds("{} = len(memo), base, Box.made".format, name),
    )


def list_statement() -> st.SearchStrategy[str]:
    """One line over lists of lists, which hardly ever fails: what is shared is shared for long."""
    return st.one_of(
        st.builds("{} = [{}, {}]".format, name, number, number),
        st.builds("{} = [{}]".format, name, name),
        st.builds("{} = {}".format, name, name),
        st.builds("{}, {} = {}, {}".format, name, name, name, name),
        st.builds("{}.append({})".format, name, name),
        st.builds("{}.append({})".format, name, number),
        st.builds("{}[0].append({})".format, name, number),
        st.builds("{}[0] = {}".format, name, number),
        st.builds("{} += [{}]".format, name, number),
        st.builds("{} = {} + {}".format, name, name, name),
        st.builds("{} = list({})".format, name, name),
        st.builds("{} = {}[:]".format, name, name),
        st.builds("{} = [z for z in {}]".format, name, name),
        st.builds("{} = grow({}, {})".format, name, name, number),
        st.builds("grow({}, {})".format, name, name),
        st.builds("{} = keep({})".format, name, number),
        st.builds("{} = both({}, {})".format, name, name, name),
        st.builds("{} = sorted({}, key=str)".format, name, name),
        st.builds("{} = (lambda: {})()".format, name, name),
        st.builds("if len({}) > 2: {} = [{}]".format, name, name, number),
        st.builds("{} = Box({}).put({}).log".format, name, name, number),
        st.builds("{} = both({}, {})[1]".format, name, name, name),
        st.builds("for z in {}: z.append({})".format, name, number),
        st.builds("try: {} = {}[1]\nexcept Exception: {} = 7".format, name, name, name),
        st.just("bump()"),
        st.builds("{} = len(memo), base, Box.made".format, name),
    )


@st.composite
def histories(draw: Any, lines: st.SearchStrategy[str]) -> tuple[list[str], list[int], str]:
    """Cells, the order they run in, the target."""
    cells = ["\n".join(draw(st.lists(lines, min_size=1, max_size=3))) for _ in range(draw(st.integers(2, 6)))]
    order = draw(st.lists(st.integers(0, len(cells) - 1), min_size=2, max_size=14))
    return cells, order, draw(name)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(histories(statement()), st.booleans())
def test_a_slice_of_a_random_history_gives_its_value(history: tuple[list[str], list[int], str], evidence: bool) -> None:
    prove("a, b, c, d = [1], [2], 3, {'k': []}", history, evidence=evidence)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(histories(list_statement()), st.booleans())
def test_a_slice_of_shared_lists_gives_its_value(history: tuple[list[str], list[int], str], evidence: bool) -> None:
    prove("a, b, c, d = [[1]], [[2]], [[3]], [[4]]", history, evidence=evidence)


def prove(first: str, history: tuple[list[str], list[int], str], *, evidence: bool) -> None:
    """Run a history and the slice of its target, and compare."""
    cells, order, target = history
    sources = [FUNCTIONS, first, *(cells[at] for at in order)]
    value, executed = run(sources, target, evidence=evidence)
    found = slice_back(executed, target)
    kept = [int(one) for one in found.executions]
    again, _ = run([sources[at] for at in kept], target, evidence=False)
    told = "\n".join(f"--- {step.id}: {step.reason}\n{step.source}" for step in found.steps[1:])
    whole = "\n---\n".join(sources[1:])
    assert again == value, f"{target} was {value}, the slice gives {again}\nhistory:\n{whole}\nslice:\n{told}"


def run(sources: list[str], target: str, *, evidence: bool) -> tuple[str, list[Executed]]:
    """Run cells in a fresh namespace; returns what the target shows and the history."""
    space: dict[str, Any] = {"__name__": "cells"}
    executed = []
    for at, source in enumerate(sources):
        before = dict(space)
        error = ""
        try:
            exec(compile(source, "cell", "exec"), space)
        except Exception as problem:  # noqa: BLE001  whatever a random cell raises is an error cell
            error = type(problem).__name__
        rebound = frozenset(one for one in space if one != "__builtins__" and (one not in before or space[one] is not before[one]))
        gone = frozenset(before) - frozenset(space)
        types = {one: type(space[one]).__name__ for one in rebound}
        seen = Evidence(rebound=rebound, deleted=gone, types=types, error=error) if evidence else Evidence(error=error) if error else None
        executed.append(Executed(str(at), analyse(source), seen))
    return show(space[target], 0) if target in space else "gone", executed


def show(value: Any, depth: int) -> str:
    """Write a value down to what can be compared, iterators by what they would give."""
    if depth > 6:
        return "..."
    if isinstance(value, list | tuple):
        return "[" + ", ".join(show(one, depth + 1) for one in value) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {show(one, depth + 1)}" for key, one in value.items()) + "}"
    if type(value).__name__ == "Box":
        return f"Box({show(value.v, depth + 1)}, {show(value.log, depth + 1)})"
    if type(value).__name__.endswith("iterator"):
        return f"iterator {show(list(copy.copy(value)), depth + 1)}"
    if type(value).__name__ == "generator":
        return f"generator {show(list(value), depth + 1)}"
    if callable(value):
        return "code"
    return repr(value)
