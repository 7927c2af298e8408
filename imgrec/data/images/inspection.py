"""One look at an image: its header, its bytes, its pixels, or what is wrong with it."""

from __future__ import annotations

import io
from collections.abc import Container, Iterable, Iterator
from functools import partial
from pathlib import Path

import numpy as np
from msgspec import Struct
from msgspec.structs import replace
from numpy.typing import NDArray
from PIL import ExifTags, Image

from imgrec.data.images.conversion import parts
from imgrec.data.images.decoder import decode, describe, pixels_of
from imgrec.data.images.files import ImageContent, content_of, identity_of, identity_of_source
from imgrec.data.images.formats import open_image
from imgrec.data.images.opening import opened
from imgrec.data.images.orientation import orientation, upright_size
from imgrec.data.images.spec import ImageSpec
from imgrec.data.images.tiff import is_tiff
from imgrec.data.records import HasName, ImageSource, Photo, Record
from imgrec.data.storage import is_file, open_file
from imgrec.data.suffixes import format_of
from imgrec.errors import BadImage
from imgrec.parallel import map_in_order, usable_cores
from imgrec.scores import Skipped

_BYTE = 255
_ENCODINGS = ("ascii", "utf-16-be")
_PIXEL_MODES = {1: "L", 3: "RGB", 4: "RGBA"}


class Traits(Struct, frozen=True):
    """An image as it is stored.

    format, mode: as Pillow calls them; `pixels` for those of an array. width, height: pixels,
    standing upright. rotated: EXIF says to turn it. animated: it has several frames or pages.
    transparent: it has an alpha channel or a transparent colour. profile: it has a colour profile
    other than sRGB. bits: per channel, as far as they
    are known. used_bits: how many of them its brightest value takes, if there are more than 8.
    unused_channels: how many it has beside those of `mode`.
    """

    format: str
    mode: str
    width: int
    height: int
    rotated: bool = False
    animated: bool = False
    transparent: bool = False
    profile: bool = False
    bits: int = 8
    used_bits: int = 8
    unused_channels: int = 0


def traits_of(source: ImageSource | ImageContent, *, header_only: bool = False) -> Traits:
    """Return the traits of an image that is known to be readable.

    The pixels of content are decoded if they have more than 8 bits. Of a path, or with
    `header_only`, nothing but the header is read; all bits are taken to be used.
    """
    if isinstance(source, Path):
        with open_file(source) as file, open_image(file) as image:
            return _traits(image)
    content = content_of(source)
    if isinstance(content, bytes):
        with open_image(io.BytesIO(content)) as image:
            found = _traits(image)
            if header_only or found.bits <= 8:
                return found
            return replace(found, used_bits=_used_bits(image))
    pixels = np.asarray(content)
    height, width, channels = (*pixels.shape, 1)[:3]
    mode = _PIXEL_MODES[channels]
    return Traits("pixels", mode, width, height, transparent=mode == "RGBA")


def _traits(image: Image.Image) -> Traits:
    bits = _bits(image)
    return Traits(
        image.format or "",
        image.mode,
        *upright_size(image),
        rotated=orientation(image) != 1,
        animated=_animated(image),
        transparent=image.has_transparency_data,
        profile=_has_profile(image),
        bits=bits,
        used_bits=bits,
        unused_channels=_unused_channels(image),
    )


def _animated(image: Image.Image) -> bool:
    if image.format == "MPO":  # a photo with previews, or from two lenses
        return False
    try:
        return bool(getattr(image, "is_animated", False))
    except Exception:  # noqa: BLE001 - later frames may be broken in any way; they are not used
        return False


def _has_profile(image: Image.Image) -> bool:
    profile = image.info.get("icc_profile")
    if not isinstance(profile, bytes):  # a TIFF can have a number there
        return False
    # Version 4 of the standard has descriptions in UTF-16.
    return profile != b"" and not any("sRGB".encode(code) in profile for code in _ENCODINGS)


def _unused_channels(image: Image.Image) -> int:
    if not is_tiff(image):
        return 0
    channels = int(image.tag_v2.get(ExifTags.Base.SamplesPerPixel, 1))
    return max(0, channels - len(image.getbands()))


def _bits(image: Image.Image) -> int:
    """Return how many bits a channel of an opened image has, 8 if that is not known or fewer."""
    if is_tiff(image):
        return max(8, *(image.tag_v2.get(ExifTags.Base.BitsPerSample) or (1,)))
    if image.format == "HEIF":
        return int(image.info.get("bit_depth", 8))
    # Pillow opens 16-bit colour as 8-bit; only its tiles show the depth.
    args = [tile.args for tile in getattr(image, "tile", ())]
    wide = image.mode.startswith("I") or (image.format == "PNG" and ";16" in str(args))
    if image.format == "PPM":  # beside the mode, the largest value
        wide |= any(isinstance(each, tuple) and each[1] > _BYTE for each in args)
    return 16 if wide else 8


def _used_bits(image: Image.Image) -> int:
    """Return how many bits the largest value takes; of colours, Pillow keeps the upper 8."""
    bits = _bits(image)
    image.load()
    brightest = max(_brightest(part) for _, part in parts(image))
    return brightest.bit_length() + (0 if image.mode.startswith("I") else bits - 8)


def _brightest(image: Image.Image) -> int:
    values = np.asarray(image)
    return int((values[..., :3] if image.mode == "RGBA" else values).max())


class InspectedImage(Struct, frozen=True):
    """What reading and decoding an image has shown.

    identity: the SHA-256 of the content in hexadecimal, empty if it can't be read. pixels: uint8
    (height, width, channels), or why there are none. traits: what the image is like before it is
    decoded, None if it can't be.
    """

    identity: str
    pixels: NDArray[np.uint8] | BadImage
    traits: Traits | None = None

    @property
    def fault(self) -> str:
        """Why there are no pixels, empty if there are some."""
        return self.pixels.reason if isinstance(self.pixels, BadImage) else ""


def inspect_image(record: Record, spec: ImageSpec) -> InspectedImage:
    """Read an image once, decode it in the form `spec`, and find out what it is like."""
    identity = ""
    try:
        with opened(record.source, spec, record.name, spec.width) as found:
            identity = identity_of(found.content)
            pixels = pixels_of(found, spec)
            return InspectedImage(identity, pixels, traits_of(found.content))
    except BadImage as error:
        return InspectedImage(identity or identity_of_source(record), _bare(error))


def read_new(
    photo: Photo, spec: ImageSpec, known: Container[str]
) -> tuple[str, NDArray[np.uint8] | BadImage | None]:
    """Return the SHA-256 of a photo and its pixels, as `decode`, or why there are none.

    The SHA-256 is empty if the photo can't be read, the pixels None if it is one of `known`.
    """
    if isinstance(photo.source, BadImage):
        return "", photo.source
    identity = ""
    try:
        with opened(photo.source, spec, photo.name, spec.width) as found:
            identity = identity_of(found.content)
            return identity, None if identity in known else pixels_of(found, spec)
    except BadImage as error:
        return identity, _bare(error)


def decoded(image: Record | Photo, spec: ImageSpec) -> NDArray[np.uint8] | BadImage:
    """Return the pixels of an image, as `decode`, or why there are none."""
    if isinstance(image.source, BadImage):
        return image.source
    try:
        return decode(image.source, spec, image.name)
    except BadImage as error:
        return _bare(error)


def _bare(error: BadImage) -> BadImage:
    """Return the error without its traceback, which keeps the content of the image in memory."""
    return BadImage(error.name, error.reason)


def decode_in_order(
    records: Iterable[HasName], spec: ImageSpec, workers: int = 2, ahead: int = 64
) -> Iterator[tuple[HasName, NDArray[np.uint8] | BadImage]]:
    """Yield each record with its pixels, uint8 (height, width, channels), in order.

    Pillow releases Python's lock while it decodes, so several threads do.

    Args:
        records: Maybe without end.
        spec: The form of the pixels.
        workers: How many threads decode.
        ahead: How many images are in memory at most before the consumer asks for them.

    Returns:
        Each record with its pixels, or with the BadImage that says why there are none.
    """
    return map_in_order(partial(_decoded, spec=spec), records, workers, ahead)


def _decoded(record: HasName, spec: ImageSpec) -> tuple[HasName, NDArray[np.uint8] | BadImage]:
    return record, decoded(record, spec)


def bad_headers(records: Iterable[Record]) -> tuple[Skipped, ...]:
    """Return the files among the records that don't begin like an image that can be read."""
    files = (record for record in records if isinstance(record.source, Path))
    found = map_in_order(_bad_header, files, usable_cores(), 64)
    return tuple(each for each in found if each is not None)


def bad_unnamed(records: Iterable[Record]) -> tuple[Skipped, ...]:
    """Return the files among the records that are missing, or no images by name and by content.

    Only the headers of files without the suffix of an image are read.
    """
    return bad_headers(
        record
        for record in records
        if isinstance(record.source, Path)
        and (format_of(record.source.name) is None or not is_file(record.source))
    )


def _bad_header(record: Record) -> Skipped | None:
    try:
        describe(record.source, record.name)
    except BadImage as error:
        return Skipped(record.name, error.reason)
    return None
