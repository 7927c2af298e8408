"""How long `imgrec check` takes, and how much memory for many images.

python -m tools.bench.checks FILES    check so many made-up JPEG files of 32x32
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from tools.bench.figures import QUICK, Figure, Size
from tools.bench.processes import Cost, cost_of, cost_text, imgrec, middle

MANY = 100_000
CLASSES = 10


def checks(folder: Path, size: Size) -> Iterator[Figure]:
    """Yield the cost of checking the photos in `folder`, and many small files."""
    photos = sum(1 for _ in folder.rglob("*.jpg"))
    costs = [cost_of(imgrec("check", str(folder))) for _ in range(size.rounds)]
    each = 1000 * middle(costs).seconds / photos
    yield Figure(f"`imgrec check` of {photos:,} photos, each", f"{each:.2f} ms")
    files = MANY // 10 if size == QUICK else MANY
    yield Figure(f"`imgrec check` of {files:,} files of 32x32", cost_text(many(files)))


def many(files: int) -> Cost:
    """Return the cost of checking this many small files."""
    with tempfile.TemporaryDirectory() as folder:
        draw(Path(folder), files)
        return cost_of(imgrec("check", folder))


def draw(folder: Path, files: int) -> None:
    """Write JPEG files of coarse noise, all different, into class folders."""
    generator = np.random.default_rng(0)
    for number in range(files):
        home = folder / f"class{number % CLASSES}"
        home.mkdir(exist_ok=True)
        coarse = generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((32, 32)).save(home / f"{number:06}.jpg")


if __name__ == "__main__":
    print(cost_text(many(int(sys.argv[1]))))
