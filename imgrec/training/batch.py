"""Labels as the loss wants them, and the weight of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.config.keras.losses import Truth
from imgrec.errors import SettingError
from imgrec.text import class_name, did_you_mean, join_few

_SHOWN = 10


@dataclass(frozen=True)
class Batch:
    """A step's worth of images.

    images: float32 (batch, height, width, channels), 0 to 255, or features in place of them;
    targets: as the loss wants them; weights: float32 (batch,), the weight of each image in the
    loss.
    """

    images: NDArray[np.float32]
    targets: NDArray[Any]
    weights: NDArray[np.float32]


def check_output(output: str, classes: Sequence[str], *, multi_label: bool) -> None:
    """Raise SettingError if the model's output doesn't fit the data's classes."""
    if output == "softmax" or multi_label or len(classes) == 2:
        return
    raise SettingError(
        ("model", "output"),
        f"sigmoid is one unit for two classes, and the data has {len(classes)}; use softmax, "
        "or data.multi_label where an image has several",
    )


def check_class_weight(
    class_weight: Literal["balanced"] | Mapping[str, float] | None, classes: Sequence[str]
) -> None:
    """Raise SettingError if `class_weight` names a class that the data doesn't have."""
    if class_weight is None or class_weight == "balanced":
        return
    unknown = sorted(name for name in class_weight if class_name(name) not in classes)
    if unknown:
        meant = did_you_mean(unknown[0], classes)
        raise SettingError(
            ("training", "class_weight", unknown[0]),
            f"the data has no class {join_few(unknown)}{meant or ';'} "
            f"known: {join_few(classes, _SHOWN)}",
        )


def encode(truth: Truth, labels: NDArray[Any], classes: int) -> NDArray[Any]:
    """Return labels, as `labels_of` gives them, as the targets of a loss.

    truth: what the loss compares the output with. The targets are float32 (images, 1) for one
    sigmoid unit, int64 (images,) for a sparse loss, else float32 (images, classes), 1 for each
    class of the image.
    """
    if labels.ndim == 2:
        return np.asarray(labels, np.float32)
    if truth == "binary":
        return np.asarray(labels, np.float32)[:, np.newaxis]
    if truth == "index":
        return np.asarray(labels)
    return np.asarray(np.eye(classes, dtype=np.float32)[labels])


def image_weights(
    class_weight: Literal["balanced"] | Mapping[str, float] | None,
    labels: NDArray[Any],
    classes: Sequence[str],
) -> NDArray[np.float32]:
    """Return how much each image counts in the loss, float32 (images,): as its class does.

    `balanced` is images / (classes * images of the class); as in scikit-learn. The names are those
    that `check_class_weight` accepts.
    """
    if class_weight is None:
        return np.ones(len(labels), np.float32)
    if class_weight == "balanced":
        counts = np.bincount(labels, minlength=len(classes))
        weights = (len(labels) / (len(classes) * counts)).astype(np.float32)
    else:
        named = {class_name(name): weight for name, weight in class_weight.items()}
        weights = np.array([named.get(name, 1.0) for name in classes], np.float32)
    return np.asarray(weights[labels])
