"""Secrets in a real session: planted in code, outputs, tracebacks, parameters, names; then every byte of the store is looked at."""

from __future__ import annotations

import importlib.util
import random
import shutil
import sqlite3
import zlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import nbtrack
from nbtrack.records import Execution
from nbtrack.redaction import find_tags
from nbtrack.store import executions as rows
from nbtrack.tracking import session as sessions


@pytest.fixture(scope="module")
def planted() -> ModuleType:
    path = Path(__file__).parents[1] / "redaction" / "planted.py"
    spec = importlib.util.spec_from_file_location("planted_secrets", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def stored_bytes(*folders: Path) -> Iterator[tuple[str, bytes]]:
    """Every file of a store, and every value of its database, unpacked where it is packed."""
    for folder in folders:
        for path in folder.rglob("*") if folder.exists() else ():
            if path.is_file():
                data = path.read_bytes()
                yield path.name, data
                yield f"{path.name} unpacked", unpacked(data)
    db = sqlite3.connect(f"{(folders[0] / 'store.db').as_uri()}?mode=ro", uri=True)
    try:
        for (table,) in db.execute("select name from sqlite_schema where type = 'table' order by name").fetchall():
            for row in db.execute(f'select * from "{table}"'):
                for value in row:
                    if isinstance(value, bytes):
                        yield f"{table} unpacked", unpacked(value)
                    elif isinstance(value, str):
                        yield table, value.encode("utf-8", "surrogatepass")
    finally:
        db.close()


def unpacked(data: bytes) -> bytes:
    try:
        return zlib.decompress(data)
    except zlib.error:
        return data


def found_in_store(parts: list[str]) -> list[tuple[str, str]]:
    session = sessions.current()
    nbtrack.flush()
    stored = list(stored_bytes(session.location.folder, session.location.fallback_journal))
    assert len(stored) > 20
    return [(where, part) for part in parts for where, data in stored if part.encode() in data]


def executions() -> list[Execution]:
    current = sessions.current()
    return current.query(lambda db: rows.list_executions(db, session_id=current.id))


def run_planted(notebook: object, cells: list[str]) -> None:
    for source in cells:
        notebook.run(source)  # type: ignore[attr-defined]


def test_sixty_planted_secrets_of_every_kind_reach_nothing_that_is_stored(notebook: object, planted: ModuleType) -> None:
    rng = random.Random(60)
    parts: list[str] = []
    planted_here: list[str] = []

    def make(kind: str) -> str:
        secret = planted.PRIVATE_KEYS[kind](rng) if kind in planted.PRIVATE_KEYS else planted.SELF_TELLING[kind](rng)
        planted_here.append(kind)
        parts.extend(secret.split("\n")[1:-1] or [secret])
        return secret

    def password() -> str:
        secret = planted.password(rng)
        planted_here.append("password")
        parts.append(secret)
        return secret

    kinds = [*planted.SELF_TELLING, *planted.PRIVATE_KEYS]
    cells = [f"held_{number} = {make(kind)!r}\nprint(held_{number})" for number, kind in enumerate(kinds)]
    cells += [f"raise ValueError({('refused: ' + make(kind))!r})" for kind in kinds]
    cells += [f"{{'v': {make(kind)!r}}}" for kind in kinds]
    cells += [
        f'api_key = "{password()}"\nprint(f"connected with {{api_key}}")',
        f"import os\nos.environ['SERVICE_PASSWORD'] = '{password()}'",
        "print({name: value for name, value in os.environ.items() if name.startswith('SERVICE')})",
        "print(os.environ['SERVICE_PASSWORD'] * 2)",
        f"def connect(url):\n    raise ConnectionError(f'cannot reach {{url}}')\nconnect('postgresql://me:{password()}@db/x')",
        f"import sys\nprint('Authorization: Bearer {password()}', file=sys.stderr)",
        f"from IPython.display import HTML, display\ndisplay(HTML('<p>password: &quot;{password()}&quot;</p>'))",
        f"import json\nprint(json.dumps({{'client_secret': '{password()}'}}, indent=1))",
        f"%env HF_TOKEN={password()}",
        f"%track param password={password()}",
        f"x = 1\nsecret_value = '''{password()}'''\nassert x == 2, secret_value",
        f"class Settings:\n    def __repr__(self):\n        return \"Settings(password='{password()}')\"\nSettings()",
        f"print('x' * 30000, 'token={password()}', 'y' * 30000)",
    ]
    run_planted(notebook, cells)
    assert len(planted_here) >= 60
    assert len(set(planted_here)) >= 15
    assert found_in_store(parts) == []
    assert len(executions()) >= len(cells)


def test_a_journal_that_waits_elsewhere_holds_none_either(notebook: object, planted: ModuleType, project: Path) -> None:
    nbtrack.flush()
    location = sessions.current().location
    sessions.close_session()
    shutil.rmtree(location.folder)
    location.folder.write_text("no folder")  # so that the store cannot be made here
    rng = random.Random(11)
    secrets = [planted.password(rng), planted.SELF_TELLING["gitlab"](rng)]
    run = nbtrack.run("waiting", params={"api_key": secrets[0]}, note=f"see {secrets[1]}")
    run.finish()
    waiting = list(sessions.current().location.fallback_journal.glob("*.nbj"))
    assert waiting
    data = b"".join(path.read_bytes() for path in waiting)
    assert b"waiting" in data
    assert [secret for secret in secrets if secret.encode() in data] == []
    sessions.close_session()


def test_what_is_logged_by_hand_is_looked_at_too(notebook: object, planted: ModuleType) -> None:
    rng = random.Random(7)
    token, password, odd, tagged, noted, keyed = (planted.password(rng) for _ in range(6))
    github = planted.SELF_TELLING["github classic"](rng)
    run_planted(notebook, ["import nbtrack"])
    shell = notebook.shell  # type: ignore[attr-defined]
    shell.user_ns["given"] = {
        "access_token": token,
        "db": {"host": "h", "password": password},
        "url": f"redis://:{keyed}@h",
        "lr": 0.1,
        "plain": github,
    }
    shell.user_ns.update(odd=f"password: '{odd}'", tagged=tagged, noted=f"used password='{noted}'", named=f"try {github}")
    shell.user_ns["github_name"] = f"{github}.bin"
    run_planted(
        notebook,
        [
            "r = nbtrack.run(named, params=given, tags={'api_key': tagged}, note=noted)\nr.log({'state': odd})\n"
            "r.log_artifact(b'1', name=github_name)\nr.finish()"
        ],
    )
    assert found_in_store([token, password, odd, tagged, noted, keyed, github]) == []
    record = nbtrack.last_run()
    assert record is not None
    assert record.params["lr"] == 0.1
    assert record.params["db"]["host"] == "h"
    assert find_tags(record.params["access_token"])
    assert find_tags(record.tags["api_key"])
    assert find_tags(record.name)


def test_equal_secrets_make_equal_hashes_and_other_code_other_ones(notebook: object, planted: ModuleType) -> None:
    secret = planted.password(random.Random(1))
    run_planted(notebook, [f"password = '{secret}'", f"password = '{secret}'", f"password = '{secret}'; x = 1"])
    first, second, third = executions()[-3:]
    assert first.source_hash == second.source_hash != third.source_hash
    assert find_tags(first.source)[0].tag == find_tags(third.source)[0].tag


def test_the_setting_leaves_everything_as_it_is(notebook: object, planted: ModuleType) -> None:
    secret = planted.password(random.Random(2))
    run_planted(notebook, ["%track config capture.redact=false", f"password = '{secret}'"])
    assert secret in executions()[-1].source


def test_a_secret_cut_in_two_leaves_no_half(notebook: object, planted: ModuleType) -> None:
    token = planted.SELF_TELLING["openai project"](random.Random(3))
    # 10,000 characters are kept of either end.
    run_planted(notebook, [f"print('x ' * 4985 + {token!r} + ' y' * 20000 + {token!r} + ' z' * 4975)"])
    assert found_in_store([token[:30], token[-30:]]) == []
