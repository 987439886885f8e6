"""Writes one execution after the other into the journal: a cell's start and end in, EXECUTION and EXECUTION_END frames out.

The start is durable before the user's code runs, so that a kernel that dies leaves the cell it died in.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from nbtrack.capture.cells import CellEnd, CellStart
from nbtrack.capture.meter import Meter
from nbtrack.capture.outputs import KeptOutput, Outputs
from nbtrack.capture.secrets import clean_error, clean_output
from nbtrack.capture.streams import cut_middle
from nbtrack.store.frames import INLINE_BODY, MAX_LENGTH, Kind
from nbtrack.store.ids import new_id
from nbtrack.tracking.session import Session

SOURCE_CHARS = 500_000  # a cell with an embedded file; the hash is of the whole
_INLINE_TOTAL = MAX_LENGTH - (1 << 20)  # bodies of one frame, with room for its head


class Recorder:
    """Records the cells of one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._meter = Meter(memory=session.settings.capture_memory)
        self._seq = 0
        self._open_id: str | None = None
        self._outputs: Outputs | None = None

    @property
    def is_open(self) -> bool:
        """Whether a cell is being recorded."""
        return self._open_id is not None

    def start_cell(self, cell: CellStart) -> Outputs | None:
        """Record that a cell begins; returns what collects its outputs, None when outputs are not wanted."""
        execution_id = self._open_id = new_id()
        self._write_start(execution_id, cell)
        self._session.begin_execution(execution_id)
        settings = self._session.settings
        self._outputs = None
        if settings.capture_outputs:
            self._outputs = Outputs(text_chars=settings.capture_output_chars, image_bytes=settings.capture_image_bytes)
        self._meter.start()
        return self._outputs

    def end_cell(self, cell: CellEnd) -> None:
        """Record how the cell that is open ended, and let the runs that live no longer than it end."""
        execution_id, self._open_id = self._open_id, None
        outputs, self._outputs = self._outputs, None
        if execution_id is None:
            return
        usage = self._meter.read()
        error = cell.error
        kept = outputs.close() if outputs is not None else []
        secrets = self._session.secrets
        if kept or error is not None:
            secrets.learn_environment()
        if secrets.active:
            kept = [clean_output(output, secrets.text) for output in kept]
            error = clean_error(error, secrets.text) if error is not None else None
        if error is not None and self._session.settings.capture_outputs:
            body = error.traceback.encode("utf-8", "surrogatepass")
            kept.append(KeptOutput("error", "text/plain", len(body), body))
        listed, bodies = self._place_bodies(kept)
        head: dict[str, Any] = {
            "id": execution_id,
            "status": cell.status,
            "duration_us": usage.duration_us,
            "cpu_us": usage.cpu_us,
            "outputs": listed,
        }
        if usage.peak_bytes is not None:
            head["peak"] = usage.peak_bytes
        if error is not None:
            head["error"] = {"type": error.type, "message": error.message}
        self._session.writer.append(Kind.EXECUTION_END, head, bodies)
        self._session.end_execution((error.type, error.message) if error is not None else None)

    def note_before(self, cells: Iterable[CellStart]) -> None:
        """Record cells that ran before recording began: their source and order are known, nothing else."""
        for cell in cells:
            execution_id = new_id()
            self._write_start(execution_id, cell, before=True)
            self._session.writer.append(Kind.EXECUTION_END, {"id": execution_id, "status": "unknown"})

    def _write_start(self, execution_id: str, cell: CellStart, *, before: bool = False) -> None:
        text = self._session.secrets.text(cell.source)
        source = text.encode("utf-8", "surrogatepass")  # the hash is of what is stored: equal cells stay equal whatever their secrets
        self._seq += 1
        head: dict[str, Any] = {
            "id": execution_id,
            "session": self._session.id,
            "seq": self._seq,
            "count": cell.count,
            "cell": cell.cell_id,
            "notebook": self._session.notebook,
            "hash": hashlib.sha256(source).hexdigest(),
        }
        if before:
            head |= {"before": True, "wall": None}
        else:
            self._session.cells.note(text, head["hash"], cell_id=cell.cell_id, count=cell.count)
        if len(text) > SOURCE_CHARS:
            source = cut_middle(text, SOURCE_CHARS)[0].encode("utf-8", "surrogatepass")
        self._session.writer.append(Kind.EXECUTION, head, (source,))

    def _place_bodies(self, kept: Sequence[KeptOutput]) -> tuple[list[dict[str, Any]], list[bytes]]:
        """Put small bodies into the frame and large ones aside; returns the frame's list of outputs and its bodies."""
        listed: list[dict[str, Any]] = []
        bodies: list[bytes] = []
        room = _INLINE_TOTAL
        for output in kept:
            one: dict[str, Any] = {"kind": output.kind, "mime": output.mime, "size": output.size}
            body: bytes | None = output.body
            if body is not None and len(body) > INLINE_BODY:
                one["sha256"], body = self._session.writer.put_body(body)
            truncated = output.truncated
            if body is not None and len(body) <= room:
                room -= len(body)
                one["body"] = len(bodies)
                bodies.append(body)
            elif body is not None:
                truncated = True
            if truncated:
                one["truncated"] = True
            if output.display_id is not None:
                one["display"] = output.display_id
            listed.append(one)
        return listed, bodies
