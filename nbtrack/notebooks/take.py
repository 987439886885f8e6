"""Takes checkpoints: a document, a file or a save in; BODIES and CHECKPOINT frames out. The same way in kernels, servers and shells.

A state that was taken last is named again in one small frame; of another one only the bodies go out that this process has not sent since.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import threading
import time
import weakref
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from nbtrack.errors import BadNotebook, NbtrackError
from nbtrack.notebooks.packing import Memory, Packed, Redaction, pack_bytes, pack_document
from nbtrack.store import manifests
from nbtrack.store.frames import INLINE_BODY, Kind
from nbtrack.store.ids import new_id
from nbtrack.store.writer import Writer
from nbtrack.tracking.secrets import Secrets

KNOWN_S = 12 * 3600  # for how long bodies that were sent may be taken for kept: gc leaves everything of the last day alone
_FRAME_BYTES = 256 << 10  # of bodies in one frame
_MANIFEST_BYTES = 1 << 20  # compressed; a longer one (100,000 cells) goes into a file
_PARKED_S = 2.0
_LEAVING_S = 2.0

log = logging.getLogger("nbtrack")

Signature = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a state: its name, and whether it differs from the one taken last at this path by this process."""

    notebook: str
    state: str
    new: bool


@dataclass(frozen=True, slots=True)
class CellText:
    """What is remembered of a cell of the file: its id and the sha256 of its text."""

    cell_id: str | None
    source_name: str | None


@dataclass(slots=True)
class _Known:
    """The state that was taken last at a path."""

    state: str
    memory: Memory
    facts: dict[str, Any]
    cells: tuple[CellText, ...]
    sent_at: float
    signature: Signature | None = None


@dataclass(frozen=True, slots=True)
class Cause:
    """Why a checkpoint is made, and what belongs to it: the keys of its frame."""

    reason: str = "save"
    message: str | None = None
    run_id: str | None = None
    boundary: str | None = None
    session_id: str | None = None
    author: str | None = None
    unsaved: bool = False


class Taker:
    """Takes the checkpoints of one process into one store. Thread-safe; what it remembers of each notebook is small."""

    def __init__(self, writer: Writer, secrets: Secrets | None = None) -> None:
        self._writer = weakref.ref(writer)
        if secrets is None:
            secrets = Secrets(writer.location, lambda: writer.settings)
            secrets.learn_environment()
        self._redaction = Redaction(secrets.text, secrets.value)
        self._lock = threading.RLock()
        self._known: dict[str, _Known] = {}
        self._merged: dict[str, _Known] = {}  # states with cells that no file holds yet: a series of their own beside the file's
        self._queue: SimpleQueue[tuple[str, Mapping[str, Any] | None] | None] = SimpleQueue()
        self._waiting = 0
        self._thread: threading.Thread | None = None
        self._pid = os.getpid()
        self._dropped = 0
        self._store: tuple[int, int] | None = None  # the database that what is known went into

    # -- taking --------------------------------------------------------------------------------------------------------------------

    def take_file(
        self,
        path: str | Path,
        cause: Cause = Cause(),
        *,
        look: bool = False,
        unless: str | None = None,
    ) -> Taken | None:
        """Take the file as it stands; None when there is none or it is empty. One stat when it has not changed.

        A file that is no notebook is kept byte by byte. ``look`` takes nothing when it has not changed; ``unless`` takes nothing when this
        is its state, as the store has it. Raises ``OSError`` when the file cannot be read.
        """
        name = real_path(path)
        with self._lock:
            signature = signature_of(name)
            if signature is None or not signature[1]:
                return None
            known = self._known_at(name)
            if known is not None and known.signature == signature:
                return None if look else self._send_again(name, known, cause)
            data = Path(name).read_bytes()
            packed = self._pack_file(data, known)
            if unless is not None and known is None and manifests.name_of(manifests.pack_manifest(packed.manifest)) == unless:
                return None
            return self._send(name, packed, cause, size=len(data), known=known, signature=signature)

    def take_document(
        self, path: str | Path, document: Mapping[str, Any], cause: Cause = Cause(), *, size_bytes: int | None = None
    ) -> Taken:
        """Take a document that is, or will be, the notebook at a path. Raises ``BadNotebook`` for what has no JSON form."""
        name = real_path(path)
        with self._lock:
            series = self._merged if cause.unsaved else self._known
            known = self._known_at(name)
            known = series.get(name) or known
            if known is not None and time.monotonic() - known.sent_at > KNOWN_S:
                known = None
            packed = pack_document(document, self._redaction, known.memory if known is not None else None)
            if size_bytes is None:
                size_bytes = max(sum(map(len, packed.fresh.values())), known.facts["size"] if known is not None else 0)
            return self._send(name, packed, cause, size=size_bytes, known=known, signature=None, series=series)

    def note_move(self, old: str | Path, new: str | Path) -> None:
        """Tell that a notebook has another path now."""
        before, now = real_path(old), real_path(new)
        if before == now:
            return
        with self._lock:
            for series in (self._known, self._merged):
                if before in series:
                    series[now] = series.pop(before)
        self._append(Kind.NOTEBOOK_MOVE, {"from": before, "to": now})

    def cells_at(self, path: str | Path) -> tuple[CellText, ...]:
        """Return the cells of the file as it was taken last; empty when it was not."""
        known = self._known.get(real_path(path))
        return known.cells if known is not None else ()

    def forget(self, path: str | Path) -> None:
        """Send everything again with the next state of a path."""
        with self._lock:
            self._known.pop(real_path(path), None)
            self._merged.pop(real_path(path), None)

    # -- saves, in a thread ----------------------------------------------------------------------------------------------------------

    def enqueue(self, path: str | Path, content: Mapping[str, Any] | None = None) -> None:
        """Take a save soon, in a thread: the file, or the content it was saved from (nobody may change that any more)."""
        with self._lock:
            if self._pid != os.getpid():  # forked: the thread is gone, and what waits is the parent's
                self._pid, self._thread, self._waiting, self._queue = os.getpid(), None, 0, SimpleQueue()
            self._waiting += 1
            self._queue.put((str(path), content))
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="nbtrack-saves", daemon=True)
                self._thread.start()
                atexit.register(self.drain, _LEAVING_S)

    def rest(self) -> None:
        """Let the thread end now; the next save begins another."""
        thread = self._thread
        self._queue.put(None)
        if thread is not None:
            thread.join(_PARKED_S)

    def drain(self, timeout: float = 10.0) -> bool:
        """Wait until every save that was enqueued is taken; False when that took too long."""
        deadline = time.monotonic() + timeout
        while self._waiting and time.monotonic() < deadline:
            time.sleep(0.005)
        return not self._waiting

    def _work(self) -> None:
        """Take what was enqueued; end when nothing more comes."""
        while True:
            try:
                item = self._queue.get(timeout=_PARKED_S)
            except Empty:
                item = None
            if item is None:
                with self._lock:
                    if self._waiting:
                        continue
                    self._thread = None
                    atexit.unregister(self.drain)
                    return
            path, content = item
            try:
                self._take_save(path, content)
            except Exception:
                log.warning("a save of %s was not kept as a checkpoint", path, exc_info=True)
            finally:
                with self._lock:
                    self._waiting -= 1

    def _take_save(self, path: str, content: Mapping[str, Any] | None) -> None:
        cause = Cause("save")
        if content is None:
            self.take_file(path, cause)
            return
        try:
            self.take_document(path, content, cause)
        except BadNotebook:
            self.take_file(path, cause)

    # -- frames ----------------------------------------------------------------------------------------------------------------------

    def _pack_file(self, data: bytes, known: _Known | None) -> Packed:
        try:
            document = json.loads(data)
        except (ValueError, RecursionError):
            document = None
        if isinstance(document, dict):
            try:
                return pack_document(document, self._redaction, known.memory if known is not None else None)
            except BadNotebook:
                pass
        return pack_bytes(data, self._redaction)

    def _known_at(self, name: str) -> _Known | None:
        writer = self._writer()
        if writer is not None:
            dropped, store = writer.journal.state().dropped, _identity(writer.location.database)
            gone = writer.journal.is_deleted() or (self._store is not None and store != self._store)
            if gone or dropped != self._dropped:
                self._known.clear()  # what was sent may be lost, or went into a store that was deleted: nothing is taken for kept
                self._merged.clear()
            self._dropped, self._store = dropped, store
        known = self._known.get(name)
        return known if known is not None and time.monotonic() - known.sent_at < KNOWN_S else None

    def _send(
        self,
        name: str,
        packed: Packed,
        cause: Cause,
        *,
        size: int,
        known: _Known | None,
        signature: Signature | None,
        series: dict[str, _Known] | None = None,
    ) -> Taken:
        core = manifests.pack_manifest(packed.manifest)
        state = manifests.name_of(core)
        series = self._known if series is None else series
        cells = tuple(CellText(cell.cell_id, cell.source_name) for cell in packed.cells)
        facts = {"format": packed.format, "minor": packed.minor, "cells": len(cells), "size": size, "forms": packed.forms}
        same = known is not None and known.state == state and series.get(name) is known
        if same and known is not None:
            known.signature, known.facts = signature or known.signature, facts
            return self._send_again(name, known, cause)
        self._send_bodies(packed.fresh)
        squeezed = zlib.compress(core, 1)
        bodies: tuple[bytes, ...] = (squeezed,)
        if len(squeezed) > _MANIFEST_BYTES and self._put_file(core):
            bodies = ()
        self._append(Kind.CHECKPOINT, self._head(name, state, facts, cause), bodies)
        series[name] = _Known(state, packed.memory, facts, cells, time.monotonic(), signature)
        return Taken(name, state, new=True)

    def _send_again(self, name: str, known: _Known, cause: Cause) -> Taken:
        self._append(Kind.CHECKPOINT, self._head(name, known.state, known.facts, cause))
        return Taken(name, known.state, new=False)

    def _head(self, name: str, state: str, facts: dict[str, Any], cause: Cause) -> dict[str, Any]:
        head = {
            "id": new_id(), "notebook": name, "state": state, "reason": cause.reason, "message": cause.message, "author": cause.author,
            "run": cause.run_id, "boundary": cause.boundary, "session": cause.session_id, "unsaved": cause.unsaved or None, **facts,
        }  # fmt: skip
        return {key: value for key, value in head.items() if value is not None}

    def _send_bodies(self, fresh: Mapping[str, bytes]) -> None:
        """Send bodies in frames of about 256 KB; large ones go into files."""
        batch: list[bytes] = []
        room = _FRAME_BYTES
        for body in fresh.values():
            if len(body) > INLINE_BODY and self._put_file(body):
                continue
            if batch and len(body) > room:
                self._append(Kind.BODIES, {}, batch)
                batch, room = [], _FRAME_BYTES
            batch.append(body)
            room -= len(body)
        if batch:
            self._append(Kind.BODIES, {}, batch)

    def _put_file(self, body: bytes) -> bool:
        """Write a body into a file; False when it has to go into a frame after all."""
        writer = self._writer()
        return writer is not None and writer.put_body(body)[1] is None

    def _append(self, kind: Kind, head: dict[str, Any], bodies: Any = ()) -> None:
        writer = self._writer()
        if writer is not None:
            writer.append(kind, head, bodies)


_takers: weakref.WeakKeyDictionary[Writer, Taker] = weakref.WeakKeyDictionary()
_making = threading.Lock()


def taker_of(writer: Writer, secrets: Callable[[], Secrets] | None = None) -> Taker:
    """Return the taker of a writer, made at first use; ``secrets`` gives the redactor that it shares with its session."""
    with _making:
        taker = _takers.get(writer)
        if taker is None:
            taker = _takers[writer] = Taker(writer, secrets() if secrets is not None else None)
        return taker


def enqueue_save(writer: Writer, path: str | Path, content: Mapping[str, Any] | None = None) -> None:
    """Take note of a save, from a save hook: returns at once and never raises; a thread reads, hashes and records.

    Parameters
    ----------
    path : of the file that was saved.
    content : the document if the hook has it (nobody may change it any more); the file is read when None, which is right after the save.
    """
    try:
        if writer.settings.checkpoint_saves:
            taker_of(writer).enqueue(path, content)
    except (NbtrackError, RuntimeError, OSError):  # no thread can be started any more, or the settings of the store are broken
        log.warning("a save of %s was not kept as a checkpoint", path, exc_info=True)


def real_path(path: str | Path) -> str:
    """Return the one name by which a notebook's path is known."""
    return os.path.realpath(path)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def signature_of(path: str | Path) -> Signature | None:
    """Return what changes when a file changes: modification time, size, inode; None when there is no file."""
    try:
        status = Path(path).stat()
    except (OSError, ValueError):
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
