"""Artifacts: files, folders and objects in; bodies in the store and ARTIFACT frames out.

Foreign objects are recognised by the classes of libraries the user already imported; none is imported here.
"""

from __future__ import annotations

import io
import json
import mimetypes
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nbtrack.errors import UnknownArtifact, UsageError
from nbtrack.records import Artifact
from nbtrack.store.frames import Kind
from nbtrack.store.ids import new_id, wall_ms
from nbtrack.tracking.values import as_text

if TYPE_CHECKING:
    from nbtrack.tracking.session import Session


@dataclass(frozen=True, slots=True)
class _Body:
    data: bytes
    kind: str
    mime: str
    suffix: str


def keep_artifact(session: Session, run_id: str, given: Any, name: str | None, kind: str | None) -> Artifact:
    """Store one artifact of a run and return its record; see ``Run.log_artifact``."""
    path = _as_path(given, name)
    if path is None:
        body = _encode(given)
        label = _artifact_name(name) if name else f"{body.kind}{body.suffix}"
        return _write(session, run_id, label, kind or body.kind, body.mime, body.data)
    label = _artifact_name(name or path.resolve().name or "folder")
    if path.is_dir():
        return _keep_folder(session, run_id, path, label, kind)
    return _keep_file(session, run_id, path, label, kind or "file")


def _as_path(given: Any, name: str | None) -> Path | None:
    """Tell whether the argument means a path; a missing one raises with near names."""
    if isinstance(given, os.PathLike):
        path = Path(given)
    elif isinstance(given, str) and "\n" not in given and len(given) < 1024 and "\0" not in given:
        path = Path(given).expanduser()
        if not path.exists() and name and not _looks_like_path(given):
            return None
    else:
        return None
    try:
        if path.exists():
            return path
        known = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", "Check the path and its permissions.") from error
    import difflib  # only for a mistake

    near = [str(path.parent / one) for one in difflib.get_close_matches(path.name, known, n=3, cutoff=0.5)]
    problem = UnknownArtifact(str(path), (), "To keep text itself, give it a name: log_artifact(text, name=...).")
    problem.near = tuple(near)
    problem.message = f"no file or folder {str(path)!r}." + (f" Did you mean {' or '.join(repr(one) for one in near)}?" if near else "")
    raise problem


def _looks_like_path(text: str) -> bool:
    return " " not in text and (os.sep in text or bool(Path(text).suffix))


def _artifact_name(name: str) -> str:
    """Names are labels, never paths that could lead out of anywhere: no leading slash, no ``..``."""
    parts = [part for part in as_text(name).replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    if not parts:
        raise UsageError(f"{name!r} is no name for an artifact", "Give it a word, for example name='model'.")
    return "/".join(parts)


def _keep_file(session: Session, run_id: str, path: Path, name: str, kind: str) -> Artifact:
    try:
        digest, size = session.writer.put_file(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror or error}", "Nothing of it was kept.") from error
    mime = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    return _announce(session, run_id, name, kind, mime, size, digest, None, str(path.absolute()))


def _keep_folder(session: Session, run_id: str, folder: Path, name: str, kind: str | None) -> Artifact:
    """Keep every regular file below a folder under ``name/relative/path``, then the list of them under the folder's name."""
    kept = []
    for place, folders, files in os.walk(folder):
        folders.sort()
        for file in sorted(files):
            path = Path(place) / file
            if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
                session.say(f"link:{path}", f"{path} leads out of the folder and is left out")
                continue
            if path.is_file():
                relative = path.relative_to(folder).as_posix()
                one = _keep_file(session, run_id, path, f"{name}/{relative}", "file")
                kept.append({"path": relative, "size": one.size_bytes, "sha256": one.sha256})
    listing = json.dumps(kept, ensure_ascii=False, indent=1).encode("utf-8", "replace")
    return _write(session, run_id, name, kind or "folder", "application/vnd.nbtrack.folder+json", listing, str(folder.absolute()))


def _write(session: Session, run_id: str, name: str, kind: str, mime: str, data: bytes, path: str | None = None) -> Artifact:
    digest, inline = session.writer.put_body(data)
    return _announce(session, run_id, name, kind, mime, len(data), digest, inline, path)


def _announce(
    session: Session, run_id: str, name: str, kind: str, mime: str, size: int, digest: str, inline: bytes | None, path: str | None
) -> Artifact:
    artifact_id = new_id()
    name = session.secrets.text(name)
    path = session.secrets.text(path) if path else path
    head = {
        "id": artifact_id,
        "run": run_id,
        "name": name,
        "kind": kind,
        "mime": mime,
        "size": size,
        "sha256": digest,
        "execution": session.execution_id,
        "path": path,
    }
    session.writer.append(Kind.ARTIFACT, head, () if inline is None else (inline,))
    return Artifact(artifact_id, run_id, name, kind, mime, size, digest, wall_ms(), "stored", session.execution_id, path)


def _encode(given: Any) -> _Body:
    """Turn an object into bytes by the first form that fits."""
    if isinstance(given, (bytes, bytearray, memoryview)):
        return _Body(bytes(given), "bytes", "application/octet-stream", ".bin")
    if isinstance(given, str):
        return _Body(given.encode("utf-8", "surrogatepass"), "text", "text/plain", ".txt")
    for module, class_name, encode in _FOREIGN:
        library = sys.modules.get(module)
        known = getattr(library, class_name, None)
        if isinstance(known, type) and isinstance(given, known):
            return encode(given)
    if isinstance(given, (dict, list, tuple)):
        try:
            text = json.dumps(given, ensure_ascii=False, indent=1)
        except (TypeError, ValueError, RecursionError) as error:
            raise UsageError(f"this {type(given).__name__} has no JSON form: {error}", "Keep a file of it instead.") from error
        return _Body(text.encode("utf-8", "surrogatepass"), "json", "application/json", ".json")
    raise UsageError(
        f"no way to keep an object of type {type(given).__name__}",
        "Give a path, bytes, text, a dict, a figure, a DataFrame or an array.",
    )


def _figure(figure: Any) -> _Body:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", bbox_inches="tight")
    return _Body(buffer.getvalue(), "figure", "image/png", ".png")


def _axes(axes: Any) -> _Body:
    return _figure(axes.figure)


def _plotly(figure: Any) -> _Body:
    return _Body(figure.to_json().encode(), "figure", "application/vnd.plotly.v1+json", ".json")


def _frame(frame: Any) -> _Body:
    return _Body(frame.to_csv().encode("utf-8", "surrogatepass"), "table", "text/csv", ".csv")


def _polars(frame: Any) -> _Body:
    return _Body(frame.write_csv().encode(), "table", "text/csv", ".csv")


def _array(array: Any) -> _Body:
    buffer = io.BytesIO()
    try:
        sys.modules["numpy"].save(buffer, array, allow_pickle=False)
    except ValueError as error:
        raise UsageError(f"this array cannot be kept: {error}", "Arrays of objects need a file of their own.") from error
    return _Body(buffer.getvalue(), "array", "application/x-npy", ".npy")


def _image(image: Any) -> _Body:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG")
    return _Body(buffer.getvalue(), "image", "image/png", ".png")


_FOREIGN: tuple[tuple[str, str, Callable[[Any], _Body]], ...] = (
    ("matplotlib.figure", "Figure", _figure),
    ("matplotlib.axes", "Axes", _axes),
    ("plotly.basedatatypes", "BaseFigure", _plotly),
    ("pandas", "DataFrame", _frame),
    ("pandas", "Series", _frame),
    ("polars", "DataFrame", _polars),
    ("numpy", "ndarray", _array),
    ("PIL.Image", "Image", _image),
)
