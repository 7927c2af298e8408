"""Keras' own callbacks, and the counters in them that a resumed training needs."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from imgrec.config.keras.callbacks import TensorBoard
from imgrec.config.keras.named import Named
from imgrec.errors import SettingError
from imgrec.models.keras_objects import make

# What EarlyStopping and ReduceLROnPlateau count; they forget it when a training begins.
_COUNTERS = ("wait", "best", "best_epoch", "stopped_epoch", "cooldown_counter")
# How TensorBoard numbers the steps, over all epochs.
_NUMBERED = "_global_train_batch"


def check_extras(callbacks: Sequence[Named]) -> None:
    """Raise SettingError where a callback needs a package that is not installed."""
    for index, callback in enumerate(callbacks):
        name = type(callback).__name__
        if name == "TensorBoard" and importlib.util.find_spec("tensorboard") is None:
            raise SettingError(
                ("training", "callbacks", index, name),
                "needs the extra `tensorboard`: pip install 'imgrec[tensorboard]'",
            )


def make_callbacks(settings: Sequence[Named], model: Any, folder: Path | None, epochs: int) -> Any:
    """Return the `keras.callbacks.CallbackList` that a config asks for.

    They may stop the training or lower its learning rate, and count from epoch to epoch: so they
    are a part of the loop and its checkpoints, not observers. TensorBoard, one of them, writes
    into the run's folder; it is left out where there is none.
    """
    import keras

    callbacks = [
        make(keras.callbacks, callback)
        for callback in settings
        if folder is not None or not isinstance(callback, TensorBoard)
    ]
    for callback in callbacks:
        if folder and isinstance(callback, keras.callbacks.TensorBoard):
            callback.log_dir = str(folder / "tensorboard")
    return keras.callbacks.CallbackList(callbacks, model=model, epochs=epochs, verbose=0)


def watch_steps(callbacks: Sequence[Named]) -> bool:
    """Return whether a callback needs the loss and the metrics after each step.

    To read them, a GPU has to be waited for.
    """
    return any(isinstance(each, TensorBoard) and each.update_freq != "epoch" for each in callbacks)


def counters(callbacks: Any) -> list[dict[str, float | None]]:
    """Return each callback's counters."""
    return [
        {name: _number(getattr(callback, name)) for name in _COUNTERS if hasattr(callback, name)}
        for callback in callbacks.callbacks
    ]


def restore_counters(callbacks: Any, saved: list[dict[str, float | None]], steps: int) -> None:
    """Put the counters back; to be called after `on_train_begin`, which clears them.

    steps: how many were trained before, from which TensorBoard continues to number them.
    """
    for callback, values in zip(callbacks.callbacks, saved, strict=False):
        for name, value in values.items():
            if hasattr(callback, name):
                setattr(callback, name, value)
    for callback in callbacks.callbacks:
        if hasattr(callback, _NUMBERED):
            setattr(callback, _NUMBERED, steps)


def _number(value: Any) -> float | None:
    return None if value is None else float(value)
