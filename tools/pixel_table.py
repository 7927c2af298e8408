"""The pixels that images are decoded to under every supported Pillow, as SHA-256.

python -m tools.pixel_table     writes tests/data/pixel_table.json

A row names the codec of its file. Pictures without one, such as PNG, have the same pixels
everywhere; others may differ where the version of their codec does.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import product
from pathlib import Path
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from imgrec.data.images import ImageSpec, decode, decode_whole
from imgrec.errors import BadImage
from imgrec.versions import pixel_versions

PROJECT = Path(__file__).resolve().parent.parent
TABLE = PROJECT / "tests" / "data" / "pixel_table.json"
PICTURES = PROJECT / "tests" / "data" / "pictures"
SHARED = ("data/awkward", "data/photos")
"""Folders below IMGREC_TEST_DATA."""

REFUSED = "refused"

Fit = Literal["stretch", "crop", "pad"]
_SIZES = ((8, 8), (48, 32), (60, 90), (150, 150))
_INTERPOLATIONS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
_CODECS = {
    "JPEG": "libjpeg",
    "MPO": "libjpeg",
    "WEBP": "libwebp",
    "AVIF": "libavif",
    "JPEG2000": "openjpeg",
    "TIFF": "libtiff",
}
_FITS = get_args(Fit)

EVERY_SPEC = tuple(
    ImageSpec(*size, 3, interpolation, fit)
    for size, interpolation, fit in product(_SIZES, _INTERPOLATIONS, _FITS)
)
EVERY_PAIR = tuple(
    ImageSpec(*size, 3, interpolation, _FITS[(place + number) % len(_FITS)])
    for place, size in enumerate(_SIZES)
    for number, interpolation in enumerate(_INTERPOLATIONS)
)
"""For the many pictures of SHARED."""


@dataclass(frozen=True)
class Row:
    """The digests of a picture's pixels, REFUSED if it has none.

    decoded: in its own size and, at a fraction of it if it is a JPEG, in each of the sizes.
    resized: from its own size to each of the sizes by every interpolation, with every fit; of a
        shared picture, with one fit each, so that all pairs are there.
    codec: the library that decoded it, with its version; empty if it needs none.
    """

    decoded: str
    resized: str
    codec: str = ""


def row(content: bytes, specs: Sequence[ImageSpec] = EVERY_SPEC) -> Row:
    """Return the row of an encoded picture, resized as `specs` say."""
    codec = _codec(content)
    try:
        whole = decode_whole(content, 3)
        sizes = (decode(content, ImageSpec(*size, 3)) for size in _SIZES)
        decoded = _digest([np.asarray(whole), np.asarray(decode_whole(content, 1)), *sizes])
    except BadImage:
        return Row(REFUSED, REFUSED, codec)
    return Row(decoded, _digest(decode(whole, spec) for spec in specs), codec)


def drawn_pictures() -> Mapping[str, bytes]:
    """Return pictures of every mode in formats that lose nothing, by their names."""
    colours, grey = _draw(97, 61), _draw(97, 61).getchannel("B")
    alpha = _draw(97, 61).getchannel("R")
    palette = grey.copy()
    palette.putpalette(_draw(16, 16).tobytes(), "RGB")
    wide = np.asarray(grey).astype(np.uint16) * 200 + 9
    sideways = Image.Exif()
    sideways[ExifTags.Base.Orientation] = 6
    return {
        "colours.png": _saved(colours, "PNG"),
        "tall.png": _saved(_draw(31, 130), "PNG"),
        "long.png": _saved(_draw(900, 7), "PNG"),
        "large.png": _saved(_draw(640, 480), "PNG"),
        "grey.png": _saved(grey, "PNG"),
        "bits.png": _saved(grey.convert("1", dither=Image.Dither.NONE), "PNG"),
        "16_bits.png": _saved(Image.fromarray(wide), "PNG"),
        "transparent.png": _saved(Image.merge("RGBA", (*colours.split(), alpha)), "PNG"),
        "transparent_grey.png": _saved(Image.merge("LA", (grey, alpha)), "PNG"),
        "palette.png": _saved(palette, "PNG"),
        "transparent_palette.png": _saved(palette, "PNG", transparency=7),
        "sideways.png": _saved(colours, "PNG", exif=sideways),
        "palette.gif": _saved(palette, "GIF"),
        "colours.bmp": _saved(colours, "BMP"),
        "colours.ppm": _saved(colours, "PPM"),
        "colours.tif": _saved(colours, "TIFF"),
        "cmyk.tif": _saved(colours.convert("CMYK"), "TIFF"),
        "packed.tif": _saved(colours, "TIFF", compression="tiff_lzw"),
        "lossless.webp": _saved(colours, "WEBP", lossless=True, exact=True),
    }


def embedded_pictures() -> Mapping[str, bytes]:
    """Return the pictures in `tests/data/pictures`, whose formats lose something, by name."""
    return {path.name: path.read_bytes() for path in sorted(PICTURES.iterdir())}


def shared_pictures(folder: str) -> Iterator[tuple[str, bytes]]:
    """Yield the pictures in a folder below IMGREC_TEST_DATA, none if it isn't there."""
    root = PROJECT / os.environ.get("IMGREC_TEST_DATA", "../shared")
    for path in sorted((root / folder).rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            yield f"{folder}/{path.relative_to(root / folder).as_posix()}", path.read_bytes()


def read_table() -> Mapping[str, Row]:
    """Return the committed rows by the names of their pictures."""
    return {name: Row(**known) for name, known in json.loads(TABLE.read_text()).items()}


def main() -> None:
    """Write the table; rows of shared pictures that are not here stay as they are."""
    known = read_table() if TABLE.exists() else {}
    table = {name: each for name, each in known.items() if name.startswith(SHARED)}
    for pictures in (drawn_pictures(), embedded_pictures()):
        table |= {name: row(content) for name, content in pictures.items()}
    for folder in SHARED:
        table |= {name: row(content, EVERY_PAIR) for name, content in shared_pictures(folder)}
    rows = [f"{json.dumps(name)}: {json.dumps(asdict(table[name]))}" for name in sorted(table)]
    TABLE.write_text("{\n" + ",\n".join(rows) + "\n}\n")
    print(f"{TABLE.relative_to(PROJECT)}: {len(rows)} pictures", file=sys.stderr)


def _digest(images: Iterator[NDArray[np.uint8]] | list[NDArray[np.uint8]]) -> str:
    digest = hashlib.sha256()
    for pixels in images:
        digest.update(repr(pixels.shape).encode() + pixels.tobytes())
    return digest.hexdigest()


def _codec(content: bytes) -> str:
    try:
        with Image.open(io.BytesIO(content)) as image:
            name = _CODECS.get(image.format or "", "")
            if name == "libtiff" and image.info.get("compression") == "raw":
                return ""
    except Exception:  # noqa: BLE001 - broken files raise anything
        return "pillow " + pixel_versions()["pillow"]
    return f"{name} {pixel_versions()[name]}" if name else ""


def _draw(width: int, height: int) -> Image.Image:
    """Return an RGB picture: two ramps, and a pattern of all frequencies."""
    down, across = np.indices((height, width))
    pattern = (across * across + 3 * across * down + down * down) // 7
    channels = (across * 255 // width, down * 255 // height, pattern % 256)
    return Image.fromarray(np.stack(channels, axis=-1).astype(np.uint8))


def _saved(image: Image.Image, form: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, form, **options)
    return buffer.getvalue()


if __name__ == "__main__":
    main()
