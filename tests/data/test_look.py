"""One look at each image: hash, traits, or why not."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms, TiffImagePlugin, TiffTags

from imgrec.data.check import FindingKind
from imgrec.data.check.find import ImageSummary, oddities, summarize_image
from imgrec.data.images import Traits
from imgrec.data.images.inspection import traits_of
from imgrec.data.records import Record

# How each EXIF orientation has the picture stored, so that it stands upright when turned.
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def picture(width: int, height: int) -> Image.Image:
    """Return a coloured picture of soft shapes."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(pixels).resize((width, height), Image.Resampling.BICUBIC)


def look(path: Path) -> ImageSummary:
    """Return what is found of one file."""
    return next(iter(summarize_image([Record(path.name, 0, path)])))


@pytest.mark.parametrize("orientation", STORED)
@pytest.mark.parametrize("form", ["png", "jpg", "webp", "tif"])
def test_orientation_makes_no_difference(form: str, orientation: int, tmp_path: Path) -> None:
    """A photo held in any of eight ways has the same size and the same thumbnail."""
    upright = picture(80, 56)
    turn = STORED[orientation]
    stored = upright if turn is None else upright.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored.save(tmp_path / f"turned.{form}", exif=exif, quality=95, lossless=True)
    upright.save(tmp_path / "upright.png")
    found, wanted = look(tmp_path / f"turned.{form}"), look(tmp_path / "upright.png")
    assert found.traits is not None
    assert (found.traits.width, found.traits.height) == (80, 56)
    assert found.traits.rotated == (orientation != 1)
    assert found.thumbnail is not None
    assert wanted.thumbnail is not None
    # Only JPEG changes pixels, and its blocks lie otherwise on a turned picture.
    difference = found.thumbnail.astype(int) - wanted.thumbnail
    assert np.abs(difference).max() <= (8 if form == "jpg" else 0)


def test_traits_of_formats(tmp_path: Path) -> None:
    """Mode and depth are those of the file, not of the pixels a model gets."""
    picture(8, 6).convert("CMYK").save(tmp_path / "print.jpg")
    picture(8, 6).convert("P").save(tmp_path / "palette.png")
    deep = np.zeros((6, 8), np.uint16)
    deep[2:] = 60_000
    Image.fromarray(deep).save(tmp_path / "deep.tif")
    assert look(tmp_path / "print.jpg").traits == Traits("JPEG", "CMYK", 8, 6)
    assert look(tmp_path / "palette.png").traits == Traits("PNG", "P", 8, 6)
    assert look(tmp_path / "deep.tif").traits == Traits(
        *("TIFF", "I;16", 8, 6), bits=16, used_bits=16
    )
    assert traits_of(np.zeros((6, 8, 4), np.uint8)) == Traits(
        *("pixels", "RGBA", 8, 6), transparent=True
    )


def test_a_number_is_no_colour_profile(tmp_path: Path) -> None:
    """A TIFF's tags may have any type; a profile that is not bytes is none."""
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags.tagtype[ExifTags.Base.InterColorProfile] = TiffTags.LONG
    tags[ExifTags.Base.InterColorProfile] = 5
    picture(8, 6).save(tmp_path / "a.tiff", tiffinfo=tags)

    traits = look(tmp_path / "a.tiff").traits
    assert traits is not None
    assert not traits.profile


def test_what_is_not_used_of_an_image_is_found(tmp_path: Path) -> None:
    """Bits, frames, pages, channels, profiles, transparency, and names that say another format."""
    deep = np.full((6, 8), 4095, np.uint16)
    Image.fromarray(deep).save(tmp_path / "dark.png")
    Image.fromarray(deep * 16).save(tmp_path / "bright.png")
    (tmp_path / "deep.ppm").write_bytes(b"P6 1 1 1023 " + b"\3\xff" * 3)
    frames = [picture(8, 6), picture(8, 6).rotate(90)]
    for form in ("gif", "tif", "webp", "png", "avif"):
        frames[0].save(tmp_path / f"several.{form}", save_all=True, append_images=frames[1:])
    extra = {"RGBX": picture(8, 6).convert("RGBX"), "RGBA": picture(8, 6).convert("RGBA")}
    for mode, image in extra.items():
        image.save(tmp_path / f"{mode}.tiff")
    picture(8, 6).save(tmp_path / "png.jpg", "PNG")
    for name in ("jpeg.txt", "jpeg.unknown", "jpeg.1"):
        picture(8, 6).save(tmp_path / name, "JPEG")
    profiles = {"srgb": ImageCms.createProfile("sRGB"), "lab": ImageCms.createProfile("LAB")}
    for name, profile in profiles.items():
        content = ImageCms.ImageCmsProfile(profile).tobytes()
        picture(8, 6).save(tmp_path / f"{name}.jpeg", icc_profile=content)
    looks = {path.name: look(path).traits for path in sorted(tmp_path.iterdir())}
    found = oddities({name: traits for name, traits in looks.items() if traits is not None})
    cases = {
        kind: {name: case.detail for case in found[kind] for name in case.names} for kind in found
    }
    assert cases[FindingKind.SIXTEEN_BIT] == dict.fromkeys(
        ("bright.png", "dark.png", "deep.ppm"), "16 bits"
    )
    assert cases[FindingKind.FEW_BITS] == {"dark.png": "12 of 16 bits used"}
    assert set(cases[FindingKind.ANIMATED]) == {
        f"several.{form}" for form in ("gif", "tif", "webp", "png", "avif")
    }
    assert cases[FindingKind.UNUSED_CHANNELS] == {"RGBX.tiff": "1 beside RGB"}
    assert cases[FindingKind.COLOUR_PROFILE] == {"lab.jpeg": "RGB"}
    assert cases[FindingKind.TRANSPARENT] == {"RGBA.tiff": "RGBA"}
    assert cases[FindingKind.WRONG_SUFFIX] == {"jpeg.txt": "JPEG", "png.jpg": "PNG"}


def test_a_bad_file_has_a_hash_and_a_reason(tmp_path: Path) -> None:
    """What can be read, but not decoded, is still identified; what is missing is not."""
    (tmp_path / "bad.png").write_bytes(b"no png")
    bad, missing = look(tmp_path / "bad.png"), look(tmp_path / "missing.png")
    assert bad.identity
    assert bad.reason.startswith("not an image")
    assert (missing.identity, missing.reason) == ("", "no such file")
    assert bad.traits is None


def test_order_is_kept(tmp_path: Path) -> None:
    """Looks come in the order of the records, whichever thread is first."""
    for side in (300, 8, 200, 9):
        picture(side, 8).save(tmp_path / f"{side}.png")
    records = [Record(str(side), 0, tmp_path / f"{side}.png") for side in (300, 8, 200, 9)]
    widths = [each.traits.width for each in summarize_image(records) if each.traits]
    assert widths == [300, 8, 200, 9]


def test_memory_does_not_grow_with_the_images(tmp_path: Path) -> None:
    """After a look at a picture of 3 megapixels, no more stays than after one of 64 pixels."""
    kept = []
    for side in (8, 1_700):
        picture(side, side).save(tmp_path / f"{side}.jpg")
        records = [Record(str(number), 0, tmp_path / f"{side}.jpg") for number in range(12)]
        list(summarize_image(records[:2]))
        tracemalloc.start()
        looks = list(summarize_image(records))
        kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert len(looks) == 12
    assert kept[1] < kept[0] + 50_000
