"""The key that tags of redacted secrets are made with: a location in, 32 bytes out. It stays in the store's folder and in nothing else.

Everybody who writes this store gets the same key, so that equal secrets have equal tags in all its kernels and over time.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from nbtrack.config import StoreLocation
from nbtrack.store.segments import make_store_folder

KEY_FILE = "redaction.key"
KEY_BYTES = 32


def tag_key(location: StoreLocation, *, shared: bool = False) -> bytes:
    """Return the store's key, made at first use (0600; ``shared``: readable for the group).

    Where the store cannot be written and has none, a new random key at every call: the caller keeps it for the life of its process.
    """
    path = location.folder / KEY_FILE
    found = _read_key(path)
    if found is not None:
        return found
    made = secrets.token_bytes(KEY_BYTES)
    try:
        make_store_folder(location.folder, shared=shared)
        _place_key(path, made, shared=shared)
    except OSError:
        return made
    return _read_key(path) or made


def copy_key(location: StoreLocation, copy: StoreLocation) -> None:
    """Give a copy of a store the key of the store, so that its tags go on meaning the same; raises ``OSError``."""
    key = _read_key(location.folder / KEY_FILE)
    if key is not None:
        _place_key(copy.folder / KEY_FILE, key, shared=False)


def _read_key(path: Path) -> bytes | None:
    try:
        found = path.read_bytes()
    except OSError:
        return None
    return found if len(found) == KEY_BYTES else None


def _place_key(path: Path, key: bytes, *, shared: bool) -> None:
    """Put a whole key under its name unless somebody was faster: a link appears at once and never replaces."""
    temporary = path.with_name(f".{KEY_FILE}-{os.getpid()}-{secrets.token_hex(4)}")
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0), 0o600)
    try:
        try:
            if os.write(fd, key) != len(key):
                return
            os.fsync(fd)
            if shared and hasattr(os, "fchmod"):
                os.fchmod(fd, 0o660)
        finally:
            os.close(fd)
        if path.exists() and _read_key(path) is None:
            temporary.replace(path)  # damaged or cut short: no tag can be made with it any more
            return
        try:
            os.link(temporary, path)
        except FileExistsError:
            return
        except OSError:  # a file system without links
            if not path.exists():
                temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
