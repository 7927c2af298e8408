"""The output layer as the exact solution of a logistic regression, in place of epochs."""

from __future__ import annotations

import logging

import numpy as np

from imgrec.evaluation.metrics import exact_interval
from imgrec.models.network import build, set_output
from imgrec.progress import Progress
from imgrec.runs.card import BEST_MODEL, Head
from imgrec.runs.writer import RunWriter
from imgrec.training.features import features_of
from imgrec.training.interrupt import deferred_signals
from imgrec.training.logistic import LabelledPhotos, LogisticHead, fit_head
from imgrec.training.steps import Steps
from imgrec.workflows.experiment_sections import input_settings
from imgrec.workflows.prepare import Prepared, training_split

log = logging.getLogger("imgrec")


def head_photos(prepared: Prepared) -> LabelledPhotos:
    """Return the training images, checked to give a head; raises DataError if they don't."""
    records = prepared.splits.train
    photos = LabelledPhotos(
        np.array([record.labels[0] for record in records]),
        [prepared.identities[record.name] for record in records],
        [record.name for record in records],
        prepared.splits.classes,
    )
    photos.canonical_rows()
    return photos


def solve_head(writer: RunWriter, prepared: Prepared, steps: Steps, progress: Progress) -> None:
    """Write best.keras with the output layer that is solved exactly, and the card's head.

    Raises:
        DataError: The training images give no head: see `fit_head`.
        RunError: There is no room for the features, or they are not finite.
    """
    photos = head_photos(prepared)
    if prepared.experiment.data.group is not None:
        log.warning(
            "the cross-validation divides groups of images, so its accuracy may be too high: "
            "data.group only keeps them in one split"
        )
    with deferred_signals() as signals:
        settings, images = input_settings(prepared.experiment), training_split(prepared)
        features = features_of(settings, steps, images, progress, signals)
        signals.check()
        solved = fit_head(photos, features)
        head = head_on_card(solved)
        log.info("head: %s", head)
        model = build(steps.network, weights=False, statistics=steps.statistics)
        model.set_weights(steps.model.get_weights())
        set_output(model, solved.kernel, solved.bias)
        writer.write_model(BEST_MODEL, model.save, head=head)


def head_on_card(solved: LogisticHead) -> Head:
    """Return what a card says of a head."""
    found = solved.cross_validation
    accuracy = exact_interval(found.correct, found.images)
    return Head(
        "logistic",
        solved.strength,
        found.folds,
        found.images,
        found.accuracy,
        0.0 if accuracy.low is None else accuracy.low,
        1.0 if accuracy.high is None else accuracy.high,
    )
