"""Make the store file of a release, once: ``python tests/data/old_stores/make.py 0.1`` writes ``0.1.zip`` beside this file.

The tests open every file made so, in every later release. Never make one of a released version again.
"""

from __future__ import annotations

import importlib.util
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]


def main(version: str) -> None:
    """Write the file of one version, with something of every table in it."""
    sys.path.insert(0, str(ROOT))
    from nbtrack.config import open_location
    from nbtrack.store import ingest, migrations

    location = open_location(Path(tempfile.mkdtemp()) / ".nbtrack")
    migrations.migrate(location)
    tell_story(_script_class()(location, "01890000000070008000000000000aaa"))
    report = ingest.ingest(location)
    if report.problem or report.undecodable:
        raise SystemExit(str(report))
    with zipfile.ZipFile(HERE / f"{version}.zip", "x", zipfile.ZIP_DEFLATED) as archive:
        archive.write(location.database, "store.db")


def tell_story(script: Any) -> None:
    """Three runs of one session: one with everything, one with odd numbers, one killed."""
    from nbtrack.store.frames import Kind

    cell, first, second, third = (f"0189000000007000800000000000{number:04x}" for number in (0xE1, 1, 2, 3))
    git = {"commit": "abc", "dirty": True}
    script.session("s1", environment="env1")
    script.record(
        Kind.ENVIRONMENT, {"id": "env1", "facts": {"python": "3.11.7", "platform": "linux", "packages": {"numpy": "2.0"}, "git": git}}
    )
    script.record(Kind.EXECUTION, {"id": cell, "session": "s1", "seq": 1, "count": 1, "cell": "c1", "hash": "h1"}, b"model.fit(X, y)")
    script.run(first, name="baseline", session="s1", execution=cell, environment="env1", notebook="/work/churn.ipynb")
    script.record(Kind.RUN_EXECUTION, {"run": first, "execution": cell})
    script.params(first, lr=0.1, model="tree", layers=[64, 32])
    script.record(Kind.TAGS, {"run": first, "values": {"team": "growth"}})
    script.record(Kind.NOTE, {"run": first, "text": "first try", "author": "ann"})
    for step in range(5000):
        script.log(first, step, loss=1 / (step + 1), acc=step / 5000)
    artifact = {"id": f"{cell[:-2]}a1", "run": first, "name": "fig.txt", "kind": "file", "mime": "text/plain", "size": 5, "execution": cell}
    script.record(Kind.ARTIFACT, artifact, b"plot!")
    script.end(first)
    output = {"kind": "stdout", "mime": "text/plain", "size": 5, "body": 0}
    script.record(Kind.EXECUTION_END, {"id": cell, "status": "ok", "duration_us": 1234, "cpu_us": 1000, "outputs": [output]}, b"done\n")
    script.run(second, session="s1")
    script.params(second, lr=0.01, model="tree", layers=[64, 32])
    script.log(second, 0, zero=-0.0, nan=float("nan"), inf=float("inf")).log(second, 0, loss=2.0).log(second, 0, loss=1.0)
    values = {"steps": {"exact": str(2**53 + 1)}, "word": {"text": "high"}}
    script.record(Kind.VALUES, {"run": second, "step": 1, "values": values})
    script.end(second, "failed", error={"type": "ValueError", "message": "no"})
    script.record(Kind.RULE, {"key": "depth", "direction": "min"})
    script.run(third, name="broken", session="s1")
    script.log(third, 0, loss=3.0)


def _script_class() -> Any:
    spec = importlib.util.spec_from_file_location("store_conftest", ROOT / "tests" / "store" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Script


if __name__ == "__main__":
    main(sys.argv[1])
