"""Settings and the one answer to "which store": paths and environment in, frozen values out.

The only module that reads the environment. Order, the later wins: defaults, ``nbtrack.toml`` beside ``.nbtrack/``,
``NBTRACK_SECTION_KEY``, ``%track config KEY=VALUE`` (this kernel).
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nbtrack.errors import SettingError

STORE_FOLDER = ".nbtrack"
SETTINGS_FILE = "nbtrack.toml"


def setting(default: Any, words: str) -> Any:
    """Declare one setting with the sentence that the reference shows."""
    return field(default=default, metadata={"words": words})


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, flat; the public key is ``section.key`` with the first underscore as the dot."""

    capture_cells: bool = setting(True, "record every executed cell")
    capture_outputs: bool = setting(True, "keep what cells print and show")
    capture_output_chars: int = setting(20_000, "characters of one text output that are kept; the middle is cut and marked")
    capture_image_bytes: int = setting(4_000_000, "images above this size are counted, not kept")
    capture_memory: bool = setting(True, "measure the peak memory of every cell")
    capture_environment: bool = setting(True, "keep packages, platform and git state with every run")
    capture_redact: bool = setting(True, "take keys, tokens and passwords out of everything before it is stored")
    checkpoint_saves: bool = setting(True, "keep every saved state of a notebook as a checkpoint")
    checkpoint_runs: bool = setting(True, "keep the notebook's state at the start and end of every run as a checkpoint")
    checkpoint_keep_days: int = setting(30, "days for which gc keeps every checkpoint; of older days it keeps the last one")
    log_strict: bool = setting(False, "raise when a value cannot be kept, instead of keeping it as text and saying so")
    notebook_path: str = setting("", "path of the notebook, where it cannot be found out")
    run_experiment: str = setting("", "experiment of new runs; empty: the notebook's file name")
    store_shared: bool = setting(False, "let the group of the folder read and write the store")
    store_network: bool = setting(False, "treat the store's folder as a network file system even if it does not look like one")


def setting_keys() -> dict[str, tuple[str, Any, str]]:
    """List all settings: public key -> (type name, default, what it does)."""
    return {one.name.replace("_", ".", 1): (str(one.type), one.default, str(one.metadata["words"])) for one in dataclasses.fields(Settings)}


def load_settings(folder: Path | None, environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings that hold for a store folder's parent: file, then environment.

    Raises ``SettingError`` naming the file or variable, the key and near keys.
    """
    environ = os.environ if environ is None else environ
    settings = Settings()
    if folder is not None:
        path = folder / SETTINGS_FILE
        if path.is_file():
            import tomllib  # 3 ms that most projects, having no such file, are spared

            try:
                tables = tomllib.loads(path.read_text(encoding="utf-8"))
            except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
                raise SettingError(f"{path} cannot be read: {error}", "Mend the line it names; every key is in the reference.") from error
            for section, table in tables.items():
                if not isinstance(table, dict):
                    raise SettingError(f"{path}: {section!r} stands outside a section", "Write [capture], [log] ... above the keys.")
                for key, value in table.items():
                    settings = with_setting(settings, f"{section}.{key}", value, where=str(path))
    known = {f"NBTRACK_{key.replace('.', '_').upper()}": key for key in setting_keys()}
    for name in sorted(environ):
        if name in known:
            settings = with_setting(settings, known[name], environ[name], where=name)
    return settings


def with_setting(settings: Settings, key: str, value: Any, *, where: str = "") -> Settings:
    """Return the settings with one key changed; text is read as the setting's type."""
    keys = setting_keys()
    at = f"{where}: " if where else ""
    if key not in keys:
        import difflib  # only for a mistake

        near = difflib.get_close_matches(key, keys, n=2, cutoff=0.5)
        guess = f" Did you mean {' or '.join(near)}?" if near else ""
        raise SettingError(f"{at}no setting named {key!r}.{guess}", "%track config lists them.")
    kind, _, _ = keys[key]
    return dataclasses.replace(settings, **{key.replace(".", "_", 1): _read_value(key, kind, value, at)})


def get_setting(settings: Settings, key: str) -> Any:
    """Return the value of a public key; raises ``SettingError`` for an unknown one."""
    if key not in setting_keys():
        with_setting(settings, key, None)
    return getattr(settings, key.replace(".", "_", 1))


def _read_value(key: str, kind: str, value: Any, at: str) -> Any:
    if kind == "bool":
        if isinstance(value, bool):
            return value
        word = str(value).strip().lower()
        if word in {"1", "true", "yes", "on"}:
            return True
        if word in {"0", "false", "no", "off"}:
            return False
        raise SettingError(f"{at}{key} = {value!r} is neither on nor off", "Write true or false.")
    if kind == "int":
        try:
            number = int(str(value))
        except ValueError:
            raise SettingError(f"{at}{key} = {value!r} is no whole number", "Write digits, for example 20000.") from None
        if number < 0:
            raise SettingError(f"{at}{key} = {value!r} is below zero", "Write 0 or more.")
        return number
    return str(value)


@dataclass(frozen=True, slots=True)
class StoreLocation:
    """Where a store is (or will be), where its journals go when that folder cannot be written, and why it is there.

    ``said`` is one line for the user when the place is not the expected one; empty otherwise.
    """

    folder: Path
    fallback_journal: Path
    reason: str
    said: str = ""

    @property
    def database(self) -> Path:
        """The SQLite file."""
        return self.folder / "store.db"

    @property
    def journal(self) -> Path:
        """The folder of journals inside the store."""
        return self.folder / "journal"

    @property
    def blobs(self) -> Path:
        """The folder of bodies too large for SQLite."""
        return self.folder / "blobs"

    @property
    def lock(self) -> Path:
        """The file whose lock is held around every write transaction."""
        return self.folder / "store.lock"


def store_for(path: Path | str, environ: Mapping[str, str] | None = None, home: Path | None = None) -> StoreLocation:
    """Find the store of a notebook, script or folder: the same answer at every door.

    ``NBTRACK_STORE``; else ``.nbtrack/`` in the folder or above (no higher than the git top, never in the home folder itself or above it);
    else the git top; else the folder. When no store exists and none can be made there: the user data folder, said in one line.
    An existing store stays the store even when it cannot be written: its journal waits in the state folder.
    """
    environ = os.environ if environ is None else environ
    home = _absolute(home or Path.home())
    given = environ.get("NBTRACK_STORE", "").strip()
    if given:
        folder = _absolute(Path(given).expanduser())
        if folder.name == "store.db":
            folder = folder.parent
        elif folder.name != STORE_FOLDER and (folder / STORE_FOLDER).is_dir():
            folder = folder / STORE_FOLDER
        return _location(folder, "NBTRACK_STORE", environ, home)
    start = _absolute(Path(path))
    if not start.is_dir():
        start = start.parent
    git_top = None
    for folder in (start, *start.parents):
        if folder == home or folder in home.parents:
            break
        if (folder / STORE_FOLDER).is_dir():
            return _location(folder / STORE_FOLDER, "found", environ, home)
        if (folder / ".git").exists():
            git_top = folder
            break
    place = git_top or start
    if _can_make(place):
        return _location(place / STORE_FOLDER, "git top" if git_top else "folder", environ, home)
    data = user_data_folder(environ, home) / "stores" / _digest(place) / STORE_FOLDER
    said = f"{place} cannot be written: recording into {data}"
    return dataclasses.replace(_location(data, "user data", environ, home), said=said)


def open_location(folder: Path | str, environ: Mapping[str, str] | None = None) -> StoreLocation:
    """Describe the store in a given folder (the ``.nbtrack`` folder itself), whether it exists or not."""
    return _location(_absolute(Path(folder)), "given", os.environ if environ is None else environ, _absolute(Path.home()))


def user_data_folder(environ: Mapping[str, str], home: Path) -> Path:
    """The folder for data of this user that belongs to no project."""
    return _user_folder(environ, home, "XDG_DATA_HOME", ".local/share")


def user_state_folder(environ: Mapping[str, str], home: Path) -> Path:
    """The folder where journals wait while their store cannot be written."""
    return _user_folder(environ, home, "XDG_STATE_HOME", ".local/state")


def inherited_run(environ: Mapping[str, str] | None = None) -> str | None:
    """The run that a parent process opened for its children (``NBTRACK_RUN``), or None."""
    return (os.environ if environ is None else environ).get("NBTRACK_RUN", "").strip() or None


def session_notebook(environ: Mapping[str, str] | None = None) -> Path | None:
    """The notebook that Jupyter says this kernel belongs to, if it tells and the file exists."""
    name = (os.environ if environ is None else environ).get("JPY_SESSION_NAME", "").strip()
    path = Path(name) if name.endswith(".ipynb") else None
    return _absolute(path) if path is not None and path.is_file() else None


def user_name(environ: Mapping[str, str] | None = None) -> str:
    """Who works here: the JupyterHub user, else the user of the operating system, else empty."""
    environ = os.environ if environ is None else environ
    for name in ("JUPYTERHUB_USER", "LOGNAME", "USER", "LNAME", "USERNAME"):
        if environ.get(name):
            return environ[name]
    try:
        import pwd

        return pwd.getpwuid(os.getuid()).pw_name
    except (ImportError, KeyError, OSError):
        return ""


def environment_variables(wanted: Callable[[str], bool], environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment variables of ``wanted`` names as they are now: for the secrets in them, which must not be stored."""
    environ = os.environ if environ is None else environ
    return {name: environ[name] for name in environ if wanted(name)}  # reading all values took 0.15 ms a cell


def wants_colour(is_terminal: bool, environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether a terminal wants colours: not with ``NO_COLOR`` or a dumb terminal."""
    environ = os.environ if environ is None else environ
    return is_terminal and not environ.get("NO_COLOR") and environ.get("TERM") != "dumb"


def _user_folder(environ: Mapping[str, str], home: Path, variable: str, below_home: str) -> Path:
    given = environ.get(variable, "")
    if given and Path(given).is_absolute():
        return Path(given) / "nbtrack"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA", home / "AppData/Local")) / "nbtrack"
    if sys.platform == "darwin":
        return home / "Library/Application Support/nbtrack"
    return home / below_home / "nbtrack"


def _location(folder: Path, reason: str, environ: Mapping[str, str], home: Path) -> StoreLocation:
    return StoreLocation(folder, user_state_folder(environ, home) / "journal" / _digest(folder), reason)


def _absolute(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _digest(path: Path) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _can_make(folder: Path) -> bool:
    return os.access(folder, os.W_OK | os.X_OK)
