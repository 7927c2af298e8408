"""How long `imgrec check` takes, and that its memory does not hang on the images.

python -m tools.checks FILES    check so many made-up JPEG files of 32x32
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tools.figures import QUICK, Figure, Size
from tools.processes import Cost, cost_of, imgrec, middle, told

MANY = 100_000
CLASSES = 10


def checks(folder: Path, size: Size) -> Iterator[Figure]:
    """Yield what a check of the photos in `folder` takes, and one of many small files."""
    photos = sum(1 for _ in folder.rglob("*.jpg"))
    costs = [cost_of(imgrec("check", str(folder))) for _ in range(size.rounds)]
    each = 1000 * middle(costs).seconds / photos
    yield Figure(f"`imgrec check` of {photos:,} photos, each", f"{each:.2f} ms")
    files = MANY // 10 if size == QUICK else MANY
    yield Figure(f"`imgrec check` of {files:,} files of 32x32", told(many(files)))


def many(files: int) -> Cost:
    """Return what checking so many small files takes."""
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), files)
        return cost_of(imgrec("check", folder))


def draw(folder: Path, files: int) -> None:
    """Write JPEG files of coarse noise, no two alike, in class folders."""
    generator = np.random.default_rng(0)
    for number in range(files):
        home = folder / f"class{number % CLASSES}"
        home.mkdir(exist_ok=True)
        coarse = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((32, 32)).save(home / f"{number:06}.jpg")


if __name__ == "__main__":
    print(told(many(int(sys.argv[1]))))
