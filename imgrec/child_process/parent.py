"""The side of the parent: it starts a child, and reads its answer."""

from __future__ import annotations

import contextlib
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
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import DataError, ImgrecError, RunError, UsageError

MAX_HEADER_BYTES = 16 << 20
_PIPE_BYTES = 1 << 20
ERRORS: Mapping[str, type[ImgrecError]] = {
    each.__name__: each for each in (UsageError, DataError, RunError)
}

# The current folder is not on the path of an isolated Python, and neither are its variables read:
# the child imports what its parent does.
_START = """
import json, sys
request = json.loads(sys.stdin.buffer.readline())
sys.path[:] = request["path"]
from imgrec.child_process.child import answer
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


class _Child:
    """A child process; `arguments` is None if the calls follow."""

    def __init__(
        self, function: Callable[..., Any], arguments: Sequence[Any] | None, limits: Limits
    ) -> None:
        self._request = {
            "path": [str(each) for each in sys.path],
            "module": function.__module__,
            "function": function.__qualname__,
            "arguments": arguments,
            "limits": vars(limits),
        }
        self._limits = limits
        self._process = _started()
        self._expired = False

    def __enter__(self) -> Self:
        """Return the child."""
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the child, if it has not ended."""
        self.close()

    def close(self) -> None:
        """Kill the child, if it has not ended."""
        self._process.kill()
        with contextlib.suppress(BrokenPipeError):
            self._input.close()
        self._output.close()
        self._process.wait()

    @property
    def has_ended(self) -> bool:
        """Whether the child is gone."""
        return self._process.poll() is not None

    def expire(self) -> None:
        """Kill the child because it takes too long; another thread may wait for its answer."""
        if self._process.poll() is None:
            self._expired = True
            self._process.kill()

    def _begin(self) -> None:
        try:
            self._send(json.dumps(self._request).encode() + b"\n")
        except BaseException:
            self.close()
            raise

    def _send(self, *content: bytes) -> None:
        """Write to stdin, which stays open: the child ends when it is closed."""
        with contextlib.suppress(BrokenPipeError):  # `_answer` says how the child ended
            for each in content:
                self._input.write(each)
            self._input.flush()

    def _answer(self) -> dict[str, NDArray[Any]]:
        try:
            return _received(self._output, self._limits)
        except EOFError:
            self._output.close()
            status = self._process.wait()
            if self._expired:
                raise ChildFailure(f"took longer than {self._limits.seconds} s") from None
            raise ChildFailure(_how_it_ended(status, self._limits)) from None

    @property
    def _input(self) -> BufferedWriter:
        return self._process.stdin  # type: ignore[return-value]

    @property
    def _output(self) -> BufferedReader:
        return self._process.stdout  # type: ignore[return-value]


class ChildProcess(_Child):
    """A function that is called in a child process, which is killed when the context ends.

    Example:
        >>> limits = Limits(memory=1 << 30, processor_seconds=10, seconds=60)
        >>> with ChildProcess(np.load, ["no.npy"], limits) as child:
        ...     child.result()
        Traceback (most recent call last):
        imgrec.child_process.parent.ChildFailure: failed (FileNotFoundError: [Errno 2] No such ...
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
        super().__init__(function, arguments, limits)
        self._timer = threading.Timer(limits.seconds, self.expire)
        self._timer.daemon = True
        self._timer.start()
        self._begin()

    def close(self) -> None:
        """Kill the child, if it has not ended."""
        self._timer.cancel()
        super().close()

    def result(self) -> dict[str, NDArray[Any]]:
        """Wait for the child, and return the arrays that the function has returned.

        Of arrays of objects, only the shape arrives; the objects are None.

        Raises:
            ChildFailure: The child crashed or took more than it may, or the function raised an
                exception that is not an ImgrecError.
            ImgrecError: The function raised it.
        """
        return self._answer()


class ChildWorker(_Child):
    """A function that is called again and again in one child process, with bytes.

    The limit of processor time is that of a call, and nothing but `expire` limits its time. After
    a ChildFailure, the worker can't be used any more.

    Example:
        >>> limits = Limits(memory=1 << 30, processor_seconds=10, seconds=60)
        >>> with ChildWorker(np.frombuffer, limits) as worker:
        ...     worker.call(bytes(4), "<i4")
        Traceback (most recent call last):
        imgrec.child_process.parent.ChildFailure: failed (AttributeError: 'numpy.ndarray' object ...
    """

    def __init__(self, function: Callable[..., Any], limits: Limits) -> None:
        """Start the child, which imports the module of the function at once.

        Args:
            function: A function of a module. It takes bytes and perhaps values that JSON has, and
                returns a dict of arrays.
            limits: What the child may take.

        Raises:
            RunError: No process can be started.
        """
        super().__init__(function, None, limits)
        for stream in (self._input, self._output):
            _enlarge(stream.fileno())
        self._begin()

    def call(self, content: bytes, *arguments: Any) -> dict[str, NDArray[Any]]:
        """Call the function, and return the arrays that it has returned.

        Args:
            content: The first argument.
            arguments: The others; values that JSON has.

        Raises:
            ChildFailure: As `ChildProcess.result` does.
            ImgrecError: The function raised it.
        """
        self._send(json.dumps([len(content), arguments]).encode() + b"\n", content)
        return self._answer()


def _enlarge(pipe: int) -> None:
    """Have a pipe of Linux hold the pixels of an image, so that the writer need not wait."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


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
    header = stream.readline(MAX_HEADER_BYTES)
    if not header.endswith(b"\n"):
        raise EOFError
    answer = json.loads(header)
    if "error" in answer:
        raise ERRORS[answer["error"]](answer["message"], hint=answer["hint"])
    if "failure" in answer:
        raise ChildFailure(answer["failure"])
    arrays, left = {}, limits.memory
    for name, dtype, shape in answer["arrays"]:
        left -= math.prod(shape) * np.dtype(dtype).itemsize
        if left < 0:
            raise ChildFailure(too_large(limits))
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


def too_large(limits: Limits) -> str:
    """Return how a call ended that reached the limit of memory."""
    return f"found too little memory, or needed more than {limits.memory / 2**30:.1f} GiB"
