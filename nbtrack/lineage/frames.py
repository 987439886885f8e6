"""The room in which the steps of one body run: names of the body, values made there, and what one execution was found to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache

from nbtrack.lineage.aliases import Heap, Token, Tokens
from nbtrack.lineage.facts import Facts, Ref, Refs
from nbtrack.lineage.purity import KNOWN, LOOKS_ONLY, STDLIB, Effect, builtin_effect

NONE: Tokens = set()
PATCHED = "$patched"  # every module patch or setting gives this, and every target needs it: nobody can see who relies on them
_LOADS_ITS_PARTS = frozenset({"numpy", "pandas", "torch", "tensorflow", "keras", "plotly", "os", "matplotlib"})


class Frame:
    """One run of one body. ``around`` is the frame that a closure was made in; ``itself`` the tokens of the function."""

    __slots__ = ("around", "facts", "itself", "local", "made", "maybe", "modules", "places", "returned", "texts")

    def __init__(self, facts: Facts, around: Frame | None = None, itself: Tokens = NONE, maybe: bool = False) -> None:
        self.facts = facts
        self.around = around
        self.itself = itself
        self.maybe = maybe
        self.local: dict[str, Tokens] = {}
        self.modules: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.places: dict[int, Tokens] = {}
        self.returned: Tokens = set()
        self.made: list[Token] = []


@dataclass(slots=True)
class Effects:
    """What one execution was found to do. ``uses`` maps names and resources to words on who reads them."""

    uses: dict[str, str] = field(default_factory=dict)
    may: set[str] = field(default_factory=set)
    must: set[str] = field(default_factory=set)
    mods: set[str] = field(default_factory=set)
    set_anew: set[str] = field(default_factory=set)
    reads_all: str = ""
    changes_all: str = ""
    ready: object = None  # what the slicer made of it, when the same effects come again


@dataclass(slots=True)
class Followed:
    """What is noted while an execution is followed."""

    version: int = 0
    binds: list[tuple[str, Tokens, str, str | None, bool]] = field(default_factory=list)
    before: dict[str, tuple[Tokens | None, str | None, str | None]] = field(default_factory=dict)
    changed: Tokens = field(default_factory=set)
    changed_directly: Tokens = field(default_factory=set)


class Values:
    """The heap with its modules and texts, and the effects of the execution that is being run."""

    def __init__(self) -> None:
        self.heap = Heap()
        self.modules: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self.effects = Effects()
        self.followed = Followed()
        self.known: tuple[str, ...] = ()
        self.known_count = 0
        self.quiet = 0
        self.unbound: set[str] = set()
        self.resolved: dict[tuple[int, str], tuple[Effect, str, str]] = {}

    # -- looking up ----------------------------------------------------------------------------------------------------------------

    def look(self, refs: Refs, frame: Frame) -> Tokens:
        """Return the tokens of references."""
        if not refs:
            return NONE
        if len(refs) == 1:
            ref = refs[0]
            if type(ref) is str and ref[0] != ":":
                return self.heap.bindings.get(ref) or self.global_tokens(ref)
            return self._look_one(ref, frame)
        found: Tokens = NONE
        for ref in refs:
            tokens = self._look_one(ref, frame)
            if tokens:
                found = found | tokens if found else tokens
        return found

    def _look_one(self, ref: Ref, frame: Frame) -> Tokens:
        if type(ref) is str:
            if ref[0] != ":":
                return self.heap.bindings.get(ref) or self.global_tokens(ref)
            tokens = frame.local.get(ref)
            return tokens if tokens is not None else self._look_around(ref, frame)
        if type(ref) is int:
            return frame.places.get(ref, NONE)
        tokens = self._look_one(ref[0], frame)  # type: ignore[index]
        return self.heap.inside(tokens) if tokens else tokens

    def _look_around(self, ref: str, frame: Frame) -> Tokens:
        """Return what a name means in the functions around a closure; else all that the function itself holds."""
        around = frame.around
        while around is not None:
            tokens = around.local.get(ref)
            if tokens is not None:
                return _merged(tokens)
            around = around.around
        return self.heap.reach(frame.itself) if frame.itself else NONE

    def global_tokens(self, name: str) -> Tokens:
        """Return the tokens of a global name; one never bound so far has a value that nothing is known of."""
        tokens = self.heap.bindings.get(name)
        if tokens is None:
            if builtin_effect(name) is not None or name in ("None", "__name__", "Exception", "ValueError"):
                return NONE
            tokens = {self.heap.new("")}
            self.heap.bind(name, tokens, certain=True)
            self.unbound.add(name)
        return tokens

    def module_of(self, root: str, chain: str, frame: Frame) -> str:
        """Return the dotted path that a name and its attributes stand for, or "" when the name is no module."""
        if not root:
            return ""
        if root[0] == ":":
            around: Frame | None = frame
            path = ""
            while around is not None and not path:
                path = around.modules.get(root, "")
                around = around.around
        else:
            path = self.modules.get(root, "")
        if not path:
            return ""
        return f"{path}.{chain}" if chain else path

    def text_of(self, name: str, frame: Frame) -> str | None:
        """Return the text a name is bound to, when it is known."""
        if not name:
            return None
        return frame.texts.get(name) if name[0] == ":" else self.texts.get(name)

    def module_token(self, path: str) -> Token:
        """Return the token that stands for a package's state."""
        return self.resource_token(_package(path))

    def resource_token(self, name: str) -> Token:
        """Return the token that stands for a resource."""
        tokens = self.heap.bindings.get(name)
        if tokens is None:
            tokens = {self.heap.new("module")}
            self.heap.bind(name, tokens, certain=True)
        return next(iter(tokens))

    # -- effects -------------------------------------------------------------------------------------------------------------------

    def use(self, name: str, label: str) -> None:
        """Note that the execution reads a name or resource which it did not set itself before."""
        if name in self.effects.uses or name in self.effects.set_anew:
            return
        if name in self.known and name in self.known[: self.known_count]:
            return
        self.effects.uses[name] = label

    def read_global(self, name: str, label: str) -> None:
        """Note that a global is read, with the state of the module it may be."""
        self.use(name, label)
        path = self.modules.get(name)
        if path:
            self.use(_package(path), label)

    def change(self, tokens: Tokens, *, direct: bool = False) -> None:
        """Note that values change in place: every name that may see it counts as changed."""
        if self.quiet or not tokens:
            return
        changed = [token for token in tokens if direct or token.kind != "module"]
        if not changed:
            return
        names = self.heap.names_of(changed)
        self.effects.mods |= names
        (self.followed.changed_directly if direct else self.followed.changed).update(changed)
        if direct:
            for name in names:
                if name.startswith("$mod:") and name[5:] not in LOOKS_ONLY:
                    self.effects.mods.add(PATCHED)

    def change_resource(self, name: str) -> None:
        """Note that a resource changes."""
        if not self.quiet:
            self.effects.mods.add(name)

    def set_resource(self, name: str, *, certain: bool) -> None:
        """Note that a resource is set anew, whatever it was."""
        if not self.quiet:
            self.effects.mods.add(name)
            if certain:
                self.effects.set_anew.add(name)

    def load_module(self, path: str) -> None:
        """Note that an import loads a module."""
        root = path.lstrip(".").partition(".")[0]
        if path.startswith(".") or root not in STDLIB:
            self.use("$env:*", "an import may read")
            if path.startswith(".") or root not in KNOWN:
                self.use("$path", "an import looks in")
                self.use(f"$file:{root}.py", "an import loads")
        if "." in path.lstrip("."):
            self.change_resource(f"$parts:{root}")
        if ".experimental" in path or ".enable_" in path:
            self.effects.mods |= {f"$mod:{root}", PATCHED}

    @staticmethod
    def part_of(path: str, chain: str) -> str:
        """Return the resource for an attribute of a package that may be a part which another import loaded; "" when it is none."""
        if "." in chain and "." not in path[: -len(chain) - 1] and (root := path.partition(".")[0]) not in _LOADS_ITS_PARTS:
            return f"$parts:{root}"
        return ""


@lru_cache(maxsize=4096)
def _package(path: str) -> str:
    """Return the resource that stands for the state of the package of a dotted path."""
    return f"$mod:{path.lstrip('.').partition('.')[0]}"


def _merged(tokens: Tokens) -> Tokens:
    """Return what has become of the tokens that a closure was made with."""
    if all(token.merged is None for token in tokens):
        return tokens
    found: Tokens = set()
    for token in tokens:
        while token.merged is not None:
            token = token.merged
        found.add(token)
    return found
