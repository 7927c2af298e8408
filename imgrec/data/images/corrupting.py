"""What a corruption does to the pixels of an image.

A rotation precedes the resize, so that its angle is that of the photo whatever the aspect ratio of
the model's input. All others follow the resize, so that a level means the same for photos of all
sizes, as in "Benchmarking Neural Network Robustness to Common Corruptions and Perturbations"
(Hendrycks and Dietterich, 2019).
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageFilter, ImageStat

from imgrec.corruption import Corruption

_WHITE = 255

_QUARTER_TURNS = {
    1: Image.Transpose.ROTATE_90,
    2: Image.Transpose.ROTATE_180,
    3: Image.Transpose.ROTATE_270,
}


def rotated(image: Image.Image, corruption: Corruption) -> Image.Image:
    """Return an upright image in L or RGB as `corruption` rotates it; itself if it does not.

    Quarter turns lose no pixel. Any other angle keeps the size of the image: its corners are cut
    off, and what becomes empty gets the mean colour of the image.
    """
    if corruption.kind != "rotate":
        return image
    if turns := corruption.quarter_turns:
        return image.transpose(_QUARTER_TURNS[turns])
    mean = tuple(map(round, ImageStat.Stat(image).mean))
    fill = mean if len(mean) > 1 else mean[0]
    return image.rotate(corruption.level, Image.Resampling.BICUBIC, fillcolor=fill)


def corrupted(image: Image.Image, corruption: Corruption, seed: Callable[[], int]) -> Image.Image:
    """Return a resized image in L or RGB after a corruption; a rotated one as it is.

    seed: returns that of the noise, whose pattern is the same at all levels.
    """
    level = corruption.level
    if corruption.kind == "blur":
        return image.filter(ImageFilter.GaussianBlur(level * min(image.size)))
    if corruption.kind == "noise":
        return _noisy(image, level, seed())
    if corruption.kind == "brightness":
        values = [min(_WHITE, round(value * level)) for value in range(_WHITE + 1)]
        return image.point(values * len(image.getbands()))
    if corruption.kind == "jpeg":
        return _saved_as_jpeg(image, int(level))
    return image


def _noisy(image: Image.Image, level: float, seed: int) -> Image.Image:
    pixels = np.asarray(image, np.float32)
    noise = np.random.default_rng(seed).standard_normal(pixels.shape, np.float32)
    noisy = np.clip(np.rint(pixels + level * _WHITE * noise), 0, _WHITE)
    return Image.fromarray(noisy.astype(np.uint8))


def _saved_as_jpeg(image: Image.Image, quality: int) -> Image.Image:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    with Image.open(file, formats=["JPEG"]) as saved:
        saved.load()
        return saved.copy()
