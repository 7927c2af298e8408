"""From an experiment to images that are known to be readable, before TensorFlow is loaded."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imgrec.config.data import Data
from imgrec.config.experiment import Experiment
from imgrec.data.cache import Pixels, Stored, open_pixels
from imgrec.data.check import (
    CheckInput,
    Evidence,
    Findings,
    check_records,
    thumbnail_of,
)
from imgrec.data.findings import log_findings
from imgrec.data.images import ImageSpec, Traits, fingerprint
from imgrec.data.records import SPLITS, Record, SplitName, Splits, first_multilabel, labels_of
from imgrec.data.split import draw_part, stratified
from imgrec.errors import DataError
from imgrec.evaluation.slices import check_slices
from imgrec.files import sha256
from imgrec.interface import setting
from imgrec.parallel import map_in_order, usable_cores
from imgrec.progress import Progress
from imgrec.scores import Skipped
from imgrec.text import printable
from imgrec.training.batch import check_class_weight, check_output, encode, image_weights
from imgrec.training.logistic import FEWEST_PHOTOS
from imgrec.training.stream import BatchSchedule, TrainingImages
from imgrec.workflows.bad_files import list_bad, naming_bad_files
from imgrec.workflows.data_argument import splits_of
from imgrec.workflows.experiment_sections import located_problems
from imgrec.workflows.gate import check_required
from imgrec.workflows.tracking import check_tracking

log = logging.getLogger("imgrec.data")

# Comparing so many takes some seconds.
_MOST_COMPARED = 20_000
_AHEAD = 64


@dataclass(frozen=True)
class Prepared:
    """An experiment and its images.

    found: all of them; splits: without those that can't be read (`skipped`); identities: the
    SHA-256 of each file that is there, by name; traits: of each readable image, by name;
    fingerprint: of the training part; pixels: of the images of `splits`, in the order of
    `records_of`.
    """

    experiment: Experiment
    found: Splits
    splits: Splits
    spec: ImageSpec
    identities: Mapping[str, str]
    traits: Mapping[str, Traits]
    skipped: tuple[Skipped, ...]
    fingerprint: str
    pixels: Pixels

    @cached_property
    def findings(self) -> Findings:
        """What was found in all images, by the code of `imgrec check`.

        Pixels are compared as they are trained on, if they are kept and not too many.
        """
        reason = self._why_not_compared
        return check_records(
            CheckInput.of(self.found),
            self.identities,
            self.skipped,
            self.traits,
            None if reason else self._thumbnails(),
            lacking={Evidence.PIXELS: reason} if reason else {},
        )

    @property
    def _why_not_compared(self) -> str:
        if not isinstance(self.pixels, Stored):
            return "pixels are not kept; `imgrec check` compares them"
        if len(self.splits.records) > _MOST_COMPARED:
            return f"there are more than {_MOST_COMPARED:,} images; `imgrec check` compares them"
        return ""

    def _thumbnails(self) -> dict[str, NDArray[np.uint8] | None]:
        records = [record for _, part in records_of(self.splits) for record in part]
        padded = self.spec.fit == "pad"

        def thumbnail(row: int) -> NDArray[np.uint8] | None:
            return thumbnail_of(self.pixels.take([row])[0], padded=padded)

        found = map_in_order(thumbnail, range(len(records)), usable_cores(), _AHEAD)
        return dict(zip((each.name for each in records), found, strict=True))


def image_spec(data: Data) -> ImageSpec:
    """Return the form that images are brought to."""
    return ImageSpec(
        *data.image_size,
        data.channels,
        data.interpolation,
        data.fit,
        max_megapixels=data.max_megapixels,
    )


def read_splits(experiment: Experiment) -> Splits:
    """Return the experiment's images by split, and log what of their source is not used.

    Raises like `fitting_splits`.
    """
    splits = fitting_splits(experiment)
    log_findings(splits.findings)
    return splits


def fitting_splits(experiment: Experiment) -> Splits:
    """Return the experiment's images by split; raises where they don't fit the model."""
    data, evaluation = experiment.data, experiment.evaluation
    with located_problems(experiment):
        check_tracking(experiment.tracking)
        with naming_bad_files(data):
            fewest = FEWEST_PHOTOS if experiment.model.head else 1
            splits = read_images(data, experiment.seed, fewest=fewest)
        check_output(experiment.model.output, splits.classes, multi_label=data.multi_label)
        check_class_weight(experiment.training.class_weight, splits.classes)
        check_slices(judging(splits)[1], evaluation.slicing.by)
        check_required(evaluation, splits.classes)
    return splits


def read_images(data: Data, seed: int, *, fewest: int = 1) -> Splits:
    """Return the images at `data`; raises DataError like `read`.

    Also if they may have several labels, and `data` does not say so.
    fewest: how many images of each class the training needs at least.
    """
    splits = splits_of(data, seed, fewest=fewest)
    found = first_multilabel(splits.train)
    if found is not None and not data.multi_label:
        raise DataError(
            f"images may have several labels, such as {printable(found.name)}",
            hint=f"use {setting('data.multi_label', 'true')} "
            f"and {setting('model.output', 'sigmoid')}",
        )
    return splits


def judging(splits: Splits, *, sealed: bool = False) -> tuple[str, tuple[Record, ...]]:
    """Return the split that a model is evaluated on: test, else validation, else train.

    sealed: leave the test images alone, as several models are compared.
    """
    found = dict(records_of(splits))
    order = ("validation", "train") if sealed else ("test", "validation", "train")
    name = next(each for each in order if each in found)
    return name, found[name]


def prepare(experiment: Experiment, progress: Progress) -> Prepared:
    """Read every image once, and refuse (or leave out, if the config says so) the bad ones.

    Raises DataError where images can't be read and `data.bad_images` is `error`.
    """
    found, spec = read_splits(experiment), image_spec(experiment.data)
    pixels, inspection = open_pixels(found.records, spec, experiment.data.cache, progress)
    splits = without(found, inspection.bad, skip=experiment.data.bad_images == "skip")
    return Prepared(
        experiment,
        found,
        splits,
        spec,
        inspection.identities,
        inspection.traits,
        inspection.bad,
        fingerprint(splits.train, inspection.identities, splits.classes),
        pixels,
    )


def records_of(splits: Splits) -> Iterator[tuple[SplitName, tuple[Record, ...]]]:
    """Yield each split's name and records, empty ones left out."""
    for name in SPLITS:
        records: tuple[Record, ...] = getattr(splits, name)
        if records:
            yield name, records


def training_split(prepared: Prepared, places: Sequence[int] | None = None) -> TrainingImages:
    """Return the training part as the epoch loop wants it; the images at `places`, or all."""
    chosen = range(len(prepared.splits.train)) if places is None else places
    return _split(prepared, "train", prepared.experiment.training.steps_per_epoch, chosen)


def validation_split(prepared: Prepared) -> TrainingImages | None:
    """Return the images that choose the best epoch, all weighing the same, or None without any."""
    if not prepared.splits.validation:
        return None
    part, records = validation_part(prepared), prepared.splits.validation
    places = [place for place, record in enumerate(records) if record.name in part]
    return _split(prepared, "validation", None, places)


def validation_part(prepared: Prepared) -> frozenset[str]:
    """Return the names of the images that each epoch is validated on.

    Not the calibration part; of the others with `training.validation_steps` that many batches,
    stratified by class and drawn by the seed.
    """
    experiment = prepared.experiment
    calibration = calibration_part(experiment, prepared.splits)
    records = [each for each in prepared.splits.validation if each.name not in calibration]
    steps = experiment.training.validation_steps
    count = len(records) if steps is None else steps * experiment.data.batch_size
    return frozenset(each.name for each in stratified(records, count, experiment.seed))


def calibration_part(experiment: Experiment, splits: Splits) -> frozenset[str]:
    """Return the names of the validation images that choose a threshold and not the best epoch.

    All of them if the head is solved exactly, as there is no best epoch.
    """
    section = experiment.evaluation.selective_prediction
    if section is not None and experiment.model.head is not None:
        return frozenset(each.name for each in splits.validation)
    if section is None or section.calibration == 1:
        return frozenset()
    return draw_part(splits.validation, section.calibration, experiment.seed)


def without(splits: Splits, bad: Sequence[Skipped], *, skip: bool, hint: str = "") -> Splits:
    """Return `splits` without the `bad` images, which are named in a warning.

    Raises DataError where there are any and `skip` is false, and where they were all the training
    images of a class.
    """
    if not bad:
        return splits
    message = list_bad(bad, sum(len(records) for _, records in records_of(splits)))
    if not skip:
        way_out = f"fix or remove them, or leave them out: {setting('data.bad_images', 'skip')}"
        raise DataError(message, hint=hint or way_out)
    log.warning("%s\nleft out, as data.bad_images says", message)
    names = {each.name for each in bad}
    kept = {
        split: tuple(record for record in records if record.name not in names)
        for split, records in records_of(splits)
    }
    left = {label for record in kept["train"] for label in record.labels}
    if len(left) < len(splits.classes):
        missing = [name for label, name in enumerate(splits.classes) if label not in left]
        raise DataError(
            f"no readable training image is left of {', '.join(map(printable, missing))}"
        )
    return dataclasses.replace(
        splits,
        train=kept["train"],
        validation=kept.get("validation", ()),
        test=kept.get("test", ()),
    )


def _split(
    prepared: Prepared, name: str, steps: int | None, places: Sequence[int]
) -> TrainingImages:
    experiment = prepared.experiment
    images: tuple[Record, ...] = getattr(prepared.splits, name)
    records = [images[place] for place in places]
    classes = prepared.splits.classes
    labels = labels_of(records, len(classes), multi_label=experiment.data.multi_label)
    if name == "train":
        weights = image_weights(experiment.training.class_weight, labels, classes)
    else:
        weights = np.ones(len(records), np.float32)
    return TrainingImages(
        prepared.pixels,
        _rows(prepared.splits, name)[places],
        encode(experiment.truth, labels, len(classes)),
        weights,
        BatchSchedule(len(records), experiment.data.batch_size, steps),
        identity=sha256("".join(prepared.identities[each.name] for each in records).encode()),
    )


def _rows(splits: Splits, name: str) -> NDArray[np.intp]:
    """Return where the images of a split are among those of all splits."""
    before = 0
    for split, records in records_of(splits):
        if split == name:
            break
        before += len(records)
    return np.arange(before, before + len(getattr(splits, name)))
