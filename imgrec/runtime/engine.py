"""Engines: from a run or a pretrained classifier to probabilities."""

from __future__ import annotations

import contextlib
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.files import sha256
from imgrec.models.backbone import classifier
from imgrec.models.backend import start
from imgrec.models.safety import check_keras
from imgrec.runs.card import Card
from imgrec.runs.folder import Run
from imgrec.text import shown

MODEL_FILE = "best.keras"


class Engine(Protocol):
    """Something that answers which class an image is of."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""

    @property
    def spec(self) -> ImageSpec:
        """The form that images must have."""

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 (batch, classes) for images (batch, height, width, channels)."""


@dataclass(frozen=True)
class KerasEngine:
    """A Keras model from pixels of 0 to 255 to probabilities, (batch, classes) or (batch, 1)."""

    model: Any
    classes: tuple[str, ...]
    spec: ImageSpec

    def probabilities(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return float32 (batch, classes); one sigmoid unit is the second of two classes."""
        output = np.asarray(self.model.predict_on_batch(images.astype(np.float32)))
        if output.shape[-1] == 1:
            output = np.concatenate([1 - output, output], axis=-1)
        return output


def open_engine(run: Run, device: str = "auto") -> KerasEngine:
    """Return the engine of a run's best model.

    Raises RunError where the model's file is missing, is not the one that the card
    describes, or does not load.
    """
    path = run.path / MODEL_FILE
    _check_hash(path, run.card)
    start(device)
    model = _load(path)
    _check_shapes(path, model, run.card)
    pixels = run.card.input
    spec = ImageSpec(pixels.height, pixels.width, pixels.channels, pixels.interpolation, pixels.fit)
    return KerasEngine(model, run.card.classes, spec)


def pretrained_engine(name: str, device: str = "auto") -> KerasEngine:
    """Return the engine of an ImageNet classifier of `keras.applications`."""
    start(device)
    found = classifier(name)
    return KerasEngine(found.model, found.classes, ImageSpec(found.height, found.width, 3))


def _check_hash(path: Path, card: Card) -> None:
    hint = "train again, or take another run: `imgrec runs list` shows them"
    place = shown(str(path))
    if not path.is_file():
        reason = "is missing" if card.epochs else "is missing: the run has no finished epoch"
        raise RunError(f"{place} {reason}", hint=hint)
    try:
        found = sha256(path.read_bytes())
    except OSError as error:
        raise RunError(f"{place} can't be read: {error.strerror}", hint=hint) from error
    if not card.describes(MODEL_FILE, found):
        raise RunError(f"{place} is not the file that the run's card describes", hint=hint)


def _load(path: Path) -> Any:
    check_keras(path)
    import keras

    try:
        with contextlib.redirect_stdout(sys.stderr):
            return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras raises whatever its layers raise.
        raise RunError(f"{shown(str(path))} does not load: {error}", hint="train again") from error


def _check_shapes(path: Path, model: Any, card: Card) -> None:
    wanted = (None, card.input.height, card.input.width, card.input.channels)
    units = 1 if card.output == "sigmoid" else len(card.classes)
    if model.input_shape != wanted or model.output_shape != (None, units):
        raise RunError(
            f"{shown(str(path))} takes {model.input_shape} and gives {model.output_shape}; "
            f"its card says {wanted} and {(None, units)}",
            hint="train again",
        )
