"""Every metric with its formula, by its name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeVar

from imgrec.metrics.families import (
    ClassMetric,
    CountMetric,
    Counts,
    Floats,
    Metric,
    RankedImages,
    RankingMetric,
    SamplewiseMetric,
    Scope,
    SelectiveMetric,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from imgrec.scores import Scores

AnyMetric = TypeVar("AnyMetric", bound=Metric)


def metrics_of(family: type[AnyMetric], *, multi_label: bool) -> tuple[AnyMetric, ...]:
    """Return the metrics of a family that are measured of images with such labels."""
    return tuple(
        each
        for each in METRICS.values()
        if isinstance(each, family) and each.applies(multi_label=multi_label)
    )


def metric_names(scope: Scope) -> tuple[str, ...]:
    """Return the names of the metrics that are measured of all images, a slice, or a class."""
    return tuple(each.name for each in METRICS.values() if scope in each.scopes)


def _accuracy(scores: Scores, _top_k: int) -> Floats:
    import numpy as np

    return scores.right.astype(np.float64)


def _top_k_accuracy(scores: Scores, top_k: int) -> Floats:
    import numpy as np

    probabilities, truth = scores.probabilities, scores.true_labels
    of_truth = probabilities[np.arange(len(truth)), truth][:, None]
    # Of classes with the same probability, the one listed first comes first.
    listed_before = np.arange(probabilities.shape[1]) < truth[:, None]
    before = (probabilities > of_truth) | ((probabilities == of_truth) & listed_before)
    return np.asarray(before.sum(axis=1) < top_k, np.float64)


def _hamming_loss(scores: Scores, _top_k: int) -> Floats:
    import numpy as np

    return np.asarray((scores.answers != scores.positives).mean(axis=1))


def _samples_f1(scores: Scores, _top_k: int) -> Floats:
    import numpy as np

    answers, positives = scores.answers, scores.positives
    hits, named = (answers & positives).sum(axis=1), answers.sum(axis=1) + positives.sum(axis=1)
    return np.where(named > 0, 2 * hits / np.maximum(named, 1), 1.0)


def _log_loss(scores: Scores, _top_k: int) -> Floats:
    import numpy as np

    probabilities, truth = scores.choices, scores.true_choices
    # As scikit-learn clips in float64; its one-hot copies of the truth need gigabytes at 50,000
    # images of 1,000 classes.
    smallest = float(np.finfo(np.float64).eps)
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    return _by_image(-np.log(np.clip(of_truth, smallest, 1 - smallest)), scores)


def _brier(scores: Scores, _top_k: int) -> Floats:
    import numpy as np

    probabilities, truth = scores.choices, scores.true_choices
    squares = np.einsum("ij,ij->i", probabilities, probabilities, dtype=np.float64)
    of_truth = probabilities[np.arange(len(truth)), truth].astype(np.float64)
    scale = 0.5 if probabilities.shape[1] == 2 else 1.0
    return _by_image(scale * np.maximum(squares - 2 * of_truth + 1, 0), scores)


def _by_image(of_options: Floats, scores: Scores) -> Floats:
    import numpy as np

    return np.asarray(of_options.reshape(len(scores.names), -1).mean(axis=1))


def _every_image(scores: Scores) -> NDArray[np.bool_]:
    import numpy as np

    return np.ones(len(scores.names), bool)


def _balanced_accuracy(counts: Counts) -> tuple[Floats, Floats, Floats]:
    return counts.hits, counts.support, (counts.support > 0).astype(counts.support.dtype)


def _f1(counts: Counts) -> tuple[Floats, Floats]:
    return 2 * counts.hits, counts.support + counts.predicted


def _macro_f1(counts: Counts) -> tuple[Floats, Floats, Floats]:
    part, whole = _f1(counts)
    return part, whole, (whole > 0).astype(whole.dtype)


def _micro_f1(counts: Counts) -> tuple[Floats, Floats, Floats]:
    part, whole = (each.sum(axis=1, keepdims=True) for each in _f1(counts))
    return part, whole, (whole > 0).astype(whole.dtype)


def _weighted_f1(counts: Counts) -> tuple[Floats, Floats, Floats]:
    return *_f1(counts), counts.support


def _roc_auc(ranked: RankedImages) -> Floats:
    import numpy as np

    below = ranked.others[::-1].cumsum(axis=0)[::-1] - ranked.others / 2
    unknown = np.full(ranked.pairs.shape, np.nan)
    won = (ranked.hits * below).sum(axis=0)
    return np.asarray(np.divide(won, ranked.pairs, out=unknown, where=ranked.pairs > 0))


def _average_precision(ranked: RankedImages) -> Floats:
    import numpy as np

    precision = ranked.hits.cumsum(axis=0) / np.maximum(ranked.images.cumsum(axis=0), 1)
    unknown = np.full(ranked.pairs.shape, np.nan)
    found = ranked.hits.sum(axis=0)
    summed = (ranked.hits * precision).sum(axis=0)
    return np.asarray(np.divide(summed, found, out=unknown, where=ranked.pairs > 0))


def _fewer(having: Floats, others: Floats) -> Floats:
    """Return the smaller number: the variance is at most that of a proportion of so many."""
    import numpy as np

    return np.minimum(having, others)


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        SamplewiseMetric(
            "accuracy",
            "Accuracy",
            "proportion",
            "Fraction of the images whose most probable class is the true one; with multiple "
            "labels, of the images with exactly the true labels.",
            _accuracy,
            interval="exact",
        ),
        SamplewiseMetric(
            "top_k_accuracy",
            "Top-{k} accuracy",
            "proportion",
            "Fraction of the images whose true class is among the k most probable.",
            _top_k_accuracy,
            labels="single",
            interval="exact",
        ),
        CountMetric(
            "balanced_accuracy",
            "Balanced accuracy",
            "proportion",
            "Mean recall of the classes that have images.",
            _balanced_accuracy,
            is_f1=False,
            labels="single",
        ),
        SamplewiseMetric(
            "hamming_loss",
            "Hamming loss",
            "loss",
            "Fraction of wrong labels, of all classes and images.",
            _hamming_loss,
            labels="multi",
        ),
        CountMetric(
            "macro_f1",
            "Macro F1",
            "proportion",
            "Mean F1 of the classes that have images or are predicted.",
            _macro_f1,
        ),
        CountMetric(
            "micro_f1",
            "Micro F1",
            "proportion",
            "F1 of the labels of all classes together.",
            _micro_f1,
            labels="multi",
        ),
        CountMetric(
            "weighted_f1",
            "Weighted F1",
            "proportion",
            "Mean F1 of the classes, weighted by their images.",
            _weighted_f1,
        ),
        SamplewiseMetric(
            "samples_f1",
            "F1 per image",
            "proportion",
            "Mean F1 of the images, 1 for an image that rightly gets no label.",
            _samples_f1,
            labels="multi",
        ),
        ClassMetric(
            "precision",
            "Precision",
            "proportion",
            "Fraction of the images predicted to have the class that have it.",
            lambda counts: (counts.hits, counts.predicted),
            interval="exact",
            needs_images=False,
        ),
        ClassMetric(
            "recall",
            "Recall",
            "proportion",
            "Fraction of the images of the class that are predicted to have it.",
            lambda counts: (counts.hits, counts.support),
            interval="exact",
        ),
        ClassMetric(
            "f1",
            "F1",
            "proportion",
            "Harmonic mean of precision and recall.",
            _f1,
        ),
        RankingMetric(
            "roc_auc",
            "ROC-AUC",
            "score",
            "Area under the ROC curve of a class against the rest; of all images the mean over the "
            "classes.",
            _roc_auc,
            _fewer,
            is_bound=True,
        ),
        RankingMetric(
            "average_precision",
            "Average precision",
            "score",
            "Area under the precision-recall curve of a class against the rest; of all images the "
            "mean over the classes.",
            _average_precision,
            lambda having, _others: having,
        ),
        SamplewiseMetric(
            "log_loss",
            "Log loss",
            "loss",
            "Mean cross-entropy in nats; with multiple labels, of all classes.",
            _log_loss,
            limits=(0, math.inf),
        ),
        SamplewiseMetric(
            "brier",
            "Brier score",
            "loss",
            "Mean squared distance of the probabilities from the truth, summed over the classes; "
            "half of it with two classes or multiple labels (Brier, 1950).",
            _brier,
            limits=(0, 2),
        ),
        # Its formula is not a mean over images: `imgrec.evaluation.metrics.calibration`. The
        # difference of two has no interval that holds: of equal models on 90 images, the paired
        # bootstrap calls one in four worse or better.
        Metric(
            "ece",
            "Calibration error",
            "loss",
            "Expected calibration error of the highest probability, with multiple labels of all "
            "probabilities: 15 bins of equal width (Guo et al., 2017).",
            interval="basic bootstrap",
            costly=True,
            paired=False,
        ),
        SelectiveMetric(
            "coverage",
            "Coverage",
            "proportion",
            'Fraction of the images that are answered, not "unknown".',
            lambda scores: (scores.known, _every_image(scores)),
        ),
        SelectiveMetric(
            "selective_accuracy",
            "Selective accuracy",
            "proportion",
            "Fraction of the answered images whose answer is right.",
            lambda scores: (scores.right & scores.known, scores.known),
        ),
    )
}
"""Every metric by its name, in the order of reports and JSON."""
