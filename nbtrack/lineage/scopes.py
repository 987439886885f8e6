"""Reads the expressions that have names of their own: comprehensions, generator expressions, lambdas."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from nbtrack.lineage.calls import Calls
from nbtrack.lineage.expressions import NOTHING, Expressions
from nbtrack.lineage.facts import CODE, RETURN, Facts, Refs


class Scopes(Calls):
    """Reads expressions with a scope."""

    def __init__(self, parent: Expressions | None = None, local_names: Iterable[str] = (), global_names: Iterable[str] = ()) -> None:
        super().__init__(parent, local_names, global_names)
        self.evaluators |= {
            ast.ListComp: self._comprehension,
            ast.SetComp: self._comprehension,
            ast.DictComp: self._comprehension,
            ast.GeneratorExp: self._generator,
            ast.Lambda: self._lambda,
        }

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.DictComp) -> Refs:
        self.inner.append(("comprehension", set()))
        first = True
        for part in node.generators:
            if first:
                _, names = self.inner.pop()
                refs = self.value(part.iter)
                self.inner.append(("comprehension", names))
                first = False
            else:
                refs = self.value(part.iter)
            self.consume(refs)
            self.flush()
            self.condition += 1
            self.assign(part.target, self.deep(refs), None, None)
            for test in part.ifs:
                self.touch(self.value(test))
        refs = self.value(node.key) + self.value(node.value) if isinstance(node, ast.DictComp) else self.value(node.elt)
        self.flush()
        self.condition -= len(node.generators)
        self.inner.pop()
        return self.make(refs, "data")

    def _generator(self, node: ast.GeneratorExp) -> Refs:
        """Read a generator expression as a function that runs later; only its first iterable is looked up now."""
        first = self.value(node.generators[0].iter)
        child = self.nested([".0"], {name.id for part in node.generators for name in ast.walk(part.target) if isinstance(name, ast.Name)})
        child.inner.append(("comprehension", set()))
        for position, part in enumerate(node.generators):
            refs = (":.0",) if position == 0 else child.value(part.iter)
            child.consume(refs)
            child.flush()
            child.condition += 1
            child.assign(part.target, child.deep(refs), None, None)
            for test in part.ifs:
                child.touch(child.value(test))
        child.steps.append((RETURN, child.value(node.elt)))
        child.flush()
        return self.code(Facts(name="generator", steps=tuple(child.steps), reads=frozenset(child.reads), params=(".0",), positional=1,
                               own=tuple(child.own), lazy=True), first, kind="iter")  # fmt: skip

    def _lambda(self, node: ast.Lambda) -> Refs:
        params = [one.arg for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)]
        child = self.nested(params, {one.target.id for one in ast.walk(node.body) if isinstance(one, ast.NamedExpr)})
        for extra in (node.args.vararg, node.args.kwarg):
            if extra is not None:
                child.local_names.add(extra.arg)
        child.steps.append((RETURN, child.value(node.body)))
        child.flush()
        return self.code(close_facts(child, "lambda", node.args), self.defaults(node.args))

    def defaults(self, arguments: ast.arguments) -> Refs:
        """Return what the defaults of a function give, looked up now."""
        refs: Refs = NOTHING
        for default in (*arguments.defaults, *arguments.kw_defaults):
            refs += self.value(default)
        return refs

    def code(self, facts: Facts, held: Refs, kind: str = "code") -> Refs:
        """Note a function, lambda, class or generator made here."""
        place = self.place()
        self.steps.append((CODE, place, facts, held, kind))
        return (place,)


def close_facts(body: Expressions, name: str, arguments: ast.arguments) -> Facts:
    """Close a function's body."""
    positional = [one.arg for one in (*arguments.posonlyargs, *arguments.args)]
    return Facts(
        name=name,
        steps=tuple(body.steps),
        reads=frozenset(body.reads),
        params=(*positional, *(one.arg for one in arguments.kwonlyargs)),
        positional=len(positional),
        rest=arguments.vararg.arg if arguments.vararg else "",
        rest_keywords=arguments.kwarg.arg if arguments.kwarg else "",
        own=tuple(body.own),
        lazy=body.lazy,
    )
