"""Tests of the one decoder."""

from __future__ import annotations

import io
import os
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import PIL
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageFile

from imgrec.data.images import ImageSpec, decode, describe, miniature
from imgrec.data.records import MAX_MEGAPIXELS
from imgrec.errors import BadImage

# pytest puts "error" before the filter with which the decoder silences Pillow.
pytestmark = pytest.mark.filterwarnings("ignore:::PIL")

SMALL = ImageSpec(6, 4, 3)


PILLOW = tuple(map(int, PIL.__version__.split(".")[:2]))


def encoded(image: Image.Image, form: str = "PNG", orientation: int = 1) -> bytes:
    """Return `image` as a file's content, with the EXIF orientation; losslessly if possible."""
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    image.save(buffer, form, exif=exif, lossless=True)
    return buffer.getvalue()


def noise(width: int, height: int, channels: int = 3) -> Image.Image:
    """Return a picture in which no two pixels' values hang together."""
    values = np.random.default_rng(0).integers(0, 256, (height, width, channels), np.uint8)
    return Image.fromarray(values if channels > 1 else values[:, :, 0])


def pixel(image: Image.Image, form: str = "PNG", channels: int = 3) -> tuple[int, ...]:
    """Return the values of the first pixel after a file of `form` was written and decoded."""
    spec = ImageSpec(image.height, image.width, channels, "nearest")
    return tuple(decode(encoded(image, form), spec)[0, 0].tolist())


def reason(source: Path | bytes | NDArray[np.uint8]) -> str:
    """Return why `source` is refused."""
    with pytest.raises(BadImage) as caught:
        decode(source, SMALL)
    return caught.value.reason


def attempt(source: Path | bytes) -> tuple[int, ...] | str:
    """Return the shape of the pixels, or why there are none."""
    try:
        return decode(source, SMALL).shape
    except BadImage as error:
        return error.reason


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF"])
def test_formats_are_detected_by_content(form: str, tmp_path: Path) -> None:
    """Every allowed format is read, whatever the file is called."""
    file = tmp_path / "picture.txt"
    file.write_bytes(encoded(Image.new("RGB", (9, 9), (200, 100, 50)), form))
    pixels = decode(file, SMALL)
    assert (pixels.shape, pixels.dtype) == ((6, 4, 3), np.dtype(np.uint8))
    assert np.abs(pixels.astype(int) - (200, 100, 50)).max() <= 12


def test_jpeg_2000_is_read() -> None:
    """JPEG 2000 is among the formats."""
    assert pixel(Image.new("RGB", (8, 8), (10, 20, 30)), "JPEG2000") == (10, 20, 30)


@pytest.mark.parametrize("channels", [1, 3])
def test_shape_is_height_width_channels(channels: int) -> None:
    """The array has the spec's shape, and grey is the weighted sum of the colours."""
    pixels = decode(encoded(Image.new("RGB", (5, 5), (255, 0, 0))), ImageSpec(3, 7, channels))
    assert pixels.shape == (3, 7, channels)
    assert pixels[0, 0].tolist() == ([76] if channels == 1 else [255, 0, 0])


def test_path_bytes_and_array_give_the_same_pixels(tmp_path: Path) -> None:
    """A file, its content and its pixels take the same way."""
    picture = noise(20, 10)
    (tmp_path / "a.png").write_bytes(encoded(picture))
    from_file = decode(tmp_path / "a.png", SMALL)
    assert np.array_equal(decode(encoded(picture), SMALL), from_file)
    assert np.array_equal(decode(np.asarray(picture), SMALL), from_file)


@pytest.mark.parametrize("shape", [(5, 6), (5, 6, 1), (5, 6, 3), (5, 6, 4)])
def test_arrays_may_be_grey_colour_or_transparent(shape: tuple[int, ...]) -> None:
    """Pixels of each usual shape are taken."""
    assert decode(np.full(shape, 255, np.uint8), SMALL).min() == 255


@pytest.mark.parametrize("shape", [(5,), (5, 6, 2), (1, 5, 6, 3)])
def test_arrays_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    """Pixels of no usual shape are bad, and the reason names the shape."""
    assert str(shape) in reason(np.zeros(shape, np.uint8))


def test_resize_is_one_antialiased_step_with_the_interpolation_asked_for() -> None:
    """The pixels are Pillow's own resize of the whole picture, by each method."""
    picture = noise(50, 40)
    for name, method in Image.Resampling.__members__.items():
        expected = np.asarray(picture.resize((4, 6), method))
        assert np.array_equal(
            decode(encoded(picture), ImageSpec(6, 4, 3, name.lower())), expected
        ), name


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP"])
def test_every_exif_orientation_gives_the_same_upright_picture(form: str, orientation: int) -> None:
    """A picture stored turned or mirrored comes out as the upright one, to the pixel."""
    upright = noise(12, 7)
    content = encoded(turned(upright, orientation), form, orientation)
    assert np.array_equal(decode(content, ImageSpec(7, 12, 3)), np.asarray(upright))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_jpeg_comes_out_upright_too(orientation: int) -> None:
    """Where a JPEG is decoded at a fraction of its size, orientation and shape hold."""
    upright = Image.new("RGB", (800, 320), "white")
    upright.paste((255, 0, 0), (0, 0, 400, 160))
    upright.paste((0, 0, 255), (400, 160, 800, 320))
    content = encoded(turned(upright, orientation), "JPEG", orientation)
    pixels = decode(content, ImageSpec(32, 80, 3)).astype(int)
    expected = np.asarray(upright.resize((80, 32), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(pixels - expected).mean() < 2


def turned(upright: Image.Image, orientation: int) -> Image.Image:
    """Return `upright` as a camera would store it that writes `orientation`."""
    ways = Image.Transpose
    undo = {
        2: ways.FLIP_LEFT_RIGHT,
        3: ways.ROTATE_180,
        4: ways.FLIP_TOP_BOTTOM,
        5: ways.TRANSPOSE,
        6: ways.ROTATE_90,
        7: ways.TRANSVERSE,
        8: ways.ROTATE_270,
    }
    return upright.transpose(undo[orientation]) if orientation in undo else upright


def test_a_large_jpeg_keeps_at_least_twice_the_wanted_size() -> None:
    """Decoding at a fraction stays close to decoding in full, as detail for the resize is left."""
    picture = Image.radial_gradient("L").resize((1000, 1000)).convert("RGB")
    content = encoded(picture, "JPEG")
    full = Image.open(io.BytesIO(content)).resize((100, 100), Image.Resampling.BILINEAR)
    pixels = decode(content, ImageSpec(100, 100, 3)).astype(int)
    assert np.abs(pixels - np.asarray(full).astype(int)).max() <= 4


@pytest.mark.parametrize(
    ("mode", "colour", "form", "expected"),
    [
        ("1", 1, "PNG", (255, 255, 255)),
        ("L", 90, "PNG", (90, 90, 90)),
        ("LA", (0, 0), "PNG", (255, 255, 255)),
        ("LA", (0, 255), "PNG", (0, 0, 0)),
        ("RGBA", (255, 0, 0, 0), "PNG", (255, 255, 255)),
        ("RGBA", (255, 0, 0, 51), "PNG", (255, 204, 204)),
        ("RGBA", (255, 0, 0, 255), "WEBP", (255, 0, 0)),
        ("CMYK", (0, 255, 255, 0), "TIFF", (255, 0, 0)),
        ("CMYK", (0, 0, 0, 0), "JPEG", (255, 255, 255)),
        ("YCbCr", (128, 128, 128), "TIFF", (128, 128, 128)),
        ("LAB", (255, 128, 128), "TIFF", (255, 255, 255)),
        ("I;16", 65535, "PNG", (255, 255, 255)),
        ("I;16", 257 * 100, "PNG", (100, 100, 100)),
        ("I;16", 257 * 100, "TIFF", (100, 100, 100)),
        ("I;16", 257 * 100, "PPM", (100, 100, 100)),
    ],
)
def test_every_mode_becomes_8_bit_rgb(
    mode: str, colour: int | tuple[int, ...], form: str, expected: tuple[int, ...]
) -> None:
    """Colour models, depths and transparency (on white) come out as the colour meant."""
    picture = Image.new(mode, (2, 2), colour)
    assert pixel(picture, form) == pytest.approx(expected, abs=1)


def test_palette_without_and_with_transparency() -> None:
    """A palette's colour is looked up; its transparent entry is white."""
    picture = Image.new("P", (2, 2), 1)
    picture.putpalette([0, 0, 0, 10, 200, 30])
    spec = ImageSpec(2, 2, 3)
    assert decode(encoded(picture), spec)[0, 0].tolist() == [10, 200, 30]
    for transparency in (1, b"\xff\x00"):
        buffer = io.BytesIO()
        picture.save(buffer, "PNG", transparency=transparency)
        assert decode(buffer.getvalue(), spec)[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize(("mode", "key"), [("L", 7), ("RGB", (7, 7, 7)), ("I;16", 7)])
def test_a_transparent_colour_is_white(mode: str, key: int | tuple[int, ...]) -> None:
    """PNG may name one colour transparent, at 8 and at 16 bits."""
    buffer = io.BytesIO()
    Image.new(mode, (2, 2), key).save(buffer, "PNG", transparency=key)
    assert decode(buffer.getvalue(), ImageSpec(1, 1, 1))[0, 0].tolist() == [255]


def test_16_bits_are_rounded_not_cut() -> None:
    """The whole range of 16 bits is brought to 8 bits by rounding."""
    wide = np.arange(0, 65536, dtype=np.uint16).reshape(256, 256)
    pixels = decode(encoded(Image.fromarray(wide)), ImageSpec(256, 256, 1, "nearest"))
    assert np.array_equal(pixels[:, :, 0], np.rint(wide / 257).astype(np.uint8))


def test_tiff_may_store_a_negative() -> None:
    """Where TIFF says that 0 is white, 16-bit grey comes out the right way round."""
    buffer = io.BytesIO()
    photometric = {int(ExifTags.Base.PhotometricInterpretation): 0}
    Image.new("I;16", (2, 2), 65535).save(buffer, "TIFF", tiffinfo=photometric)
    assert decode(buffer.getvalue(), ImageSpec(1, 1, 1)).tolist() == [[[0]]]


def test_12_bits_have_a_range_of_their_own() -> None:
    """A TIFF of 12 bits is scaled from 4095, not from 65535."""
    size, bits, grey, strip = ((256, 2), (257, 1)), (258, 12), ((259, 1), (262, 1)), (273, 122)
    tags = (*size, bits, *grey, strip, (277, 1), (278, 1), (279, 3))
    entries = b"".join(struct.pack("<HHII", tag, 3, 1, value) for tag, value in tags)
    header = b"II*\x00" + struct.pack("<IH", 8, len(tags))
    content = header + entries + bytes(4) + b"\xff\xf0\x00"
    assert decode(content, ImageSpec(1, 2, 1, "nearest")).ravel().tolist() == [255, 0]


@pytest.mark.parametrize(("mode", "word"), [("F", "floating-point"), ("I", "32-bit")])
def test_pixels_without_a_range_are_refused(mode: str, word: str) -> None:
    """Floating-point and 32-bit pixels have no white: guessing one would change the picture."""
    assert word in reason(encoded(Image.new(mode, (4, 4), 1), "TIFF"))


def test_the_first_frame_of_an_animation_is_taken() -> None:
    """Of several frames only the first counts."""
    frames = [Image.new("RGB", (4, 4), colour) for colour in ("red", "blue")]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:])
    assert decode(buffer.getvalue(), SMALL)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("content", [b"GIF", b"no image at all"])
def test_what_is_not_an_image_of_an_allowed_format_is_refused(
    content: bytes, tmp_path: Path
) -> None:
    """What nobody recognises is refused, with the formats named, whatever it is called."""
    file = tmp_path / "cat.jpg"
    file.write_bytes(content)
    assert reason(file).startswith("not an image, or not in one of these formats: JPEG, PNG")


def test_postscript_starts_no_program(tmp_path: Path) -> None:
    """A picture in disguise never reaches Ghostscript, even where it is installed."""
    witness = tmp_path / "witness"
    for name in ("gs", "gswin64c"):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\ntouch {witness}\n")
        program.chmod(0o755)
    (tmp_path / "cat.jpg").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from imgrec.data.images import ImageSpec, decode\nfrom imgrec.errors import BadImage\n"
        "try:\n    decode(Path(sys.argv[1]), ImageSpec(4, 4, 3))\n"
        "except BadImage:\n    sys.exit(5)\n"
    )
    path = f"{tmp_path}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "cat.jpg")],
        env={**os.environ, "PATH": path, "PYTHONPATH": str(Path.cwd())},
        check=False,
    )
    assert done.returncode == 5
    assert not witness.exists()


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF", "PPM", "AVIF"])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.95])
def test_truncated_files_are_refused(form: str, share: float) -> None:
    """Half a picture is refused, in any format."""
    content = encoded(noise(64, 48), form)
    reason(content[: int(len(content) * share)])
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


def test_a_png_broken_in_its_pixels_is_refused() -> None:
    """What goes wrong while pixels are decoded isn't lost when orientation is looked up."""
    content = bytearray(encoded(noise(64, 48)))
    middle = len(content) // 2
    content[middle : middle + 20] = bytes(20)
    assert reason(bytes(content)).startswith("broken image (")


def test_too_many_pixels_are_refused_before_they_are_decoded() -> None:
    """The limit is checked on the header: a bomb of a few bytes takes no memory."""
    side = int((MAX_MEGAPIXELS * 10**6) ** 0.5) + 1
    limit = "more than the 100 of data.max_megapixels"
    assert reason(b"P6 %d %d 255\n" % (side, side)) == f"101 megapixels, {limit}"
    assert reason(b"P6 90000 90000 255\n") == f"8,100 megapixels, {limit}"


def test_files_that_can_not_be_read_have_plain_reasons(tmp_path: Path) -> None:
    """Missing and empty files, folders, addresses and impossible paths are distinguished."""
    (tmp_path / "empty.jpg").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    assert reason(tmp_path / "no.jpg") == "no such file"
    assert reason(tmp_path) == "a folder, not an image"
    assert reason(tmp_path / "empty.jpg") == "empty file"
    assert reason(b"") == "empty file"
    assert reason(tmp_path / "empty.jpg" / "inside.jpg") == "not a directory"
    assert reason(tmp_path / "loop") == "too many levels of symbolic links"
    assert reason(Path("bad\0name.jpg")) == "no such file"
    assert reason(Path("https://example.org/cat.jpg")).startswith("an address, not a file")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_refused_instead_of_waited_for(tmp_path: Path) -> None:
    """A named pipe would never end."""
    os.mkfifo(tmp_path / "pipe.jpg")
    assert reason(tmp_path / "pipe.jpg") == "not a regular file"


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """Missing permission is the reason given."""
    (tmp_path / "a.png").write_bytes(encoded(noise(4, 4)))
    (tmp_path / "a.png").chmod(0)
    assert reason(tmp_path / "a.png") == "permission denied"


def test_errors_carry_the_name_given_or_the_path(tmp_path: Path) -> None:
    """The message begins with what the user calls the image."""
    with pytest.raises(BadImage, match=r"^cats/1\.jpg: no such file$"):
        decode(tmp_path / "1.jpg", SMALL, "cats/1.jpg")
    with pytest.raises(BadImage) as caught:
        decode(tmp_path / "1.jpg", SMALL)
    assert caught.value.name == str(tmp_path / "1.jpg")


def test_broken_exif_does_not_spoil_a_sound_picture() -> None:
    """EXIF that can't be read counts as none."""
    buffer = io.BytesIO()
    noise(8, 8).save(buffer, "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff")
    assert decode(buffer.getvalue(), SMALL).shape == (6, 4, 3)


@given(st.binary(max_size=200), st.sampled_from(["JPEG", "PNG", "GIF", "BMP", "WEBP", "TIFF"]))
def test_whatever_the_bytes_there_is_an_array_or_a_bad_image(junk: bytes, form: str) -> None:
    """Damaged content never raises anything but BadImage."""
    content = encoded(noise(9, 9), form)
    place = len(junk) % len(content)
    for damaged in (junk, content[:place] + junk + content[place + len(junk) :]):
        outcome = attempt(damaged)
        assert outcome == (6, 4, 3) or "\n" not in str(outcome)


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF"])
def test_describe_gives_the_size_of_the_upright_picture(
    form: str, orientation: int, tmp_path: Path
) -> None:
    """Width and height are swapped where the picture lies on its side."""
    (tmp_path / "a").write_bytes(encoded(noise(9, 5), form, orientation))
    assert describe(tmp_path / "a").size == ((5, 9) if orientation == 6 else (9, 5))


def test_describe_names_what_is_not_an_image(tmp_path: Path) -> None:
    """A file that is missing, or no image, is a bad image here too."""
    (tmp_path / "a.jpg").write_text("text")
    with pytest.raises(BadImage, match="not an image"):
        describe(tmp_path / "a.jpg")
    with pytest.raises(BadImage, match="no such file"):
        describe(tmp_path / "b.jpg")


def test_every_awkward_file_is_read_or_named(shared: Callable[[str], Path]) -> None:
    """Files made to break decoders give pixels or a reason; these and no others are refused."""
    refused = set()
    for file in sorted(shared("data/awkward").iterdir()):
        if attempt(file) != (6, 4, 3):
            refused.add(file.name)
    crashing = {name for name in refused if name.startswith("crash-")}
    assert len(crashing) == 6
    assert refused - crashing == {
        "00r0_gray_l.jp2",
        "10ct_32bit_128.tiff",
        "broken_data_stream.png",
        "l2rgb_read.bmp",
        "not_enough_data.jp2",
        "truncated_end_chunk.png",
        "truncated_image.png",
        "unbound_variable.jp2",
        *({"separate_planar_extra_samples.tiff"} if PILLOW < (12, 3) else ()),
    }


def test_nothing_reaches_the_screen_while_odd_files_are_read(
    shared: Callable[[str], Path],
) -> None:
    """Pillow's warnings and log lines stay off stderr for files that can be read."""
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from imgrec.data.images import ImageSpec, decode\nfrom imgrec.errors import BadImage\n"
        "for file in Path(sys.argv[1]).iterdir():\n"
        "    if file.name.startswith('crash-'):\n        continue\n"
        "    try:\n        decode(file, ImageSpec(4, 4, 3))\n"
        "    except BadImage:\n        pass\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(shared("data/awkward"))],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        capture_output=True,
        check=True,
    )
    assert done.stderr == b""
    assert done.stdout == b""


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_miniature_is_the_whole_upright_picture(tmp_path: Path, orientation: int) -> None:
    """Its longer side is that asked for, its shape that of the picture as it stands upright."""
    content = encoded(Image.new("RGB", (400, 100), (10, 200, 30)), "JPEG", orientation)
    (tmp_path / "a").write_bytes(content)
    found = miniature(tmp_path / "a", 80)
    assert found.shape == ((80, 20, 3) if orientation == 6 else (20, 80, 3))
    assert abs(found.astype(int) - (10, 200, 30)).max() < 5


def test_a_small_picture_is_its_own_miniature() -> None:
    """Nothing is enlarged; grey becomes RGB."""
    pixels = np.asarray(noise(5, 7, 1))
    np.testing.assert_array_equal(miniature(pixels, 80), np.stack([pixels] * 3, axis=2))


def test_a_miniature_of_no_image_is_refused(tmp_path: Path) -> None:
    """As the decoder refuses it, by name."""
    (tmp_path / "a").write_bytes(b"text")
    with pytest.raises(BadImage, match="photo"):
        miniature(tmp_path / "a", 80, "photo")
