"""Two models measured on the same samples of the same images.

The interval of a difference is the expanded percentile interval of the paired bootstrap:
Hesterberg, "What teachers should know about the bootstrap", 2015. Images on which the two
models do not differ say nothing of which is better, so its degrees of freedom are those of the
images on which they do: with few of them it is as wide as an exact test demands.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.counts import Counts, count_measures, summing
from imgrec.evaluation.per_image import image_measures
from imgrec.evaluation.probabilities import known_truth
from imgrec.evaluation.resampling import Floats, draws, own_order
from imgrec.evaluation.separation import mean_of_known, separations
from imgrec.scores import Scores

MOST_SORTED = 2000

Interval = tuple[float, float] | None
_Sampled = Mapping[str, Floats]


@dataclass(frozen=True)
class Pair:
    """What two models say of the same images, whose truth is known."""

    model: Scores
    baseline: Scores
    top_k: int

    def in_own_order(self) -> Pair:
        """Return the pair with its images in an order of what is known of them.

        It is the same whichever of the two comes first, so that their difference only changes
        its sign; where they are each other's mirror on several images, nearly so.
        """
        ours, theirs = self.model.probabilities, self.baseline.probabilities
        lower, upper = np.minimum(ours, theirs), np.maximum(ours, theirs)
        order = own_order(known_truth(self.model), lower, upper, ours)
        return Pair(self.model.at(order), self.baseline.at(order), self.top_k)


def intervals(pair: Pair, values: Mapping[str, float], confidence: float) -> Mapping[str, Interval]:
    """Return the interval of each metric's difference, model minus baseline, 1,000 samples each.

    values: the differences on the images themselves. None where too few images differ
    to tell (five, at 95 %), of ROC-AUC and average precision above 2,000 images, where they
    take too long, and of the calibration error, where it would not hold.
    """
    pair = pair.in_own_order()
    sampled, differing = _sampled_differences(pair), _differing(pair)
    return {
        name: _interval(sampled.get(name), value, differing[name], confidence)
        for name, value in values.items()
    }


def _sampled_differences(pair: Pair) -> Mapping[str, Floats]:
    model, baseline = (_Measured(each, pair.top_k) for each in (pair.model, pair.baseline))
    blocks = []
    for block in draws(len(pair.model.names)):
        ours, theirs = model.of(block), baseline.of(block)
        blocks.append({name: ours[name] - theirs[name] for name in ours})
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


class _Measured:
    """What is known of each image, from which any sample of them is measured."""

    def __init__(self, scores: Scores, top_k: int) -> None:
        self._scores = scores
        self._of_images = image_measures(scores, top_k)
        self._sums = self._summing()

    def of(self, block: NDArray[np.float32]) -> _Sampled:
        """Return each metric of each sample, (samples,). block: (images, samples)."""
        images, classes = self._scores.probabilities.shape
        sums = np.split(self._sums @ block, np.cumsum([len(self._of_images), *[classes] * 2]))
        means, hits, predicted, support = sums
        counts = Counts(hits.T, predicted.T, support.T)
        return {
            **dict(zip(self._of_images, means / images, strict=True)),
            **count_measures(counts, multi_label=self._scores.multi_label),
            **self._separations(block),
        }

    def _summing(self) -> Any:
        """Return the sparse matrix that sums over images what most metrics come from."""
        from scipy.sparse import csr_array, vstack

        means = csr_array(np.stack(list(self._of_images.values())))
        return vstack([means, summing(self._scores)], format="csr")

    def _separations(self, block: NDArray[np.float32]) -> _Sampled:
        if len(self._scores.names) > MOST_SORTED:
            return {}
        found = separations(self._scores.probabilities, self._scores.positives, [block])
        return {
            "roc_auc": mean_of_known(found.roc_auc),
            "average_precision": mean_of_known(found.average_precision),
        }


def _differing(pair: Pair) -> Mapping[str, int]:
    """Return on how many images the two differ in what each metric looks at."""
    scores = (pair.model, pair.baseline)
    model, baseline = (image_measures(each, pair.top_k) for each in scores)
    found = {name: int((model[name] != baseline[name]).sum()) for name in model}
    predicted = int((pair.model.answers != pair.baseline.answers).any(axis=1).sum())
    probable = int((pair.model.probabilities != pair.baseline.probabilities).any(axis=1).sum())
    found |= dict.fromkeys(("balanced_accuracy", "macro_f1", "micro_f1", "weighted_f1"), predicted)
    return found | dict.fromkeys(("roc_auc", "average_precision", "ece"), probable)


def _interval(sampled: Floats | None, value: float, differing: int, confidence: float) -> Interval:
    if differing == 0:
        return 0.0, 0.0
    known = sampled[np.isfinite(sampled)] if sampled is not None else np.empty(0)
    # So few are all of one mind by chance as often as that, whatever the samples look like.
    if 2.0 ** (1 - differing) > 1 - confidence or not known.size:
        return None
    tail = _tail(differing, confidence)
    low, high = np.quantile(known, [tail, 1 - tail])
    return min(float(low), value), max(float(high), value)


def _tail(differing: int, confidence: float) -> float:
    """Return the share of samples beyond each end of the expanded percentile interval."""
    from scipy.stats import norm, t

    freedom = differing - 1
    quantile = t.ppf((1 + confidence) / 2, freedom)
    return float(norm.cdf(-quantile * math.sqrt(differing / freedom)))
