"""Runs calls: the user's functions and classes are seen through, known functions follow the lists, anything else may do anything."""

from __future__ import annotations

from nbtrack.lineage.aliases import Token, Tokens
from nbtrack.lineage.facts import Call, Facts
from nbtrack.lineage.files import Files
from nbtrack.lineage.frames import NONE, Frame
from nbtrack.lineage.purity import BUILTIN_TYPES, CALLS_ARE_PURE, MEMORIES, Effect, builtin_effect, effect_of

_ONLY_LOOKS = frozenset({"isinstance", "issubclass", "type", "id", "callable", "hasattr"})
_CALLS_BACK = frozenset({"map", "filter", "sorted", "min", "max", "reduce", "sum", "list", "tuple", "set", "dict", "next", "any", "all"})


class Calling(Files):
    """Runs one call after the other."""

    def call(self, call: Call, frame: Frame) -> None:
        """Run a call and keep its result at its place."""
        result = self._result(call, frame)
        if call.place >= 0:
            frame.places[call.place] = result

    def _result(self, call: Call, frame: Frame) -> Tokens:
        module = self.module_of(call.root, "", frame)
        if module:
            known = self.resolved.get((id(call), module))
            if known is None:
                path = f"{module}.{call.chain}" if call.chain else module
                known = self.resolved[id(call), module] = (effect_of(path), path, self.part_of(path, call.chain))
            effect, path, part = known
            if part:
                self.use(part, f"{path} is part of")
            return self.apply(effect, call, frame, path)
        name = call.root.lstrip(":")
        if call.chain or call.method:
            if call.root in BUILTIN_TYPES and call.root not in self.heap.bindings and call.args:
                return self._unbound(call, frame)
            return self.method(call, frame)
        if call.root and call.root[0] != ":" and call.root not in self.heap.bindings:
            if name.startswith("__nbtrack_"):
                return self.magic(call, frame)
            builtin = builtin_effect(name)
            if builtin is not None:
                return self.apply(builtin, call, frame, name)
            if name[:1].isupper() and name.endswith(("Error", "Exception", "Warning", "Exit", "Iteration", "Interrupt")):
                return NONE
        return self.invoke(self.look(call.callee, frame), call, frame)

    def _unbound(self, call: Call, frame: Frame) -> Tokens:
        """Run ``list.append(l, 1)``."""
        first, *others = [self.look(argument.refs, frame) for argument in call.args]
        if call.method in ("fromkeys", "maketrans", "from_bytes", "fromhex"):
            return {self.heap.new("data", first.union(*others))}
        self.change(first)
        for tokens in others:
            self.store(first, tokens)
        return self.heap.reach(first)

    def invoke(self, tokens: Tokens, call: Call, frame: Frame) -> Tokens:
        """Call values."""
        args = [self.look(argument.refs, frame) for argument in call.args]
        named = {key: self.look(argument.refs, frame) for key, argument in call.keywords}
        everything = set().union(*args, *named.values())
        maybe = frame.maybe or call.maybe
        result: Tokens = set()
        for token in tokens:
            if token.kind == "class" and token.facts is not None:
                result |= self.construct(token, args, named, call.starred, maybe)
            elif token.facts is not None:
                result |= self.enter(token, token.facts, args, named, call.starred, maybe)
            elif token.kind == "instance":
                result |= self.call_instance(token, args, named, call.starred, maybe)
            elif token.kind in ("", "object", "iter"):
                result |= self._call_object(token, everything, maybe)
            elif token.kind != "module":  # a method of it that was kept
                self.change({token})
                self.store({token}, everything)
                result |= self.heap.inside({token}) | {self.heap.new("array")}
        if not tokens:  # a number or text, or a module's function whose name is not known
            self.change_unseen(everything)
            result = everything | {self.heap.new("")}
        return result

    def _call_object(self, token: Token, args: Tokens, maybe: bool) -> Tokens:
        self.call_back({token}, args, maybe)
        if token.kind == "object" and token.library in CALLS_ARE_PURE:
            made = self.heap.new("object", args | {token})
            made.library = token.library
            return {made}
        self.change({one for one in self.heap.reach({token}) if one.kind not in ("data", "array")})
        if token.kind == "object":
            if token.library in ("torch", "tensorflow", "keras"):
                self.draw(("torch",) if token.library == "torch" else ("tensorflow",), "a model draws from")
            made = self.heap.new("object", args | {token})
            made.library = token.library
            return {made}
        self.change_unseen(args)
        self.unknown("a call of something unknown")
        return {self.heap.new("", {one for one in (*args, token) if one.code}), token} | args

    # -- the user's code -----------------------------------------------------------------------------------------------------------

    def enter(self, token: Token, facts: Facts, args: list[Tokens], named: dict[str, Tokens], starred: bool, maybe: bool) -> Tokens:
        """Run the body of a function with these arguments; returns what it may give back."""
        key = (facts, self.quiet, *map(frozenset, args), *((name, frozenset(given)) for name, given in named.items()))
        if key in self.done:
            return self.done[key]
        everything = set().union(*args, *named.values())
        self.done[key] = everything  # what a recursive call gives
        self.left -= 10
        if self.left < 0:
            return everything
        if len(self.stack) > 12 or facts in self.stack:
            self.change(self.heap.reach(everything))
            return everything
        for name in facts.reads:
            self.read_global(name, f"{facts.name} reads" if facts.name != "lambda" else "a lambda reads")
        around = token.frame
        inner = Frame(facts, around if isinstance(around, Frame) else None, {token}, maybe)
        self._set_params(inner, token, args, named, starred, everything)
        self.stack.append(facts)
        self.play(inner)
        self.stack.pop()
        for made in inner.made:
            assert made.facts is not None
            for name in made.facts.own:
                self.heap.hold(made, inner.local.get(f":{name}", NONE))
        result = inner.returned
        if facts.lazy:
            lazy = self.heap.new("iter", everything | {token})
            lazy.code |= {token}
            self.heap.hold(lazy, result)
            result = {lazy}
        self.done[key] = result
        return result

    def _set_params(
        self, inner: Frame, token: Token, args: list[Tokens], named: dict[str, Tokens], starred: bool, everything: Tokens
    ) -> None:
        facts = inner.facts
        local = inner.local
        spread = set(everything) if starred else NONE
        for at, name in enumerate(facts.params):
            if at < len(args) and at < facts.positional and not starred:
                local[f":{name}"] = args[at]
            elif name in named:
                local[f":{name}"] = named[name] | spread
            elif starred:
                local[f":{name}"] = self.heap.reach(spread)
            else:
                local[f":{name}"] = self.heap.reach(set(token.contents)) if token.contents else NONE
        if facts.rest:
            extra: Tokens = set().union(*args[facts.positional :]) if not starred else spread
            local[f":{facts.rest}"] = {self.heap.new("data", extra)}
        if facts.rest_keywords:
            extra = set().union(*(given for name, given in named.items() if name not in facts.params)) | spread
            local[f":{facts.rest_keywords}"] = {self.heap.new("data", extra)}

    def construct(self, token: Token, args: list[Tokens], named: dict[str, Tokens], starred: bool, maybe: bool) -> Tokens:
        """Make an instance of the user's class."""
        instance = self.heap.new("instance", {token})
        found = False
        for one in self.classes(token):
            assert one.facts is not None
            for name in ("__new__", "__init__", "__post_init__"):
                if name in one.facts.methods:
                    found = found or name != "__post_init__"
                    self.enter(
                        one,
                        one.facts.methods[name],
                        [{instance}, *args] if name != "__post_init__" else [{instance}],
                        named,
                        starred,
                        maybe,
                    )
        if not found:
            for tokens in (*args, *named.values()):
                self.heap.hold(instance, tokens)
            for one in token.contents:
                if one.kind == "data":
                    self.heap.hold(instance, {one})
        return {instance}

    def call_instance(self, token: Token, args: list[Tokens], named: dict[str, Tokens], starred: bool, maybe: bool) -> Tokens:
        """Call an instance of the user's class: its ``__call__``, or any of its methods when that is inherited."""
        found = [one for one in self.classes(token) if one.facts is not None and "__call__" in one.facts.methods]
        result: Tokens = set()
        for one in found:
            assert one.facts is not None
            result |= self.enter(one, one.facts.methods["__call__"], [{token}, *args], named, starred, maybe)
        if not found:
            self.change({token})
            for one in self.classes(token):
                assert one.facts is not None
                for facts in one.facts.methods.values():
                    result |= self.enter(one, facts, [{token}, *args], named, True, maybe)
            self.draw(("torch",), "a model draws from")
            result |= {token, self.heap.new("")}.union(*args)
        return result

    # -- known functions -----------------------------------------------------------------------------------------------------------

    def apply(self, effect: Effect, call: Call, frame: Frame, path: str) -> Tokens:
        """Run a function whose effect is known."""
        if effect.quiet and not call.options and not (effect.result in ("object", "share") and call.has_text):
            given = self.look(call.given, frame)
            for token in given:
                if token.code or token.kind in ("iter", "file"):
                    break
            else:
                for resource in effect.reads:
                    self.use(resource, f"{path} reads")
                for resource in effect.writes:
                    self.change_resource(resource)
                return NONE if call.place < 0 else self.give(effect, call, given, path)
        args = [self.look(argument.refs, frame) for argument in call.args]
        named = {key: self.look(argument.refs, frame) for key, argument in call.keywords}
        everything: Tokens = set().union(*args, *named.values())
        maybe = frame.maybe or call.maybe
        if effect.result != "iter" and path not in _ONLY_LOOKS:
            self.consume(everything, only_iterators=True)
        self._apply_code(path, everything, maybe)
        if effect.changes == "first" and args:
            target = self.heap.reach(args[0])
            self.change(
                {token for token in target if token.kind in ("iter", "file", "", "instance")} if path in ("next", "anext") else target
            )
            self.consume(args[0], only_iterators=True)
            for tokens in (*args[1:], *named.values()):
                self.store(args[0], tokens)
        elif effect.changes == "second" and len(args) > 1:
            self.change(args[1])
        elif effect.changes == "all":
            self.change_unseen(everything)
        if "out" in named:
            self.change(named["out"])
        self.outside(effect, call, frame, path, named)
        if effect.file:
            return self.file(effect, call, frame)
        if effect.result in ("object", "share", "unknown"):
            self.paths_among(call, frame, writes=effect.unknown)
        return self.give(effect, call, everything, path)

    def _apply_code(self, path: str, everything: Tokens, maybe: bool) -> None:
        """Let a known function run the code that is handed to it."""
        if path in _ONLY_LOOKS:
            return
        carried = {token for token in everything if token.code}
        if not carried:
            return
        if builtin_effect(path) is not None and path not in _CALLS_BACK:
            self.operate(carried)
        else:
            self.call_back(carried, everything, maybe)

    def give(self, effect: Effect, call: Call, everything: Tokens, path: str) -> Tokens:
        """Return what a known function gives back."""
        how = effect.result
        if how == "plain":
            return NONE
        if how == "fresh":
            return {self.heap.new("array")}
        if how == "share":
            return everything | {self.heap.new("array", {token for token in everything if token.code})}
        if how == "class":
            return self.heap.reach(everything, classes=True)
        if how == "deep":
            return self.heap.reach(everything)
        if how == "math":
            return {self.heap.new("array", {token for token in everything if token.code})} if everything else NONE
        if how == "list":
            return {self.heap.new("data", self.items_of(everything))}
        if how == "iter":
            return {self.heap.new("iter", everything)}
        if how == "state":
            return {self.module_token(path)}
        if how == "generator":
            return {self.heap.new("generator")}
        if how == "object":
            made = self.heap.new("grows" if path == "collections.defaultdict" else "object", everything)
            made.library = path if path in MEMORIES else path.partition(".")[0]
            shuffles = "Fold" not in path or any(key == "shuffle" for key, _ in call.keywords)
            made.draws = effect.draws_when_fit and shuffles and not self.is_seeded(call)
            return {made}
        return everything | {self.heap.new("", {token for token in everything if token.code})}

    def items_of(self, tokens: Tokens) -> Tokens:
        """Return what containers hold; a value whose items are not known stands for them."""
        found: Tokens = set()
        for token in tokens:
            if token.kind == "data":
                found |= token.contents
            elif token.kind == "iter":
                found |= self.heap.reach({token})
            elif token.kind != "array":
                found.add(token)
        return found
