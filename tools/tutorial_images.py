"""Write the images of docs/tutorials.md: drawn ones, and those that come with scikit-learn.

python -m tools.tutorial_images data [--images 400] [--seed 0]

data/birds, cats_dogs, things and unsorted are drawn. data/mnist has scikit-learn's digits as the
four files of MNIST, 28x28; data/digits has those of the test part as pictures; data/photos has
scikit-learn's two photos. --images is the number of drawings of a class to train on; of the others
there are fewer.
"""

from __future__ import annotations

import argparse
import gzip
import math
import shutil
import struct
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Random = np.random.Generator

FUR = (
    (66, 48, 40),
    (120, 82, 50),
    (176, 128, 78),
    (214, 178, 130),
    (150, 150, 152),
    (232, 226, 216),
)
BRIGHT = (
    (190, 60, 50),
    (60, 110, 190),
    (220, 180, 60),
    (80, 150, 90),
    (120, 80, 150),
    (235, 235, 235),
)
DARK, NOSE, PALE, ROSE = (28, 26, 30), (50, 40, 40), (240, 235, 225), (225, 140, 140)
# Drawn larger and then reduced, for smooth edges.
FINER = 3
# The side of a ground before it is enlarged, which blurs it.
COARSE = 24
TEST_DIGITS = 297


def main(arguments: list[str]) -> None:
    """Write all of them."""
    parser = argparse.ArgumentParser(description="Write the images of docs/tutorials.md.")
    parser.add_argument("out", type=Path)
    parser.add_argument("--images", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(arguments)
    random = np.random.default_rng(options.seed)
    out: Path = options.out
    images, fewer = options.images, max(4, options.images // 4)
    for split, count in (("train", images), ("test", fewer)):
        write_drawings(out / "birds" / split / "bird", [bird], count, 32, random)
        write_drawings(out / "birds" / split / "not_bird", NO_BIRDS, count, 32, random)
    for split, count in (("train", images), ("validation", fewer)):
        write_drawings(out / "cats_dogs" / split / "cat", [cat], count, 180, random)
        write_drawings(out / "cats_dogs" / split / "dog", [dog], count, 180, random)
    for name, thing in THINGS.items():
        write_drawings(out / "things" / name, [thing], images // 2, 48, random)
    write_drawings(out / "unsorted", [*THINGS.values()], 24, 120, random)
    write_digits(out)
    copy_photos(out / "photos")
    print(f"wrote {', '.join(sorted(str(each) for each in out.iterdir()))}")


@dataclass
class Pen:
    """Draws in a square from -1 to 1 that is turned, mirrored, scaled and moved.

    image: RGB.
    """

    image: Image.Image
    angle: float = 0
    scale: float = 1
    move: tuple[float, float] = (0, 0)
    mirror: bool = False
    _draw: ImageDraw.ImageDraw = field(init=False)

    def __post_init__(self) -> None:
        self._draw = ImageDraw.Draw(self.image)

    def shape(self, points: Sequence[tuple[float, float]], colour: Colour) -> None:
        """Fill a polygon."""
        self._draw.polygon([self._place(*point) for point in points], colour)

    def oval(
        self, x: float, y: float, wide: float, high: float, colour: Colour, turned: float = 0
    ) -> None:
        """Fill an ellipse around (x, y), `turned` by radians."""
        cos, sin = math.cos(turned), math.sin(turned)
        around = [
            (wide * math.cos(step), high * math.sin(step)) for step in np.linspace(0, 6.28, 40)
        ]
        self.shape([(x + a * cos - b * sin, y + a * sin + b * cos) for a, b in around], colour)

    def line(self, start: tuple[float, float], end: tuple[float, float], colour: Colour) -> None:
        """Draw a thin line."""
        width = max(1, self.image.width // 120)
        self._draw.line([self._place(*start), self._place(*end)], colour, width)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        x = -x if self.mirror else x
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        half = self.image.width / 2
        return (
            half * (1 + self.move[0] + self.scale * (x * cos - y * sin)),
            half * (1 + self.move[1] + self.scale * (x * sin + y * cos)),
        )


Drawing = Callable[[Pen, Random], None]


def write_drawings(
    folder: Path, kinds: Sequence[Drawing], images: int, side: int, random: Random
) -> None:
    """Write JPEG files, each with a drawing of one of the kinds, on grounds of many colours."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(images):
        picture = ground(side * FINER, random)
        pen = Pen(
            picture,
            angle=random.normal(0, 0.25),
            scale=random.uniform(0.55, 0.9),
            move=(random.uniform(-0.2, 0.2), random.uniform(-0.2, 0.2)),
            mirror=bool(random.integers(2)),
        )
        kinds[number % len(kinds)](pen, random)
        finished(picture, side, random).save(folder / f"{number:04d}.jpg", quality=90)


def bird(pen: Pen, random: Random) -> None:
    """A bird, from the side."""
    body, wing, beak = some(BRIGHT + FUR, random), some(BRIGHT + FUR, random), (230, 150, 40)
    pen.shape([(-0.4, 0.0), (-1.0, -0.15), (-0.95, 0.2)], wing)
    pen.oval(-0.1, 0.1, 0.55, 0.38, body)
    pen.oval(0.42, -0.28, 0.28, 0.27, body)
    pen.shape([(0.64, -0.38), (1.0, -0.22), (0.64, -0.16)], beak)
    pen.oval(0.5, -0.34, 0.06, 0.06, DARK)
    pen.oval(-0.2, 0.05, 0.38, 0.2, wing, turned=random.uniform(-0.5, 0.3))
    for foot in (-0.15, 0.1):
        pen.line((foot, 0.45), (foot, 0.75), beak)


def airplane(pen: Pen, random: Random) -> None:
    """An airplane, from the side."""
    hull, wing = some(BRIGHT, random), some(BRIGHT, random)
    pen.shape([(-0.75, 0.0), (-1.0, -0.5), (-0.8, -0.5), (-0.5, 0.0)], wing)
    pen.oval(0.0, 0.05, 0.95, 0.2, hull)
    pen.shape([(-0.1, 0.1), (0.3, 0.1), (-0.2, 0.65), (-0.4, 0.65)], wing)
    for window in np.linspace(-0.4, 0.6, 6):
        pen.oval(float(window), 0.0, 0.05, 0.05, DARK)


def fish(pen: Pen, random: Random) -> None:
    """A fish."""
    body, fin = some(BRIGHT + FUR, random), some(BRIGHT, random)
    pen.shape([(-0.5, 0.0), (-1.0, -0.35), (-1.0, 0.35)], fin)
    pen.oval(0.1, 0.0, 0.75, 0.36, body)
    pen.shape([(-0.1, -0.3), (0.3, -0.3), (0.0, -0.6)], fin)
    pen.oval(0.6, -0.08, 0.07, 0.07, DARK)


def car(pen: Pen, random: Random) -> None:
    """A car, from the side."""
    paint = some(BRIGHT, random)
    pen.shape([(-0.5, 0.0), (-0.3, -0.4), (0.35, -0.4), (0.6, 0.0)], paint)
    pen.shape([(-0.38, -0.02), (-0.24, -0.32), (0.3, -0.32), (0.46, -0.02)], (170, 200, 215))
    pen.shape([(-0.95, 0.0), (0.95, 0.0), (0.95, 0.35), (-0.95, 0.35)], paint)
    for wheel in (-0.5, 0.5):
        pen.oval(wheel, 0.38, 0.2, 0.2, DARK)


def cat(pen: Pen, random: Random) -> None:
    """The head of a cat: pointed ears, slit eyes, whiskers."""
    fur = some(FUR, random)
    for side in (-1, 1):
        pen.shape([(side * 0.8, -0.1), (side * 0.72, -0.95), (side * 0.2, -0.55)], fur)
        pen.shape([(side * 0.7, -0.3), (side * 0.66, -0.78), (side * 0.36, -0.52)], ROSE)
    pen.oval(0, 0.05, 0.8, 0.68, fur)
    eyes = some(((120, 170, 80), (210, 180, 60), (110, 160, 200)), random)
    for side in (-1, 1):
        pen.oval(side * 0.34, -0.08, 0.17, 0.13, eyes, turned=side * 0.2)
        pen.oval(side * 0.34, -0.08, 0.04, 0.12, DARK)
        for rise in (-0.1, 0.0, 0.1):
            pen.line((side * 0.2, 0.3), (side * 1.0, 0.3 + rise), PALE)
    pen.shape([(-0.09, 0.18), (0.09, 0.18), (0.0, 0.28)], ROSE)


def dog(pen: Pen, random: Random) -> None:
    """The head of a dog: hanging ears, round eyes, a muzzle with a large nose."""
    fur, ears = some(FUR, random), some(FUR, random)
    pen.oval(0, -0.05, 0.66, 0.68, fur)
    for side in (-1, 1):
        pen.oval(side * 0.7, 0.05, 0.22, 0.55, ears, turned=side * -0.15)
        pen.oval(side * 0.28, -0.2, 0.11, 0.12, PALE)
        pen.oval(side * 0.28, -0.19, 0.07, 0.08, DARK)
    if random.integers(2):
        pen.oval(0, 0.72, 0.13, 0.22, ROSE)
    pen.oval(0, 0.36, 0.38, 0.32, some((PALE, *FUR), random))
    pen.oval(0, 0.2, 0.16, 0.12, NOSE)


NO_BIRDS: tuple[Drawing, ...] = (airplane, fish, car, cat, dog)
THINGS: dict[str, Drawing] = {
    "airplane": airplane,
    "bird": bird,
    "car": car,
    "cat": cat,
    "dog": dog,
    "fish": fish,
}


def ground(side: int, random: Random) -> Image.Image:
    """Return a square whose colours change from top to bottom, with some large, blurred spots."""
    top, bottom = random.integers(30, 226, (2, 3))
    rows = np.linspace(top, bottom, COARSE)[:, np.newaxis]
    picture = Image.fromarray(np.broadcast_to(rows, (COARSE, COARSE, 3)).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(int(random.integers(2, 7))):
        x, y, size = random.uniform(0, COARSE, 3)
        around = [x - size / 5, y - size / 5, x + size / 5, y + size / 5]
        draw.ellipse(around, tuple(random.integers(20, 236, 3).tolist()))
    return picture.resize((side, side), Image.Resampling.BICUBIC)


def finished(picture: Image.Image, side: int, random: Random) -> Image.Image:
    """Return the picture at its size, with the noise of a camera."""
    small = np.asarray(picture.resize((side, side), Image.Resampling.BOX), np.float32)
    return Image.fromarray((small + random.normal(0, 6, small.shape)).clip(0, 255).astype(np.uint8))


def some(colours: Sequence[Colour], random: Random) -> Colour:
    """Return one of the colours, a little changed."""
    chosen = np.array(colours[int(random.integers(len(colours)))]) + random.integers(-18, 19, 3)
    red, green, blue = chosen.clip(0, 255).tolist()
    return red, green, blue


def write_digits(out: Path) -> None:
    """Write scikit-learn's digits as MNIST's files, and those of the test part as pictures, too."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = np.stack([_as_mnist(each) for each in digits.images])
    labels = digits.target.astype(np.uint8)
    (out / "mnist").mkdir(parents=True, exist_ok=True)
    for name, part in (("train", slice(None, -TEST_DIGITS)), ("t10k", slice(-TEST_DIGITS, None))):
        _write_idx(out / "mnist" / f"{name}-images-idx3-ubyte.gz", images[part])
        _write_idx(out / "mnist" / f"{name}-labels-idx1-ubyte.gz", labels[part])
    for number, (pixels, label) in enumerate(zip(images, labels, strict=True)):
        if number >= len(images) - TEST_DIGITS:
            folder = out / "digits" / str(label)
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(folder / f"{number:04d}.png")


def copy_photos(folder: Path) -> None:
    """Copy the photos of scikit-learn: a Chinese temple and a dahlia."""
    from sklearn.datasets import load_sample_images

    folder.mkdir(parents=True, exist_ok=True)
    for name in load_sample_images().filenames:
        shutil.copy(name, folder)


def _as_mnist(digit: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return 20x20 pixels in the middle of 28x28, as in MNIST."""
    large = Image.fromarray((digit * 255 / 16).astype(np.uint8)).resize((20, 20))
    return np.pad(np.asarray(large), 4)


def _write_idx(path: Path, array: NDArray[np.uint8]) -> None:
    head = struct.pack(f">HBB{array.ndim}I", 0, 8, array.ndim, *array.shape)
    path.write_bytes(gzip.compress(head + array.tobytes(), mtime=0))


if __name__ == "__main__":
    main(sys.argv[1:])
