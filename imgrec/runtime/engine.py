"""Engines: what computes a model's outputs for a batch of images."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError, UsageError
from imgrec.interface import option
from imgrec.models.backend import check_device, has_tensorflow
from imgrec.runs.folder import Run
from imgrec.runtime.litert_engine import FILES, litert_hint, open_litert
from imgrec.runtime.outputs import ModelOutput
from imgrec.scores import Decision
from imgrec.text import printable
from imgrec.versions import changed_libraries

EngineName = Literal["auto", "litert", "keras"]
LiteRTPrecision = Literal["float32", "float16", "int8"]

_INSTALL = "`pip install ai-edge-litert` installs it"

log = logging.getLogger("imgrec")


@dataclass(frozen=True)
class EngineOptions:
    """Which engine runs a model, and where.

    Args:
        engine: `litert` for the run's LiteRT file, `keras` for its best.keras; `auto` for LiteRT
            if possible, otherwise Keras.
        precision: Which LiteRT file; Keras computes in float32.
        device: `auto`, `cpu`, `gpu` or `gpu:0,1`. LiteRT computes on the CPU, so that a GPU
            requires Keras.
        strict_versions: Whether a library that answers depend on must have the version that the
            run was made with; otherwise a warning names those that differ.
        packed: Whether the cache folder keeps the weights of a large LiteRT file in the order in
            which LiteRT needs them. The next process that opens it starts sooner, needs about 0.6
            times the memory, and gives the same answers. While LiteRT then computes, no other
            thread of the process runs: it is for commands, not for services.

    Raises:
        UsageError: For an engine, a precision or a device that does not exist, and for those that
            exclude each other.
    """

    engine: EngineName = "auto"
    precision: LiteRTPrecision = "float32"
    device: str = "auto"
    strict_versions: bool = False
    packed: bool = False

    def __post_init__(self) -> None:
        """Refuse what a caller without a type checker may have written."""
        check_device(self.device)
        for name, kind in (("engine", EngineName), ("precision", LiteRTPrecision)):
            value, allowed = getattr(self, name), get_args(kind)
            if value not in allowed:
                raise UsageError(
                    f"there is no {name} {printable(str(value))}", hint=f"use {', '.join(allowed)}"
                )
        self._check_combination()

    @property
    def litert_option(self) -> str:
        """The option that asks for LiteRT; empty if none does."""
        if self.engine == "litert":
            return option("engine", "litert")
        return "" if self.precision == "float32" else option("precision", self.precision)

    def _check_combination(self) -> None:
        if self.engine == "keras" and self.precision != "float32":
            raise UsageError(
                f"{option('precision', self.precision)} is for LiteRT; Keras computes in float32",
                hint=f"leave out {option('precision')}",
            )
        if self.litert_option and self.device.startswith("gpu"):
            raise UsageError(
                f"{self.litert_option} computes on the CPU, not on {option('device', self.device)}",
                hint=f"use {option('device', 'cpu')}",
            )


DEFAULT_ENGINE = EngineOptions()


class Engine(Protocol):
    """A model that can be run."""

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""

    @property
    def decision(self) -> Decision:
        """How the probabilities become labels."""

    @property
    def spec(self) -> ImageSpec:
        """The size and form of the images that the model takes."""

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return the output for uint8 images (batch, height, width, channels)."""


def open_engine(run: Run, options: EngineOptions = DEFAULT_ENGINE) -> Engine:
    """Return the engine of a run's best model.

    Raises:
        RunError: The file of the model is missing, differs from the one that the card describes,
            or does not load; or a version differs, with `strict_versions`.
        UsageError: The options exclude each other.
    """
    engine = _opened(run, options)
    _compare_versions(run, strict=options.strict_versions)
    return engine


def _opened(run: Run, options: EngineOptions) -> Engine:
    if options.litert_option:
        return _litert(run, options)
    if options.engine == "auto" and not options.device.startswith("gpu"):
        try:
            return _litert(run, options)
        except _NotHere as reason:
            if not has_tensorflow():
                raise
            log.info("%s: using Keras, in float32, which takes longer to start", reason.message)
    from imgrec.runtime.keras_engine import open_keras

    return open_keras(run, options.device)


class _NotHere(RunError):
    """LiteRT is not available, which is not an error of the run."""


def _litert(run: Run, options: EngineOptions) -> Engine:
    precision = options.precision
    file = FILES[precision]
    if not (run.path / file).is_file():
        raise _NotHere(f"{printable(run.name)} has no {file}", hint=litert_hint(run, precision))
    try:
        return open_litert(run, precision, packed=options.packed)
    except ImportError as error:
        raise litert_missing(error) from error


def litert_missing(error: ImportError) -> RunError:
    """Return the error for LiteRT that can't be imported."""
    return _NotHere(f"ai-edge-litert can't be used ({error})", hint=_INSTALL)


def _compare_versions(run: Run, *, strict: bool) -> None:
    """Warn of versions that are not those of the run; raise RunError if `strict`."""
    libraries = printable(", ".join(changed_libraries(run.card.versions)))
    if libraries and strict:
        raise RunError(
            f"{printable(run.name)} was made with other versions: {libraries}",
            hint="train again, or leave out --strict-versions",
        )
    if libraries:
        log.warning(
            "%s was made with other versions, so its answers may differ: %s",
            printable(run.name),
            libraries,
        )


class EngineWrapper(Struct, frozen=True):
    """Another engine, whose answers a subclass changes."""

    engine: Engine

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names, in the order of the probabilities."""
        return self.engine.classes

    @property
    def decision(self) -> Decision:
        """How the probabilities become labels."""
        return self.engine.decision

    @property
    def spec(self) -> ImageSpec:
        """The size and form of the images that the model takes."""
        return self.engine.spec


class FlipTTA(EngineWrapper, frozen=True):
    """An engine that returns the mean output of another one for an image and its mirror image."""

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return the mean output for uint8 images (batch, height, width, channels)."""
        there = self.engine.answers(images)
        back = self.engine.answers(np.ascontiguousarray(images[:, :, ::-1]))
        probabilities = _mean(there.probabilities, back.probabilities)
        if there.ood_similarity is None or back.ood_similarity is None:
            return ModelOutput(probabilities)
        return ModelOutput(probabilities, _mean(there.ood_similarity, back.ood_similarity))


def _mean(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float32]:
    return ((one.astype(np.float64) + other) / 2).astype(np.float32)
