"""Test-time augmentation: the mean over an image and its mirror image."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.runtime.engine import Engine
from imgrec.runtime.outputs import ModelOutput
from imgrec.scores import Decision


@dataclass(frozen=True)
class FlipTTA:
    """An engine that returns the mean output of another one for an image and its mirror image."""

    engine: Engine

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""
        return self.engine.classes

    @property
    def decision(self) -> Decision:
        """How the probabilities become labels."""
        return self.engine.decision

    @property
    def spec(self) -> ImageSpec:
        """The size and form of the images that the model takes."""
        return self.engine.spec

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return the mean output for uint8 images (batch, height, width, channels)."""
        there = self.engine.answers(images)
        back = self.engine.answers(np.ascontiguousarray(images[:, :, ::-1]))
        probabilities = _mean(there.probabilities, back.probabilities)
        if there.ood_similarity is None or back.ood_similarity is None:
            return ModelOutput(probabilities)
        return ModelOutput(probabilities, _mean(there.ood_similarity, back.ood_similarity))


def _mean(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    return ((one.astype(np.float64) + other) / 2).astype(np.float32)
