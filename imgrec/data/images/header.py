"""What an image is like before it is decoded, from its header."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

from imgrec.data.images.decoder import orientation, upright_size
from imgrec.data.images.files import FORMATS, ImageContent

_PIXEL_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


@dataclass(frozen=True, slots=True)
class Traits:
    """An image as it is stored.

    format, mode: as Pillow calls them; `pixels` for those of an array. width, height: pixels,
    standing upright. rotated: EXIF says to turn it. animated: it has several frames.
    sixteen_bit: more than 8 bits a channel.
    """

    format: str
    mode: str
    width: int
    height: int
    rotated: bool = False
    animated: bool = False
    sixteen_bit: bool = False


def traits_of(content: ImageContent) -> Traits:
    """Return the traits of an image that is known to be readable; no pixel is decoded."""
    if not isinstance(content, bytes):
        content = np.asarray(content)
        height, width, channels = (*content.shape, 1)[:3]
        return Traits("pixels", _PIXEL_MODES[channels], width, height)
    with Image.open(io.BytesIO(content), formats=FORMATS) as image:
        return Traits(
            image.format or "",
            image.mode,
            *upright_size(image),
            rotated=orientation(image) != 1,
            animated=_animated(image),
            sixteen_bit=_sixteen_bit(image),
        )


def _animated(image: Image.Image) -> bool:
    if image.format == "MPO":  # a photo with previews, or from two lenses
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001 - later frames may be broken in any way; they are not used
        return False


def _sixteen_bit(image: Image.Image) -> bool:
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return max(image.tag_v2.get(ExifTags.Base.BitsPerSample) or (1,)) > 8
    # Pillow opens 16-bit colour as 8-bit; only the raw mode of its tiles shows the depth.
    return image.mode.startswith("I") or ";16" in str(getattr(image, "tile", ""))
