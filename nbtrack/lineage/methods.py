"""Runs methods and what code does unasked: dunders, properties, callbacks, iteration; and what a call does to the world outside."""

from __future__ import annotations

from typing import Any

from nbtrack.lineage.aliases import Token, Tokens
from nbtrack.lineage.facts import Argument, Call, Facts
from nbtrack.lineage.frames import NONE, Frame, Values
from nbtrack.lineage.purity import (
    ARGUMENTS_CHANGED,
    COPIES,
    FILE_METHODS,
    FRESH_METHODS,
    LEARNING_METHODS,
    RANDOM_METHODS,
    SEED_KEYWORDS,
    SHALLOW_METHODS,
    SHARING_METHODS,
    TEXT_METHODS,
    UNIONS,
    WALKING_METHODS,
    Effect,
)  # fmt: skip

_AT_BIRTH = frozenset({"__init__", "__new__", "__post_init__", "__init_subclass__", "__class_getitem__", "__set_name__"})
DEEPEST_CALLBACK = 4  # below that a callback counts as changing whatever it may get
_RANDOM = ("python", "numpy", "torch", "tensorflow")


class Methods(Values):
    """Runs what is not a plain function."""

    def __init__(self) -> None:
        super().__init__()
        self.left = 0
        self.done: dict[Any, Tokens] = {}
        self.stack: list[Facts] = []

    # -- code run unasked ----------------------------------------------------------------------------------------------------------

    @staticmethod
    def classes(token: Token) -> list[Token]:
        """Return the user's classes that a value is or is made from."""
        return [one for one in token.code if one.kind == "class"]

    def operate(self, tokens: Tokens, *, setting: bool = False) -> None:
        """Let an operation run the dunders and properties of the user's objects; a function only counts as read."""
        for token in tokens:
            if not token.code or ("operate", token, setting, self.quiet) in self.done:
                continue
            self.done["operate", token, setting, self.quiet] = NONE
            if token.kind in ("instance", ""):
                for one in self.classes(token):
                    assert one.facts is not None
                    for name, facts in one.facts.methods.items():
                        if facts in self.stack:
                            continue
                        asked = name.strip("=") in one.facts.properties or (name.startswith("__") and name not in _AT_BIRTH)
                        if asked or (setting and name.endswith("=")):
                            self.enter(one, facts, [{token}], {}, True, True)
            self.quiet += 1
            for one in token.code:
                self._read_code(one)
            self.quiet -= 1

    def _read_code(self, code: Token) -> None:
        if code.facts is None or ("read", code) in self.done:
            return
        self.done["read", code] = NONE
        for facts in (code.facts, *code.facts.methods.values()):
            self.enter(code, facts, [], {}, False, True)

    def call_back(self, tokens: Tokens, args: Tokens, maybe: bool) -> None:
        """Let code that was handed over run on whatever was handed over with it."""
        for token in tokens:
            key = ("back", token, self.quiet, frozenset(args))
            if not token.code or key in self.done:
                continue
            self.done[key] = NONE
            given = self.heap.reach(args | {token})
            if len(self.stack) > DEEPEST_CALLBACK:
                self.change(given)
                continue
            for one in token.code:
                assert one.facts is not None
                for facts in one.facts.methods.values() if one.kind == "class" else (one.facts,):
                    if one.kind == "class" and token.kind == "class" and facts.name not in _AT_BIRTH:
                        continue
                    self.enter(one, facts, [given], {}, True, True)

    def consume(self, tokens: Tokens, *, only_iterators: bool = False) -> None:
        """Iterate over values: iterators move on, generators run."""
        for token in tokens:
            if token.kind == "iter" or (token.kind in ("", "file") and not only_iterators):
                self.change({one for one in self.heap.reach({token}) if one.kind in ("iter", "file", "generator") or one is token})
                if token.code:
                    self.call_back({token}, NONE, True)
            elif token.kind == "file":
                self.change({token})
            elif token.kind == "object" and not only_iterators and token.library == "torch":
                self.draw(("torch",), "iteration draws from")

    # -- methods -------------------------------------------------------------------------------------------------------------------

    def method(self, call: Call, frame: Frame) -> Tokens:
        """Run a method."""
        receivers = self.look(call.receiver.refs, frame)
        given = self.look(call.given, frame)
        if not any(token.code for token in receivers) and not any(token.code or token.kind == "iter" for token in given):
            named = {key: self.look(argument.refs, frame) for key, argument in call.keywords} if call.options else {}
            return self._known_method(call, receivers, given, named, frame)
        args = [self.look(argument.refs, frame) for argument in call.args]
        named = {key: self.look(argument.refs, frame) for key, argument in call.keywords}
        everything: Tokens = set().union(*args, *named.values())
        maybe = frame.maybe or call.maybe
        result: Tokens = set()
        left: Tokens = set()
        for token in receivers:
            found = self._own_method(token, call, args, named, maybe)
            if found is None:
                left.add(token)
            else:
                result |= found
        self.consume(everything, only_iterators=True)
        carried = {token for token in everything if token.code}
        if carried and (left or not receivers):
            self.call_back(carried, everything | left, maybe)
        if left or not receivers:
            result |= self._known_method(call, left, everything, named, frame)
        return result

    def _own_method(self, token: Token, call: Call, args: list[Tokens], named: dict[str, Tokens], maybe: bool) -> Tokens | None:
        """Run a method of the user's class; None when the value has none of that name."""
        if not token.code or token.kind not in ("instance", "class", "", "object"):
            return None
        found = [one for one in self.classes(token) if one.facts is not None and call.method in one.facts.methods]
        result: Tokens = set()
        for one in found:
            assert one.facts is not None
            facts = one.facts.methods[call.method]
            if token.kind == "class":
                result |= self.enter(one, facts, [{token}, *args], named, True, maybe)
            elif facts.params[:1] in (("self",), ("cls",)):
                owner = {token} if facts.params[0] == "self" else {token, one}
                result |= self.enter(one, facts, [owner, *args], named, call.starred, maybe)
            else:
                result |= self.enter(one, facts, [{token}, *args], named, True, maybe)
        if found:
            self.operate({token})
            return result
        if token.kind == "class":
            return None
        self.operate({token})
        if call.method not in FRESH_METHODS | SHARING_METHODS | WALKING_METHODS:
            self.call_back({token}, set().union(*args), maybe)
        return None

    def _known_method(self, call: Call, tokens: Tokens, everything: Tokens, named: dict[str, Tokens], frame: Frame) -> Tokens:
        name = call.method
        if "out" in named:
            self.change(named["out"])
        if "inplace" in call.options:
            self.change(tokens)
        if name in ("absolute", "resolve", "cwd"):
            self.use("$cwd", f"{name} starts from")
        if name in RANDOM_METHODS:
            self._draw_unless_seeded(call, frame, tokens)
            if name == "sample" and tokens and all(token.kind == "array" for token in tokens):
                return {self.heap.new("array")}
        if name in FILE_METHODS:
            given = self.file(Effect(file=FILE_METHODS[name], result="fresh"), call, frame)
            if FILE_METHODS[name] != "read":
                return given
        if name in COPIES:
            held = {one for token in tokens for one in token.contents} | {
                token for token in tokens if token.kind in ("", "object", "instance")
            }
            return {self.heap.new("data" if all(token.kind == "data" for token in tokens) else "array", held)}
        objects = {token for token in tokens if token.kind in ("object", "instance")}
        if objects and name in ("get", "eval", "split"):  # of a queue, a network, a splitter that shuffles
            if name != "split":
                self.change(objects)
            elif any(token.draws for token in objects):
                self.draw(("numpy",), "split draws from")
        if name in FRESH_METHODS:
            if not tokens and name in TEXT_METHODS:
                return NONE
            return {self.heap.new("array", {token for token in everything if token.code})}
        if name in SHARING_METHODS:
            if name in UNIONS:
                return {self.heap.new("mixed", tokens | everything)}
            return self.heap.inside(tokens) | (everything if name == "get" else {token for token in everything if token.code})
        if name in WALKING_METHODS:
            return {self.heap.new("mixed", self.heap.inside(tokens))}
        if name in SHALLOW_METHODS:
            self.change(tokens)
            self.store(tokens, everything)
            held = self.heap.inside(tokens)
            return {self.heap.new("mixed", held)} if name == "popitem" else held
        return self._changing_method(call, name, tokens, everything, frame)

    def _changing_method(self, call: Call, name: str, tokens: Tokens, everything: Tokens, frame: Frame) -> Tokens:
        if call.args or call.keywords:
            self.paths_among(call, frame, writes=not name.startswith(("read", "load", "parse", "open")))
        reached = self.heap.reach(tokens)
        learns = name in LEARNING_METHODS
        unknown = {token for token in tokens if token.kind in ("", "instance", "iter")}
        if learns:
            self._draw_unless_seeded(call, frame, tokens)
        for token in tokens:
            if token.code and token.kind in ("object", "iter", ""):
                self.call_back({token}, everything, True)
        if learns or not unknown:
            self.change({token for token in reached if token in tokens or token.kind not in ("data", "array")})
            for token in tokens:
                self.heap.watch(token, {one for one in everything if not one.code})
                self.heap.hold(token, {one for one in everything if one.code})
        else:
            self.change(reached)
            self.store(tokens, everything)
            if any(token.kind == "" for token in unknown):
                self.change_unseen(everything | tokens)
                self.unknown(f"{name} is not known")
        if name in ARGUMENTS_CHANGED:
            self.change(everything)
        if any(token.library in ("torch", "tensorflow", "keras") for token in tokens):
            self.draw(("torch", "tensorflow"), f"{name} draws from")
        if all(token.kind in ("generator", "file", "data", "array") for token in tokens):
            return {self.heap.new("array")} | {token for token in reached if token not in tokens}
        return reached | {self.heap.new("array")}

    def store(self, outer: Tokens, inner: Tokens) -> None:
        """Let values hold others from now on."""
        if self.quiet or not inner:
            return
        for token in outer:
            self.heap.hold(token, inner)

    def change_unseen(self, tokens: Tokens) -> None:
        """Let something unknown change values and all they hold: from now on nobody knows what is in them."""
        reached = self.heap.reach(tokens)
        self.change(reached)
        if not self.quiet:
            for token in reached:
                if token.kind == "data":
                    token.kind = "mixed"
                    self.heap.mark(token)

    # -- the world outside ---------------------------------------------------------------------------------------------------------

    def draw(self, generators: tuple[str, ...], label: str) -> None:
        """Note that random numbers are drawn."""
        for name in generators:
            self.use(f"$rng.{name}", label)
            self.change_resource(f"$rng.{name}")

    def is_seeded(self, call: Call) -> bool:
        """Tell whether a call is given a seed or a generator of its own."""
        return any(key in SEED_KEYWORDS and (argument.constant or argument.refs) for key, argument in call.keywords)

    def _draw_unless_seeded(self, call: Call, frame: Frame, tokens: Tokens) -> None:
        for key, argument in call.keywords:
            if key in SEED_KEYWORDS and argument.refs:
                self.change(self.heap.reach(self.look(argument.refs, frame)))
        if self.is_seeded(call):
            return
        reached = self.heap.reach(tokens)
        known = all(token.kind in ("object", "data", "array", "class", "code", "instance") for token in reached)
        if call.method in RANDOM_METHODS or not known or any(token.draws for token in reached):
            self.draw(("numpy",), f"{call.method} draws from")
            if not known:
                self.draw(("python", "torch", "tensorflow"), f"{call.method} may draw from")

    def outside(self, effect: Effect, call: Call, frame: Frame, path: str, named: dict[str, Tokens]) -> None:
        """Run what a known function does besides its arguments."""
        for key in SEED_KEYWORDS & named.keys():
            if named[key]:
                self.change(self.heap.reach(named[key]))
        if effect.random and not (self.is_seeded(call) and not path.startswith(("numpy.random", "random."))):
            self.draw(effect.random, f"{path.rpartition('.')[2]} draws from")
        for name in effect.seeds:
            certain = not (call.maybe or frame.maybe)
            self.set_resource(name if name.startswith("$") else f"$rng.{name}", certain=certain)
        variable = (self.text(call.args[0], frame) if call.args else None) or "*"
        for resource in effect.reads:
            self.use(f"$env:{variable}" if resource == "$env" else resource, f"{path} reads")
        for resource in effect.writes:
            self.change_resource(f"$env:{variable}" if resource == "$env" else resource)
        if effect.patches:
            self.change({self.module_token(path)}, direct=True)
            self.store({self.module_token(path)}, set().union(*named.values(), *(self.look(one.refs, frame) for one in call.args)))
        if path == "importlib.reload" and call.args:
            self.effects.mods |= set(self.heap.names_of(self.look(call.args[0].refs, frame)))
            self.use("$file:*", "the module is read again from")
        if effect.unknown:
            self.use(f"$mod:{path.lstrip('.').partition('.')[0]}", f"{path} uses")
            self.change_resource(f"$mod:{path.lstrip('.').partition('.')[0]}")
            self.unknown(f"{path} is not known")

    def unknown(self, why: str) -> None:
        """Run something nobody knows: it may draw random numbers, read and write files."""
        self.draw(_RANDOM, why)
        for resource in ("$file:*", "$folder", "$env:*", "$cwd"):
            self.use(resource, why)
        self.change_resource("$file:*")
        self.change_resource("$folder")

    def text(self, argument: Argument, frame: Frame) -> str | None:
        """Return the text of an argument when it is known."""
        return argument.text if argument.text is not None else self.text_of(argument.text_of, frame)

    def file(self, effect: Effect, call: Call, frame: Frame) -> Tokens:
        """Run a function that takes a path."""
        raise NotImplementedError

    def paths_among(self, call: Call, frame: Frame, *, writes: bool) -> None:
        """Take the texts that look like paths for files."""
        raise NotImplementedError

    def enter(self, token: Token, facts: Facts, args: list[Tokens], named: dict[str, Tokens], starred: bool, maybe: bool) -> Tokens:
        """Run the body of a function."""
        raise NotImplementedError

    def play(self, frame: Frame) -> None:
        """Run the steps of one body."""
        raise NotImplementedError
