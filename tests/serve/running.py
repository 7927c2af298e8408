"""A real service in a process of its own, and requests to it."""

from __future__ import annotations

import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np
import psutil
from PIL import Image

from tests.conftest import PROJECT

SECONDS = 60
"""How long anything may take, on however busy a machine."""


@dataclass(frozen=True)
class Reply:
    """The response to a request."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)


class Running:
    """A service that runs; the context ends it."""

    def __init__(self, arguments: Sequence[str], folder: Path, python: str = "") -> None:
        # Another Python has its own imgrec.
        path = {} if python else {"PYTHONPATH": str(PROJECT)}
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
        self.process = subprocess.Popen(
            [python or sys.executable, "-m", "imgrec", "serve", *arguments, "--port", "0"],
            cwd=folder,
            env=environment | path,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._listening = threading.Event()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        assert self._listening.wait(SECONDS), self.lines
        found = re.search(r"listening on https?://.*:(\d+)$", "\n".join(self.lines), re.MULTILINE)
        assert found, self.lines
        self.port = int(found[1])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        assert self.process.stderr
        self.process.stderr.close()

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, and return the exit status."""
        self.process.send_signal(number)
        return self.ended()

    def ended(self) -> int:
        """Wait for the end, and return the exit status."""
        status = self.process.wait(SECONDS)
        self._reader.join(SECONDS)
        return status

    def connect(self) -> http.client.HTTPConnection:
        """Return a new connection."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)

    def ask(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Send a request on a connection of its own, and return the response."""
        connection = self.connect()
        try:
            connection.request(method, target, body, dict(headers or {}))
            return reply(connection)
        finally:
            connection.close()

    def classify(self, body: bytes, query: str = "", content_type: str = "image/png") -> Reply:
        """Ask `/v1/classify`."""
        return self.ask("POST", f"/v1/classify{query}", body, {"Content-Type": content_type})

    def metric(self, name: str) -> float:
        """Return the sum of a metric over its labels."""
        text = self.ask("GET", "/metrics").body.decode()
        values = re.findall(rf"^{name}(?:{{.*}})? (\S+)$", text, re.MULTILINE)
        return sum(map(float, values))

    def wait_for_line(self, text: str) -> None:
        """Wait until stderr has a line with some text."""
        end = time.monotonic() + SECONDS
        while not any(text in line for line in self.lines):
            assert time.monotonic() < end, self.lines
            time.sleep(0.01)

    def access_log(self, count: int) -> list[str]:
        """Return the lines of the access log as soon as there are so many."""
        end = time.monotonic() + SECONDS
        while len(found := [line for line in self.lines if line.startswith("{")]) < count:
            assert time.monotonic() < end, self.lines
            time.sleep(0.01)
        return found

    @contextmanager
    def many_connections(self, count: int) -> Iterator[list[socket.socket]]:
        """Open connections, which are closed when the context ends."""
        with ExitStack() as opened:
            address = ("127.0.0.1", self.port)
            yield [
                opened.enter_context(socket.create_connection(address, SECONDS))
                for _ in range(count)
            ]

    @property
    def decoders(self) -> list[psutil.Process]:
        """The decoding processes."""
        return psutil.Process(self.process.pid).children()

    @contextmanager
    def decoders_stopped(self) -> Iterator[None]:
        """Let no photo be decoded until the context ends."""
        stopped = self.decoders
        for each in stopped:
            each.suspend()
        try:
            yield
        finally:
            for each in stopped:
                if each.is_running():
                    each.resume()

    def _read(self) -> None:
        assert self.process.stderr
        for line in self.process.stderr:
            self.lines.append(line.rstrip("\n"))
            if "listening on" in line:
                self._listening.set()
        self._listening.set()


def reply(connection: http.client.HTTPConnection) -> Reply:
    """Return the response to the request that was sent on a connection."""
    found = connection.getresponse()
    headers = {name.lower(): value for name, value in found.getheaders()}
    return Reply(found.status, headers, found.read())


def multipart(photos: Mapping[str, bytes]) -> tuple[bytes, str]:
    """Return a multipart body with some files, and its content type."""
    parts = [
        f'--part\r\nContent-Disposition: form-data; name="photo"; filename="{name}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n".encode()
        + content
        + b"\r\n"
        for name, content in photos.items()
    ]
    return b"".join(parts) + b"--part--\r\n", "multipart/form-data; boundary=part"


def drawn(number: int, form: str = "PNG", size: tuple[int, int] = (40, 30)) -> bytes:
    """Return a drawn photo, another one for each number."""
    random = np.random.default_rng(number)
    coarse = random.integers(0, 256, (4, 4, 3), np.uint8)
    stream = io.BytesIO()
    Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC).save(stream, form)
    return stream.getvalue()


def certify(folder: Path, *options: str) -> tuple[Path, Path]:
    """Write a certificate that its own key signs, and the key."""
    certificate, key = folder / "cert.pem", folder / "key.pem"
    made = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout", str(key)]
    named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = ["openssl", "req", "-x509", *made, "-out", str(certificate), *named]
    subprocess.run([*command, *(options or ["-nodes"])], check=True, capture_output=True)
    return certificate, key


def free_port() -> int:
    """Return the number of a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
