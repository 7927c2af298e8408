"""Many multinomial logistic regressions on the same rows: losses, gradients, curvatures."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Self

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Check = Callable[[], None]


@dataclass(frozen=True)
class Regressions(ABC):
    """Multinomial logistic regressions on the same rows.

    Each minimises the weighted sum of the rows' log losses, plus half its strength times the sum
    of its squared coefficients, except those of the last input, which is 1 in each row. As logits
    matter up to a constant, and squares are smallest where the coefficients of the classes sum to
    0, there are coefficients for each of `contrasts`, which are one fewer than the classes.

    Args:
        truth: (rows, classes), one-hot.
        shares: (rows, regressions), the weight of each row. Columns sum to 1.
        strengths: (regressions,), positive.
        check: Called before each matrix product. An exception that it raises ends the computation.
    """

    truth: Floats
    shares: Floats
    strengths: Floats
    check: Check = field(default=lambda: None, compare=False, kw_only=True)

    @property
    @abstractmethod
    def size(self) -> int:
        """The number of inputs."""

    @property
    @abstractmethod
    def squares(self) -> Floats:
        """What `curvature` takes; computed once for all steps."""

    @abstractmethod
    def logits(self, coefficients: Floats) -> Floats:
        """Return those of each row, (rows, regressions, classes)."""

    @abstractmethod
    def gradient(self, probabilities: Floats, coefficients: Floats) -> Floats:
        """Return the gradient of the losses, (inputs, regressions, contrasts)."""

    @abstractmethod
    def curved(self, probabilities: Floats, direction: Floats) -> Floats:
        """Return the Hessian of each loss times a direction, (inputs, regressions, contrasts)."""

    @abstractmethod
    def spreads(self, spread: Floats, squares: Floats) -> Floats:
        """Return the sums over rows of `spread`, (rows, regressions), times the squared inputs."""

    @property
    def contrasts(self) -> Floats:
        """Orthonormal rows (contrasts, classes), each of which sums to 0."""
        return _contrasts(self.truth.shape[1])

    def losses(self, logits: Floats, coefficients: Floats) -> Floats:
        """Return what is minimised, (regressions,)."""
        losses = log_sum_exp(logits) - np.einsum("rpk,rk->rp", logits, self.truth)
        squares = (coefficients[:-1] ** 2).sum((0, 2))
        total: Floats = (losses * self.shares).sum(0) + self.strengths / 2 * squares
        return total

    def curvature(self, probabilities: Floats, squares: Floats) -> Floats:
        """Return about the diagonal of the Hessians, (inputs, regressions, 1).

        Its mean over the contrasts. squares: those of these regressions.
        """
        classes = probabilities.shape[2]
        spread = (probabilities * (1 - probabilities)).sum(2) / (classes - 1)
        diagonal = self.spreads(spread * self.shares, squares)
        diagonal[:-1] += self.strengths
        positive: Floats = np.maximum(diagonal, np.finfo(np.float64).tiny)
        return positive[..., None]

    def only(self, chosen: NDArray[np.bool_]) -> Self:
        """Return some of the regressions."""
        return replace(self, shares=self.shares[:, chosen], strengths=self.strengths[chosen])

    def part(self, values: Floats, chosen: NDArray[np.bool_]) -> Floats:
        """Return the values, (rows, regressions, classes), of some of the regressions."""
        return values[:, chosen]


@dataclass(frozen=True)
class WholeRegressions(Regressions):
    """Regressions whose inputs are in memory.

    Args:
        inputs: (rows, inputs); those of the last input are 1.
    """

    inputs: Floats

    @property
    def size(self) -> int:
        """The number of inputs."""
        return int(self.inputs.shape[1])

    @property
    def squares(self) -> Floats:
        """Those of the inputs, (rows, inputs)."""
        found: Floats = self.inputs**2
        return found

    def logits(self, coefficients: Floats) -> Floats:
        """Return those of each row, (rows, regressions, classes)."""
        return self._product(self.inputs, coefficients) @ self.contrasts

    def gradient(self, probabilities: Floats, coefficients: Floats) -> Floats:
        """Return the gradient of the losses, (inputs, regressions, contrasts)."""
        errors = (probabilities - self.truth[:, None]) * self.shares[..., None]
        return self._back(errors, coefficients)

    def curved(self, probabilities: Floats, direction: Floats) -> Floats:
        """Return the Hessian of each loss times a direction, (inputs, regressions, contrasts)."""
        change = self.logits(direction)
        change -= (probabilities * change).sum(2, keepdims=True)
        return self._back(probabilities * change * self.shares[..., None], direction)

    def spreads(self, spread: Floats, squares: Floats) -> Floats:
        """Return the sums over rows of `spread`, (rows, regressions), times the squared inputs."""
        return squares.T @ spread

    def _back(self, rows: Floats, coefficients: Floats) -> Floats:
        found = self._product(self.inputs.T, rows @ self.contrasts.T)
        found[:-1] += self.strengths[:, None] * coefficients[:-1]
        return found

    def _product(self, left: Floats, right: Floats) -> Floats:
        self.check()
        flat = left @ right.reshape(len(right), -1)
        return flat.reshape(len(left), *right.shape[1:])


@cache
def _contrasts(classes: int) -> Floats:
    from scipy.linalg import helmert

    found: Floats = helmert(classes)
    found.flags.writeable = False
    return found


def softmax(logits: Floats) -> Floats:
    """Return probabilities over the last axis."""
    grown: Floats = logits - logits.max(-1, keepdims=True)
    np.exp(grown, out=grown)
    grown /= grown.sum(-1, keepdims=True)
    return grown


def log_sum_exp(logits: Floats) -> Floats:
    """Return the logarithm of the sum of the exponentials over the last axis."""
    highest = logits.max(-1)
    grown = logits - highest[..., None]
    np.exp(grown, out=grown)
    return highest + np.log(grown.sum(-1))  # type: ignore[no-any-return]
