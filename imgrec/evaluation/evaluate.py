"""From scores to an evaluation."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import DataError
from imgrec.evaluation.metrics import ClassResult, Evaluation, Metric
from imgrec.evaluation.probabilities import (
    brier_scores,
    calibration_error,
    coverage,
    log_losses,
    reliability,
)
from imgrec.evaluation.proportions import proportion, ratio
from imgrec.evaluation.ranking import require_finite, truth_ranks
from imgrec.scores import Scores
from imgrec.text import shown


def evaluate(scores: Scores, top_k: int = 5) -> Evaluation:
    """Measure `scores` against their truth.

    Raises DataError where there is no image or no truth, RunError where a probability is
    not finite.
    """
    truth = _known_truth(scores)
    require_finite(scores)
    k = min(top_k, len(scores.classes))
    confusion = _confusion(scores, truth)
    bins = reliability(scores.probabilities, truth)
    return Evaluation(
        classes=scores.classes,
        images=len(truth),
        skipped=scores.skipped,
        top_k=k,
        metrics={
            **_proportions(scores, truth, k),
            "log_loss": Metric(float(log_losses(scores.probabilities, truth).mean())),
            "brier": Metric(float(brier_scores(scores.probabilities, truth).mean())),
            "ece": Metric(calibration_error(bins)),
        },
        per_class=_per_class(scores, confusion),
        confusion=confusion,
        reliability=bins,
        coverage=coverage(scores.probabilities, truth),
    )


def _known_truth(scores: Scores) -> NDArray[np.int64]:
    if not scores.names:
        raise DataError(_no_images(scores), hint="name a folder of class folders")
    if scores.truth is None:
        raise DataError(
            f"the true class of {len(scores.names)} images is not known",
            hint="evaluate a folder of class folders; `imgrec predict` needs no truth",
        )
    return scores.truth


def _no_images(scores: Scores) -> str:
    if not scores.skipped:
        return "there are no images to evaluate"
    first = scores.skipped[0]
    return (
        f"none of the {len(scores.skipped)} images could be used; "
        f"the first: {shown(first.name)}: {shown(first.reason)}"
    )


def _proportions(scores: Scores, truth: NDArray[np.int64], k: int) -> Mapping[str, Metric]:
    ranks = truth_ranks(scores.probabilities, truth)
    return {
        "accuracy": proportion(int((ranks < 1).sum()), len(truth)),
        "top_k_accuracy": proportion(int((ranks < k).sum()), len(truth)),
    }


def _confusion(scores: Scores, truth: NDArray[np.int64]) -> NDArray[np.int64]:
    from sklearn.metrics import confusion_matrix

    labels = np.arange(len(scores.classes))
    predicted = scores.probabilities.argmax(axis=1)
    return np.asarray(confusion_matrix(truth, predicted, labels=labels), dtype=np.int64)


def _per_class(scores: Scores, confusion: NDArray[np.int64]) -> tuple[ClassResult, ...]:
    counts = zip(confusion.diagonal(), confusion.sum(0), confusion.sum(1), strict=True)
    return tuple(
        ClassResult(
            name=name,
            precision=proportion(int(hits), int(predicted)),
            recall=proportion(int(hits), int(support)),
            f1=Metric(ratio(2 * int(hits), int(support + predicted))),
            roc_auc=None,
            average_precision=None,
            support=int(support),
        )
        for name, (hits, predicted, support) in zip(scores.classes, counts, strict=True)
    )
