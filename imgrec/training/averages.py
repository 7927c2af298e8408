"""The running average of the weights that an optimizer with `use_ema` keeps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np


@contextmanager
def averaged(model: Any) -> Iterator[None]:
    """Give the model its averaged weights within the block, if its optimizer averages.

    The weights of the training itself are put back afterwards, bit for bit.
    """
    optimizer = model.optimizer
    if not getattr(optimizer, "inner_optimizer", optimizer).use_ema:
        yield
        return
    variables = model.trainable_variables
    own = [np.array(variable) for variable in variables]
    optimizer.finalize_variable_values(variables)
    try:
        yield
    finally:
        for variable, value in zip(variables, own, strict=True):
            variable.assign(value)
