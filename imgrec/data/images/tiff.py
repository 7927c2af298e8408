"""TIFF: forms of pixels that Pillow reads wrongly are set right, or refused by name."""

from __future__ import annotations

import struct
from contextlib import suppress
from typing import IO, TYPE_CHECKING, Any, TypeGuard

from PIL import ExifTags, Image

from imgrec.errors import DataError
from imgrec.text import count_of

if TYPE_CHECKING:
    from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

_REDUCED = 1  # a bit of NewSubfileType
_SIGNED, _FLOATING = 2, 3  # values of SampleFormat
_PLANES = 2  # a value of PlanarConfiguration
_YCBCR = 6  # a value of PhotometricInterpretation
_LOWEST_FIRST = 2  # a value of FillOrder
_DNG_VERSION = 50706

MAX_VALUES = 1 << 18
"""How many numbers a tag may have: one strip for each of 65,536 rows, in four planes."""

_BYTES = {1, 2, 7}  # types that Pillow keeps as they are
_READ_AS_RGBA = 4  # bytes of a pixel, if libtiff converts its colours
_OFFSETS = {ExifTags.Base.StripOffsets, ExifTags.Base.TileOffsets}
_DIRECTORIES = {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo, ExifTags.IFD.Interop}


def is_tiff(image: Image.Image) -> TypeGuard[TiffImageFile]:
    """Return whether an opened image is a TIFF; the code of that format is only imported for it."""
    return image.format == "TIFF"


def repair(image: TiffImageFile) -> None:
    """Let Pillow load the pixels of an opened `image` as they were stored.

    Raises DataError if it can't.
    """
    tags = image.tag_v2
    _refuse_previews(image)
    if tags.get(ExifTags.Base.PlanarConfiguration) == _PLANES:
        _repair_planes(image)
    elif tags.get(ExifTags.Base.PhotometricInterpretation) == _YCBCR and image.mode != "L":
        _repair_ycbcr(image)
    colours = tags.get(ExifTags.Base.ColorMap)
    if image.mode == "P" and colours and max(colours) < 256:  # written as if for 8 bits
        from PIL import ImagePalette

        image.palette = ImagePalette.raw("RGB;L", bytes(colours))


def check_tags(file: IO[bytes]) -> None:
    """Raise DataError if the directories of a TIFF's first page have more numbers than it needs.

    Pillow takes up to 500 bytes for each when it opens the file. A broken one is left to Pillow.
    """
    file.seek(0)
    head = file.read(16)
    order, big = "<" if head[:2] == b"II" else ">", head[2:3] == b"+"
    offset, number, entry = ("Q", "Q", "HHQQ") if big else ("L", "H", "HHLL")
    with suppress(struct.error, OverflowError):
        waiting = [struct.unpack_from(order + offset, head, 8 if big else 4)[0]]
        for _ in range(1 + len(_DIRECTORIES)):
            if not waiting:
                break
            file.seek(waiting.pop())
            (entries,) = struct.unpack(order + number, file.read(struct.calcsize(number)))
            size = struct.calcsize(order + entry)
            content = file.read(size * min(entries, MAX_VALUES))
            for found in struct.iter_unpack(order + entry, content[: len(content) // size * size]):
                _check_tag(*found[:3])
                waiting += [found[3]] if found[0] in _DIRECTORIES else []


def _check_tag(tag: int, kind: int, count: int) -> None:
    if count > MAX_VALUES and (tag in _OFFSETS or kind not in _BYTES):
        what = "strips or tiles" if tag in _OFFSETS else f"numbers in tag {tag}"
        raise DataError(f"a TIFF of {count:,} {what}, more than {MAX_VALUES:,}")


def unsupported(file: IO[bytes]) -> str:
    """Return what Pillow can't read in the TIFF `file`, empty if its header is broken."""
    from PIL.TiffImagePlugin import ImageFileDirectory_v2

    try:
        header = file.read(8)
        header += file.read(8) if header[2] == 43 or header[3] == 43 else b""
        tags = ImageFileDirectory_v2(header)
        file.seek(tags.next)
        tags.load(file)
        return _form(tags)
    except Exception:  # noqa: BLE001 - a broken header raises anything
        return ""


def check_blocks(image: TiffImageFile, max_megapixels: int) -> int:
    """Return how many bytes libtiff takes for a tile or strip of an opened image.

    Raises DataError if all tiles together have more pixels than `max_megapixels`, and more than
    twice those of the image.
    """
    if not image.use_load_libtiff:
        return 0
    tags = image.tag_v2
    width, height = int(tags[ExifTags.Base.ImageWidth]), int(tags[ExifTags.Base.ImageLength])
    if ExifTags.Base.TileWidth in tags:
        across = max(1, int(tags[ExifTags.Base.TileWidth]))
        down = max(1, int(tags.get(ExifTags.Base.TileLength, 1)))
    else:
        across, down = width, max(1, min(height, int(tags.get(ExifTags.Base.RowsPerStrip, height))))
    channels = int(tags.get(ExifTags.Base.SamplesPerPixel, 1))
    bits = int(max(tags.get(ExifTags.Base.BitsPerSample, (8,))))
    depth = max(_READ_AS_RGBA, channels * -(-bits // 8))
    padded = -(-width // across) * across * -(-height // down) * down
    if padded > max(max_megapixels * 10**6, 2 * width * height):
        raise DataError(
            f"a TIFF of {width:,} x {height:,} pixels in tiles of {across:,} x {down:,}: together "
            f"{padded // 10**6:,} megapixels, more than the {max_megapixels:,} "
            "of data.max_megapixels"
        )
    return across * down * depth


def _form(tags: ImageFileDirectory_v2) -> str:
    if ExifTags.Base.ImageWidth not in tags:
        return ""
    bits = tags.get(ExifTags.Base.BitsPerSample, (1,))[0]
    kind = {_SIGNED: "signed ", _FLOATING: "floating-point "}.get(
        tags.get(ExifTags.Base.SampleFormat, (1,))[0], ""
    )
    channels = tags.get(ExifTags.Base.SamplesPerPixel, 1)
    return (
        f"a TIFF that Pillow can't read: {count_of(channels, f'{kind}channel')} of {bits} bits, "
        f"photometric interpretation {tags.get(ExifTags.Base.PhotometricInterpretation, 0)}, "
        f"compression {tags.get(ExifTags.Base.Compression, 1)}"
    )


def _refuse_previews(image: TiffImageFile) -> None:
    """Raise DataError if what Pillow has opened is a small preview of a camera's raw image."""
    tags = image.tag_v2
    reduced = tags.get(ExifTags.Base.NewSubfileType, 0) & _REDUCED
    if _DNG_VERSION in tags or (reduced and ExifTags.Base.SubIFDs in tags):
        raise DataError("a camera's raw file, of which only a preview could be read")


def _repair_ycbcr(image: TiffImageFile) -> None:
    """Load uncompressed YCbCr as what it is: before version 13, Pillow takes it for RGB."""
    if image.use_load_libtiff:
        return
    if image.tag_v2.get(ExifTags.Base.YCbCrSubSampling, (2, 2)) != (1, 1):
        raise DataError(f"{_form(image.tag_v2)}, not compressed")
    image._mode = "YCbCr"  # noqa: SLF001
    image.tile = [tile._replace(args=("YCbCr", *_rest(tile.args))) for tile in image.tile]


def _repair_planes(image: TiffImageFile) -> None:
    """Load each plane in its depth: without compression, Pillow reads all as 8 bits."""
    tags = image.tag_v2
    if tags.get(ExifTags.Base.SamplesPerPixel, 1) == 1:
        tags[ExifTags.Base.PlanarConfiguration] = 1  # the same, and Pillow reads every form of it
        image._setup()  # noqa: SLF001
        return
    if image.use_load_libtiff:
        if image.mode not in {"LA", "La", "PA", "LAB"}:
            return
    elif (
        tags.get(ExifTags.Base.PhotometricInterpretation) != _YCBCR
        and image.mode in {"RGB", "RGBA", "CMYK"}
        and {*_planes(image)} <= {*image.mode}
    ):
        bits = set(tags.get(ExifTags.Base.BitsPerSample, ()))
        if bits == {8} and tags.get(ExifTags.Base.FillOrder, 1) != _LOWEST_FIRST:
            return
        if bits == {16} and image.mode != "CMYK":
            order = ";16L" if tags.prefix == b"II" else ";16B"
            image.tile = [
                tile._replace(args=(f"{plane}{order}", *_rest(tile.args)))
                for tile, plane in zip(image.tile, _planes(image), strict=True)
            ]
            return
    raise DataError(f"{_form(tags)}, each in a plane")


def _planes(image: TiffImageFile) -> list[str]:
    """Return the channel that each tile has, by its letter."""
    return [tile.args[0] if tile.args else "" for tile in image.tile]


def _rest(args: Any) -> tuple[Any, ...]:
    """Return the arguments of a tile after the first, its raw mode."""
    return tuple(args[1:])
