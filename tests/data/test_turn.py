"""Pictures are turned before anything else, and described without decoding."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image

from imgrec.corruption import Corruption
from imgrec.data.images import Header, ImageSpec, decode, describe
from imgrec.data.records import ByteRange
from imgrec.errors import BadImage

TURNS = (90, 180, 270)


def picture(width: int = 9, height: int = 5) -> Image.Image:
    """Return a picture in which no two pixels are alike."""
    values = np.arange(width * height * 3, dtype=np.uint8).reshape(height, width, 3)
    return Image.fromarray(values)


def spec_of(pixels: NDArray[np.uint8]) -> ImageSpec:
    """Return the spec that leaves a picture of this shape as it is."""
    return ImageSpec(pixels.shape[0], pixels.shape[1], 3)


def encoded(image: Image.Image, form: str = "PNG", orientation: int = 1) -> bytes:
    """Return `image` as a file's content."""
    exif, buffer = Image.Exif(), io.BytesIO()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(buffer, form, exif=exif, quality=95)
    return buffer.getvalue()


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize("orientation", [1, 6])
def test_a_turn_is_of_the_upright_picture(turn: int, orientation: int) -> None:
    """What EXIF says comes first; then whole quarter turns against the clock, no pixel lost."""
    content = encoded(picture(), orientation=orientation)
    height, width = (9, 5) if orientation == 6 else (5, 9)
    turned = np.rot90(decode(content, ImageSpec(height, width, 3)), turn // 90)
    spec = dataclasses.replace(spec_of(turned), corruption=Corruption("rotate", turn))
    np.testing.assert_array_equal(decode(content, spec), turned)


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
@pytest.mark.parametrize("turn", TURNS)
def test_the_turned_picture_is_fitted(fit: str, turn: int) -> None:
    """A picture that lies on its side is stretched, cropped or padded as it then is."""
    spec = ImageSpec(4, 8, 3, fit=fit)  # type: ignore[arg-type]
    lying = picture(12, 6)
    turned = encoded(lying.rotate(turn, expand=True))
    expected = decode(turned, spec)
    found = decode(encoded(lying), dataclasses.replace(spec, corruption=Corruption("rotate", turn)))
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("turn", TURNS)
def test_a_large_photo_is_turned_whole(turn: int) -> None:
    """A JPEG that is decoded at a part of its size keeps enough of each side."""
    coarse = Image.fromarray(np.random.default_rng(0).integers(0, 255, (4, 8, 3), np.uint8))
    photo = encoded(coarse.resize((1600, 400)), "JPEG")
    spec = ImageSpec(160, 40, 3, corruption=Corruption("rotate", turn))
    whole = np.asarray(coarse.resize((1600, 400)).rotate(turn, expand=True).resize((40, 160)))
    assert np.abs(decode(photo, spec).astype(int) - whole).mean() < 4


def test_any_source_is_described(tmp_path: Path) -> None:
    """A file, a part of one and pixels have a size and a mode."""
    content = encoded(picture().convert("CMYK"), "JPEG")
    (tmp_path / "a").write_bytes(b"before" + content + b"after")
    stretch = ByteRange(tmp_path / "a", len("before"), len(content))
    assert describe(stretch) == Header((9, 5), "CMYK")
    assert describe(np.zeros((5, 9, 4), np.uint8)) == Header((9, 5), "RGBA")
    (tmp_path / "b.png").write_bytes(encoded(picture().convert("P")))
    assert describe(tmp_path / "b.png") == Header((9, 5), "P")
    with pytest.raises(BadImage, match=r"^stretch: .*cut short"):
        describe(ByteRange(tmp_path / "a", 0, 10**6), "stretch")
