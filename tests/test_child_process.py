"""Functions in child processes, and children that crash or take too much."""

from __future__ import annotations

import ctypes
import math
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgrec.child_process import ChildFailure, ChildProcess, ChildWorker, Limits
from imgrec.errors import DataError

LIMITS = Limits(memory=1 << 28, processor_seconds=20, seconds=300)


def example(text: str) -> dict[str, Any]:
    """Return arrays of several types and layouts; it also prints and reads stdin."""
    sys.stdout.write(text)
    grid = np.arange(6, dtype=">i2").reshape(2, 3)
    return {
        "grid": grid.T,
        "texts": np.array([text, "", "\udc80"]),
        "none": np.empty((0, 4)),
        "number": np.array(1.5),
        "objects": np.array([{}, None]),
        "stdin": np.array(sys.stdin.read()),
        "core": np.array(resource.getrlimit(resource.RLIMIT_CORE)),
    }


def refuse(message: str) -> None:
    """Raise an error that a user can meet."""
    raise DataError(message, hint="choose another")


def failure(function: Callable[..., Any], arguments: Sequence[Any], limits: Limits = LIMITS) -> str:
    """Return how a child process ends that calls a function."""
    with ChildProcess(function, arguments, limits) as child, pytest.raises(ChildFailure) as caught:
        child.result()
    return str(caught.value)


def test_arrays_come_back() -> None:
    """With their shapes and types, whatever the function prints; objects stay in the child."""
    with ChildProcess(example, ["ä"], LIMITS) as child:
        found = child.result()
    assert {name: (each.dtype.str, each.shape) for name, each in found.items()} == {
        "grid": (">i2", (3, 2)),
        "texts": ("<U1", (3,)),
        "none": ("<f8", (0, 4)),
        "number": ("<f8", ()),
        "objects": ("|O", (2,)),
        "stdin": ("<U1", ()),
        "core": ("<i8", (2,)),
    }
    assert found["grid"].tolist() == [[0, 3], [1, 4], [2, 5]]
    assert found["texts"].tolist() == ["ä", "", "\udc80"]
    assert found["objects"].tolist() == [None, None]
    assert found["number"] == 1.5
    assert found["stdin"] == ""
    assert found["core"].tolist() == [0, 0]


def shout() -> dict[str, Any]:
    """Write more to both streams than a pipe or a log should get."""
    for stream in (1, 2):
        for _ in range(100):
            os.write(stream, b"x" * 100_000)
    return {"done": np.array(1)}


def test_nothing_that_is_printed_is_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """A file can have native code print without end."""
    with ChildProcess(shout, [], LIMITS) as child:
        assert child.result()["done"] == 1
    assert capfd.readouterr() == ("", "")


def test_an_error_of_the_function_is_raised() -> None:
    """With its class, message and hint."""
    with (
        ChildProcess(refuse, ["bad"], LIMITS) as child,
        pytest.raises(DataError, match="bad") as caught,
    ):
        child.result()
    assert caught.value.hint == "choose another"


@pytest.mark.parametrize(
    ("function", "arguments", "expected"),
    [
        (ctypes.string_at, [0], "crashed (SIGSEGV)"),
        (os.abort, [], "crashed (SIGABRT)"),
        (os._exit, [3], "ended with exit status 3"),
        (signal.raise_signal, [9], "was killed, as by a system that has no more memory"),
        (bytearray, [1 << 40], "found too little memory, or needed more than 0.2 GiB"),
        pytest.param(
            math.factorial,
            [10**7],
            "took more than 1 s of processor time",
            marks=pytest.mark.long,
        ),
        pytest.param(time.sleep, [10**6], "took longer than 1 s", marks=pytest.mark.long),
        (dict, [{"n" * (1 << 24): 0}], "found names of more than 16 MiB"),
        (math.sqrt, [-1], "failed (ValueError: math domain error)"),
    ],
)
def test_a_child_that_fails_says_how(
    function: Callable[..., Any], arguments: list[Any], expected: str
) -> None:
    """Crashes, limits and exceptions end the child alone."""
    processor_seconds = 1 if function is math.factorial else 20
    seconds = 1 if function is time.sleep else 300
    limits = Limits(1 << 28, processor_seconds, seconds)
    assert failure(function, arguments, limits) == expected


def test_a_child_ends_with_its_context() -> None:
    """One that still runs is killed."""
    before = children()
    with ChildProcess(time.sleep, [10**6], LIMITS):
        assert len(children()) == len(before) + 1
    assert children() == before


def test_a_request_may_be_long() -> None:
    """A list of classes has more bytes than the system allows to an argument."""
    names = [f"class {number}" for number in range(30_000)]
    with ChildProcess(dict, [{"names": names}], LIMITS) as child:
        assert child.result()["names"].tolist() == names


def test_a_child_ends_with_its_parent() -> None:
    """Even if nobody could end it: the parent was killed."""
    code = (
        "from tests.test_child_process import *; import os\n"
        "child = ChildProcess(time.sleep, [10**6], LIMITS)\n"
        "print(child._process.pid, flush=True)\n"
        "time.sleep(1)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], check=False, stdout=subprocess.PIPE, text=True
    )
    place, ends = Path("/proc", found.stdout.strip()), time.monotonic() + 10
    while running(place) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not running(place)


def running(process: Path) -> bool:
    """Return whether a process exists, and is no zombie."""
    try:
        return " Z " not in (process / "stat").read_text()
    except OSError:
        return False


def children() -> set[str]:
    """Return the numbers of the child processes of this thread."""
    return set(Path("/proc/thread-self/children").read_text().split())


def work(content: bytes, what: str) -> dict[str, Any]:
    """Return the content, raise an error, crash, or take long."""
    match what:
        case "refuse":
            refuse(content.decode())
        case "crash":
            ctypes.string_at(0)
        case "sleep":
            time.sleep(10**6)
    return {"content": np.frombuffer(content, np.uint8), "process": np.array(os.getpid())}


def test_a_worker_is_called_again_and_again() -> None:
    """In one process, whatever the size of the content; an error that is raised does not end it."""
    large = bytes(range(256)) * 10_000
    with ChildWorker(work, LIMITS) as worker:
        found = [worker.call(each, "") for each in (b"a", b"", large)]
        with pytest.raises(DataError, match="bad") as caught:
            worker.call(b"bad", "refuse")
        found.append(worker.call(large, ""))
    assert caught.value.hint == "choose another"
    assert [each["content"].tobytes() for each in found] == [b"a", b"", large, large]
    assert len({int(each["process"]) for each in found}) == 1


def test_a_worker_that_fails_says_how() -> None:
    """It has ended then."""
    with ChildWorker(work, LIMITS) as worker:
        with pytest.raises(ChildFailure, match=r"crashed \(SIGSEGV\)"):
            worker.call(b"", "crash")
        assert worker.has_ended
    with ChildWorker(work, LIMITS) as worker:
        timer = threading.Timer(1, worker.expire)
        timer.start()
        with pytest.raises(ChildFailure, match="took longer than 300 s"):
            worker.call(b"", "sleep")
        timer.cancel()
