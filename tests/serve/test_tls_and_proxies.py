"""Services that encrypt, and those behind a proxy."""

from __future__ import annotations

import http.client
import json
import re
import shutil
import signal
import socket
import ssl
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgrec.errors import RunError, UsageError
from imgrec.runs.folder import Run
from imgrec.serve.security import check_proxies
from imgrec.serve.tls import tls_context
from tests.serve.running import SECONDS, Running, certify, drawn, reply

pytestmark = [
    pytest.mark.skipif(shutil.which("openssl") is None, reason="it makes the certificates"),
    pytest.mark.skipif(sys.platform != "linux", reason="a client has another loopback address"),
]

PROXY = "127.0.0.2"
CLIENT = "203.0.113.7"


class Encrypted(Running):
    """A service that encrypts with a certificate, and trusts a proxy."""

    def __init__(self, run: Path, folder: Path) -> None:
        self.certificate, key = certify(folder)
        files = ["--certificate", str(self.certificate), "--key", str(key)]
        config = folder / "serve.yaml"
        config.write_text("limits: {head_seconds: 2}\n", "utf-8")
        options = ["--config", str(config), *files, "--proxy", PROXY, "--insecure"]
        super().__init__([f"digits={run}", *options], folder)

    def connect(self, source: str = "127.0.0.1") -> http.client.HTTPSConnection:
        """Return a connection from an address, which verifies the certificate."""
        return http.client.HTTPSConnection(
            "127.0.0.1",
            self.port,
            timeout=SECONDS,
            source_address=(source, 0),
            context=ssl.create_default_context(cafile=self.certificate),
        )


@pytest.fixture(scope="module")
def encrypted(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Encrypted]:
    """A service with TLS, on the loopback address."""
    with Encrypted(trained.path, tmp_path_factory.mktemp("encrypted")) as running:
        yield running


@pytest.mark.tensorflow
def test_an_encrypted_service_answers(encrypted: Encrypted, tmp_path: Path) -> None:
    """Only who encrypts, with a certificate that can be renewed while it runs.

    One that is renewed without its key changes nothing.
    """
    assert encrypted.classify(drawn(1)).status == 200
    plain = http.client.HTTPConnection("127.0.0.1", encrypted.port, timeout=SECONDS)
    plain.request("GET", "/health/live")
    with pytest.raises((ConnectionError, http.client.HTTPException)):
        plain.getresponse()
    plain.close()

    before = encrypted.certificate.read_bytes()
    encrypted.certificate.write_bytes(certify(tmp_path)[0].read_bytes())
    encrypted.process.send_signal(signal.SIGHUP)
    encrypted.wait_for_line("tokens and certificate stay as they were")
    encrypted.certificate.write_bytes(before)
    encrypted.wait_for_line("model digits was opened again")
    assert encrypted.ask("GET", "/health/live").status == 200

    encrypted.lines.clear()
    certify(encrypted.certificate.parent)
    with pytest.raises(ssl.SSLCertVerificationError):
        encrypted.ask("GET", "/health/live")
    encrypted.process.send_signal(signal.SIGHUP)
    encrypted.wait_for_line("model digits was opened again")
    assert encrypted.ask("GET", "/health/live").status == 200


@pytest.mark.tensorflow
def test_who_does_not_begin_to_encrypt_is_let_go(encrypted: Encrypted) -> None:
    """As soon as who does not send the head of a request."""
    with socket.create_connection(("127.0.0.1", encrypted.port), SECONDS) as silent:
        assert silent.recv(1) == b""


@pytest.mark.tensorflow
def test_a_proxy_says_who_asks(encrypted: Encrypted) -> None:
    """Only one that is named is believed; and who comes through it may not manage."""
    for source, path in ((PROXY, "/from-proxy"), ("127.0.0.1", "/from-other")):
        connection = encrypted.connect(source)
        connection.request("GET", path, headers={"X-Forwarded-For": f"10.0.0.1, {CLIENT}"})
        reply(connection)
        connection.close()
    encrypted.wait_for_line("/from-other")
    entries = [json.loads(line) for line in encrypted.access_log(1)]
    clients = {each["path"]: each["client"] for each in entries}
    assert (clients["/from-proxy"], clients["/from-other"]) == (CLIENT, "127.0.0.1")
    assert encrypted.ask("POST", "/v1/models/digits:reload").status == 403


@pytest.mark.tensorflow
def test_an_encrypted_service_ends_with_its_answers(trained: Run, tmp_path: Path) -> None:
    """What is under way after SIGTERM is answered, as without TLS."""
    with Encrypted(trained.path, tmp_path) as running:
        asking = running.connect()
        with running.decoders_stopped():
            asking.request("POST", "/v1/classify", drawn(1))
            while running.metric("imgrec_waiting_photos") < 1:
                pass
            running.process.send_signal(signal.SIGTERM)
        assert reply(asking).status == 200
        assert running.ended() == 0


def test_wrong_certificates_are_refused(tmp_path: Path) -> None:
    """With the file that is wrong, and without asking for a password."""
    folders = [tmp_path / name for name in ("one", "other", "locked")]
    for each in folders:
        each.mkdir()
    (certificate, key), (other, _) = certify(folders[0]), certify(folders[1])
    locked = certify(folders[2], "-passout", "pass:secret")
    (tmp_path / "text.pem").write_text("no certificate")
    for files, said in (
        ((other, key), "is not the key of"),
        ((tmp_path / "text.pem", key), "can't be used for TLS"),
        (locked, "can't be used for TLS"),
        ((tmp_path / "none.pem", key), "none.pem"),
    ):
        with pytest.raises(RunError, match=said):
            tls_context(*files)
    with pytest.raises(UsageError, match="go together"):
        tls_context(certificate, None)
    assert tls_context(certificate, key)


def test_a_proxy_has_an_address() -> None:
    """Or a network of them; a name would never match."""
    check_proxies(["10.0.0.1", "fd00::/8"])
    for wrong in ("nginx", "*", "10.0.0.1/8"):
        with pytest.raises(UsageError, match=f"--proxy {re.escape(wrong)}: "):
            check_proxies([wrong])
