"""Tricky histories as data: the cells, the order they ran in, the target, what its slice must hold and what it must not.

``cells`` are given by letter; ``order`` is a string of letters (default: each once, as written). ``show`` is the expression whose
printed value is compared after the whole history and after the slice (default: the target).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Case:
    """One history and what is expected of its slice."""

    name: str
    cells: dict[str, str]
    target: str
    inside: str
    outside: str = ""
    order: str = ""
    show: str = ""

    @property
    def executed(self) -> list[str]:
        """The letters in the order they ran."""
        return list(self.order or self.cells)


CASES = [
    Case("straight line", {"a": "x = 1", "b": "y = 2", "c": "z = x + 1"}, "z", "ac", "b"),
    Case("the last definition wins", {"a": "x = 1", "b": "x = 2", "c": "z = x"}, "z", "bc", "a"),
    Case("re-executed cell", {"a": "x = 1", "b": "x = x + 1", "c": "z = x"}, "z", "abc", order="abbbc"),
    Case("method mutates", {"a": "l = []", "b": "l.append(3)", "c": "n = len(l)"}, "n", "abc"),
    Case("pure methods do not mutate", {"a": "l = [3, 1]", "b": "l.count(3); l.index(1)", "c": "n = l[0]"}, "n", "ac", "b"),
    Case("subscript store", {"a": "d = {}", "b": "d['k'] = 5", "c": "v = d.get('k')", "e": "w = d['k']"}, "v", "abc", "e"),
    Case("attribute store", {"a": "class C: pass\nc = C()", "b": "c.v = 5", "c": "w = 1", "e": "out = c.v"}, "out", "abe", "c"),
    Case("delete an item", {"a": "d = {'a': 1, 'b': 2}", "b": "del d['a']", "c": "n = len(d)"}, "n", "abc"),
    Case(
        "in-place keyword",
        {
            "a": "import pandas as pd\ndf = pd.DataFrame({'a': [3, 1]})",
            "b": "df.sort_values('a', inplace=True)",
            "c": "v = int(df.a.iloc[0])",
        },
        "v",
        "abc",
    ),
    Case(
        "pandas without in-place",
        {"a": "import pandas as pd\ndf = pd.DataFrame({'a': [3, 1]})", "b": "df.sort_values('a')", "c": "v = int(df.a.iloc[0])"},
        "v",
        "ac",
        "b",
    ),
    Case(
        "out keyword",
        {"a": "import numpy as np\na = np.zeros(2)\nb = np.ones(2)", "b": "np.add(a, b, out=a)", "c": "s = float(a.sum())"},
        "s",
        "abc",
    ),
    Case(
        "numpy function that fills its argument",
        {"a": "import numpy as np\na = np.zeros((2, 2))", "b": "np.fill_diagonal(a, 5)", "c": "s = float(a.sum())"},
        "s",
        "abc",
    ),
    Case(
        "numpy function that does not",
        {"a": "import numpy as np\na = np.ones((2, 2))", "b": "np.linalg.inv(a + np.eye(2))", "c": "s = float(a.sum())"},
        "s",
        "ac",
        "b",
    ),
    Case(
        "user function mutates its argument",
        {"a": "def put(l):\n    l.append(1)", "b": "x = []\ny = []", "c": "put(x)", "e": "put(y)", "f": "n = len(x)"},
        "n",
        "abcf",
        "e",
    ),
    Case(
        "user function sees through to another",
        {"a": "def inner(l): l.append(1)", "b": "def outer(q): inner(q)", "c": "x = []", "e": "outer(x)", "f": "n = len(x)"},
        "n",
        "abcef",
    ),
    Case(
        "user function that copies first",
        {"a": "def clean(l):\n    l = list(l)\n    l.append(1)\n    return l", "b": "x = [0]", "c": "y = clean(x)", "e": "n = len(x)"},
        "n",
        "be",
        "ac",
    ),
    Case("alias by assignment", {"a": "x = []", "b": "y = x", "c": "y.append(1)", "e": "n = len(x)"}, "n", "abce"),
    Case(
        "alias broken by rebinding", {"a": "x = []", "b": "y = x", "c": "y = [5]", "e": "y.append(1)", "f": "n = len(x)"}, "n", "af", "bce"
    ),
    Case("alias in a container", {"a": "x = []", "b": "box = {'x': x}", "c": "box['x'].append(1)", "e": "n = len(x)"}, "n", "abce"),
    Case(
        "alias by attribute",
        {"a": "class C:\n    def __init__(self, v): self.v = v", "b": "x = []", "c": "c = C(x)", "e": "c.v.append(1)", "f": "n = len(x)"},
        "n",
        "abcef",
    ),
    Case(
        "numpy view",
        {"a": "import numpy as np\na = np.arange(6)", "b": "v = a[2:4]", "c": "v[0] = 99", "e": "s = int(a.sum())"},
        "s",
        "abce",
    ),
    Case(
        "reshape keeps the buffer",
        {"a": "import numpy as np\na = np.arange(6)", "b": "m = a.reshape(2, 3)", "c": "m[0, 0] = 99", "e": "s = int(a.sum())"},
        "s",
        "abce",
    ),
    Case(
        "loop variable is an alias",
        {"a": "rows = [[1], [2]]", "b": "for row in rows:\n    row.append(0)", "c": "n = sum(map(len, rows))"},
        "n",
        "abc",
    ),
    Case("late global of a function", {"a": "k = 1", "b": "def f(): return k", "c": "k = 10", "e": "v = f()"}, "v", "bce", "a"),
    Case("global at the time of the call", {"a": "k = 1", "b": "def f(): return k", "c": "v = f()", "e": "k = 10"}, "v", "abc", "e"),
    Case("default captured at definition", {"a": "k = 1", "b": "def f(x=k): return x", "c": "k = 10", "e": "v = f()"}, "v", "abe", "c"),
    Case(
        "mutable default",
        {"a": "def f(x, acc=[]):\n    acc.append(x)\n    return len(acc)", "b": "f(1)", "c": "f(2)", "e": "v = f(3)"},
        "v",
        "abce",
    ),
    Case(
        "closure over a local list",
        {
            "a": "def make():\n    seen = []\n    def add(x):\n        seen.append(x)\n        return len(seen)\n    return add",
            "b": "add = make()",
            "c": "add(1)",
            "e": "v = add(2)",
        },
        "v",
        "abce",
    ),
    Case(
        "nonlocal counter",
        {
            "a": "def make():\n    n = 0\n    def inc():\n        nonlocal n\n        n += 1\n        return n\n    return inc",
            "b": "inc = make()",
            "c": "inc()",
            "e": "other = make()",
            "f": "v = inc()",
        },
        "v",
        "abcf",
        "e",
    ),
    Case(
        "decorator with state",
        {
            "a": "calls = []\ndef log(f):\n    def wrapper(*args):\n        calls.append(f.__name__)\n        return f(*args)\n    return wrapper",
            "b": "@log\ndef g(x): return x",
            "c": "g(1)",
            "e": "n = len(calls)",
        },
        "n",
        "abce",
    ),
    Case(
        "decorator that registers",
        {
            "a": "registry = {}\ndef register(f):\n    registry[f.__name__] = f\n    return f",
            "b": "scale = 3\n@register\ndef triple(x): return x * scale",
            "c": "v = registry['triple'](2)",
        },
        "v",
        "abc",
    ),
    Case(
        "function carried by a dict uses late globals",
        {"a": "scale = 1", "b": "ops = {'f': lambda x: x * scale}", "c": "scale = 7", "e": "v = ops['f'](2)"},
        "v",
        "bce",
        "a",
    ),
    Case(
        "global statement",
        {"a": "n = 0", "b": "def bump():\n    global n\n    n += 1", "c": "bump()", "e": "m = 5", "f": "v = n"},
        "v",
        "abcf",
        "e",
    ),
    Case(
        "conditional definition keeps both", {"a": "import sys\nx = 1", "b": "if len(sys.argv) > 100:\n    x = 2", "c": "v = x"}, "v", "abc"
    ),
    Case(
        "both branches kill",
        {"a": "x = 1\nflag = True", "b": "x = 5", "c": "if flag:\n    x = 2\nelse:\n    x = 3", "e": "v = x"},
        "v",
        "ace",
        "b",
    ),
    Case("comprehension scope does not leak", {"a": "i = 5", "b": "l = [i for i in range(3)]", "c": "v = i"}, "v", "ac", "b"),
    Case("loop scope leaks", {"a": "i = 5", "b": "for i in range(3):\n    pass", "c": "v = i"}, "v", "bc"),
    Case("comprehension reads a global", {"a": "k = 2", "b": "l = [x * k for x in range(3)]", "c": "v = sum(l)"}, "v", "abc"),
    Case("walrus", {"a": "data = [1, 2, 3]", "b": "if (n := len(data)) > 2:\n    pass", "c": "v = n"}, "v", "abc"),
    Case("walrus in a comprehension", {"a": "last = 0", "b": "l = [last := x for x in range(4)]", "c": "v = last"}, "v", "bc"),
    Case("star import", {"a": "from math import *", "b": "y = 5", "c": "v = floor(sqrt(16))"}, "v", "ac", "b"),
    Case("line magic with a statement", {"a": "x = 3", "b": "%time y = x + 1", "c": "v = y"}, "v", "abc"),
    Case("cell magic time", {"a": "x = 3", "b": "%%time\ny = x + 1", "c": "v = y"}, "v", "abc"),
    Case("cell magic capture", {"a": "x = 3", "b": "%%capture out\nprint(x)\ny = x + 1", "c": "v = out.stdout"}, "v", "abc"),
    Case("timeit defines nothing", {"a": "x = 1", "b": "%%timeit -n 1 -r 1\nx = 5", "c": "v = x"}, "v", "ac", "b"),
    Case("shell assignment with a variable", {"a": "word = 'hello'", "b": "out = !echo {word}", "c": "v = out[0]"}, "v", "abc"),
    Case("help is nothing", {"a": "x = 1", "b": "len?", "c": "v = x"}, "v", "ac", "b"),
    Case("script by %run", {"a": "%%writefile part.py\nk = 41", "b": "%run part.py", "c": "x = 2", "e": "v = k + 1"}, "v", "abe", "c"),
    Case("exec of text", {"a": "x = 2", "b": "exec('y = x * 3')", "c": "z = 1", "e": "v = y"}, "v", "abe", "c"),
    Case("exec of unknown text", {"a": "x = 2\ncode = 'y = x ' + '* 3'", "b": "exec(code)", "c": "v = y"}, "v", "abc"),
    Case("cell that raised half way", {"a": "x = 1", "b": "x = 2\nraise ValueError('stop')\nx = 3", "c": "v = x"}, "v", "bc"),
    Case("cell that raised before", {"a": "x = 1", "b": "y = 1 / 0\nx = 2", "c": "v = x"}, "v", "ac"),
    Case("monkeypatching a module", {"a": "import math", "b": "math.tau = 1", "c": "x = 3", "e": "v = math.tau"}, "v", "abe", "c"),
    Case(
        "monkeypatching a class",
        {"a": "class C:\n    def f(self): return 1", "b": "c = C()", "c": "C.f = lambda self: 2", "e": "v = c.f()"},
        "v",
        "abce",
    ),
    Case(
        "file written and read",
        {
            "a": "text = 'abc'",
            "b": "with open('t.txt', 'w') as f:\n    f.write(text)",
            "c": "with open('u.txt', 'w') as f:\n    f.write('no')",
            "e": "v = open('t.txt').read()",
        },
        "v",
        "abe",
        "c",
    ),
    Case(
        "file appended",
        {
            "a": "open('log.txt', 'w').write('a')",
            "b": "with open('log.txt', 'a') as f:\n    f.write('b')",
            "c": "v = open('log.txt').read()",
        },
        "v",
        "abc",
    ),
    Case(
        "file through pandas",
        {
            "a": "import pandas as pd\ndf = pd.DataFrame({'a': [1, 2]})",
            "b": "df.to_csv('d.csv', index=False)",
            "c": "e = pd.read_csv('d.csv')",
            "f": "v = int(e.a.sum())",
        },
        "v",
        "abcf",
    ),
    Case(
        "file through a path in a variable",
        {"a": "from pathlib import Path\nwhere = Path('x.txt')", "b": "where.write_text('hi')", "c": "v = where.read_text()"},
        "v",
        "abc",
    ),
    Case(
        "environment variable",
        {"a": "import os", "b": "os.environ['MODE'] = 'fast'", "c": "x = 1", "e": "v = os.environ.get('MODE')"},
        "v",
        "abe",
        "c",
    ),
    Case("iterator advanced", {"a": "it = iter([1, 2, 3])", "b": "next(it)", "c": "v = next(it)"}, "v", "abc"),
    Case(
        "generator consumed in part",
        {"a": "g = (i * i for i in range(5))", "b": "for x in g:\n    if x > 3:\n        break", "c": "v = list(g)"},
        "v",
        "abc",
    ),
    Case("generator consumed by a builtin", {"a": "g = (i for i in range(5))", "b": "s = sum(g)", "c": "v = list(g)"}, "v", "abc"),
    Case("zip consumes what it wraps", {"a": "it = iter(range(6))", "b": "pairs = list(zip(it, 'ab'))", "c": "v = list(it)"}, "v", "abc"),
    Case("list is not consumed", {"a": "l = [1, 2]", "b": "s = sum(l)", "c": "v = list(l)"}, "v", "ac", "b"),
    Case(
        "numpy legacy randomness",
        {"a": "import numpy as np\nnp.random.seed(0)", "b": "np.random.rand()", "c": "v = np.random.rand()"},
        "v",
        "abc",
    ),
    Case(
        "seeding again kills the draws",
        {"a": "import numpy as np", "b": "np.random.rand()", "c": "np.random.seed(1)", "e": "v = np.random.rand()"},
        "v",
        "ace",
        "b",
    ),
    Case(
        "python randomness",
        {"a": "import random\nrandom.seed(0)", "b": "random.random()", "c": "x = 1", "e": "v = random.random()"},
        "v",
        "abe",
        "c",
    ),
    Case(
        "the two generators are apart",
        {"a": "import random, numpy as np\nrandom.seed(0); np.random.seed(0)", "b": "np.random.rand()", "c": "v = random.random()"},
        "v",
        "ac",
        "b",
    ),
    Case(
        "generator object",
        {"a": "import numpy as np\nrng = np.random.default_rng(0)", "b": "rng.random()", "c": "v = rng.random()"},
        "v",
        "abc",
    ),
    Case(
        "shuffle in place", {"a": "import random\nrandom.seed(3)\nl = list(range(9))", "b": "random.shuffle(l)", "c": "v = l"}, "v", "abc"
    ),
    Case(
        "generator object handed to sklearn",
        {
            "a": "import numpy as np\nfrom sklearn.model_selection import train_test_split\nrng = np.random.RandomState(0)",
            "b": "train_test_split(range(9), random_state=rng)",
            "c": "v = rng.rand()",
        },
        "v",
        "abc",
    ),
    Case(
        "seeded helper function",
        {
            "a": "import random, numpy as np\ndef seed_all(s):\n    random.seed(s)\n    np.random.seed(s)",
            "b": "np.random.rand()",
            "c": "seed_all(5)",
            "e": "v = np.random.rand()",
        },
        "v",
        "ace",
        "b",
    ),
    Case(
        "class attribute as a counter",
        {"a": "class C:\n    made = 0\n    def __init__(self): C.made += 1", "b": "C()", "c": "x = 1", "e": "v = C.made"},
        "v",
        "abe",
        "c",
    ),
    Case("del and define again", {"a": "x = 1", "b": "del x", "c": "x = 2", "e": "v = x"}, "v", "ce", "a"),
    Case(
        "try and except", {"a": "d = {}", "b": "try:\n    v = d['k']\nexcept KeyError:\n    v = 'none'", "c": "d['k'] = 1"}, "v", "ab", "c"
    ),
    Case(
        "with suppress",
        {"a": "from contextlib import suppress\nx = 1", "b": "with suppress(ZeroDivisionError):\n    1 / 0\n    x = 2", "c": "v = x"},
        "v",
        "abc",
    ),
    Case("match binds", {"a": "point = (1, 2)", "b": "match point:\n    case (px, py):\n        pass", "c": "v = py"}, "v", "abc"),
    Case(
        "await at the top",
        {
            "a": "import asyncio\nlog = []\nasync def work(x):\n    await asyncio.sleep(0)\n    log.append(x)",
            "b": "await work(3)",
            "c": "v = list(log)",
        },
        "v",
        "abc",
    ),
    Case("import alias", {"a": "import math as m", "b": "m2 = m", "c": "v = m2.floor(2.5)"}, "v", "abc"),
    Case("augmented list addition reaches the alias", {"a": "x = [1]\ny = x", "b": "x += [2]", "c": "v = y"}, "v", "abc"),
    Case("augmented number does not", {"a": "x = 1\ny = x", "b": "x += 2", "c": "v = y"}, "v", "ac", "b"),
    Case("tuple swap", {"a": "a, b = [1], [2]", "b": "a, b = b, a", "c": "a.append(9)", "e": "v = b"}, "v", "abe"),
    Case(
        "property with a side effect",
        {
            "a": "class C:\n    def __init__(self): self.n = 0\n    @property\n    def tick(self):\n        self.n += 1\n        return self.n",
            "b": "c = C()",
            "c": "c.tick",
            "e": "v = c.tick",
        },
        "v",
        "abce",
    ),
    Case(
        "dunder with a side effect",
        {
            "a": "class Bag:\n    def __init__(self): self.items = []\n    def __lshift__(self, x):\n        self.items.append(x)\n        return self",
            "b": "bag = Bag()",
            "c": "bag << 3",
            "e": "v = bag.items",
        },
        "v",
        "abce",
    ),
    Case(
        "context manager that changes a global",
        {
            "a": "depth = [0]\nclass Deeper:\n    def __enter__(self): depth[0] += 1\n    def __exit__(self, *a): pass",
            "b": "with Deeper():\n    pass",
            "c": "v = depth[0]",
        },
        "v",
        "abc",
    ),
    Case(
        "pipeline keeps its steps",
        {
            "a": "import numpy as np\nfrom sklearn.pipeline import Pipeline\nfrom sklearn.preprocessing import StandardScaler\nX = np.arange(6.0).reshape(3, 2)",
            "b": "scaler = StandardScaler()",
            "c": "pipe = Pipeline([('s', scaler)])",
            "e": "pipe.fit(X)",
            "f": "v = scaler.mean_.tolist()",
        },
        "v",
        "abcef",
    ),
    Case(
        "fit changes the model only",
        {
            "a": "import numpy as np\nfrom sklearn.linear_model import LinearRegression\nX = np.arange(4.0).reshape(-1, 1)\ny = X.ravel() * 2",
            "b": "m = LinearRegression()",
            "c": "m.fit(X, y)",
            "e": "v = float(X.sum())",
        },
        "v",
        "ae",
        "bc",
    ),
    Case(
        "predict needs the last fit",
        {
            "a": "import numpy as np\nfrom sklearn.linear_model import LinearRegression\nX = np.arange(4.0).reshape(-1, 1)\ny = X.ravel() * 2\nz = X.ravel() * 3",
            "b": "m = LinearRegression()",
            "c": "m.fit(X, y)",
            "e": "m.fit(X, z)",
            "f": "v = round(float(m.predict([[2.0]])[0]), 6)",
        },
        "v",
        "abef",
    ),
    Case(
        "nested function and lambda",
        {"a": "base = 10", "b": "def outer():\n    return lambda x: x + base", "c": "add = outer()", "e": "base = 20", "f": "v = add(1)"},
        "v",
        "bcef",
        "a",
    ),
    Case(
        "partial carries the function",
        {
            "a": "from functools import partial\nscale = 2",
            "b": "def f(a, x): return a * x * scale",
            "c": "g = partial(f, 3)",
            "e": "scale = 5",
            "f": "v = g(1)",
        },
        "v",
        "abcef",
    ),
    Case(
        "inherited method",
        {"a": "k = 2\nclass A:\n    def go(self): return k", "b": "class B(A): pass", "c": "k = 3", "e": "v = B().go()"},
        "v",
        "abce",
    ),
    Case(
        "query with a variable in its text",
        {"a": "import pandas as pd\ndf = pd.DataFrame({'a': [1, 5, 9]})", "b": "limit = 4", "c": "v = len(df.query('a > @limit'))"},
        "v",
        "abc",
    ),
    Case("builtin shadowed", {"a": "def sum(x): return 42", "b": "y = 1", "c": "v = sum([1])"}, "v", "ac", "b"),
    Case(
        "print order and the last write",
        {"a": "out = []", "b": "out.append('b')", "c": "out.append('c')", "e": "v = ','.join(out)"},
        "v",
        "abce",
        order="acbe",
    ),
    Case(
        "thread changes a list",
        {
            "a": "import threading\nl = []\ndef work(q): q.append(1)",
            "b": "t = threading.Thread(target=work, args=(l,))",
            "c": "t.start(); t.join()",
            "e": "v = len(l)",
        },
        "v",
        "abce",
    ),
    Case(
        "map with a mutating function",
        {"a": "rows = [[1], [2]]\ndef grow(r):\n    r.append(0)\n    return len(r)", "b": "sizes = list(map(grow, rows))", "c": "v = rows"},
        "v",
        "abc",
    ),
    Case("setattr", {"a": "class C: pass\nc = C()", "b": "setattr(c, 'v', 7)", "c": "v = c.v"}, "v", "abc"),
    Case("globals by subscript", {"a": "x = 1", "b": "globals()['x'] = 2", "c": "v = x"}, "v", "bc"),
    Case(
        "defaultdict grows by reading",
        {"a": "from collections import defaultdict\nd = defaultdict(list)", "b": "d['a']", "c": "v = len(d)"},
        "v",
        "abc",
    ),
    Case(
        "submodule imported elsewhere",
        {"a": "import xml.dom.minidom", "b": "import xml", "c": "v = xml.dom.minidom.Node.ELEMENT_NODE"},
        "v",
        "bc",
    ),
    Case(
        "print options",
        {"a": "import numpy as np\nx = np.array([1.23456789])", "b": "np.set_printoptions(precision=2)", "c": "v = str(x)"},
        "v",
        "abc",
    ),
    Case(
        "unrelated plot",
        {
            "a": "import matplotlib\nmatplotlib.use('agg')\nimport matplotlib.pyplot as plt\nx = [1, 2]",
            "b": "plt.figure()\nplt.plot(x)",
            "c": "v = sum(x)",
        },
        "v",
        "ac",
        "b",
    ),
    Case(
        "dataclass with a default factory",
        {
            "a": "from dataclasses import dataclass, field\n@dataclass\nclass P:\n    xs: list = field(default_factory=list)",
            "b": "p = P()",
            "c": "p.xs.append(2)",
            "e": "q = P()",
            "f": "v = p.xs",
        },
        "v",
        "abcf",
    ),
    Case("indented magic in a branch", {"a": "flag = True", "b": "if flag:\n    %time k = 3\nelse:\n    k = 4", "c": "v = k"}, "v", "abc"),
    Case("modulo is no magic", {"a": "a = 17", "b": "v = (a\n     % 5)"}, "v", "ab"),
]
