"""Whether ImageNet weights are on this machine, or can be downloaded."""

from __future__ import annotations

import http.server
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from imgrec.errors import RunError
from imgrec.models.downloads import download_folder, has_weights, require_weights
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


@pytest.mark.parametrize(
    ("file", "application", "tops"),
    [
        ("vgg16_weights_tf_dim_ordering_tf_kernels.h5", "VGG16", [True]),
        ("mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5", "MobileNet", []),
        ("efficientnetv2-b0_notop.h5", "EfficientNetV2B0", [False]),
        ("NASNet-mobile-no-top.h5", "NASNetMobile", [False]),
    ],
)
@pytest.mark.usefixtures("host")
def test_weights_with_and_without_the_last_layer(
    file: str, application: str, tops: list[bool], tmp_path: Path
) -> None:
    """Keras has a file for each; that of another network is not taken for it."""
    (tmp_path / "models").mkdir()
    (tmp_path / "models" / file).touch()
    assert [top for top in (False, True) if has_weights(application, top=top)] == tops


def test_the_folder_is_the_one_of_keras(monkeypatch: pytest.MonkeyPatch) -> None:
    """$KERAS_HOME, which may begin with ~, or ~/.keras."""
    monkeypatch.setenv("KERAS_HOME", "~/kept")
    assert download_folder() == Path.home() / "kept/models"
    monkeypatch.delenv("KERAS_HOME")
    assert download_folder() == Path.home() / ".keras/models"


@pytest.fixture(params=["refuses", "drops", "never answers", "says no"])
def proxy(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return how a proxy, the only way out, treats those who ask."""
    server = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{server.getsockname()[1]}"
    if request.param == "refuses":
        server.close()

    def serve() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            if request.param == "says no":
                connection.recv(1024)
                connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")
            held.append(connection)
            if request.param != "never answers":
                connection.close()

    held: list[socket.socket] = []
    if request.param != "refuses":
        threading.Thread(target=serve, daemon=True).start()
    monkeypatch.setenv("https_proxy", address)
    monkeypatch.delenv("no_proxy", raising=False)
    yield request.param
    server.close()
    for each in held:
        each.close()


def test_a_host_that_can_not_be_reached_is_reported_at_once(
    proxy: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Within five seconds, by way of the proxy; nobody is asked for weights that are there."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    begin = time.monotonic()
    with pytest.raises(RunError, match=r"storage\.googleapis\.com can't be reached") as caught:
        require_weights("VGG16", top=True, hint="take another")
    assert time.monotonic() - begin < 5
    assert ("407" in caught.value.message) == (proxy == "says no")
    assert caught.value.hint == "take another"
    (tmp_path / "models").mkdir()
    (tmp_path / "models/vgg16_weights.h5").touch()
    require_weights("VGG16", top=True, hint="take another")
