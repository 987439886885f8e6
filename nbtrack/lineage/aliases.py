"""Who may hold what: values as tokens, names that own them, tokens inside tokens; asked which names see a change in place.

A name owns the tokens of the values it may be bound to; numbers, texts and the like have none, for nothing can change them. A token
knows what it holds and what holds it. Tokens that nothing reaches any more are let go, so that a history of any length stays cheap.
"""

from __future__ import annotations

from collections.abc import Iterable

from nbtrack.lineage.facts import Facts

Tokens = set["Token"]
MOST_TOKENS = 12  # of a name, or in a value: beyond that they are merged


class Token:
    """One value that may change. ``kind`` says what is known of it; ``code`` are the functions and classes that it is or carries.

    A function or class has its ``facts`` and the ``frame`` it was made in.

    Kinds: ``data`` (a list, dict or set whose items are known), ``mixed`` (made by an operator from what is not known), ``array`` (shares
    nothing with its items), ``iter``, ``code``, ``class``,
    ``instance``, ``object`` (of a known library), ``module``, ``file``, ``generator`` (of random numbers), ``grows`` (a defaultdict),
    "" (not known).
    """

    __slots__ = (
        "born",
        "code",
        "containers",
        "contents",
        "draws",
        "facts",
        "frame",
        "kind",
        "library",
        "merged",
        "owners",
        "pinned",
        "stamp",
    )

    def __init__(self, kind: str) -> None:
        self.kind = self.born = kind
        self.library = ""
        self.draws = False
        self.code: frozenset[Token] = frozenset()
        self.facts: Facts | None = None
        self.frame: object = None
        self.owners: set[str] = set()
        self.contents: set[Token] = set()
        self.containers: set[Token] = set()
        self.merged: Token | None = None
        self.pinned = False
        self.stamp = 0


class Heap:
    """Names and tokens at one moment of a history."""

    def __init__(self) -> None:
        self.bindings: dict[str, Tokens] = {}
        self.version = 0
        self._made: list[Token] = []
        self._again: list[Token] = []
        self._crowded: dict[str, None] = {}
        self._full: dict[Token, None] = {}

    def mark(self, token: Token) -> None:
        """Note that a value comes to hold, or to be, something else."""
        self.version += 1
        token.stamp = self.version

    def start(self, again: list[Token]) -> None:
        """Begin an execution; ``again`` are the values that the cell made the last time, which stand for those it makes now."""
        self._made, self._again = [], again

    def new(self, kind: str, contents: Iterable[Token] = ()) -> Token:
        """Make a value that holds others."""
        at = len(self._made)
        if at < len(self._again) and self._again[at].born == kind and self._again[at].merged is None and self._again[at].facts is None:
            token = self._again[at]
        else:
            token = Token(kind)
        self._made.append(token)
        if contents:
            self.hold(token, contents)
        return token

    def new_code(self, kind: str, facts: Facts) -> Token:
        """Make a function or class."""
        at = len(self._made)
        if at < len(self._again) and self._again[at].facts is facts:
            token = self._again[at]
        else:
            token = Token(kind)
            token.facts = facts
            token.code = frozenset((token,))
        self._made.append(token)
        return token

    def hold(self, outer: Token, inner: Iterable[Token]) -> None:
        """Let a value hold others, with the code they carry."""
        gained: Tokens = set()
        for token in inner:
            if token is outer or token.kind == "module" or token in outer.contents:
                continue
            self.mark(outer)
            outer.contents.add(token)
            token.containers.add(outer)
            if token.code and not token.code <= outer.code:
                gained |= token.code
        if len(outer.contents) > MOST_TOKENS:
            self._full[outer] = None
        if gained:
            self._carry(outer, gained)

    def _carry(self, token: Token, code: Tokens) -> None:
        """Tell a value and all that hold it that it carries more code."""
        left = [token]
        while left:
            one = left.pop()
            if not code <= one.code:
                one.code |= code
                self.mark(one)
                left.extend(one.containers)

    def watch(self, outer: Token, inner: Iterable[Token]) -> None:
        """Let a change of the inner values be a change of the outer one, but not the other way round."""
        for token in inner:
            if token is not outer and token.kind != "module":
                token.containers.add(outer)

    def bind(self, name: str, tokens: Tokens, *, certain: bool) -> None:
        """Bind a name; not certain: it may also still be bound to what it was."""
        before = self.bindings.get(name)
        if not tokens and not before:
            self.bindings[name] = set()
            return
        if not certain and before:
            self.bindings[name] = before | tokens
        else:
            self.bindings[name] = tokens
            if before:
                for token in before:
                    if token not in tokens:
                        token.owners.discard(name)
                        if not token.owners and not token.containers and not token.pinned:
                            self._let_go(token)
        for token in tokens:
            token.owners.add(name)
        if len(self.bindings[name]) > MOST_TOKENS:
            self._crowded[name] = None

    def pin(self) -> list[Token]:
        """Keep the values of this execution for good; returns all that it made."""
        for token in self._made:
            token.pinned = token.pinned or bool(token.owners or token.containers)
        return self._made

    def settle(self) -> None:
        """Forget the values of the last execution that nothing holds."""
        for token in self._made:
            if not token.owners and not token.containers and not token.pinned:
                self._let_go(token)
        self._made, self._again = [], []
        for name in self._crowded:
            self._merge(self.bindings[name])
        for token in self._full:
            if len(token.contents) > MOST_TOKENS:
                self._merge({one for one in token.contents if not one.owners and one.kind not in ("code", "class", "module")})
        self._crowded, self._full = {}, {}

    def _merge(self, tokens: Tokens) -> None:
        """Let many values count as one, so that a loop run a thousand times costs no more than one run ten times."""
        mergeable = [token for token in tokens if token.kind not in ("code", "class", "module")]
        if len(mergeable) < 2:
            return
        first, *others = mergeable
        for token in others:
            if token.kind != first.kind:
                first.kind = ""
            first.code |= token.code
            first.draws = first.draws or token.draws
            for name in token.owners:
                self.bindings[name] = (self.bindings[name] - {token}) | {first}
            for outer in token.containers:
                if token in outer.contents:
                    outer.contents.discard(token)
                    outer.contents.add(first)
            for inner in token.contents:
                inner.containers.discard(token)
                inner.containers.add(first)
            first.owners |= token.owners
            first.containers |= token.containers
            first.contents |= token.contents
            token.owners, token.containers, token.contents, token.merged = set(), set(), set(), first
            self.mark(token)
        self.mark(first)
        first.contents.discard(first)
        first.containers.discard(first)

    def _let_go(self, token: Token) -> None:
        left = [token]
        while left:
            one = left.pop()
            for inner in one.contents:
                inner.containers.discard(one)
                if not inner.owners and not inner.containers and not inner.pinned:
                    left.append(inner)
            one.contents = set()

    @staticmethod
    def reach(tokens: Tokens, *, classes: bool = False) -> Tokens:
        """Return the values and all they hold; the class of an object only when asked for, what hangs on the class always."""
        if len(tokens) == 1:
            (only,) = tokens
            if not only.contents:
                return tokens
        seen = set(tokens)
        left = list(tokens)
        while left:
            one = left.pop()
            for inner in one.contents:
                if inner in seen:
                    continue
                if inner.kind == "class" and one.kind in ("instance", "class") and not classes:
                    left.append(inner)
                    continue
                if one.kind == "class" and inner.kind == "code" and not classes:
                    continue
                seen.add(inner)
                left.append(inner)
        return seen

    def inside(self, tokens: Tokens) -> Tokens:
        """Return what values hold, and the values themselves where an item may be a view of the whole."""
        found: Tokens = set()
        for token in tokens:
            if token.kind == "data":
                found |= token.contents
            else:
                found.add(token)
        return self.reach(found) if found else found

    @staticmethod
    def names_of(tokens: Iterable[Token]) -> set[str]:
        """Return every name that sees a change of one of these values."""
        names: set[str] = set()
        seen = set(tokens)
        left = list(seen)
        while left:
            one = left.pop()
            names |= one.owners
            for outer in one.containers:
                if outer not in seen:
                    seen.add(outer)
                    left.append(outer)
        return names
