"""Processes of imgrec with TensorFlow loaded: forks of one that spent the seconds for it."""

from __future__ import annotations

import contextlib
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
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Self

from imgrec.models.backend import import_tensorflow


class Fork:
    """A process that runs, with what tests need of `subprocess.Popen`."""

    def __init__(self, server: socket.socket, folder: Path, *arguments: str) -> None:
        (stdout, one), (stderr, two), (status, three) = (os.pipe() for _ in range(3))
        request = json.dumps([str(folder), *arguments]).encode()
        socket.send_fds(server, [request], [one, two, three])
        for each in (one, two, three):
            os.close(each)
        self.pid = int(server.recv(64))
        self.returncode: int | None = None
        self.stdout, self.stderr, self._status = (
            os.fdopen(each) for each in (stdout, stderr, status)
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stdout.close()
        self.stderr.close()
        self.wait()

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

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end, and return what it has written, which a pipe can hold."""
        self.wait(timeout)
        with self.stdout, self.stderr:
            return self.stdout.read(), self.stderr.read()

    def send_signal(self, number: int) -> None:
        """Send a signal, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill it, if it still runs."""
        self.send_signal(signal.SIGKILL)


StartFork = Callable[..., Fork]
ForkIn = Callable[[Path], StartFork]


@contextlib.contextmanager
def forking(environment: Mapping[str, str]) -> Iterator[ForkIn]:
    """Start the process with TensorFlow; yield what `starter` is, for forks of it."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        command = [sys.executable, "-m", "tests.cli.forks", str(theirs.fileno())]
        server = subprocess.Popen(
            command,
            env=environment,
            pass_fds=[theirs.fileno()],
            stdout=subprocess.PIPE,  # as those of the forks, which take its streams over
            stderr=subprocess.PIPE,
        )
        theirs.close()
        yield lambda folder: lambda *arguments: Fork(ours, folder, *arguments)
    server.communicate()


def main(requests: socket.socket) -> None:
    """Fork for each request, until there are no more."""
    import_tensorflow()
    importlib.import_module("imgrec.workflows.training")
    while True:
        request, streams, _, _ = socket.recv_fds(requests, 1 << 16, 3)
        if not request:
            return
        if not (process := os.fork()):
            requests.close()
            _become_imgrec(*json.loads(request), streams=streams)
            return
        *written, status = streams
        for each in written:
            os.close(each)
        threading.Thread(target=_report_end, args=(process, status), daemon=True).start()
        requests.send(str(process).encode())


def _become_imgrec(folder: str, *arguments: str, streams: Sequence[int]) -> None:
    for number, each in enumerate(streams[:2], 1):
        os.dup2(each, number)
    for each in streams:
        os.close(each)
    os.chdir(folder)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = ["imgrec", *arguments]
    runpy.run_module("imgrec", run_name="__main__", alter_sys=True)


def _report_end(process: int, status: int) -> None:
    with os.fdopen(status, "w") as file:
        file.write(f"{os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])}\n")


if __name__ == "__main__":
    main(socket.socket(fileno=int(sys.argv[1])))
