"""Thumbnails of photos, with or without a heat map."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.data.images import ImageSpec, decode, miniature
from imgrec.data.records import ImageSource
from imgrec.errors import BadImage
from imgrec.explanation.values import Area, Heat
from imgrec.report.pictures import THUMBNAIL_SIDE, Thumbnail, heated_pixels, thumbnail

Source: TypeAlias = "ImageSource | bytes | Image.Image"

Where = Callable[[NDArray[np.uint8], int], NDArray[np.float32]]
"""Returns how much each pixel of a model's input supports the class of a column, 0 to 1."""


def plain_thumbnail(source: Source, name: str, max_megapixels: int) -> Thumbnail:
    """Return the thumbnail of an image; raises BadImage if it can't be read."""
    return thumbnail(miniature(source, THUMBNAIL_SIDE, name, max_megapixels))


def thumbnail_or_none(
    source: Source | BadImage, name: str, max_megapixels: int
) -> Thumbnail | None:
    """Return the thumbnail of an image; None if it can't be read."""
    if isinstance(source, BadImage):
        return None
    try:
        return plain_thumbnail(source, name, max_megapixels)
    except BadImage:
        return None


def heated_thumbnail(source: Source, spec: ImageSpec, where: Where, column: int) -> Thumbnail:
    """Return the thumbnail of an image with a heat map.

    Args:
        source: The image.
        spec: The form that the model takes.
        where: Computes the heat map.
        column: The column of the class.

    Raises:
        BadImage: The image can't be read.
    """
    small = miniature(source, THUMBNAIL_SIDE, max_megapixels=spec.max_megapixels)
    return heated_decoded(small, decode(source, spec), spec, where, column)


def heated_decoded(
    small: NDArray[np.uint8],
    pixels: NDArray[np.uint8],
    spec: ImageSpec,
    where: Where,
    column: int,
) -> Thumbnail:
    """Return the thumbnail of an image with a heat map.

    Args:
        small: The whole image in RGB, as small as a thumbnail.
        pixels: The image as the model takes it.
        spec: The form of `pixels`.
        where: Computes the heat map.
        column: The column of the class.
    """
    size = small.shape[1], small.shape[0]
    heat = Heat(where(pixels, column), Area(*spec.visible_part(size)))
    return thumbnail(heated_pixels(small, heat, size))
