"""Intervals of means over classes that hold for few images, too, and where all are right or wrong.

Each class is a proportion: of its images, so many are found. At a hypothetical mean, the classes
have the proportions that are most in line with their images and have that mean; these have a
variance, and the mean is tested as a proportion of the number of images that would give it the same
variance: the exact test of Clopper and Pearson with an effective sample size, as of Korn and
Graubard, "Confidence intervals for proportions with small expected number of positive counts
estimated from survey data", 1998. The interval contains the means that the test does not reject.
For a single class it is Clopper's and Pearson's interval.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from imgrec.evaluation.metrics.intervals import around
from imgrec.evaluation.results import MetricValue
from imgrec.metrics import Floats
from imgrec.scores import Scores

_TAIL = 0.025
# How many images the assumption counts for that the classes are alike.
_PRIOR = 1.0
_ACCURACY = 1e-9
_STEP, _STEPS = 1e-12, 100

Number = TypeVar("Number", float, Floats)


@dataclass(frozen=True)
class Scale:
    """How a proportion p becomes the value of a class: (1 + bend) p / (1 + bend p).

    An increasing function from [0, 1] to [0, 1].
    """

    bend: float

    def value(self, proportion: Number) -> Number:
        """Return the value of a proportion."""
        return (1 + self.bend) * proportion / (1 + self.bend * proportion)

    def slope(self, proportion: Number) -> Number:
        """Return the derivative of `value`."""
        return (1 + self.bend) / (1 + self.bend * proportion) ** 2

    def proportion(self, value: float) -> float:
        """Return the proportion that has a value."""
        return value / (1 + self.bend * (1 - value))


IDENTITY = Scale(bend=0)
F1 = Scale(bend=1)
"""F1 of the proportion of the hits among the images that have the class or are predicted to."""


def mean_interval(
    value: float,
    hits: Floats,
    trials: Floats,
    weights: Floats | None = None,
    *,
    scale: Scale = IDENTITY,
    dependence: float = 1.0,
) -> MetricValue:
    """Return `value` with the 95 % interval of a weighted mean over classes.

    Args:
        value: The mean.
        hits: Of each class, float64 (classes,); may be fractions.
        trials: Of each class, float64 (classes,), at least `hits`. A class with 0 is left out.
        weights: Of each class, float64 (classes,); by default all are equal.
        scale: From a proportion to the value of a class.
        dependence: How many times the variance of the mean is that of independent classes.
    """
    known = trials > 0
    if not known.any():
        return MetricValue(value)
    weights = np.ones(len(trials)) if weights is None else weights
    if not weights[known].sum():
        return MetricValue(value)
    share = weights[known] / weights[known].sum()
    classes = _Classes(hits[known], trials[known], share, scale, dependence)
    low = 0.0 if value <= 0 else classes.limit(value, upper=False)
    high = 1.0 if value >= 1 else classes.limit(value, upper=True)
    return around(value, low, high)


def dependence_of(scores: Scores) -> float:
    """Return how many times the variance of a mean over classes is that of independent classes.

    An error concerns two classes, the true and the predicted one: 2. If images have several
    labels, more if their wrong labels come together.
    """
    if not scores.multi_label:
        return 2.0
    wrong = (scores.answers != scores.positives).astype(np.float64)
    apart = wrong - wrong.mean(axis=0)
    alone = float(np.square(apart).sum())
    together = float(np.square(apart.sum(axis=1)).sum())
    return min(max(2.0, together / alone if alone else 0.0), float(len(scores.classes)))


@dataclass(frozen=True)
class _Classes:
    hits: Floats
    trials: Floats
    weights: Floats
    scale: Scale
    dependence: float

    def limit(self, value: float, *, upper: bool) -> float:
        """Return the mean farthest from `value` that the images do not reject."""

        def is_rejected(mean: float) -> bool:
            return self._probability(value, mean, upper=upper) < _TAIL

        end = 1.0 if upper else 0.0
        inner = min(max(value, _ACCURACY), 1 - _ACCURACY)
        outer = min(max(end, _ACCURACY), 1 - _ACCURACY)
        if not is_rejected(outer):
            return end
        # Bisection: to import SciPy's solvers takes ten times as long.
        while abs(outer - inner) > _ACCURACY:
            middle = (inner + outer) / 2
            inner, outer = (inner, middle) if is_rejected(middle) else (middle, outer)
        return (inner + outer) / 2

    def _probability(self, value: float, mean: float, *, upper: bool) -> float:
        """Return how probable a value as far from `mean` as `value` is, on one side."""
        from scipy.special import betainc

        found, share = self._proportions(mean), self.scale.proportion(mean)
        spread = self.weights * self.scale.slope(found) * np.sqrt(found * (1 - found) / self.trials)
        variance = self.dependence * float(spread @ spread)
        if len(spread) > 1:
            # No dependence makes the standard deviation larger than the sum of the classes'.
            variance = min(variance, float(spread.sum()) ** 2)
        images = share * (1 - share) * self.scale.slope(share) ** 2 / max(variance, 1e-300)
        hits = images * self.scale.proportion(value)
        if upper:
            return float(betainc(images - hits, hits + 1, 1 - share))
        return float(betainc(hits, images - hits + 1, share))

    def _proportions(self, mean: float) -> Floats:
        """Return proportions whose mean is `mean`: as many more hits, or misses, in each class."""
        bend = self.scale.bend
        hits = self.hits + _PRIOR * self.scale.proportion(mean)
        trials = self.trials + _PRIOR
        more = float(self.weights @ self.scale.value(hits / trials)) < mean
        # The mean, or what it lacks of 1, is the sum of each class's part / (whole + pace * added).
        parts = self.weights * (trials - hits if more else (1 + bend) * hits)
        wholes, pace = trials + bend * hits, 1 + bend * more
        target = 1 - mean if more else mean
        added = 0.0
        for _ in range(_STEPS):
            # Newton's method for the inverse of the sum, which is concave and nearly a line.
            inverse = 1 / (wholes + pace * added)
            found = float(parts @ inverse)
            step = found * (found / target - 1) / (pace * float(parts @ inverse**2))
            added += step
            if step <= _STEP * (1 + added):
                break
        return (hits + added * more) / (trials + added)
