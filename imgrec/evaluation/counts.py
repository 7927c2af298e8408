"""What a confusion matrix says: recall, precision, F1, with their intervals.

The numbers are scikit-learn's with `zero_division=0`. They are computed here since a thousand
resampled matrices go through the same lines at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics import Metric
from imgrec.evaluation.resampling import RESAMPLES, Floats, percentile

_SEED = 2
_AT_ONCE = 1 << 22


@dataclass(frozen=True)
class Counts:
    """Images by class, each float64 (matrices, classes): the first matrix is the one measured.

    hits: those recognised; predicted: those taken for the class; support: those of the class.
    """

    hits: Floats
    predicted: Floats
    support: Floats

    @property
    def f1(self) -> Floats:
        """The F1 of each class, 0 where it is neither in the truth nor predicted."""
        return _ratio(2 * self.hits, self.support + self.predicted)


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


def count_measures(counts: Counts) -> Mapping[str, Floats]:
    """Return what the counts say of all classes, each float64 (matrices,).

    balanced_accuracy: mean recall of the classes that have images. macro_f1: mean F1 of those
    that have images or are predicted; weighted_f1: weighed by images.
    """
    present = counts.support > 0
    seen = present | (counts.predicted > 0)
    recall = _ratio(counts.hits, counts.support)
    return {
        "balanced_accuracy": recall.sum(axis=1) / present.sum(axis=1),
        "macro_f1": counts.f1.sum(axis=1) / seen.sum(axis=1),
        "weighted_f1": (counts.f1 * counts.support).sum(axis=1) / counts.support.sum(axis=1),
    }


def count_metrics(counts: Counts) -> Mapping[str, Metric]:
    """Return the measures of the first matrix, with the percentiles of the resampled ones."""
    measures = count_measures(counts)
    return {name: percentile(float(all_[0]), all_[1:]) for name, all_ in measures.items()}


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


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0)
