"""The output of a model as a probability of every class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ModelOutput(NamedTuple):
    """The output of a model for a batch of images.

    Args:
        probabilities: float32 (batch, classes).
        ood_similarity: How similar each image is to the training images, float32 (batch,), -1 to
            1; None if the model has no OOD score.
    """

    probabilities: NDArray[np.float32]
    ood_similarity: NDArray[np.float32] | None = None


def model_output(output: NDArray[np.float32], classes: int) -> ModelOutput:
    """Return the probabilities in the output tensor of a model.

    Args:
        output: float32. (batch, 1) is one sigmoid unit, the second of two classes; in (batch,
            classes + 1) the last column is the OOD similarity.
        classes: The number of classes.
    """
    if output.shape[-1] == 1:
        return ModelOutput(np.concatenate([1 - output, output], axis=-1))
    if output.shape[-1] == classes + 1:
        return ModelOutput(output[:, :classes], output[:, classes])
    return ModelOutput(output)
