"""Images made to take memory or time are refused within a bound of both."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data import hostile_images as made

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits as on Linux")

# Prints, for each file of a folder, why it is refused. 300 MB and 5 seconds are enough for all.
REASONS = """
import json, resource, sys
from pathlib import Path
import psutil
from imgrec.data.images import ImageSpec, decode
from imgrec.errors import BadImage

memory = psutil.Process().memory_info().vms + 300_000_000
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
used = int(sum(psutil.Process().cpu_times()[:2]))
resource.setrlimit(resource.RLIMIT_CPU, (used + 5, used + 5))
found = {}
for file in Path(sys.argv[1]).iterdir():
    try:
        found[file.name] = str(decode(file, ImageSpec(8, 8, 3)).shape)
    except BadImage as error:
        found[file.name] = error.reason
print(json.dumps(found))
"""

NINES = 99_900_000
INFLATING = [(b"zTXt", b"%d\0\0" % number + zlib.compress(bytes(1 << 20))) for number in range(20)]

FILES: dict[str, tuple[Callable[[], bytes], str]] = {
    "one-tile.tif": (
        lambda: made.tiled_tiff(8, 8, 46_000, 46_000),
        "a TIFF of 8 x 8 pixels in tiles of 46,000 x 46,000: together 2,116 megapixels",
    ),
    "many-tiles.tif": (
        lambda: made.tiled_tiff(8192, 8, 1, 20_000),
        "a TIFF of 8,192 x 8 pixels in tiles of 1 x 20,000: together 163 megapixels",
    ),
    "strips.tif": (
        lambda: made.tiff_of_strips(2_000_000),
        "a TIFF of 2,000,000 strips or tiles, more than 262,144",
    ),
    "fractions.tif": (
        lambda: made.tiff_of_fractions(1_000_000),
        "a TIFF of 1,000,000 numbers in tag 282, more than 262,144",
    ),
    "scans.jpg": (
        lambda: made.jpeg_of_scans(16, 500),
        "a JPEG of 505 scans, more than 100: save it again",
    ),
    "scans-behind-restarts.jpg": (
        lambda: made.jpeg_of_scans(16, 500, b"\xff\xd0\xff\x01"),
        "a JPEG of 505 scans, more than 100: save it again",
    ),
    "exif.jpg": (
        lambda: made.jpeg_with_segments(0xE1, b"Exif\0\0" + bytes(60_000), 100),
        "5,860 KiB of EXIF, more than 1,024: save the image without it",
    ),
    "comments.jpg": (
        lambda: made.jpeg_with_segments(0xE1, b"http://ns.adobe.com/xap/1.0/\0<x/>", 3),
        "(8, 8, 3)",
    ),
    "wide.png": (
        lambda: made.png(NINES, 1),
        "99,900,000 x 1 pixels, more than 65,535 on a side",
    ),
    "tall.png": (
        lambda: made.png(1, NINES),
        "1 x 99,900,000 pixels, more than 65,535 on a side",
    ),
    "texts.png": (
        lambda: made.png(8, 8, *INFLATING),
        "20 MiB of metadata (EXIF, profile, texts), more than 16: save the image without them",
    ),
    "profile.png": (
        lambda: made.png(8, 8, (b"iCCP", b"a\0\0" + zlib.compress(bytes(100 << 20)))),
        "broken image (Decompressed data too large for PngImagePlugin.MAX_TEXT_CHUNK)",
    ),
    "exif.png": (
        lambda: made.png(8, 8, (b"eXIf", bytes(17 << 20))),
        "17 MiB of metadata (EXIF, profile, texts), more than 16: save the image without them",
    ),
    "large.webp": (
        lambda: made.webp(9900, 9900),
        "a WEBP of 9,900 x 9,900 pixels takes 1,569 MB of memory, more than 900: scale it",
    ),
    "largest.webp": (
        lambda: made.webp(1 << 24, 1 << 7),
        "2,148 megapixels, more than the 100 of data.max_megapixels",
    ),
    "comments.ppm": (
        lambda: b"P2 50 40 254\n" + b"#\n" * 1_000_000,
        "a PPM of 1,000,000 comments, more than 1,000",
    ),
    "text.ppm": (
        lambda: b"P2 5000 4000 255\n",
        "20 MB of a form that takes long to decode (BMP with run lengths, PPM as text or of",
    ),
    "values.ppm": (
        lambda: b"P6 5000 4000 254\n",
        "20 MB of a form that takes long to decode (BMP with run lengths, PPM as text or of",
    ),
    "runs.bmp": (
        lambda: made.bmp_of_runs(8, 8, b"\0\0" * 9_000_000),
        "18 MB of a form that takes long to decode (BMP with run lengths, PPM as text or of",
    ),
    "blocks.jp2": (
        lambda: made.larger_jpeg_2000(made.jpeg_2000(64, codeblock_size=(4, 4)), 9000, 9000),
        "a JPEG2000 of 9,000 x 9,000 pixels takes 3,188 MB of memory, more than 900: scale it",
    ),
    "tiles.jp2": (
        lambda: made.larger_jpeg_2000(
            made.jpeg_2000(64, tile_size=(16, 16), num_resolutions=2), 9000, 16
        ),
        "a JPEG2000 of 9,000 x 9,000 pixels takes 4,769 MB of memory, more than 900: scale it",
    ),
}


@pytest.fixture(scope="module")
def reasons(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return why each of the files is refused, or the shape of its pixels."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (content, _) in FILES.items():
        (folder / name).write_bytes(content())
    return run(REASONS, folder)


def run(code: str, folder: Path) -> dict[str, str]:
    """Return what a child with limits prints."""
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder)],
        env={**os.environ, "PYTHONPATH": str(Path.cwd())},
        stdout=subprocess.PIPE,
        check=True,
    )
    found: dict[str, str] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("name", FILES)
def test_a_small_file_that_claims_much_is_refused(name: str, reasons: dict[str, str]) -> None:
    """The reason says what was found and what is allowed; little was taken to find out."""
    assert reasons[name].startswith(FILES[name][1])


# Two images that take 500 MB each are decoded in two threads, which may take 850 MB.
TWO = """
import json, resource, sys
from pathlib import Path
import psutil
from imgrec.data.images import ImageSpec, decode_in_order
from imgrec.data.records import Photo

memory = psutil.Process().memory_info().vms + 850_000_000
resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
photos = [Photo(file.name, file) for file in Path(sys.argv[1]).iterdir()]
found = decode_in_order(photos, ImageSpec(8, 8, 3), workers=2)
print(json.dumps({photo.name: str(getattr(pixels, "shape", pixels)) for photo, pixels in found}))
"""


@pytest.mark.long
def test_large_images_wait_for_each_other(tmp_path: Path) -> None:
    """Threads share one budget of memory."""
    for name in ("a.webp", "b.webp"):
        (tmp_path / name).write_bytes(made.webp(5600, 5600))
    assert run(TWO, tmp_path) == {"a.webp": "(8, 8, 3)", "b.webp": "(8, 8, 3)"}


# Twenty damaged images of 30 MB are looked at ahead of their consumer, which may take 300 MB.
DAMAGED = TWO.replace("850_000_000", "300_000_000")


@pytest.mark.long
def test_a_reason_does_not_keep_the_image(tmp_path: Path) -> None:
    """Why an image is refused is kept until it is shown; its content is not."""
    for number in range(20):
        with (tmp_path / f"{number}.png").open("wb") as file:
            file.write(made.png(8, 8)[:40])
            file.truncate(30_000_000)
    found = run(DAMAGED, tmp_path)
    assert len(found) == 20
    assert {reason.partition(": ")[2] for reason in found.values()} == {"broken image (PNG header)"}


# Four threads decode an image of 40 megapixels, one after the other; prints the peak in bytes.
IN_TURN = """
import json, sys, threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from imgrec.data.images import ImageSpec, decode
from tools.peak_memory import peak_memory

lock, together = threading.Lock(), threading.Barrier(4)

def work(file):
    together.wait()
    with lock:
        decode(file, ImageSpec(8, 8, 3))

before = peak_memory()
with ThreadPoolExecutor(4) as pool:
    list(pool.map(work, [Path(sys.argv[1]) / "a.gif"] * 4))
print(json.dumps({"peak": peak_memory() - before}))
"""


@pytest.mark.long
def test_threads_give_memory_back(tmp_path: Path) -> None:
    """What one of them has used is there for the others: 200 MB are enough for all."""
    (tmp_path / "a.gif").write_bytes(made.gif(8000, 5000))
    assert float(run(IN_TURN, tmp_path)["peak"]) < 300_000_000
