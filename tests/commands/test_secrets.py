"""`redact`: a value is gone from every byte of the store, from both doors, while kernels go on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import nbtrack
from nbtrack.errors import NotFound, UnknownRun
from nbtrack.redaction import is_placeholder
from nbtrack.store.check import check_store
from nbtrack.tracking import session

ROOT = Path(__file__).resolve().parents[2]
HIDDEN = "quite-ordinary-words-that-no-rule-knows"


def holders(value: str = HIDDEN) -> list[str]:
    """The files of the store that hold a value, packed or not."""
    location = session.current().location
    found = []
    for folder in (location.folder, location.fallback_journal):
        for path in folder.rglob("*"):
            if path.is_file():
                data = path.read_bytes()
                try:
                    data += zlib.decompress(data)
                except zlib.error:
                    pass
                if value.encode() in data:
                    found.append(path.name)
    return found


def test_a_parameter_is_gone_from_every_file_and_its_run_lives_on(track: Callable[[str], Any]) -> None:
    track("start baseline")
    nbtrack.log_params({"service": HIDDEN, "lr": 0.1})
    nbtrack.flush()
    assert holders()
    said = track("redact baseline service").to_text()
    assert said.startswith("removed parameter service of baseline, and 1 record of it in journals")
    assert holders() == []
    params = nbtrack.get_run("baseline").params
    assert is_placeholder(params["service"])
    assert params["lr"] == 0.1
    nbtrack.log({"loss": 0.5})
    track("stop")
    assert nbtrack.get_run("baseline").metrics["loss"] == 0.5
    assert check_store(session.current().location).findings == ()


def test_tags_metric_texts_and_earlier_values_go_too(track: Callable[[str], Any]) -> None:
    track("start baseline")
    for number in range(3):
        nbtrack.set_tag("place", f"{HIDDEN}-{number}")
        nbtrack.log({"place": f"{HIDDEN}-{number}"})
    nbtrack.log_params({"place": {"deep": [HIDDEN]}})
    said = track("redact last place").to_text()
    assert "parameter and tag and metric text place" in said
    assert holders() == []


def test_a_value_of_a_draft_that_went_into_the_run_goes_too(track: Callable[[str], Any]) -> None:
    with nbtrack.run("first"):
        nbtrack.log({"loss": 1})
    current = session.current()
    current.begin_execution("1" * 32)
    nbtrack.log_params({"place": HIDDEN})
    current.end_execution()
    assert nbtrack.get_run("first").params["place"] == HIDDEN
    track("redact first place")
    assert holders() == []


def test_equal_values_keep_equal_tags(track: Callable[[str], Any]) -> None:
    for name, value in (("a", HIDDEN), ("b", HIDDEN), ("c", "other")):
        nbtrack.run(name, params={"place": value}).finish()
        track(f"redact {name} place")
    a, b, c = (nbtrack.get_run(name).params["place"] for name in "abc")
    assert a == b != c


def test_the_journal_of_a_kernel_that_lives_elsewhere_is_cleaned(type_words: Callable[..., Any], project: Path) -> None:
    code = (
        "import sys, nbtrack\n"
        f"r = nbtrack.run('elsewhere', params={{'place': {HIDDEN!r}}})\n"
        "r.log({'loss': 1.0})\nnbtrack.flush()\nprint('ready', flush=True)\n"
        "sys.stdin.readline()\nr.log({'loss': 2.0})\nr.finish()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=project, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as kernel:
        assert kernel.stdout is not None
        assert kernel.stdout.readline() == "ready\n"
        assert holders()
        said = type_words("redact", "elsewhere", "place").to_text()
        assert "record of it in journals" in said
        assert holders() == []
        kernel.communicate("go\n", timeout=60)
    record = nbtrack.get_run("elsewhere")
    assert (record.state, record.metrics["loss"]) == ("finished", 2.0)
    assert is_placeholder(record.params["place"])


def test_a_wrong_key_or_run_is_named_with_near_ones(track: Callable[[str], Any]) -> None:
    nbtrack.run("baseline", params={"service": 1}).finish()
    with pytest.raises(NotFound, match="Did you mean 'service'"):
        track("redact baseline servise")
    with pytest.raises(UnknownRun):
        track("redact basline service")


def test_redacting_twice_changes_nothing(track: Callable[[str], Any]) -> None:
    nbtrack.run("baseline", params={"service": HIDDEN}).finish()
    track("redact baseline service")
    once = nbtrack.get_run("baseline").params["service"]
    track("redact baseline service")
    assert json.dumps(nbtrack.get_run("baseline").params["service"]) == json.dumps(once)
