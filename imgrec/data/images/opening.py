"""Opening an image: its limits are checked, and the memory that it takes is reserved."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from imgrec.data.images.budget import MEMORY
from imgrec.data.images.files import ImageContent, content_of, reason, size_of
from imgrec.data.images.formats import EMPTY, open_image
from imgrec.data.images.jpeg import reduce_jpeg
from imgrec.data.images.jpeg2000 import memory_for_blocks
from imgrec.data.images.memory import (
    check_decoding_memory,
    check_file_size,
    memory_to_decode,
    memory_to_open,
)
from imgrec.data.images.orientation import SIDEWAYS, orientation
from imgrec.data.images.size import check_size, check_slow, is_slow
from imgrec.data.images.spec import ImageSpec
from imgrec.data.images.tiff import check_blocks, is_tiff
from imgrec.data.records import ImageSource
from imgrec.errors import BadImage, DataError

# A caller's image may be in several threads, and loading moves the position in its file.
_LOADING = threading.Lock()


@dataclass
class Opened:
    """An image that is about to be loaded, and its content; both are released after the block."""

    image: Image.Image
    content: ImageContent


@contextmanager
def opened(
    source: ImageSource | ImageContent, spec: ImageSpec, name: str = "", row: int = 0
) -> Iterator[Opened]:
    """Yield an image that is about to be loaded.

    A JPEG is prepared to be loaded at a fraction of its size. Until the block ends, the memory is
    reserved that `decode` takes; a thread waits for it while it holds nothing.

    Args:
        source: As in `decode`.
        spec: As in `decode`.
        name: As in `decode`.
        row: How many pixels a row has after the resize, 0 if there is none.

    Raises:
        BadImage: It can't be opened, is beyond a limit, or the block raises anything.
    """
    name = name or (str(source) if isinstance(source, Path) else "image")
    needed = size_of(source)
    content: ImageContent | None = None
    try:
        check_file_size(needed, spec.max_megapixels)
        while True:
            content = image = None
            with MEMORY.reserved(needed) as share:
                content = content_of(source, name)
                needed = max(needed, memory_to_open(content, spec.max_megapixels))
                if not share.grow(needed):
                    continue
                with image_of(content) as image:
                    needed = max(needed, _prepare(image, content, spec, row))
                    if share.grow(needed):
                        found = Opened(image, content)
                        yield found
                        # Before others may have the memory.
                        content = found.content = b""
                        return
    except BadImage:
        raise
    except Exception as error:
        raise BadImage(name, reason(error, content)) from error


def image_of(content: ImageContent) -> Image.Image:
    """Return an image that is not loaded yet; a caller's image is copied.

    Raises DataError, or anything that Pillow does.
    """
    if isinstance(content, Image.Image):
        with _LOADING:
            return content.copy()
    if isinstance(content, np.ndarray):
        return _from_array(content)
    if not content:
        raise DataError(EMPTY)
    return open_image(io.BytesIO(content))


def _from_array(pixels: NDArray[np.uint8]) -> Image.Image:
    if pixels.shape[2:] == (1,):
        pixels = pixels[:, :, 0]
    plain = pixels.ndim == len(("height", "width"))
    if pixels.dtype != np.uint8 or not (plain or pixels.shape[2:] in {(3,), (4,)}):
        raise DataError(f"pixels of shape {pixels.shape} and type {pixels.dtype}")
    return Image.fromarray(pixels)


def _prepare(image: Image.Image, content: ImageContent, spec: ImageSpec, row: int) -> int:
    """Check the limits of an opened image, and return how many bytes decoding it takes."""
    stored = orientation(image)
    rotation = spec.corruption if spec.corruption and spec.corruption.kind == "rotate" else None
    sideways = (stored in SIDEWAYS) != (rotation is not None and rotation.quarter_turns % 2 == 1)
    if isinstance(image, JpegImageFile) and isinstance(content, bytes):
        width, height = spec.scaled(image.size[::-1])[::-1] if sideways else spec.scaled(image.size)
        beside = reduce_jpeg(image, content, (2 * width, 2 * height), spec.max_megapixels)
    else:
        check_size(image.size, spec.max_megapixels)
        beside = _beside(image, content, spec) if isinstance(content, bytes) else 0
    width, height = image.size[::-1] if sideways else image.size
    cropped = spec.fit == "crop" and height * spec.width > width * spec.height
    # PNG may have EXIF after the pixels.
    copied = cropped or stored != 1 or rotation is not None or image.format == "PNG"
    needed = beside + memory_to_decode(image, content, spec.channels, copied=copied)
    needed += row * height * spec.channels
    check_decoding_memory(needed, spec.max_megapixels, image.format, image.size)
    return needed


def _beside(image: Image.Image, content: bytes, spec: ImageSpec) -> int:
    """Check what only one format has, and return the bytes that it takes beside its pixels."""
    if is_tiff(image):
        return check_blocks(image, spec.max_megapixels)
    if image.format == "JPEG2000":
        return memory_for_blocks(content, spec.max_megapixels)
    if image.format in {"BMP", "PPM"} and is_slow(image):
        check_slow(image, content)
    return 0
