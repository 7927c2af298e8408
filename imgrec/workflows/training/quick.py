"""A model in seconds, without TensorFlow: an exact head on features that LiteRT computes."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from imgrec.backbones import BACKBONES
from imgrec.config.data import Data
from imgrec.config.experiment import Experiment
from imgrec.config.keras.layers import GlobalAveragePooling2D
from imgrec.errors import RunError
from imgrec.files import sha256
from imgrec.interface import flag
from imgrec.models.backend import has_tensorflow
from imgrec.models.efficientnet_lite import litert_features
from imgrec.models.litert import with_head
from imgrec.models.packaged_weights import check_installed, packaged_weights, read_packaged_weights
from imgrec.progress import Progress, Silent
from imgrec.runs.card import Card
from imgrec.runs.folder import check_place
from imgrec.runs.writer import RunWriter
from imgrec.runtime.feature_cache import FeatureCache
from imgrec.runtime.features import FeatureExtractor, litert_extractor
from imgrec.runtime.score import BATCH_SIZE
from imgrec.sections.section import ConfigFinding
from imgrec.text import either
from imgrec.workflows.check import record_check
from imgrec.workflows.prepare import Prepared, prepare
from imgrec.workflows.tracking import tracked
from imgrec.workflows.training.conclusion import TrainingResult, conclude
from imgrec.workflows.training.description import new_card, write_beginning
from imgrec.workflows.training.exact_head import head_on_card, head_photos
from imgrec.workflows.training.head_file import COMPUTING, compared_rows, write_head_file
from imgrec.workflows.training.quick_head import QuickHead, solve_quick_head
from imgrec.workflows.training.session import Moment, recorded_session
from imgrec.workflows.training.train import (
    DEFAULT_OPTIONS,
    DryRun,
    TrainingOptions,
    new_run_folder,
    plan_training,
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


def check_quick(experiment: Experiment) -> str:
    """Return the name of the backbone of an experiment that can be trained quickly.

    Raises:
        ConfigError: It has settings that need TensorFlow.
        RunError: The weights of the backbone are not installed.
    """
    quick = flag("quick")
    if found := [(path, f"{quick} {needs}") for path, needs in _problems(experiment)]:
        named = " and ".join(".".join(map(str, path)) for path, _ in found)
        raise experiment.refusal(found, f"leave out {quick}, or do not set {named}")
    backbone = _backbone(experiment)
    check_installed(backbone)
    return backbone


def plan_quick(experiment: Experiment, *, runs_dir: Path | None = None) -> DryRun:
    """Return what `train_quick` would do; the network is only known where TensorFlow is installed.

    Raises:
        ConfigError, DataError, RunError: As `train_quick`.
    """
    check_quick(experiment)
    return plan_training(experiment, runs_dir=runs_dir, device="cpu", build_model=has_tensorflow())


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
    backbone = check_quick(experiment)
    prepared = prepare(experiment, progress)
    photos = head_photos(prepared)
    content = litert_features(backbone, prepared.spec.height, read_packaged_weights(backbone))
    train, validation = _cached_features(prepared, content, progress)
    solved = solve_quick_head(prepared, photos, train, validation)
    folder = new_run_folder(runs_dir, experiment.name, options)
    log.info("run: %s", folder)
    with (
        RunWriter(folder) as writer,
        tracked(writer, experiment.tracking),
        recorded_session(writer, experiment, began),
    ):
        write_beginning(writer, prepared, options.notes)
        record_check(writer, prepared.findings)
        writer.begin(_card(prepared, solved))
        compared = validation if len(validation) else train
        _write_model(writer, prepared, content, solved, compared)
        return conclude(prepared, writer, progress, options.judged_on)


def _problems(experiment: Experiment) -> Iterator[ConfigFinding]:
    model, training = experiment.model, experiment.training
    if model.head is None:
        yield ("model", "head"), "needs logistic"
    if [type(each) for each in model.layers[:1]] != [GlobalAveragePooling2D]:
        yield ("model", "layers"), "needs GlobalAveragePooling2D"
    if packaged_weights(_backbone(experiment)) is None:
        packaged = [name for name in BACKBONES if packaged_weights(name)]
        yield ("model", "backbone"), f"needs {either(packaged)} with its ImageNet weights"
    if len({*experiment.data.image_size}) > 1:
        yield ("data", "image_size"), "needs height and width to be the same"
    if training.precision not in ("auto", "float32"):
        yield ("training", "precision"), "computes in float32"
    if list(training.export) != ["float32"]:
        yield ("training", "export"), "writes float32"


def _backbone(experiment: Experiment) -> str:
    """Return the name of the network whose ImageNet weights are the backbone; empty without one."""
    backbone = experiment.model.backbone
    if backbone is None or backbone.name is None or backbone.weights != "imagenet":
        return ""
    return backbone.name


def _cached_features(
    prepared: Prepared, content: bytes, progress: Progress
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the features of the training and of the validation images.

    content: of the backbone's LiteRT file. Those of images that an earlier training had are in the
    cache folder.
    """
    extractor = litert_extractor(content, prepared.spec)
    records = (*prepared.splits.train, *prepared.splits.validation)

    def compute(places: Sequence[int]) -> NDArray[np.float32]:
        found = [np.empty((0, extractor.size), np.float32)]
        with progress.task("computing features", len(places)) as task:
            for start in range(0, len(places), BATCH_SIZE):
                pixels = prepared.pixels.take(places[start : start + BATCH_SIZE])
                found.append(extractor.features(pixels))
                task.advance(len(pixels))
        return np.concatenate(found)

    contents = [prepared.identities[each.name] for each in records]
    cache = _feature_cache(prepared.experiment.data, extractor, sha256(content))
    found = compute(range(len(records))) if cache is None else cache.features(contents, compute)
    return found[: len(prepared.splits.train)], found[len(prepared.splits.train) :]


def _feature_cache(data: Data, extractor: FeatureExtractor, identity: str) -> FeatureCache | None:
    """Return where features are kept; None if nowhere."""
    if data.cache == "none":
        return None
    try:
        return FeatureCache(data.cache.path, data.cache.limit_bytes, extractor, identity)
    except RunError as error:
        log.info("features: not cached: %s", error.message)
        return None


def _card(prepared: Prepared, solved: QuickHead) -> Card:
    return replace(
        new_card(prepared, None, COMPUTING, None),
        head=head_on_card(solved.head),
        threshold=solved.threshold,
        no_threshold=solved.no_threshold,
    )


def _write_model(
    writer: RunWriter,
    prepared: Prepared,
    content: bytes,
    solved: QuickHead,
    features: NDArray[np.float32],
) -> None:
    """Write the LiteRT file with its temperature, compared with the head in float64.

    content: that of the backbone's file. features: of the validation images, or of the training
    images if there are none.
    """
    # The first images are those of training, then of validation.
    first, records = len(prepared.splits.train), prepared.splits.validation
    if not records:
        first, records = 0, prepared.splits.train
    chosen = compared_rows(len(records), prepared.experiment.seed)
    compared, head = [records[row] for row in chosen], solved.calibrated
    write_head_file(
        writer,
        with_head(content, head.kernel, head.bias, known=solved.known),
        solved.answers(compared, prepared.splits.classes, features[chosen]),
        prepared.pixels.take(first + chosen),
        solved.calibration,
    )
