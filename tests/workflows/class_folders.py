"""Folders of images in class folders."""

from __future__ import annotations

from pathlib import Path

from PIL import Image


def fill(folder: Path, counts: dict[str, int], size: tuple[int, int] = (40, 30)) -> Path:
    """Write so many black images of `size` (width, height) into each class folder."""
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for number in range(count):
            Image.new("RGB", size).save(folder / name / f"{number}.png")
    return folder
