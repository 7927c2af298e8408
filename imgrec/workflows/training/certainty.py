"""When the answer of an exact head is "unknown", judged by photos that it was not fitted to."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.selective_prediction import Target, choose_threshold, ood_threshold
from imgrec.runs.card import Threshold
from imgrec.scores import Scores, one_hot
from imgrec.training.logistic import LogisticHead
from imgrec.workflows.calibration import unattainable

CROSS_VALIDATED = "cross-validated training"
"""The split of training photos that are judged by heads which were not fitted to them."""


def cross_validated_scores(
    head: LogisticHead,
    names: Sequence[str],
    classes: tuple[str, ...],
    ood_similarity: NDArray[np.float32] | None = None,
) -> Scores:
    """Return the answers of the heads of a cross-validation, which had fewer photos than `head`.

    names: of the different photos, sorted by SHA-256.
    """
    from scipy.special import softmax

    found = head.cross_validation
    return Scores(
        tuple(names),
        one_hot(found.labels, len(classes)),
        softmax(found.logits, axis=1).astype(np.float32),
        classes,
        ood_similarity=ood_similarity,
    )


def threshold_of(scores: Scores, target: tuple[Target, float] | None) -> tuple[Threshold, str]:
    """Choose when the answer of a head is "unknown".

    Args:
        scores: Calibrated `cross_validated_scores` with OOD similarities.
        target: What is promised.

    Returns:
        The threshold for the target. If that can't be promised, or without a target, one for the
        OOD similarity alone; and the reason why it can't.
    """
    alone = ood_threshold(scores, CROSS_VALIDATED)
    if target is None:
        return alone, ""
    promised = choose_threshold(scores, *target, CROSS_VALIDATED)
    if promised is not None:
        return promised, ""
    reason, _ = unattainable(scores, *target, CROSS_VALIDATED)
    return alone, f"no threshold is set: {reason}"
