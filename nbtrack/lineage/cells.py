"""Turns the source of a notebook cell into plain Python: IPython's magics, ``!``, ``?`` and prompts in, parsable code out.

No IPython here. Magics that run Python become that Python; the others become calls of reserved names (``__nbtrack_shell__`` and its like)
that the analysis knows, so that what they read stays visible and nothing of the cell is lost.
"""

from __future__ import annotations

import ast
import re
import warnings
from dataclasses import dataclass

SHELL, MAGIC, WRITE_FILE, RUN_FILE, ENVIRONMENT, FOLDER, LOCAL = (
    "__nbtrack_shell__",
    "__nbtrack_magic__",
    "__nbtrack_writefile__",
    "__nbtrack_run__",
    "__nbtrack_env__",
    "__nbtrack_cd__",
    "__nbtrack_local__",
)

_RUNS_BODY = {"time", "prun", "debug", "track", "snakeviz", "memit", "mprun", "lprun", "heat", "scalene", "memray_flamegraph"}
_SHOWS_BODY = {"html", "HTML", "javascript", "js", "latex", "markdown", "svg", "SVG"}
_RUNS_STATEMENT = {"time", "prun", "timeit", "memit", "lprun", "mprun", "debug", "snakeviz"}
_VALUED_OPTIONS = {
    "timeit": "nrpt", "prun": "lsTD", "time": "", "memit": "rti", "lprun": "fmDTsu", "mprun": "fT", "debug": "b", "snakeviz": "f",
}  # fmt: skip
_NO_EFFECT = {
    "pip", "conda", "mamba", "uv", "micromamba", "who", "whos", "who_ls", "pinfo", "pinfo2", "pdoc", "pdef", "psource", "pfile", "history",
    "hist", "lsmagic", "magic", "quickref", "pwd", "ls", "ll", "pdb", "track", "matplotlib_inline", "page", "logstart", "logstop", "notebook",
    "doctest_mode", "colors", "xmode", "watermark", "man", "more", "less", "cat", "tb", "dhist", "killbgscripts", "connect_info", "qtconsole",
    "gui", "automagic", "autocall", "profile", "load", "loadpy", "psearch",
}  # fmt: skip
_AUTOMAGIC = {
    "matplotlib",
    "cd",
    "ls",
    "pwd",
    "pip",
    "conda",
    "time",
    "timeit",
    "load_ext",
    "reload_ext",
    "run",
    "who",
    "whos",
    "env",
    "config",
    "autoreload",
}
_CELL_MAGIC = re.compile(r"%%(\S+)[ \t]*(.*)")
_ASSIGNED = re.compile(r"^(\s*)([A-Za-z_][\w.\[\]'\", ]*?)\s*=\s*(!|%)(?!=)(.*)$", re.S)
_HELP = re.compile(r"^\s*(?:\?{1,2}\s*[%\w.*\[\]'\"]*|%{0,2}[A-Za-z_][\w.*\[\]'\"]*\?{1,2})\s*;?\s*$")
_INTERPOLATED = re.compile(r"(?<![\\{])\{([^{}]+)\}|(?<![\\$])\$([A-Za-z_]\w*)")
_WORD = re.compile(r"(?<![\w.])[A-Za-z_]\w*")
_PROMPT = re.compile(r"^(\s*)(?:>>> ?|\.\.\. ?|In \[\d+\]: ?|   \.\.\.+: ?)")


@dataclass(frozen=True, slots=True)
class PythonCell:
    """A cell as Python. ``tree`` is None when it cannot be parsed; the body of ``%%timeit`` becomes a function, its names stay inside.

    ``opaque`` tells why nobody can know what the cell does ("" when one can); ``words`` are the names such a cell mentions.
    """

    tree: ast.Module | None
    opaque: str = ""
    words: frozenset[str] = frozenset()
    quiet: bool = False


def to_python(source: str) -> PythonCell:
    """Read a cell as Python; never raises."""
    tree = None if source.lstrip().startswith("In [") else _parse(source)  # a pasted prompt would be an annotation
    if tree is not None:
        return PythonCell(tree, quiet=source.rstrip().endswith(";"))
    text = _clean(source)
    first = _CELL_MAGIC.match(text)
    if first is not None:
        return _cell_magic(first[1], first[2].strip(), text[first.end() :].lstrip("\n"))
    return _python_cell(text)


def words_of(text: str) -> frozenset[str]:
    """Return every identifier that a text mentions outside attribute access."""
    return frozenset(_WORD.findall(text))


def _parse(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError, UnicodeError):
        return None


def _clean(source: str) -> str:
    """Take away leading empty lines, a common indentation and prompts, as IPython does."""
    lines = source.expandtabs().split("\n") if "\t" in source[:1] else source.replace("\r\n", "\n").split("\n")
    while lines and not lines[0].strip():
        del lines[0]
    if lines and _PROMPT.match(lines[0]):
        lines = [_PROMPT.sub(r"\1", line) for line in lines]
    if lines and lines[0][:1] in " \t":
        indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
        lines = [line.removeprefix(indent) for line in lines]
    return "\n".join(lines)


def _python_cell(text: str) -> PythonCell:
    tree = _parse(text)
    if tree is None:
        tree = _parse(transform_lines(text))
    if tree is None:
        return PythonCell(None, opaque="it is not Python that can be read", words=words_of(text))
    return PythonCell(tree, quiet=text.rstrip().endswith(";"))


def _cell_magic(name: str, line: str, body: str) -> PythonCell:
    if name == "timeit":
        setup = _without_options(line, "timeit")
        return _local_cell(_python_cell(f"{setup}\n{body}" if setup else body))
    if name == "capture":
        named = [word for word in line.split() if not word.startswith("-")]
        inner = _python_cell(body)
        if named and named[0].isidentifier() and inner.tree is not None:
            made = ast.parse(f"{named[0]} = {MAGIC}('capture')").body
            return PythonCell(ast.Module([*inner.tree.body, *made], []), quiet=True)
        return inner
    if name in _RUNS_BODY:
        return _python_cell(body)
    if name in _SHOWS_BODY:
        return PythonCell(ast.Module([], []))
    if name in ("writefile", "file"):
        appends = any(word in ("-a", "--append") for word in line.split())
        path = " ".join(word for word in line.split() if word not in ("-a", "--append"))
        return _python_cell(f"{WRITE_FILE}({_text_call(path)}, {'a' if appends else 'w'!r}, {body!r})")
    if name in ("bash", "sh", "script", "system", "sx", "cmd", "!", "perl", "ruby", "python", "python2", "python3", "pypy"):
        given = re.findall(r"--(?:out|err|proc)[ =](\w+)", line)
        left = f"{given[0]} = " if given else ""
        return _python_cell(f"{left}{SHELL}({_text_call(body)})")
    return PythonCell(None, opaque=f"%%{name} is not known here", words=words_of(f"{line}\n{body}"))


def _local_cell(cell: PythonCell) -> PythonCell:
    """Put a body into a function that is called once."""
    if cell.tree is None or not cell.tree.body:
        return cell
    wrapped = ast.parse(f"def {LOCAL}(): pass\n{LOCAL}()")
    wrapped.body[0].body = cell.tree.body  # type: ignore[attr-defined]
    return PythonCell(wrapped)


def transform_lines(text: str) -> str:
    """Replace every magic line by Python, keeping all other lines as they are."""
    out: list[str] = []
    lines = text.split("\n")
    at = 0
    state = _Scanner()
    while at < len(lines):
        line = lines[at]
        at += 1
        if not state.inside and _is_special(line):
            while line.endswith("\\") and at < len(lines):
                line = f"{line[:-1]} {lines[at].strip()}"
                at += 1
            out.append(_transform(line))
            continue
        state.feed(line)
        out.append(line)
    return "\n".join(out)


def _is_special(line: str) -> bool:
    bare = line.lstrip()
    if not bare or bare[0] == "#":
        return False
    if bare[0] in "%!?,;/" or _HELP.match(line):
        return True
    if _ASSIGNED.match(line):
        return True
    return bare.split(None, 1)[0] in _AUTOMAGIC and _parse(bare) is None and not re.match(r"\w+\s*[=(.\[:]", bare)


def _transform(line: str) -> str:
    indent = line[: len(line) - len(line.lstrip())]
    bare = line.strip()
    if _HELP.match(line):
        return f"{indent}pass"
    assigned = _ASSIGNED.match(line)
    if assigned and not bare.startswith(("%", "!")):
        right = _shell_call(assigned[4]) if assigned[3] == "!" else _magic_value(assigned[4].strip())
        return f"{indent}{assigned[2].strip()} = {right}"
    if bare.startswith("!"):
        return indent + _shell_call(bare.lstrip("!"))
    if bare.startswith("/"):
        name, _, rest = bare[1:].partition(" ")
        return f"{indent}{name}({', '.join(rest.split())})"
    if bare[0] in ",;":
        name, _, rest = bare[1:].partition(" ")
        given = rest.split() if bare[0] == "," else [rest]
        return f"{indent}{name}({', '.join(map(repr, given))})"
    return indent + _magic(bare.lstrip("%"), indent)


def _magic(text: str, indent: str = "") -> str:
    """Write one line magic as a statement."""
    name, _, rest = text.partition(" ")
    rest = rest.strip()
    if name in _RUNS_STATEMENT:
        code = _without_options(rest, name)
        if _parse(code) is None:
            return _opaque_call(name, code)
        if name == "timeit":  # its names stay inside
            return f"def {LOCAL}(): {code or 'pass'}\n{indent}{LOCAL}()"
        return code or "pass"
    if name in ("env", "set_env") and re.match(r"\w+[ =]", rest):
        key, _, value = rest.replace("=", " ", 1).partition(" ")
        return f"{ENVIRONMENT}({key!r}, {_text_call(value)})"
    if name == "run":
        return _run_call(rest)
    if name in ("cd", "pushd", "popd"):
        return f"{FOLDER}({_text_call(rest)})"
    if name in ("xdel", "reset_selective") and rest.isidentifier():
        return f"del {rest}"
    if name in ("sx", "system"):
        return _shell_call(rest)
    if name in _NO_EFFECT:
        return f"{MAGIC}('nothing', {_text_call(rest)})" if _INTERPOLATED.search(rest) else "pass"
    return _opaque_call(name, rest)


def _magic_value(text: str) -> str:
    """Write the right side of ``x = %magic`` as an expression."""
    code = _magic(text)
    return code if _is_expression(code) and code != "pass" else _opaque_call(text.partition(" ")[0], text)


def _opaque_call(name: str, text: str) -> str:
    return f"{MAGIC}({name!r}, {_text_call(text)})"


def _run_call(rest: str) -> str:
    words = [word for word in rest.split() if not word.startswith("-")]
    names = "shared" if "-i" in rest.split() else "own"
    path = words[0] if words else ""
    if path and not path.endswith((".py", ".ipy", ".ipynb")) and "{" not in path and "$" not in path:
        path = f"{path}.py"
    return f"{RUN_FILE}({_text_call(path)}, {names!r}, {_text_call(' '.join(words[1:]))})"


def _shell_call(text: str) -> str:
    return f"{SHELL}({_text_call(text.strip())})"


def _text_call(text: str) -> str:
    """Write a text with its ``{expressions}`` and ``$names`` as arguments: the text, then what it takes in."""
    taken = []
    for match in _INTERPOLATED.finditer(text):
        code = (match[1] or match[2]).strip()
        if _is_expression(code):
            taken.append(f"({code})")
    return f"({', '.join([repr(text), *taken])},)" if taken else repr(text)


def _is_expression(code: str) -> bool:
    try:
        ast.parse(code, mode="eval")
    except (SyntaxError, ValueError):
        return False
    return True


def _without_options(line: str, name: str) -> str:
    """Take the options of a magic off the front of its line."""
    valued = _VALUED_OPTIONS.get(name, "")
    words = line.lstrip()
    while match := re.match(r"-(-[\w-]+|\w)(\S*)\s*", words):
        words = words[match.end() :]
        if match[1] in valued and not match[2]:
            words = words.partition(" ")[2].lstrip()
    return words


class _Scanner:
    """Follows strings and brackets over the lines of a cell, to know which line begins a statement."""

    def __init__(self) -> None:
        self._quote = ""
        self._depth = 0
        self._continued = False

    @property
    def inside(self) -> bool:
        """Whether the next line goes on with something that an earlier one began."""
        return bool(self._quote) or self._depth > 0 or self._continued

    def feed(self, line: str) -> None:
        """Read one line."""
        self._continued = False
        at, end = 0, len(line)
        while at < end:
            char = line[at]
            if self._quote:
                if char == "\\":
                    at += 2
                    continue
                if line.startswith(self._quote, at):
                    at += len(self._quote)
                    self._quote = ""
                    continue
            elif char == "#":
                break
            elif char in "'\"":
                self._quote = char * 3 if line.startswith(char * 3, at) else char
                at += len(self._quote)
                continue
            elif char in "([{":
                self._depth += 1
            elif char in ")]}":
                self._depth = max(self._depth - 1, 0)
            elif char == "\\" and at == end - 1:
                self._continued = True
            at += 1
        if len(self._quote) == 1 and not line.endswith("\\"):
            self._quote = ""
