"""Newton's method with conjugate gradients, for many logistic regressions at once.

Regressions that share their rows, such as those of a cross-validation, take one matrix product
together. Nothing is random, so the same arrays give the same bytes if the products do.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Check = Callable[[], None]

_STEPS = 100
_INNER_STEPS = 500
_HALVINGS = 40
_ACCEPTED = 1e-4  # of the decrease that the slope promises (Armijo)
_ROUNDING = 1e-14


@dataclass(frozen=True)
class Regressions:
    """Multinomial logistic regressions on the same rows.

    Each minimises the weighted sum of the rows' log losses, plus half its strength times the sum
    of its squared coefficients, except those of the last input. As logits matter up to a constant,
    and squares are smallest where the coefficients of the classes sum to 0, there are coefficients
    for each of `contrasts`, which are one fewer than the classes.

    Args:
        inputs: (rows, inputs); those of the last input are 1.
        truth: (rows, classes), one-hot.
        shares: (rows, regressions), the weight of each row. Columns sum to 1.
        strengths: (regressions,), positive.
        check: Called before each matrix product. An exception that it raises ends the computation.
    """

    inputs: Floats
    truth: Floats
    shares: Floats
    strengths: Floats
    check: Check = field(default=lambda: None, compare=False)

    @cached_property
    def contrasts(self) -> Floats:
        """Orthonormal rows (contrasts, classes), each of which sums to 0."""
        from scipy.linalg import helmert

        found: Floats = helmert(self.truth.shape[1])
        return found

    def logits(self, coefficients: Floats) -> Floats:
        """Return those of each row, (rows, regressions, classes)."""
        return self._product(self.inputs, coefficients) @ self.contrasts

    def losses(self, logits: Floats, coefficients: Floats) -> Floats:
        """Return what is minimised, (regressions,)."""
        losses = log_sum_exp(logits) - np.einsum("rpk,rk->rp", logits, self.truth)
        squares = (coefficients[:-1] ** 2).sum((0, 2))
        total: Floats = (losses * self.shares).sum(0) + self.strengths / 2 * squares
        return total

    def gradient(self, probabilities: Floats, coefficients: Floats) -> Floats:
        """Return the gradient of the losses, (inputs, regressions, contrasts)."""
        errors = (probabilities - self.truth[:, None]) * self.shares[..., None]
        return self._back(errors, coefficients)

    def curved(self, probabilities: Floats, direction: Floats) -> Floats:
        """Return the Hessian of each loss times a direction, (inputs, regressions, contrasts)."""
        change = self.logits(direction)
        change -= (probabilities * change).sum(2, keepdims=True)
        return self._back(probabilities * change * self.shares[..., None], direction)

    def curvature(self, probabilities: Floats, squares: Floats) -> Floats:
        """Return about the diagonal of the Hessians, (inputs, regressions, 1).

        Its mean over the contrasts. squares: of `inputs`.
        """
        classes = probabilities.shape[2]
        spread = (probabilities * (1 - probabilities)).sum(2) / (classes - 1)
        diagonal = squares.T @ (spread * self.shares)
        diagonal[:-1] += self.strengths
        positive: Floats = np.maximum(diagonal, np.finfo(np.float64).tiny)
        return positive[..., None]

    def only(self, chosen: NDArray[np.bool_]) -> Regressions:
        """Return some of the regressions."""
        return replace(self, shares=self.shares[:, chosen], strengths=self.strengths[chosen])

    def _back(self, rows: Floats, coefficients: Floats) -> Floats:
        found = self._product(self.inputs.T, rows @ self.contrasts.T)
        found[:-1] += self.strengths[:, None] * coefficients[:-1]
        return found

    def _product(self, left: Floats, right: Floats) -> Floats:
        self.check()
        flat = left @ right.reshape(len(right), -1)
        return flat.reshape(len(left), *right.shape[1:])


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
    count = regressions.inputs.shape[1], len(tolerances), len(regressions.contrasts)
    found = np.zeros(count) if start is None else start.copy()
    norms = np.full(len(tolerances), np.inf)
    squares = regressions.inputs**2
    left = np.ones(len(tolerances), bool)
    for _ in range(_STEPS):
        here, at = regressions.only(left), found[:, left]
        logits = here.logits(at)
        probabilities = softmax(logits)
        gradient = here.gradient(probabilities, at)
        norms[left] = size = _norms(gradient)
        going = size > tolerances[left]
        left[left] = going
        if not left.any():
            break
        here, at, logits = here.only(going), at[:, going], logits[:, going]
        gradient, probabilities = gradient[:, going], probabilities[:, going]
        diagonal = here.curvature(probabilities, squares)
        direction = _direction(here, probabilities, gradient, diagonal)
        found[:, left] = _moved(here, logits, at, direction, gradient)
    return found, norms


def softmax(logits: Floats) -> Floats:
    """Return probabilities over the last axis."""
    grown = np.exp(logits - logits.max(-1, keepdims=True))
    return grown / grown.sum(-1, keepdims=True)  # type: ignore[no-any-return]


def log_sum_exp(logits: Floats) -> Floats:
    """Return the logarithm of the sum of the exponentials over the last axis."""
    highest = logits.max(-1)
    return highest + np.log(np.exp(logits - highest[..., None]).sum(-1))  # type: ignore[no-any-return]


def _direction(
    here: Regressions, probabilities: Floats, gradient: Floats, diagonal: Floats
) -> Floats:
    """Return about minus the inverse Hessian times the gradient, by conjugate gradients."""
    wanted = _norms(gradient)
    wanted *= np.minimum(0.1, np.sqrt(wanted))
    found, residual = np.zeros_like(gradient), -gradient
    scaled = residual / diagonal
    direction, product = scaled.copy(), _dots(residual, scaled)
    left = np.ones(len(wanted), bool)
    for _ in range(_INNER_STEPS):
        curved = np.zeros_like(direction)
        curved[:, left] = here.only(left).curved(probabilities[:, left], direction[:, left])
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
) -> Floats:
    """Return the coefficients a step in the direction, which is halved until losses decrease."""
    change, slope = here.logits(direction), _dots(gradient, direction)
    before, length = here.losses(logits, at), np.ones(len(slope))
    for _ in range(_HALVINGS):
        step = length[:, None]
        there = at + step * direction
        most = before + _ACCEPTED * length * slope + _ROUNDING * (1 + before)
        too_far = here.losses(logits + step * change, there) > most
        if not too_far.any():
            break
        length[too_far] /= 2
    return there


def _dots(left: Floats, right: Floats) -> Floats:
    return (left * right).sum((0, 2))  # type: ignore[no-any-return]


def _norms(values: Floats) -> Floats:
    return np.sqrt(_dots(values, values))


def _ratio(above: Floats, below: Floats, where: NDArray[np.bool_]) -> Floats:
    return np.divide(above, below, out=np.zeros_like(above), where=where & (below > 0))
