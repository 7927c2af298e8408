"""What a decoding process does with the bytes of a photo."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, decode, decode_whole, describe
from imgrec.errors import BadImage, DataError


def decode_photo(
    content: bytes, specs: list[dict[str, Any]], megapixels: int | None = None
) -> dict[str, NDArray[np.uint8]]:
    """Return the pixels of a photo in each form, by the form's number.

    Args:
        content: The encoded photo.
        specs: The fields of an ImageSpec each.
        megapixels: How many pixels it may have; None for the limit of each form.

    Raises:
        DataError: It can't be read, or is larger; the message is the reason.
    """
    try:
        if megapixels is not None:
            _check_size(content, megapixels)
        return {
            str(number): decode(content, ImageSpec(**spec)) for number, spec in enumerate(specs)
        }
    except BadImage as error:
        raise DataError(error.reason) from error


def decode_whole_photo(content: bytes, spec: dict[str, Any]) -> dict[str, NDArray[np.uint8]]:
    """Return the pixels of a photo as a model takes them, and all of it in its own size.

    Raises:
        DataError: It can't be read; the message is the reason.
    """
    form = ImageSpec(**spec)
    try:
        pixels = decode(content, form)
        whole = decode_whole(content, 1 if form.channels == 1 else 3, "", form.max_megapixels)
    except BadImage as error:
        raise DataError(error.reason) from error
    return {"pixels": pixels, "whole": np.asarray(whole)}


def _check_size(content: bytes, megapixels: int) -> None:
    width, height = describe(content).size
    if width * height > megapixels * 10**6:
        raise DataError(f"{width}x{height} pixels, more than {megapixels} megapixels")
