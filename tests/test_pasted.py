"""Collages for trainings with several labels per image."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from tools.pasted import pasted_photos


def test_no_photo_is_used_twice(tmp_path: Path) -> None:
    """Not even if there are too few, so that no part of a collage is both in training and test."""
    kinds: dict[str, list[Path]] = {"cat": [], "dog": []}
    for grey in range(8):
        file = tmp_path / f"{grey}.png"
        Image.new("RGB", (8, 8), (grey, grey, grey)).save(file)
        kinds["cat" if grey % 2 else "dog"].append(file)
    table = pasted_photos(tmp_path / "out", kinds, 20, side=16, once=True)
    labels = [line.partition(",")[2] for line in table.read_text().splitlines()[1:]]
    assert [sum(name in each for each in labels) for name in kinds] == [4, 4]
    pictures = {np.asarray(Image.open(each)).tobytes() for each in table.parent.glob("*.jpg")}
    assert len(pictures) == 20
