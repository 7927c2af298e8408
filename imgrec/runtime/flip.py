"""Answers averaged over a picture and its mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.runtime.engine import Engine


@dataclass(frozen=True)
class FlippedToo:
    """An engine that asks another one twice: for each image, and for it flipped left to right."""

    engine: Engine

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""
        return self.engine.classes

    @property
    def spec(self) -> ImageSpec:
        """The form that images must have."""
        return self.engine.spec

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the mean of both answers, float32 (batch, classes)."""
        there = self.engine.probabilities(images)
        back = self.engine.probabilities(np.ascontiguousarray(images[:, :, ::-1]))
        return ((there.astype(np.float64) + back) / 2).astype(np.float32)
