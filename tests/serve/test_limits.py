"""What a service refuses, and how soon."""

from __future__ import annotations

import gzip
import json
import socket
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgrec.runs.folder import Run
from tests.serve.running import SECONDS, Reply, Running, drawn, multipart

pytestmark = pytest.mark.tensorflow  # the run is trained with it

CONFIG = """
models: {{digits: {run}}}
limits:
  body_mib: 1
  bodies_mib: 2
  photos: 3
  megapixels: 1
  waiting: 4
  connections: 20
  head_seconds: 0.5
  idle_seconds: 1
  body_seconds: 2
"""


@pytest.fixture(scope="module")
def limited(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A service with small limits."""
    folder = tmp_path_factory.mktemp("limited")
    (folder / "serve.yaml").write_text(CONFIG.format(run=json.dumps(str(trained.path))))
    with Running(["--config", "serve.yaml"], folder) as running:
        yield running


def exchanged(service: Running, request: bytes) -> bytes:
    """Return all that comes back for bytes, until the connection is closed."""
    with socket.create_connection(("127.0.0.1", service.port), SECONDS) as opened:
        opened.sendall(request)
        pieces = []
        while piece := opened.recv(1 << 16):
            pieces.append(piece)
    return b"".join(pieces)


HEAD = b"POST /v1/classify HTTP/1.1\r\nHost: localhost\r\n"


def test_large_requests_are_refused(limited: Running) -> None:
    """By their length, by what arrives, by what it decompresses to, by photos and by pixels."""
    large = bytes(1 << 20) + b"x"
    assert limited.classify(large).status == 413
    packed = limited.ask("POST", "/v1/classify", gzip.compress(large), {"Content-Encoding": "gzip"})
    assert packed.status == 413
    chunk = b"%x\r\n%s\r\n" % (len(large), large)
    found = exchanged(limited, HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + chunk)
    assert found.startswith(b"HTTP/1.1 413 ")
    body, content_type = multipart({f"{number}.png": drawn(number) for number in range(4)})
    many = limited.classify(body, "", content_type)
    assert (many.status, many.document["hint"]) == (413, "send at most 3 at once")
    wide = limited.classify(drawn(1, "GIF", (1100, 1000)))
    assert wide.status == 422
    assert "1100x1000 pixels, more than 1 megapixels" in wide.body.decode()


def test_compressed_bodies_are_read(limited: Running) -> None:
    """As gzip and deflate; other codings and damaged ones are refused."""
    photo = drawn(1)
    plain = limited.classify(photo).document
    for coding, body in (("gzip", gzip.compress(photo)), ("deflate", zlib.compress(photo))):
        packed = limited.ask("POST", "/v1/classify", body, {"Content-Encoding": coding})
        assert packed.document == plain
    cut = gzip.compress(photo)[:-9]
    assert limited.ask("POST", "/v1/classify", cut, {"Content-Encoding": "gzip"}).status == 400
    assert limited.ask("POST", "/v1/classify", photo, {"Content-Encoding": "br"}).status == 415


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (HEAD, b"HTTP/1.1 408 "),
        (HEAD + b"Content-Length: 10\r\n\r\nx", b"HTTP/1.1 408 "),
        (HEAD + b"X: " + b"x" * 70_000, b"HTTP/1.1 431 "),
        (b"no HTTP\r\n\r\n", b"HTTP/1.1 400 "),
        (b"", b""),
        (b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n", b"HTTP/1.1 200 "),
    ],
    ids=["head", "body", "large head", "no HTTP", "nothing", "idle"],
)
def test_slow_and_odd_clients_are_let_go(limited: Running, sent: bytes, status: bytes) -> None:
    """A connection on which nothing happens is closed, with the reason if a request had begun."""
    assert exchanged(limited, sent).startswith(status)


def test_too_many_connections_are_turned_away(limited: Running) -> None:
    """With status 503; the others are answered, and counted."""
    with limited.many_connections(10):
        assert limited.metric("imgrec_connections") >= 11
    with limited.many_connections(20) as opened:
        found = exchanged(limited, b"")
        assert found.startswith(b"HTTP/1.1 503 ")
        assert b"Retry-After: 1" in found
        opened[0].sendall(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert opened[0].recv(12) == b"HTTP/1.1 200"


def test_a_full_queue_says_so_at_once(limited: Running) -> None:
    """With status 503 and when to try again, while what waits is answered later."""
    found: list[Reply] = []
    waiting = [
        threading.Thread(target=lambda: found.append(limited.classify(drawn(1)))) for _ in range(4)
    ]
    with limited.decoders_stopped():
        for each in waiting:
            each.start()
        end = time.monotonic() + SECONDS
        while limited.metric("imgrec_waiting_photos") < 4:
            assert time.monotonic() < end
        refused = limited.classify(drawn(1))
    for each in waiting:
        each.join(SECONDS)
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert [each.status for each in found] == [200] * 4
    assert limited.metric("imgrec_shed_total") >= 1


def test_a_wrong_config_is_refused_by_line(tmp_path: Path) -> None:
    """With every problem, before a model is opened."""
    (tmp_path / "serve.yaml").write_text("prot: 1\nlimits:\n  photos: 0\n")
    command = [sys.executable, "-m", "imgrec", "serve", "--config", "serve.yaml"]
    process = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=SECONDS
    )
    assert process.returncode == 2
    assert "prot" in process.stderr
    assert "limits.photos" in process.stderr
    assert process.stderr.endswith("docs/serve.schema.json describes every key\n")
