"""Augmented training images to look at, before anything is trained."""

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
from imgrec.training.batch import encode
from imgrec.training.stream import BatchSchedule, TrainingImages, training_batches
from imgrec.workflows.experiment_sections import input_settings
from imgrec.workflows.prepare import image_spec, read_splits

log = logging.getLogger("imgrec")

# A smaller fraction of a class in an image is not shown.
_LEAST_SHARE = 0.005


@dataclass(frozen=True)
class Preview:
    """Augmented training images.

    images: uint8 (n, height, width, channels). captions: n times the class, or the classes of a
    mixed image with their shares.
    """

    images: NDArray[np.uint8]
    captions: tuple[str, ...]

    def png(self) -> bytes:
        """Return the images with their captions as one picture."""
        return contact_sheet(self.images, self.captions)


def preview(experiment: Experiment, images: int) -> Preview:
    """Return up to `images` training images as a training would see them, chosen by the seed.

    Only these are read. Raises DataError for one that can't be, unless `data.bad_images` is
    `skip`: then another takes its place on the sheet.
    """
    splits = read_splits(experiment)
    chosen = _readable(splits.train, experiment.data, experiment.seed, images)
    labels = labels_of(
        [record for record, _ in chosen],
        len(splits.classes),
        multi_label=experiment.data.multi_label,
    )
    split = TrainingImages(
        pixels=Stored(np.stack([pixels for _, pixels in chosen])),
        rows=np.arange(len(chosen)),
        targets=encode(experiment.truth, labels, len(splits.classes)),
        weights=np.ones(len(chosen), np.float32),
        schedule=BatchSchedule(len(chosen), experiment.data.batch_size),
    )
    start("cpu")
    seed, augmenter = experiment.seed, input_settings(experiment).augmenter
    batches = list(training_batches(split, seed=seed, start=(0, 0), epochs=1, augmenter=augmenter))
    pixels = np.concatenate([batch.images for batch in batches]).round().clip(0, 255)
    targets = np.concatenate([batch.targets for batch in batches])
    captions = (_caption(target, splits.classes) for target in targets)
    return Preview(pixels.astype(np.uint8), tuple(captions))


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
