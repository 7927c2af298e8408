"""What hits and misses by class say: recall, precision, F1, with their intervals.

The numbers are scikit-learn's with `zero_division=0`. They are computed here since a thousand
resampled matrices go through the same lines at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics.intervals import RESAMPLES, Floats, percentile
from imgrec.evaluation.results import MetricValue
from imgrec.scores import Scores

_SEED = 2
_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Counts:
    """Images by class, each float64 (samples, classes): the first sample is the one measured.

    hits: those recognised; predicted: those taken for the class; support: those of the class.
    """

    hits: Floats
    predicted: Floats
    support: Floats

    @property
    def f1(self) -> Floats:
        """The F1 of each class, 0 where it is neither in the truth nor predicted."""
        return _ratio(2 * self.hits, self.support + self.predicted)


def sum_counts(scores: Scores) -> Any:
    """Return the sparse matrix (3 * classes, images) that sums hits, predicted and support.

    It does so over any sample of the images: its product with (images, samples), cut in three.
    """
    from scipy.sparse import csr_array, vstack

    answers, positives = scores.answers, scores.positives
    found = (answers & positives, answers, positives)
    return vstack([csr_array(each.T, dtype=np.float64) for each in found], format="csr")


def draw_counts(scores: Scores, weights: Iterable[NDArray[np.float32]]) -> Counts:
    """Return the counts of samples of images that may have several classes.

    weights: blocks (images, samples): how often each image is in each sample.
    """
    sums = sum_counts(scores)
    blocks = [np.split((sums @ block).T, 3, axis=1) for block in weights]
    return Counts(*(np.concatenate(each) for each in zip(*blocks, strict=True)))


def resampled(confusion: NDArray[np.int64]) -> Counts:
    """Return the counts of a matrix and of 1,000 drawn from it with as many images.

    Each draw is multinomial with the matrix's own shares. Of a single image there are none.
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


def count_measures(counts: Counts, *, multi_label: bool) -> Mapping[str, Floats]:
    """Return what the counts say of all classes, each float64 (samples,), NaN where nothing.

    balanced_accuracy: mean recall of the classes that have images. macro_f1: mean F1 of those
    that have images or are predicted; weighted_f1: weighed by images; micro_f1: of all classes
    together.
    """
    hits, predicted, support = counts.hits, counts.predicted, counts.support
    seen = (support > 0) | (predicted > 0)
    own = (
        {"micro_f1": _mean(2 * hits, support + predicted)}
        if multi_label
        else {"balanced_accuracy": _mean(_ratio(hits, support), support > 0)}
    )
    return {
        **own,
        "macro_f1": _mean(counts.f1, seen),
        "weighted_f1": _mean(counts.f1 * support, support),
    }


def count_metrics(counts: Counts, *, multi_label: bool) -> Mapping[str, MetricValue]:
    """Return the measures of the first sample, with the percentiles of the others."""
    measures = count_measures(counts, multi_label=multi_label)
    return {
        name: percentile(float(all_[0]), all_[1:])
        for name, all_ in measures.items()
        if np.isfinite(all_[0])
    }


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


def _mean(parts: Floats, weights: NDArray[Any]) -> Floats:
    """Return what the sum of `parts` over the classes is of that of `weights`, (samples,)."""
    whole = weights.sum(axis=1)
    unknown = np.full(len(whole), np.nan)
    return np.asarray(np.divide(parts.sum(axis=1), whole, out=unknown, where=whole > 0))


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
