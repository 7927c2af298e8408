"""Keras' own callbacks, and the counters in them that a resumed training needs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from imgrec.config.keras.named import Named
from imgrec.models.keras_objects import make

# What EarlyStopping and ReduceLROnPlateau count; they forget it when a training begins.
_COUNTERS = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")


def make_callbacks(settings: Sequence[Named], model: Any, epochs: int) -> Any:
    """Return the `keras.callbacks.CallbackList` of callbacks; none acts within an epoch."""
    import keras

    callbacks = [make(keras.callbacks, each) for each in settings]
    return keras.callbacks.CallbackList(callbacks, model=model, epochs=epochs, verbose=0)


def counters(callbacks: Any) -> list[dict[str, float | None]]:
    """Return each callback's counters."""
    return [
        {name: _number(getattr(callback, name)) for name in _COUNTERS if hasattr(callback, name)}
        for callback in callbacks.callbacks
    ]


def restore_counters(callbacks: Any, saved: list[dict[str, float | None]]) -> None:
    """Put the counters back; to be called after `on_train_begin`, which clears them."""
    for callback, values in zip(callbacks.callbacks, saved, strict=False):
        for name, value in values.items():
            if name in _COUNTERS and hasattr(callback, name):
                setattr(callback, name, value)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
