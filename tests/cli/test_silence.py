"""C libraries are kept quiet, Python is not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

CODE = """
import os, sys
from imgrec.cli.silence import only_python_speaks
os.write(2, b"before\\n")
with only_python_speaks():
    os.write(2, b"library\\n")
    print("python", file=sys.stderr)
os.write(2, b"after\\n")
print("last", file=sys.stderr)
"""


def run(code: str) -> str:
    """Return what a process of this code writes on stderr."""
    process = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        env={"PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=True,
    )
    return process.stderr


def test_only_python_speaks() -> None:
    """Inside, what goes to file descriptor 2 past Python is lost; everything else arrives."""
    assert run(CODE) == "before\npython\nafter\nlast\n"


def test_without_stderr() -> None:
    """A process whose stderr is closed is no worse off."""
    assert run("import sys\nsys.stderr = None\n" + CODE.replace("file=sys.stderr", "end=''"))
