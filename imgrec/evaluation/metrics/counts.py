"""Metrics from the hits, predictions and support of the classes.

The numbers are scikit-learn's with `zero_division=0`. They are computed here since a thousand
resampled confusion matrices go through the same lines at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics.intervals import (
    RESAMPLES,
    bootstrap_draws,
    percentile,
    wilson_interval,
)
from imgrec.evaluation.results import MetricValue
from imgrec.metrics import ClassMetric, CountMetric, Counts, Floats, metrics_of, ratio
from imgrec.scores import Scores

_SEED = 2
_AT_ONCE = 1 << 22


def count_images(scores: Scores) -> tuple[NDArray[np.int64], Counts]:
    """Return the confusion as in Evaluation, and the counts of all images and of 1,000 samples."""
    from sklearn.metrics import confusion_matrix, multilabel_confusion_matrix

    if scores.multi_label:
        found = multilabel_confusion_matrix(scores.positives, scores.answers)
        images = len(scores.names)
        samples = bootstrap_draws(images) if images > 1 else ()
        every = np.ones((images, 1), np.float32)
        return np.asarray(found, np.int64), _draw_counts(scores, [every, *samples])
    predicted, labels = scores.probabilities.argmax(1), np.arange(len(scores.classes))
    found = confusion_matrix(scores.true_labels, predicted, labels=labels)
    confusion = np.asarray(found, np.int64)
    return confusion, _resample(confusion)


def sum_counts(scores: Scores) -> Any:
    """Return the sparse matrix (3 * classes, images) that sums hits, predicted and support.

    It does so over any sample of the images: its product with (images, samples), cut in three.
    """
    from scipy.sparse import csr_array, vstack

    answers, positives = scores.answers, scores.positives
    found = (answers & positives, answers, positives)
    return vstack([csr_array(each.T, dtype=np.float64) for each in found], format="csr")


def count_values(counts: Counts, *, multi_label: bool) -> Mapping[str, Floats]:
    """Return each metric by its name, float64 (samples,) each, NaN where it is undefined."""
    family = metrics_of(CountMetric, multi_label=multi_label)
    return {each.name: each.formula(counts) for each in family}


def count_metrics(counts: Counts, *, multi_label: bool) -> Mapping[str, MetricValue]:
    """Return the metrics of all images, with intervals from the other samples."""
    values = count_values(counts, multi_label=multi_label)
    return {
        name: percentile(float(of_samples[0]), of_samples[1:])
        for name, of_samples in values.items()
        if np.isfinite(of_samples[0])
    }


def class_metrics(counts: Counts, *, multi_label: bool) -> Mapping[str, tuple[MetricValue, ...]]:
    """Return the metrics of each class, in the order of the classes."""
    found = {}
    for metric in metrics_of(ClassMetric, multi_label=multi_label):
        part, whole = metric.formula(counts)
        if metric.interval == "Wilson":
            pairs = zip(part[0], whole[0], strict=True)
            found[metric.name] = tuple(wilson_interval(int(k), int(n)) for k, n in pairs)
        else:
            shares = ratio(part, whole).T
            found[metric.name] = tuple(percentile(float(each[0]), each[1:]) for each in shares)
    return found


def _draw_counts(scores: Scores, weights: Iterable[NDArray[np.float32]]) -> Counts:
    """Return the counts of samples of images that may have several classes.

    weights: blocks (images, samples): how often each image is in each sample.
    """
    sums = sum_counts(scores)
    blocks = [np.split((sums @ block).T, 3, axis=1) for block in weights]
    return Counts(*(np.concatenate(each) for each in zip(*blocks, strict=True)))


def _resample(confusion: NDArray[np.int64]) -> Counts:
    """Return the counts of a matrix and of 1,000 drawn from it with as many images.

    Each draw is multinomial with the matrix's own frequencies: a bootstrap over the images. There
    are none for a single image.
    """
    truth, prediction = np.nonzero(confusion)
    cells = confusion[truth, prediction]
    blocks = [_summed(cells[None], truth, prediction, len(confusion))]
    generator = np.random.default_rng(_SEED)
    left = RESAMPLES if cells.sum() > 1 else 0
    while left:
        samples = min(left, max(1, _AT_ONCE // len(cells)))
        drawn = generator.multinomial(cells.sum(), cells / cells.sum(), samples)
        blocks.append(_summed(drawn, truth, prediction, len(confusion)))
        left -= samples
    return Counts(*(np.concatenate(each) for each in zip(*blocks, strict=True)))


def _summed(
    cells: NDArray[np.int64], truth: NDArray[np.int64], prediction: NDArray[np.int64], classes: int
) -> tuple[Floats, Floats, Floats]:
    """Return hits, predicted and support, from the cells of shape (matrices, cells)."""
    right = truth == prediction
    return (
        _by_class(cells[:, right], truth[right], classes),
        _by_class(cells, prediction, classes),
        _by_class(cells, truth, classes),
    )


def _by_class(cells: NDArray[np.int64], label: NDArray[np.int64], classes: int) -> Floats:
    from scipy.sparse import csr_array

    places = np.arange(len(label))
    membership = csr_array((np.ones(len(label)), (places, label)), shape=(len(label), classes))
    return np.asarray(cells @ membership, np.float64)
