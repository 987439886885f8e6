"""What the body of a cell, a function or a class does, as a list of small steps that the world (``world.py``) can run without the code.

A step is a tuple that begins with one of the codes below. Values are written as references: ``"x"`` is a global name, ``":x"`` a name
local to a function or comprehension, a number is a value made at that place of the body, ``(ref,)`` is what the value holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Ref = str | int | tuple[str | int]
Refs = tuple[Ref, ...]
Step = tuple  # (code, ...)

# (BIND, pairs, strong)           pairs of (name, refs, hint): all right sides are looked up before any name is bound
# (DROP, name)                    del name
# (MAKE, place, refs, kind)       a new value out of others: see Heap.make for the kinds
# (CODE, place, Code, refs, own)  a function, lambda or class; refs: defaults and decorators' values it holds; own: enclosing locals it reads
# (CALL, Call)
# (CHANGE, refs, direct)          changed in place; direct: an item or attribute of it was set (so a module is patched)
# (STORE, refs, refs)             the first now holds the second
# (TOUCH, refs, bound, items)     an operation on the values that may run user code (properties, dunders); items: read by subscript
# (CONSUME, refs, bound)          iterated over
# (RESOURCE, uses, changes)
# (RETURN, refs)
# (MODULE, dotted, star)          an import loads this module
# (PATH, root, attributes)        an attribute chain on a global name that may be a module
BIND, DROP, MAKE, CODE, CALL, CHANGE, STORE, TOUCH, CONSUME, RESOURCE, RETURN, MODULE, PATH = range(13)

ALL = "$all"  # what text that nobody can see may read and change


@dataclass(frozen=True, slots=True)
class Hint:
    """What is known of a bound value besides its references.

    ``module`` is a dotted path when the value is a module or something imported; ``root`` and ``chain`` when it is an attribute chain on a
    name that may turn out to be a module; ``text`` is the last part of a path or the text itself, when it is known.
    """

    module: str = ""
    root: str = ""
    chain: str = ""
    text: str | None = None
    text_of: str = ""


@dataclass(frozen=True, slots=True)
class Argument:
    """One argument of a call. ``text`` is its literal text (the last part of a path), ``text_of`` the name that may have one."""

    refs: Refs
    text: str | None = None
    text_of: str = ""
    constant: bool = False
    whole: str | None = None


@dataclass(frozen=True, slots=True)
class Call:
    """A call: ``root`` and ``chain`` when the callee is a dotted chain on a global name (``root`` ``"="``: a module known here).

    ``place`` is where its result lives (-1: nobody takes it). ``maybe`` says that it happens under a condition or later. ``given`` are
    all its arguments together, ``options`` those of its keywords that change what a known function does to them,
    ``has_text`` tells whether an argument may be a path.
    """

    place: int
    callee: Refs
    root: str
    chain: str
    method: str
    receiver: Argument
    args: tuple[Argument, ...]
    keywords: tuple[tuple[str, Argument], ...]
    starred: bool
    maybe: bool
    bound: int
    given: Refs = ()
    options: frozenset[str] = frozenset()
    has_text: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """The steps of one body. ``reads`` are the globals it reads in itself (not in what it calls)."""

    name: str = ""
    steps: tuple[Step, ...] = ()
    reads: frozenset[str] = frozenset()
    params: tuple[str, ...] = ()
    positional: int = 0
    rest: str = ""
    rest_keywords: str = ""
    own: tuple[str, ...] = ()
    lazy: bool = False
    methods: Mapping[str, Facts] = field(default_factory=dict)
    properties: frozenset[str] = frozenset()
    is_class: bool = False
