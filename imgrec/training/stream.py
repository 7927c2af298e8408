"""The order of the images and their batches: a function of (seed, epoch) alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.batches import in_order
from imgrec.data.images import ImageSpec, decode
from imgrec.data.records import Record
from imgrec.training.augmentation import Augmenter, Parameters


@dataclass(frozen=True)
class Batch:
    """A step's worth of images.

    images: float32 (batch, height, width, channels), 0 to 255; targets: as the loss wants
    them; weights: float32 (batch,), the weight of each image in the loss.
    """

    images: NDArray[np.float32]
    targets: NDArray[Any]
    weights: NDArray[np.float32]


@dataclass(frozen=True)
class Schedule:
    """How the images of a split fill epochs.

    images: in the split; steps: per epoch, or None for once through all of them.
    """

    images: int
    batch_size: int
    steps: int | None = None

    @property
    def images_per_epoch(self) -> int:
        """The images that one epoch takes."""
        return self.images if self.steps is None else self.steps * self.batch_size

    @property
    def steps_per_epoch(self) -> int:
        """The batches that one epoch takes, the last of which may be smaller."""
        return -(-self.images_per_epoch // self.batch_size)


@dataclass(frozen=True)
class Place:
    """An image's place in a training: which image, and how often all were seen before it."""

    index: int
    lap: int


def in_sequence(schedule: Schedule, epoch: int, seed: int) -> Iterator[Place]:
    """Yield the places of `epoch` (from 0): lap after lap, each in a new seeded order."""
    start = epoch * schedule.images_per_epoch
    for position in range(start, start + schedule.images_per_epoch):
        lap, place = divmod(position, schedule.images)
        if place == 0 or position == start:
            order = np.random.default_rng([seed, lap]).permutation(schedule.images)
        yield Place(int(order[place]), lap)


@dataclass(frozen=True)
class Split:
    """The images of one split, ready to be read.

    targets and weights: one row per record, in the order of the records.
    """

    records: tuple[Record, ...]
    spec: ImageSpec
    targets: NDArray[Any]
    weights: NDArray[np.float32]
    schedule: Schedule
    workers: int = 2


def training_batches(
    split: Split, *, seed: int, first_epoch: int, epochs: int, augmenter: Augmenter | None
) -> Iterator[Batch]:
    """Yield the batches of the epochs from `first_epoch` to before `epochs`, one after another.

    Images are decoded and transformed ahead by threads, over the ends of epochs too. Raises
    BadImage for an image that can't be read any more.
    """
    shape = (split.spec.height, split.spec.width, split.spec.channels)

    def places() -> Iterator[tuple[Place, Parameters | None]]:
        for epoch in range(first_epoch, epochs):
            for place in in_sequence(split.schedule, epoch, seed):
                yield place, augmenter.draw(shape, place.lap, place.index) if augmenter else None

    def read(item: tuple[Place, Parameters | None]) -> tuple[int, NDArray[Any]]:
        place, parameters = item
        image = _decode(split, place.index)
        if augmenter is None or parameters is None:
            return place.index, image
        return place.index, augmenter.apply(image, parameters)

    yield from _batched(split, in_order(read, places(), split.workers, _ahead(split)))


def validation_batches(split: Split) -> Iterator[Batch]:
    """Yield the split's batches in the order of its records, as they are."""

    def read(index: int) -> tuple[int, NDArray[Any]]:
        return index, _decode(split, index)

    indices = range(min(split.schedule.images_per_epoch, len(split.records)))
    yield from _batched(split, in_order(read, indices, split.workers, _ahead(split)))


def _decode(split: Split, index: int) -> NDArray[np.uint8]:
    record = split.records[index]
    return decode(record.source, split.spec, record.name)


def _ahead(split: Split) -> int:
    return 2 * split.schedule.batch_size


def _batched(split: Split, images: Iterator[tuple[int, NDArray[Any]]]) -> Iterator[Batch]:
    sizes = _sizes(split.schedule)
    waiting: list[tuple[int, NDArray[Any]]] = []
    size = next(sizes)
    for item in images:
        waiting.append(item)
        if len(waiting) == size:
            yield _stack(split, waiting)
            waiting, size = [], next(sizes)
    if waiting:
        yield _stack(split, waiting)


def _sizes(schedule: Schedule) -> Iterator[int]:
    while True:
        for start in range(0, schedule.images_per_epoch, schedule.batch_size):
            yield min(schedule.batch_size, schedule.images_per_epoch - start)


def _stack(split: Split, items: list[tuple[int, NDArray[Any]]]) -> Batch:
    indices = [index for index, _ in items]
    images = np.stack([image for _, image in items]).astype(np.float32)
    return Batch(images, split.targets[indices], split.weights[indices])
