"""What a decoding process does with the bytes of a photo."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, decode, decode_whole, describe, miniature
from imgrec.data.records import MAX_MEGAPIXELS
from imgrec.errors import BadImage, DataError

_WHOLE_MEGAPIXELS = 25
"""Of a photo in its own size; larger JPEGs are decoded at a fraction of it."""


def decode_photo(
    content: bytes,
    specs: list[dict[str, Any]],
    megapixels: int | None = None,
    whole: bool = False,  # noqa: FBT001, FBT002 - arguments go to the child by position
    side: int = 0,
) -> dict[str, NDArray[np.uint8]]:
    """Return the pixels of a photo in each form, by the form's number.

    Args:
        content: The encoded photo.
        specs: The fields of an ImageSpec each.
        megapixels: How many pixels it may have; None for the limit of each form.
        whole: Whether `whole` has all of the photo, in its own size and the first form's colours.
        side: `small` has all of the photo in RGB, with at most so many pixels a side; 0 for none.

    Raises:
        DataError: It can't be read, or is larger; the message is the reason.
    """
    try:
        if megapixels is not None:
            _check_size(content, megapixels)
        forms = [ImageSpec(**spec) for spec in specs]
        found = {str(number): decode(content, form) for number, form in enumerate(forms)}
        if whole:
            channels: Literal[1, 3] = 1 if forms[0].channels == 1 else 3
            image = decode_whole(
                content, channels, "", min(forms[0].max_megapixels, _WHOLE_MEGAPIXELS)
            )
            found["whole"] = np.asarray(image)
        if side:
            most = forms[0].max_megapixels if forms else MAX_MEGAPIXELS
            found["small"] = miniature(content, side, max_megapixels=most)
        return found
    except BadImage as error:
        raise DataError(error.reason) from error


def _check_size(content: bytes, megapixels: int) -> None:
    width, height = describe(content).size
    if width * height > megapixels * 10**6:
        raise DataError(f"{width}x{height} pixels, more than {megapixels} megapixels")
