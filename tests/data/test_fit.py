"""What becomes of an image whose aspect ratio is not the one asked for."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image

from imgrec.data.images import ImageSpec, decode
from imgrec.data.storage import is_hidden
from imgrec.errors import BadImage

# pytest puts "error" before the filter with which the decoder silences Pillow.
pytestmark = pytest.mark.filterwarnings("ignore:::PIL")

Fit = Literal["stretch", "crop", "pad"]
RED, GREEN, BLUE, BLACK = (255, 0, 0), (0, 255, 0), (0, 0, 255), (0, 0, 0)
EXACT = 0
JPEG = 12

TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def _flag(width: int, height: int) -> Image.Image:
    """Return thirds of red, green and blue, side by side along the longer side."""
    picture = Image.new("RGB", (width, height), GREEN)
    if width > height:
        picture.paste(RED, (0, 0, width // 3, height))
        picture.paste(BLUE, (width - width // 3, 0, width, height))
    else:
        picture.paste(RED, (0, 0, width, height // 3))
        picture.paste(BLUE, (0, height - height // 3, width, height))
    return picture


def _file(upright: Image.Image, orientation: int, form: str) -> bytes:
    """Return the file of a camera that was held as `orientation` says."""
    buffer, exif, turn = io.BytesIO(), Image.Exif(), TURNS[orientation]
    exif[ExifTags.Base.Orientation] = orientation
    stored = upright if turn is None else upright.transpose(turn)
    stored.save(buffer, form, exif=exif, quality=95)
    return buffer.getvalue()


def _is(pixels: NDArray[np.uint8], colour: tuple[int, int, int], margin: int) -> bool:
    return bool(np.abs(pixels.astype(int) - colour).max() <= margin)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(("form", "margin"), [("PNG", EXACT), ("JPEG", JPEG)])
def test_crop_takes_the_middle(form: str, margin: int, orientation: int) -> None:
    """Of a flag three times as wide as high the middle third is left, however it is stored."""
    content = _file(_flag(960, 320), orientation, form)
    pixels = decode(content, ImageSpec(32, 32, 3, fit="crop"))
    # Where the colours meet, both shine through.
    assert _is(pixels[:, 1:-1], GREEN, margin)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(("form", "margin"), [("PNG", EXACT), ("JPEG", JPEG)])
def test_crop_of_a_portrait_loses_top_and_bottom(form: str, margin: int, orientation: int) -> None:
    """A tall flag loses as much above as below."""
    content = _file(_flag(200, 600), orientation, form)
    pixels = decode(content, ImageSpec(20, 10, 3, fit="crop"))
    assert _is(pixels[:4], RED, margin)
    assert _is(pixels[6:14], GREEN, margin)
    assert _is(pixels[16:], BLUE, margin)


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize(("form", "margin"), [("PNG", EXACT), ("JPEG", JPEG)])
def test_pad_keeps_all_of_it_in_the_middle_of_black(
    form: str, margin: int, orientation: int
) -> None:
    """A wide flag lies between two bars of 0, and each of its thirds is a third."""
    content = _file(_flag(960, 320), orientation, form)
    pixels = decode(content, ImageSpec(48, 48, 3, fit="pad"))
    assert _is(pixels[:16], BLACK, EXACT)
    assert _is(pixels[32:], BLACK, EXACT)
    flag = pixels[17:31]
    assert _is(flag[:, 1:15], RED, margin)
    assert _is(flag[:, 18:30], GREEN, margin)
    assert _is(flag[:, 33:-1], BLUE, margin)


def test_an_odd_row_of_padding_stands_below() -> None:
    """Where the bars can't be equal, the lower and the right one is larger by a pixel."""
    white = np.full((2, 5, 3), 255, np.uint8)
    wide = decode(white, ImageSpec(5, 5, 1, fit="pad"))[:, 0, 0]
    tall = decode(white.swapaxes(0, 1), ImageSpec(5, 5, 1, fit="pad"))[0, :, 0]
    assert wide.tolist() == tall.tolist() == [0, 255, 255, 0, 0]


@pytest.mark.parametrize("fit", get_args(Fit))
@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "lanczos", "box"])
def test_of_one_aspect_ratio_all_fits_are_the_same(fit: Fit, interpolation: str) -> None:
    """Where nothing is to be cut or filled, each is the plain resize."""
    pixels = np.random.default_rng(3).integers(0, 256, (40, 60, 3), np.uint8)
    found = decode(pixels, ImageSpec(14, 21, 3, interpolation, fit))
    resized = Image.fromarray(pixels).resize((21, 14), Image.Resampling[interpolation.upper()])
    np.testing.assert_array_equal(found, np.asarray(resized))


def test_crop_and_pad_are_one_resize() -> None:
    """The pixels are those of Pillow's resize: of the part for crop, of the whole for pad."""
    pixels = np.random.default_rng(4).integers(0, 256, (30, 90, 3), np.uint8)
    picture = Image.fromarray(pixels)
    cropped = picture.resize((8, 8), Image.Resampling.BICUBIC, (30, 0, 60, 30))
    found = decode(pixels, ImageSpec(8, 8, 3, "bicubic", "crop"))
    np.testing.assert_array_equal(found, np.asarray(cropped))
    whole = picture.resize((9, 3), Image.Resampling.BICUBIC)
    found = decode(pixels, ImageSpec(9, 9, 3, "bicubic", "pad"))
    np.testing.assert_array_equal(found[3:6], np.asarray(whole))


@pytest.mark.parametrize("fit", get_args(Fit))
@pytest.mark.parametrize("size", [(1, 1000), (1000, 1), (1, 1), (4000, 3)])
def test_extreme_shapes_come_out_as_asked_and_never_empty(fit: Fit, size: tuple[int, int]) -> None:
    """A hair's breadth of white is still there after any fit."""
    for form in ("PNG", "JPEG"):
        content = _file(Image.new("RGB", size, "white"), 1, form)
        for height, width in ((24, 24), (1, 50), (50, 1)):
            pixels = decode(content, ImageSpec(height, width, 3, fit=fit))
            assert pixels.shape == (height, width, 3)
            assert pixels.max() == 255
            assert fit == "pad" or pixels.min() == 255


@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    spec=st.builds(
        ImageSpec,
        height=st.integers(1, 60),
        width=st.integers(1, 60),
        channels=st.sampled_from([1, 3]),
        interpolation=st.sampled_from([name.lower() for name in Image.Resampling.__members__]),
        fit=st.sampled_from(get_args(Fit)),
    ),
    form=st.sampled_from(["PNG", "JPEG"]),
    orientation=st.sampled_from(list(TURNS)),
)
def test_any_image_comes_out_in_the_shape_of_the_spec(
    size: tuple[int, int], spec: ImageSpec, form: str, orientation: int
) -> None:
    """Whatever goes in, the shape is the spec's; white stays white, and is as wide or as high."""
    content = _file(Image.new("RGB", size, "white"), orientation, form)
    pixels = decode(content, spec)
    assert pixels.shape == (spec.height, spec.width, spec.channels)
    assert pixels.dtype == np.uint8
    assert set(np.unique(pixels)) <= ({0, 255} if spec.fit == "pad" else {255})
    assert pixels.max(axis=0).min() == 255 or pixels.max(axis=1).min() == 255


@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_a_jpeg_decoded_at_a_fraction_is_close_to_one_decoded_in_full(fit: Fit) -> None:
    """The short cut for large JPEGs leaves twice the size that the fit needs."""
    picture = Image.radial_gradient("L").resize((1600, 400)).convert("RGB")
    content = _file(picture, 1, "JPEG")
    spec = ImageSpec(50, 50, 3, fit=fit)
    full = decode(np.asarray(Image.open(io.BytesIO(content))), spec)
    assert np.abs(decode(content, spec).astype(int) - full.astype(int)).max() <= 6


@pytest.mark.long
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_awkward_files_are_refused_or_read_whatever_the_fit(
    shared: Callable[[str], Path], fit: Fit
) -> None:
    """The same files are refused, for the same reasons, and the others have the spec's shape."""
    for path in sorted(shared("data/awkward").rglob("*")):
        if path.is_file() and not is_hidden(path.name):
            stretched = _attempt(path, ImageSpec(24, 20, 3))
            assert _attempt(path, ImageSpec(24, 20, 3, fit=fit)) == stretched, path


def _attempt(path: Path, spec: ImageSpec) -> str:
    try:
        return json.dumps(decode(path, spec).shape)
    except BadImage as error:
        return error.reason
