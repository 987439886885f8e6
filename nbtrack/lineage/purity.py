"""What well-known functions and methods do to their arguments: lists by name, no library imported.

A function of an unknown library may change its arguments, draw random numbers, read and write files: unknown means include. A library
in ``KNOWN`` leaves its arguments alone except where a list here says otherwise.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

NAMESPACES = frozenset({"globals", "locals", "vars", "dir"})
NAMESPACE_CHANGERS = frozenset({"update", "__setitem__", "setdefault", "pop", "clear", "popitem", "__delitem__"})
FORMULAS = frozenset({"ols", "gls", "wls", "glm", "logit", "probit", "poisson", "mixedlm", "quantreg", "dmatrices", "dmatrix", "evaluate",
                      "sqldf", "sql", "from_formula"})  # fmt: skip
TEXT_READERS = FORMULAS | {"query", "eval"}
PASSES_ERRORS = frozenset({"open", "no_grad", "inference_mode", "errstate", "catch_warnings", "option_context", "printoptions", "rc_context",
                           "config_context", "redirect_stdout", "redirect_stderr", "tqdm", "GradientTape", "enable_grad", "run", "device",
                           "ThreadPoolExecutor", "ProcessPoolExecutor", "Pool", "ZipFile", "Lock", "closing", "nullcontext", "autocast",
                           "parallel_backend", "TemporaryDirectory", "NamedTemporaryFile", "Progress", "localcontext"})  # fmt: skip

PLAIN_ATTRIBUTES = frozenset({"shape", "size", "ndim", "dtype", "itemsize", "nbytes", "__name__", "__doc__", "__module__", "__qualname__"})

# -- methods -----------------------------------------------------------------------------------------------------------------------

# The receiver stays as it is and the result shares nothing with it.
FRESH_METHODS = frozenset(["count", "index", "find", "rfind", "rindex", "startswith", "endswith", "upper", "lower", "strip", "lstrip", "rstrip", "split", "rsplit", "splitlines", "join", "replace", "format", "format_map", "title", "capitalize", "casefold", "swapcase", "center", "ljust", "rjust", "zfill", "encode", "decode", "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower", "isnumeric", "isidentifier", "partition", "rpartition", "removeprefix", "removesuffix", "translate", "expandtabs", "mean", "sum", "std", "var", "min", "max", "argmin", "argmax", "median", "mode", "prod", "cumsum", "cumprod", "cummax", "cummin", "any", "all", "nonzero", "argsort", "searchsorted", "round", "clip", "dot", "trace", "astype", "tolist", "item", "tobytes", "conj", "conjugate", "cov", "corr", "quantile", "describe", "nunique", "value_counts", "isna", "isnull", "notna", "notnull", "duplicated", "memory_usage", "to_dict", "to_list", "to_string", "to_frame", "to_records", "isin", "between", "abs", "diff", "pct_change", "rank", "skew", "kurt", "sem", "mad", "idxmin", "idxmax", "info", "equals", "score", "predict", "predict_proba", "predict_log_proba", "decision_function", "staged_predict", "kneighbors", "mutual_information", "bit_length", "as_integer_ratio", "is_integer", "conjugate", "hex", "isoformat", "strftime", "total_seconds", "timestamp", "date", "weekday", "toordinal", "get_params", "get_feature_names_out", "get_n_leaves", "get_depth", "get_support", "num_trees", "feature_name", "feature_importance", "get_score", "num_feature", "exists", "is_file", "is_dir", "is_absolute", "as_posix", "with_suffix", "with_name", "relative_to", "absolute", "resolve", "joinpath", "expanduser", "issubset", "issuperset", "isdisjoint", "cpu_count", "most_common", "group", "groupdict", "dropna", "fillna", "drop", "drop_duplicates", "rename", "reset_index", "set_index", "sort_values", "sort_index", "merge", "assign", "groupby", "agg", "aggregate", "pivot", "pivot_table", "melt", "stack", "unstack", "explode", "resample", "rolling", "expanding", "ewm", "shift", "nlargest", "nsmallest", "reindex", "align", "query", "eval", "select_dtypes", "filter", "mask", "where", "add_prefix", "add_suffix", "combine_first", "crosstab", "get_dummies", "factorize", "cut", "interpolate", "ffill", "bfill", "applymap", "isoformat", "numel", "dim", "element_size", "tell", "readable", "writable", "seekable", "isatty", "fileno", "ptp", "choose", "compress", "take", "repeat", "flatten"])  # fmt: skip

# The receiver stays as it is; the result may be a view of it or hold what it holds.
SHARING_METHODS = frozenset(["get", "copy", "deepcopy", "intersection", "union", "difference", "symmetric_difference", "reshape", "ravel", "transpose", "squeeze", "swapaxes", "view", "diagonal", "head", "tail", "to_numpy", "get_group", "xs", "pipe", "apply", "map", "transform", "inverse_transform", "detach", "cpu", "numpy", "cuda", "to", "float", "double", "half", "long", "int", "bool", "view_as", "expand", "expand_as", "permute", "unsqueeze", "contiguous", "state_dict", "__getitem__", "total", "filled", "named_steps", "best_estimator_", "get_booster", "get_fig_dict", "chunk", "unbind", "narrow", "select", "flat", "byteswap", "T", "iloc", "loc"])  # fmt: skip

# The receiver stays as it is; the result goes over what it holds.
WALKING_METHODS = frozenset(
    ["keys", "values", "items", "iterrows", "itertuples", "iteritems", "parameters", "named_parameters", "modules", "children", "named_modules", "__iter__", "elements", "groups"]
)

# The receiver itself changes, not what it holds; it keeps the arguments.
SHALLOW_METHODS = frozenset(["append", "extend", "insert", "add", "update", "remove", "discard", "pop", "popitem", "clear", "sort", "reverse", "setdefault", "appendleft", "popleft", "extendleft", "rotate", "intersection_update", "difference_update", "symmetric_difference_update", "__setitem__", "__delitem__", "subtract", "move_to_end", "fill", "put", "itemset", "setflags", "register", "set_params", "set_index_inplace"])  # fmt: skip

# The receiver changes with all it holds; data handed in stay as they are.
LEARNING_METHODS = frozenset(["fit", "fit_transform", "fit_predict", "partial_fit", "fit_resample", "train", "evaluate", "compile", "update_params", "backward", "step", "zero_grad", "boost"])  # fmt: skip

TEXT_METHODS = frozenset(["count", "index", "find", "rfind", "rindex", "startswith", "endswith", "upper", "lower", "strip", "lstrip", "rstrip", "join", "replace", "format", "format_map", "title", "capitalize", "casefold", "swapcase", "center", "ljust", "rjust", "zfill", "encode", "decode", "isdigit", "isalpha", "isalnum", "isspace", "isupper", "islower", "removeprefix", "removesuffix", "translate", "bit_length", "is_integer", "hex", "isoformat", "strftime", "total_seconds", "timestamp", "date", "weekday"])  # fmt: skip
ARGUMENTS_CHANGED = frozenset({"shuffle", "readinto", "recv_into", "apply_gradients", "permuted"})
RANDOM_METHODS = frozenset({"sample", "rvs", "resample", "fit_resample", "bootstrap"})
CALLS_ARE_PURE = frozenset({"scipy", "numpy", "operator", "functools", "re", "string", "sympy"})
MEMORIES = frozenset({"functools.lru_cache", "functools.cache", "joblib.Memory"})
COPIES = frozenset({"copy", "deepcopy"})
UNIONS = frozenset({"union", "intersection", "difference", "symmetric_difference"})
SEED_KEYWORDS = frozenset({"random_state", "seed", "rng", "generator", "random_seed"})
OPTIONS = SEED_KEYWORDS | {"out", "inplace", "mode"}

FILE_METHODS = {
    **dict.fromkeys(("to_csv", "to_parquet", "to_pickle", "to_json", "to_excel", "to_feather", "to_hdf", "to_html", "to_markdown", "to_latex",
                     "to_stata", "to_file", "save", "save_model", "savefig", "write_image", "write_html", "tofile", "dump_model", "save_weights",
                     "save_pretrained", "to_netcdf", "write_csv", "write_parquet", "imsave", "extractall", "urlretrieve"), "write"),
    **dict.fromkeys(("load_model", "load_weights", "load_from_checkpoint", "from_pretrained", "from_file", "read_csv", "parse"), "read"),
    **dict.fromkeys(("read_text", "read_bytes", "exists", "is_file", "is_dir", "stat"), "read receiver"),
    **dict.fromkeys(("write_text", "write_bytes", "touch", "unlink"), "write receiver"),
    **dict.fromkeys(("iterdir", "glob", "rglob"), "list"),
    **dict.fromkeys(("mkdir", "rmdir"), "folder"),
    "open": "open receiver",
}  # fmt: skip


# -- functions ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Effect:
    """What a call does.

    ``changes`` are the arguments changed in place: "" none, "first", "second", "all". ``result`` is ``plain`` (nothing that could change),
    ``fresh`` (shares nothing), ``share`` (may hold the arguments), ``deep`` (something inside the arguments), ``class`` (their class), ``list`` (a new container of
    what they hold), ``iter`` (an iterator over them), ``object`` (keeps the arguments), ``state`` (the module's own state), ``unknown``.
    ``random`` names the generator drawn from; ``seeds`` those set; ``file`` how the argument ``at`` is used as a path.
    """

    changes: str = ""
    result: str = "share"
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    random: tuple[str, ...] = ()
    seeds: tuple[str, ...] = ()
    file: str = ""
    at: int = 0
    unknown: bool = False
    patches: bool = False
    draws_when_fit: bool = False

    quiet: bool = False

    def marked(self) -> Effect:
        """Return the effect with ``quiet`` set when it does nothing but read and write plain resources and give a result."""
        loud = self.changes or self.random or self.seeds or self.file or self.unknown or self.patches or self.result in ("iter", "unknown")
        return replace(self, quiet=not loud and not any(name.startswith("$env") for name in (*self.reads, *self.writes)))


_STDLIB = ["abc", "argparse", "array", "ast", "asyncio", "atexit", "base64", "binascii", "bisect", "builtins", "bz2", "calendar", "cmath", "codecs", "collections", "colorsys", "concurrent", "configparser", "contextlib", "contextvars", "copy", "csv", "ctypes", "dataclasses", "datetime", "decimal", "difflib", "dis", "email", "enum", "errno", "fnmatch", "fractions", "functools", "gc", "getpass", "gettext", "glob", "gzip", "hashlib", "heapq", "hmac", "html", "http", "importlib", "inspect", "io", "ipaddress", "itertools", "json", "keyword", "linecache", "locale", "logging", "lzma", "math", "mimetypes", "multiprocessing", "numbers", "operator", "os", "pathlib", "pickle", "pkgutil", "platform", "pprint", "queue", "random", "re", "reprlib", "resource", "sched", "secrets", "select", "shelve", "shlex", "shutil", "signal", "socket", "sqlite3", "ssl", "stat", "statistics", "string", "struct", "subprocess", "symtable", "sys", "sysconfig", "tarfile", "tempfile", "textwrap", "threading", "time", "timeit", "token", "tokenize", "traceback", "tracemalloc", "types", "typing", "unicodedata", "unittest", "urllib", "uuid", "warnings", "weakref", "xml", "zipfile", "zlib", "zoneinfo"]  # fmt: skip
_LIBRARIES = ["numpy", "pandas", "sklearn", "scipy", "matplotlib", "seaborn", "plotly", "statsmodels", "IPython", "ipywidgets", "tqdm", "joblib", "PIL", "cv2", "skimage", "xgboost", "lightgbm", "catboost", "torch", "torchvision", "tensorflow", "keras", "polars", "pyarrow", "networkx", "sympy", "numba", "dask", "xarray", "altair", "bokeh", "requests", "yaml", "packaging", "typing_extensions", "threadpoolctl", "graphviz", "tabulate", "rich", "cycler", "patsy", "imblearn", "mpl_toolkits", "bs4", "httpx", "psutil", "pydantic", "attr", "attrs", "nbtrack", "optuna", "hyperopt", "shap", "umap", "joypy", "missingno"]  # fmt: skip
KNOWN = frozenset((*_STDLIB, *_LIBRARIES, "__future__", "mpl_toolkits", "pylab"))
STDLIB = frozenset((*_STDLIB, "__future__"))
LOOKS_ONLY = frozenset({"matplotlib", "seaborn", "plotly", "warnings", "logging", "tqdm", "IPython", "altair", "bokeh", "rich"})

_NUMPY_VIEWS = frozenset(["asarray", "asanyarray", "array", "reshape", "ravel", "transpose", "squeeze", "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_to", "broadcast_arrays", "swapaxes", "split", "array_split", "hsplit", "vsplit", "dsplit", "expand_dims", "diagonal", "ascontiguousarray", "asfortranarray", "rollaxis", "moveaxis", "flip", "fliplr", "flipud", "rot90", "diag", "real", "imag", "as_strided", "sliding_window_view", "frombuffer", "vectorize", "frompyfunc", "asmatrix", "matrix", "mat", "nditer", "ndenumerate", "require", "rec", "recarray", "ma"])  # fmt: skip
_CHANGES_FIRST = frozenset(["numpy.fill_diagonal", "numpy.put", "numpy.place", "numpy.copyto", "numpy.putmask", "numpy.put_along_axis", "random.shuffle", "numpy.random.shuffle", "heapq.heappush", "heapq.heappop", "heapq.heapify", "heapq.heapreplace", "heapq.heappushpop", "bisect.insort", "bisect.insort_left", "bisect.insort_right", "operator.setitem", "operator.delitem", "operator.iadd", "operator.isub", "operator.imul", "operator.ior", "operator.iconcat", "next", "setattr", "delattr", "csv.reader", "csv.writer", "pickle.load", "json.load", "yaml.safe_load", "yaml.load", "sys.stdout.write", "functools.update_wrapper", "anext"])  # fmt: skip
_CHANGES_SECOND = frozenset({"pickle.dump", "json.dump", "yaml.dump", "yaml.safe_dump", "marshal.dump"})
_CHANGES_ALL = frozenset({"lightgbm.train", "lightgbm.cv", "xgboost.train", "xgboost.cv", "torch.autograd.backward", "torch.autograd.grad",
                          "asyncio.run", "asyncio.gather", "asyncio.wait", "copy.replace"})  # fmt: skip
_STATE = frozenset({"decimal.getcontext", "logging.getLogger", "asyncio.get_event_loop", "matplotlib.pyplot.gca", "matplotlib.pyplot.gcf",
                    "plotly.io.templates", "asyncio.get_running_loop"})  # fmt: skip
_CONFIGURES = re.compile(
    r"^(set_\w+|set|use|rc|rcdefaults|seterr\w*|reset_option|filterwarnings|simplefilter|basicConfig|set_theme|enable_\w+|disable_\w+|register_\w+|setlocale|setrecursionlimit|use_\w+|install|patch|seed_\w+)$"
)
_LIST_METHODS = frozenset(
    {"append", "extend", "insert", "update", "clear", "pop", "remove", "add", "setdefault", "sort", "reverse", "appendleft"}
)
_ALL_RANDOM = ("python", "numpy", "torch", "tensorflow")

_BUILTIN_PLAIN = frozenset(["len", "int", "float", "str", "bool", "repr", "isinstance", "issubclass", "hasattr", "callable", "id", "hash", "ord", "chr", "bin", "hex", "oct", "format", "print", "input", "bytes", "complex", "ascii", "range", "slice", "object", "help", "any", "all", "breakpoint", "open_code", "display", "exit", "quit", "memoryview"])  # fmt: skip
_BUILTINS = {
    **dict.fromkeys(_BUILTIN_PLAIN, Effect(result="plain")),
    **dict.fromkeys(("abs", "round", "sum", "pow", "divmod"), Effect(result="math")),
    **dict.fromkeys(("min", "max", "getattr", "vars", "super"), Effect(result="deep")),
    "type": Effect(result="class"),
    **dict.fromkeys(("list", "tuple", "set", "dict", "frozenset", "sorted", "bytearray"), Effect(result="list")),
    **dict.fromkeys(("iter", "zip", "map", "filter", "enumerate", "reversed", "aiter"), Effect(result="iter")),
    **dict.fromkeys(("property", "staticmethod", "classmethod"), Effect(result="share")),
    **dict.fromkeys(("next", "anext"), Effect(changes="first", result="deep")),
    "setattr": Effect(changes="first", result="plain"),
    "delattr": Effect(changes="first", result="plain"),
    "open": Effect(file="open", result="file"),
    "compile": Effect(result="fresh"),
    "get_ipython": Effect(result="fresh"),
    "__import__": Effect(result="unknown"),
}
BUILTIN_TYPES = frozenset({"list", "dict", "set", "str", "bytes", "bytearray", "object", "int", "float", "tuple", "frozenset", "type"})

_FILES = {
    **dict.fromkeys(("numpy.load", "numpy.loadtxt", "numpy.genfromtxt", "numpy.fromfile", "joblib.load", "torch.load", "PIL.Image.open", "cv2.imread",
                     "matplotlib.pyplot.imread", "scipy.io.loadmat", "os.path.exists", "os.path.isfile", "os.path.getsize", "os.path.getmtime",
                     "os.stat", "tensorflow.keras.models.load_model", "keras.models.load_model", "scipy.sparse.load_npz", "runpy.run_path",
                     "skimage.io.imread", "os.path.isdir", "linecache.getline"), ("read", 0)),
    **dict.fromkeys(("numpy.save", "numpy.savez", "numpy.savez_compressed", "numpy.savetxt", "cv2.imwrite", "matplotlib.pyplot.imsave",
                     "matplotlib.pyplot.savefig", "scipy.io.savemat", "os.remove", "os.unlink", "scipy.sparse.save_npz"), ("write", 0)),
    **dict.fromkeys(("joblib.dump", "torch.save", "urllib.request.urlretrieve", "keras.models.save_model"), ("write", 1)),
    **dict.fromkeys(("os.rename", "os.replace", "shutil.copy", "shutil.copyfile", "shutil.copy2", "shutil.move", "os.link", "os.symlink"), ("copy", 0)),
    **dict.fromkeys(("os.listdir", "os.walk", "os.scandir", "glob.glob", "glob.iglob"), ("list", 0)),
    **dict.fromkeys(("os.mkdir", "os.makedirs", "os.rmdir"), ("folder", 0)),
    **dict.fromkeys(("shutil.rmtree", "shutil.copytree", "shutil.unpack_archive", "shutil.make_archive"), ("tree", 0)),
    **dict.fromkeys(("io.open", "gzip.open", "bz2.open", "lzma.open", "codecs.open", "zipfile.ZipFile", "tarfile.open", "h5py.File", "shelve.open",
                     "sqlite3.connect", "logging.FileHandler", "fileinput.input", "pandas.HDFStore", "pandas.ExcelWriter"), ("open", 0)),
}  # fmt: skip
_SHELLS = frozenset({"os.system", "os.popen", "subprocess.run", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
                     "subprocess.Popen", "subprocess.getoutput", "__nbtrack_shell__"})  # fmt: skip
_SEEDS = {
    "random.seed": ("python",), "random.setstate": ("python",), "numpy.random.seed": ("numpy",), "numpy.random.set_state": ("numpy",),
    "torch.manual_seed": ("torch",), "torch.random.manual_seed": ("torch",), "torch.set_rng_state": ("torch",),
    "tensorflow.random.set_seed": ("tensorflow",), "tensorflow.set_random_seed": ("tensorflow",),
    "keras.utils.set_random_seed": _ALL_RANDOM, "tensorflow.keras.utils.set_random_seed": _ALL_RANDOM,
    "lightning.seed_everything": ("python", "numpy", "torch"), "pytorch_lightning.seed_everything": ("python", "numpy", "torch"),
    "lightning.pytorch.seed_everything": ("python", "numpy", "torch"), "transformers.set_seed": _ALL_RANDOM,
}  # fmt: skip
_NUMPY_GENERATORS = frozenset({"default_rng", "Generator", "RandomState", "SeedSequence", "PCG64", "MT19937", "Philox", "SFC64"})
_TORCH_RANDOM = re.compile(r"^(rand\w*|normal|bernoulli|multinomial|poisson|dropout\w*|shuffle)$")
_SKLEARN_STEADY = re.compile(
    r"^sklearn\.(metrics|preprocessing|pipeline|compose|feature_extraction|impute|exceptions|config_context|set_config|base|datasets\.(load|fetch|get|clear)|utils\.(validation|multiclass|extmath)|model_selection\.(KFold|StratifiedKFold|GroupKFold|TimeSeriesSplit|LeaveOneOut|PredefinedSplit|GridSearchCV|ParameterGrid|learning_curve|validation_curve|cross_val_score|cross_validate|cross_val_predict)|tree\.(export|plot)|inspection\.(partial|Partial|Decision)|calibration\.calibration_curve)"
)
_STEADY_CLASSES = frozenset(["LinearRegression", "Ridge", "Lasso", "ElasticNet", "RidgeCV", "LassoCV", "LassoLars", "Lars", "BayesianRidge", "LogisticRegressionCV", "StandardScaler", "MinMaxScaler", "RobustScaler", "MaxAbsScaler", "Normalizer", "OneHotEncoder", "OrdinalEncoder", "LabelEncoder", "LabelBinarizer", "PolynomialFeatures", "SimpleImputer", "KNNImputer", "ColumnTransformer", "Pipeline", "FeatureUnion", "FunctionTransformer", "GridSearchCV", "KNeighborsClassifier", "KNeighborsRegressor", "GaussianNB", "MultinomialNB", "BernoulliNB", "CountVectorizer", "TfidfVectorizer", "HashingVectorizer", "VotingClassifier", "VotingRegressor", "StackingClassifier", "KBinsDiscretizer", "NearestNeighbors", "SelectKBest", "SelectFromModel", "RFE", "VarianceThreshold", "PowerTransformer", "DBSCAN", "AgglomerativeClustering", "LinearDiscriminantAnalysis", "QuadraticDiscriminantAnalysis", "GaussianProcessRegressor", "IsotonicRegression", "KernelRidge", "SVR", "NuSVR", "LinearDiscriminantAnalysis", "LogisticRegression", "SVC", "OneVsRestClassifier", "CalibratedClassifierCV", "Binarizer", "Bunch", "TransformedTargetRegressor", "MultiOutputClassifier", "MultiOutputRegressor", "KernelDensity"])  # fmt: skip

UNKNOWN = Effect(changes="all", result="unknown", unknown=True)
_PURE_OBJECT = Effect(result="object")


@lru_cache(maxsize=256)
def builtin_effect(name: str) -> Effect | None:
    """Return what a builtin function does, None for a name that is none."""
    found = _BUILTINS.get(name)
    return found.marked() if found is not None else None


@lru_cache(maxsize=4096)
def effect_of(path: str) -> Effect:
    """Return what the function at a dotted path does."""
    return _effect(path).marked()


def _effect(path: str) -> Effect:
    root, _, rest = path.partition(".")
    name = path.rpartition(".")[2]
    if root not in KNOWN:
        return Effect(changes="all", result="unknown", unknown=True, seeds=_SEEDS[path]) if path in _SEEDS else UNKNOWN
    special = _special(path, root, rest, name)
    if special is not None:
        return special
    if path in _CHANGES_FIRST:
        drawn = ("python",) if root == "random" else ("numpy",) if path.startswith("numpy.random") else ()
        return Effect(changes="first", result="deep" if name.startswith("heap") else "iter" if root == "csv" else "share", random=drawn)
    if root == "numpy":
        return _numpy(path, name)
    if root == "random":
        return _PURE_OBJECT if name in ("Random", "SystemRandom") else Effect(result="deep", random=("python",))
    if root in ("torch", "torchvision", "tensorflow", "keras"):
        return _deep_learning(root, rest, name)
    if root == "sklearn":
        return _sklearn(path, name)
    if root == "pandas":
        return Effect(result="share" if name[:1].isupper() else "fresh")
    if root == "itertools":
        return Effect(result="iter")
    if root in (
        "math",
        "cmath",
        "time",
        "statistics",
        "re",
        "json",
        "string",
        "textwrap",
        "os",
        "platform",
        "base64",
        "hashlib",
        "uuid",
        "datetime",
    ):
        return Effect(result="fresh" if name[:1].islower() else "object")
    if root == "scipy":
        return Effect(result="fresh" if name[:1].islower() else "object", random=("numpy",) if "stats" in path and name == "rvs" else ())
    return _PURE_OBJECT


def _special(path: str, root: str, rest: str, name: str) -> Effect | None:
    """Return the effect of what touches the world outside the values: files, the environment, seeds, settings."""
    if path in _SEEDS:
        return Effect(result="plain", seeds=_SEEDS[path])
    if path in _FILES:
        how, at = _FILES[path]
        return Effect(result="file" if how == "open" else "iter" if how == "list" else "fresh", file=how, at=at)
    if root == "pandas" and name.startswith("read_") and name not in ("read_clipboard", "read_sql", "read_sql_query", "read_gbq"):
        return Effect(result="fresh", file="read")
    if path in _SHELLS:
        return Effect(result="fresh", file="shell")
    if path == "copy.deepcopy":
        return Effect(result="fresh")
    if path in _CHANGES_ALL:
        return Effect(changes="all", result="object")
    if path in _CHANGES_SECOND:
        return Effect(changes="second", result="plain")
    if path in _STATE:
        return Effect(result="state", reads=("$figure",) if "pyplot" in path else ())
    if rest.startswith("environ.") or path in ("os.getenv", "os.putenv", "os.unsetenv"):
        reads = name in ("__getitem__", "get", "getenv", "setdefault", "pop", "copy", "items", "keys", "values")
        changed = name in ("__setitem__", "__delitem__", "setdefault", "pop", "update", "clear", "putenv", "unsetenv", "popitem")
        return Effect(result="plain", reads=("$env",) if reads else (), writes=("$env",) if changed else ())
    if path in ("os.getcwd", "os.getcwdb", "os.path.abspath", "os.path.realpath", "pathlib.Path.cwd"):
        return Effect(result="plain", reads=("$cwd",))
    if path == "os.chdir":
        return Effect(result="plain", writes=("$cwd",))
    if path.startswith(("sys.path.", "site.addsitedir")):
        return Effect(result="plain", writes=("$path",))
    if root == "matplotlib" and "pyplot" in path and (found := _pyplot(name)) is not None:
        return found
    if (
        (rest.count(".") and name in _LIST_METHODS)
        or (_CONFIGURES.match(name) and root not in ("random",))
        or path.startswith("importlib.reload")
    ):
        return Effect(patches=True, result="share")
    return None


def _pyplot(name: str) -> Effect | None:
    if name in ("figure", "subplots", "close", "clf", "subplot_mosaic"):
        return Effect(result="object", seeds=("$figure",) if name != "close" else (), writes=("$figure",))
    if name in ("get_fignums", "fignum_exists", "axis", "xlim", "ylim", "xticks", "yticks", "sci", "gci", "getp"):
        return Effect(result="fresh", reads=("$figure",), writes=("$figure",))
    if _CONFIGURES.match(name):
        return None
    return Effect(result="object", writes=("$figure",))


def _numpy(path: str, name: str) -> Effect:
    if path.startswith("numpy.random."):
        if name in _NUMPY_GENERATORS:
            return Effect(result="generator")
        return Effect(result="fresh", random=("numpy",))
    if name == "at" or path in _CHANGES_FIRST:
        return Effect(changes="first", result="plain")
    if name in _NUMPY_VIEWS:
        return Effect(result="share")
    return Effect(result="fresh")


def _deep_learning(root: str, rest: str, name: str) -> Effect:
    if name.endswith("_") and not name.endswith("__"):
        return Effect(changes="first", result="deep", random=("torch",) if "init" in rest else ())
    if root in ("tensorflow", "keras"):
        return Effect(result="object", random=_ALL_RANDOM)
    drawn = (
        _TORCH_RANDOM.match(name)
        or "nn." in rest
        or "models" in rest
        or "transforms" in rest
        or "distributions" in rest
        or "random_split" in rest
    )
    return Effect(result="share" if name[:1].islower() else "object", random=("torch",) if drawn else ())


def _sklearn(path: str, name: str) -> Effect:
    steady = _SKLEARN_STEADY.match(path) is not None
    if name[:1].isupper():
        return Effect(result="object", draws_when_fit=not (steady or name in _STEADY_CLASSES) or "Fold" in name)
    fresh = path.startswith(("sklearn.metrics", "sklearn.datasets"))
    return Effect(result="fresh" if fresh else "share", random=() if steady else ("numpy",))
