"""Processes with TensorFlow loaded: forks of one that spent the seconds for it."""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from imgrec.child_process.parent import _ENVIRONMENT, _START
from imgrec.models.backend import import_tensorflow

PROJECT = Path(__file__).resolve().parent.parent


class Fork:
    """A process that runs, with what is needed of `subprocess.Popen`."""

    def __init__(
        self, server: socket.socket, request: Mapping[str, Any], streams: Sequence[int]
    ) -> None:
        """Start it; `streams` are its stdin, stdout and stderr, which are closed here."""
        status, theirs = os.pipe()
        socket.send_fds(server, [json.dumps(request).encode()], [*streams, theirs])
        for each in (*streams, theirs):
            os.close(each)
        self.pid = int(server.recv(64))
        self.returncode: int | None = None
        self._status = os.fdopen(status)

    def poll(self) -> int | None:
        """Return the exit status, or None if it still runs."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            return self.wait(0)
        return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for its end, and return the exit status."""
        if self.returncode is None:
            if not select.select([self._status], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired("imgrec", timeout or 0)
            with self._status:
                self.returncode = int(self._status.readline())  # later forks may keep it open
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, if it still runs."""
        self.send_signal(signal.SIGKILL)


class TextFork(Fork):
    """A process whose output is read as text."""

    def __init__(self, server: socket.socket, request: Mapping[str, Any]) -> None:
        (stdout, one), (stderr, two) = os.pipe(), os.pipe()
        super().__init__(server, request, [os.open(os.devnull, os.O_RDONLY), one, two])
        self.stdout, self.stderr = os.fdopen(stdout), os.fdopen(stderr)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        self.stderr.close()
        self.wait()

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end, and return what it has written, which a pipe can hold."""
        self.wait(timeout)
        with self.stdout, self.stderr:
            return self.stdout.read(), self.stderr.read()


class ChildFork(Fork):
    """A child process of `imgrec.child_process`."""

    def __init__(self, server: socket.socket, request: Mapping[str, Any]) -> None:
        (zero, stdin), (stdout, one) = os.pipe(), os.pipe()
        super().__init__(server, request, [zero, one, os.dup(2)])
        self.stdin, self.stdout = os.fdopen(stdin, "wb"), os.fdopen(stdout, "rb")


StartFork = Callable[..., TextFork]
ForkIn = Callable[[Path], StartFork]


class Forks:
    """Starts the process with TensorFlow when the first fork is needed, and forks of it."""

    def __init__(self) -> None:
        self._opened = contextlib.ExitStack()

    def close(self) -> None:
        """End the process."""
        self._opened.close()

    def run(self, folder: Path, environment: Mapping[str, str], *arguments: str) -> TextFork:
        """Run `python -m MODULE ...`, or `python -c CODE`, in a folder."""
        return TextFork(self._server, _request(folder, environment, *arguments))

    def child(self) -> ChildFork:
        """Start a process that reads its request from stdin, as `imgrec.child_process` does."""
        environment = {**os.environ, **_ENVIRONMENT}
        return ChildFork(self._server, _request(Path.cwd(), environment, "-c", _START))

    @cached_property
    def _server(self) -> socket.socket:
        ours, theirs = socket.socketpair()
        with theirs:
            server = subprocess.Popen(
                [sys.executable, "-m", "tests.forks", str(theirs.fileno())],
                env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUTF8": "1"},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,  # as those of the forks, which take its streams over
                stderr=subprocess.PIPE,
            )
        self._opened.callback(server.communicate)
        return self._opened.enter_context(ours)


def _request(folder: Path, environment: Mapping[str, str], *arguments: str) -> Mapping[str, Any]:
    return {"folder": str(folder), "environment": {**environment}, "arguments": arguments}


def main(requests: socket.socket) -> None:
    """Fork for each request, until there are no more."""
    import_tensorflow()
    importlib.import_module("imgrec.workflows.training")
    gc.freeze()
    while True:
        request, streams, _, _ = socket.recv_fds(requests, 1 << 16, 4)
        if not request:
            return
        if not (process := os.fork()):
            requests.close()
            _become(**json.loads(request), streams=streams)
            return
        *written, status = streams
        for each in written:
            os.close(each)
        threading.Thread(target=_report_end, args=(process, status), daemon=True).start()
        requests.send(str(process).encode())


def _become(
    folder: str, environment: Mapping[str, str], arguments: Sequence[str], streams: Sequence[int]
) -> None:
    for number, each in enumerate(streams[:3]):
        os.dup2(each, number)
    for each in streams:
        os.close(each)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    way, what, *others = arguments
    if way == "-c":
        exec(what, {"__name__": "__main__"})  # noqa: S102 - as a new process would
    else:
        sys.argv = [what, *others]
        runpy.run_module(what, run_name="__main__", alter_sys=True)


def _report_end(process: int, status: int) -> None:
    with os.fdopen(status, "w") as file:
        file.write(f"{os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}\n")


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
