"""The only decoder: an image file in, pixels out, the same in training and in every prediction.

What it does, in this order: the format is detected from the content, out of a short list; the
number of pixels is checked; the first frame is decoded (a large JPEG at a half, a quarter
or an eighth, while at least twice the wanted size remains, or as the limit requires); the mode
becomes L or RGB; EXIF orientation is applied; one resize.

Whoever changes the pixels of any image counts up `imgrec.versions.DECODER`.
"""

from __future__ import annotations

import io
import logging
import threading
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image, TiffImagePlugin
from PIL.JpegImagePlugin import JpegImageFile

from imgrec.data.images.files import ImageContent, check_file, content_of, file_reason, reason
from imgrec.data.images.formats import EMPTY, open_image
from imgrec.data.images.resizing import Box, resize
from imgrec.data.images.size import check_size, reduce_jpeg
from imgrec.data.records import MAX_MEGAPIXELS, ImageSource
from imgrec.data.storage import open_file
from imgrec.errors import BadImage, DataError


def flattened(image: Image.Image, channels: int) -> Image.Image:
    """Return the loaded `image` in mode L (`channels` 1) or RGB (3).

    Transparency is laid on white. 16-bit grey is scaled to 8 bits over its whole range.
    RGB becomes grey by ITU-R 601-2. Embedded colour profiles are left alone.

    Raises DataError if the range of the pixels isn't defined (floating point, 32 bits).
    """
    if image.mode == "F":
        raise DataError("floating-point pixels, whose range no format defines")
    if image.mode.startswith("I"):
        image = _eight_bits(image)
    elif image.mode == "LAB":
        image = _from_lab(image)
    elif image.format == "BMP" and image.mode == "RGBA" and image.getchannel("A").getbbox() is None:
        image = image.convert("RGB")  # programs that know no transparency leave it 0
    elif image.mode == "La":  # grey with premultiplied alpha
        image = _on_white(image.convert("LA"))
    elif image.has_transparency_data:
        image = _on_white(image)
    # By way of RGB: some modes have a short cut to grey that gives other values.
    coloured = image if image.mode in {"1", "L"} else _converted(image, "RGB")
    return _converted(coloured, "L" if channels == 1 else "RGB")


def _converted(image: Image.Image, mode: str) -> Image.Image:
    """Return the image in `mode`: itself if it is already, as Pillow would make a copy."""
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


_TRANSPOSE = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SIDEWAYS = {5, 6, 7, 8}

_TURN = {
    90: Image.Transpose.ROTATE_90,
    180: Image.Transpose.ROTATE_180,
    270: Image.Transpose.ROTATE_270,
}

# Pillow's warnings of odd metadata are of no use for ten thousand photos. Once for the whole
# process, as catch_warnings in one thread undoes another's.
warnings.filterwarnings("ignore", module=r"PIL\b")
logging.getLogger("PIL").setLevel(logging.CRITICAL)

# A caller's image may be in several threads, and loading moves the position in its file.
_LOADING = threading.Lock()


@dataclass(frozen=True)
class ImageSpec:
    """The form every image is brought to.

    height, width: pixels, at least 1. channels: 1 (grey) or 3 (RGB).
    interpolation: nearest, bilinear, bicubic, lanczos, box or hamming; all but nearest
    with anti-aliasing.
    fit: what to do with another aspect ratio. `stretch`: each side is scaled on its own. `crop`:
    the image is scaled until it covers the size, and its middle is taken. `pad`: it is scaled
    until it fits inside, in the middle of black (0).
    turn: degrees, counter-clockwise, by which the upright image is turned before that.
    max_megapixels: how many megapixels of an image are decoded at most; larger ones are refused.
    """

    height: int
    width: int
    channels: int
    interpolation: str = "bilinear"
    fit: Literal["stretch", "crop", "pad"] = "stretch"
    turn: Literal[0, 90, 180, 270] = 0
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
            return _middle(size, self)
        width, height = _scaled(size, self)
        across, down = size[0] / width, size[1] / height
        left, upper = (self.width - width) // 2 * across, (self.height - height) // 2 * down
        return -left, -upper, self.width * across - left, self.height * down - upper


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
    name = name or (str(source) if isinstance(source, Path) else "image")
    found = content_of(source, name)
    try:
        with _image(found) as image:
            return _fitted(_upright(image, spec), spec)
    except Exception as error:
        raise BadImage(name, reason(error, found)) from error


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
    found = content_of(source, name)
    try:
        with _image(found) as image:
            upright = _upright(image, spec)
    except Exception as error:
        raise BadImage(name, reason(error, found)) from error
    if max(upright.size) > side:
        upright = resize(upright, _scaled(upright.size, spec), spec.interpolation)
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
    found = content_of(source, name)
    try:
        with _image(found) as image:
            # As large as any: nothing is reduced but for the limit.
            side = max(image.size)
            spec = ImageSpec(side, side, channels, max_megapixels=max_megapixels)
            return _upright(image, spec)
    except Exception as error:
        raise BadImage(name or "image", reason(error, found)) from error


@dataclass(frozen=True)
class Header:
    """What is known of an image before it is decoded.

    size: (width, height) in pixels, standing upright. mode: how its pixels are stored, by
    Pillow's names: L, RGB, RGBA, CMYK, P, ...
    """

    size: tuple[int, int]
    mode: str


def describe(source: ImageSource, name: str = "") -> Header:
    """Return the header of an image; of a file, nothing more is read.

    name: what errors call it; by default, the path. Raises BadImage if the source can't be read
    or doesn't begin like an image.
    """
    if isinstance(source, Path):
        return _described_file(source, name or str(source))
    found = content_of(source, name)
    try:
        with _image(found) as image:
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


def _image(found: ImageContent) -> Image.Image:
    if isinstance(found, Image.Image):
        with _LOADING:
            return found.copy()
    return _from_array(found) if isinstance(found, np.ndarray) else _opened(found)


def _opened(content: bytes) -> Image.Image:
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


def _upright(image: Image.Image, spec: ImageSpec) -> Image.Image:
    """Return the first frame of `image` in L or RGB, loaded, turned as EXIF and `spec` say."""
    if isinstance(image, JpegImageFile):
        width, height = image.size
        if (orientation(image) in _SIDEWAYS) != (spec.turn in {90, 270}):
            height, width = _scaled((height, width), spec)
        else:
            width, height = _scaled((width, height), spec)
        reduce_jpeg(image, (2 * width, 2 * height), spec.max_megapixels)
    else:
        check_size(image.size, spec.max_megapixels)
    image.load()
    # Only now: PNG may have it after the pixels, and TIFF is turned while loading.
    upright = _TRANSPOSE.get(orientation(image))
    flat = flattened(image, spec.channels)
    for turn in (upright, _TURN.get(spec.turn)):
        flat = flat if turn is None else flat.transpose(turn)
    return flat


def orientation(image: Image.Image) -> int:
    """Return EXIF's orientation, 1 to 8; 1 where there is none, or none that can be read."""
    try:
        # Not image.getexif(): PNG's loads the pixels, and what that raises would be lost here.
        found = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except Exception:  # noqa: BLE001 - broken EXIF raises anything, and the pixels may be sound
        return 1
    return found if found in _TRANSPOSE else 1


def upright_size(image: Image.Image) -> tuple[int, int]:
    """Return the (width, height) in pixels that an image has when it stands upright."""
    width, height = image.size
    # TIFF's plugin has taken orientation into account already.
    sideways = image.format != "TIFF" and orientation(image) in _SIDEWAYS
    return (height, width) if sideways else (width, height)


def _fitted(image: Image.Image, spec: ImageSpec) -> NDArray[np.uint8]:
    width, height = _scaled(image.size, spec)
    box = _middle(image.size, spec) if spec.fit == "crop" else None
    resized = np.array(resize(image, (width, height), spec.interpolation, box), np.uint8)
    pixels = np.zeros((spec.height, spec.width, spec.channels), np.uint8)
    top, left = (spec.height - height) // 2, (spec.width - width) // 2
    pixels[top : top + height, left : left + width] = resized.reshape(height, width, -1)
    return pixels


def _scaled(size: tuple[int, int], spec: ImageSpec) -> tuple[int, int]:
    """Return the (width, height) that an upright image of `size` has after the resize."""
    width, height = size
    if spec.fit != "pad":
        return spec.width, spec.height
    if width * spec.height > height * spec.width:
        return spec.width, max(1, round(height * spec.width / width))
    return max(1, round(width * spec.height / height)), spec.height


def _middle(size: tuple[int, int], spec: ImageSpec) -> Box:
    """Return left, upper, right and lower of the largest part of the spec's aspect ratio."""
    width, height = size
    left = max(0.0, (width - height * spec.width / spec.height) / 2)
    upper = max(0.0, (height - width * spec.height / spec.width) / 2)
    return left, upper, width - left, height - upper
