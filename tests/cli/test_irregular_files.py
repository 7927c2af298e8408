"""Pipes and devices in the place of files: each command ends, and names what it can't read."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Start = Callable[..., subprocess.Popen[str]]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other pipes")

RUNS = ("--runs-dir", ".")


@pytest.mark.long
@pytest.mark.parametrize(
    ("arguments", "file", "status"),
    [
        (("runs", "list", *RUNS), "x-1/card.json", 0),
        (("predict", "a.jpg", "--model", "x-1", *RUNS), "x-1/card.json", 4),
        (("train", "x.yaml"), "x.yaml", 2),
        (("check", "x.csv"), "x.csv", 3),
        (("check", "x.npz"), "x.npz", 3),
        (("check", "x.pkl"), "x.pkl", 3),
        (("check", "x.tfrecord"), "x.tfrecord", 3),
        (("check", "photos"), "photos/cat/x.jpg", 3),
    ],
)
def test_nothing_waits_for_a_pipe(
    start: Start, tmp_path: Path, arguments: tuple[str, ...], file: str, status: int
) -> None:
    """Nobody ever writes to it."""
    path = tmp_path / file
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    process = start(*arguments)
    try:
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == status
    # Its lines are broken to the width of a terminal.
    assert "not a regular file" in " ".join((stdout + stderr).split())


def test_nothing_reads_an_endless_device(start: Start, tmp_path: Path) -> None:
    """A link in a stranger's run leads to /dev/zero."""
    (tmp_path / "x-1").mkdir()
    (tmp_path / "x-1/card.json").symlink_to("/dev/zero")
    process = start("runs", "list", *RUNS)
    try:
        stdout, _ = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0
    assert stdout.endswith("  x-1/card.json can't be read: not a regular file\n")
