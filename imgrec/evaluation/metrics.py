"""How good scores are: accuracy, loss, per-class measures and the confusion matrix.

Precision, recall, F1 and the confusion matrix are scikit-learn's; what can't be computed
(a precision without predictions) is 0 there and here. Intervals are Wilson's at 95 %:
Wilson, "Probable inference, the law of succession, and statistical inference", 1927.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import DataError
from imgrec.evaluation.ranking import require_finite, truth_ranks
from imgrec.scores import Scores, Skipped
from imgrec.text import shown


@dataclass(frozen=True)
class Metric:
    """A number with its 95 % confidence interval, None where it has none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class ClassResult:
    """How well one class is recognised; `support` counts its images."""

    name: str
    precision: Metric
    recall: Metric
    f1: Metric
    support: int


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found.

    images: how many images were used; `skipped` are in no number.
    top_k: the k of top_k_accuracy, at most the number of classes.
    accuracy, top_k_accuracy: proportions in [0, 1].
    loss: mean cross-entropy of the probabilities, in nats.
    confusion: int64 (classes, classes), rows truth, columns prediction.
    """

    classes: tuple[str, ...]
    images: int
    skipped: tuple[Skipped, ...]
    top_k: int
    accuracy: Metric
    top_k_accuracy: Metric
    loss: Metric
    per_class: tuple[ClassResult, ...]
    confusion: NDArray[np.int64]

    @property
    def metrics(self) -> Mapping[str, Metric]:
        """The measures of the whole, by the names JSON has for them."""
        return {
            "accuracy": self.accuracy,
            "top_k_accuracy": self.top_k_accuracy,
            "loss": self.loss,
        }


def evaluate(scores: Scores, top_k: int = 5) -> Evaluation:
    """Measure `scores` against their truth.

    Raises DataError where there is no image or no truth, RunError where a probability is
    not finite.
    """
    truth = _known_truth(scores)
    require_finite(scores)
    ranks = truth_ranks(scores.probabilities, truth)
    k = min(top_k, len(scores.classes))
    confusion = _confusion(scores, truth)
    return Evaluation(
        classes=scores.classes,
        images=len(truth),
        skipped=scores.skipped,
        top_k=k,
        accuracy=_proportion(int((ranks < 1).sum()), len(truth)),
        top_k_accuracy=_proportion(int((ranks < k).sum()), len(truth)),
        loss=Metric(_cross_entropy(scores.probabilities, truth)),
        per_class=_per_class(scores, truth, confusion),
        confusion=confusion,
    )


def _known_truth(scores: Scores) -> NDArray[np.int64]:
    if not scores.names:
        raise DataError(_no_images(scores.skipped), hint="name a folder of class folders")
    if scores.truth is None:
        raise DataError(
            f"the true class of {len(scores.names)} images is not known",
            hint="evaluate a folder of class folders; `imgrec predict` needs no truth",
        )
    return scores.truth


def _no_images(skipped: tuple[Skipped, ...]) -> str:
    if not skipped:
        return "there are no images to evaluate"
    first = skipped[0]
    return (
        f"none of the {len(skipped)} images could be used; "
        f"the first: {shown(first.name)}: {shown(first.reason)}"
    )


def _confusion(scores: Scores, truth: NDArray[np.int64]) -> NDArray[np.int64]:
    from sklearn.metrics import confusion_matrix

    labels = np.arange(len(scores.classes))
    predicted = scores.probabilities.argmax(axis=1)
    return np.asarray(confusion_matrix(truth, predicted, labels=labels), dtype=np.int64)


def _cross_entropy(probabilities: NDArray[np.float32], truth: NDArray[np.int64]) -> float:
    # As scikit-learn's log_loss in float64, whose one-hot copies of the truth need gigabytes
    # at 50,000 images of 1,000 classes.
    smallest = float(np.finfo(np.float64).eps)
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return float(-np.log(np.clip(of_truth, smallest, 1 - smallest)).mean())


def _per_class(
    scores: Scores, truth: NDArray[np.int64], confusion: NDArray[np.int64]
) -> tuple[ClassResult, ...]:
    from sklearn.metrics import precision_recall_fscore_support

    predicted = scores.probabilities.argmax(axis=1)
    labels = np.arange(len(scores.classes))
    measures = precision_recall_fscore_support(truth, predicted, labels=labels, zero_division=0)
    predictions = confusion.sum(axis=0)
    return tuple(
        ClassResult(
            name=name,
            precision=Metric(float(precision), *_wilson(hits, predictions[index])),
            recall=Metric(float(recall), *_wilson(hits, support)),
            f1=Metric(float(f1)),
            support=int(support),
        )
        for index, (name, hits, precision, recall, f1, support) in enumerate(
            zip(scores.classes, confusion.diagonal(), *measures, strict=True)
        )
    )


def _proportion(hits: int, total: int) -> Metric:
    return Metric(hits / total, *_wilson(hits, total))


def _wilson(hits: int, total: int) -> tuple[float | None, float | None]:
    """Return the 95 % interval of hits / total, nothing where the total is 0."""
    if total == 0:
        return None, None
    from scipy.stats import binomtest

    interval = binomtest(int(hits), int(total)).proportion_ci(0.95, method="wilson")
    return float(interval.low), float(interval.high)
