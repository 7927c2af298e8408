"""A service behind nginx, with the config in deploy/."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from imgrec.runs.folder import Run
from imgrec.serve.security import add_token
from tests.conftest import PROJECT
from tests.serve.running import SECONDS, Reply, Running, certify, drawn, free_port, reply

NGINX = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

pytestmark = [
    pytest.mark.tensorflow,  # the run is trained with it
    pytest.mark.skipif(NGINX is None, reason="there is no nginx"),
    pytest.mark.skipif(shutil.which("openssl") is None, reason="it makes the certificates"),
    pytest.mark.skipif(sys.platform != "linux", reason="a client has another loopback address"),
]

NAME = "example.org"
CLIENT = "127.0.0.2"

MAIN = """
daemon off;
master_process off;
pid nginx.pid;
error_log stderr;
events {}
http {
    access_log off;
    client_body_temp_path bodies;
    proxy_temp_path answers;
    include imgrec.conf;
}
"""


@dataclass
class Proxy:
    """nginx, which encrypts for a service."""

    service: Running
    process: subprocess.Popen[bytes]
    port: int
    certificate: Path
    token: str
    headers: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.headers = {"Host": NAME, "Authorization": f"Bearer {self.token}"}

    def connect(self) -> http.client.HTTPSConnection:
        """Return a connection of CLIENT, which verifies the certificate."""
        return http.client.HTTPSConnection(
            "127.0.0.1",
            self.port,
            timeout=SECONDS,
            source_address=(CLIENT, 0),
            context=ssl.create_default_context(cafile=self.certificate),
        )

    def ask(self, body: bytes, headers: Mapping[str, str] | None = None) -> Reply:
        """Ask about a photo on a connection of its own."""
        with closing(self.connect()) as connection:
            sent = self.headers if headers is None else headers
            connection.request("POST", "/v1/classify", body, dict(sent))
            return reply(connection)

    def open_connections(self) -> int:
        """Return how many connections to the service nginx has."""
        found = psutil.Process(self.process.pid).net_connections("tcp")
        ports = [each.raddr.port for each in found if each.status == "ESTABLISHED"]
        return ports.count(self.service.port)


@pytest.fixture(scope="module")
def proxy(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """deploy/nginx.conf with the options that it names, and the ports and files that are here."""
    folder = tmp_path_factory.mktemp("nginx")
    (certificate, key), tokens = certify(folder), folder / "tokens.json"
    token = add_token(tokens, "ask")
    options = ["--proxy", "127.0.0.1", "--allowed-host", NAME, "--token-file", str(tokens)]
    with Running([f"digits={trained.path}", *options], folder) as service:
        port = free_port()
        config = (PROJECT / "deploy" / "nginx.conf").read_text("utf-8")
        for given, here in (
            ("127.0.0.1:8000", f"127.0.0.1:{service.port}"),
            ("listen 443", f"listen 127.0.0.1:{port}"),
            ("/etc/ssl/certs/example.org.pem", str(certificate)),
            ("/etc/ssl/private/example.org.key", str(key)),
        ):
            assert config.count(given) == 1
            config = config.replace(given, here)
        (folder / "imgrec.conf").write_text(config, "utf-8")
        (folder / "main.conf").write_text(MAIN, "utf-8")
        command = [str(NGINX), "-p", str(folder), "-c", "main.conf", "-e", "stderr"]
        with subprocess.Popen(command) as process:
            try:
                found = Proxy(service, process, port, certificate, token)
                wait_for(found)
                yield found
            finally:
                process.terminate()


def wait_for(proxy: Proxy) -> None:
    """Return as soon as nginx passes requests on."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        assert proxy.process.poll() is None, "nginx ended"
        with suppress(OSError):
            assert proxy.ask(drawn(0)).status == 200
            return
        time.sleep(0.02)
    raise AssertionError("nginx did not start")


def test_the_service_knows_who_asks(proxy: Proxy) -> None:
    """Not who the client says it is."""
    answer = proxy.ask(drawn(1), {**proxy.headers, "X-Forwarded-For": "203.0.113.7"})

    assert answer.status == 200
    proxy.service.wait_for_line(answer.headers["x-request-id"])
    log = map(json.loads, proxy.service.access_log(1))
    clients = {each["request_id"]: each["client"] for each in log}
    assert clients[answer.headers["x-request-id"]] == CLIENT


@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        (b"x", {}, 422),
        (b"x", {"Authorization": "Bearer x"}, 401),
        (b"x", {"Host": "example.com"}, 421),
        (bytes(33 << 20), {}, 413),
    ],
    ids=["no photo", "no token", "another name", "too large"],
)
def test_errors_are_those_of_the_service(
    proxy: Proxy, body: bytes, headers: Mapping[str, str], status: int
) -> None:
    """Also before all of a body has arrived."""
    answer = proxy.ask(body, {**proxy.headers, **headers})

    assert answer.status == status
    assert answer.headers["content-type"].startswith("application/")
    assert answer.headers["x-request-id"]


def test_connections_are_kept_open(proxy: Proxy) -> None:
    """That of the client, and the one from nginx to the service."""
    with closing(proxy.connect()) as connection:
        for number in range(5):
            connection.request("POST", "/v1/classify", drawn(number), dict(proxy.headers))
            assert reply(connection).status == 200
            opened = connection.sock
        assert connection.sock is opened

    assert proxy.open_connections() == 1
