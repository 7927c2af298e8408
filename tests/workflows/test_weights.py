"""Whether ImageNet weights can be had."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgrec.workflows.pretrained_weights import PretrainedWeights, find_pretrained_weights

NAME = "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_160_no_top.h5"


class Host(http.server.BaseHTTPRequestHandler):
    """A download host that has the weights for 160 pixels."""

    def do_HEAD(self) -> None:  # the base class's
        """Answer 200 for the file that is there, 404 for others."""
        self.send_response(200 if self.path == f"/models/{NAME}" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    """Return the address of a download host; Keras' own folder is empty."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Host)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/models"
    server.shutdown()
    server.server_close()


def test_cached(host: str, tmp_path: Path) -> None:
    """Weights in Keras' folder are found without asking anybody."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / NAME).touch()
    assert find_pretrained_weights(160, f"{host}/nowhere") is PretrainedWeights.CACHED


def test_reachable(host: str) -> None:
    """Weights that the host has can be fetched."""
    assert find_pretrained_weights(160, host) is PretrainedWeights.REACHABLE


def test_absent(host: str) -> None:
    """Weights that the host does not have can't."""
    assert find_pretrained_weights(224, host) is PretrainedWeights.ABSENT


@pytest.mark.usefixtures("host")
def test_no_host() -> None:
    """No answer from the host means that the weights can't be had."""
    assert find_pretrained_weights(160, "http://127.0.0.1:9") is PretrainedWeights.ABSENT
