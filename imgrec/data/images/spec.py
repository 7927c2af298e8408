"""The form that every image is brought to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.data.images.resizing import Box, resize
from imgrec.data.records import MAX_MEGAPIXELS

if TYPE_CHECKING:
    from imgrec.corruption import Corruption


@dataclass(frozen=True)
class ImageSpec:
    """The form every image is brought to.

    height, width: pixels, at least 1. channels: 1 (grey) or 3 (RGB).
    interpolation: nearest, bilinear, bicubic, lanczos, box or hamming; all but nearest
    with anti-aliasing.
    fit: what to do with another aspect ratio. `stretch`: each side is scaled on its own. `crop`:
    the image is scaled until it covers the size, and its middle is taken. `pad`: it is scaled
    until it fits inside, in the middle of black (0).
    corruption: how the image is changed: a rotation before the resize, anything else after it, but
    before the image is padded.
    max_megapixels: how many megapixels of an image are decoded at most; larger ones are refused.
    """

    height: int
    width: int
    channels: int
    interpolation: str = "bilinear"
    fit: Literal["stretch", "crop", "pad"] = "stretch"
    corruption: Corruption | None = None
    max_megapixels: int = MAX_MEGAPIXELS

    def crop(self, image: Image.Image, box: Box) -> NDArray[np.uint8]:
        """Return a part of an image of `decode_whole`, resized like `decode` does.

        Args:
            image: In the mode that `channels` stands for.
            box: Within the image, of the aspect ratio of `width` and `height`.

        Returns:
            uint8 (height, width, channels).
        """
        resized = np.array(resize(image, (self.width, self.height), self.interpolation, box))
        return resized.reshape(self.height, self.width, self.channels)

    def visible_part(self, size: tuple[int, int]) -> Box:
        """Return the part of an upright image of `size` (width, height) that `decode` keeps.

        Left, upper, right and lower, in pixels; beyond the image if it is padded.
        """
        if self.fit == "crop":
            return self.middle(size)
        width, height = self.scaled(size)
        across, down = size[0] / width, size[1] / height
        left, upper = (self.width - width) // 2 * across, (self.height - height) // 2 * down
        return -left, -upper, self.width * across - left, self.height * down - upper

    def scaled(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the (width, height) that an upright image of `size` has after the resize."""
        width, height = size
        if self.fit != "pad":
            return self.width, self.height
        if width * self.height > height * self.width:
            return self.width, max(1, round(height * self.width / width))
        return max(1, round(width * self.height / height)), self.height

    def middle(self, size: tuple[int, int]) -> Box:
        """Return left, upper, right and lower of the largest part of the spec's aspect ratio."""
        width, height = size
        left = max(0.0, (width - height * self.width / self.height) / 2)
        upper = max(0.0, (height - width * self.height / self.width) / 2)
        return left, upper, width - left, height - upper
