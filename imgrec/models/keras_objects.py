"""Create Keras objects from names and arguments in a config."""

from __future__ import annotations

from typing import Any

from imgrec.config.keras.named import Named


def make(module: Any, named: Named) -> Any:
    """Return `module.<name>(**arguments)`, with nested objects created first.

    `module` contains the class, such as `keras.layers` or `keras.optimizers`.
    """
    arguments = {key: _value(value) for key, value in named.arguments().items()}
    return getattr(module, type(named).__name__)(**arguments)


def _value(value: Any) -> Any:
    import keras

    if not isinstance(value, Named):
        return value
    name = type(value).__name__
    homes = (keras.regularizers, keras.optimizers.schedules)
    return make(next(home for home in homes if hasattr(home, name)), value)
