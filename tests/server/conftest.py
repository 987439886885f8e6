"""A real Jupyter server in a process of its own, with a token, XSRF and nbtrack as an installation enables it."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "a-token-for-the-tests"
PATIENCE_S = 60
CONFIG = """
from jupyter_server.auth import Authorizer

class Choosy(Authorizer):
    def is_authorized(self, handler, user, action, resource):
        return not (resource == "nbtrack" and action in handler.request.headers.get("X-Test-Deny", "").split())

c.ServerApp.authorizer_class = Choosy
c.ServerApp.jpserver_extensions = {"echo_extension": True}
"""  # the users of the tests say themselves what they may not do


@dataclass(frozen=True)
class Answer:
    """What the server answered."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Server:
    """A running server and how it is asked."""

    root: Path
    port: int
    process: subprocess.Popen[bytes]
    log: Path
    headers: dict[str, str] = field(default_factory=lambda: {"Authorization": f"token {TOKEN}"})

    def ask(
        self, method: str, path: str, *, body: Any = None, headers: dict[str, str] | None = None, query: dict[str, Any] | None = None
    ) -> Answer:
        """Send one request; ``headers`` replace the token. A path is sent as it is."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        target = path + (f"?{urlencode(query)}" if query else "")
        try:
            connection.request(method, target, data, self.headers if headers is None else headers)
            answer = connection.getresponse()
            return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())
        finally:
            connection.close()

    def save(self, path: str, *sources: str, document: dict[str, Any] | None = None) -> Answer:
        """Save a notebook as the front end does."""
        content = document or make_notebook(*sources)
        return self.ask("PUT", f"/api/contents/{quote(path)}", body={"type": "notebook", "format": "json", "content": content})

    def rename(self, old: str, new: str) -> Answer:
        return self.ask("PATCH", f"/api/contents/{quote(old)}", body={"path": new})

    def checkpoints(self, path: str) -> list[dict[str, Any]]:
        answer = self.ask("GET", "/nbtrack/api/checkpoints", query={"path": path})
        assert answer.status == 200, answer.body
        return answer.json()["checkpoints"]


def make_notebook(*sources: str, **metadata: Any) -> dict[str, Any]:
    """A notebook as JupyterLab sends it: texts as one string, cells trusted."""
    cells = [
        {
            "cell_type": "code", "id": f"cell-{at}", "source": source, "outputs": [], "execution_count": None,
            "metadata": {"trusted": True},
        }
        for at, source in enumerate(sources)
    ]  # fmt: skip
    return {"cells": cells, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def wait_until(condition: Callable[[], Any], patience_s: float = 20) -> Any:
    """Wait for something that a thread does; return what the condition returned last."""
    end = time.monotonic() + patience_s
    while not (found := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return found


def start_server(home: Path, *options: str, config: str = "") -> Server:
    """Start a server whose every folder is below ``home``."""
    root, log = home / "root", home / "server.log"
    root.mkdir(parents=True)
    folders = {f"JUPYTER_{name}_DIR": str(home / name.lower()) for name in ("CONFIG", "DATA", "RUNTIME")}
    enabled = home / "config" / "jupyter_server_config.d"
    enabled.mkdir(parents=True)
    shutil.copy(ROOT / "jupyter-config" / "nbtrack.json", enabled)
    if config:
        (home / "config" / "jupyter_server_config.py").write_text(config)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NBTRACK_", "JUPYTER_", "XDG_"))}
    paths = os.pathsep.join([str(ROOT), str(ROOT / "tests" / "server" / "echo")])
    environment |= folders | {"HOME": str(home), "PYTHONPATH": paths}
    with socket.socket() as place:
        place.bind(("127.0.0.1", 0))
        port = place.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyter_server", "--allow-root", "--no-browser", "--ip=127.0.0.1", f"--port={port}",
        "--ServerApp.port_retries=0", f"--ServerApp.root_dir={root}", f"--IdentityProvider.token={TOKEN}",
        "--ServerApp.log_level=DEBUG", *options,
    ]  # fmt: skip
    with open(log, "wb") as out:
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=out, stderr=subprocess.STDOUT)
    server = Server(root, port, process, log)
    if not wait_until(lambda: process.poll() is not None or _answers(server), PATIENCE_S) or process.poll() is not None:
        process.kill()
        raise AssertionError(log.read_text())
    return server


def stop_server(server: Server) -> int:
    """End a server as an administrator does; return its exit code."""
    if server.process.poll() is None:
        server.process.send_signal(signal.SIGTERM)
    try:
        return server.process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        server.process.kill()
        raise


def _answers(server: Server) -> bool:
    try:
        return server.ask("GET", "/api").status == 200
    except OSError:
        return False


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for all tests; each works in a folder of its own."""
    running = start_server(tmp_path_factory.mktemp("server"), config=CONFIG)
    yield running
    stop_server(running)


@pytest.fixture
def folder(server: Server, request: pytest.FixtureRequest) -> str:
    """A folder of the server that only this test uses."""
    name = "".join(letter if letter.isalnum() else "-" for letter in request.node.name)[:60]
    (server.root / name).mkdir()
    return name


@pytest.fixture
def new_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Start a server of the test's own; it is stopped afterwards."""
    running: list[Server] = []

    def start(*options: str, config: str = "") -> Server:
        running.append(start_server(tmp_path / f"server-{len(running)}", *options, config=config))
        return running[-1]

    yield start
    for one in running:
        stop_server(one)
