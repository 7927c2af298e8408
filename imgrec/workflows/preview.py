"""Training images and their augmented variants to look at, before anything is trained."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.config.data import Data
from imgrec.config.experiment import Experiment
from imgrec.data.cache import Stored
from imgrec.data.images import decode_in_order
from imgrec.data.records import Record, labels_of
from imgrec.errors import BadImage, DataError
from imgrec.interface import setting
from imgrec.models.backend import start
from imgrec.report.pictures import contact_sheet
from imgrec.rounding import percent
from imgrec.text import join_names, printable
from imgrec.training.augmentation import Augmenter
from imgrec.training.batch import encode
from imgrec.training.stream import BatchSchedule, TrainingImages, in_sequence, training_batches
from imgrec.workflows.experiment_sections import input_settings
from imgrec.workflows.prepare import image_spec, read_splits

log = logging.getLogger("imgrec")

# A smaller fraction of a class in an image is not shown.
_LEAST_SHARE = 0.005

_ORIGINAL = " (original)"


@dataclass(frozen=True)
class Preview:
    """Training images, each before its augmented variants.

    images: uint8 (n, height, width, channels). captions: n times the class, or the classes of a
    mixed image with their shares. variants: how many of each image; 0 without augmentation.
    """

    images: NDArray[np.uint8]
    captions: tuple[str, ...]
    variants: int

    def png(self) -> bytes:
        """Return the images with their captions as one picture."""
        return contact_sheet(self.images, self.captions, together=1 + self.variants)


def preview(experiment: Experiment, images: int, variants: int) -> Preview:
    """Return up to `images` training images, each with variants as a training would see them.

    Only these are read, chosen by the seed.

    Args:
        experiment: The experiment.
        images: How many images to show.
        variants: How many of each image, those of the first epochs.

    Raises:
        DataError: An image can't be read, and `data.bad_images` is not `skip`. With `skip`,
            another takes its place.
    """
    splits = read_splits(experiment)
    chosen = _readable(splits.train, experiment.data, experiment.seed, images)
    labels = labels_of(
        [record for record, _ in chosen],
        len(splits.classes),
        multi_label=experiment.data.multi_label,
    )
    originals = np.stack([pixels for _, pixels in chosen])
    split = TrainingImages(
        pixels=Stored(originals),
        rows=np.arange(len(chosen)),
        targets=encode(experiment.truth, labels, len(splits.classes)),
        weights=np.ones(len(chosen), np.float32),
        schedule=BatchSchedule(len(chosen), experiment.data.batch_size),
    )
    start("cpu")
    augmenter = input_settings(experiment).augmenter
    if augmenter is None:
        variants = 0
    epochs = [_variants(split, experiment.seed, augmenter, epoch) for epoch in range(variants)]
    shown = np.stack([originals, *(pixels for pixels, _ in epochs)], axis=1)
    captions = [
        _caption(target, splits.classes) + (_ORIGINAL if variants and not column else "")
        for row in zip(split.targets, *(targets for _, targets in epochs), strict=True)
        for column, target in enumerate(row)
    ]
    return Preview(shown.reshape(-1, *originals.shape[1:]), tuple(captions), variants)


def _variants(
    split: TrainingImages, seed: int, augmenter: Augmenter | None, epoch: int
) -> tuple[NDArray[np.uint8], NDArray[Any]]:
    """Return what an epoch (from 0) makes of each image, and its targets, in the split's order."""
    batches = [
        (batch.images.round().clip(0, 255).astype(np.uint8), batch.targets)
        for batch in training_batches(
            split, seed=seed, start=(epoch, 0), epochs=epoch + 1, augmenter=augmenter
        )
    ]
    places = np.argsort([each.index for each in in_sequence(split.schedule, epoch, seed)])
    pixels, targets = (np.concatenate(parts)[places] for parts in zip(*batches, strict=True))
    return pixels, targets


def _readable(
    records: Sequence[Record], data: Data, seed: int, count: int
) -> list[tuple[Record, NDArray[np.uint8]]]:
    order = np.random.default_rng(seed).permutation(len(records))
    found: list[tuple[Record, NDArray[np.uint8]]] = []
    chosen = (records[index] for index in order)
    for record, pixels in decode_in_order(chosen, image_spec(data), ahead=4):
        if isinstance(pixels, BadImage):
            _judge(pixels, skip=data.bad_images == "skip")
            continue
        found.append((record, pixels))
        if len(found) == count:
            return found
    if not found:
        raise DataError("no training image can be read")
    return found


def _judge(bad: BadImage, *, skip: bool) -> None:
    message = f"{printable(bad.name)}: {bad.reason}"
    if not skip:
        raise DataError(
            message, hint=f"fix or remove it, or leave it out: {setting('data.bad_images', 'skip')}"
        )
    log.warning("left out: %s", message)


def _caption(target: NDArray[Any], classes: Sequence[str]) -> str:
    """Return the classes of a target (index, one-hot, several or binary), with their shares."""
    shares = _shares(target, len(classes))
    order = [index for index in np.argsort(-shares, kind="stable") if shares[index] > _LEAST_SHARE]
    if all(shares[index] == 1 for index in order) or len(order) == 1:
        return join_names(printable(classes[index]) for index in order)
    parts = ((percent(float(shares[index]), 0), printable(classes[index])) for index in order)
    return " + ".join(f"{share} {name}" for share, name in parts)


def _shares(target: NDArray[Any], classes: int) -> NDArray[np.float64]:
    if target.ndim == 0:
        chosen: NDArray[np.bool_] = np.arange(classes) == target
        return chosen.astype(np.float64)
    if len(target) == 1:
        return np.array([1 - target[0], target[0]], np.float64)
    return target.astype(np.float64)
