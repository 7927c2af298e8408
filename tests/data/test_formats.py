"""Formats of images: what each form becomes, and what is named in place of pixels."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
import tomllib
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np
import PIL
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageOps

from imgrec.data.images import ImageSpec, decode, decode_whole, describe, miniature
from imgrec.errors import BadImage
from tests.conftest import PROJECT

# pytest puts "error" before the filter with which the decoder silences Pillow.
pytestmark = pytest.mark.filterwarnings("ignore:::PIL")

WIDTH, HEIGHT = 40, 24
SPEC = ImageSpec(HEIGHT, WIDTH, 3)
ACROSS, DOWN = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
COLOURS = np.stack([ACROSS * 6, DOWN * 10, (ACROSS + DOWN) * 4], axis=2).astype(np.uint8)
GREY = COLOURS[:, :, :1]
ALPHA = np.where(ACROSS < 20, 255, 128).astype(np.uint8)[:, :, None]

_TYPES = {"H": 3, "I": 4}


def wide(pixels: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Return 8-bit pixels as 16-bit ones."""
    return pixels.astype(np.uint16) * 257


def on_white(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what is seen of `pixels` of opacity ALPHA on white."""
    share = ALPHA / 255
    return np.broadcast_to((pixels * share + 255 * (1 - share)).round(), COLOURS.shape)


def tiff(
    pixels: NDArray[Any],
    photometric: int,
    *,
    planes: bool = False,
    order: Literal["<", ">"] = "<",
    compressed: bool = False,
    rows: int = HEIGHT,
    **tags: tuple[int, ...],
) -> bytes:
    """Return a TIFF of `pixels`, (height, width, channels).

    Args:
        pixels: Of the depth that the file has.
        photometric: Photometric interpretation.
        planes: Whether each channel is stored apart.
        order: Of bytes: `<` or `>`.
        compressed: Whether by Deflate.
        rows: Of a strip.
        **tags: `t338=(2,)`: more tags, as numbers of 16 bits.
    """
    channels = pixels.shape[2]
    stored = pixels.astype(pixels.dtype.newbyteorder(order))
    parts = [stored[:, :, [each]] for each in range(channels)] if planes else [stored]
    strips = [part[top : top + rows].tobytes() for part in parts for top in range(0, HEIGHT, rows)]
    strips = [zlib.compress(strip) for strip in strips] if compressed else strips
    starts = [8 + sum(map(len, strips[:number])) for number in range(len(strips))]
    kinds = {"u": 1, "i": 2, "f": 3}
    entries: dict[int, tuple[str, tuple[int, ...]]] = {
        256: ("H", (WIDTH,)),
        257: ("H", (HEIGHT,)),
        258: ("H", (pixels.itemsize * 8,) * channels),
        259: ("H", (8 if compressed else 1,)),
        262: ("H", (photometric,)),
        273: ("I", tuple(starts)),
        277: ("H", (channels,)),
        278: ("H", (rows,)),
        279: ("I", tuple(map(len, strips))),
        284: ("H", (2 if planes else 1,)),
        339: ("H", (kinds[pixels.dtype.kind],) * channels),
        **{int(name[1:]): ("H", values) for name, values in tags.items()},
    }
    content = b"".join(strips)
    place = 8 + len(content)
    beyond, directory = b"", struct.pack(f"{order}H", len(entries))
    for tag, (kind, values) in sorted(entries.items()):
        value = struct.pack(f"{order}{len(values)}{kind}", *values)
        if len(value) > 4:
            start = place + 2 + 12 * len(entries) + 4 + len(beyond)
            value, beyond = struct.pack(f"{order}I", start), beyond + value
        directory += struct.pack(f"{order}HHI", tag, _TYPES[kind], len(values)) + value.ljust(4)
    header = (b"II" if order == "<" else b"MM") + struct.pack(f"{order}HI", 42, place)
    return header + content + directory + bytes(4) + beyond


def reason(content: bytes | Path) -> str:
    """Return why `content` is refused."""
    with pytest.raises(BadImage) as caught:
        decode(content, SPEC)
    return caught.value.reason


def assert_shows(content: bytes, expected: NDArray[Any]) -> None:
    """Assert that `content` is decoded to `expected`, but for rounding."""
    difference = np.abs(decode(content, SPEC).astype(int) - expected.astype(int))
    assert difference.max() <= 1


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("planes", [False, True])
def test_tiff_stores_channels_together_or_apart(
    order: str, *, compressed: bool, planes: bool
) -> None:
    """Planes of 8 and of 16 bits give the pixels that interleaved channels give."""
    how: dict[str, Any] = {"order": order, "compressed": compressed, "planes": planes}
    assert_shows(tiff(COLOURS, 2, **how), COLOURS)
    assert_shows(tiff(wide(COLOURS), 2, **how), COLOURS)
    assert_shows(tiff(wide(COLOURS), 2, rows=7, **how), COLOURS)
    assert_shows(tiff(wide(GREY), 1, **how), np.repeat(GREY, 3, axis=2))
    assert_shows(tiff(255 - GREY, 0, **how), np.repeat(GREY, 3, axis=2))
    opaque = np.concatenate([wide(COLOURS), wide(ALPHA)], axis=2)
    assert_shows(tiff(opaque, 2, t338=(2,), **how), on_white(COLOURS))


def test_premultiplied_grey_is_laid_on_white() -> None:
    """Grey that was multiplied by its opacity comes out as it is seen."""
    seen = np.concatenate([(GREY * (ALPHA / 255)).round().astype(np.uint8), ALPHA], axis=2)
    content = tiff(seen, 1, t338=(1,))
    if int(PIL.__version__.partition(".")[0]) < 13:
        assert "2 channels of 8 bits" in reason(content)
    else:
        assert_shows(content, on_white(GREY))


def test_ycbcr_is_not_taken_for_rgb() -> None:
    """Also without compression, whose rows Pillow 12 reads in another length."""
    stored = np.asarray(Image.fromarray(COLOURS).convert("YCbCr"))
    image = Image.frombytes("YCbCr", (WIDTH, HEIGHT), stored.tobytes())
    expected = np.asarray(image.convert("RGB"))
    assert_shows(tiff(stored, 6, rows=7, t530=(1, 1)), expected)
    assert_shows(tiff(stored, 6, rows=7, t530=(1, 1), compressed=True), expected)
    assert "photometric interpretation 6" in reason(tiff(stored, 6, rows=8))


def test_a_palette_of_8_bits_is_not_black() -> None:
    """Some programs write colours from 0 to 255 where TIFF has 0 to 65535."""
    assert_shows(tiff(GREY, 3, t320=(*range(256),) * 3), np.repeat(GREY, 3, axis=2))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (tiff(wide(COLOURS[:, :, [0, 1, 2, 0]]), 5, planes=True), "4 channels of 16 bits"),
        (tiff(COLOURS, 2, planes=True, t266=(2,)), "each in a plane"),
        (tiff(COLOURS, 8, planes=True), "each in a plane"),
        (tiff(COLOURS, 8, planes=True, compressed=True), "each in a plane"),
        (tiff(COLOURS, 6, planes=True), "each in a plane"),
        (tiff(COLOURS[:, :, :2], 1, planes=True, compressed=True, t338=(2,)), "each in a plane"),
        (tiff(wide(COLOURS[:, :, :2]), 1, t338=(2,)), "2 channels of 16 bits"),
        (tiff(COLOURS.astype(np.float32), 2), "3 floating-point channels of 32 bits"),
        (tiff(GREY.astype(np.float64), 1), "1 floating-point channel of 64 bits"),
        (tiff(COLOURS, 2, t259=(34712,)), "compression 34712"),
        (tiff(COLOURS, 2, t254=(1,), t330=(8,)), "a camera's raw file"),
    ],
)
def test_forms_of_tiff_that_can_not_be_read_are_named(content: bytes, words: str) -> None:
    """What would come out as other pixels, or not at all, is refused by what it is."""
    found = reason(content)
    assert words in found
    assert not found.startswith(("not an image", "broken image"))


def test_planes_of_16_bits_as_gdal_writes_them(shared: Callable[[str], Path]) -> None:
    """The file has the pixels of the same picture as PNG."""
    found = decode(shared("cases/planar16.tif"), ImageSpec(150, 200, 3))
    expected = decode(shared("cases/planar16_reference.png"), ImageSpec(150, 200, 3))
    assert np.array_equal(found, expected)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"<!DOCTYPE html><html><body>Not found", "not an image, but an HTML page"),
        (b"\xef\xbb\xbf \n<HTML>", "not an image, but an HTML page"),
        (b"PK\x03\x04 zip", "not an image, but a zip archive"),
        (b"\0\0\0\x20ftypisom\0\0\2\0isomiso2", "not an image, but a video"),
        (b"RIFF\0\0\0\0AVI LIST", "not an image, but a video"),
        (b"%PDF-1.7\n", "not an image, but a PDF"),
        (bytes(500), "not an image, but nothing but zeros"),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n",
            "not an image, but a Git LFS pointer: run `git lfs pull`",
        ),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image, but an SVG drawing"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not an image, but PostScript"),
        (b"8BPS\0\1", "a Photoshop file, not one of these formats: JPEG, PNG"),
        (bytes(128) + b"DICM", "DICOM, not one of these formats"),
        (b"\x89PNG\r\n\x1a\n", "broken image (PNG header)"),
        (b"II*\0\xff\xff\xff\xff", "broken image (TIFF header)"),
    ],
)
def test_other_files_are_named(content: bytes, found: str, tmp_path: Path) -> None:
    """The reason says what a file called .jpg is if it is not a JPEG; also without decoding."""
    file = tmp_path / "cat.jpg"
    file.write_bytes(content)
    assert reason(file).startswith(found)
    with pytest.raises(BadImage) as caught:
        describe(file)
    assert caught.value.reason.startswith(found)


def test_colours_without_a_palette_are_refused() -> None:
    """The standard of PNG requires it; Pillow would show the numbers of colours as grey."""
    stream = io.BytesIO()
    Image.new("P", (4, 3), 1).save(stream, "PNG")
    content = stream.getvalue()
    start = content.index(b"PLTE") - 4
    length = int.from_bytes(content[start : start + 4], "big")
    decode(content, SPEC)
    assert reason(content[:start] + content[start + 12 + length :]) == (
        "broken image (PNG without a palette)"
    )


@pytest.mark.parametrize(
    "form", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000", "HEIF"]
)
def test_a_truncated_file_is_said_to_be_truncated(form: str) -> None:
    """With the bytes that are there, which show how much is missing."""
    if form == "HEIF":
        content = heic(Image.fromarray(COLOURS))
    else:
        buffer = io.BytesIO()
        Image.fromarray(COLOURS).save(buffer, form)
        content = buffer.getvalue()
    cut = content[: len(content) * 3 // 4]
    assert reason(cut) == f"broken image (truncated after {len(cut):,} bytes)"


def bmp(alpha: int) -> bytes:
    """Return a BMP whose header has a mask for alpha."""
    pixels = np.concatenate([COLOURS[::-1, :, ::-1], np.full_like(GREY, alpha)], axis=2).tobytes()
    masks = struct.pack("<4I", 0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    sizes = struct.pack("<IiiHHIIiiII", 108, WIDTH, HEIGHT, 1, 32, 3, len(pixels), 0, 0, 0, 0)
    header = (sizes + masks).ljust(108, b"\0")
    return b"BM" + struct.pack("<IHHI", 122 + len(pixels), 0, 0, 122) + header + pixels


def test_a_bmp_whose_alpha_is_0_everywhere_is_not_white() -> None:
    """Programs that know no transparency leave alpha 0."""
    assert_shows(bmp(0), COLOURS)
    assert_shows(bmp(255), COLOURS)


HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(100)


@pytest.mark.parametrize(
    ("module", "content", "found"),
    [
        ("pillow_heif", HEIC, 'HEIC, which needs `pip install "imgrec[heif]"`'),
        (
            "PIL._avif",
            HEIC.replace(b"heic", b"avif"),
            "AVIF, which this build of Pillow can't read: install the one from PyPI",
        ),
    ],
)
def test_what_can_not_be_read_for_want_of_a_library_is_named(
    module: str, content: bytes, found: str, tmp_path: Path
) -> None:
    """A format is recognised by content, and the reason says how to install what reads it."""
    (tmp_path / "cat.jpg").write_bytes(content)
    code = (
        f"import sys\nsys.modules[{module!r}] = None\nfrom pathlib import Path\n"
        "from imgrec.data.images import ImageSpec, decode\nfrom imgrec.errors import BadImage\n"
        "try:\n    decode(Path(sys.argv[1]), ImageSpec(4, 4, 3))\n"
        "except BadImage as error:\n    print(error.reason)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "cat.jpg")],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=True,
        text=True,
    )
    assert done.stdout.strip() == found


def test_the_extra_for_heic_exists() -> None:
    """As the reason names it."""
    project = tomllib.loads((PROJECT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["name"] == "imgrec"
    assert project["optional-dependencies"]["heif"][0].startswith("pillow-heif")


def heic(image: Image.Image, **options: Any) -> bytes:
    """Return `image` as HEIC."""
    plugin = pytest.importorskip("pillow_heif", reason="the extra `heif` is not installed")
    plugin.register_heif_opener()
    buffer = io.BytesIO()
    image.save(buffer, "HEIF", quality=-1, chroma=444, **options)
    return buffer.getvalue()


def test_heic_is_read_with_its_extra(tmp_path: Path) -> None:
    """Whatever it is called, with transparency on white."""
    (tmp_path / "cat.jpg").write_bytes(heic(Image.fromarray(COLOURS)))
    pixels = decode(tmp_path / "cat.jpg", SPEC).astype(int)
    assert np.abs(pixels - COLOURS).max() <= 4
    assert describe(tmp_path / "cat.jpg").size == (WIDTH, HEIGHT)
    clear = np.concatenate([COLOURS, ALPHA], axis=2)
    seen = decode(heic(Image.fromarray(clear)), SPEC).astype(int)
    assert np.abs(seen - on_white(COLOURS)).max() <= 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_heic_stands_upright(orientation: int) -> None:
    """The container's own rotation is applied, once, whatever EXIF says beside it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = Image.fromarray(COLOURS)
    content = heic(stored, exif=exif.tobytes())
    assert (b"irot" in content or b"imir" in content) == (orientation != 1)
    stored.getexif()[0x0112] = orientation
    upright = np.asarray(ImageOps.exif_transpose(stored))
    found = np.asarray(decode_whole(content, 3))
    assert found.shape == upright.shape
    assert np.abs(found.astype(int) - upright).max() <= 4


def test_a_damaged_heic_is_broken() -> None:
    """With the extra, what can't be parsed has the cause that the library gives."""
    pytest.importorskip("pillow_heif", reason="the extra `heif` is not installed")
    assert reason(HEIC).startswith("broken image (HEIC: ")


def large_jpeg(width: int, height: int, **options: Any) -> bytes:
    """Return a JPEG whose left half is red and whose right half is blue."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("blue", (width // 2, 0, width, height))
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", **options)
    return buffer.getvalue()


@pytest.fixture(scope="module")
def phone_photo() -> bytes:
    """Return a JPEG of 120 megapixels."""
    return large_jpeg(12_000, 10_000)


def test_a_jpeg_of_more_megapixels_is_decoded_at_a_fraction(phone_photo: bytes) -> None:
    """A photo of a phone is read by every function that decodes, in little memory."""
    tracemalloc.start()
    pixels = decode(phone_photo, ImageSpec(24, 24, 3))
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()
    assert pixels[0, 0, 0] > 250
    assert pixels[0, -1, 2] > 250
    assert miniature(phone_photo, 80).shape == (67, 80, 3)
    assert decode_whole(phone_photo, 3).size == (6_000, 5_000)


def test_the_limit_of_megapixels_can_be_set(tmp_path: Path) -> None:
    """It holds for what is decoded at once; a header alone may be read of any image."""
    photo = large_jpeg(1600, 1200)
    assert decode(photo, ImageSpec(900, 1200, 3, max_megapixels=1)).shape == (900, 1200, 3)
    assert decode_whole(photo, 3, max_megapixels=1).size == (800, 600)
    buffer = io.BytesIO()
    Image.new("L", (1600, 1200)).save(buffer, "PNG")
    assert decode(buffer.getvalue(), ImageSpec(9, 9, 3, max_megapixels=2)).shape == (9, 9, 3)
    with pytest.raises(BadImage, match=r"2 megapixels, more than the 1 of data\.max_megapixels"):
        decode(buffer.getvalue(), ImageSpec(9, 9, 3, max_megapixels=1))
    (tmp_path / "huge.ppm").write_bytes(b"P6 90000 90000 255\n")
    assert describe(tmp_path / "huge.ppm").size == (90_000, 90_000)
    assert Image.MAX_IMAGE_PIXELS is not None


def test_a_progressive_jpeg_counts_in_full() -> None:
    """All of it is in memory before the first row is decoded."""
    photo = large_jpeg(1600, 1200, progressive=True)
    assert decode(photo, ImageSpec(9, 9, 3, max_megapixels=2)).shape == (9, 9, 3)
    with pytest.raises(BadImage, match=r"2 megapixels, .*; a progressive JPEG is decoded in full"):
        decode(photo, ImageSpec(9, 9, 3, max_megapixels=1))
