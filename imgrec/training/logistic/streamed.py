"""Regressions on so many numbers that they are computed from the features, block by block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.training.logistic.regressions import Floats, Regressions

BLOCK = 256
"""How many rows are copied and computed with at a time: few enough for the processor's cache."""

_UNCOPIED = 1024  # rows that are computed with at a time as they are


@dataclass(frozen=True)
class Features:
    """Features in the coordinates of a solver, of which only some rows are computed at a time.

    values: float32 (rows, features). center: (features,). basis: (features, coordinates). squares:
    (inputs,), about the mean square of each coordinate, and a last 1.
    """

    values: NDArray[np.float32]
    center: Floats
    basis: Floats
    squares: Floats

    @cached_property
    def single_basis(self) -> NDArray[np.float32]:
        """The basis in float32."""
        return self.basis.astype(np.float32)

    def blocks(self) -> Iterator[tuple[slice, Floats]]:
        """Yield the places of some rows, and these less the center, in order."""
        return centred(self.values, self.center, BLOCK)


def centred(
    values: NDArray[np.float32], center: NDArray[Any], size: int
) -> Iterator[tuple[slice, Any]]:
    """Yield the places of at most `size` rows, and these less the center, in order."""
    for start in range(0, len(values), size):
        place = slice(start, start + size)
        yield place, values[place] - center


@dataclass(frozen=True)
class StreamedRegressions(Regressions):
    """Regressions whose inputs are never in memory as a whole.

    Sums over rows are those of blocks, added in order.
    """

    inputs: Features

    @property
    def size(self) -> int:
        """The number of inputs."""
        return int(self.inputs.basis.shape[1]) + 1

    @property
    def squares(self) -> Floats:
        """About the mean square of each input, (inputs,)."""
        return self.inputs.squares

    def logits(self, coefficients: Floats) -> Floats:
        """Return those of each row, (rows, regressions, classes)."""
        layer = self._layer(coefficients, self.inputs.basis)
        found = np.empty((len(self.truth), *layer[1].shape))
        for place, rows in self.inputs.blocks():
            found[place] = self._applied(rows, layer)
        return found

    def gradient(self, probabilities: Floats, coefficients: Floats) -> Floats:
        """Return the gradient of the losses, (inputs, regressions, contrasts)."""
        total = self._zeros(coefficients)
        for place, rows in self.inputs.blocks():
            errors = probabilities[place] - self.truth[place, None]
            self._add(total, rows, errors * self.shares[place, :, None])
        return self._back_from(total, coefficients, self.inputs.basis)

    def curved(self, probabilities: Floats, direction: Floats) -> Floats:
        """Return the Hessian of each loss times a direction, (inputs, regressions, contrasts).

        In float32, and without a copy of the features that is centred: how exact a solution is
        depends on the gradient alone.
        """
        basis = self.inputs.single_basis
        kernel, bias = self._layer(direction, basis)
        values, center, total = self.inputs.values, self.inputs.center, self._zeros(direction)
        layer = kernel, (bias - (center @ kernel).reshape(bias.shape)).astype(np.float32)
        shares = self.shares.astype(np.float32)
        for start in range(0, len(values), _UNCOPIED):
            place = slice(start, start + _UNCOPIED)
            change, here = self._applied(values[place], layer), probabilities[place]
            here = here.astype(np.float32)
            change -= (here * change).sum(2, keepdims=True)
            change *= here
            change *= shares[place, :, None]
            self._add(total, values[place], change)
        total[0][...] -= np.outer(center, total[1])
        return self._back_from(total, direction, basis)

    def spreads(self, spread: Floats, squares: Floats) -> Floats:
        """Return about the sums over rows of `spread` times the squared inputs.

        As if both were independent.
        """
        return np.outer(squares, spread.sum(0))

    def part(self, values: Floats, chosen: NDArray[np.bool_]) -> Floats:
        """Return the values of some of the regressions; of all, without a copy."""
        return values if chosen.all() else super().part(values, chosen)

    def _layer(self, coefficients: Floats, basis: NDArray[Any]) -> tuple[Any, Floats]:
        """Return the kernel (features, regressions x classes), of the basis' type, and the bias."""
        changed = coefficients @ self.contrasts
        flat = changed[:-1].reshape(len(changed) - 1, -1)
        return basis @ flat.astype(basis.dtype, copy=False), changed[-1]

    def _applied(self, rows: Any, layer: tuple[Any, Any]) -> Any:
        self.check()
        kernel, bias = layer
        return (rows @ kernel).reshape(len(rows), *bias.shape) + bias

    def _zeros(self, coefficients: Floats) -> tuple[Floats, Floats]:
        """Return where the sums over rows are added."""
        classes = self.truth.shape[1]
        regressions = coefficients.shape[1]
        features = len(self.inputs.center)
        return np.zeros((features, regressions * classes)), np.zeros((regressions, classes))

    def _add(self, total: tuple[Floats, Floats], rows: Any, values: Any) -> None:
        self.check()
        total[0][...] += rows.T @ values.reshape(len(values), -1)
        total[1][...] += values.sum(0)

    def _back_from(
        self, total: tuple[Floats, Floats], coefficients: Floats, basis: NDArray[Any]
    ) -> Floats:
        kernel, bias = total
        found = np.empty((len(coefficients), *bias.shape))
        found[:-1] = (basis.T @ kernel.astype(basis.dtype, copy=False)).reshape(-1, *bias.shape)
        found[-1] = bias
        found = found @ self.contrasts.T
        found[:-1] += self.strengths[:, None] * coefficients[:-1]
        return found
