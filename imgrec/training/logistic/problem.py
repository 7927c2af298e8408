"""The problem that labelled features pose: in coordinates in which a solver is fast."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from imgrec.training.logistic.regressions import (
    Check,
    Floats,
    Regressions,
    WholeRegressions,
)
from imgrec.training.logistic.streamed import BLOCK, Features, StreamedRegressions, centred

LARGE = 1 << 15
"""From so many photos times classes on, all regressions at once would take too much memory."""


@dataclass(frozen=True)
class Space:
    """Coordinates along the principal axes of features.

    Rotating, moving and scaling the features changes neither the regularisation nor the solution.
    center: (features,); axes: (features, axes), orthonormal.
    """

    center: Floats
    axes: Floats
    scale: float

    @classmethod
    def around(cls, features: NDArray[np.float32], axes: Floats | None, block: int) -> Space:
        """Return the space of these features; with axes of similar ones, if they span it.

        block: how many rows are computed with at a time.
        """
        center = features.mean(0, dtype=np.float64)
        blocks = (rows for _, rows in centred(features, center, block))
        squares = np.concatenate([(rows**2).sum(1) for rows in blocks])
        if axes is None or axes.shape[1] < features.shape[1]:
            axes = _principal_axes(features, center, block)
        return cls(center, axes, float(np.sqrt(squares.mean())))

    def inputs(self, features: NDArray[np.float32]) -> Floats:
        """Return the inputs of the solver: coordinates, and a last column of ones."""
        found = np.ones((len(features), self.axes.shape[1] + 1))
        found[:, :-1] = (features - self.center) @ (self.axes / self.scale)
        return found

    def dense_layer(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """Return kernel and bias for features, from coefficients (inputs, classes)."""
        kernel = self.axes @ (coefficients[:-1] / self.scale)
        return kernel, coefficients[-1] - self.center @ kernel

    def coefficients(self, kernel: Floats, bias: Floats) -> Floats:
        """Return the coefficients of a dense layer for features."""
        return np.vstack([self.axes.T @ kernel * self.scale, bias + self.center @ kernel])


class Problem:
    """Logistic regressions on the same photos, by shares of them and strengths.

    Args:
        features: float32 (photos, features).
        truth: (photos, classes), one-hot.
        axes: Those of a similar problem's space; None without one.
        check: Called before each matrix product. An exception that it raises ends the computation.
    """

    def __init__(
        self, features: NDArray[np.float32], truth: Floats, axes: Floats | None, check: Check
    ) -> None:
        self.truth = truth
        self.large = truth.size >= LARGE
        self.space = Space.around(features, axes, BLOCK if self.large else len(features))
        self._features = features
        self._check = check

    def regressions(self, shares: Floats, strengths: Floats) -> Regressions:
        """Return regressions; shares: (photos, regressions); strengths: (regressions,)."""
        if not self.large:
            return WholeRegressions(self.truth, shares, strengths, self._inputs, check=self._check)
        return StreamedRegressions(self.truth, shares, strengths, self._streamed, check=self._check)

    def regression(self, strength: float) -> Regressions:
        """Return the regression of all photos."""
        count = len(self.truth)
        return self.regressions(np.full((count, 1), 1 / count), np.array([strength]))

    @cached_property
    def _inputs(self) -> Floats:
        return self.space.inputs(self._features)

    @cached_property
    def _streamed(self) -> Features:
        basis = self.space.axes / self.space.scale
        return Features(self._features, self.space.center, basis)


def _principal_axes(features: NDArray[np.float32], center: Floats, block: int) -> Floats:
    """Return an orthonormal basis (features, axes) that makes the coordinates uncorrelated."""
    if len(features) >= features.shape[1]:
        products = (rows.T @ rows for _, rows in centred(features, center, block))
        return np.linalg.eigh(sum(products))[1]
    rows = features - center
    span = np.linalg.qr(rows.T)[0]
    coordinates = rows @ span
    return span @ np.linalg.eigh(coordinates.T @ coordinates)[1]  # type: ignore[no-any-return]
