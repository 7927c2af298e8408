"""Keras layers whose place is another section of a config, and what to write there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from imgrec.config.keras.forms import by_name

_FLIPS = {
    "horizontal": "{horizontal_flip: true}",
    "vertical": "{vertical_flip: true}",
    "horizontal_and_vertical": "{horizontal_flip: true, vertical_flip: true}",
}


def _flip(mode: Any = "horizontal_and_vertical") -> str:
    return f"augmentation: {_FLIPS[mode]}"


def _rotation(factor: Any) -> str:
    return f"augmentation: {{rotation_range: {min(360 * abs(_number(factor)), 180):g}}}"


def _zoom(height_factor: Any, width_factor: Any = None) -> str:
    if width_factor not in (None, height_factor):
        raise ValueError
    return f"augmentation: {{zoom_range: {_fraction(height_factor):g}}}"


def _translation(height_factor: Any, width_factor: Any) -> str:
    height, width = _fraction(height_factor), _fraction(width_factor)
    return f"augmentation: {{height_shift_range: {height:g}, width_shift_range: {width:g}}}"


def _rescaling(scale: Any, offset: Any = 0) -> str:
    mean = f", mean: {-_number(offset):g}" if offset else ""
    if isinstance(scale, str) and not scale.isprintable():
        raise ValueError
    return f"preprocessing: {{rescale: {scale}{mean}}}"


def _resizing(height: Any, width: Any) -> str:
    return f"data: {{image_size: [{_number(height)}, {_number(width)}]}}"


_FORMS: dict[str, tuple[Callable[..., str], tuple[str, ...]]] = {
    "RandomFlip": (_flip, ("mode",)),
    "RandomRotation": (_rotation, ("factor",)),
    "RandomZoom": (_zoom, ("height_factor", "width_factor")),
    "RandomTranslation": (_translation, ("height_factor", "width_factor")),
    "Rescaling": (_rescaling, ("scale", "offset")),
    "Resizing": (_resizing, ("height", "width")),
}
"""Layer -> what to write for its arguments, and their names."""

_KEYS = {
    "Input": "data.image_size and data.channels",
    "InputLayer": "data.image_size and data.channels",
    "Rescaling": "preprocessing.rescale",
    "Resizing": "data.image_size",
    "Normalization": "preprocessing.mean and .std",
    "CenterCrop": "data.fit",
    "RandomCrop": "data.fit",
    "RandomFlip": "augmentation.horizontal_flip or augmentation.vertical_flip",
    "RandomRotation": "augmentation.rotation_range",
    "RandomZoom": "augmentation.zoom_range",
    "RandomTranslation": "augmentation.width_shift_range and augmentation.height_shift_range",
    "RandomShear": "augmentation.shear_range",
    "RandomBrightness": "augmentation.brightness_range",
    "RandomContrast": "augmentation.brightness_range",
    "RandomErasing": "augmentation.random_erasing",
    "RandomGaussianBlur": "augmentation.blur_sigma",
    "MixUp": "augmentation.mixup",
    "CutMix": "augmentation.cutmix",
}
MOVED = tuple(_KEYS)
"""The names of these layers."""


def instead_of(name: str, written: Any) -> str:
    """Return what to write instead of a layer of MOVED with the arguments `written`.

    Example:
        >>> instead_of("RandomRotation", 0.1)
        'write augmentation: {rotation_range: 36} instead of RandomRotation'
        >>> instead_of("RandomBrightness", 0.1)
        'use augmentation.brightness_range instead of RandomBrightness'
    """
    form, positional = _FORMS.get(name, (None, ()))
    if form is not None:
        try:
            return f"write {form(**by_name(written, positional))} instead of {name}"
        except (TypeError, ValueError, LookupError, OverflowError):
            pass  # arguments that have no such form
    return f"use {_KEYS[name]} instead of {name}"


def _fraction(value: Any) -> float:
    number = abs(_number(value))
    if number >= 1:
        raise ValueError  # it would be a number of pixels
    return number


def _number(value: Any) -> float:
    """Return `value` if it is a number; a range that is symmetric is its end."""
    if isinstance(value, list) and len(value) == 2 and value[0] == -value[1]:
        value = value[1]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    return value
