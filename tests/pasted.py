"""Pictures with several things in them: coloured discs, or real photos, pasted on a ground."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

COLOURS = {"blue": (40, 60, 230), "green": (30, 190, 60), "red": (230, 40, 30)}


def pasted_discs(folder: Path, images: int, seed: int = 0) -> Path:
    """Write pictures of 24x24 pixels with up to three coloured discs, and return their CSV file.

    The labels are the colours, with `;` between them; one picture in eight has none.
    """
    random = np.random.default_rng(seed)
    found: dict[str, list[str]] = {}
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(images):
        ground = int(random.integers(90, 160))
        picture = Image.new("RGB", (24, 24), (ground, ground, ground))
        names = [name for name in COLOURS if random.random() < 0.5]
        for place, name in zip(random.permutation(4), names, strict=False):
            left, top = 12 * (place % 2), 12 * (place // 2)
            size = int(random.integers(7, 12))
            box = (left, top, left + size, top + size)
            ImageDraw.Draw(picture).ellipse([int(edge) for edge in box], fill=COLOURS[name])
        picture.save(folder / f"{number:03d}.png")
        found[f"{number:03d}.png"] = names
    return write_labels(folder / "labels.csv", found)


def pasted_photos(
    folder: Path, kinds: Mapping[str, Sequence[Path]], images: int, side: int = 96, seed: int = 0
) -> Path:
    """Paste photos of some of the `kinds` side by side on grey, and return the CSV file.

    Each picture holds each kind with a chance of one half, so that one in 2**kinds holds none;
    a photo is half as wide and high as the picture, in a quarter of its own, drawn by the seed.
    """
    random = np.random.default_rng(seed)
    found: dict[str, list[str]] = {}
    folder.mkdir(parents=True, exist_ok=True)
    half = side // 2
    for number in range(images):
        ground = int(random.integers(60, 200))
        picture = Image.new("RGB", (side, side), (ground, ground, ground))
        names = [name for name in kinds if random.random() < 0.5]
        for place, name in zip(random.permutation(4), names, strict=False):
            file = kinds[name][int(random.integers(len(kinds[name])))]
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
