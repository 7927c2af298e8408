"""Opening a model file that was not made here."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path
from typing import Any, Literal

from imgrec.errors import RunError, UsageError
from imgrec.models.keras_errors import cause
from imgrec.models.quiet import muted
from imgrec.models.safety import check_keras, check_litert, check_weights
from imgrec.text import shown

Form = Literal["keras", "litert", "h5", "saved_model"]

_BY_SUFFIX: dict[str, Form] = {".keras": "keras", ".tflite": "litert", ".h5": "h5", ".hdf5": "h5"}
_PROGRAMS = {
    "h5": "a legacy .h5 file may hold Python code, which Keras runs when it loads it",
    "saved_model": "a SavedModel is a program of TensorFlow's operations, which may read and "
    "write files",
}


def form_of(path: Path) -> Form:
    """Tell what kind of model lies at `path`; raise UsageError where it is none that is known."""
    if path.is_dir() and (path / "saved_model.pb").is_file():
        return "saved_model"
    if (form := _BY_SUFFIX.get(path.suffix.lower())) is None or path.is_dir():
        raise UsageError(
            f"{shown(str(path))} is no model that imgrec imports",
            hint="it imports .keras and .tflite files, and with --trust .h5 files and the folders "
            "of SavedModels",
        )
    return form


def check_foreign(path: Path, form: Form, *, trust: bool) -> None:
    """Raise RunError where the model at `path` could do more than compute.

    trust: whether the user vouches for a form that is a program.
    """
    if form == "keras":
        check_keras(path)
    elif form == "litert":
        check_litert(path)
    elif not trust:
        raise RunError(
            f"{shown(str(path))} is refused: {_PROGRAMS[form]}",
            hint="save it with `model.save('model.keras')` where it comes from; or, if you trust "
            "whoever made it as you trust their programs, import it with --trust",
        )
    elif form == "h5":
        check_weights(path)


def load_foreign(path: Path, *, trust: bool) -> Any:
    """Return the Keras model in the `.keras` or `.h5` file at `path`, which was checked before.

    Raises RunError where it does not load.
    """
    import keras

    try:
        with contextlib.redirect_stdout(sys.stderr):
            return keras.models.load_model(path, compile=False, safe_mode=not trust)
    except Exception as error:  # Keras raises whatever its layers raise
        raise RunError(f"{shown(str(path))} does not load: {shown(cause(error))}") from error


def write_saved_model_as_litert(folder: Path, file: Path) -> None:
    """Convert the SavedModel in `folder` to the LiteRT `file`, of LiteRT's own operators.

    Raises RunError where it can't be converted.
    """
    import tensorflow as tf

    try:
        with contextlib.redirect_stdout(sys.stderr), muted():
            converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
            file.write_bytes(converter.convert())
    except Exception as error:  # TensorFlow raises whatever its parts raise
        reason = shown(cause(error))
        raise RunError(f"{shown(str(folder))} can't be converted: {reason}") from error
