"""What one training step takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
