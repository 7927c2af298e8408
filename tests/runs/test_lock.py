"""One training at a time in a run's folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from imgrec.errors import RunError
from imgrec.runs.writer import RunWriter

_HOLD = """
import sys, pathlib
from imgrec.runs.writer import RunWriter
with RunWriter(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_a_second_process_is_refused_until_the_first_is_killed(tmp_path: Path) -> None:
    """Not even `kill -9` leaves the folder locked."""
    command = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(RunError, match="another process is training"), RunWriter(tmp_path):
            pass
        holder.kill()
        holder.wait()
    with RunWriter(tmp_path):
        pass
