"""Temperature scaling: probabilities that match how often the model is right.

Guo et al., "On Calibration of Modern Neural Networks", 2017. The targets are those of Platt,
"Probabilistic Outputs for Support Vector Machines", 1999, so that a model without a mistake on a
few images does not become certain of everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.evaluation.metrics import canonical_order
from imgrec.runs.card import Calibration
from imgrec.scores import Scores, require_finite

_TEMPERATURES = (0.05, 20.0)
_USUAL = (0.1, 10.0)

FEWEST_IMAGES = 10
"""With fewer, no temperature is fitted: it would describe the images rather than the model."""


def fit_temperature(scores: Scores, split: str) -> Calibration:
    """Return the temperature, 0.05 to 20, that calibrates a model.

    It minimises the cross-entropy with Platt's targets; if an image may have several labels, that
    of each label on its own. It never lies beyond the temperature with the lowest log loss, so that
    Platt's caution about few images does not raise their loss. With fewer than 10 images, it is 1.
    The order of the images changes no bit of it.

    Args:
        scores: Probabilities and true labels, of images that the model was not trained on.
        split: The name of their split, for the result.

    Raises:
        RunError: A probability is not finite.
    """
    require_finite(scores)
    scores = scores.at(canonical_order(scores))
    truth, logits = scores.true_choices, _logits(scores.choices)
    exact = np.eye(logits.shape[1])[truth]
    log_loss = _loss(logits, exact)
    before = log_loss(1.0)
    if len(scores.names) < FEWEST_IMAGES:
        return Calibration(1.0, split, len(scores.names), before, before)
    low, high = sorted((1.0, _least(log_loss)))
    temperature = min(max(_least(_loss(logits, _smoothed(exact))), low), high)
    after = log_loss(temperature)
    if after >= before:
        temperature, after = 1.0, before
    return Calibration(temperature, split, len(scores.names), before, after)


def is_extreme(temperature: float) -> bool:
    """Return whether a temperature is so far from 1 that the model was poorly calibrated."""
    low, high = _USUAL
    return not low < temperature < high


def _least(loss: Callable[[float], float]) -> float:
    """Return the temperature at which `loss` is least."""
    from scipy.optimize import minimize_scalar

    low, high = np.log(_TEMPERATURES)
    found = minimize_scalar(lambda power: loss(np.exp(power)), bounds=(low, high), method="bounded")
    return float(np.exp(found.x))


def calibrated(scores: Scores, temperature: float) -> Scores:
    """Return the scores of the model whose logits are divided by `temperature`."""
    from scipy.special import softmax

    probabilities = softmax(_logits(scores.choices) / temperature, axis=1)
    if scores.multi_label:
        probabilities = probabilities[:, 1].reshape(scores.probabilities.shape)
    return replace(scores, probabilities=probabilities.astype(np.float32))


def _logits(probabilities: NDArray[Any]) -> NDArray[np.float64]:
    """Return logits with these probabilities, up to a constant for each row."""
    smallest = float(np.finfo(np.float32).eps) ** 2
    return np.asarray(np.log(np.maximum(probabilities.astype(np.float64), smallest)))


def _smoothed(exact: NDArray[np.float64]) -> NDArray[np.float64]:
    images, classes = exact.shape
    spared = 1 / (images + 2)
    return np.asarray(exact * (1 - spared) + (1 - exact) * spared / (classes - 1))


def _loss(logits: NDArray[np.float64], targets: NDArray[np.float64]) -> Callable[[float], float]:
    from scipy.special import log_softmax

    def mean(temperature: float) -> float:
        return float(-(targets * log_softmax(logits / temperature, axis=1)).sum(axis=1).mean())

    return mean
