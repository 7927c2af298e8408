"""The state of the Git repository that a config lies in, read without running what it configures.

Git runs programs that the configuration of a repository names: filters, monitors, hooks. A config
may lie in the repository of a stranger, so these are switched off.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from imgrec.runs.folder import PATCH_FILE
from imgrec.runs.provenance import Repository

_SECONDS = 10
_MOST_BYTES = 1 << 20
_LISTED = 100
_QUIET = ("core.fsmonitor=false", f"core.hooksPath={os.devnull}", "status.submoduleSummary=false")
_FILTER = re.compile(r"filter\..+\.(?:clean|smudge|process|required)", re.DOTALL)
# What Git calls an address with a user name: `https://user:password@host/path`.
_USER = re.compile(r"(?<=://)[^/@\s]*@")


class RepositoryState(NamedTuple):
    """The state, and the text of its patch; empty if there is none."""

    repository: Repository
    patch: bytes


def repository_state(folder: Path) -> RepositoryState | None:
    """Return the state of the repository that a folder lies in.

    None without a repository, without Git, or if Git refuses it or takes more than ten seconds.
    """
    root = next((each for each in _above(folder) if (each / ".git").exists()), None)
    program = shutil.which("git")
    if root is None or program is None:
        return None
    git = _Git(program, root)
    names = git.lines("config", "--name-only", "--null", "--list")
    if names is None:
        return None
    git.switch_off([name for name in names if _FILTER.fullmatch(name)])
    status = git.lines(
        "status", "--porcelain=v2", "--branch", "--null", "--no-renames",
        "--untracked-files=normal", "--ignore-submodules=dirty",
    )  # fmt: skip
    return None if status is None else _state(git, status)


def _state(git: _Git, status: Sequence[str]) -> RepositoryState:
    heads = dict(line[2:].partition(" ")[::2] for line in status if line.startswith("# "))
    commit = heads.get("branch.oid", "").removeprefix("(initial)")
    branch = heads.get("branch.head", "").removeprefix("(detached)")
    changed = [*map(_path, (line for line in status if line[:2] in ("1 ", "u ")))]
    untracked = [line[2:] for line in status if line.startswith("? ")]
    (remote,) = git.lines("config", "--get", "--null", "remote.origin.url") or [""]
    patch = b""
    if changed and commit:
        patch = git.output(
            "diff", "--no-ext-diff", "--no-textconv", "--no-color", "--no-renames",
            "--ignore-submodules=dirty", commit,
        ) or b""  # fmt: skip
    found = Repository(
        commit,
        branch,
        _USER.sub("", remote),
        tuple(changed[:_LISTED]),
        PATCH_FILE if patch else "",
        tuple(untracked[:_LISTED]),
    )
    return RepositoryState(found, patch)


def _path(line: str) -> str:
    """Return the path in a line of `git status`: of a changed file, or of one in a conflict."""
    return line.split(" ", 8 if line.startswith("1 ") else 10)[-1]


def _above(folder: Path) -> Iterator[Path]:
    try:
        whole = folder.resolve()
    except OSError:
        return
    yield whole
    yield from whole.parents


class _Git:
    """Runs Git in a repository: no hooks, no filters, no network, and nothing is written."""

    def __init__(self, program: str, root: Path) -> None:
        self._command = [program, f"--work-tree={root}", "--no-pager"]
        self._root = root
        self._settings = dict(each.split("=", 1) for each in _QUIET)

    def switch_off(self, names: Sequence[str]) -> None:
        """Give these keys of the configuration no value."""
        required = {name: "false" for name in names if name.endswith(".required")}
        self._settings |= dict.fromkeys(names, "") | required

    def lines(self, *arguments: str) -> list[str] | None:
        """Return what a command prints, separated by NUL."""
        output = self.output(*arguments)
        if output is None:
            return None
        return output.decode("utf-8", "surrogateescape").rstrip("\0").split("\0")

    def output(self, *arguments: str) -> bytes | None:
        """Return what a command prints; None if it fails, or prints or takes too much."""
        try:
            with subprocess.Popen(  # noqa: S603 - Git itself, whose settings are ours
                [*self._command, *arguments],
                cwd=self._root,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            ) as process:
                assert process.stdout is not None  # noqa: S101 - a pipe was asked for
                timer = threading.Timer(_SECONDS, process.kill)
                timer.start()
                output = process.stdout.read(_MOST_BYTES + 1)
                if len(output) > _MOST_BYTES:
                    process.kill()
                status = process.wait()
                timer.cancel()
        except OSError:
            return None
        return None if status else output

    def _environment(self) -> Mapping[str, str]:
        # In a hook, Git sets variables that lead to its own repository.
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
        numbered = [*enumerate(self._settings.items())]
        return {
            **kept,
            **{f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in numbered},
            **{f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in numbered},
            "GIT_CONFIG_COUNT": str(len(numbered)),
            "GIT_ALLOW_PROTOCOL": "none",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_TERMINAL_PROMPT": "0",
            "LC_ALL": "C",
        }
