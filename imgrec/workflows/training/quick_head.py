"""The head of `train --quick`, how sure it may be, and when it answers "unknown"."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.records import Record, labels_of
from imgrec.evaluation.calibration import FEWEST_IMAGES, calibrated, fit_temperature
from imgrec.parallel import one_blas_thread
from imgrec.runs.card import Calibration, Threshold
from imgrec.scores import Scores
from imgrec.training.logistic import LabelledPhotos, LogisticHead, fit_head
from imgrec.workflows.calibration import log_calibration, log_threshold
from imgrec.workflows.prepare import Prepared
from imgrec.workflows.training.certainty import (
    CROSS_VALIDATED,
    cross_validated_scores,
    threshold_of,
)
from imgrec.workflows.training.exact_head import head_on_card
from imgrec.workflows.training.ood_similarity import held_out_similarities, references

log = logging.getLogger("imgrec")


@dataclass(frozen=True)
class QuickHead:
    """An exact head, and how sure it may be.

    threshold, no_threshold: as in Card. known: the directions of the photos that others are
    compared with, float32 (photos, features).
    """

    head: LogisticHead
    calibration: Calibration
    threshold: Threshold
    no_threshold: str
    known: NDArray[np.float32] = field(repr=False)

    @property
    def calibrated(self) -> LogisticHead:
        """The head with the temperature."""
        return self.head.divided(self.calibration.temperature)

    def answers(
        self, records: Sequence[Record], classes: tuple[str, ...], features: NDArray[np.float32]
    ) -> Scores:
        """Return what the calibrated head answers, computed in float64."""
        return _scores(records, classes, self.calibrated.probabilities(features))


def solve_quick_head(
    prepared: Prepared,
    photos: LabelledPhotos,
    train: NDArray[np.float32],
    validation: NDArray[np.float32],
) -> QuickHead:
    """Solve a head, choose its temperature and when it answers "unknown", and log them.

    The temperature is fitted to the validation images, if there are enough. Else, and for the
    threshold, each training image is judged by a head, and compared with photos, that it has no
    part in.

    Args:
        prepared: The images.
        photos: Those of training.
        train: Their features.
        validation: Those of the validation images.

    Raises:
        DataError, RunError: As `fit_head`.
    """
    classes, section = prepared.splits.classes, prepared.experiment.evaluation.selective_prediction
    head = fit_head(photos, train)
    log.info("head: %s", head_on_card(head))
    rows = photos.canonical_rows()
    known = references(train[rows])
    groups = photos.canonical_groups(rows) if photos.groups else None
    alike = held_out_similarities(train[rows], known, groups)
    names = [photos.names[row] for row in rows]
    scores, split = cross_validated_scores(head, names, classes, alike), CROSS_VALIDATED
    judging, records = scores, prepared.splits.validation
    if len(records) >= FEWEST_IMAGES:
        # The last bits of a product depend on the order of its rows.
        order = np.argsort([prepared.identities[each.name] for each in records])
        with one_blas_thread():
            probabilities = head.probabilities(validation[order])
        judging = _scores([records[row] for row in order], classes, probabilities)
        split = "validation"
    calibration = fit_temperature(judging, split)
    log_calibration(calibration)
    threshold, no_threshold = threshold_of(
        calibrated(scores, calibration.temperature), None if section is None else section.target
    )
    if no_threshold:
        log.warning("%s", no_threshold)
    log_threshold(threshold)
    return QuickHead(head, calibration, threshold, no_threshold, known)


def _scores(
    records: Sequence[Record], classes: tuple[str, ...], probabilities: NDArray[np.floating[Any]]
) -> Scores:
    return Scores(
        tuple(record.name for record in records),
        labels_of(records, len(classes), multi_label=True),
        probabilities.astype(np.float32),
        classes,
    )
