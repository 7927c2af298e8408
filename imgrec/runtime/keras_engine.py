"""Keras as an engine: it runs any model, but TensorFlow takes long to start."""

from __future__ import annotations

import shlex
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.interface import flag, option
from imgrec.models.backend import require_tensorflow, start
from imgrec.models.importing import tensor_shape
from imgrec.models.keras_files import load_keras
from imgrec.runs.card import BEST_MODEL
from imgrec.runs.folder import Run
from imgrec.runtime.model_file import (
    check_hash,
    check_shapes,
    decision_of,
    image_spec,
    restore_hint,
)
from imgrec.runtime.outputs import ModelOutput, model_output
from imgrec.scores import ONE_LABEL, Decision
from imgrec.text import printable

_OTHER_RUN = "train again, or use another run: `imgrec runs list` shows them"


@dataclass(frozen=True)
class KerasEngine:
    """A Keras model; it takes pixels from 0 to 255.

    Threads can share it: one at a time computes, on all cores.
    """

    model: Any
    classes: tuple[str, ...]
    spec: ImageSpec
    decision: Decision = ONE_LABEL
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return the output for uint8 images (batch, height, width, channels)."""
        with self._lock:
            output = np.asarray(self.model.predict_on_batch(images.astype(np.float32)))
        return model_output(output, len(self.classes), multi_label=self.decision.multi_label)


def open_keras(run: Run, device: str = "auto") -> KerasEngine:
    """Return the engine of a run's best.keras.

    Raises:
        RunError: TensorFlow or the file is missing, or the file differs from the one that the card
            describes, or does not load.
    """
    path = keras_file(run)
    start(device)
    model = load_keras(path)
    shapes = tensor_shape(model, "input"), tensor_shape(model, "output")
    check_shapes(path, *shapes, run.card, restore_hint(run))
    card = run.card
    return KerasEngine(model, card.classes, image_spec(card), decision_of(card))


def keras_file(run: Run) -> Path:
    """Return the path of a run's best.keras, without loading TensorFlow.

    Raises:
        RunError: It is missing, or differs from the one that the card describes; or TensorFlow is
            not installed.
    """
    path = run.path / BEST_MODEL
    if not path.is_file():
        raise _missing(run, path)
    check_hash(path, run.card, restore_hint(run))
    return path


def _missing(run: Run, path: Path) -> RunError:
    """Return why there is no best.keras; raise RunError if TensorFlow is missing as well."""
    if run.card.quick:
        command = f"`imgrec export {printable(shlex.quote(str(run.path)))} --format keras`"
        return RunError(
            f"{printable(run.name)} was trained with {flag('quick')}: it has no Keras model",
            hint=f"{command} adds one to the run",
        )
    if run.card.only_litert:
        return RunError(
            f"{printable(run.name)} was imported as a LiteRT file: it has no Keras model",
            hint=f"it predicts and evaluates with {option('engine', 'litert')}; "
            "for more, import its .keras",
        )
    require_tensorflow()
    if any(run.path.glob("model*.tflite")):
        return RunError(
            f"{printable(str(path))} is missing: the run was brought here without it",
            hint="bring it from where the run was trained; to predict and to evaluate, "
            f"{option('engine', 'litert')} needs only the LiteRT file",
        )
    trained = run.card.epochs or run.card.head
    reason = "is missing" if trained else "is missing: the run has no finished epoch"
    return RunError(f"{printable(str(path))} {reason}", hint=_OTHER_RUN)
