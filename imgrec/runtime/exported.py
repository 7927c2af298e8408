"""Engines of exported files, to compare them with the original model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.models.keras_files import load_keras
from imgrec.runtime.engine import Engine
from imgrec.runtime.keras_engine import KerasEngine
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.runtime.outputs import ModelOutput, model_output
from imgrec.scores import ONE_LABEL, Decision


@dataclass(frozen=True)
class FunctionEngine:
    """A model as a function; it takes float32 pixels from 0 to 255."""

    function: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    classes: tuple[str, ...]
    spec: ImageSpec
    decision: Decision = ONE_LABEL

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return the output for uint8 images (batch, height, width, channels)."""
        output = self.function(images.astype(np.float32))
        return model_output(output, len(self.classes), multi_label=self.decision.multi_label)


def open_exported(
    path: Path,
    form: str,
    classes: tuple[str, ...],
    spec: ImageSpec,
    decision: Decision = ONE_LABEL,
) -> Engine:
    """Return the engine of an exported file.

    Args:
        path: The file, or the folder of a SavedModel.
        form: `litert`, `onnx`, `saved_model` or `keras`.
        classes: The class names, in the order of the model's outputs.
        spec: The size and form of the images that the model takes.
        decision: How the probabilities become labels.

    Raises:
        RunError: It does not load, or the library that runs it is missing.
    """
    known = (classes, spec, decision)
    if form == "keras":
        return KerasEngine(load_keras(path), *known)
    try:
        if form == "litert":
            return LiteRTEngine(path, *known)
        return FunctionEngine(_onnx(path) if form == "onnx" else _saved_model(path), *known)
    except ImportError as error:
        raise RunError(f"nothing is there to check the file with: {error}") from error


def _onnx(path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    import onnxruntime

    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    inputs = session.get_inputs()
    if len(inputs) != 1:
        raise RunError(f"the model takes {len(inputs)} inputs, not one")
    name = inputs[0].name

    def run(images: NDArray[np.float32]) -> NDArray[np.float32]:
        (output,) = session.run(None, {name: images})
        return np.asarray(output, np.float32)

    return run


def _saved_model(path: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    import tensorflow as tf

    loaded: Any = tf.saved_model.load(str(path))
    return lambda images: np.asarray(loaded.serve(images))
