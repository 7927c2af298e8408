"""Build the first layers of a model from the `preprocessing` section of a config."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from imgrec.config.preprocessing import Preprocessing
from imgrec.models.backbone import preprocess
from imgrec.pixel_statistics import PixelStatistics

# ImageDataGenerator adds this to a computed standard deviation.
_EPSILON = 1e-6


@dataclass(frozen=True)
class Standard:
    """Numbers for standardization, one per channel: subtract `mean`, then divide by `std`."""

    mean: tuple[float, ...]
    std: tuple[float, ...]


def apply_preprocessing(
    preprocessing: Preprocessing, pixels: Any, statistics: PixelStatistics | None
) -> Any:
    """Return the Keras tensor of the preprocessed `pixels` (batch, height, width, channels).

    Everything is computed in float32, whatever the dtype policy: float16 is not precise enough for
    augmented pixels.
    """
    import keras

    if preprocessing.application is not None:
        return preprocess(preprocessing.application, pixels)
    if preprocessing.rescale is not None:
        pixels = keras.layers.Rescaling(preprocessing.rescale, dtype="float32", name="rescale")(
            pixels
        )
    if preprocessing.samplewise:
        return _samplewise(preprocessing, pixels)
    standard = fixed_numbers(preprocessing, pixels.shape[-1], statistics)
    if standard is None:
        return pixels
    variance = [std**2 for std in standard.std]
    return keras.layers.Normalization(
        mean=list(standard.mean), variance=variance, dtype="float32", name="standardize"
    )(pixels)


def fixed_numbers(
    preprocessing: Preprocessing, channels: int, statistics: PixelStatistics | None
) -> Standard | None:
    """Return the numbers for all images, in units after `rescale`; None if there are none.

    Raises:
        ValueError: They are statistics of the training images, and `statistics` is None.
    """
    if preprocessing.featurewise:
        if statistics is None:
            raise ValueError("featurewise preprocessing needs the statistics of the images")
        return _featurewise(preprocessing, statistics)
    if preprocessing.given:
        mean = 0.0 if preprocessing.mean is None else preprocessing.mean
        std = 1.0 if preprocessing.std is None else preprocessing.std
        return Standard(_per_channel(mean, channels), _per_channel(std, channels))
    return None


def _featurewise(preprocessing: Preprocessing, statistics: PixelStatistics) -> Standard:
    scale = preprocessing.rescale or 1.0
    mean = tuple(value * scale for value in statistics.mean)
    if preprocessing.featurewise_std_normalization:
        return Standard(mean, tuple(value * scale + _EPSILON for value in statistics.std))
    return Standard(mean, (1.0,) * len(mean))


def _samplewise(preprocessing: Preprocessing, pixels: Any) -> Any:
    """Return each image minus its mean, optionally divided by its standard deviation.

    It is a nested model, so that names don't clash. LayerNormalization is not equivalent: it adds
    its epsilon to the variance.
    """
    import keras
    from keras import ops

    images = keras.Input(pixels.shape[1:], dtype="float32")
    every_pixel = (1, 2, 3)
    result = ops.subtract(images, ops.mean(images, axis=every_pixel, keepdims=True))
    if preprocessing.samplewise_std_normalization:
        std = ops.std(images, axis=every_pixel, keepdims=True)
        result = ops.divide(result, ops.add(std, _EPSILON))
    return keras.Model(images, result, name="standardize")(pixels)


def _per_channel(value: float | Sequence[float], channels: int) -> tuple[float, ...]:
    return (value,) * channels if isinstance(value, float) else tuple(value)
