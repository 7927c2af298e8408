"""The formats of models that can be imported, and what may be in their files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from imgrec.errors import RunError, UsageError
from imgrec.models.files import check_keras, check_weights
from imgrec.models.keras_files import EXPORT_HINT, refuse_weights
from imgrec.models.litert import read_litert
from imgrec.text import printable

ModelFormat = Literal["keras", "litert", "h5", "saved_model"]

_BY_SUFFIX: dict[str, ModelFormat] = {
    ".keras": "keras",
    ".tflite": "litert",
    ".h5": "h5",
    ".hdf5": "h5",
}
_PROGRAMS = {
    "h5": "a legacy .h5 file can contain Python code, which Keras runs when loading it",
    "saved_model": "a SavedModel is a program of TensorFlow operations, which can read and "
    "write files",
}


def model_format(path: Path) -> ModelFormat:
    """Return the format of the model at `path`; raise UsageError if it is unknown."""
    if path.is_dir() and (path / "saved_model.pb").is_file():
        return "saved_model"
    if (form := _BY_SUFFIX.get(path.suffix.lower())) is None or path.is_dir():
        raise UsageError(
            f"{printable(str(path))} is not a model that imgrec can import",
            hint="it imports .keras and .tflite files and, with --trust, .h5 files and folders of "
            "SavedModels",
        )
    return form


def check_model_file(path: Path, form: ModelFormat, *, trust: bool) -> None:
    """Raise RunError if the model at `path` could do more than compute.

    With `trust`, formats that can contain code are allowed.
    """
    if form == "h5":
        refuse_weights(path)
    if form == "keras":
        _check_keras(path)
    elif form == "litert":
        read_litert(path)
    elif not trust:
        raise RunError(
            f"{printable(str(path))} is refused: {_PROGRAMS[form]}",
            hint="save it with `model.save('model.keras')` where it was created; or, if you trust "
            "its author to run code on your machine, import it with --trust",
        )
    elif form == "h5":
        check_weights(path)


def _check_keras(path: Path) -> None:
    try:
        check_keras(path)
    except RunError as error:
        if " is refused: " not in error.message:
            raise
        raise RunError(error.message, hint=f"{EXPORT_HINT}; {error.hint}") from error
