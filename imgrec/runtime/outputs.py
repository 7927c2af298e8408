"""What a model gives, as a probability of every class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def of_every_class(output: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return float32 (batch, classes); one sigmoid unit, (batch, 1), is the second of two."""
    if output.shape[-1] != 1:
        return output
    return np.concatenate([1 - output, output], axis=-1)
