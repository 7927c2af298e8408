"""Whether a model is better or worse than another on the same images, or whether it can't be told.

Accuracy is judged by McNemar's exact test, on the images that one of the two gets right:
McNemar, "Note on the sampling error of the difference between correlated proportions", 1947.
All other metrics are judged by the interval of their difference.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import DataError, UsageError
from imgrec.evaluation.metrics import (
    Counts,
    Floats,
    bootstrap_draws,
    canonical_order,
    count_measures,
    known_truth,
    mean_of_known,
    ranking_metrics,
    samplewise_metrics,
    sum_counts,
)
from imgrec.evaluation.results import Assessment, ChangedAnswer, Comparison, MetricDifference
from imgrec.requirement import LESS_IS_BETTER, SELECTIVE
from imgrec.scores import Scores
from imgrec.text import printable

MOST_SORTED = 2000

PairedInterval = tuple[float, float] | None
_Sampled = Mapping[str, Floats]


@dataclass(frozen=True)
class PairedScores:
    """What two models say of the same images, whose truth is known."""

    model: Scores
    baseline: Scores
    top_k: int

    def in_own_order(self) -> PairedScores:
        """Return the pair with its images in an order of what is known of them.

        It is the same whichever of the two comes first, so that their difference only changes
        its sign; where they are each other's mirror on several images, nearly so.
        """
        ours, theirs = self.model.probabilities, self.baseline.probabilities
        lower, upper = np.minimum(ours, theirs), np.maximum(ours, theirs)
        order = canonical_order(known_truth(self.model), lower, upper, ours)
        return PairedScores(self.model.at(order), self.baseline.at(order), self.top_k)


def paired_intervals(
    pair: PairedScores, values: Mapping[str, float], confidence: float
) -> Mapping[str, PairedInterval]:
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


def _sampled_differences(pair: PairedScores) -> Mapping[str, Floats]:
    model, baseline = (_Measured(each, pair.top_k) for each in (pair.model, pair.baseline))
    blocks = []
    for block in bootstrap_draws(len(pair.model.names)):
        ours, theirs = model.of(block), baseline.of(block)
        blocks.append({name: ours[name] - theirs[name] for name in ours})
    return {name: np.concatenate([block[name] for block in blocks]) for name in blocks[0]}


class _Measured:
    """What is known of each image, from which any sample of them is measured."""

    def __init__(self, scores: Scores, top_k: int) -> None:
        self._scores = scores
        self._of_images = samplewise_metrics(scores, top_k)
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
        return vstack([means, sum_counts(self._scores)], format="csr")

    def _separations(self, block: NDArray[np.float32]) -> _Sampled:
        if len(self._scores.names) > MOST_SORTED:
            return {}
        found = ranking_metrics(self._scores.probabilities, self._scores.positives, [block])
        return {
            "roc_auc": mean_of_known(found.roc_auc),
            "average_precision": mean_of_known(found.average_precision),
        }


def _differing(pair: PairedScores) -> Mapping[str, int]:
    """Return on how many images the two differ in what each metric looks at."""
    scores = (pair.model, pair.baseline)
    model, baseline = (samplewise_metrics(each, pair.top_k) for each in scores)
    found = {name: int((model[name] != baseline[name]).sum()) for name in model}
    predicted = int((pair.model.answers != pair.baseline.answers).any(axis=1).sum())
    probable = int((pair.model.probabilities != pair.baseline.probabilities).any(axis=1).sum())
    found |= dict.fromkeys(("balanced_accuracy", "macro_f1", "micro_f1", "weighted_f1"), predicted)
    return found | dict.fromkeys(("roc_auc", "average_precision", "ece"), probable)


def _interval(
    sampled: Floats | None, value: float, differing: int, confidence: float
) -> PairedInterval:
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


BETTER, WORSE, EQUAL, UNKNOWN = "better", "worse", "equal", "can't be told"


def compare(model: Assessment, baseline: Assessment, confidence: float = 0.95) -> Comparison:
    """Compare two assessments of the same images, in the same order of classes.

    confidence: in (0, 1): better or worse beyond chance is said wrongly in 1 - confidence of
    the cases. A metric that one of them lacks is left out.
    Raises DataError where the images or their labels are not the same, UsageError where the classes
    are not.
    """
    _refuse_others(model.scores, baseline.scores, baseline.run)
    pair = PairedScores(model.scores, baseline.scores, model.evaluation.top_k)
    ours, theirs = pair.model.right, pair.baseline.right
    return Comparison(
        model=model.run,
        baseline=baseline.run,
        images=len(pair.model.names),
        confidence=confidence,
        differences=_differences(model, baseline, pair, confidence),
        fixed=tuple(_flips(pair, ours & ~theirs)),
        broken=tuple(_flips(pair, theirs & ~ours)),
    )


def _refuse_others(model: Scores, baseline: Scores, name: str) -> None:
    if model.classes != baseline.classes:
        raise UsageError(f"{printable(name)} knows other classes, or in another order")
    if model.multi_label != baseline.multi_label:
        raise UsageError(f"of {printable(name)} and the model, one gives an image several classes")
    if model.names != baseline.names:
        differing = sorted(set(model.names) ^ set(baseline.names))
        example = f", such as {printable(differing[0])}" if differing else ", by their order"
        raise DataError(f"{printable(name)} was measured on other images{example}")
    if not np.array_equal(known_truth(model), known_truth(baseline)):
        raise DataError(f"{printable(name)} was measured on images with other labels")


def _flips(pair: PairedScores, where: NDArray[np.bool_]) -> Iterator[ChangedAnswer]:
    scores = pair.model
    truth, model, baseline = scores.positives, scores.answers, pair.baseline.answers
    for row in np.flatnonzero(where):
        yield ChangedAnswer(
            name=scores.names[row],
            truth=scores.named(truth[row]),
            model=scores.named(model[row]),
            baseline=scores.named(baseline[row]),
        )


def _differences(
    model: Assessment, baseline: Assessment, pair: PairedScores, confidence: float
) -> Mapping[str, MetricDifference]:
    ours, theirs = model.evaluation.metrics, baseline.evaluation.metrics
    # Each model's limits are its own: what it answers says nothing of what the other would.
    names = [name for name in ours if name in theirs and name not in SELECTIVE]
    values = {name: ours[name].value - theirs[name].value for name in names}
    found = paired_intervals(pair, values, confidence)
    p = {"accuracy": _mcnemar(pair.model.right, pair.baseline.right)}
    return {
        name: _difference(
            name, (ours[name].value, theirs[name].value), found[name], p.get(name), confidence
        )
        for name in values
    }


def _difference(
    name: str,
    values: tuple[float, float],
    interval: PairedInterval,
    p: float | None,
    confidence: float,
) -> MetricDifference:
    value = values[0] - values[1]
    low, high = interval or (None, None)
    if p is not None:
        beyond_chance = p < 1 - confidence
    else:
        beyond_chance = interval is not None and (interval[0] > 0 or interval[1] < 0)
    if interval == (0.0, 0.0):
        finding = EQUAL
    elif beyond_chance:
        finding = BETTER if (value < 0) == (name in LESS_IS_BETTER) else WORSE
    else:
        finding = UNKNOWN
    return MetricDifference(*values, value, low, high, p, finding)


def _mcnemar(model: NDArray[np.bool_], baseline: NDArray[np.bool_]) -> float:
    """Return the p-value of the exact test, two-sided; 1 where no image tells the two apart."""
    from scipy.stats import binomtest

    better, worse = int((model & ~baseline).sum()), int((baseline & ~model).sum())
    if better + worse == 0:
        return 1.0
    return float(binomtest(better, better + worse).pvalue)
