"""What corruptions do to the pixels that a model gets."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from imgrec.corruption import Corruption, CorruptionKind, corruptions
from imgrec.data.images import ImageSpec, decode
from imgrec.data.records import ImageSource

GREY = np.full((32, 64, 3), 100, np.uint8)
WHOLE = ImageSpec(32, 64, 3)
NOISE = np.random.default_rng(0).integers(0, 256, (32, 64, 3), np.uint8)


def corrupted(
    kind: CorruptionKind, level: float, source: ImageSource = GREY, spec: ImageSpec = WHOLE
) -> NDArray[np.int64]:
    """Return the pixels of an image with a corruption."""
    changed = dataclasses.replace(spec, corruption=Corruption(kind, level))
    return decode(source, changed).astype(np.int64)


def test_levels_come_once_each_in_their_order() -> None:
    """The slices of their images have their names."""
    found = corruptions("rotate", "180, 7.5,-15,180.0")
    assert [*map(str, found)] == ["rotate=180", "rotate=7.5", "rotate=-15"]


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        ("rotate", "15,360", "'360' is not a number from -359 to 359 other than 0"),
        ("rotate", "", "'' is not a number"),
        ("rotate", "nan", "'nan' is not a number"),
        ("blur", "0.6", "'0.6' is not a number from 0 to 0.5 other than 0"),
        ("noise", "0", "'0' is not a number from 0 to 1 other than 0"),
        ("brightness", "1", "'1' is not a number from 0 to 10 other than 1"),
        ("jpeg", "10.5", "'10.5' is not a whole number from 1 to 100"),
    ],
)
def test_levels_out_of_range_are_refused(kind: CorruptionKind, text: str, message: str) -> None:
    """The message says what is allowed."""
    with pytest.raises(ValueError, match="is not") as caught:
        corruptions(kind, text)
    assert message in str(caught.value)


def test_a_rotation_keeps_the_size_and_fills_with_the_mean_colour() -> None:
    """Counter-clockwise, before the resize: a bar that lies is then steep, whatever the fit."""
    assert (corrupted("rotate", 15) == GREY).all()
    lying = np.zeros((60, 60), np.uint8)
    lying[28:32, 30:] = 250
    found = corrupted("rotate", 60, lying, ImageSpec(30, 60, 1))[..., 0]
    rows, columns = np.nonzero(found > 125)
    assert rows.mean() < 12
    assert 32 < columns.mean() < 42
    mean = round(lying.mean())
    assert (found[[0, 0, -1, -1], [0, -1, 0, -1]] == mean).all()


def test_the_sigma_of_a_blur_is_a_fraction_of_the_shorter_side() -> None:
    """It is that of the resized image, so that it means the same for photos of all sizes."""
    small = Image.fromarray(NOISE).filter(ImageFilter.GaussianBlur(0.1 * 32))
    assert (corrupted("blur", 0.1, NOISE) == np.asarray(small)).all()


def test_noise_depends_on_the_content_and_the_level_alone(tmp_path: Path) -> None:
    """Another file with the same content has the same noise; a higher level the same pattern."""
    for name in ("a.png", "b.png"):
        Image.fromarray(GREY).save(tmp_path / name)
    found = corrupted("noise", 0.1, tmp_path / "a.png")
    assert (corrupted("noise", 0.1, tmp_path / "b.png") == found).all()
    assert (corrupted("noise", 0.1, GREY + 1) - 1 != found).mean() > 0.9
    assert np.std(found - GREY) == pytest.approx(25.5, rel=0.05)
    double = corrupted("noise", 0.2, tmp_path / "a.png")
    inside = (double > 0) & (double < 255)
    assert np.abs(2 * (found - GREY) - (double - GREY))[inside].max() <= 1


def test_brightness_is_multiplied_and_clipped() -> None:
    """0 is black, and nothing is brighter than white."""
    assert (corrupted("brightness", 1.5) == 150).all()
    assert (corrupted("brightness", 3) == 255).all()
    assert (corrupted("brightness", 0) == 0).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_the_image_is_saved_as_jpeg(channels: int) -> None:
    """It then has the pixels that Pillow saves with this quality."""
    spec = dataclasses.replace(WHOLE, channels=channels)
    plain = decode(NOISE, spec)
    file = io.BytesIO()
    Image.fromarray(plain if channels == 3 else plain[..., 0]).save(file, "JPEG", quality=20)
    assert (corrupted("jpeg", 20, NOISE, spec) == decode(file.getvalue(), spec)).all()


@pytest.mark.parametrize(("kind", "level"), [("noise", 0.5), ("brightness", 2), ("blur", 0.1)])
def test_padding_stays_black(kind: CorruptionKind, level: float) -> None:
    """It is no part of the photo."""
    found = corrupted(kind, level, GREY, ImageSpec(64, 64, 3, fit="pad"))
    assert found[16:48].any()
    assert not found[:16].any()
    assert not found[48:].any()
