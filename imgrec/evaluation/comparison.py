"""Whether a model is better or worse than another on the same images, or whether it can't be told.

Accuracy is judged by McNemar's exact test, on the images that one of the two gets right:
McNemar, "Note on the sampling error of the difference between correlated proportions", 1947.
All other metrics are judged by the interval of their difference.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import DataError, UsageError
from imgrec.evaluation.assessment import Assessment, Comparison, Difference, Flip
from imgrec.evaluation.paired import Interval, Pair, intervals
from imgrec.evaluation.probabilities import known_truth
from imgrec.requirement import ABSTAINING, LESS_IS_BETTER
from imgrec.scores import Scores
from imgrec.text import shown

BETTER, WORSE, EQUAL, UNKNOWN = "better", "worse", "equal", "can't be told"


def compare(model: Assessment, baseline: Assessment, confidence: float = 0.95) -> Comparison:
    """Compare two assessments of the same images, in the same order of classes.

    confidence: in (0, 1): better or worse beyond chance is said wrongly in 1 - confidence of
    the cases. A metric that one of them lacks is left out.
    Raises DataError where the images or their labels are not the same, UsageError where the classes
    are not.
    """
    _refuse_others(model.scores, baseline.scores, baseline.run)
    pair = Pair(model.scores, baseline.scores, model.evaluation.top_k)
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
        raise UsageError(f"{shown(name)} knows other classes, or in another order")
    if model.multi_label != baseline.multi_label:
        raise UsageError(f"of {shown(name)} and the model, one gives an image several classes")
    if model.names != baseline.names:
        differing = sorted(set(model.names) ^ set(baseline.names))
        example = f", such as {shown(differing[0])}" if differing else ", by their order"
        raise DataError(f"{shown(name)} was measured on other images{example}")
    if not np.array_equal(known_truth(model), known_truth(baseline)):
        raise DataError(f"{shown(name)} was measured on images with other labels")


def _flips(pair: Pair, where: NDArray[np.bool_]) -> Iterator[Flip]:
    scores = pair.model
    truth, model, baseline = scores.positives, scores.answers, pair.baseline.answers
    for row in np.flatnonzero(where):
        yield Flip(
            name=scores.names[row],
            truth=scores.named(truth[row]),
            model=scores.named(model[row]),
            baseline=scores.named(baseline[row]),
        )


def _differences(
    model: Assessment, baseline: Assessment, pair: Pair, confidence: float
) -> Mapping[str, Difference]:
    ours, theirs = model.evaluation.metrics, baseline.evaluation.metrics
    # Each model's limits are its own: what it answers says nothing of what the other would.
    names = [name for name in ours if name in theirs and name not in ABSTAINING]
    values = {name: ours[name].value - theirs[name].value for name in names}
    found = intervals(pair, values, confidence)
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
    interval: Interval,
    p: float | None,
    confidence: float,
) -> Difference:
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
    return Difference(*values, value, low, high, p, finding)


def _mcnemar(model: NDArray[np.bool_], baseline: NDArray[np.bool_]) -> float:
    """Return the p-value of the exact test, two-sided; 1 where no image tells the two apart."""
    from scipy.stats import binomtest

    better, worse = int((model & ~baseline).sum()), int((baseline & ~model).sum())
    if better + worse == 0:
        return 1.0
    return float(binomtest(better, better + worse).pvalue)
