"""Reads the statements of a body in order: which names are bound for certain or perhaps, and the steps the world has to run."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from nbtrack.lineage.calls import dotted
from nbtrack.lineage.expressions import NOTHING, Expressions, is_environment, namespace_key
from nbtrack.lineage.facts import BIND, CHANGE, DROP, MAKE, MODULE, RETURN, STORE, Hint, Refs
from nbtrack.lineage.scopes import Scopes


class Statements(Scopes):
    """Reads statements; ``bound`` holds the names that are bound for certain at the present place, ``may`` all that may be."""

    def __init__(self, parent: Expressions | None = None, local_names: Iterable[str] = (), global_names: Iterable[str] = ()) -> None:
        super().__init__(parent, local_names, global_names)
        self.may: dict[str, None] = {}
        self.shown: ast.stmt | None = None
        self.star_imports: list[str] = []
        self.functions: list[str] = []
        self.imports: list[str] = []
        self.readers: dict[type, Callable[[Any], bool | None]] = {
            ast.Expr: self._expression,
            ast.Assign: self._assign,
            ast.AugAssign: self._augmented,
            ast.AnnAssign: self._annotated,
            ast.Import: self._import,
            ast.ImportFrom: self._import_from,
            ast.Delete: self._delete,
            ast.Return: self._return,
            ast.Raise: self._raise,
            ast.Assert: self._assert,
            ast.Break: lambda node: True,
            ast.Continue: lambda node: True,
        }

    def block(self, body: Sequence[ast.stmt]) -> bool:
        """Read statements in order; returns whether control leaves them for certain."""
        for node in body:
            read = self.readers.get(type(node))
            if read is None:
                continue
            self.label = ""
            left = read(node)
            self.flush()
            if left:
                return True
        return False

    # -- binding -------------------------------------------------------------------------------------------------------------------

    def assign(self, target: ast.expr, refs: Refs, value: ast.expr | None, hint: Hint | None) -> None:
        """Bind a target to values; ``value`` is the right side when it is written out."""
        if isinstance(target, ast.Name):
            self.bind(target.id, refs, hint if hint is not None else self._hint(value))
        elif isinstance(target, (ast.Tuple, ast.List)):
            self._unpack(target, refs, value)
        elif isinstance(target, ast.Starred):
            self.assign(target.value, self.make(self.deep(refs), "data"), None, None)
        elif isinstance(target, ast.Attribute):
            base = self.value(target.value)
            self.touch(base)
            self._change(base, refs)
        elif isinstance(target, ast.Subscript):
            name = namespace_key(target)
            if name is not None:
                self.bind(name, refs, None)
            elif is_environment(target.value):
                self.environment(target, "__setitem__")
            else:
                base = self.value(target.value)
                self.value(target.slice)
                self.touch(base)
                self._change(base, refs)

    def _change(self, base: Refs, held: Refs) -> None:
        self.flush()
        self.steps.append((CHANGE, base, True))
        if held:
            self.steps.append((STORE, base, held))

    def bind(self, name: str, refs: Refs, hint: Hint | None) -> None:
        """Bind one name."""
        self.bind_all([(name, refs, hint)])

    def bind_all(self, found: list[tuple[str, Refs, Hint | None]]) -> None:
        """Bind names at once: all right sides are looked up first."""
        self.flush()
        pairs = tuple((self._bound_name(name), refs, hint) for name, refs, hint in found)
        self.steps.append((BIND, pairs, self.condition == 0))

    def _bound_name(self, name: str) -> str:
        if self.inner:
            self.inner[-1][1].add(name)
            return f":{name}"
        self.loop_bound.add(name)
        if self.is_cell:
            self.may[name] = None
            self.bound[name] = None
            if self.condition == 0:
                self.order.append(name)
            return name
        if name in self.global_names:
            return name
        if name not in self.local_names:  # nonlocal
            self.own[name] = None
        return f":{name}"

    def _unpack(self, target: ast.Tuple | ast.List, refs: Refs, value: ast.expr | None) -> None:
        if isinstance(value, (ast.Tuple, ast.List)) and len(value.elts) == len(target.elts) and refs:
            plain = [one for one in (*value.elts, *target.elts) if isinstance(one, ast.Starred)]
            if not plain and all(isinstance(one, ast.Name) for one in target.elts):
                found = [(one.id, self.value(part), self._hint(part)) for one, part in zip(target.elts, value.elts, strict=True)]  # type: ignore[attr-defined]
                self.bind_all(found)
                return
        self.consume(refs)
        for one in target.elts:
            self.assign(one, self.deep(refs), None, None)

    def _hint(self, value: ast.expr | None) -> Hint | None:
        """Tell what else is known of a right side: the module it is, the text it is."""
        if value is None:
            return None
        if isinstance(value, ast.Constant):
            return Hint(text=value.value) if isinstance(value.value, str) else None
        if isinstance(value, (ast.Name, ast.Attribute)):
            root, chain = self.chain(value)
            return Hint(root=root, chain=chain, text_of=root if not chain else "") if root else None
        text, text_of = self.path_text(value)
        return Hint(text=text, text_of=text_of) if text is not None or text_of else None

    # -- simple statements ---------------------------------------------------------------------------------------------------------

    def _expression(self, node: ast.Expr) -> None:
        self.label = "the cell shows"
        if node is self.shown:
            refs = self.value(node.value)
            self.touch(refs)
            self.flush()
            self.steps.append((BIND, (("_", refs, None),), True))
            return
        if isinstance(node.value, ast.Call):
            self.call(node.value, taken=False)
        else:
            self.touch(self.value(node.value))

    def _assign(self, node: ast.Assign) -> None:
        self.label = f"{dotted(node.targets[0])} is made from" if isinstance(node.targets[0], (ast.Name, ast.Attribute)) else ""
        if len(node.targets) == 1 and isinstance(node.targets[0], ast.Tuple) and isinstance(node.value, ast.Tuple):
            same = len(node.targets[0].elts) == len(node.value.elts)
            if (
                same
                and all(isinstance(one, ast.Name) for one in node.targets[0].elts)
                and not any(isinstance(one, ast.Starred) for one in node.value.elts)
            ):
                pairs = zip(node.targets[0].elts, node.value.elts, strict=True)
                self.bind_all([(one.id, self.value(part), self._hint(part)) for one, part in pairs])  # type: ignore[attr-defined]
                return
        refs = self.value(node.value)
        for target in node.targets:
            self.assign(target, refs, node.value, None)

    def _augmented(self, node: ast.AugAssign) -> None:
        target = node.target
        self.label = f"{dotted(target)} is made from" if isinstance(target, (ast.Name, ast.Attribute)) else ""
        held = self.value(node.value)
        if not isinstance(target, ast.Name):
            base = self.value(target.value)
            self.touch(self.deep(base))
            if isinstance(target, ast.Subscript):
                if is_environment(target.value):
                    self.environment(target, "__getitem__")
                    self.environment(target, "__setitem__")
                    return
                self.value(target.slice)
            self._change((*base, *self.deep(base)), held)
            return
        ref = self.resolve(target.id)
        self.touch((ref, *held))
        self.flush()
        self.steps.append((CHANGE, (ref,), False))
        if held:
            self.steps.append((STORE, (ref,), self.deep(held)))
        place = self.place()
        self.steps.append((MAKE, place, (ref, *held), "augmented"))
        self.bind(target.id, (place,), None)

    def _annotated(self, node: ast.AnnAssign) -> None:
        if self.is_cell:
            self.value(node.annotation)
        if node.value is not None:
            self.assign(node.target, self.value(node.value), node.value, None)

    def _delete(self, node: ast.Delete) -> None:
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.resolve(target.id)
                name = self._bound_name(target.id)
                self.steps.append((DROP, name, self.condition == 0))
            elif isinstance(target, (ast.Subscript, ast.Attribute)):
                if isinstance(target, ast.Subscript) and is_environment(target.value):
                    self.environment(target, "__delitem__")
                    continue
                base = self.value(target.value)
                if isinstance(target, ast.Subscript):
                    self.value(target.slice)
                self._change(base, NOTHING)

    def _return(self, node: ast.Return) -> bool:
        self.steps.append((RETURN, self.value(node.value)))
        return True

    def _raise(self, node: ast.Raise) -> bool:
        self.touch(self.value(node.exc) + self.value(node.cause))
        return True

    def _assert(self, node: ast.Assert) -> None:
        self.label = "a check looks at"
        self.touch(self.value(node.test))
        self.value(node.msg)

    def _import(self, node: ast.Import) -> None:
        for alias in node.names:
            top = alias.name.split(".")[0]
            self.imports.append(alias.name)
            self.steps.append((MODULE, alias.name))
            self.bind(alias.asname or top, NOTHING, Hint(module=alias.name if alias.asname else top))

    def _import_from(self, node: ast.ImportFrom) -> None:
        module = "." * node.level + (node.module or "")
        self.imports.append(module)
        self.steps.append((MODULE, module))
        for alias in node.names:
            if alias.name == "*":
                self.star_imports.append(module)
            else:
                self.steps.append((MODULE, f"{module}.{alias.name}"))
                self.bind(alias.asname or alias.name, NOTHING, Hint(module=f"{module}.{alias.name}"))
