"""Whether ImageNet weights are on this machine, or can be downloaded."""

from __future__ import annotations

import http
from enum import Enum

from imgrec.models.downloads import ADDRESS, answer_of, download_folder, has_weights
from imgrec.models.packaged_weights import is_installed
from imgrec.text import printable

HOST = f"{ADDRESS}/mobilenet_v2"
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
    if (download_folder() / name).is_file():
        return PretrainedWeights.CACHED
    there = answer_of(f"{host}/{name}", _PATIENCE_SECONDS) == http.HTTPStatus.OK
    return PretrainedWeights.REACHABLE if there else PretrainedWeights.ABSENT


def missing_weights(application: str, *, top: bool) -> str:
    """Return that Keras will download an application's ImageNet weights; empty if it has them.

    It looks at file names only, as `has_weights`, whose arguments it takes.

    Example:
        >>> missing_weights("VGG16", top=False)  # doctest: +SKIP
        'the ImageNet weights of VGG16 are not in ~/.keras/models: a training downloads them first'
    """
    if has_weights(application, top=top):
        return ""
    return (
        f"the ImageNet weights of {application} are not in {printable(str(download_folder()))}: a "
        "training downloads them first"
    )
