"""Whether a backbone's ImageNet weights can be had, without loading Keras."""

from __future__ import annotations

import http
import http.client
import os
import threading
import urllib.request
from enum import Enum
from pathlib import Path

HOST = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2"
_PATIENCE_SECONDS = 3.0


class Weights(Enum):
    """Whether ImageNet weights can be had, as a remark in a config says it."""

    CACHED = "MobileNetV2's ImageNet weights are on this machine already"
    REACHABLE = "MobileNetV2's ImageNet weights (9 MB) are fetched once, when it is first built"
    ABSENT = (
        "MobileNetV2 would do better, but its weights can't be fetched from here;\n"
        "with a file of them, config mobilenet_transfer takes model.backbone.weights=FILE"
    )


def find_weights(side: int, host: str = HOST) -> Weights:
    """Tell whether MobileNetV2's weights for images of `side` pixels can be had.

    Looks into Keras' folder ($KERAS_HOME, else ~/.keras), then asks Keras' download `host` and
    waits three seconds at most.
    """
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{side}_no_top.h5"
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111  # never raises
    if (Path(home) / "models" / name).is_file():
        return Weights.CACHED
    return Weights.REACHABLE if _answers(f"{host}/{name}") else Weights.ABSENT


def _answers(address: str) -> bool:
    """Tell whether the host has the file. A thread, as looking up a name knows no timeout."""
    answers: list[int] = []

    def ask() -> None:
        request = urllib.request.Request(address, method="HEAD")  # noqa: S310  # https, ours
        try:
            with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310
                answers.append(answer.status)
        except (OSError, ValueError, http.client.HTTPException):
            return

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    thread.join(_PATIENCE_SECONDS)
    return http.HTTPStatus.OK in answers
