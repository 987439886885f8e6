"""git set up for notebooks in real repositories: what `git diff` prints, and that taking it away leaves nothing."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nbtrack.errors import NbtrackError, UsageError

ROOT = Path(__file__).resolve().parents[2]
ATTRIBUTES = ".git/info/attributes"


def git(*words: str, **environment: str) -> str:
    done = subprocess.run(
        ["git", *words],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT), "GIT_PAGER": "cat"} | environment,
    )
    assert done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
    return done.stdout


def save(path: Path, rate: float, loss: str = "0.5", count: int = 1) -> None:
    output = {"output_type": "stream", "name": "stdout", "text": f"loss {loss}\n"}
    cell = {"cell_type": "code", "execution_count": count, "metadata": {}, "outputs": [output], "source": f"lr = {rate}\ntrain(lr)"}
    path.write_text(json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 4}, indent=1) + "\n", "utf-8")


@pytest.fixture
def repository(project: Path) -> Path:
    """A repository with one commit of churn.ipynb, which was edited since."""
    git("init", "-q", "-b", "main")
    for key, value in (("user.email", "ana@example.org"), ("user.name", "ana"), ("commit.gpgsign", "false")):
        git("config", key, value)
    (project / ".gitignore").write_text(".nbtrack/\n")
    save(project / "churn.ipynb", 0.1)
    git("add", ".")
    git("commit", "-q", "-m", "first")
    save(project / "churn.ipynb", 0.2, "0.4", 2)
    return project


@pytest.fixture
def installed(repository: Path, type_words: Callable[..., Any]) -> Path:
    """The same with git set up."""
    type_words("diff", "--install-git")
    return repository


def test_git_diff_reads_like_a_diff_of_code(installed: Path) -> None:
    text = git("diff")
    first = text.splitlines()
    assert first[0] == "diff --git a/churn.ipynb b/churn.ipynb"
    assert first[1].startswith("--- a/churn.ipynb (")
    assert first[2] == "+++ b/churn.ipynb (working tree)"
    assert "    - lr = 0.1\n    + lr = 0.2" in text
    assert "    - loss 0.5\n    + loss 0.4" in text
    assert "execution_count" not in text
    assert "\x1b[" not in text
    assert "\x1b[31" in git("-c", "color.ui=always", "diff")


def test_two_commits_are_named_by_what_they_hold(installed: Path) -> None:
    git("commit", "-q", "-am", "second")
    text = git("diff", "HEAD~1", "HEAD")
    blobs = [git("rev-parse", f"{one}:churn.ipynb")[:7] for one in ("HEAD~1", "HEAD")]
    assert f"--- a/churn.ipynb ({blobs[0]})\n+++ b/churn.ipynb ({blobs[1]})\n" in text


def test_added_deleted_and_renamed_files_are_shown(installed: Path) -> None:
    save(installed / "new one.ipynb", 0.3)
    git("add", ".")
    assert "new file mode 100644\n--- /dev/null\n+++ b/new one.ipynb (" in git("diff", "--cached")
    git("commit", "-q", "-m", "second")
    git("rm", "-q", "new one.ipynb")
    assert "deleted file mode 100644\n--- a/new one.ipynb (" in git("diff", "--cached")
    git("reset", "-q", "--hard")
    git("mv", "churn.ipynb", "leaving.ipynb")
    assert "diff --git a/churn.ipynb b/leaving.ipynb" in git("diff", "--cached", "-M")


def test_the_log_shows_cells_and_no_json(installed: Path) -> None:
    git("commit", "-q", "-am", "second")
    text = git("log", "-p", "-1")
    assert "-lr = 0.1\n+lr = 0.2" in text
    assert "-#> loss 0.5\n+#> loss 0.4" in text
    assert '"cells"' not in text


def test_a_difftool_shows_the_same(installed: Path) -> None:
    assert "    - lr = 0.1\n    + lr = 0.2" in git("difftool", "--no-prompt", "--tool", "nbtrack", "HEAD")


def test_a_file_that_is_no_notebook_never_ends_the_diff(installed: Path) -> None:
    (installed / "broken.ipynb").write_text('{"cells": [\n')
    git("add", ".")
    git("commit", "-q", "-m", "second")
    (installed / "broken.ipynb").write_text('{"cells": [1\n\x1b[31m')
    save(installed / "churn.ipynb", 0.7)
    text = git("diff")
    assert "compared as text: " in text
    assert '-{"cells": [\n+{"cells": [1' in text
    assert "\x1b" not in text
    assert "+ lr = 0.7" in text


def test_an_open_conflict_is_said(installed: Path) -> None:
    git("commit", "-q", "-am", "second")
    git("checkout", "-q", "-b", "other", "HEAD~1")
    save(installed / "churn.ipynb", 0.9)
    git("commit", "-q", "-am", "third")
    subprocess.run(["git", "merge", "-q", "main"], capture_output=True, env=os.environ)
    assert "* Unmerged path churn.ipynb" in git("diff", "--cached")
    assert "<<<<<<<" in git("diff")


def test_nothing_is_to_be_committed_and_taking_it_away_leaves_nothing(repository: Path, type_words: Callable[..., Any]) -> None:
    before = (repository / ".git/config").read_text(), (repository / ATTRIBUTES).exists(), git("status", "--short")
    assert type_words("diff", "--install-git").text == "git diff shows notebooks like code now"
    assert git("status", "--short") == before[2]
    assert type_words("diff", "--install-git").text == "git was set up already"
    assert (repository / ATTRIBUTES).read_text().count("diff=nbtrack") == 1
    type_words("diff", "--uninstall-git")
    assert ((repository / ".git/config").read_text(), (repository / ATTRIBUTES).exists(), git("status", "--short")) == before
    assert type_words("diff", "--uninstall-git").text == "git is not set up for notebooks here"


def test_what_people_wrote_there_stays(repository: Path, type_words: Callable[..., Any]) -> None:
    (repository / ATTRIBUTES).parent.mkdir(exist_ok=True)
    (repository / ATTRIBUTES).write_text("*.csv -diff")
    git("config", "diff.nbtrack.binary", "false")
    type_words("diff", "--install-git")
    type_words("diff", "--uninstall-git")
    assert (repository / ATTRIBUTES).read_text() == "*.csv -diff\n"
    assert git("config", "diff.nbtrack.binary") == "false\n"


def test_it_can_be_set_up_for_all_repositories(repository: Path, isolated: Path, type_words: Callable[..., Any]) -> None:
    type_words("diff", "--install-git", "--global")
    assert (isolated / ".config/git/attributes").read_text().endswith("*.ipynb diff=nbtrack\n")
    assert "    + lr = 0.2" in git("diff")
    type_words("diff", "--uninstall-git", "--global")
    assert not (isolated / ".config/git/attributes").exists()
    assert '"execution_count": 2' in git("diff")


def test_outside_a_repository_it_says_so(project: Path, type_words: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    with pytest.raises(NbtrackError, match="no git repository"):
        type_words("diff", "--install-git")
    with pytest.raises(UsageError, match="belongs to"):
        type_words("diff", "--global")
    with pytest.raises(UsageError, match="stand alone"):
        type_words("diff", "--install-git", "a.ipynb")
    monkeypatch.setenv("PATH", str(project))
    with pytest.raises(NbtrackError, match="not installed"):
        type_words("diff", "--install-git")
