"""Says in words why an execution is in a slice."""

from __future__ import annotations

from collections.abc import Sequence

from nbtrack.lineage.records import Need

_RANDOM = {"python": "Python's", "numpy": "NumPy's", "torch": "PyTorch's", "tensorflow": "TensorFlow's"}
_RESOURCES = {
    "$patched": "a library's settings or functions",
    "$folder": "folders",
    "$cwd": "the working folder",
    "$path": "where imports look",
    "$figure": "the current figure",
    "$extensions": "IPython's extensions",
}


def say_reason(needs: Sequence[Need], always: str, is_target: bool) -> str:
    """Write the reason of one execution: ``defines X_train, which clf.fit reads``."""
    if is_target:
        return "the target"
    if not needs:
        return f"kept because {always}" if always else "kept to be safe"
    variables = [need for need in needs if not need.name.startswith("$")]
    first = (variables or list(needs))[0]
    others = sorted({name_of(need.name) for need in needs} - {name_of(first.name)})
    told = f"{first.how} {name_of(first.name)}{_purpose(first)}"
    if others:
        told += f"; also {', '.join(others[:3])}" + (f" and {len(others) - 3} more" if len(others) > 3 else "")
    return f"{told} ({always})" if always else told


def _purpose(need: Need) -> str:
    if need.by is None:
        return ", the target" if need.reader == "the target" else f", which {need.reader}" if need.reader else ""
    return f", which {need.reader or 'a later cell reads'}"


def name_of(name: str) -> str:
    """Write a variable or resource for people."""
    if not name.startswith("$"):
        return name
    if name.startswith("$rng."):
        return f"{_RANDOM.get(name[5:], name[5:])} random state"
    family, _, rest = name.partition(":")
    rest = rest.rstrip("*?!")
    if family == "$file":
        return f"the file {rest}" if rest else "files"
    if family == "$env":
        return f"the environment variable {rest}" if rest else "environment variables"
    if family == "$mod":
        return f"the state of {rest}"
    if family == "$parts":
        return f"parts of {rest}"
    return _RESOURCES.get(name, name.lstrip("$"))
