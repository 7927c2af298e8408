"""Pictures with several things in them: coloured discs, pasted on a ground."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from tools.pasted import write_labels

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
