"""What a model gives, as a probability of every class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class ModelOutput(NamedTuple):
    """What a model says of a batch of images.

    probabilities: float32 (batch, classes). ood_similarity: float32 (batch,), how near each image
    is to the training images, -1 to 1; None where the model doesn't tell.
    """

    probabilities: NDArray[np.float32]
    ood_similarity: NDArray[np.float32] | None = None


def model_output(output: NDArray[np.float32], classes: int) -> ModelOutput:
    """Return the answers in a model's output.

    Of (batch, 1), one sigmoid unit is the second of two classes; of (batch, classes + 1) the
    last column is the ood_similarity.
    """
    if output.shape[-1] == 1:
        return ModelOutput(np.concatenate([1 - output, output], axis=-1))
    if output.shape[-1] == classes + 1:
        return ModelOutput(output[:, :classes], output[:, classes])
    return ModelOutput(output)
