"""The order of the images and their batches: a function of (seed, epoch) alone."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imgrec.data.cache import Pixels
from imgrec.parallel import map_in_order, usable_cores
from imgrec.training.augmentation import AugmentationParams, Augmenter
from imgrec.training.batch import Batch


class FeatureRows(Protocol):
    """Features of images: one row for each, in place of its pixels."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one row."""

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> NDArray[Any]:
        """Return a copy of these rows, float; may be called from several threads."""


@dataclass(frozen=True)
class BatchSchedule:
    """How many images and steps an epoch over a split has.

    images: in the split. steps: per epoch; None for each image once.
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
class SampleRef:
    """An image at some point of a training; repeat: how often all images were seen before."""

    index: int
    repeat: int


def in_sequence(schedule: BatchSchedule, epoch: int, seed: int) -> Iterator[SampleRef]:
    """Yield the images of `epoch` (from 0): repeat after repeat, each in a new seeded order."""
    start = epoch * schedule.images_per_epoch
    for position in range(start, start + schedule.images_per_epoch):
        repeat, place = divmod(position, schedule.images)
        if place == 0 or position == start:
            order = np.random.default_rng([seed, repeat]).permutation(schedule.images)
        yield SampleRef(int(order[place]), repeat)


@dataclass(frozen=True)
class TrainingImages:
    """The images of one split, ready to be read.

    rows: where each image is in `pixels`; targets and weights: one row per image.
    identity: a SHA-256 over the images, in this order. views: how many versions of
    each image `pixels` has; `rows` has those of all images for view 0, then for view 1, and
    repeat r over the images takes view r modulo `views`. prepared: they are augmented
    already, and ready for the network.
    """

    pixels: Pixels | FeatureRows
    rows: NDArray[np.intp]
    targets: NDArray[Any]
    weights: NDArray[np.float32]
    schedule: BatchSchedule
    identity: str = ""
    views: int = 1
    prepared: bool = False

    def read(self, places: Sequence[SampleRef]) -> NDArray[Any]:
        """Return what is at these places: uint8 pixels or float32 features."""
        images = len(self.targets)
        rows = [place.repeat % self.views * images + place.index for place in places]
        return self.pixels.take(self.rows[rows])


def training_batches(
    split: TrainingImages,
    *,
    seed: int,
    start: tuple[int, int],
    epochs: int,
    augmenter: Augmenter | None,
) -> Generator[Batch]:
    """Yield the batches from `start` (epoch and step, both from 0) to before epoch `epochs`.

    Augmentation is drawn in the caller's thread. Images are read and augmented ahead in other
    threads, also across epochs; they end when the generator is closed. Raises BadImage for an
    image that can't be read any more.
    """
    if split.prepared:
        augmenter = None

    def batches() -> Iterator[_Draft]:
        size = split.schedule.batch_size
        for epoch in range(start[0], epochs):
            first = start[1] if epoch == start[0] else 0
            places = itertools.islice(in_sequence(split.schedule, epoch, seed), first * size, None)
            for step in range(first, split.schedule.steps_per_epoch):
                batch = list(itertools.islice(places, size))
                yield _Draft(epoch, step, batch, _drawn(split, augmenter, batch))

    def read(draft: _Draft) -> Batch:
        batch = _read(split, draft.places, augmenter, draft.changes)
        return augmenter.mix(batch, draft.epoch, draft.step) if augmenter else batch

    yield from _ahead(read, batches())


def validation_batches(split: TrainingImages) -> Iterator[Batch]:
    """Yield the split's batches in the order of its images, as they are."""
    yield from batches_in_order(split, split.schedule.batch_size, None, 0)


def batches_in_order(
    split: TrainingImages, batch_size: int, augmenter: Augmenter | None, repeat: int
) -> Generator[Batch]:
    """Yield all images in their order, changed as they are in the repeat (from 0) of a training."""
    indices = range(len(split.targets))

    def drafts() -> Iterator[_Draft]:
        for start in range(0, len(indices), batch_size):
            places = [SampleRef(index, repeat) for index in indices[start : start + batch_size]]
            yield _Draft(0, 0, places, _drawn(split, augmenter, places))

    def read(draft: _Draft) -> Batch:
        return _read(split, draft.places, augmenter, draft.changes)

    yield from _ahead(read, drafts())


@dataclass(frozen=True)
class _Draft:
    """A batch before its images are read, with what was drawn for them."""

    epoch: int
    step: int
    places: Sequence[SampleRef]
    changes: Sequence[AugmentationParams]


def _ahead(read: Callable[[_Draft], Batch], drafts: Iterator[_Draft]) -> Iterator[Batch]:
    """Yield what `read` makes of the drafts, one ahead for each core and one more."""
    workers = usable_cores()
    yield from map_in_order(read, drafts, workers, workers + 1)


def _drawn(
    split: TrainingImages, augmenter: Augmenter | None, places: Sequence[SampleRef]
) -> Sequence[AugmentationParams]:
    if augmenter is None:
        return ()
    indices, repeats = [place.index for place in places], [place.repeat for place in places]
    return augmenter.draw(split.pixels.shape, indices, repeats)


def _read(
    split: TrainingImages,
    places: Sequence[SampleRef],
    augmenter: Augmenter | None,
    changes: Sequence[AugmentationParams],
) -> Batch:
    chosen = [place.index for place in places]
    images = split.read(places)
    changed = augmenter.apply(images, changes) if augmenter else images.astype(np.float32)
    return Batch(changed, split.targets[chosen], split.weights[chosen])
