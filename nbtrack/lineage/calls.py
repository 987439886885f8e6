"""Reads the calls of a body: which function on which values, with which literal paths; text that is run as code is read as code."""

from __future__ import annotations

import ast
from dataclasses import replace

from nbtrack.lineage.cells import to_python, transform_lines
from nbtrack.lineage.expressions import NO_ARGUMENT, NOTHING, Expressions, is_call_of, is_environment
from nbtrack.lineage.facts import ALL, CALL, CHANGE, RESOURCE, Argument, Call, Refs
from nbtrack.lineage.purity import FORMULAS, NAMESPACE_CHANGERS, NAMESPACES, OPTIONS, TEXT_READERS

_SHELL_METHODS = {"run_cell", "run_line_magic", "run_cell_magic", "magic", "ex", "ev", "system", "getoutput", "push", "reset"}
_PATH_JOINS = {"Path", "PurePath", "PosixPath", "join", "joinpath", "str", "fspath", "abspath", "resolve", "expanduser", "absolute"}


class Calls(Expressions):
    """Reads calls."""

    def call(self, node: ast.Call, *, taken: bool = True) -> Refs:
        """Read a call; ``taken`` tells whether anybody takes its result."""
        function = node.func
        if isinstance(function, ast.Name):
            if function.id in ("exec", "eval") and node.args:
                return self._run_text(node)
            if function.id in NAMESPACES and not node.args and (self.is_cell or function.id != "locals"):
                self.steps.append((RESOURCE, (ALL,), ()))
                return NOTHING
            if function.id == "super" and not node.args and self.first_param:
                return (f":{self.first_param}",)
        elif isinstance(function, ast.Attribute):
            if isinstance(function.value, ast.Call) and self._is_namespace(function.value) and self._namespace_method(node, function.attr):
                return NOTHING
            if function.attr in _SHELL_METHODS and is_call_of(function.value, "get_ipython") and self._shell_method(node, function.attr):
                return NOTHING
        return self._plain_call(node, taken)

    def _plain_call(self, node: ast.Call, taken: bool) -> Refs:
        before = self.label
        function = node.func
        called = dotted(function)
        receiver, callee, root, chain, method = NO_ARGUMENT, NOTHING, "", "", ""
        if isinstance(function, ast.Name):
            self.label = "the cell calls"
            root = self.resolve(function.id)
            callee = (root,)
        elif isinstance(function, ast.Attribute):
            self.label = f"{called} works on"
            method = function.attr
            root, chain = self.chain(function)
            if not is_environment(function.value):
                receiver = self.argument(function.value) if not root or "." in chain else self._named(function.value)
        else:
            callee = self.value(function)
        self.label = f"{called} reads"
        args, keywords, starred = self._arguments(node)
        name = method or (function.id if isinstance(function, ast.Name) else "")
        if name in TEXT_READERS:
            self._texts(name, node)
        self.label = before
        self.flush()
        place = self.place() if taken else -1
        given = {ref: None for one in (*args, *(one for _, one in keywords)) for ref in one.refs}
        options = frozenset(key for key, _ in keywords if key in OPTIONS)
        maybe = self.condition > 0
        text = any(one.text_of or (one.text and "." in one.text) for one in (*args, *(one for _, one in keywords)))
        call = Call(place, callee, root, chain, method, receiver, args, keywords, starred, maybe, len(self.order), tuple(given), options, text)
        self.steps.append((CALL, call))
        return (place,) if taken else NOTHING

    def _named(self, node: ast.expr) -> Argument:
        """Read a receiver that is a plain name: no operation on it but the call itself."""
        assert isinstance(node, ast.Name)
        ref = self.resolve(node.id)
        return Argument((ref,), text_of=ref)

    def _arguments(self, node: ast.Call) -> tuple[tuple[Argument, ...], tuple[tuple[str, Argument], ...], bool]:
        starred = False
        args = []
        for one in node.args:
            starred = starred or isinstance(one, ast.Starred)
            args.append(self.argument(one))
        keywords = []
        for keyword in node.keywords:
            given = self.argument(keyword.value)
            if keyword.arg is None:
                self.consume(given.refs)
                given = replace(given, refs=self.deep(given.refs))
                starred = True
            keywords.append((keyword.arg or "**", given))
        return tuple(args), tuple(keywords), starred

    def argument(self, node: ast.expr) -> Argument:
        """Read one argument and what is known of the text it is."""
        if isinstance(node, ast.Constant):
            whole = node.value if isinstance(node.value, str) else None
            return Argument(NOTHING, whole, constant=node.value is not None, whole=whole)
        refs = self.value(node)
        text, text_of = self.path_text(node)
        first = node.elts[0] if isinstance(node, ast.Tuple) and node.elts else None  # a magic's text before what it takes in
        return Argument(refs, text, text_of, whole=str(first.value) if isinstance(first, ast.Constant) else None)

    def path_text(self, node: ast.expr) -> tuple[str | None, str]:
        """Return the text (at least the last part of the path) that an expression gives, or the name that holds it."""
        if isinstance(node, ast.Constant):
            return (node.value, "") if isinstance(node.value, str) else (None, "")
        if isinstance(node, ast.Name):
            return None, self.resolve(node.id)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
            return self.path_text(node.right)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            left, right = self.path_text(node.left)[0], self.path_text(node.right)[0]
            if right is not None and "/" in right:
                return right, ""
            return (left + right if left is not None and right is not None else None), ""
        if isinstance(node, ast.JoinedStr) and node.values:
            last = node.values[-1]
            if isinstance(last, ast.Constant) and "/" in str(last.value):
                return str(last.value), ""
            return (str(last.value), "") if isinstance(last, ast.Constant) and len(node.values) == 1 else (None, "")
        if isinstance(node, ast.Call):
            function = node.func
            name = function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
            if name in _PATH_JOINS:
                if node.args and not isinstance(node.args[-1], ast.Starred):
                    return self.path_text(node.args[-1])
                if not node.args and isinstance(function, ast.Attribute):
                    return self.path_text(function.value)
        return None, ""

    # -- text that runs as code ----------------------------------------------------------------------------------------------------

    def _run_text(self, node: ast.Call) -> Refs:
        """Read exec or eval: literal text is read as code, any other text may read and change everything."""
        function = node.func
        assert isinstance(function, ast.Name)
        own_space = len(node.args) > 1 and not self._is_namespace(node.args[1])
        if own_space:
            for one in node.args:
                refs = self.value(one)
                self.flush()
                if one is not node.args[0] and refs:
                    self.steps.append((CHANGE, (*refs, *self.deep(refs)), False))
            return NOTHING
        text = self.literal(node.args[0])
        if text is None:
            self.value(node.args[0])
            self.steps.append((RESOURCE, (ALL,), (ALL,) if function.id == "exec" else ()))
            return NOTHING
        cell = to_python(text.strip())
        if cell.tree is None:
            return NOTHING
        if function.id == "eval" and len(cell.tree.body) == 1 and isinstance(cell.tree.body[0], ast.Expr):
            return self.value(cell.tree.body[0].value)
        self.block(cell.tree.body)
        return NOTHING

    def literal(self, node: ast.expr) -> str | None:
        """Return a text that is written out in the cell."""
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            return node.value
        if (
            (isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in ("dedent", "strip"))
            or is_call_of(node, "compile")
        ):
            inner = node.args[0] if node.args else node.func.value if isinstance(node.func, ast.Attribute) else None  # type: ignore[attr-defined]
            return self.literal(inner) if inner is not None else None
        return None

    def _texts(self, name: str, node: ast.Call) -> None:
        """Read the variables that the text of a query or formula names."""
        for one in (*node.args, *(keyword.value for keyword in node.keywords)):
            if isinstance(one, ast.Constant) and isinstance(one.value, str):
                self.text_names(name, one.value)
            elif isinstance(one, ast.JoinedStr):
                for part in one.values:
                    if isinstance(part, ast.Constant):
                        self.text_names(name, str(part.value))
            elif isinstance(one, ast.Name) and name in ("query", *FORMULAS):
                self.steps.append((RESOURCE, (ALL,), ()))

    @staticmethod
    def _is_namespace(node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in NAMESPACES and not node.args

    def _namespace_method(self, node: ast.Call, method: str) -> bool:
        """Read ``globals().update(x=1)`` and its like; False when it is something else."""
        if method == "get" and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            self.resolve(node.args[0].value)
            return False
        if method not in NAMESPACE_CHANGERS:
            return False
        for one in node.args:
            self.value(one)
        for keyword in node.keywords:
            refs = self.value(keyword.value)
            if keyword.arg is not None and method == "update":
                self.assign(ast.Name(keyword.arg, ast.Store()), refs, keyword.value, None)
        if node.args:
            self.steps.append((RESOURCE, (ALL,), (ALL,)))
        return True

    def _shell_method(self, node: ast.Call, method: str) -> bool:
        """Read ``get_ipython().run_cell("...")`` as that cell; False when the text is not literal."""
        texts = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
        if len(texts) != len(node.args) or not texts or method in ("push", "reset"):
            for one in node.args:
                self.value(one)
            self.steps.append((RESOURCE, (ALL,), (ALL,)))
            return True
        if method == "run_line_magic":
            text = transform_lines("%" + " ".join(texts))
        elif method == "run_cell_magic":
            text = f"%%{texts[0]} {' '.join(texts[1:-1])}\n{texts[-1]}"
        elif method in ("system", "getoutput"):
            text = f"!{texts[0]}"
        else:
            text = f"%{texts[0]}" if method == "magic" else texts[0]
        cell = to_python(text)
        if cell.tree is None:
            self.steps.append((RESOURCE, (ALL,), (ALL,)))
        else:
            self.block(cell.tree.body)
        return True

    def block(self, body: list[ast.stmt]) -> bool:
        """Read statements in order; returns whether control leaves them for certain."""
        raise NotImplementedError


def dotted(node: ast.expr) -> str:
    """Write the callee as people say it: ``clf.fit``; ``.fit`` on something longer."""
    names: list[str] = []
    while isinstance(node, ast.Attribute):
        names.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        names.append(node.id)
        return ".".join(reversed(names))
    return f"a call of {names[0]}" if names else "a call"
