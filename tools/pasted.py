"""Make collages of photos of several classes, with a table of their labels.

python -m tools.pasted OUT FOLDER... [--pictures 800] [--side 224] [--seed 0] [--once]

Each FOLDER holds the photos of one kind and is called by it. OUT/labels.csv has the pictures with
their labels, as `imgrec train` and `imgrec data pack` take it. With --once, no photo is in two of
them, so that a random split has no leakage.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image


def main(arguments: list[str]) -> None:
    """Write the collages and print the path of their table."""
    parser = argparse.ArgumentParser(description="Paste photos of several kinds together.")
    parser.add_argument("out", type=Path)
    parser.add_argument("folders", type=Path, nargs="+", metavar="folder")
    parser.add_argument("--pictures", type=int, default=800)
    parser.add_argument("--side", type=int, default=224, help="pixels")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--once", action="store_true", help="use no photo twice")
    options = parser.parse_args(arguments)
    kinds = {folder.name: sorted(folder.glob("*.jpg")) for folder in options.folders}
    images, side, seed = options.pictures, options.side, options.seed
    print(pasted_photos(options.out, kinds, images, side, seed, once=options.once))


def pasted_photos(
    folder: Path,
    kinds: Mapping[str, Sequence[Path]],
    images: int,
    side: int = 96,
    seed: int = 0,
    *,
    once: bool = False,
) -> Path:
    """Paste photos of some of the `kinds` side by side on a plain ground, and return the CSV file.

    Each picture holds each kind with a chance of one half, so that one in 2**kinds holds none;
    a photo is half as wide and high as the collage, in a quarter that the seed determines.
    With `once`, no photo is used twice, and the grounds are coloured, so that no two pictures are
    the same; after the last photo of a kind, the pictures have none.
    """
    random = np.random.default_rng(seed)
    found: dict[str, list[str]] = {}
    folder.mkdir(parents=True, exist_ok=True)
    half = side // 2
    unused = {
        name: [photos[place] for place in random.permutation(len(photos))]
        for name, photos in kinds.items()
        if once
    }
    for number in range(images):
        ground = (
            random.integers(60, 200, 3).tolist() if once else [int(random.integers(60, 200))] * 3
        )
        picture = Image.new("RGB", (side, side), tuple(ground))
        names = [name for name in kinds if random.random() < 0.5 and (unused.get(name) or not once)]
        for place, name in zip(random.permutation(4), names, strict=False):
            photos = kinds[name]
            file = unused[name].pop() if once else photos[int(random.integers(len(photos)))]
            with Image.open(file) as photo:
                part = photo.convert("RGB").resize((half, half))
            picture.paste(part, (half * int(place % 2), half * int(place // 2)))
        picture.save(folder / f"{number:04d}.jpg", quality=90)
        found[f"{number:04d}.jpg"] = names
    return write_labels(folder / "labels.csv", found)


def write_labels(file: Path, labels: Mapping[str, Sequence[str]]) -> Path:
    """Write a CSV file of images and their labels, with `;` between them."""
    with file.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text)
        writer.writerow(["path", "label"])
        writer.writerows((name, ";".join(found)) for name, found in labels.items())
    return file


if __name__ == "__main__":
    main(sys.argv[1:])
