"""From every mode of Pillow to grey or RGB, 8 bits, without transparency."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from PIL import ExifTags, Image

from imgrec.data.images.tiff import is_tiff
from imgrec.errors import DataError

# Pixels. Larger images are converted in parts, as some conversions take 20 bytes for each.
_PART = 1 << 20

_Conversion = Callable[[Image.Image], Image.Image]


def flattened(image: Image.Image, channels: int) -> Image.Image:
    """Return the loaded `image` in mode L (`channels` 1) or RGB (3).

    Transparency is laid on white. 16-bit grey is scaled to 8 bits over its whole range.
    RGB becomes grey by ITU-R 601-2. Embedded colour profiles are left alone.

    Raises DataError if the range of the pixels isn't defined (floating point, 32 bits).
    """
    mode = "L" if channels == 1 else "RGB"
    if image.mode == mode and not image.has_transparency_data:
        return image
    opaque = _opaque(image)
    if image.width * image.height <= _PART:
        return _converted(opaque(image), mode)
    flat = Image.new(mode, image.size)
    for top, part in parts(image):
        flat.paste(_converted(opaque(part), mode), (0, top))
    return flat


def parts(image: Image.Image) -> Iterator[tuple[int, Image.Image]]:
    """Yield the loaded image in parts of some rows, each with the number of its first row."""
    rows = max(1, _PART // image.width)
    for top in range(0, image.height, rows):
        yield top, image.crop((0, top, image.width, min(image.height, top + rows)))


def _opaque(image: Image.Image) -> _Conversion:
    """Return what makes parts of `image` opaque, with 8 bits per channel."""
    if image.mode == "F":
        raise DataError("floating-point pixels, whose range no format defines")
    if image.mode.startswith("I"):
        return _eight_bits(image)
    if image.mode == "LAB":
        return _from_lab
    if image.format == "BMP" and image.mode == "RGBA" and image.getchannel("A").getbbox() is None:
        return partial(_converted, mode="RGB")  # programs that know no transparency leave it 0
    if image.mode == "La":  # grey with premultiplied alpha
        return lambda part: _on_white(part.convert("LA"))
    return _on_white if image.has_transparency_data else lambda part: part


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """Return an opaque image in `mode`: itself if it is already, as Pillow would make a copy."""
    # By way of RGB: some modes have a short cut to grey that gives other values.
    for each in ("RGB", mode) if image.mode not in {"1", "L"} else (mode,):
        image = image if image.mode == each else image.convert(each)
    return image


def _eight_bits(image: Image.Image) -> _Conversion:
    """Return what rounds grey pixels of up to 16 bits to 8 bits, as mode L."""
    if image.mode == "I" and image.format not in {"PNG", "PPM"}:
        raise DataError("signed or 32-bit pixels, whose range no format defines")
    tags = image.tag_v2 if is_tiff(image) else {}
    bits = 12 if tags.get(ExifTags.Base.BitsPerSample) == (12,) else 16
    highest = (1 << bits) - 1
    negative = tags.get(ExifTags.Base.PhotometricInterpretation) == 0  # TIFF may store negatives
    transparent = image.info.get("transparency")

    def convert(part: Image.Image) -> Image.Image:
        wide = np.asarray(part).astype(np.uint32)
        if negative:
            wide = highest - wide
        if transparent is not None:
            wide[wide == transparent] = highest
        return Image.fromarray(((wide * 255 + highest // 2) // highest).astype(np.uint8))

    return convert


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    converted = ImageCms.applyTransform(image, transform)
    return image if converted is None else converted


def _on_white(image: Image.Image) -> Image.Image:
    picture = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
