"""A minute of `make fuzz`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT
from tools.fuzz.kinds import KINDS
from tools.fuzz.worker import make_input

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux measures a process like this"),
]


def test_changed_files_of_every_kind_are_answered_well(tmp_path: Path) -> None:
    """Each file gets a result or a clear error; a seed makes the same files each time."""
    command = [sys.executable, "-m", "tools.fuzz", "--minutes", "1", "--folder", str(tmp_path)]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert {line.split()[0] for line in done.stdout.splitlines()} >= {"kind", *KINDS}
    [seeds] = tmp_path.glob("seeds-*")
    for kind in KINDS:
        assert make_input(seeds, kind, 0, 99) == make_input(seeds, kind, 0, 99)
