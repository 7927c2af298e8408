"""The Git repository that a config lies in."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from imgrec.workflows.training.repository import repository_state

Git = Callable[..., str]


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Return a function that runs Git in a new repository at `tmp_path`."""
    program = shutil.which("git")
    if program is None:
        pytest.skip("no git on this machine")
    people = ("GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL")
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}

    def run(*arguments: str) -> str:
        return subprocess.run(
            [program, *arguments],
            cwd=tmp_path,
            env={**clean, **dict.fromkeys(people, "a@b"), "GIT_CONFIG_GLOBAL": os.devnull},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    run("init", "--quiet", "--initial-branch", "work")
    return run


def test_the_state_of_a_working_tree(git: Git, tmp_path: Path) -> None:
    """Commit, branch, what changed since, what is not tracked; no password of the remote."""
    (tmp_path / "a b.yaml").write_text("one\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    git("remote", "add", "origin", "https://me:hush@host.example/x.git")
    (tmp_path / "a b.yaml").write_text("two\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below/new.yaml").touch()
    state = repository_state(tmp_path / "below")
    assert state is not None
    found = state.repository
    assert (found.commit, found.branch) == (git("rev-parse", "HEAD"), "work")
    assert (found.changed, found.untracked) == (("a b.yaml",), ("below/",))
    assert found.remote == "https://host.example/x.git"
    assert b"-one\n+two\n" in state.patch
    (tmp_path / "working_tree.patch").write_bytes(state.patch)
    git("checkout", "--quiet", "--", ".")
    git("apply", found.patch)
    assert (tmp_path / "a b.yaml").read_text() == "two\n"


def test_a_repository_before_its_first_commit(git: Git, tmp_path: Path) -> None:
    """There is a branch, but neither a commit nor a difference."""
    (tmp_path / "a.yaml").touch()
    git("add", ".")
    state = repository_state(tmp_path)
    assert state is not None
    assert (state.repository.commit, state.repository.branch) == ("", "work")
    assert (state.repository.patch, state.patch) == ("", b"")


def test_a_large_difference_is_left_out(git: Git, tmp_path: Path) -> None:
    """More than a megabyte is not a change of source code; the file is named."""
    (tmp_path / "data.txt").touch()
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    (tmp_path / "data.txt").write_text("0123456789\n" * 200_000)
    state = repository_state(tmp_path)
    assert state is not None
    assert (state.repository.changed, state.repository.patch) == (("data.txt",), "")


def test_no_program_of_the_repository_runs(git: Git, tmp_path: Path) -> None:
    """Neither a monitor nor a filter, a hook or a viewer that its configuration names."""
    (tmp_path / "a.yaml").write_text("one\n")
    (tmp_path / ".gitattributes").write_text("*.yaml filter=bad diff=bad\n")
    git("add", ".")
    git("commit", "--quiet", "--message", "first")
    evil = tmp_path.parent / f"{tmp_path.name}-evil"
    for key in ("core.fsmonitor", "filter.bad.clean", "diff.external", "diff.bad.textconv"):
        git("config", key, f"touch '{evil}'; cat #")
    git("config", "filter.bad.required", "true")
    (tmp_path / "a.yaml").write_text("two\n")
    state = repository_state(tmp_path)
    assert state is not None
    assert b"-one\n+two\n" in state.patch
    assert not evil.exists()
    git("status")
    assert evil.exists()


def test_no_repository(tmp_path: Path) -> None:
    """A folder outside of one, and one with a `.git` that is something else."""
    assert repository_state(tmp_path) is None
    (tmp_path / ".git").mkdir()
    assert repository_state(tmp_path) is None
