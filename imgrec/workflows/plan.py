"""What a training would do, told before it does anything."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from imgrec.config.backbones import application_of
from imgrec.config.experiment import Experiment
from imgrec.config.load import dump
from imgrec.models.backend import start
from imgrec.models.build import build, summary
from imgrec.workflows.prepare import read_splits, records_of
from imgrec.workflows.statistics import unmeasured


@dataclass(frozen=True)
class Plan:
    """What a training would do: resolved config, model summary, images by split, and by class.

    An image may have several classes, or none.
    """

    config: str
    summary: str
    images: Mapping[str, int]
    counts: Mapping[str, Mapping[str, int]]


def plan(experiment: Experiment, *, device: str = "auto") -> Plan:
    """Return what `train` would do, having looked for the images and built the model."""
    splits = read_splits(experiment)
    start(device)
    classes, local = len(splits.classes), not _fetches_weights(experiment)
    model = build(experiment, classes, weights=local, statistics=unmeasured(experiment))
    counts = {
        split: _counts([label for record in records for label in record.labels], splits.classes)
        for split, records in records_of(splits)
    }
    images = {split: len(records) for split, records in records_of(splits)}
    return Plan(dump(experiment), summary(model), images, counts)


def _fetches_weights(experiment: Experiment) -> bool:
    """Say whether weights would be downloaded: too much to ask of a look at what would be."""
    backbone, weights = experiment.model.backbone, experiment.model.weights
    published = weights is not None and application_of(weights) is not None
    return published or (backbone is not None and backbone.weights == "imagenet")


def _counts(labels: Sequence[int], classes: Sequence[str]) -> dict[str, int]:
    counts = np.bincount(np.array(labels, np.int64), minlength=len(classes))
    return {name: int(count) for name, count in zip(classes, counts, strict=True)}
