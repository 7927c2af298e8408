"""Whether ImageNet weights are on this machine, or can be downloaded."""

from __future__ import annotations

import http
import http.client
import os
import re
import threading
import urllib.request
from enum import Enum
from pathlib import Path

from imgrec.models.packaged_weights import is_installed
from imgrec.text import printable

HOST = "https://storage.googleapis.com/tensorflow/keras-applications/mobilenet_v2"
_PATIENCE_SECONDS = 3.0


class PretrainedWeights(Enum):
    """Whether ImageNet weights are available, as a comment in the config."""

    INSTALLED = "EfficientNet-Lite0's ImageNet weights are installed on this machine"
    CACHED = "MobileNetV2's ImageNet weights are on this machine already"
    GIVEN = "MobileNetV2's weights are those of the file that you named"
    REACHABLE = "MobileNetV2's ImageNet weights (9 MB) are fetched once, when it is first built"
    ABSENT = "MobileNetV2 would do better, but its ImageNet weights can't be fetched from here"


def best_pretrained_weights(side: int) -> PretrainedWeights:
    """Return which weights suit images of `side` pixels; installed ones before a download."""
    if is_installed("EfficientNetLite0"):
        return PretrainedWeights.INSTALLED
    return find_pretrained_weights(side)


def find_pretrained_weights(side: int, host: str = HOST) -> PretrainedWeights:
    """Return whether MobileNetV2's weights for images of `side` pixels are available.

    Looks into Keras' folder ($KERAS_HOME, else ~/.keras), then asks Keras' download `host` and
    waits three seconds at most.
    """
    name = f"mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_{side}_no_top.h5"
    if (_folder() / name).is_file():
        return PretrainedWeights.CACHED
    return PretrainedWeights.REACHABLE if _answers(f"{host}/{name}") else PretrainedWeights.ABSENT


def missing_weights(application: str) -> str:
    """Return that Keras will download an application's ImageNet weights; empty if it has them.

    It looks at file names only: any file that is named after the application counts, since the
    exact names are known to Keras alone.

    Example:
        >>> missing_weights("VGG16")  # doctest: +SKIP
        'the ImageNet weights of VGG16 are not in ~/.keras/models: a training downloads them first'
    """
    wanted = re.compile(rf"{_squeezed(application)}(?!v\d)")  # MobileNet is not MobileNetV2
    try:
        there = any(wanted.search(_squeezed(each.name)) for each in _folder().iterdir())
    except OSError:
        there = False
    if there:
        return ""
    return (
        f"the ImageNet weights of {application} are not in {printable(str(_folder()))}: a training "
        "downloads them first"
    )


def _squeezed(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _folder() -> Path:
    """Return where Keras keeps weights."""
    home = os.environ.get("KERAS_HOME") or os.path.expanduser("~/.keras")  # noqa: PTH111  # never raises
    return Path(home) / "models"


def _answers(address: str) -> bool:
    """Return whether the host has the file. In a thread, as looking up a name has no timeout."""
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
