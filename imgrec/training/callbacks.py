"""Keras' own callbacks, and the counters in them that a resumed training needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import Any

from imgrec.config.keras.callbacks import TensorBoard
from imgrec.config.keras.named import Named
from imgrec.errors import SettingError
from imgrec.models.keras_objects import make

# What EarlyStopping and ReduceLROnPlateau count; they forget it when a training begins.
_COUNTERS = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")


def check_extras(callbacks: Sequence[Named]) -> None:
    """Raise SettingError where a callback needs a package that is not installed."""
    for index, callback in enumerate(callbacks):
        name = type(callback).__name__
        if name == "TensorBoard" and importlib.util.find_spec("tensorboard") is None:
            raise SettingError(
                ("training", "callbacks", index, name),
                "needs the extra `tensorboard`: pip install 'imgrec[tensorboard]'",
            )


def counting(settings: Sequence[Named]) -> list[Named]:
    """Return the callbacks that count from epoch to epoch: all but TensorBoard.

    They may stop the training or lower its learning rate, so they are a part of the loop and its
    checkpoints. TensorBoard only records: `recorders.TensorBoardLog` is an observer.
    """
    return [each for each in settings if not isinstance(each, TensorBoard)]


def make_callbacks(settings: Sequence[Named], model: Any, epochs: int) -> Any:
    """Return the `keras.callbacks.CallbackList` of those that are `counting`.

    None of them does anything within an epoch.
    """
    import keras

    callbacks = [make(keras.callbacks, each) for each in counting(settings)]
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
