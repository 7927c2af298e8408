"""Keras' penalties on weights, with their own names and arguments."""

from __future__ import annotations

from typing import Annotated

from imgrec.config.named import Named, OneOf, table
from imgrec.config.values import NonNegativeFloat


class L1(Named):
    """Adds `l1` times the sum of absolute weights to the loss."""

    l1: NonNegativeFloat = 0.01


class L2(Named):
    """Adds `l2` times the sum of squared weights to the loss."""

    l2: NonNegativeFloat = 0.01


class L1L2(Named):
    """Both penalties."""

    l1: NonNegativeFloat = 0.0
    l2: NonNegativeFloat = 0.0


REGULARIZERS = table(L1, L2, L1L2)
Regularizer = Annotated[
    Named, OneOf("regularizer", REGULARIZERS, {name.lower(): name for name in REGULARIZERS})
]
