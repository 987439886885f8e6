"""Reads what encloses statements: branches, loops, ``with``, ``try``, ``match``, functions and classes."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence

from nbtrack.lineage.calls import dotted
from nbtrack.lineage.expressions import NO_ARGUMENT, NOTHING, Expressions
from nbtrack.lineage.facts import CALL, CODE, Argument, Call, Facts, Refs
from nbtrack.lineage.purity import PASSES_ERRORS
from nbtrack.lineage.scopes import close_facts
from nbtrack.lineage.statements import Statements

_PROPERTIES = {"property", "cached_property", "setter", "getter", "deleter", "hybrid_property", "computed_field"}


class Reader(Statements):
    """Reads a whole body."""

    def __init__(self, parent: Expressions | None = None, local_names: Iterable[str] = (), global_names: Iterable[str] = ()) -> None:
        super().__init__(parent, local_names, global_names)
        self.readers |= {
            ast.For: self._for,
            ast.AsyncFor: self._for,
            ast.While: self._while,
            ast.If: self._if,
            ast.With: self._with,
            ast.AsyncWith: self._with,
            ast.Try: self._try,
            ast.TryStar: self._try,
            ast.Match: self._match,
            ast.FunctionDef: self._function,
            ast.AsyncFunctionDef: self._function,
            ast.ClassDef: self._class,
        }

    def nested(self, params: Iterable[str], local_names: Iterable[str], global_names: Iterable[str] = ()) -> Reader:
        """Begin the body of a function inside this one."""
        return Reader(self, {*params, *local_names}, global_names)

    # -- branches ------------------------------------------------------------------------------------------------------------------

    def _if(self, node: ast.If) -> bool | None:
        known = _truth(node.test)
        self.label = "a condition looks at"
        self.touch(self.value(node.test))
        self.flush()
        if known is not None:
            return self.block(node.body if known else node.orelse)
        start = dict(self.bound)
        self.condition += 1
        left_body = self.block(node.body)
        after_body, self.bound = self.bound, dict(start)
        left_else = self.block(node.orelse)
        self.condition -= 1
        if left_body and left_else:
            self.bound = start
            return True
        if left_body:
            return None
        self.bound = after_body if left_else else _common(after_body, self.bound)
        self._settle()
        return None

    def _settle(self) -> None:
        """Let names that every branch bound count as bound from here on."""
        if self.is_cell and self.condition == 0 and not self.inner:
            known = set(self.order)
            self.order.extend(name for name in self.bound if name not in known)

    def _match(self, node: ast.Match) -> bool | None:
        self.label = "a condition looks at"
        subject = self.value(node.subject)
        self.consume(subject)
        start = dict(self.bound)
        ends: list[dict[str, None]] = []
        catches_all = False
        self.condition += 1
        for case in node.cases:
            self.bound = dict(start)
            for part in ast.walk(case.pattern):
                name = (
                    part.rest
                    if isinstance(part, ast.MatchMapping)
                    else part.name
                    if isinstance(part, (ast.MatchAs, ast.MatchStar))
                    else None
                )
                if name is not None:
                    self.bind(name, (*subject, *self.deep(subject)), None)
                elif isinstance(part, (ast.MatchValue, ast.MatchClass)):
                    self.touch(self.value(part.value if isinstance(part, ast.MatchValue) else part.cls))
            if case.guard is not None:
                self.touch(self.value(case.guard))
            catches_all = catches_all or (case.guard is None and isinstance(case.pattern, ast.MatchAs) and case.pattern.pattern is None)
            if not self.block(case.body):
                ends.append(self.bound)
        self.condition -= 1
        if not catches_all:
            ends.append(start)
        self.bound = _common(*ends) if ends else start
        self._settle()
        return None

    def _try(self, node: ast.Try) -> bool | None:
        start = dict(self.bound)
        self.condition += 1
        left = self.block(node.body)
        if not left:
            left = self.block(node.orelse)
        ends = [] if left else [self.bound]
        for handler in node.handlers:
            self.bound = dict(start)
            self.value(handler.type)
            if handler.name:
                self.bind(handler.name, NOTHING, None)
            gone = self.block(handler.body)
            if handler.name:
                self.bound.pop(handler.name, None)
            if not gone:
                ends.append(self.bound)
        self.condition -= 1
        self.bound = _common(*ends) if ends else start
        finished = self.block(node.finalbody)
        self._settle()
        return finished or not ends

    def _with(self, node: ast.With | ast.AsyncWith) -> bool | None:
        passes = True
        start = dict(self.bound)
        for item in node.items:
            self.label = "a with block uses"
            refs = self.value(item.context_expr)
            self.consume(refs) if isinstance(node, ast.AsyncWith) else self.touch(refs)
            self.flush()
            called = item.context_expr.func if isinstance(item.context_expr, ast.Call) else item.context_expr
            passes = passes and dotted(called).split(".")[-1] in PASSES_ERRORS
            if item.optional_vars is not None:
                start_condition = self.condition
                self.assign(item.optional_vars, (*refs, *self.deep(refs)), None, None)
                self.condition = start_condition
                if isinstance(item.optional_vars, ast.Name):
                    start[item.optional_vars.id] = None
        self.condition += not passes
        left = self.block(node.body)
        self.condition -= not passes
        if not passes and self.is_cell:
            self.bound = start
            return None
        return left

    # -- loops ---------------------------------------------------------------------------------------------------------------------

    def _for(self, node: ast.For | ast.AsyncFor) -> None:
        self.label = "the loop goes over"
        refs = self.value(node.iter)
        self.consume(refs)
        self.flush()
        runs = _runs_once(node.iter) and not any(isinstance(one, (ast.Break, ast.Continue)) for part in node.body for one in ast.walk(part))
        self._loop(node.body, node.orelse, runs, node.target, refs)

    def _while(self, node: ast.While) -> None:
        self.label = "a condition looks at"
        self.touch(self.value(node.test))
        self.flush()
        self._loop(node.body, node.orelse, False, None, NOTHING, test=node.test)

    def _loop(
        self,
        body: Sequence[ast.stmt],
        orelse: Sequence[ast.stmt],
        runs: bool,
        target: ast.expr | None,
        refs: Refs,
        *,
        test: ast.expr | None = None,
    ) -> None:
        start = dict(self.bound)
        outermost = self.loop_early is None
        if outermost:
            self.loop_early, self.loop_bound = set(), set()
        begin = len(self.steps)
        self.condition += not runs
        if target is not None:
            self.assign(target, self.deep(refs), None, None)
        self.block(body)
        if test is not None:
            self.touch(self.value(test))
            self.flush()
        self.condition -= not runs
        if not runs and self.is_cell:
            self.bound = start
        if outermost:
            if self.loop_early is not None and self.loop_early & self.loop_bound:  # a second round sees what the first one left
                self.steps.extend(self.steps[begin:])
            self.loop_early = None
        self.condition += 1
        kept = dict(self.bound)
        self.block(orelse)
        self.bound = kept
        self.condition -= 1

    # -- functions and classes -----------------------------------------------------------------------------------------------------

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        self.label = f"{node.name} is made from"
        held = self.defaults(node.args)
        decorators = [(one, self.value(one)) for one in node.decorator_list]
        if self.is_cell:
            for one in (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs):
                self.value(one.annotation)
            self.value(node.returns)
        refs = self.code(self._function_facts(node), held)
        self._decorate(node, refs, decorators)

    def _function_facts(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Facts:
        arguments = node.args
        params = [one.arg for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)]
        params += [one.arg for one in (arguments.vararg, arguments.kwarg) if one is not None]
        bound, global_names, outer_names = _names_bound(node.body)
        child = self.nested(params, bound - global_names - outer_names, global_names)
        child.first_param = params[0] if params else ""
        child.lazy = isinstance(node, ast.AsyncFunctionDef)
        child.block(node.body)
        return close_facts(child, node.name, arguments)

    def _decorate(
        self, node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, refs: Refs, decorators: list[tuple[ast.expr, Refs]]
    ) -> None:
        for one, found in reversed(decorators):
            root, chain = self.chain(one)
            if (chain or root).split(".")[-1] in ("staticmethod", "classmethod", *_PROPERTIES):
                continue
            self.flush()
            place = self.place()
            method = chain.split(".")[-1]
            receiver = Argument(self.value(one.value)) if isinstance(one, ast.Attribute) else NO_ARGUMENT
            call = Call(
                place, found, root, chain, method, receiver, (Argument(refs),), (), False, self.condition > 0, len(self.order), refs
            )
            self.steps.append((CALL, call))
            refs = (place,)
        if self.is_cell and not self.inner:
            self.functions.append(node.name)
        self.bind(node.name, refs, None)

    def _class(self, node: ast.ClassDef) -> None:
        self.label = f"{node.name} is made from"
        held: Refs = NOTHING
        for given in (*node.bases, *(keyword.value for keyword in node.keywords)):
            held += self.value(given)
        decorators = [(one, self.value(one)) for one in node.decorator_list]
        start = len(self.steps)
        self.inner.append(("class", set()))
        self.block(node.body)
        _, names = self.inner.pop()
        properties = {
            one.name
            for one in node.body
            if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef))
            and any(dotted(part).split(".")[-1] in _PROPERTIES for part in one.decorator_list)
        }
        methods: dict[str, Facts] = {}
        for step in self.steps[start:]:
            if step[0] == CODE and step[2].name in names:
                name = step[2].name
                methods[f"{name}=" if name in methods else name] = step[2]
        facts = Facts(name=node.name, methods=methods, properties=frozenset(properties), is_class=True)
        refs = self.code(facts, (*held, *(f":{name}" for name in sorted(names))), kind="class")
        for keyword in node.keywords:
            if keyword.arg == "metaclass":
                root, chain = self.chain(keyword.value)
                call = Call(
                    -1,
                    self.value(keyword.value),
                    root,
                    chain,
                    "",
                    NO_ARGUMENT,
                    (Argument(refs),),
                    (),
                    True,
                    self.condition > 0,
                    len(self.order),
                    refs,
                )
                self.steps.append((CALL, call))
        self._decorate(node, refs, decorators)


def _truth(test: ast.expr) -> bool | None:
    """Tell the outcome of a condition that is written out: True, 0, ``__name__ == "__main__"``."""
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.Compare) and isinstance(test.left, ast.Name) and test.left.id == "__name__" and isinstance(test.ops[0], ast.Eq):
        right = test.comparators[0]
        return isinstance(right, ast.Constant) and right.value == "__main__"
    return None


def _runs_once(node: ast.expr) -> bool:
    """Tell whether a loop over this goes round at least once for certain."""
    if isinstance(node, (ast.List, ast.Tuple, ast.Set)):
        return bool(node.elts) and not any(isinstance(one, ast.Starred) for one in node.elts)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        numbers = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, int)]
        return len(numbers) == len(node.args) > 0 and len(range(*numbers)) > 0 if 0 not in numbers[2:] else False
    return False


def _common(*found: dict[str, None]) -> dict[str, None]:
    first, *others = found
    return {name: None for name in first if all(name in other for other in others)}


def _names_bound(body: Sequence[ast.stmt]) -> tuple[set[str], set[str], set[str]]:
    """Collect the names that a function's body binds, and those it declares global or nonlocal; nested bodies are left out."""
    bound: set[str] = set()
    global_names: set[str] = set()
    outer_names: set[str] = set()
    left: list[ast.AST] = list(body)
    while left:
        node = left.pop()
        if isinstance(node, ast.Name):
            if not isinstance(node.ctx, ast.Load):
                bound.add(node.id)
            continue
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            bound.add(node.name)
            continue
        if isinstance(node, ast.Lambda):
            continue
        if isinstance(node, (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)):
            bound.update(one.target.id for one in ast.walk(node) if isinstance(one, ast.NamedExpr))
            continue
        if isinstance(node, ast.Global):
            global_names.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            outer_names.update(node.names)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            bound.update((alias.asname or alias.name.split(".")[0]) for alias in node.names)
        elif (isinstance(node, ast.ExceptHandler) and node.name) or (isinstance(node, (ast.MatchAs, ast.MatchStar)) and node.name):
            bound.add(node.name)
        elif isinstance(node, ast.MatchMapping) and node.rest:
            bound.add(node.rest)
        left.extend(ast.iter_child_nodes(node))
    return bound, global_names, outer_names
