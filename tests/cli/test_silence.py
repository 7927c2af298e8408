"""C libraries are kept quiet, Python is not."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Process = subprocess.CompletedProcess[str]

CODE = """
import os, sys
from imgrec.stderr import keep_native_stderr_out
os.write(2, b"before\\n")
with keep_native_stderr_out():
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
    """A process whose stderr is closed works too."""
    assert run("import sys\nsys.stderr = None\n" + CODE.replace("file=sys.stderr", "end=''"))


def test_what_a_failure_leaves_is_shown() -> None:
    """What a library wrote in a step that failed arrives even so; else nothing does."""
    lines = """
import os
from imgrec.stderr import keep_native_stderr_out
from imgrec.stderr import suppress_native_stderr
def step(failing):
    with suppress_native_stderr():
        os.write(2, b"library, failing: %d\\n" % failing)
        if failing:
            raise ValueError
for speaking in (keep_native_stderr_out(), suppress_native_stderr()):
    with speaking:
        step(False)
        try:
            step(True)
        except ValueError:
            pass
"""
    assert run(lines) == "library, failing: 1\n"


@pytest.mark.long
@pytest.mark.parametrize("arguments", [["train"], ["data", "pack"]])
def test_a_broken_photo_makes_no_noise(
    process: Callable[..., Process], tmp_path: Path, arguments: list[str]
) -> None:
    """What libtiff writes about it is only shown with --traceback."""
    for name in ("cat", "dog"):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number in range(4):
            pixels = np.random.default_rng(number).integers(0, 256, (20, 20), np.uint8)
            path = tmp_path / "photos" / name / f"{number}.tif"
            Image.fromarray(pixels).save(path, compression="tiff_deflate")
    broken = bytearray(path.read_bytes())
    broken[100:200] = bytes(100)
    path.write_bytes(broken)
    done = process(*arguments, "photos")
    assert "ZIPDecode" not in done.stderr
    assert "ZIPDecode" in process(*arguments, "photos", "--traceback").stderr


THREADS = """
import os, sys, threading
from imgrec.stderr import stdout_to_stderr, suppress_native_stderr
inside, left = threading.Event(), threading.Event()
def redirect():
    with suppress_native_stderr(), stdout_to_stderr():
        inside.set()
        left.wait()
other = threading.Thread(target=redirect)
with suppress_native_stderr(), stdout_to_stderr():
    other.start()
    inside.wait(0.1)
left.set()
other.join()
print("result")
os.write(2, b"library\\n")
"""


def test_threads_that_redirect_at_once_leave_the_streams_as_they_were() -> None:
    """What comes later is shown where it belongs: a result on stdout, a warning on stderr."""
    assert run(THREADS) == "library\n"
