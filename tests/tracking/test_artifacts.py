"""Artifacts: what goes in comes out, byte for byte."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.figure
import numpy
import pandas
import plotly.graph_objects
import pytest

import nbtrack
from nbtrack.errors import UnknownArtifact, UsageError
from nbtrack.records import Artifact
from nbtrack.store import artifacts
from nbtrack.tracking.session import current

matplotlib.use("agg")


def body(artifact: Artifact) -> bytes:
    session = current()
    return session.query(lambda db: artifacts.read_body(session.location, db, artifact.sha256))


def test_a_file_comes_back_and_the_users_copy_may_go(project: Path) -> None:
    path = project / "model.bin"
    path.write_bytes(os.urandom(3_000_000))
    content = path.read_bytes()
    with nbtrack.run("files") as run:
        kept = run.log_artifact(path)
    path.unlink()
    assert (kept.name, kept.kind, kept.size_bytes) == ("model.bin", "file", 3_000_000)
    assert body(kept) == content
    assert [one.name for one in nbtrack.get_run("files").artifacts] == ["model.bin"]


def test_the_same_bytes_are_stored_once(project: Path) -> None:
    data = os.urandom(400_000)
    with nbtrack.run("twice") as run:
        first, second = run.log_artifact(data, name="a"), run.log_artifact(data, name="b")
    nbtrack.flush()
    assert first.sha256 == second.sha256
    assert len([path for path in (project / ".nbtrack" / "blobs").rglob("*") if path.is_file()]) == 1
    assert body(second) == data


def test_a_folder_is_kept_with_all_its_files(project: Path) -> None:
    (project / "export" / "deep").mkdir(parents=True)
    (project / "export" / "a.txt").write_text("one")
    (project / "export" / "deep" / "b.txt").write_text("two")
    (project / "secret.txt").write_text("outside")
    (project / "export" / "link.txt").symlink_to(project / "secret.txt")
    with nbtrack.run("folder") as run:
        kept = run.log_artifact("export")
    assert kept.kind == "folder"
    assert [one["path"] for one in json.loads(body(kept))] == ["a.txt", "deep/b.txt"]
    names = {one.name: one for one in nbtrack.get_run("folder").artifacts}
    assert set(names) == {"export", "export/a.txt", "export/deep/b.txt"}
    assert body(names["export/deep/b.txt"]) == b"two"


def test_objects_are_kept_in_a_form_others_can_read() -> None:
    figure = matplotlib.figure.Figure()
    figure.add_subplot().plot([1, 2, 3])
    frame = pandas.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    expected: list[tuple[Any, str, str, str]] = [
        (b"abc", "bytes", "bytes.bin", "application/octet-stream"),
        ({"a": [1, 2]}, "json", "json.json", "application/json"),
        (figure, "figure", "figure.png", "image/png"),
        (plotly.graph_objects.Figure(plotly.graph_objects.Scatter(y=[1, 2])), "figure", "figure.json", "application/vnd.plotly.v1+json"),
        (frame, "table", "table.csv", "text/csv"),
        (numpy.arange(5), "array", "array.npy", "application/x-npy"),
    ]
    with nbtrack.run("objects") as run:
        kept = [run.log_artifact(given) for given, *_ in expected]
        text = run.log_artifact("a long remark", name="remark")
    for artifact, (_, kind, name, mime) in zip(kept, expected, strict=True):
        assert (artifact.kind, artifact.name, artifact.mime) == (kind, name, mime)
    assert body(kept[2]).startswith(b"\x89PNG")
    assert pandas.read_csv(io.BytesIO(body(kept[4])), index_col=0).equals(frame)
    assert list(numpy.load(io.BytesIO(body(kept[5])))) == [0, 1, 2, 3, 4]
    assert (text.kind, body(text)) == ("text", b"a long remark")


def test_a_missing_file_is_named_with_near_ones(project: Path) -> None:
    (project / "model.pkl").write_bytes(b"x")
    with nbtrack.run("missing") as run:
        with pytest.raises(UnknownArtifact, match=r"Did you mean 'model\.pkl'"):
            run.log_artifact("modle.pkl")
        with pytest.raises(UnknownArtifact, match="no file or folder"):
            run.log_artifact("modle.pkl", name="model")
    assert nbtrack.get_run("missing").artifacts == ()


def test_what_cannot_be_kept_says_so_and_keeps_nothing() -> None:
    with nbtrack.run("no") as run:
        with pytest.raises(UsageError, match="no way to keep an object of type object"):
            run.log_artifact(object())
        with pytest.raises(UsageError, match="has no JSON form"):
            run.log_artifact({"a": object()})
        with pytest.raises(UsageError, match="cannot be kept"):
            run.log_artifact(numpy.array([object()]))
    assert nbtrack.get_run("no").artifacts == ()


@pytest.mark.parametrize("name", ["../../etc/passwd", "/abs/olute", "a/../../b", "..\\..\\c"])
def test_names_never_lead_anywhere(name: str) -> None:
    with nbtrack.run("names") as run:
        kept = run.log_artifact(b"x", name=name)
    assert not kept.name.startswith("/")
    assert ".." not in kept.name.split("/")
