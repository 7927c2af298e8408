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
    center: (features,); axes: (features, axes), orthonormal; variances: (axes,), those of the
    features that the axes are of.
    """

    center: Floats
    axes: Floats
    variances: Floats
    scale: float

    @classmethod
    def around(cls, features: NDArray[np.float32], last: Space | None, block: int) -> Space:
        """Return the space of these features; with axes of similar ones, if they span it.

        block: how many rows are computed with at a time.
        """
        center = features.mean(0, dtype=np.float64)
        blocks = (rows for _, rows in centred(features, center, block))
        scale = float(np.sqrt(np.concatenate([(rows**2).sum(1) for rows in blocks]).mean()))
        if last is not None and last.axes.shape[1] == features.shape[1]:
            return cls(center, last.axes, last.variances, scale)
        return cls(center, *_principal_axes(features, center, block), scale)

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
        last: The space of a similar problem; None without one.
        check: Called before each matrix product. An exception that it raises ends the computation.
    """

    def __init__(
        self, features: NDArray[np.float32], truth: Floats, last: Space | None, check: Check
    ) -> None:
        self.truth = truth
        # From a similar solution on, it takes fewer products than the coordinates would.
        self.large = truth.size >= LARGE or last is not None
        self.space = Space.around(features, last, BLOCK if self.large else len(features))
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
        space = self.space
        squares = np.append(space.variances / space.scale**2, 1.0)
        return Features(self._features, space.center, space.axes / space.scale, squares)


def _principal_axes(
    features: NDArray[np.float32], center: Floats, block: int
) -> tuple[Floats, Floats]:
    """Return an orthonormal basis (features, axes) of uncorrelated coordinates; their variances."""
    count = len(features)
    if count >= features.shape[1]:
        products = (rows.T @ rows for _, rows in centred(features, center, block))
        squares, axes = np.linalg.eigh(sum(products))
        return axes, squares / count
    rows = features - center
    span = np.linalg.qr(rows.T)[0]
    coordinates = rows @ span
    squares, axes = np.linalg.eigh(coordinates.T @ coordinates)
    return span @ axes, squares / count
