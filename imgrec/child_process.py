"""Call a function in a child process with limits: what a stranger's file breaks is the child.

A child contains crashes, and what native code takes of memory and time. It has the permissions of
the user: it does not protect from code that a file runs.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import math
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BufferedReader, BufferedWriter
from pathlib import Path
from typing import Any, NoReturn, Self

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import DataError, ImgrecError, RunError, UsageError, is_exhaustion
from imgrec.text import printable

_MAX_HEADER_BYTES = 16 << 20
_ERRORS: Mapping[str, type[ImgrecError]] = {
    each.__name__: each for each in (UsageError, DataError, RunError)
}

# The current folder is not on the path of an isolated Python, and neither are its variables read:
# the child imports what its parent does.
_START = """
import json, sys
request = json.loads(sys.stdin.buffer.readline())
sys.path[:] = request["path"]
from imgrec.child_process import answer
answer(request)
"""
# Threads of BLAS, arenas of malloc and GPUs take address space that is not used.
_ENVIRONMENT = {
    "OPENBLAS_NUM_THREADS": "1",
    "MALLOC_ARENA_MAX": "4",
    "CUDA_VISIBLE_DEVICES": "-1",
}


@dataclass(frozen=True)
class Limits:
    """What a child process may take; on Windows, only `seconds` is a limit.

    Args:
        memory: Bytes of address space, beyond what Python and the module of the function take. Also
            of the arrays that it returns.
        processor_seconds: Of all its threads together.
        seconds: From its start to its end.
    """

    memory: int
    processor_seconds: int
    seconds: int


class ChildFailure(Exception):
    """A child process ended without an answer; the text says how, such as `crashed (SIGSEGV)`."""


class ChildProcess:
    """A function that is called in a child process, which is killed when the context ends.

    Example:
        >>> limits = Limits(memory=1 << 30, processor_seconds=10, seconds=60)
        >>> with ChildProcess(np.load, ["no.npy"], limits) as child:
        ...     child.result()
        Traceback (most recent call last):
        imgrec.child_process.ChildFailure: failed (FileNotFoundError: [Errno 2] No such file ...
    """

    def __init__(
        self, function: Callable[..., Any], arguments: Sequence[Any], limits: Limits
    ) -> None:
        """Start the child.

        Args:
            function: A function of a module, which the child imports. It returns a dict of arrays.
            arguments: Values that JSON has, such as the path of a file.
            limits: What the child may take.

        Raises:
            RunError: No process can be started.
        """
        request = {
            "path": [str(each) for each in sys.path],
            "module": function.__module__,
            "function": function.__qualname__,
            "arguments": arguments,
            "limits": vars(limits),
        }
        self._limits = limits
        self._process = _started()
        self._expired = False
        self._timer = threading.Timer(limits.seconds, self._expire)
        self._timer.daemon = True
        self._timer.start()
        self._send(json.dumps(request).encode())

    def __enter__(self) -> Self:
        """Return the child."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the child, if it has not ended."""
        self._timer.cancel()
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        self._output.close()
        self._process.wait()

    def result(self) -> dict[str, NDArray[Any]]:
        """Wait for the child, and return the arrays that the function has returned.

        Of arrays of objects, only the shape arrives; the objects are None.

        Raises:
            ChildFailure: The child crashed or took more than it may, or the function raised an
                exception that is not an ImgrecError.
            ImgrecError: The function raised it.
        """
        try:
            return _received(self._output, self._limits)
        except EOFError:
            self._output.close()
            status = self._process.wait()
            if self._expired:
                raise ChildFailure(f"took longer than {self._limits.seconds} s") from None
            raise ChildFailure(_how_it_ended(status, self._limits)) from None

    def _expire(self) -> None:
        if self._process.poll() is None:
            self._expired = True
            self._process.kill()

    def _send(self, request: bytes) -> None:
        """Write the request to stdin, which stays open: the child ends when it is closed."""
        try:
            with contextlib.suppress(BrokenPipeError):  # `result` says how the child ended
                self._input.write(request + b"\n")
                self._input.flush()
        except BaseException:
            self.__exit__()
            raise

    @property
    def _input(self) -> BufferedWriter:
        return self._process.stdin  # type: ignore[return-value]

    @property
    def _output(self) -> BufferedReader:
        return self._process.stdout  # type: ignore[return-value]


def _started() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-I", f"-Xutf8={sys.flags.utf8_mode}", "-c", _START]
    try:
        return subprocess.Popen(  # noqa: S603  # this Python, without a shell
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | _ENVIRONMENT,
        )
    except OSError as error:
        raise RunError(
            f"no child process can be started: {error.strerror}",
            hint="`ulimit -a` shows the limits of a process",
        ) from error


def _received(stream: BufferedReader, limits: Limits) -> dict[str, NDArray[Any]]:
    """Return the arrays of an answer; raise the exception that it has in their place."""
    header = stream.readline(_MAX_HEADER_BYTES)
    if not header.endswith(b"\n"):
        raise EOFError
    answer = json.loads(header)
    if "error" in answer:
        raise _ERRORS[answer["error"]](answer["message"], hint=answer["hint"])
    if "failure" in answer:
        raise ChildFailure(answer["failure"])
    arrays, left = {}, limits.memory
    for name, dtype, shape in answer["arrays"]:
        left -= math.prod(shape) * np.dtype(dtype).itemsize
        if left < 0:
            raise ChildFailure(_too_large(limits))
        arrays[name] = _array(stream, np.dtype(dtype), shape)
    return arrays


def _array(stream: BufferedReader, dtype: np.dtype[Any], shape: Sequence[int]) -> NDArray[Any]:
    if dtype.hasobject:
        return np.full(shape, None)
    array = np.empty(shape, dtype)
    if not array.nbytes:
        return array
    view = array.reshape(-1).view(np.uint8).data
    while view:
        if not (read := stream.readinto(view)):
            raise EOFError
        view = view[read:]
    return array


def _how_it_ended(status: int, limits: Limits) -> str:
    """Return how a child ended, from its exit status."""
    if status >= 0:
        return f"ended with exit status {status}"
    name = signal.Signals(-status).name
    if name == "SIGXCPU":
        return f"took more than {limits.processor_seconds} s of processor time"
    if name == "SIGKILL":
        return "was killed, as by a system that has no more memory"
    return f"crashed ({name})"


def _too_large(limits: Limits) -> str:
    return f"found too little memory, or needed more than {limits.memory / 2**30:.1f} GiB"


def answer(request: Mapping[str, Any]) -> NoReturn:
    """Call the function of a request, write what it returns to stdout, and end the process.

    Args:
        request: What `ChildProcess` has sent; this is the child.
    """
    # What the function or native code prints must neither mix with the answer nor fill a log.
    output = os.fdopen(os.dup(1), "wb")
    _end_with_parent()
    with Path(os.devnull).open("r+b", buffering=0) as nowhere:
        os.dup2(nowhere.fileno(), 0)
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C ends the parent, which kills the child
    limits = Limits(**request["limits"])
    arrays: Mapping[str, NDArray[Any]] = {}
    try:
        function = getattr(importlib.import_module(request["module"]), request["function"])
        _set_limits(limits)
        found = function(*request["arguments"])
        arrays = {name: np.asarray(each, order="C") for name, each in found.items()}
        header: dict[str, Any] = {
            "arrays": [[name, each.dtype.str, each.shape] for name, each in arrays.items()]
        }
    except ImgrecError as error:
        kind = next(name for name, each in _ERRORS.items() if isinstance(error, each))
        header = {"error": kind, "message": error.message, "hint": error.hint}
    except Exception as error:  # noqa: BLE001  # an ImgrecError says what a file did
        reason = f"failed ({type(error).__name__}: {printable(str(error)[:200])})"
        header = {"failure": _too_large(limits) if is_exhaustion(error) else reason}
    output.write(_line(header))
    for each in arrays.values():
        if each.nbytes and not each.dtype.hasobject:
            output.write(each.reshape(-1).view(np.uint8).data)
    output.flush()
    # Nothing that the function has left behind is run any more.
    os._exit(0)


def _line(header: Mapping[str, Any]) -> bytes:
    line = json.dumps(header).encode() + b"\n"
    if len(line) > _MAX_HEADER_BYTES:
        return _line({"failure": f"found names of more than {_MAX_HEADER_BYTES >> 20} MiB"})
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


def _set_limits(limits: Limits) -> None:
    try:
        import resource
    except ImportError:  # Windows
        return
    signal.signal(signal.SIGXCPU, signal.SIG_DFL)
    _limit(resource.RLIMIT_CORE, 0, 0)
    # At the second limit of processor time, the signal would be another one.
    _limit(resource.RLIMIT_CPU, limits.processor_seconds, limits.processor_seconds + 1)
    if used := _address_space():
        _limit(resource.RLIMIT_AS, used + limits.memory, used + limits.memory)


def _limit(kind: int, soft: int, hard: int) -> None:
    """Set a limit of this process, no higher than it is."""
    import resource

    highest = resource.getrlimit(kind)[1]
    if highest != resource.RLIM_INFINITY:
        soft, hard = min(soft, highest), min(hard, highest)
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
