"""Newton's method with conjugate gradients, for many logistic regressions at once.

Regressions that share their rows, such as those of a cross-validation, take one matrix product
together. Nothing is random, so the same arrays give the same bytes if the products do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgrec.training.logistic.regressions import Floats, Regressions, softmax

_STEPS = 100
_INNER_STEPS = 500
_HALVINGS = 40
_ACCEPTED = 1e-4  # of the decrease that the slope promises (Armijo)
_ROUNDING = 1e-14


def minimize(
    regressions: Regressions, tolerances: Floats, start: Floats | None = None
) -> tuple[Floats, Floats]:
    """Minimise the losses by Newton's method until the norms of the gradients are small.

    Args:
        regressions: What is solved.
        tolerances: The norm of the gradient, (regressions,), that is small enough for each.
        start: Coefficients to start from; by default zeros.

    Returns:
        Coefficients (inputs, regressions, contrasts), and the norm of each gradient there.
    """
    count = regressions.size, len(tolerances), len(regressions.contrasts)
    found = np.zeros(count) if start is None else start.copy()
    norms = np.full(len(tolerances), np.inf)
    squares = regressions.squares
    left = np.ones(len(tolerances), bool)
    logits = regressions.logits(found)
    for _ in range(_STEPS):
        here, at = regressions.only(left), found[:, left]
        probabilities = softmax(logits)
        gradient = here.gradient(probabilities, at)
        norms[left] = size = _norms(gradient)
        going = size > tolerances[left]
        left[left] = going
        if not left.any():
            break
        at, gradient = at[:, going], gradient[:, going]
        logits, probabilities = here.part(logits, going), here.part(probabilities, going)
        here = here.only(going)
        diagonal = here.curvature(probabilities, squares)
        direction = _direction(here, probabilities, gradient, diagonal, tolerances[left])
        found[:, left], logits = _moved(here, logits, at, direction, gradient)
    return found, norms


def _direction(
    here: Regressions,
    probabilities: Floats,
    gradient: Floats,
    diagonal: Floats,
    tolerances: Floats,
) -> Floats:
    """Return about minus the inverse Hessian times the gradient, by conjugate gradients.

    No more exactly than `tolerances` for the next gradient ask for.
    """
    size = _norms(gradient)
    wanted = np.maximum(size * np.minimum(0.1, np.sqrt(size)), tolerances / 2)
    found, residual = np.zeros_like(gradient), -gradient
    scaled = residual / diagonal
    direction, product = scaled.copy(), _dots(residual, scaled)
    left = np.ones(len(wanted), bool)
    for _ in range(_INNER_STEPS):
        curved = np.zeros_like(direction)
        curved[:, left] = here.only(left).curved(here.part(probabilities, left), direction[:, left])
        length = _ratio(product, _dots(direction, curved), left)
        found += length[:, None] * direction
        residual -= length[:, None] * curved
        left &= _norms(residual) > wanted
        if not left.any():
            break
        scaled = residual / diagonal
        before, product = product, _dots(residual, scaled)
        direction = scaled + _ratio(product, before, left)[:, None] * direction
    return found


def _moved(
    here: Regressions, logits: Floats, at: Floats, direction: Floats, gradient: Floats
) -> tuple[Floats, Floats]:
    """Return coefficients and logits a step in the direction, halved until the losses decrease."""
    change, slope = here.logits(direction), _dots(gradient, direction)
    before, length = here.losses(logits, at), np.ones(len(slope))
    for _ in range(_HALVINGS):
        step = length[:, None]
        there = at + step * direction
        most = before + _ACCEPTED * length * slope + _ROUNDING * (1 + before)
        moved = step * change
        moved += logits
        too_far = here.losses(moved, there) > most
        if not too_far.any():
            break
        length[too_far] /= 2
    return there, moved


def _dots(left: Floats, right: Floats) -> Floats:
    return (left * right).sum((0, 2))  # type: ignore[no-any-return]


def _norms(values: Floats) -> Floats:
    return np.sqrt(_dots(values, values))


def _ratio(above: Floats, below: Floats, where: NDArray[np.bool_]) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=where & (below > 0))
