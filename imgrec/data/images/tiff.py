"""TIFF: forms of pixels that Pillow reads wrongly are set right, or refused by name."""

from __future__ import annotations

from typing import IO, Any

from PIL import ExifTags, ImagePalette
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from imgrec.errors import DataError
from imgrec.text import count_of

_REDUCED = 1  # a bit of NewSubfileType
_SIGNED, _FLOATING = 2, 3  # values of SampleFormat
_PLANES = 2  # a value of PlanarConfiguration
_YCBCR = 6  # a value of PhotometricInterpretation
_LOWEST_FIRST = 2  # a value of FillOrder
_DNG_VERSION = 50706


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
        image.palette = ImagePalette.raw("RGB;L", bytes(colours))


def unsupported(file: IO[bytes]) -> str:
    """Return what Pillow can't read in the TIFF `file`, empty if its header is broken."""
    try:
        header = file.read(8)
        header += file.read(8) if header[2] == 43 or header[3] == 43 else b""
        tags = ImageFileDirectory_v2(header)
        file.seek(tags.next)
        tags.load(file)
        return _form(tags)
    except Exception:  # noqa: BLE001 - a broken header raises anything
        return ""


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
