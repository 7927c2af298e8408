"""A model in seconds, without TensorFlow: an exact head on features that LiteRT computes."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.config.experiment import Experiment
from imgrec.data.records import Record, labels_of
from imgrec.evaluation.calibration import fit_temperature
from imgrec.models.efficientnet_lite import litert_features
from imgrec.models.litert import with_head
from imgrec.models.packaged_weights import check_installed, packaged_weights, read_packaged_weights
from imgrec.progress import Progress, Silent
from imgrec.runs.folder import check_place
from imgrec.runs.writer import RunWriter
from imgrec.runtime.engine import litert_missing
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.scores import Scores
from imgrec.training.logistic import LogisticHead, fit_head
from imgrec.training.stream import TrainingImages
from imgrec.workflows.calibration import log_calibration
from imgrec.workflows.check import record_check
from imgrec.workflows.prepare import Prepared, prepare, training_split, validation_split
from imgrec.workflows.training.conclusion import TrainingResult, conclude
from imgrec.workflows.training.description import new_card, write_beginning
from imgrec.workflows.training.exact_head import (
    cross_validated_calibration,
    head_on_card,
    head_photos,
)
from imgrec.workflows.training.head_file import COMPUTING, compared_rows, write_head_file
from imgrec.workflows.training.session import Moment, recorded_session
from imgrec.workflows.training.train import (
    DEFAULT_OPTIONS,
    TrainingOptions,
    new_run_folder,
)

log = logging.getLogger("imgrec")

QUICK = (
    "data.image_size=[224, 224]",
    "data.channels=3",
    "data.fit=crop",
    "data.interpolation=bicubic",
    "preprocessing={}",
    "augmentation=null",
    "model={backbone: {name: EfficientNetLite0}, layers: [GlobalAveragePooling2D], head: logistic}",
    "training={}",
)
"""What `--quick` changes in a config, as overrides."""

_BATCH = 4  # the activations of more images leave the cache of the processor


def train_quick(
    experiment: Experiment,
    *,
    runs_dir: Path,
    options: TrainingOptions = DEFAULT_OPTIONS,
    progress: Progress | None = None,
) -> TrainingResult:
    """Solve the head of an experiment with the overrides `QUICK` in a new run, and evaluate it.

    Nothing is written before the head is solved.

    Raises:
        ConfigError: Other overrides contradict them.
        DataError: The images can't be used, or give no head.
        RunError: The weights are not installed, or the run can't be written.
    """
    progress, began = progress or Silent(), Moment.now()
    check_place(runs_dir)
    _check(experiment)
    check_installed(_backbone(experiment))
    prepared = prepare(experiment, progress)
    photos = head_photos(prepared)
    extractor = _Extractor(prepared, progress)
    known = extractor.features(training_split(prepared))
    solved = fit_head(photos, known)
    head = head_on_card(solved)
    log.info("head: %s", head)
    folder = new_run_folder(runs_dir, experiment.name, options)
    log.info("run: %s", folder)
    with RunWriter(folder) as writer, recorded_session(writer, experiment, began):
        write_beginning(writer, prepared, options.notes)
        record_check(writer, prepared.findings)
        writer.begin(dataclasses.replace(new_card(prepared, None, COMPUTING, None), head=head))
        _write_model(writer, prepared, extractor, solved, known)
        return conclude(prepared, writer, progress, options.judgement)


def _check(experiment: Experiment) -> None:
    """Raise ConfigError for a setting that needs TensorFlow."""
    for path, message in _problems(experiment):
        raise experiment.problem(path, f"{message}; leave out --quick, or this")


def _problems(experiment: Experiment) -> Iterator[tuple[tuple[str, ...], str]]:
    model, (height, width) = experiment.model, experiment.data.image_size
    backbone = model.backbone
    if model.head is None:
        yield ("model", "head"), "--quick needs logistic"
    if (
        backbone is None
        or backbone.name is None
        or packaged_weights(backbone.name) is None
        or backbone.weights != "imagenet"
    ):
        yield ("model", "backbone"), "--quick needs EfficientNetLite0 with its ImageNet weights"
    if height != width:
        yield ("data", "image_size"), "--quick needs height and width to be the same"
    if experiment.evaluation.selective_prediction is not None:
        yield ("evaluation", "selective_prediction"), "it is not available with --quick"
    if list(experiment.training.export) != ["float32"]:
        yield ("training", "export"), "--quick writes float32"


def _backbone(experiment: Experiment) -> str:
    backbone = experiment.model.backbone
    return "" if backbone is None or backbone.name is None else backbone.name


class _Extractor:
    """The backbone as a LiteRT model; content: its file, from pixels to features."""

    def __init__(self, prepared: Prepared, progress: Progress) -> None:
        name = _backbone(prepared.experiment)
        self._progress = progress
        self.content = litert_features(name, prepared.spec.height, read_packaged_weights(name))
        try:
            self._engine = LiteRTEngine(self.content, (), prepared.spec)
        except ImportError as error:
            raise litert_missing(error) from error

    def features(self, images: TrainingImages) -> NDArray[np.float32]:
        """Return the features of each image."""
        found = []
        with self._progress.task("computing features", len(images.rows)) as task:
            for start in range(0, len(images.rows), _BATCH):
                pixels = images.pixels.take(images.rows[start : start + _BATCH])
                found.append(self._engine.outputs(pixels))
                task.advance(len(pixels))
        return np.concatenate(found)


def _write_model(
    writer: RunWriter,
    prepared: Prepared,
    extractor: _Extractor,
    solved: LogisticHead,
    known: NDArray[np.float32],
) -> None:
    """Write the LiteRT file with its temperature, compared with the head in float64.

    known: the features of the training images.
    """
    images, records = validation_split(prepared), prepared.splits.validation
    if images is None:
        images, records, features = training_split(prepared), prepared.splits.train, known
    else:
        features = extractor.features(images)
    scores = _scores(records, prepared.splits.classes, solved.probabilities(features))
    calibration = cross_validated_calibration(prepared, solved)
    calibration = calibration or fit_temperature(scores, "validation")
    log_calibration(calibration)
    kernel, bias = solved.kernel / calibration.temperature, solved.bias / calibration.temperature
    chosen = compared_rows(len(records), prepared.experiment.seed)
    exact = dataclasses.replace(solved, kernel=kernel, bias=bias).probabilities(features[chosen])
    write_head_file(
        writer,
        with_head(extractor.content, kernel, bias),
        _scores([records[row] for row in chosen], prepared.splits.classes, exact),
        images.pixels.take(images.rows[chosen]),
        calibration,
    )


def _scores(
    records: Sequence[Record], classes: tuple[str, ...], probabilities: NDArray[np.floating[Any]]
) -> Scores:
    return Scores(
        tuple(record.name for record in records),
        labels_of(records, len(classes), multi_label=True),
        probabilities.astype(np.float32),
        classes,
    )
