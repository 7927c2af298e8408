"""Engines: from a run to probabilities."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError, UsageError
from imgrec.runs.folder import Run
from imgrec.runtime.keras_engine import open_keras
from imgrec.runtime.litert_engine import FILES, export_command, open_litert
from imgrec.runtime.outputs import ModelOutput
from imgrec.scores import Decision
from imgrec.text import printable

EngineName = Literal["auto", "litert", "keras"]
LiteRTPrecision = Literal["float32", "float16", "int8"]

_INSTALL = "`pip install ai-edge-litert` brings it"

log = logging.getLogger("imgrec")


@dataclass(frozen=True)
class EngineOptions:
    """What answers for a run's model, as `open_engine` takes it."""

    engine: EngineName = "auto"
    precision: LiteRTPrecision = "float32"
    device: str = "auto"


DEFAULT_ENGINE = EngineOptions()


class Engine(Protocol):
    """Something that answers which class an image is of."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""

    @property
    def decision(self) -> Decision:
        """How the probabilities become labels."""

    @property
    def spec(self) -> ImageSpec:
        """The form that images must have."""

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return what the model says of uint8 images (batch, height, width, channels)."""


def open_engine(
    run: Run,
    *,
    engine: EngineName = "auto",
    precision: LiteRTPrecision = "float32",
    device: str = "auto",
) -> Engine:
    """Return the engine of a run's best model.

    engine: `litert` is the run's LiteRT file, `keras` its best.keras; `auto` takes LiteRT where
    it can, and else says why not and takes Keras. precision: which LiteRT file; Keras computes in
    float32 alone. device: LiteRT computes on the CPU, so that a GPU that is asked for means Keras.
    Raises RunError where the model's file is missing, is not the one that the card describes,
    or does not load, UsageError for what excludes each other.
    """
    on_gpu = device.startswith("gpu")
    if engine == "keras" and precision != "float32":
        raise UsageError(f"--precision {precision} is for LiteRT; Keras computes in float32")
    if engine == "litert" or precision != "float32":
        if on_gpu:
            asked = "--engine litert" if engine == "litert" else f"--precision {precision}"
            raise UsageError(f"{asked} computes on the CPU, not on --device {device}")
        return _litert(run, precision)
    if engine == "auto" and not on_gpu:
        try:
            return _litert(run, precision)
        except _NotHere as reason:
            log.info("%s: Keras answers, in float32, after a longer start", reason.message)
    return open_keras(run, device)


class _NotHere(RunError):
    """LiteRT can't be used, though nothing is wrong."""


def _litert(run: Run, precision: LiteRTPrecision) -> Engine:
    file = FILES[precision]
    if not (run.path / file).is_file():
        raise _NotHere(f"{printable(run.name)} has no {file}", hint=export_command(run, precision))
    try:
        return open_litert(run, precision)
    except ImportError as error:
        raise _NotHere(f"ai-edge-litert can't be used ({error})", hint=_INSTALL) from error
