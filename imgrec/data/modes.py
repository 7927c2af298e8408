"""From the many ways a file may store its pixels to 8-bit grey or RGB."""

from __future__ import annotations

import numpy as np
from PIL import ExifTags, Image, TiffImagePlugin

from imgrec.errors import DataError


def flattened(image: Image.Image, channels: int) -> Image.Image:
    """Return the loaded `image` in mode L (`channels` 1) or RGB (3).

    Transparency is laid on white. 16-bit grey is scaled to 8 bits over its whole range.
    RGB becomes grey by ITU-R 601-2. Embedded colour profiles are left alone.

    Raises DataError where the range of the pixels isn't defined (floating point, 32 bits).
    """
    if image.mode == "F":
        raise DataError("floating-point pixels, whose range no format defines")
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    elif image.mode == "LAB":
        image = _from_lab(image)
    elif image.has_transparency_data:
        image = _on_white(image)
    # By way of RGB: some modes have a short cut to grey that gives other values.
    coloured = image if image.mode in {"1", "L"} else _converted(image, "RGB")
    return _converted(coloured, "L" if channels == 1 else "RGB")


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """Return the image in `mode`: itself where it has it, of which Pillow would make a copy."""
    return image if image.mode == mode else image.convert(mode)


def _eight_bits(image: Image.Image) -> Image.Image:
    """Return grey pixels of up to 16 bits, rounded to 8 bits, as mode L."""
    if image.mode == "I" and image.format not in {"PNG", "PPM"}:
        raise DataError("signed or 32-bit pixels, whose range no format defines")
    wide = np.asarray(image).astype(np.uint32)
    tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
    bits = 12 if tags.get(ExifTags.Base.BitsPerSample) == (12,) else 16
    highest = (1 << bits) - 1
    if tags.get(ExifTags.Base.PhotometricInterpretation) == 0:  # TIFF may store negatives
        wide = highest - wide
    transparent = image.info.get("transparency")
    if transparent is not None:
        wide[wide == transparent] = highest
    return Image.fromarray(((wide * 255 + highest // 2) // highest).astype(np.uint8))


def _from_lab(image: Image.Image) -> Image.Image:
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(lab, srgb, "LAB", "RGB")
    converted = ImageCms.applyTransform(image, transform)
    return image if converted is None else converted


def _on_white(image: Image.Image) -> Image.Image:
    picture = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture)
