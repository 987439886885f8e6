"""The environment as directory names tell it."""

from __future__ import annotations

import importlib.metadata
import subprocess
import sys
from pathlib import Path

from nbtrack.tracking.environment import EnvironmentReader, installed_packages


def test_every_distribution_is_found_with_its_version() -> None:
    found = installed_packages(sys.path)
    for one in importlib.metadata.distributions():
        name, version = one.metadata["Name"], one.version
        if name and one._path.suffix == ".dist-info":  # type: ignore[attr-defined]
            assert found[name.replace("_", "-").replace(".", "-").lower()] == version or name.lower() in found


def test_equal_environments_have_equal_ids_and_an_install_makes_a_new_one(tmp_path: Path, monkeypatch: object) -> None:
    reader, again = EnvironmentReader(), EnvironmentReader()
    first, facts = reader.read(tmp_path)
    assert reader.read(tmp_path)[0] == first == again.read(tmp_path)[0]
    assert facts["python"] == ".".join(str(part) for part in sys.version_info[:3])
    sys.path.append(str(tmp_path))
    try:
        (tmp_path / "brand_new-1.2.dist-info").mkdir()
        second, facts = reader.read(tmp_path)
    finally:
        sys.path.remove(str(tmp_path))
    assert second != first
    assert facts["packages"]["brand-new"] == "1.2"


def test_git_is_read_without_starting_it(tmp_path: Path) -> None:
    assert EnvironmentReader().read(tmp_path)[1]["git"] is None
    for command in (
        ["init", "-q", "-b", "topic"],
        ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x"],
    ):
        subprocess.run(["git", *command], cwd=tmp_path, check=True)
    commit = subprocess.run(["git", "rev-parse", "HEAD"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout.strip()
    (tmp_path / "deep").mkdir()
    assert EnvironmentReader().read(tmp_path / "deep")[1]["git"] == {"branch": "topic", "commit": commit}
    subprocess.run(["git", "pack-refs", "--all"], cwd=tmp_path, check=True)
    assert EnvironmentReader().read(tmp_path)[1]["git"] == {"branch": "topic", "commit": commit}
    subprocess.run(["git", "checkout", "-q", "--detach"], cwd=tmp_path, check=True)
    assert EnvironmentReader().read(tmp_path)[1]["git"] == {"commit": commit}
