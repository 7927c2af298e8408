"""Labels as the loss wants them, and the weight of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.config.experiment import Experiment


def check_output(experiment: Experiment, classes: Sequence[str]) -> None:
    """Raise ConfigError where the model's output doesn't fit the data's classes."""
    if experiment.model.output == "sigmoid" and len(classes) != 2:
        raise experiment.problem(
            ("model", "output"),
            f"sigmoid is one unit for two classes, and the data has {len(classes)}; use softmax",
        )


def encode(experiment: Experiment, labels: NDArray[np.int64], classes: int) -> NDArray[Any]:
    """Return the labels (images,) as the targets of the experiment's loss.

    float32 (images, 1) for one sigmoid unit, int64 (images,) for a sparse loss, else one-hot
    float32 (images, classes).
    """
    if experiment.truth == "binary":
        return labels.astype(np.float32)[:, np.newaxis]
    if experiment.truth == "index":
        return labels
    return np.eye(classes, dtype=np.float32)[labels]


def class_weights(
    experiment: Experiment, labels: NDArray[np.int64], classes: Sequence[str]
) -> NDArray[np.float32]:
    """Return the weight of each class, float32 (classes,).

    `balanced` is images / (classes * images of the class), as scikit-learn has it. Raises
    ConfigError for a class that the data doesn't have.
    """
    wanted = experiment.training.class_weight
    if wanted is None:
        return np.ones(len(classes), np.float32)
    if wanted == "balanced":
        counts = np.bincount(labels, minlength=len(classes))
        return (len(labels) / (len(classes) * counts)).astype(np.float32)
    return _named_weights(experiment, wanted, classes)


def _named_weights(
    experiment: Experiment, wanted: Mapping[str, float], classes: Sequence[str]
) -> NDArray[np.float32]:
    unknown = sorted(set(wanted) - set(classes))
    if unknown:
        raise experiment.problem(
            ("training", "class_weight", unknown[0]),
            f"the data has no such class; it has {', '.join(classes)}",
        )
    return np.array([wanted.get(name, 1.0) for name in classes], np.float32)
