"""How good the best of several models is, and which of the others are worse.

The value of a model that was chosen by some images is too high on these images. The value that is
corrected for the choice is that of the leave-one-out bootstrap: Efron, Tibshirani, "Improvements
on cross-validation: the .632+ bootstrap method", 1997. For each sample of the images the best
model is chosen again, and measured on the images that are not in the sample.

Whether one model is better than another is judged by a paired test, adjusted for the number of all
pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from imgrec.evaluation.metrics import around, bootstrap_draws, exact_interval, samplewise_values
from imgrec.evaluation.paired_tests import adjusted, pairwise
from imgrec.evaluation.results import MetricValue
from imgrec.metrics import METRICS, Floats, SamplewiseMetric
from imgrec.scores import Scores

SIGNIFICANCE = 0.05


@dataclass(frozen=True)
class Selection:
    """The best of several models, by the mean of a value of each image.

    Args:
        measured: Its value on the images that it was chosen by, with the interval of a model that
            was not chosen.
        corrected: The value corrected for the choice, with its 95 % interval.
        tied: The positions of the others that can't be said to be worse.
        images: By how many images it was chosen.
    """

    measured: MetricValue
    corrected: MetricValue
    tied: tuple[int, ...]
    images: int


def is_selectable(metric: str) -> bool:
    """Return whether a metric is a mean over images, as `select` needs it."""
    return isinstance(METRICS.get(metric), SamplewiseMetric)


def select(scores: Sequence[Scores], metric: str, measured: MetricValue, top_k: int) -> Selection:
    """Return the best of several models that were measured on the same images.

    Args:
        scores: Those of each model, the best one first, of the same images in the same order.
        metric: A metric that is a mean over images.
        measured: The metric of the best model with its interval.
        top_k: The k of `top_k_accuracy`.
    """
    sign = -1 if METRICS[metric].lower_is_better else 1
    values = sign * np.stack([samplewise_values(each, top_k)[metric] for each in scores])
    value = sign * corrected_mean(values)
    if METRICS[metric].interval == "exact":
        corrected = exact_interval(value * values.shape[1], values.shape[1])
    else:
        shift = value - measured.value
        ends = (measured.value if end is None else end for end in (measured.low, measured.high))
        corrected = around(value, *(end + shift for end in ends))
    return Selection(measured, corrected, tied(values), values.shape[1])


def corrected_mean(values: Floats) -> float:
    """Return the mean of the best model, corrected for its having been chosen.

    Args:
        values: Of each model and image, float64 (models, images); higher is better.
    """
    models, images = values.shape
    if models == 1 or images == 1:
        return float(values.mean(1).max())
    single = values.astype(np.float32)
    total, count = np.zeros(images), np.zeros(images)
    for block in bootstrap_draws(images):
        chosen = np.argmax(single @ block, axis=0)
        left_out = (block == 0).astype(np.float32)
        times = left_out @ (chosen[:, np.newaxis] == np.arange(models)).astype(np.float32)
        total += np.einsum("im,mi->i", times, single)
        count += left_out.sum(1)
    known = count > 0
    return float((total[known] / count[known]).mean())


def tied(values: Floats) -> tuple[int, ...]:
    """Return the positions of the models that can't be said to be worse than the first one.

    Args:
        values: Of each model and image, float64 (models, images); higher is better.
    """
    worse = adjusted(pairwise(values))[0] < SIGNIFICANCE
    return tuple(int(each) for each in np.flatnonzero(~worse) if each)
