"""Every save of a real server is a checkpoint, and none is slower, or fails, for it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.config import open_location
from nbtrack.notebooks.take import taker_of
from nbtrack.server.save_hooks import SaveHooks
from nbtrack.server.stores import Stores, without_transient
from nbtrack.store.checkpoints import list_checkpoints
from nbtrack.store.connection import open_reader
from nbtrack.store.filelock import FileLock
from nbtrack.store.runs import list_runs

from .conftest import ROOT, Server, make_notebook, stop_server, wait_until


def _sources(server: Server, path: str) -> list[str]:
    """The first cell of every checkpoint, the oldest first."""
    found = []
    for one in reversed(server.checkpoints(path)):
        document = server.ask("GET", f"/nbtrack/api/checkpoints/{one['id']}", query={"path": path}).json()["document"]
        found.append(document["cells"][0]["source"])
    return found


def test_every_save_is_kept_and_an_identical_one_makes_none(server: Server, folder: str) -> None:
    path = f"{folder}/a.ipynb"
    for source in ("x = 1", "x = 2", "x = 2", "x = 2", "x = 3"):
        assert server.save(path, source).status in {200, 201}
    assert _sources(server, path) == ["x = 1", "x = 2", "x = 3"]
    assert {one["reason"] for one in server.checkpoints(path)} == {"save"}
    assert (server.root / folder / ".nbtrack").is_dir()


def test_a_kept_save_is_what_the_file_holds(server: Server, folder: str) -> None:
    path = f"{folder}/a.ipynb"
    document = make_notebook("print(1)\nprint(2)\n", "", kernelspec={"name": "python3", "display_name": "é"}, signature="sha256:0")
    document["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "1\n2\n"}]
    server.save(path, document=document)
    (one,) = server.checkpoints(path)
    file = json.loads((server.root / path).read_text())
    location = open_location(server.root / folder / ".nbtrack")
    stores = Stores()
    taken = taker_of(stores.writer(location)).take_document(server.root / path, file)
    stores.close()
    assert taken.state == one["state"], "the same state, so a kernel that reads the file at a run makes no second checkpoint"


def test_the_list_comes_in_pages(server: Server, folder: str) -> None:
    path = f"{folder}/a.ipynb"
    for at in range(5):
        server.save(path, f"x = {at}")
    seen, before = [], None
    for _ in range(3):
        query = {"path": path, "limit": 2} | ({"before": before} if before else {})
        answer = server.ask("GET", "/nbtrack/api/checkpoints", query=query).json()
        seen += [one["id"] for one in answer["checkpoints"]]
        before = answer["next"]
    assert seen == [one["id"] for one in server.checkpoints(path)]
    assert len(seen) == 5
    assert before is None
    assert server.ask("GET", "/nbtrack/api/checkpoints", query={"path": path, "before": "f" * 32}).status == 404
    assert server.ask("GET", "/nbtrack/api/checkpoints", query={"path": path, "limit": 1001}).status == 400


def test_history_goes_on_after_a_rename_and_stays_after_a_deletion(server: Server, folder: str) -> None:
    old, new = f"{folder}/old.ipynb", f"{folder}/new.ipynb"
    server.save(old, "x = 1")
    assert server.rename(old, new).status == 200
    server.save(new, "x = 2")
    assert _sources(server, new) == ["x = 1", "x = 2"]
    assert server.ask("DELETE", f"/api/contents/{new}").status == 204
    assert _sources(server, new) == ["x = 1", "x = 2"]


def test_history_goes_on_when_a_folder_is_renamed(server: Server, folder: str) -> None:
    (server.root / folder / ".nbtrack").mkdir(mode=0o700)  # the store stands above the folder that moves
    (server.root / folder / "one").mkdir()
    server.save(f"{folder}/one/a.ipynb", "x = 1")
    assert _sources(server, f"{folder}/one/a.ipynb") == ["x = 1"]
    assert server.rename(f"{folder}/one", f"{folder}/two").status == 200
    server.save(f"{folder}/two/a.ipynb", "x = 2")
    assert _sources(server, f"{folder}/two/a.ipynb") == ["x = 1", "x = 2"]


def test_history_goes_on_when_a_folder_is_renamed_with_its_store(server: Server, folder: str) -> None:
    (server.root / folder / "one").mkdir()
    server.save(f"{folder}/one/a.ipynb", "x = 1")
    assert _sources(server, f"{folder}/one/a.ipynb") == ["x = 1"]
    assert server.rename(f"{folder}/one", f"{folder}/two").status == 200
    server.save(f"{folder}/two/a.ipynb", "x = 2")
    assert _sources(server, f"{folder}/two/a.ipynb") == ["x = 1", "x = 2"]
    assert not (server.root / folder / "one").exists(), "nothing is written where nobody looks"


def test_only_notebooks_are_kept(server: Server, folder: str) -> None:
    body = {"type": "file", "format": "text", "content": "x"}
    assert server.ask("PUT", f"/api/contents/{folder}/a.txt", body=body).status == 201
    assert server.checkpoints(f"{folder}/a.txt") == []
    assert not (server.root / folder / ".nbtrack").exists()


def test_a_notebook_that_was_uploaded_as_a_file_is_kept(server: Server, folder: str) -> None:
    text = json.dumps(make_notebook("x = 1"))
    server.ask("PUT", f"/api/contents/{folder}/a.ipynb", body={"type": "file", "format": "text", "content": text})
    assert _sources(server, f"{folder}/a.ipynb") == ["x = 1"]
    server.ask("PUT", f"/api/contents/{folder}/a.ipynb", body={"type": "file", "format": "text", "content": "no notebook"})
    (newest, _) = server.checkpoints(f"{folder}/a.ipynb")
    answer = server.ask("GET", f"/nbtrack/api/checkpoints/{newest['id']}")
    assert (answer.status, answer.json()["error"]["code"]) == (422, "bad_notebook")


def test_a_setting_switches_the_hooks_off_and_on_without_a_restart(server: Server, folder: str) -> None:
    settings = server.root / folder / "nbtrack.toml"
    settings.write_text("[checkpoint]\nsaves = false\n")
    server.save(f"{folder}/a.ipynb", "x = 1")
    assert server.checkpoints(f"{folder}/a.ipynb") == []
    assert not (server.root / folder / ".nbtrack").exists()
    settings.write_text("")
    server.save(f"{folder}/a.ipynb", "x = 2")
    assert _sources(server, f"{folder}/a.ipynb") == ["x = 2"]


def test_secrets_are_taken_out_of_a_kept_save(server: Server, folder: str) -> None:
    secret = "sk-proj-" + "Zk3vR8wQ1xT6yB2n" * 3
    server.save(f"{folder}/a.ipynb", f'api_key = "{secret}"')
    (source,) = _sources(server, f"{folder}/a.ipynb")
    assert secret not in source
    assert "<redacted" in source


def test_an_id_opens_nothing_outside_the_folder_of_the_server(server: Server, tmp_path: Path, folder: str) -> None:
    server.save(f"{folder}/a.ipynb", "x = 1")
    assert len(server.checkpoints(f"{folder}/a.ipynb")) == 1
    stores = Stores()
    taker = taker_of(stores.writer(open_location(server.root / folder / ".nbtrack")))
    taker.take_document(tmp_path / "other.ipynb", make_notebook("somebody else's"))
    stores.close()
    with open_reader(open_location(server.root / folder / ".nbtrack")) as db:
        (other,) = list_checkpoints(db, notebook=os.path.realpath(tmp_path / "other.ipynb"))
    for query in ({}, {"path": f"{folder}/a.ipynb"}, {"path": f"{folder}/b.ipynb"}):
        answer = server.ask("GET", f"/nbtrack/api/checkpoints/{other.id}", query=query)
        assert answer.status == 404
        assert b"somebody" not in answer.body


# -- nothing that is wrong with a store reaches the user's save --------------------------------------------------------------------------


def test_a_save_while_the_store_is_locked_is_answered_and_kept_afterwards(server: Server, folder: str) -> None:
    server.save(f"{folder}/a.ipynb", "x = 1")
    assert len(server.checkpoints(f"{folder}/a.ipynb")) == 1
    lock = FileLock(server.root / folder / ".nbtrack" / "store.lock")
    assert lock.acquire(5)
    try:
        assert server.save(f"{folder}/a.ipynb", "x = 2").status == 200
        assert server.ask("GET", "/nbtrack/api/checkpoints", query={"path": f"{folder}/a.ipynb"}).status in {200, 409}
    finally:
        lock.release()
    assert wait_until(lambda: _sources(server, f"{folder}/a.ipynb") == ["x = 1", "x = 2"])


def test_a_save_beside_a_broken_store_is_answered(server: Server, folder: str) -> None:
    store = server.root / folder / ".nbtrack"
    store.mkdir()
    (store / "store.db").write_bytes(b"this is no database" * 100)
    assert server.save(f"{folder}/a.ipynb", "x = 1").status == 201
    answer = server.ask("GET", "/nbtrack/api/checkpoints", query={"path": f"{folder}/a.ipynb"})
    assert (answer.status, answer.json()["error"]["code"]) == (409, "store_corrupt")


def test_a_save_where_no_store_can_be_made_is_answered(server: Server, folder: str) -> None:
    (server.root / folder / ".nbtrack").write_text("a file stands in the way")
    assert server.save(f"{folder}/a.ipynb", "x = 1").status == 201
    assert server.ask("GET", "/nbtrack/api/checkpoints", query={"path": f"{folder}/a.ipynb"}).status < 500


def test_a_save_with_settings_that_cannot_be_read_is_answered(server: Server, folder: str) -> None:
    (server.root / folder / "nbtrack.toml").write_text("[checkpoint\nsaves = maybe")
    assert server.save(f"{folder}/a.ipynb", "x = 1").status == 201
    answer = server.ask("GET", "/nbtrack/api/checkpoints", query={"path": f"{folder}/a.ipynb"})
    assert answer.status < 500


def test_a_save_into_a_deleted_store_makes_a_new_one(server: Server, folder: str) -> None:
    server.save(f"{folder}/a.ipynb", "x = 1")
    assert len(server.checkpoints(f"{folder}/a.ipynb")) == 1
    # the server may write meanwhile, and a folder that fills again cannot be removed in one go
    gone = ["rm", "-rf", str(server.root / folder / ".nbtrack")]
    assert wait_until(lambda: subprocess.run(gone, check=False, capture_output=True).returncode == 0)
    assert server.save(f"{folder}/a.ipynb", "x = 2").status == 200
    assert wait_until(lambda: "x = 2" in _sources(server, f"{folder}/a.ipynb"))


@pytest.mark.parametrize("fault", ["read-only", "full"])
def test_a_save_beside_a_store_that_takes_nothing_is_answered(server: Server, folder: str, fault: str) -> None:
    store = server.root / folder / ".nbtrack"
    store.mkdir()
    options = ["--bind", str(store), str(store)] if fault == "read-only" else ["-t", "tmpfs", "-o", "size=16k", "tmpfs", str(store)]
    _mount(*options)
    try:
        if fault == "read-only":
            _mount("-o", "remount,ro,bind", str(store))
        else:
            (store / "filling").write_bytes(b"0" * (8 << 10))
        for at in range(3):
            assert server.save(f"{folder}/a.ipynb", f"x = {at}", "#" * 200_000).status in {200, 201}
        assert server.ask("GET", "/nbtrack/api/checkpoints", query={"path": f"{folder}/a.ipynb"}).status < 500
    finally:
        subprocess.run(["umount", "--lazy", str(store)], check=True)


def _mount(*arguments: str) -> None:
    done = subprocess.run(["mount", *arguments], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"cannot mount here: {done.stderr.strip()}")


def test_a_notebook_of_50_mb_is_answered_before_it_is_packed(server: Server, folder: str) -> None:
    document = make_notebook("x = 1")
    document["cells"][0]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "epoch 1 loss 0.5\n" * 3_000_000}]
    assert server.save(f"{folder}/a.ipynb", document=document).status == 201
    assert server.ask("GET", "/nbtrack/api/version").status == 200, "the event loop goes on"
    assert wait_until(lambda: len(server.checkpoints(f"{folder}/a.ipynb")) == 1, 60)


# -- kernels, the end, other contents managers ---------------------------------------------------------------------------------------------


def test_the_server_brings_in_what_a_killed_process_recorded(server: Server, folder: str) -> None:
    server.save(f"{folder}/a.ipynb", "x = 1")
    assert len(server.checkpoints(f"{folder}/a.ipynb")) == 1
    code = "import nbtrack, os, signal\nrun = nbtrack.run('cut off')\nrun.log({'loss': 0.5})\nos.kill(os.getpid(), signal.SIGKILL)"
    subprocess.run([sys.executable, "-c", code], cwd=server.root / folder, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False)
    location = open_location(server.root / folder / ".nbtrack")

    def states() -> list[str]:
        with open_reader(location) as db:
            return [run.state for run in list_runs(db)]

    assert wait_until(lambda: states() == ["killed"]), states()


def test_saves_just_before_the_end_of_the_server_are_kept(new_server: Callable[..., Server]) -> None:
    server = new_server()
    for at in range(5):
        server.save("a.ipynb", f"x = {at}")
    assert stop_server(server) == 0
    location = open_location(server.root / ".nbtrack")
    with open_reader(location) as db:
        assert len(list_checkpoints(db)) == 5
    assert list(location.journal.iterdir()) == [], "the journal was ended in order"


def test_nothing_of_the_rooms_below_is_loaded_by_a_start(new_server: Callable[..., Server]) -> None:
    config = "import atexit, sys\natexit.register(lambda: print('LOADED', *(name for name in sorted(sys.modules) if 'nbtrack' in name)))"
    server = new_server(config=config)
    assert server.ask("GET", "/nbtrack/api/version").status == 200
    stop_server(server)
    (line,) = [line for line in server.log.read_text().splitlines() if line.startswith("LOADED")]
    loaded = [name for name in line.split()[1:] if name.count(".") == 1]
    assert loaded == ["nbtrack._version", "nbtrack.errors", "nbtrack.server"]


class _Stores:
    """Notes what it is asked to do, or fails."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.saves: list[tuple[str, Any]] = []
        self.moves: list[tuple[str, str]] = []

    def take_save(self, path: str, content: Any = None) -> None:
        if self.error is not None:
            raise self.error
        self.saves.append((path, content))

    def note_move(self, old: str, new: str) -> None:
        self.moves.append((old, new))

    def notice(self, path: str) -> None:
        """Nothing to note."""


@pytest.mark.parametrize(
    "name", ["filemanager.FileContentsManager", "largefilemanager.LargeFileManager", "filemanager.AsyncFileContentsManager"]
)
def test_the_hooks_work_under_every_manager_of_files(tmp_path: Path, name: str) -> None:
    from traitlets.utils.importstring import import_item

    stores = _Stores()
    manager = import_item(f"jupyter_server.services.contents.{name}")(root_dir=str(tmp_path))
    hooks = SaveHooks(manager, lambda: stores)  # type: ignore[arg-type, return-value]
    hooks.register()

    async def work() -> None:
        for call in (
            lambda: manager.save({"type": "notebook", "format": "json", "content": make_notebook("x = 1")}, "a.ipynb"),
            lambda: manager.rename("a.ipynb", "b.ipynb"),
        ):
            done = call()
            if asyncio.iscoroutine(done):
                await done
        await asyncio.sleep(0.01)

    asyncio.run(work())
    assert hooks.settle(10)
    hooks.unregister()
    hooks.close(5)
    (saved,) = stores.saves
    assert saved[0] == str(tmp_path / "a.ipynb")
    assert saved[1]["cells"][0]["source"] == "x = 1"
    assert stores.moves == [(str(tmp_path / "a.ipynb"), str(tmp_path / "b.ipynb"))]


def test_hooks_whose_work_fails_raise_nothing_and_live_on(tmp_path: Path) -> None:
    stores = _Stores(RuntimeError("the store is on fire"))
    hooks = SaveHooks(object(), lambda: stores)  # type: ignore[arg-type, return-value]
    hooks.register()
    hooks.after_save(os_path="a.ipynb", model={})
    hooks.after_save(os_path=None, model=None)  # type: ignore[arg-type]
    hooks.before_save(model=None, path=None)  # type: ignore[arg-type]
    assert hooks.settle(5)
    stores.error = None
    hooks.after_save(os_path=str(tmp_path / "a.ipynb"), model={})
    assert hooks.settle(5)
    hooks.unregister()
    hooks.close(5)
    assert [path for path, _ in stores.saves] == [str(tmp_path / "a.ipynb")]
    hooks.after_save(os_path="late.ipynb", model={})
    assert len(stores.saves) == 1, "nothing is taken after the end"


def test_a_save_that_fails_keeps_no_more_than_a_few_documents(tmp_path: Path) -> None:
    hooks = SaveHooks(object(), lambda: _Stores())  # type: ignore[arg-type, return-value]
    for at in range(100):
        hooks.before_save(model={"type": "notebook", "content": {}}, path=f"{at}.ipynb")
    assert len(hooks._began) <= 8


def test_what_jupyter_strips_is_no_change() -> None:
    plain = make_notebook("x = 1")
    plain["cells"][0]["metadata"] = {}
    sent = make_notebook("x = 1", signature="sha256:0", orig_nbformat=3) | {"orig_nbformat": 3}
    assert without_transient(sent) == plain
    assert sent["cells"][0]["metadata"] == {"trusted": True}, "what was handed in stays as it is"
    for odd in ({}, {"cells": None}, {"cells": [None, 3, {"metadata": None}]}, {"metadata": []}):
        assert without_transient(odd) == odd


def test_a_writer_that_was_used_long_ago_is_closed(tmp_path: Path) -> None:
    stores = Stores()
    for at in range(20):
        path = tmp_path / str(at) / "a.ipynb"
        path.parent.mkdir()
        path.write_text(json.dumps(make_notebook("x = 1")))
        stores.take_save(str(path))
    assert len(stores._writers) == 16
    stores.close()
    assert not stores._writers
