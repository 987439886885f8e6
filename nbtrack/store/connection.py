"""How a store is opened: a location in; read-only connections, or one write transaction inside the store's own lock, out.

SQLite up to 3.51.2 can corrupt a WAL when many connections commit and checkpoint, so every write transaction, its checkpoint and the
closing of a writing connection happen under ``flock`` on ``store.lock``. Readers are read-only connections: they cannot checkpoint.
"""

from __future__ import annotations

import os
import sqlite3
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from nbtrack.config import StoreLocation
from nbtrack.errors import SQLiteTooOld, StoreBusy, StoreCorrupt, StoreError, StoreMissing, StoreNewer, StoreReadOnly
from nbtrack.store.chunks import Damaged
from nbtrack.store.filelock import FileLock
from nbtrack.store.guard import WalGuard

APPLICATION_ID = 0x6E627472  # "nbtr"
SCHEMA_VERSION = 2  # PRAGMA user_version; one more with every migration
OLDEST_SQLITE = (3, 37, 0)  # STRICT tables

SchemaState = Literal["missing", "old", "current", "newer", "corrupt"]

_HEADER = struct.Struct(">16s44xI4xI")
_HEADER_MAGIC = b"SQLite format 3\x00"
_JOURNAL_LIMIT_BYTES = 8 << 20
_READER_PATIENCE_S = 5.0
_WRITER_PATIENCE_S = 30.0
_ABANDONED: list[sqlite3.Connection] = []


def schema_state(location: StoreLocation) -> SchemaState:
    """Tell from the file header alone what the database is: no SQLite, no lock, a few microseconds."""
    try:
        with open(location.database, "rb") as file:
            header = file.read(_HEADER.size)
    except (FileNotFoundError, NotADirectoryError):
        return "missing"
    except OSError as error:
        raise StoreReadOnly(location.folder, f"{location.database} cannot be read: {error.strerror}", "Look at its permissions.") from error
    if not header:
        return "missing"
    if len(header) < _HEADER.size:
        return "corrupt"
    magic, version, application = _HEADER.unpack(header)
    if magic != _HEADER_MAGIC or application != APPLICATION_ID:
        return "corrupt"
    if version > SCHEMA_VERSION:
        return "newer"
    return "current" if version == SCHEMA_VERSION else "old"


@contextmanager
def open_reader(location: StoreLocation) -> Iterator[sqlite3.Connection]:
    """Give a read-only connection that sees one moment of the store; fetch everything and leave.

    A store written by a newer nbtrack is readable. Raises ``StoreMissing``, ``StoreCorrupt``, ``StoreBusy``.
    """
    check_sqlite(location.folder)
    refuse_unreadable(location)
    with naming_errors(location):
        db = _connect_reading(location)
        try:
            yield db
        finally:
            db.close()


@contextmanager
def open_writer(location: StoreLocation, *, full_sync: bool = False, timeout: float = _WRITER_PATIENCE_S) -> Iterator[sqlite3.Connection]:
    """Give a connection inside one write transaction, held under the store lock; committed at the end, rolled back on any exception.

    ``full_sync`` makes the commit survive a loss of power. Raises ``StoreMissing``, ``StoreNewer``, ``StoreBusy``, ``StoreReadOnly``,
    ``StoreCorrupt``.
    """
    writer = WriterConnection(location)
    try:
        with writer.transaction(full_sync=full_sync, timeout=timeout) as db:
            yield db
    finally:
        writer.close()


class WriterConnection:
    """A writing connection that may be kept between transactions, by one thread.

    Keeping it spares opening (0.3 ms) and, in WAL mode, the checkpoint with its fsync that the last closing connection runs.
    In a forked child call ``abandon``: closing there would checkpoint under the parent's feet.
    """

    def __init__(self, location: StoreLocation, *, patience: float = _WRITER_PATIENCE_S) -> None:
        self.location = location
        self.patience = patience
        self._lock = FileLock(location.lock, shared=_is_shared(location.folder))
        self._guard = WalGuard(location.database)
        self._db: sqlite3.Connection | None = None
        self._identity: tuple[int, int] | None = None
        self._is_wal = False

    @contextmanager
    def transaction(self, *, full_sync: bool = False, timeout: float | None = None) -> Iterator[sqlite3.Connection]:
        """Hold the store lock and a ``begin immediate`` transaction; see ``open_writer`` for the errors."""
        timeout = self.patience if timeout is None else timeout
        check_sqlite(self.location.folder)
        refuse_unwritable(self.location)
        with naming_errors(self.location):
            self._acquire(timeout)
            try:
                db = self._opened(timeout)
                db.execute("pragma synchronous = full" if full_sync else "pragma synchronous = normal")
                db.execute("begin immediate")
                if self._is_wal:
                    self._guard.hold()
                try:
                    yield db
                except BaseException:
                    _roll_back(db)
                    raise
                else:
                    _commit(db)
            except sqlite3.DatabaseError:
                self._drop()
                raise
            finally:
                if not self._guard.complete:
                    self._drop()  # nothing would keep another process from taking the WAL away
                self._lock.release()

    def close(self, patience: float = _WRITER_PATIENCE_S) -> None:
        """Close the connection under the lock, because the last one to close checkpoints.

        Where the lock is not to be had in time somebody else has the store open, and then closing does not checkpoint.
        """
        if self._db is None:
            return
        try:
            held = self._lock.acquire(patience)
        except OSError:
            held = False
        try:
            self._drop(checkpoint=held)
        finally:
            if held:
                self._lock.release()

    def abandon(self) -> None:
        """Forget the connection without closing it: the only safe thing in a forked child."""
        if self._db is not None:
            _ABANDONED.append(self._db)
        self._db = None

    def _acquire(self, timeout: float) -> None:
        try:
            held = self._lock.acquire(timeout)
        except OSError as error:
            raise StoreReadOnly(
                self.location.folder, f"{self.location.lock} cannot be locked: {error.strerror or error}", "Look at its permissions."
            ) from error
        if not held:
            raise StoreBusy(self.location.folder, f"another program has held {self.location.lock} for {timeout:g} s", "Try again.")

    def _opened(self, timeout: float) -> sqlite3.Connection:
        status = self.location.database.stat()
        identity = (status.st_dev, status.st_ino)
        if self._db is not None and self._identity != identity:
            self._drop(checkpoint=False)  # the store was deleted or replaced: writes would go to a file nobody sees
        if self._db is None:
            self._db, self._identity = connect_writing(self.location, timeout=timeout), identity
            self._is_wal = self._db.execute("pragma journal_mode").fetchone()[0] == "wal"
        return self._db

    def _drop(self, *, checkpoint: bool = True) -> None:
        """Close the connection; without ``checkpoint`` it touches neither the WAL nor what now stands under its name."""
        db, self._db = self._db, None
        if checkpoint:
            self._guard.release()
        if db is not None:
            db.close()
        self._guard.release()


def connect_writing(location: StoreLocation, *, timeout: float = _WRITER_PATIENCE_S) -> sqlite3.Connection:
    """Open the existing database for writing and set every pragma; the caller holds the store lock."""
    db = sqlite3.connect(
        f"{location.database.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=timeout, check_same_thread=False
    )
    try:
        db.execute("pragma foreign_keys = on")
        db.execute(f"pragma journal_size_limit = {_JOURNAL_LIMIT_BYTES}")
        if db.execute("pragma journal_mode").fetchone()[0] != "wal":
            db.execute("pragma journal_mode = truncate")  # not kept in the file, unlike wal: the store is on a network file system
    except BaseException:
        db.close()
        raise
    return db


def check_sqlite(folder: Path) -> None:
    """Raise ``SQLiteTooOld`` when this Python's SQLite has no STRICT tables."""
    if sqlite3.sqlite_version_info < OLDEST_SQLITE:
        raise SQLiteTooOld(
            folder,
            f"this Python brings SQLite {sqlite3.sqlite_version}; nbtrack needs {'.'.join(map(str, OLDEST_SQLITE))} or newer",
            "Use a Python with a newer SQLite, for example from conda-forge or uv.",
        )


def refuse_unreadable(location: StoreLocation) -> None:
    """Raise ``StoreMissing`` or ``StoreCorrupt`` by a look at the header."""
    state = schema_state(location)
    if state == "missing":
        raise StoreMissing(location.folder, f"there is no store at {location.folder}", "It is made when something is recorded.")
    if state == "corrupt":
        raise _corrupt(location, "its header is not one of an nbtrack store")


def refuse_unwritable(location: StoreLocation) -> None:
    """Raise unless the header says that this nbtrack may write: ``StoreMissing``, ``StoreCorrupt``, ``StoreNewer`` or ``StoreError``."""
    refuse_unreadable(location)
    state = schema_state(location)
    if state == "newer":
        raise StoreNewer(
            location.folder,
            f"{location.database} was written by a newer nbtrack: it is opened for reading only",
            "Update nbtrack; what is recorded meanwhile waits in the journal.",
        )
    if state == "old":
        raise StoreError(
            location.folder, f"{location.database} has an older schema", f"python -m nbtrack.store.migrations {location.folder}"
        )


@contextmanager
def naming_errors(location: StoreLocation) -> Iterator[None]:
    """Turn what SQLite says about the file, and damaged points, into the store's own errors; mistakes in SQL pass unchanged."""
    try:
        yield
    except Damaged as error:
        raise _corrupt(location, str(error)) from error
    except sqlite3.DatabaseError as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}:
            raise StoreBusy(location.folder, f"another program holds {location.database}: {error}", "Try again.") from error
        if code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}:
            raise _corrupt(location, str(error)) from error
        if code in {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH}:
            raise StoreReadOnly(location.folder, f"{location.database} cannot be opened so: {error}", "Look at its permissions.") from error
        if code in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR}:
            raise StoreError(location.folder, f"{location.database} cannot be written: {error}", "Is the disk full?") from error
        raise


def make_database(location: StoreLocation) -> None:
    """Make the folder (0700) and an empty database file (0600; with the group's bits when the folder has them)."""
    folder = location.folder
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    ignore = folder / ".gitignore"
    if not ignore.exists():
        ignore.write_text("*\n", encoding="utf-8")
    mode = 0o660 if _is_shared(folder) else 0o600
    os.close(os.open(location.database, os.O_RDWR | os.O_CREAT, mode))


def _connect_reading(location: StoreLocation) -> sqlite3.Connection:
    uri = location.database.absolute().as_uri()
    try:
        return _begun(f"{uri}?mode=ro")
    except sqlite3.OperationalError as error:
        # A WAL database needs its -shm file even for reading. In a folder that cannot be written and where nobody left one, the file
        # cannot change under us either; nor on a disk too full for that file, as long as nothing stands in a WAL.
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        unwritable = code in {sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY} and not os.access(location.folder, os.W_OK)
        if not unwritable and (code != sqlite3.SQLITE_IOERR or _has_wal(location)):
            raise
        return _begun(f"{uri}?mode=ro&immutable=1")


def _has_wal(location: StoreLocation) -> bool:
    try:
        return location.database.with_name(f"{location.database.name}-wal").stat().st_size > 0
    except FileNotFoundError:
        return False


def _begun(uri: str) -> sqlite3.Connection:
    db = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=_READER_PATIENCE_S, check_same_thread=False)
    try:
        db.execute("begin")
        db.execute("select count(*) from sqlite_schema").fetchone()  # opens the file: errors come here, and the moment is fixed
    except BaseException:
        db.close()
        raise
    return db


def _commit(db: sqlite3.Connection) -> None:
    try:
        db.execute("commit")
    except BaseException:
        _roll_back(db)
        raise


def _roll_back(db: sqlite3.Connection) -> None:
    if db.in_transaction:
        db.execute("rollback")


def _is_shared(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & 0o020)
    except OSError:
        return False


def _corrupt(location: StoreLocation, why: str) -> StoreCorrupt:
    return StoreCorrupt(
        location.folder, f"{location.database} cannot be read: {why}", "nbtrack fsck says more; nothing waiting in the journal is lost."
    )
