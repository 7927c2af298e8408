"""Image formats: opening a file with Pillow, and naming what can't be opened."""

from __future__ import annotations

import io
import mmap
import os
import threading
from importlib.util import find_spec
from typing import IO

from PIL import Image, UnidentifiedImageError, features

from imgrec.data.images.jpeg import MAX_EXIF, check_exif, is_jpeg, open_jpeg
from imgrec.data.images.signatures import HEAD, content_type, is_heic
from imgrec.data.images.size import check_metadata
from imgrec.data.images.tiff import check_tags, is_tiff, repair, unsupported
from imgrec.errors import DataError
from imgrec.text import printable

FORMATS = ("JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000")

NO_IMAGE = "not an image"
"""The beginning of the reason of a BadImage whose content is not an image at all."""

BROKEN = "broken image"
"""The beginning of the reason of a BadImage whose content is damaged or incomplete."""

EMPTY = "empty file"

_unlimited = threading.Lock()


def open_image(file: IO[bytes]) -> Image.Image:
    """Return the image in `file`, of any size; only its header is read.

    Raises:
        DataError: The content is not an image that can be read; the message is the reason.
    """
    head = file.read(HEAD)
    _check_before(file, head)
    file.seek(0)
    try:
        image = _open(file, head)
    except (UnidentifiedImageError, KeyError) as error:  # KeyError: TIFF's unknown compressions
        file.seek(0)
        raise DataError(_why_unidentified(head, file)) from error
    check_metadata(image)
    if is_tiff(image):
        repair(image)
    if (
        image.mode == "P" and image.palette is None
    ):  # Pillow would take the colours' numbers for grey
        raise DataError(f"{BROKEN} ({image.format} without a palette)")
    return image


def load(image: Image.Image) -> None:
    """Load the pixels of the first frame, and release what else its decoder holds."""
    image.load()
    for decoder in ("_decoder", "_heif_file"):  # of WebP and AVIF, and of HEIC
        if decoder in vars(image):
            setattr(image, decoder, None)


def is_damaged(reason: str) -> bool:
    """Return whether `reason`, of a BadImage, is about a file that no program can read as an image.

    Not one that is too large, in another format, or out of reach.
    """
    return reason.startswith((NO_IMAGE, BROKEN, EMPTY))


def _check_before(file: IO[bytes], head: bytes) -> None:
    """Raise DataError for what takes much memory already when Pillow opens the file."""
    if head[:2] in {b"II", b"MM"}:
        check_tags(file)
    elif head[:2] == b"\xff\xd8" and file.seek(0, os.SEEK_END) > MAX_EXIF:
        if isinstance(file, io.BytesIO):
            check_exif(file.getvalue())
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            check_exif(content)


def _open(file: IO[bytes], head: bytes) -> Image.Image:
    if is_jpeg(head):
        return open_jpeg(file)
    return _open_heic(file) if is_heic(head) else _open_any(file)


def _open_any(file: IO[bytes]) -> Image.Image:
    try:
        return Image.open(file, formats=FORMATS)
    except Image.DecompressionBombError:
        file.seek(0)
    # Pillow's limit is one of the whole process; only the header is read without it.
    with _unlimited:
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            return Image.open(file, formats=FORMATS)
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def _open_heic(file: IO[bytes]) -> Image.Image:
    try:
        from pillow_heif import HeifImageFile
    except ImportError as error:
        raise DataError('HEIC, which needs `pip install "imgrec[heif]"`') from error
    try:
        image: Image.Image = HeifImageFile(file)
    except SyntaxError as error:
        raise DataError(f"{BROKEN} (HEIC: {printable(str(error))})") from error
    return image


def _readable() -> str:
    """Return the names of the formats that can be read here."""
    heic = ("HEIC",) if find_spec("pillow_heif") else ()
    return ", ".join((*FORMATS, *heic))


def _why_unidentified(head: bytes, file: IO[bytes]) -> str:
    found = content_type(head)
    if found is None:
        return f"{NO_IMAGE}, or not in one of these formats: {_readable()}"
    if found.kind == "other":
        return f"{NO_IMAGE}, but {found.name}"
    if found.kind == "image":
        return f"{found.name}, not one of these formats: {_readable()}"
    if found.name == "AVIF" and not features.check("avif"):
        return "AVIF, which this build of Pillow can't read: install the one from PyPI"
    return (found.name == "TIFF" and unsupported(file)) or f"{BROKEN} ({found.name} header)"
