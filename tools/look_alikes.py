"""Measure how many copies `imgrec check` finds, and how many other pictures it takes for copies.

python -m tools.look_alikes [SET ...]

The sets are those of DATA: copies of some of the pictures are made and looked for among all.
"""

from __future__ import annotations

import argparse
import io
import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance

from imgrec.data.check.look_alikes import SIDE, find_look_alikes, has_contrast
from imgrec.data.images import ImageSpec, decode
from imgrec.data.records import Record
from imgrec.data.sources import read_leniently
from imgrec.workflows.data_argument import data_argument, splits_of
from tools.photos import DATA

_SPEC = ImageSpec(SIDE, SIDE, 1)
_SETS = {"mnist": "28 x 28", "birds": "32 x 32", "cats_dogs": "photos", "photos": "photos"}


def _encoded(image: Image.Image, _: np.random.Generator) -> Image.Image:
    """Return the picture saved as JPEG of quality 75."""
    file = io.BytesIO()
    image.save(file, "JPEG", quality=75)
    return Image.open(file)


def _resized(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return the picture at 0.7 to 1.5 times its size."""
    factor = random.uniform(0.7, 1.5)
    return image.resize(
        (round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC
    )


def _cropped(image: Image.Image, random: np.random.Generator) -> Image.Image:
    """Return the picture without 5 % of its width and height, somewhere at its borders."""
    width, height = (max(1, round(side * 0.05)) for side in image.size)
    left, top = int(random.integers(0, width + 1)), int(random.integers(0, height + 1))
    return image.crop((left, top, image.width - width + left, image.height - height + top))


def _brightened(image: Image.Image, _: np.random.Generator) -> Image.Image:
    """Return the picture 1.2 times as bright; highlights are lost."""
    return ImageEnhance.Brightness(image).enhance(1.2)


def _mirrored(image: Image.Image, _: np.random.Generator) -> Image.Image:
    """Return the picture mirrored and saved as JPEG."""
    return _encoded(image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), _)


_COPIES: Mapping[str, Callable[[Image.Image, np.random.Generator], Image.Image]] = {
    "re-encoded": _encoded,
    "resized": _resized,
    "cropped": _cropped,
    "brightened": _brightened,
    "mirrored": _mirrored,
}


def main() -> None:
    """Print a line of the table for each set of pictures."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("sets", nargs="*", choices=[*_SETS, []], default=[*_SETS])
    parser.add_argument("--copies", type=int, default=200, help="how many to make in each way")
    arguments = parser.parse_args()
    print("|", " | ".join(["pictures", "number", *_COPIES, "others", "CPU time"]), "|", flush=True)
    for name in arguments.sets:
        line = _line(_records(DATA / name), arguments.copies)
        print("|", " | ".join([f"{name}, {_SETS[name]}", *line]), "|", flush=True)


def _records(place: Path) -> tuple[Record, ...]:
    if any(place.glob("*.gz")):
        splits = splits_of(data_argument(str(place)).data, 0)
        return (*splits.train, *splits.test)
    return read_leniently(place).records


def _line(records: tuple[Record, ...], copies: int) -> Iterator[str]:
    """Yield the cells of a line; each picture is copied in one way at most."""
    random = np.random.default_rng(0)
    thumbnails = [decode(each.source, _SPEC)[..., 0] for each in records]
    compared = [place for place, each in enumerate(thumbnails) if has_contrast(each)]
    count = min(copies, len(compared) // len(_COPIES))
    chosen = random.permutation(len(compared))[: count * len(_COPIES)].reshape(len(_COPIES), -1)
    originals = [thumbnails[place] for place in compared]
    made = [
        decode(make(_image(records[compared[index]]), random), _SPEC)[..., 0]
        for make, indices in zip(_COPIES.values(), chosen, strict=True)
        for index in indices
    ]
    began = time.process_time()
    groups = find_look_alikes(np.stack([*originals, *made])).groups
    seconds = time.process_time() - began
    group_of = {index: number for number, group in enumerate(groups) for index in group}
    copy = itertools.count(len(originals))
    yield f"{len(compared):,}"
    for indices in chosen:
        found = [group_of.get(next(copy), -1) == group_of.get(index, -2) for index in indices]
        yield f"{100 * np.mean(found):.1f} %"
    inside = [[index for index in group if index < len(originals)] for group in groups]
    others = sum(len(group) for group in inside if len(group) > 1)
    yield f"{others} ({100 * others / len(originals):.2f} %)"
    yield f"{seconds:.0f} s"


def _image(record: Record) -> Image.Image:
    if isinstance(record.source, Path):
        return Image.open(record.source).convert("RGB")
    return Image.fromarray(np.asarray(record.source).squeeze())


if __name__ == "__main__":
    main()
