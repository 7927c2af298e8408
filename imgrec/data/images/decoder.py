"""The only decoder: an image file in, pixels out, the same in training and in every prediction.

What it does, in this order: the format is detected from the content, out of a short list; the
number of pixels is checked; the first frame is decoded (a large JPEG at a half, a quarter
or an eighth, while at least twice the wanted size remains, or as the limit requires); the mode
becomes L or RGB; EXIF orientation is applied; one resize. A corruption, if there is one, comes
right before the resize or right after it.

Whoever changes the pixels of any image counts up `imgrec.versions.DECODER`.
"""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray
from PIL import Image

from imgrec.data.images.conversion import flattened
from imgrec.data.images.files import (
    ImageContent,
    check_file,
    content_of,
    file_reason,
    identity_of,
    reason,
)
from imgrec.data.images.formats import load, open_image
from imgrec.data.images.opening import Opened, image_of, opened
from imgrec.data.images.orientation import TRANSPOSE, orientation, upright_size
from imgrec.data.images.resizing import resize
from imgrec.data.images.size import MAX_SIDE
from imgrec.data.images.spec import ImageSpec
from imgrec.data.records import MAX_MEGAPIXELS, ImageSource
from imgrec.data.storage import open_file
from imgrec.errors import BadImage, DataError

# Pillow's warnings of odd metadata are of no use for ten thousand photos. Once for the whole
# process, as catch_warnings in one thread undoes another's.
warnings.filterwarnings("ignore", module=r"PIL\b")
logging.getLogger("PIL").setLevel(logging.CRITICAL)


def decode(
    source: ImageSource | ImageContent, spec: ImageSpec, name: str = ""
) -> NDArray[np.uint8]:
    """Return the image as uint8 (spec.height, spec.width, spec.channels).

    Args:
        source: A file or a part of one, the content of either, pixels (height, width) or
            (height, width, 1 | 3 | 4), or a Pillow image, which is not changed.
        spec: The form of the result.
        name: What errors call it; by default, the path.

    Raises:
        BadImage: The source is not an image, or can't be read to its end.
    """
    with opened(source, spec, name, spec.width) as found:
        return pixels_of(found, spec)


def pixels_of(found: Opened, spec: ImageSpec) -> NDArray[np.uint8]:
    """Return the pixels of an opened image in the form `spec`, and close it."""
    pixels = _fitted(_upright(found.image, spec), spec, found.content)
    found.image.close()
    return pixels


def miniature(
    source: ImageSource | ImageContent,
    side: int,
    name: str = "",
    max_megapixels: int = MAX_MEGAPIXELS,
) -> NDArray[np.uint8]:
    """Return the whole image as uint8 (height, width, 3), its longer side at most `side` pixels.

    A smaller image keeps its size. source: as in `decode`; max_megapixels: as in ImageSpec.
    Raises BadImage like `decode`.
    """
    spec = ImageSpec(side, side, 3, fit="pad", max_megapixels=max_megapixels)
    with opened(source, spec, name, side) as found:
        upright = _upright(found.image, spec)
        if max(upright.size) > side:
            upright = resize(upright, spec.scaled(upright.size), spec.interpolation)
        return np.array(upright, np.uint8)


def decode_whole(
    source: ImageSource | ImageContent,
    channels: Literal[1, 3],
    name: str = "",
    max_megapixels: int = MAX_MEGAPIXELS,
) -> Image.Image:
    """Return the whole image in its own size, standing upright, in L or RGB.

    A JPEG of more than `max_megapixels` is decoded at a half, a quarter or an eighth of its size.
    source, name: as in `decode`. Raises BadImage like that.
    """
    # As large as any: nothing is reduced but for the limit.
    spec = ImageSpec(MAX_SIDE, MAX_SIDE, channels, max_megapixels=max_megapixels)
    with opened(source, spec, name) as found:
        return _upright(found.image, spec)


class Header(Struct, frozen=True):
    """What is known of an image before it is decoded.

    size: (width, height) in pixels, standing upright. mode: how its pixels are stored, by
    Pillow's names: L, RGB, RGBA, CMYK, P, ...
    """

    size: tuple[int, int]
    mode: str


def describe(source: ImageSource | ImageContent, name: str = "") -> Header:
    """Return the header of an image; of a file, nothing more is read.

    name: what errors call it; by default, the path. Raises BadImage if the source can't be read
    or doesn't begin like an image.
    """
    if isinstance(source, Path):
        return _described_file(source, name or str(source))
    found = content_of(source, name)
    try:
        with image_of(found) as image:
            return Header(upright_size(image), image.mode)
    except Exception as error:
        raise BadImage(name or "image", reason(error, found)) from error


def _described_file(path: Path, name: str) -> Header:
    try:
        check_file(path)
        with open_file(path) as file, open_image(file) as image:
            return Header(upright_size(image), image.mode)
    except (OSError, ValueError, DataError) as error:
        raise BadImage(name, file_reason(path, error)) from error
    except Exception as error:
        raise BadImage(name, reason(error)) from error


def _upright(image: Image.Image, spec: ImageSpec) -> Image.Image:
    """Return the first frame of an opened image in L or RGB, rotated as EXIF and `spec` say."""
    load(image)
    # Only now: PNG may have it after the pixels, and TIFF is turned while loading.
    upright = TRANSPOSE.get(orientation(image))
    flat = flattened(image, spec.channels)
    if flat is not image:
        image.close()  # its pixels are not needed while others are copied
    flat = flat if upright is None else flat.transpose(upright)
    if flat is not image:
        image.close()
    if spec.corruption is None:
        return flat
    from imgrec.data.images.corrupting import rotated

    return rotated(flat, spec.corruption)


def _fitted(image: Image.Image, spec: ImageSpec, content: ImageContent) -> NDArray[np.uint8]:
    width, height = spec.scaled(image.size)
    box = spec.middle(image.size) if spec.fit == "crop" else None
    small = resize(image, (width, height), spec.interpolation, box)
    if spec.corruption:
        from imgrec.data.images.corrupting import corrupted

        small = corrupted(small, spec.corruption, lambda: int(identity_of(content), 16))
    resized = np.array(small, np.uint8)
    pixels = np.zeros((spec.height, spec.width, spec.channels), np.uint8)
    top, left = (spec.height - height) // 2, (spec.width - width) // 2
    pixels[top : top + height, left : left + width] = resized.reshape(height, width, -1)
    return pixels
