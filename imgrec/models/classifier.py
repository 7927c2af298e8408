"""What makes a model a classifier of images: what it takes, and what it gives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from imgrec.errors import RunError

_NEAR = 1e-3


def check_image(
    shape: Sequence[int | None], wanted: tuple[int, int] | None
) -> tuple[int, int, int]:
    """Return the (height, width, channels) of the images for a model that takes `shape`.

    wanted: the height and width, for a model that takes any. Raises RunError where they do not
    fit, and where the model takes no images.
    """
    channels = shape[3] if len(shape) == 4 else None
    if channels not in (1, 3):
        raise RunError(
            f"the model takes {_told(shape)}; imgrec gives it images of "
            "height x width x 1 or 3 channels",
        )
    height, width = shape[1:3]
    if wanted is None:
        if height is None or width is None:
            raise RunError(
                f"the model takes images of any size ({_told(shape)})",
                hint="say which it was trained for: --image-size 224x224",
            )
        return height, width, channels
    if height not in (None, wanted[0]) or width not in (None, wanted[1]):
        raise RunError(
            f"the model takes {height}x{width} pixels, not {wanted[0]}x{wanted[1]}",
            hint="leave --image-size out",
        )
    return *wanted, channels


def check_units(shape: Sequence[int | None], classes: int, *, multi_label: bool = False) -> None:
    """Raise RunError unless a model that gives `shape` tells that many classes apart.

    multi_label: whether each has a probability of its own, so that one unit is one class.
    """
    if len(shape) != 2:
        raise RunError(f"the model gives {_told(shape)}; a classifier gives a number per class")
    if shape[1] != classes and (multi_label or (shape[1], classes) != (1, 2)):
        raise RunError(
            f"the model gives {shape[1]} numbers per image, but --classes names {classes} classes",
            hint="name the classes that it was trained with, all of them, in their order",
        )


def check_probabilities(
    output: Any, activation: str | None, *, logits: bool = False, multi_label: bool = False
) -> None:
    """Raise RunError unless `output` (images, units), or its `activation`, are probabilities.

    logits: whether they are known to be none by themselves. multi_label: whether each class has
    one of its own, so that they need not sum to 1.
    """
    if not np.isfinite(output).all():
        raise RunError(
            "for random pictures the model gives values that are no numbers",
            hint="if it wants its pixels in another range, --rescale 1/255 or --preprocessing "
            "NAME brings them to it",
        )
    alone = multi_label or output.shape[1] == 1
    within = not logits and output.min() >= -_NEAR and output.max() <= 1 + _NEAR
    whole = alone or np.abs(output.sum(axis=1) - 1).max() <= _NEAR
    wanted = "sigmoid" if alone else "softmax"
    if activation is None:
        _check_unaided(output, wanted, within=within, whole=whole)
    elif activation != wanted:
        message = f"--activation {activation} does not fit {output.shape[1]} numbers per image"
        raise RunError(message, hint=f"it should be {wanted}")
    elif within and whole:
        raise RunError("the model gives probabilities already", hint="leave --activation out")


def _check_unaided(output: Any, wanted: str, *, within: bool, whole: bool) -> None:
    if not within:
        raise RunError(
            "what the model gives for random pictures are no probabilities "
            f"(from {output.min():.3g} to {output.max():.3g})",
            hint=f"if they are logits, --activation {wanted} makes probabilities of them",
        )
    if not whole:
        raise independent()


def independent() -> RunError:
    """Return the error for a model that gives each class a probability of its own."""
    return RunError(
        "the model gives each class a probability of its own: they do not sum to 1",
        hint="if it was trained for images with several classes, or none, add --multi-label",
    )


def _told(shape: Sequence[Any]) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape)
