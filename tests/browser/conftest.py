"""A real JupyterLab with token and XSRF check on, and a real Chromium that may reach nothing else."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge")
SETTLED = ".jp-Notebook-ExecutionIndicator[data-status=idle]"
# the indicator is idle before a kernel is there, and a key pressed then is lost
KERNEL_IDLE = """() => {
  const context = window.jupyterapp.shell.currentWidget?.sessionContext;
  return Boolean(context?.isReady && context.session?.kernel?.connectionStatus === 'connected' && context.session.kernel.status === 'idle');
}"""


@dataclass
class Lab:
    """A running server: its address, its secret and the folder it shows."""

    url: str
    token: str
    folder: Path

    def address(self, notebook: str) -> str:
        """Where a notebook is opened."""
        return f"{self.url}/lab/tree/{notebook}?token={self.token}&reset"


@dataclass
class Visit:
    """One browser page on the server, what a person does there, and what it tried to reach outside."""

    lab: Lab
    page: Any
    outside: list[str] = field(default_factory=list)

    def open_notebook(self, name: str) -> None:
        """Open a notebook and wait until its kernel is idle."""
        self.page.goto(self.lab.address(name))
        self.page.wait_for_selector("#jupyterlab-splash", state="detached", timeout=60_000)
        self.page.wait_for_selector(".jp-NotebookPanel .jp-Cell", timeout=60_000)
        self.page.wait_for_function(KERNEL_IDLE, timeout=60_000)
        self.page.wait_for_selector(SETTLED, timeout=60_000)

    def cell(self, index: int) -> Any:
        """The cell at a place in the notebook that is shown."""
        return self.page.locator(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Notebook .jp-Cell").nth(index)

    def run_by_hand(self, index: int, count: int) -> None:
        """Click into a cell, press Shift+Enter and wait until it shows its number."""
        self.cell(index).locator(".cm-content").click()
        self.page.wait_for_selector(".jp-Notebook.jp-mod-editMode .jp-Cell.jp-mod-active .cm-focused", timeout=10_000)
        self.page.keyboard.press("Shift+Enter")
        self.cell(index).locator(".jp-InputPrompt", has_text=f"[{count}]:").wait_for(timeout=60_000)

    def choose_theme(self, theme: str) -> None:
        """Switch the theme and wait until it is on."""
        self.page.evaluate("theme => window.jupyterapp.commands.execute('apputils:change-theme', {theme})", theme)
        light = "false" if "Dark" in theme else "true"
        self.page.wait_for_selector(f"body[data-jp-theme-light={light}]", state="attached", timeout=30_000)


def find_chromium() -> str | None:
    """The browser of this machine; never one that the tests would have to download."""
    named = os.environ.get("NBTRACK_CHROMIUM")
    return named or next((found for name in CHROMIUMS if (found := shutil.which(name))), None)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """Start ``jupyter lab`` with configuration, data and settings of its own."""
    pytest.importorskip("jupyterlab", reason="JupyterLab is not installed (pip install 'nbtrack[lab]')")
    if find_chromium() is None:
        pytest.skip("no Chromium on this machine: install the package chromium or name one in NBTRACK_CHROMIUM")
    home = tmp_path_factory.mktemp("lab")
    folder = home / "work"
    folder.mkdir()
    (home / "config" / "labconfig").mkdir(parents=True)
    (home / "config" / "labconfig" / "page_config.json").write_text(
        '{"disabledExtensions": {"@jupyterlab/apputils-extension:announcements": true}}', "utf-8"
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    lab = Lab(f"http://127.0.0.1:{port}", secrets.token_hex(16), folder)
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("JUPYTER", "NBTRACK", "JPY"))}
    environment |= {
        "HOME": str(home),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(home / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(home / "workspaces"),
        "IPYTHONDIR": str(home / "ipython"),
        "PYTHONPATH": str(ROOT),
    }
    options = [
        "--no-browser",
        "--allow-root",
        "--expose-app-in-browser",
        f"--ServerApp.root_dir={folder}",
        "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}",
        "--ServerApp.port_retries=0",
        f"--IdentityProvider.token={lab.token}",
    ]
    log = home / "server.log"
    with open(log, "wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *options], stdout=output, stderr=subprocess.STDOUT, env=environment, cwd=folder
        )
    try:
        _wait_until_up(lab, server, log)
        yield lab
    finally:
        server.terminate()
        try:
            server.wait(30)
        except subprocess.TimeoutExpired:
            server.kill()
            server.wait()


def _wait_until_up(lab: Lab, server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 90
    request = urllib.request.Request(f"{lab.url}/api/status", headers={"Authorization": f"token {lab.token}"})
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            with urllib.request.urlopen(request, timeout=5):
                return
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            time.sleep(0.2)
    pytest.fail(f"jupyter lab did not come up:\n{log.read_text('utf-8', 'replace')[-3000:]}")


@pytest.fixture(scope="module")
def browser(lab: Lab) -> Iterator[Any]:
    """The machine's Chromium under Playwright, for one module: its event loop must not outlive it into other tests."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed (pip install 'nbtrack[test]')")
    with playwright.sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=find_chromium(), args=["--no-sandbox", "--disable-dev-shm-usage"])
        yield chromium
        chromium.close()


@pytest.fixture
def visit(lab: Lab, browser: Any) -> Iterator[Visit]:
    """A fresh page; when the test ends, nothing outside the server may have been asked for."""
    context = browser.new_context(viewport={"width": 1440, "height": 1500})
    visit = Visit(lab, context.new_page())

    def decide(route: Any) -> None:
        address = route.request.url
        if address.startswith((lab.url, "data:", "blob:")):
            route.continue_()
        else:
            visit.outside.append(address)
            route.abort()

    context.route("**/*", decide)
    visit.page.on("websocket", lambda one: None if one.url.startswith(lab.url.replace("http", "ws", 1)) else visit.outside.append(one.url))
    yield visit
    context.close()
    assert visit.outside == [], "the page tried to reach something outside this machine"


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Where screenshots go: a folder named from outside, else the test's own."""
    named = os.environ.get("NBTRACK_SCREENSHOTS")
    folder = Path(named) if named else tmp_path / "pictures"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
