"""A temperature as a part of the weights: no file or engine has to know of it."""

from __future__ import annotations

from typing import Any

from imgrec.models.build import OUTPUT


def divide_logits(model: Any, temperature: float) -> None:
    """Divide what enters the softmax or sigmoid of a model of `build` by `temperature`.

    Its last layer is dense, so its kernel and bias divided are its logits divided.
    """
    last = model.get_layer(OUTPUT)
    last.set_weights([weights / temperature for weights in last.get_weights()])
