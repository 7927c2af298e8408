"""LiteRT as an engine: a run's `.tflite` file, without TensorFlow or Keras."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.models.files import check_litert
from imgrec.parallel import usable_cores
from imgrec.runs.folder import Run
from imgrec.runtime.model_file import check_hash, check_shapes, decision_of, image_spec
from imgrec.runtime.outputs import ModelOutput, model_output
from imgrec.scores import ONE_LABEL, Decision
from imgrec.stderr import suppress_native_stderr
from imgrec.text import printable

FILES = {
    "float32": "model.tflite",
    "float16": "model.float16.tflite",
    "int8": "model.int8.tflite",
}


class LiteRTEngine:
    """A `.tflite` model; it takes float32 pixels from 0 to 255.

    A file with a fixed batch of 1, as other tools write it, runs image by image. Threads can share
    an engine: one at a time computes, on all cores. An interpreter for each of 8 threads is no
    faster for photos, and takes the memory of 8.
    """

    def __init__(
        self,
        path: Path,
        classes: tuple[str, ...],
        spec: ImageSpec,
        decision: Decision = ONE_LABEL,
    ) -> None:
        """Map the file into memory; raises ImportError, or RunError if it does not load."""
        from ai_edge_litert.interpreter import Interpreter

        check_litert(path)
        self.classes = classes
        self.spec = spec
        self.decision = decision
        try:
            with suppress_native_stderr():
                self._interpreter = Interpreter(str(path), num_threads=usable_cores())
        except ValueError as error:
            raise RunError(
                f"{printable(str(path))} does not load: {error}", hint="write it again"
            ) from error
        self._input = _only(self._interpreter.get_input_details())
        self._output = _only(self._interpreter.get_output_details())
        self._single = self._input["shape_signature"][:1].tolist() == [1]
        self._batch = 0
        self._lock = threading.Lock()

    @property
    def shapes(self) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
        """The shapes of the model's input and output; None for a size that may vary."""
        return _shape(self._input), _shape(self._output)

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return the output for uint8 images (batch, height, width, channels)."""
        try:
            with self._lock:
                if self._single:
                    outputs = np.concatenate([self._ask(image[np.newaxis]) for image in images])
                else:
                    outputs = self._ask(images)
        except (RuntimeError, ValueError) as error:  # LiteRT's
            raise RunError(f"LiteRT can't run the model: {printable(str(error))}") from error
        return model_output(outputs, len(self.classes))

    def _ask(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        if len(images) != self._batch:
            self._prepare(images.shape)
        self._interpreter.set_tensor(self._input["index"], images.astype(np.float32))
        self._interpreter.invoke()
        output: NDArray[np.float32] = self._interpreter.get_tensor(self._output["index"])
        return output

    def _prepare(self, shape: tuple[int, ...]) -> None:
        with suppress_native_stderr():
            self._interpreter.resize_tensor_input(self._input["index"], shape)
            self._interpreter.allocate_tensors()
        self._batch = shape[0]


def open_litert(run: Run, precision: str = "float32") -> LiteRTEngine:
    """Return the engine of a run's LiteRT file.

    Raises:
        RunError: The file can't be read, differs from the one that the card describes, or does not
            load.
        ImportError: `ai-edge-litert` is not installed.
    """
    path, hint, card = run.path / FILES[precision], export_command(run, precision), run.card
    check_hash(path, card, hint)
    engine = LiteRTEngine(path, card.classes, image_spec(card), decision_of(card))
    check_shapes(path, *engine.shapes, card, hint)
    return engine


def export_command(run: Run, precision: str) -> str:
    """Return the command that writes the LiteRT file of a run."""
    wanted = "" if precision == "float32" else f" --precision {precision}"
    return f"`imgrec export {printable(run.name)}{wanted}` writes it"


def _only(details: list[dict[str, Any]]) -> dict[str, Any]:
    if len(details) != 1:
        raise RunError(f"the model has {len(details)} inputs or outputs, not one")
    if details[0]["dtype"] is not np.float32:
        raise RunError(
            f"the model takes or gives {np.dtype(details[0]['dtype']).name}, not float32",
            hint="convert it with float32 inputs and outputs; its weights may be quantised",
        )
    return details[0]


def _shape(detail: dict[str, Any]) -> tuple[int | None, ...]:
    batch, *sizes = (None if size < 0 else int(size) for size in detail["shape_signature"])
    return None if batch == 1 else batch, *sizes
