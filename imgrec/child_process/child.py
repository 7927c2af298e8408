"""The side of the child: it calls the function within its limits, and writes what it returns."""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from imgrec.child_process.parent import ERRORS, MAX_HEADER_BYTES, Limits, too_large
from imgrec.errors import ImgrecError, is_exhaustion
from imgrec.text import printable


def answer(request: Mapping[str, Any]) -> NoReturn:
    """Call the function of a request, write what it returns to stdout, and end the process.

    If there are no arguments in the request, the function is called for each line that follows on
    stdin, with the bytes behind the line, until stdin is closed.

    Args:
        request: What the parent has sent; this is the child.
    """
    once = request["arguments"] is not None
    # What the function or native code prints must neither mix with the answer nor fill a log.
    output = os.fdopen(os.dup(1), "wb")
    if once:
        _end_with_parent()
    with Path(os.devnull).open("r+b", buffering=0) as nowhere:
        for stream in (0, 1, 2) if once else (1, 2):
            os.dup2(nowhere.fileno(), stream)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which kills the child
    with contextlib.suppress(BrokenPipeError):  # the parent has ended
        _answer_all(request, _once(request) if once else _calls(sys.stdin.buffer), output)
    # Nothing that the function has left behind is run any more.
    os._exit(0)


_Calls = Iterator[Sequence[Any]]


def _once(request: Mapping[str, Any]) -> _Calls:
    yield request["arguments"]


def _calls(stream: BinaryIO) -> _Calls:
    """Yield the content and the other arguments of each call."""
    while line := stream.readline(MAX_HEADER_BYTES):
        size, arguments = json.loads(line)
        yield stream.read(size), *arguments


def _answer_all(request: Mapping[str, Any], calls: _Calls, output: BinaryIO) -> None:
    limits = Limits(**request["limits"])

    @cache
    def found() -> Callable[..., Mapping[str, Any]]:
        function: Callable[..., Mapping[str, Any]]
        function = getattr(importlib.import_module(request["module"]), request["function"])
        _limit_memory(limits)
        return function

    def function(*arguments: Any) -> Mapping[str, Any]:
        called = found()
        _limit_time(limits)
        return called(*arguments)

    with contextlib.suppress(Exception):  # the answer to the first call says why
        found()  # while the parent prepares its first call
    for arguments in calls:
        _write(output, *_called(function, arguments, limits))


def _called(
    function: Callable[..., Mapping[str, Any]], arguments: Sequence[Any], limits: Limits
) -> tuple[Mapping[str, Any], Mapping[str, NDArray[Any]]]:
    """Return the header and the arrays of the answer to a call."""
    try:
        found = function(*arguments)
        arrays = {name: np.asarray(each, order="C") for name, each in found.items()}
        return {
            "arrays": [[name, each.dtype.str, each.shape] for name, each in arrays.items()]
        }, arrays
    except ImgrecError as error:
        kind = next(name for name, each in ERRORS.items() if isinstance(error, each))
        return {"error": kind, "message": error.message, "hint": error.hint}, {}
    except Exception as error:  # noqa: BLE001  # an ImgrecError says what a file did
        reason = f"failed ({type(error).__name__}: {printable(str(error)[:200])})"
        return {"failure": too_large(limits) if is_exhaustion(error) else reason}, {}


def _write(output: BinaryIO, header: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> None:
    output.write(_line(header))
    for each in arrays.values():
        if each.nbytes and not each.dtype.hasobject:
            output.write(each.reshape(-1).view(np.uint8).data)
    output.flush()


def _line(header: Mapping[str, Any]) -> bytes:
    line = json.dumps(header).encode() + b"\n"
    if len(line) > MAX_HEADER_BYTES:
        return _line({"failure": f"found names of more than {MAX_HEADER_BYTES >> 20} MiB"})
    return line


def _end_with_parent() -> None:
    """Have Linux end this process when the parent, which holds the other end of stdin, has ended.

    A thread that waits for that would not run while native code holds Python's lock.
    """
    if sys.platform != "linux":
        return
    import fcntl
    import select

    stdin = os.dup(0)
    fcntl.fcntl(stdin, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(stdin, fcntl.F_SETFL, os.O_ASYNC)  # SIGIO, which nothing handles
    if select.select([stdin], [], [], 0)[0]:  # it has ended already
        os._exit(1)


def _limit_memory(limits: Limits) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    _limit(resource.RLIMIT_CORE, 0, 0)
    if used := _address_space():
        _limit(resource.RLIMIT_AS, used + limits.memory, used + limits.memory)


def _limit_time(limits: Limits) -> None:
    """Allow so much processor time from now on."""
    try:
        import resource
    except ImportError:  # Windows
        return
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    used = resource.getrusage(resource.RUSAGE_SELF)
    seconds = math.ceil(used.ru_utime + used.ru_stime) + limits.processor_seconds
    # At the second limit, the signal would be another one.
    _limit(resource.RLIMIT_CPU, seconds, resource.RLIM_INFINITY)


def _limit(kind: int, soft: int, hard: int) -> None:
    """Set a limit of this process, no higher than it is."""
    import resource

    highest = resource.getrlimit(kind)[1]
    if highest != resource.RLIM_INFINITY:
        soft = min(soft, highest)
        hard = highest if hard == resource.RLIM_INFINITY else min(hard, highest)
    with contextlib.suppress(OSError, ValueError):  # not every system has every limit
        resource.setrlimit(kind, (soft, hard))


def _address_space() -> int:
    """Return the bytes of address space that this process takes; 0 if that is unknown."""
    import resource

    try:
        pages = int(Path("/proc/self/statm").read_bytes().split()[0])
    except OSError:
        return 0
    return pages * resource.getpagesize()
