"""The output of a model as a probability of every class."""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import RunError

Activation = Literal["softmax", "sigmoid"]

_NEAR = 1e-3


class ModelOutput(NamedTuple):
    """The output of a model for a batch of images.

    Args:
        probabilities: float32 (batch, classes).
        ood_similarity: How similar each image is to the training images, float32 (batch,), -1 to
            1; None if the model has no OOD score.
    """

    probabilities: NDArray[np.float32]
    ood_similarity: NDArray[np.float32] | None = None


def model_output(
    output: NDArray[np.float32],
    classes: int,
    *,
    multi_label: bool = False,
    activation: Activation | None = None,
    step: float = 0.0,
) -> ModelOutput:
    """Return the probabilities in the output tensor of a model.

    Args:
        output: float32. (batch, 1) is one sigmoid unit, the second of two classes; in (batch,
            classes + 1) the last column is the OOD similarity.
        classes: The number of classes.
        multi_label: Whether the probabilities are independent, so that they need not sum to 1.
        activation: Turns the output, which is logits, into probabilities.
        step: The distance between two values of a quantised output; 0 if it is not quantised.

    Raises:
        RunError: They are not probabilities: a value is outside 0 to 1, or they don't sum to 1.
            Values that are not finite are left to `require_finite`, which knows the images.
    """
    similarity = output[:, classes] if output.shape[-1] == classes + 1 else None
    units = output if similarity is None else output[:, :classes]
    if activation is not None:
        units = _ACTIVATIONS[activation](units)
    independent = multi_label or units.shape[-1] == 1
    _require_probabilities(units, independent=independent, step=step)
    if units.shape[-1] == 1 and not multi_label:
        units = np.concatenate([1 - units, units], axis=-1)
    return ModelOutput(units, similarity)


def _softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def _sigmoid(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(np.exp(-np.logaddexp(np.float32(0), -logits)))


_ACTIVATIONS = {"softmax": _softmax, "sigmoid": _sigmoid}


def _require_probabilities(units: NDArray[np.float32], *, independent: bool, step: float) -> None:
    if ((units < -_NEAR) | (units > 1 + _NEAR)).any():
        logits = f"import it with --activation {'sigmoid' if independent else 'softmax'}"
        raise RunError(
            "the output of the model is not probabilities: it has values from "
            f"{np.nanmin(units):.3g} to {np.nanmax(units):.3g}",
            hint=f"if it is logits, {logits}",
        )
    # Every quantised value may be wrong by half a step.
    off = np.abs(units.sum(axis=-1, dtype=np.float64) - 1)
    if not independent and (off > _NEAR + units.shape[-1] * step / 2).any():
        raise RunError(
            "the probabilities of the classes do not sum to 1: the sums are up to "
            f"{np.nanmax(off):.3g} away",
            hint="import it with --multi-label if its classes are independent, with --activation "
            "softmax if its output is logits",
        )
