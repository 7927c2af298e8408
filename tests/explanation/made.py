"""Pictures, networks and engines whose right explanation is known."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.data.images import ImageSpec
from imgrec.explanation.values import Area, Picture
from imgrec.models.backend import start
from imgrec.runtime.exported import FunctionEngine

SIDE = 32
SPEC = ImageSpec(SIDE, SIDE, 3)


def spotted(
    spot: Area, size: tuple[int, int] = (SIDE, SIDE), colour: tuple[int, int, int] = (255, 0, 0)
) -> Image.Image:
    """Return a black picture with a spot of a colour, red by default."""
    image = Image.new("RGB", size)
    left, top, right, bottom = map(round, spot)
    image.paste(colour, (left, top, right, bottom))
    return image


def picture(image: Image.Image) -> Picture:
    """Return an image as a model of SPEC is asked about it."""
    pixels = np.asarray(image.resize((SIDE, SIDE)), np.uint8)
    return Picture("made", image, pixels, Area(0, 0, *image.size))


def red_or_blue(images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Answer `red`, `blue` or `dark` of images (batch, height, width, 3), by their mean colour."""
    means = images.mean(axis=(1, 2)) / 255
    dark = 1 - means[:, :1] - means[:, 2:]
    return np.concatenate([means[:, :1], means[:, 2:], dark], axis=1).astype(np.float32)


def asked() -> FunctionEngine:
    """Return an engine that answers by `red_or_blue`."""
    return FunctionEngine(red_or_blue, ("red", "blue", "dark"), SPEC)


def network(*layers: Any, size: tuple[int, int, int] = (SIDE, SIDE, 3)) -> Any:
    """Return a functional model of layers one after the other, its random weights from a seed."""
    start("cpu")
    import keras

    keras.utils.set_random_seed(0)
    pixels = keras.Input(size)
    tensor = pixels
    for layer in layers:
        tensor = layer(tensor)
    return keras.Model(pixels, tensor)
