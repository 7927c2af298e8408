"""The output layer as the exact solution of a logistic regression, in place of epochs."""

from __future__ import annotations

import logging

import numpy as np

from imgrec.data.split import groups_of
from imgrec.evaluation.calibration import FEWEST_IMAGES, fit_temperature
from imgrec.evaluation.metrics import exact_interval
from imgrec.models.network import build, set_output
from imgrec.progress import Progress
from imgrec.runs.card import BEST_MODEL, Calibration, Head
from imgrec.runs.writer import RunWriter
from imgrec.training.features import features_of
from imgrec.training.interrupt import deferred_signals
from imgrec.training.logistic import LabelledPhotos, LogisticHead, deal_folds, fit_head
from imgrec.training.steps import Steps
from imgrec.workflows.calibration import log_calibration
from imgrec.workflows.experiment_sections import input_settings
from imgrec.workflows.prepare import Prepared, training_split
from imgrec.workflows.training.certainty import CROSS_VALIDATED, cross_validated_scores

log = logging.getLogger("imgrec")


def head_photos(prepared: Prepared) -> LabelledPhotos:
    """Return the training images, checked to give a head; raises DataError if they don't."""
    records, group = prepared.splits.train, prepared.experiment.data.group
    photos = LabelledPhotos(
        np.array([record.labels[0] for record in records]),
        [prepared.identities[record.name] for record in records],
        [record.name for record in records],
        prepared.splits.classes,
        () if group is None else groups_of(records, group),
    )
    deal_folds(photos)
    return photos


def solve_head(writer: RunWriter, prepared: Prepared, steps: Steps, progress: Progress) -> None:
    """Write best.keras with the output layer that is solved exactly, and the card's head.

    Raises:
        DataError: The training images give no head: see `fit_head`.
        RunError: There is no room for the features, or they are not finite.
    """
    photos, settings = head_photos(prepared), input_settings(prepared.experiment)
    # The last bits of a feature may depend on its batch, so batches depend on the set of photos.
    _, first, place = np.unique(photos.hashes, return_index=True, return_inverse=True)
    images = training_split(prepared, first.tolist())
    with deferred_signals() as signals:
        features = features_of(settings, steps, images, progress, signals)
        signals.check()
        solved = fit_head(photos, features[place], check=signals.check)
        head = head_on_card(solved)
        log.info("head: %s", head)
        model = build(steps.network, weights=False, statistics=steps.statistics)
        model.set_weights(steps.model.get_weights())
        calibration = cross_validated_calibration(prepared, solved)
        if calibration is not None:
            log_calibration(calibration)
            solved = solved.divided(calibration.temperature)
        set_output(model, solved.kernel, solved.bias)
        writer.write_model(BEST_MODEL, model.save, head=head, calibration=calibration)


def cross_validated_calibration(prepared: Prepared, solved: LogisticHead) -> Calibration | None:
    """Return the temperature for a head, if there are too few validation images for one.

    It is fitted to the answers of the heads of the cross-validation, each on the photos that it was
    not fitted to. Those heads had fewer photos than `solved`.
    """
    if (
        len(prepared.splits.validation) >= FEWEST_IMAGES
        or prepared.experiment.evaluation.selective_prediction is not None
    ):
        return None
    names = map(str, range(solved.cross_validation.images))
    scores = cross_validated_scores(solved, tuple(names), prepared.splits.classes)
    return fit_temperature(scores, CROSS_VALIDATED)


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
        *accuracy.limits,
    )
