"""`enable` and `disable`: a block that loads nbtrack, silent when it is gone, and taken out without a trace."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nbtrack.commands.startup import CONFIG_FILE, add_block, remove_block
from nbtrack.errors import NbtrackError

FOREIGN = [
    "",
    "c = get_config()\nc.InteractiveShellApp.extensions = ['other']\n",
    "# no line end",
    "a = 1\r\nb = 2\r\n",
    "\n\n",
    "# Größe\n",
]


def read(path: Path) -> bytes:
    return path.read_bytes()


def test_a_fresh_environment_is_as_before_after_disable(tmp_path: Path) -> None:
    path = tmp_path / "environment" / CONFIG_FILE
    (tmp_path / "environment").mkdir()
    assert add_block(path)
    assert path.is_file()
    assert remove_block(path)
    assert set((tmp_path / "environment").rglob("*")) == set()


@pytest.mark.parametrize("text", FOREIGN)
def test_a_file_of_somebody_else_is_byte_for_byte_as_before_after_disable(tmp_path: Path, text: str) -> None:
    path = tmp_path / CONFIG_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(text.encode())
    path.chmod(0o640)
    add_block(path)
    assert read(path).startswith(text.encode())
    assert path.stat().st_mode & 0o777 == 0o640
    remove_block(path)
    assert read(path) == text.encode()
    assert path.stat().st_mode & 0o777 == 0o640


def test_what_was_written_around_the_block_afterwards_stays(tmp_path: Path) -> None:
    path = tmp_path / CONFIG_FILE
    add_block(path)
    path.write_text("# above\n" + path.read_text() + "# below\n")
    remove_block(path)
    assert path.read_text() == "# above\n# below\n"


def test_other_files_beside_ours_keep_their_folder(tmp_path: Path) -> None:
    path = tmp_path / CONFIG_FILE
    add_block(path)
    (path.parent / "other.json").write_text("{}")
    remove_block(path)
    assert not path.exists()
    assert (path.parent / "other.json").exists()


def test_twice_is_once(tmp_path: Path) -> None:
    path = tmp_path / CONFIG_FILE
    assert add_block(path)
    before = read(path)
    assert not add_block(path)
    assert read(path) == before
    assert remove_block(path)
    assert not remove_block(path)


def test_a_folder_that_cannot_be_made_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "etc").write_text("a file where a folder should be")
    with pytest.raises(NbtrackError, match="ipython_kernel_config"):
        add_block(tmp_path / CONFIG_FILE)


_KERNEL = """
import json, sys
sys.prefix = sys.argv[1]
if sys.argv[2] == "installed":
    sys.path.insert(0, sys.argv[3])
else:
    sys.modules["nbtrack"] = None  # whatever else this Python has installed
from ipykernel.kernelapp import IPKernelApp

app = IPKernelApp()
app.init_profile_dir()
app.init_config_files()
app.load_config_file()
print(json.dumps(app.config["InteractiveShellApp"]["extensions"].get_value([]) if "InteractiveShellApp" in app.config else []))
"""


@pytest.mark.parametrize(("state", "extensions"), [("installed", ["nbtrack"]), ("uninstalled", [])])
def test_a_kernel_of_the_environment_loads_nbtrack_and_is_silent_after_an_uninstall(
    tmp_path: Path, state: str, extensions: list[str]
) -> None:
    add_block(tmp_path / CONFIG_FILE)
    root = str(Path(__file__).resolve().parents[2])
    command = [sys.executable, "-c", _KERNEL, str(tmp_path), state, root]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == extensions
    assert done.stderr == ""
