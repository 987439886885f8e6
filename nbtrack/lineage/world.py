"""Runs the steps of executed cells over the heap, one execution after the other, and tells what each did given all before it."""

from __future__ import annotations

from nbtrack.lineage.aliases import Token, Tokens
from nbtrack.lineage.calling import Calling
from nbtrack.lineage.facts import (
    ALL,
    BIND,
    CALL,
    CHANGE,
    CODE,
    CONSUME,
    DROP,
    MAKE,
    MODULE,
    PATH,
    RESOURCE,
    RETURN,
    STORE,
    TOUCH,
    Facts,
    Hint,
)  # fmt: skip
from nbtrack.lineage.files import last_part
from nbtrack.lineage.frames import NONE, Effects, Frame
from nbtrack.lineage.memory import Followed, Memory, Remembered, copy_effects, names_changed
from nbtrack.lineage.records import CellAnalysis, Evidence, Executed

MOST_STEPS = 10_000  # of one execution, calls of the user's functions included; beyond that it counts as unknown
_UNCHANGING = frozenset(
    {"int", "float", "str", "bool", "NoneType", "complex", "bytes", "range", "float64", "int64", "bool_", "float32", "int32", "Timestamp"}
)
_ARRAYS = frozenset({"ndarray", "DataFrame", "Series", "Index", "csr_matrix"})


class World(Calling):
    """The state of a kernel as far as names, values that share parts, and code are concerned."""

    def __init__(self) -> None:
        super().__init__()
        self._memory = Memory()

    def run(self, executed: Executed) -> Effects:
        """Run one execution; returns what it did."""
        analysis, evidence = executed.analysis, executed.evidence
        failed = evidence is not None and bool(evidence.error)
        key = (id(analysis), failed)
        known = self._memory.recall(key, self.heap, self.modules, self.texts)
        if known is not None:
            self._repeat(known, evidence is None)
        else:
            self._follow(analysis, failed, key)
        if evidence is not None:
            self._believe(evidence)
        self.heap.settle()
        return self.effects

    def _repeat(self, known: Remembered, keeps: bool) -> None:
        """Do again what an earlier execution did; ``keeps``: nothing will be added to its effects, so that they need no copy."""
        changed = names_changed(self.heap, known)
        for name, tokens, module, text, certain in known.binds:
            self.heap.bind(name, tokens, certain=certain)
            self._name_more(name, module, text, certain)
        if known.binds and changed:
            changed |= names_changed(self.heap, known)
        if keeps and changed <= known.effects.mods:
            self.effects = known.effects
        else:
            self.effects = copy_effects(known.effects)
            self.effects.mods |= changed

    def _follow(self, analysis: CellAnalysis, failed: bool, key: tuple[int, bool]) -> None:
        """Run the steps of an execution and remember what came of it."""
        effects = self.effects = Effects(uses=dict(analysis.labels), may=set(analysis.may), must=set(analysis.must))
        self.left = MOST_STEPS
        self.known = analysis.bound_order
        self.known_count = 0
        self.done = {}
        self.followed = Followed(self.heap.version)
        self.heap.start(self._memory.made.get(key[0], []))
        for name in analysis.labels.keys() & self.modules.keys():
            self.read_global(name, analysis.labels[name])
        if analysis.facts is not None:
            self.play(Frame(analysis.facts, maybe=failed))
        if analysis.opaque:
            effects.reads_all = effects.changes_all = analysis.opaque
        elif analysis.star_imports:
            effects.changes_all = f"imports everything from {', '.join(analysis.star_imports)}"
        if failed:
            effects.must.clear()
            effects.set_anew.clear()
        names = {name for name in effects.uses if name[0] != "$"}
        names.update(name for name, _, _, _, certain in self.followed.binds if not certain)
        self._memory.keep(key, names, self.followed, effects, self.heap, self.modules, self.texts)

    def _believe(self, evidence: Evidence) -> None:
        """Let what was seen beat what was guessed."""
        effects = self.effects
        if evidence.rebound is not None:
            for name in evidence.rebound - effects.may:
                self.heap.bind(name, {self.heap.new("")}, certain=True)
                self.modules.pop(name, None)
                self.texts.pop(name, None)
            effects.may |= evidence.rebound
            effects.must |= evidence.rebound
        effects.may |= evidence.deleted
        if evidence.rng is not None:
            for name in ("python", "numpy", "torch"):
                self._believe_random(f"$rng.{name}", evidence.rng.get(name))
        if evidence.files_read is not None and evidence.files_written is not None:
            effects.uses.pop("$file:*", None)
            effects.mods.discard("$file:*")
            for path in evidence.files_read:
                self.use(f"$file:{last_part(path)}", "the cell opens")
            effects.mods.update(f"$file:{last_part(path)}" for path in evidence.files_written)
        for name, kind in evidence.types.items():
            tokens = self.heap.bindings.get(name)
            if tokens is None:
                continue
            if kind in _UNCHANGING:
                self.heap.bind(name, set(), certain=True)
            elif kind in _ARRAYS:
                for token in tokens:
                    if not token.kind:
                        token.kind = "array"
                        self.heap.mark(token)

    def _believe_random(self, name: str, states: tuple[str, str] | None) -> None:
        effects = self.effects
        if name in effects.set_anew:
            return
        if states is None or states[0] == states[1]:
            effects.uses.pop(name, None)
            effects.mods.discard(name)
        else:
            effects.uses.setdefault(name, "the cell draws from")
            effects.mods.add(name)

    # -- steps ---------------------------------------------------------------------------------------------------------------------

    def play(self, frame: Frame) -> None:
        """Run the steps of one body."""
        look = self.look
        is_cell = frame.around is None and not frame.itself
        for step in frame.facts.steps:
            code = step[0]
            self.left -= 1
            if self.left < 0:
                self.effects.reads_all = self.effects.changes_all = "it does more than could be followed"
                return
            if code == CALL:
                call = step[1]
                if is_cell:
                    self.known_count = call.bound
                self.call(call, frame)
            elif code == BIND:
                self._bind(step[1], step[2], frame)
            elif code == TOUCH:
                if is_cell:
                    self.known_count = step[2]
                self._touch(step[1], step[3], frame)
            elif code == MAKE:
                frame.places[step[1]] = self._make(look(step[2], frame), step[3], step[2], frame)
            elif code == CHANGE:
                self._change(look(step[1], frame), step[2])
            elif code == STORE:
                self.store(look(step[1], frame), look(step[2], frame))
            elif code == CODE:
                self._code(step[1], step[2], look(step[3], frame), step[4], frame)
            elif code == CONSUME:
                if is_cell:
                    self.known_count = step[2]
                self.consume(look(step[1], frame))
            elif code == RETURN:
                frame.returned |= look(step[1], frame)
            elif code == MODULE:
                self.load_module(step[1])
            elif code == PATH:
                path = self.module_of(step[1], step[2], frame)
                if path:
                    if part := self.part_of(path, step[2]):
                        self.use(part, f"{path} is part of")
                    if path.startswith("os.environ"):
                        self.use("$env:*", "os.environ reads")
            elif code == RESOURCE:
                self._unseen(step[1], step[2])
            elif code == DROP:
                self._drop(step[1], step[2], frame)

    def _unseen(self, uses: tuple[str, ...], changes: tuple[str, ...]) -> None:
        if ALL in uses:
            self.effects.reads_all = self.effects.reads_all or "it reads names that only its run knows"
        if ALL in changes:
            self.effects.changes_all = self.effects.changes_all or "it runs text that nobody can see through"

    def _bind(self, pairs: tuple[tuple[str, tuple, Hint | None], ...], certain: bool, frame: Frame) -> None:
        if len(pairs) == 1:
            name, refs, hint = pairs[0]
            self._bind_one(name, self.look(refs, frame), hint, certain, frame)
            return
        for name, tokens, hint in [(name, self.look(refs, frame), hint) for name, refs, hint in pairs]:
            self._bind_one(name, tokens, hint, certain, frame)

    def _bind_one(self, name: str, tokens: Tokens, hint: Hint | None, certain: bool, frame: Frame) -> None:
        module, text = "", None
        if hint is not None:
            module = hint.module or (self.module_of(hint.root, hint.chain, frame) if hint.root else "")
            text = hint.text if hint.text is not None else self.text_of(hint.text_of, frame)
            if module:
                tokens = {self.module_token(module)}
        if name[0] == ":":
            self._bind_local(name, tokens, module, text, certain, frame)
            return
        if self.quiet:
            return
        if frame.itself:
            self.effects.may.add(name)
            certain = False
        elif frame.maybe:
            certain = False
        self._remember_bind(name, tokens, module, text, certain)
        self.heap.bind(name, tokens, certain=certain)
        self._name_more(name, module, text, certain)

    def _remember_bind(self, name: str, tokens: Tokens, module: str, text: str | None, certain: bool) -> None:
        if name not in self.followed.before:
            self.followed.before[name] = (self.heap.bindings.get(name), self.modules.get(name), self.texts.get(name))
        self.followed.binds.append((name, tokens, module, text, certain))

    def _name_more(self, name: str, module: str, text: str | None, certain: bool) -> None:
        """Keep what else is known of a name's value."""
        if module:
            self.modules[name] = module
        elif certain and name in self.modules:
            del self.modules[name]
        if text is not None:
            self.texts[name] = text
        elif certain and name in self.texts:
            del self.texts[name]

    def _bind_local(self, name: str, tokens: Tokens, module: str, text: str | None, certain: bool, frame: Frame) -> None:
        around: Frame | None = frame
        if name[1:] in frame.facts.own:  # a nonlocal name: the function's own state changes
            around = frame.around
            while around is not None and name not in around.local:
                around = around.around
            self.change(frame.itself)
            certain = False
            for token in frame.itself:
                self.heap.hold(token, tokens)
        home = around or frame
        before = home.local.get(name)
        home.local[name] = tokens if certain or not before else before | tokens
        if module:
            home.modules[name] = module
        elif certain:
            home.modules.pop(name, None)
        if text is not None:
            home.texts[name] = text
        elif certain:
            home.texts.pop(name, None)

    def _drop(self, name: str, certain: bool, frame: Frame) -> None:
        if name[0] == ":":
            if certain:
                frame.local[name] = NONE
        elif certain and not frame.maybe and not self.quiet:
            self._remember_bind(name, NONE, "", None, True)
            self.heap.bind(name, NONE, certain=True)
            self._name_more(name, "", None, True)

    def _change(self, tokens: Tokens, direct: bool) -> None:
        for token in tokens:
            if token.code and token.kind in ("instance", ""):
                self.operate({token}, setting=True)
        self.change(tokens, direct=direct)

    def _touch(self, refs: tuple, items: tuple, frame: Frame) -> None:
        look = self._look_one
        for ref in refs:
            tokens = look(ref, frame)
            for token in tokens:
                if token.code:
                    self.operate(tokens)
                    break
        for ref in items:
            grows = {token for token in self.look((ref,), frame) if token.kind == "grows"}
            if grows:
                self.change(grows)

    def _make(self, tokens: Tokens, kind: str, refs: tuple, frame: Frame) -> Tokens:
        """Make a value out of others; out of numbers and texts alone come numbers and texts."""
        if kind == "data":
            return {self.heap.new("data", tokens)}
        if not tokens:
            return NONE
        if kind == "class":
            return self.heap.reach(tokens, classes=True)
        if kind == "tuple":
            return {self.heap.new("data", tokens)}
        if kind == "part":  # of a list a new list with the same items, of an array a view
            lists = {token for token in tokens if token.kind == "data"}
            found = self.heap.reach(tokens - lists) if lists != tokens else set()
            return found | {self.heap.new("data", {one for token in lists for one in token.contents})} if lists else found
        if kind == "augmented":
            first = self.look(refs[:1], frame)
            if first:
                return first
            kind = "math"
        carried = {token for token in tokens if token.code}
        if kind == "sum":
            held = set(carried)
            for token in tokens:
                if token.kind in ("data", "mixed"):
                    held |= token.contents
                elif token.kind != "array":
                    held.add(token)
            kinds = {token.kind for token in tokens}
            return {self.heap.new("" if carried else kinds.pop() if kinds in ({"data"}, {"array"}) else "mixed", held)}
        return {self.heap.new("" if carried else "array", carried)}

    def _code(self, place: int, facts: Facts, held: Tokens, kind: str, frame: Frame) -> None:
        token = self.heap.new_code(kind if kind in ("class", "iter") else "code", facts)
        token.frame = frame
        self.heap.hold(token, held)
        for name in facts.own:
            self.heap.hold(token, self.look((f":{name}",), frame))
        frame.made.append(token)
        frame.places[place] = {token}
        if kind == "class" and held:
            self._create_class(token, held)

    def _create_class(self, token: object, held: Tokens) -> None:
        """Run what a new class makes its bases and descriptors do."""
        for one in held:
            for owner in self.classes(one):
                assert owner.facts is not None
                for name in ("__init_subclass__", "__set_name__"):
                    if name in owner.facts.methods and owner is not token:
                        self.enter(owner, owner.facts.methods[name], [{one if name == "__set_name__" else token}], {}, True, True)

    def closure_of(self, name: str) -> set[str]:
        """Return the globals that the code a name carries reads, as of now."""
        tokens = self.heap.bindings.get(name, NONE)
        self.effects = Effects()
        self.known, self.known_count, self.left, self.done = (), 0, MOST_STEPS, {}
        self.quiet += 1
        self.operate({token for token in tokens if token.code})
        self.quiet -= 1
        return set(self.effects.uses)
