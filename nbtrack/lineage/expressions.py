"""Reads the expressions of one body: an ``ast`` node in, references to the values it may give out, the steps it takes noted on the way."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable
from typing import Any

from nbtrack.lineage.facts import (
    ALL,
    CALL,
    CONSUME,
    MAKE,
    PATH,
    RESOURCE,
    RETURN,
    TOUCH,
    Argument,
    Call,
    Hint,
    Ref,
    Refs,
    Step,
)  # fmt: skip
from nbtrack.lineage.purity import FORMULAS, PLAIN_ATTRIBUTES

NOTHING: Refs = ()
NO_ARGUMENT = Argument(())
_AT_NAME = re.compile(r"@([A-Za-z_]\w*)")
_NAME = re.compile(r"(?<![\w.])[A-Za-z_]\w*")


class Expressions:
    """The state of reading one body (a cell, a function) and what its expressions do."""

    def __init__(self, parent: Expressions | None = None, local_names: Iterable[str] = (), global_names: Iterable[str] = ()) -> None:
        self.parent = parent
        self.is_cell = parent is None
        self.local_names = set(local_names)
        self.global_names = set(global_names)
        self.inner: list[tuple[str, set[str]]] = []
        self.steps: list[Step] = []
        self.reads: dict[str, str] = {}
        self.own: dict[str, None] = {}
        self.lazy = False
        self.condition = 0
        self.bound: dict[str, None] = {}
        self.order: list[str] = []
        self.uses: dict[str, str] = {}
        self.label = ""
        self.first_param = ""
        self.loop_early: set[str] | None = None
        self.loop_bound: set[str] = set()
        self._places = 0
        self._touched: dict[Ref, None] = {}
        self._items: dict[Ref, None] = {}
        self._paths: set[tuple[str, str]] = set()
        self.evaluators = self._by_type()

    # -- names ---------------------------------------------------------------------------------------------------------------------

    def resolve(self, name: str) -> str:
        """Tell whether a name read here is local (``":x"``) or global (``"x"``), and remember that it is read."""
        for _, names in reversed(self.inner):
            if name in names:
                return f":{name}"
        if self.loop_early is not None and name not in self.loop_bound:
            self.loop_early.add(name)
        if name in self.local_names:
            return f":{name}"
        if name not in self.global_names and self.parent is not None and self.parent.owns(name):
            self.own[name] = None
            return f":{name}"
        if name not in self.reads:
            self.reads[name] = self.label
        if self.is_cell and name not in self.bound and name not in self.uses:
            self.uses[name] = self.label
        return name

    def owns(self, name: str) -> bool:
        """Tell whether a name is local to this body or to one around it, as a nested function sees it."""
        if any(name in names for kind, names in self.inner if kind != "class"):
            return True
        if name in self.local_names:
            return True
        if self.parent is not None and name not in self.global_names and self.parent.owns(name):
            self.own[name] = None
            return True
        return False

    def place(self) -> int:
        """Return a new place for a value made here."""
        self._places += 1
        return self._places

    def flush(self) -> None:
        """Note the operations of the statement so far as one step."""
        if self._touched:
            self.steps.append((TOUCH, tuple(self._touched), len(self.order), tuple(self._items)))
            self._touched, self._items = {}, {}

    def touch(self, refs: Refs) -> None:
        """Remember that an operation worked on values."""
        for ref in refs:
            self._touched[ref] = None

    # -- expressions ---------------------------------------------------------------------------------------------------------------

    def value(self, node: ast.expr | None) -> Refs:
        """Return the references to what an expression gives."""
        if node is None:
            return NOTHING
        read = self.evaluators.get(type(node))
        return read(node) if read is not None else self._unknown(node)

    def make(self, refs: Refs, kind: str) -> Refs:
        """Note that a new value is made out of others."""
        place = self.place()
        self.steps.append((MAKE, place, refs, kind))
        return (place,)

    def consume(self, refs: Refs) -> None:
        """Note that values are iterated over."""
        if refs:
            self.steps.append((CONSUME, refs, len(self.order)))
            self.touch(refs)

    def _by_type(self) -> dict[type, Callable[[Any], Refs]]:
        return {
            ast.Constant: lambda node: NOTHING,
            ast.Name: lambda node: (self.resolve(node.id),),
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.Call: self.call,
            ast.BinOp: self._binary,
            ast.Compare: self._compare,
            ast.BoolOp: self._either,
            ast.UnaryOp: self._unary,
            ast.IfExp: self._choice,
            ast.List: lambda node: self._display(node.elts, "data"),
            ast.Set: lambda node: self._display(node.elts, "data"),
            ast.Tuple: lambda node: self._display(node.elts, "tuple"),
            ast.Dict: self._dict,
            ast.JoinedStr: self._joined,
            ast.FormattedValue: self._formatted,
            ast.Starred: self._starred,
            ast.NamedExpr: self._walrus,
            ast.Await: self._await,
            ast.Yield: self._yield,
            ast.YieldFrom: self._yield_from,
            ast.Slice: self._slice,
        }

    def _unknown(self, node: ast.AST) -> Refs:
        found: list[Ref] = []
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                found.extend(self.value(child))
        return self.deep(tuple(found))

    @staticmethod
    def deep(refs: Refs) -> Refs:
        """Return references to the values and all they hold."""
        return tuple(ref if type(ref) is tuple else (ref,) for ref in refs)  # type: ignore[misc]

    def _attribute(self, node: ast.Attribute) -> Refs:
        root, chain = self.chain(node)
        refs = self.value(node.value)
        if node.attr == "user_ns":
            return self._everything()
        self.touch(refs)
        if root and (root, chain) not in self._paths:
            self._paths.add((root, chain))
            self.steps.append((PATH, root, chain))
        if node.attr in PLAIN_ATTRIBUTES:
            return NOTHING
        if node.attr == "__class__":
            return self.make(refs, "class")
        return (*refs, *self.deep(refs))  # the value itself: its method may be kept and called later

    def chain(self, node: ast.expr) -> tuple[str, str]:
        """Return the name and the attributes of ``name.a.b``; two empty texts for anything else."""
        names: list[str] = []
        while isinstance(node, ast.Attribute):
            names.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return "", ""
        return self.resolve(node.id), ".".join(reversed(names))

    def _subscript(self, node: ast.Subscript) -> Refs:
        name = namespace_key(node)
        if name is not None and (self.is_cell or not is_call_of(node.value, "locals")):
            return (self.resolve(name),)
        if is_environment(node.value):
            self.environment(node, "__getitem__")
            return NOTHING
        refs = self.value(node.value)
        self.value(node.slice)
        self.touch(refs)
        for ref in refs:
            self._items[ref] = None
        if isinstance(node.slice, ast.Slice) or (
            isinstance(node.slice, ast.Tuple) and any(isinstance(one, ast.Slice) for one in node.slice.elts)
        ):
            return self.make(refs, "part")
        return self.deep(refs)

    def environment(self, node: ast.Subscript, method: str) -> None:
        """Note that one environment variable is read or set."""
        root, chain = self.chain(node.value)
        key = self.argument(node.slice)
        full = f"{chain}.{method}" if chain else method
        self.steps.append((CALL, Call(-1, NOTHING, root, full, method, NO_ARGUMENT, (key,), (), False, True, len(self.order))))

    def _binary(self, node: ast.BinOp) -> Refs:
        refs, kind = self._operands(node)
        if not refs:
            return NOTHING
        self.touch(refs)
        return self.make(refs, kind)

    def _operands(self, node: ast.BinOp) -> tuple[Refs, str]:
        """Return what a whole formula is made from: one new value stands for its steps, where a sum does not hold what a product made."""
        kind = "sum" if isinstance(node.op, (ast.Add, ast.Mult, ast.BitOr)) else "math"
        found: dict[Ref, None] = {}
        for side in (node.left, node.right):
            if isinstance(side, ast.BinOp):
                refs, inner = self._operands(side)
                if kind == "sum" and inner == "math" and refs:
                    self.touch(refs)
                    refs = self.make(refs, "math")
            else:
                refs = self.value(side)
            found.update(dict.fromkeys(refs))
        return tuple(found), kind

    def _compare(self, node: ast.Compare) -> Refs:
        refs = self.value(node.left)
        for operator, right in zip(node.ops, node.comparators, strict=True):
            other = self.value(right)
            if isinstance(operator, (ast.In, ast.NotIn)):
                self.consume(other)
            refs += other
        if not refs:
            return NOTHING
        self.touch(refs)
        return self.make(refs, "math")

    def _either(self, node: ast.BoolOp) -> Refs:
        refs = self.value(node.values[0])
        self.touch(refs)
        self.condition += 1
        for value in node.values[1:]:
            refs += self.value(value)
        self.condition -= 1
        return refs

    def _unary(self, node: ast.UnaryOp) -> Refs:
        refs = self.value(node.operand)
        self.touch(refs)
        return NOTHING if isinstance(node.op, ast.Not) or not refs else self.make(refs, "math")

    def _choice(self, node: ast.IfExp) -> Refs:
        self.touch(self.value(node.test))
        self.condition += 1
        refs = self.value(node.body) + self.value(node.orelse)
        self.condition -= 1
        return refs

    def _display(self, elements: list[ast.expr], kind: str) -> Refs:
        refs: Refs = NOTHING
        for element in elements:
            refs += self.value(element)
        return self.make(refs, kind) if refs or kind == "data" else NOTHING

    def _dict(self, node: ast.Dict) -> Refs:
        refs: Refs = NOTHING
        for key, value in zip(node.keys, node.values, strict=True):
            if key is None:
                spread = self.value(value)
                self.consume(spread)
                refs += self.deep(spread)
            else:
                refs += self.value(key) + self.value(value)
        return self.make(refs, "data")

    def _joined(self, node: ast.JoinedStr) -> Refs:
        for part in node.values:
            self.value(part)
        return NOTHING

    def _formatted(self, node: ast.FormattedValue) -> Refs:
        self.touch(self.value(node.value))
        if node.format_spec is not None:
            self.value(node.format_spec)
        return NOTHING

    def _starred(self, node: ast.Starred) -> Refs:
        refs = self.value(node.value)
        self.consume(refs)
        return self.deep(refs)

    def _walrus(self, node: ast.NamedExpr) -> Refs:
        refs = self.value(node.value)
        hidden, self.inner = self.inner, [one for one in self.inner if one[0] != "comprehension"]
        self.assign(node.target, refs, node.value, None)
        self.inner = hidden
        return (*refs, self.resolve(node.target.id))

    def _await(self, node: ast.Await) -> Refs:
        refs = self.value(node.value)
        self.consume(refs)
        return self.deep(refs)

    def _yield(self, node: ast.Yield) -> Refs:
        self.lazy = True
        self.steps.append((RETURN, self.value(node.value)))
        return NOTHING

    def _yield_from(self, node: ast.YieldFrom) -> Refs:
        self.lazy = True
        refs = self.value(node.value)
        self.consume(refs)
        self.steps.append((RETURN, self.deep(refs)))
        return NOTHING

    def _slice(self, node: ast.Slice) -> Refs:
        for part in (node.lower, node.upper, node.step):
            self.value(part)
        return NOTHING

    def _everything(self) -> Refs:
        self.steps.append((RESOURCE, (ALL,), (ALL,)))
        return NOTHING

    # -- what the two halves of the reader give each other ---------------------------------------------------------------------------

    def call(self, node: ast.Call, *, taken: bool = True) -> Refs:
        """Read a call."""
        raise NotImplementedError

    def argument(self, node: ast.expr) -> Argument:
        """Read one argument of a call."""
        raise NotImplementedError

    def assign(self, target: ast.expr, refs: Refs, value: ast.expr | None, hint: Hint | None) -> None:
        """Bind a target."""
        raise NotImplementedError

    def nested(self, params: Iterable[str], local_names: Iterable[str], global_names: Iterable[str] = ()) -> Expressions:
        """Begin the body of a function inside this one."""
        raise NotImplementedError

    def text_names(self, name: str, text: str) -> None:
        """Note the variables that a text given to ``query``, a formula or the like reads from its caller."""
        if name in FORMULAS:
            for word in _NAME.findall(text):
                self.resolve(word)
        else:
            for word in _AT_NAME.findall(text):
                self.resolve(word)


def is_call_of(node: ast.expr, name: str) -> bool:
    """Tell whether a node is ``name(...)``."""
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name


def namespace_key(node: ast.Subscript) -> str | None:
    """Return x for ``globals()["x"]`` and its like."""
    holds = is_call_of(node.value, "globals") or is_call_of(node.value, "locals") or is_call_of(node.value, "vars")
    holds = holds and not node.value.args  # type: ignore[attr-defined]
    holds = holds or (isinstance(node.value, ast.Attribute) and node.value.attr == "user_ns")
    if holds and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, str):
        return node.slice.value
    return None


def is_environment(node: ast.expr) -> bool:
    """Tell whether a node looks like ``os.environ``."""
    return (isinstance(node, ast.Attribute) and node.attr == "environ") or (isinstance(node, ast.Name) and node.id == "environ")
