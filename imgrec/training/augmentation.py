"""ImageDataGenerator's transforms, each a function of (seed, lap, image)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.config.augmentation import Augmentation

Parameters = Mapping[str, Any]


class Augmenter:
    """Draws and applies the transforms of `tf.keras.preprocessing.image.ImageDataGenerator`."""

    def __init__(self, augmentation: Augmentation, seed: int) -> None:
        import tensorflow as tf

        generator = tf.keras.preprocessing.image.ImageDataGenerator
        self._generator = generator(**augmentation.model_dump())
        self._seed = seed

    def draw(self, shape: tuple[int, ...], lap: int, index: int) -> Parameters:
        """Return the transform of image `index` the `lap`-th time the data is gone through.

        Must be called from one thread at a time: the generator draws from NumPy's global
        state, which is put back afterwards.
        """
        seed = np.random.SeedSequence([self._seed, lap, index]).generate_state(1)[0]
        state = np.random.get_state()  # noqa: NPY002 - ImageDataGenerator draws from it
        try:
            parameters: Parameters = self._generator.get_random_transform(shape, seed=int(seed))
        finally:
            np.random.set_state(state)  # noqa: NPY002 - likewise
        return parameters

    def apply(self, image: NDArray[np.uint8], parameters: Parameters) -> NDArray[np.float32]:
        """Return the image (height, width, channels) transformed, float32 of 0 to 255."""
        pixels = image.astype(np.float32)
        transformed: NDArray[np.float32] = self._generator.apply_transform(pixels, parameters)
        return transformed
