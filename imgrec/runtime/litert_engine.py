"""LiteRT as an engine: a run's `.tflite` file, without TensorFlow or Keras."""

from __future__ import annotations

import shlex
import threading
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.files import sha256, sha256_of
from imgrec.models.backend import has_tensorflow
from imgrec.models.litert import read_litert, with_output
from imgrec.parallel import usable_cores
from imgrec.runs.card import BEST_MODEL, LITERT_MODEL, Card
from imgrec.runs.folder import Run
from imgrec.runtime.litert_tensor import (
    LiteRTTensor,
    first_output,
    input_tensor,
    output_tensor,
)
from imgrec.runtime.model_file import (
    check_shapes,
    compare_hash,
    decision_of,
    image_spec,
    restore_hint,
)
from imgrec.runtime.outputs import Activation, ModelOutput, model_output
from imgrec.scores import ONE_LABEL, Decision
from imgrec.stderr import suppress_native_stderr
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.runtime.packed_model import PackedInterpreter, PackedModel

# The activations of more photos leave the cache of the processor: on two cores, EfficientNet-Lite0
# needs a quarter less processor time for a photo at a time than for 32. Small images are faster in
# larger batches.
_PIXELS = 100_000

# Of so many images, each core computes some with an interpreter of its own: EfficientNet-Lite0 then
# needs an eighth less processor time than with all cores for the same images. Each interpreter has
# a copy of the weights; they may take so many bytes for each core, and so many together.
_MANY = 16
_WEIGHTS_EACH, _WEIGHTS = 32 << 20, 128 << 20

# From so many bytes on, it takes a good part of a start to pack the weights of a file.
_LARGE = 64 << 20

FILES = {
    "float32": LITERT_MODEL,
    "float16": "model.float16.tflite",
    "int8": "model.int8.tflite",
}


class LiteRTEngine:
    """A `.tflite` model; it takes pixels from 0 to 255.

    Integer inputs and outputs are read by their scale and zero point. A file with a fixed batch, as
    other tools write it, runs that many images at a time. Threads can share an engine: one at a
    time computes, on all cores.
    """

    def __init__(
        self,
        file: Path | bytes | PackedModel,
        classes: tuple[str, ...],
        spec: ImageSpec,
        decision: Decision = ONE_LABEL,
        *,
        activation: Activation | None = None,
        output_name: str | None = "",
    ) -> None:
        """Read and check the file.

        Args:
            file: The file, or what `read_litert` or `packed_model` returned for it.
            classes: The class names, in the order of the model's outputs.
            spec: The size and form of the images that the model takes.
            decision: How the probabilities become labels.
            activation: Turns the output, which is logits, into probabilities.
            output_name: The output that has the probabilities, if there are several; None for the
                first, whatever it has.

        Raises:
            ImportError: `ai-edge-litert` is not installed.
            RunError: The file does not load, or is not a model from an image to one output.
        """
        self._file = read_litert(file) if isinstance(file, Path) else file
        self.classes = classes
        self.spec = spec
        self.decision = decision
        self.activation = activation
        try:
            with suppress_native_stderr():
                self._interpreter = _interpreter(self._file, usable_cores())
        except ValueError as error:
            place = printable(str(file)) if isinstance(file, Path) else "the model"
            raise RunError(
                f"{place} does not load: {printable(str(error))}",
                hint="convert it again from the original model",
            ) from error
        details = self._interpreter.loaded
        self.input = input_tensor(details)
        self.output = (
            first_output(details)
            if output_name is None
            else output_tensor(details, output_name, len(classes))
        )
        self._others: list[_Interpreter] = []
        self._lock = threading.Lock()

    @property
    def content(self) -> bytes:
        """The content of the file."""
        return self._file if isinstance(self._file, bytes) else self._file.content

    @property
    def shapes(self) -> tuple[tuple[int | None, ...], tuple[int | None, ...]]:
        """The shapes of the model's input and output; None for a size that may vary."""
        return self.input.shape, self.output.shape

    def inner(self, tensor: int) -> LiteRTEngine:
        """Return the model with a tensor inside it as its output, for `outputs`.

        Args:
            tensor: The number of the tensor; it has a batch.
        """
        return LiteRTEngine(
            with_output(self.content, tensor), self.classes, self.spec, output_name=None
        )

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return the output for uint8 images (batch, height, width, channels)."""
        return model_output(
            self.outputs(images),
            len(self.classes),
            multi_label=self.decision.multi_label,
            activation=self.activation,
            step=self.output.scale,
        )

    def outputs(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the output tensor for uint8 images, float32 (batch, units)."""
        batch = self.input.batch or self._interpreter.batch or _fast_batch(images)
        parts = [images[at : at + batch] for at in range(0, len(images), batch)]
        try:
            with self._lock:
                crew = self._crew() if len(images) >= _MANY else self._others
                if not crew or len(parts) == 1:
                    found = [self._compute(self._interpreter, part) for part in parts]
                else:
                    found = self._side_by_side(crew, parts)
                return np.concatenate(found)
        except (RuntimeError, ValueError) as error:  # LiteRT's
            raise cannot_run(error) from error

    def _crew(self) -> list[_Interpreter]:
        """Return interpreters that share the cores; none if the file is too large for several."""
        file = self._file
        if not isinstance(file, bytes):
            return []
        cores = usable_cores()
        count = min(cores, min(cores * _WEIGHTS_EACH, _WEIGHTS) // len(file))
        if count > 1 and not self._others:
            with suppress_native_stderr():
                self._others = [_Interpreter(file, cores // count) for _ in range(count)]
        return self._others

    def _side_by_side(
        self, crew: Sequence[_Interpreter], parts: Sequence[NDArray[np.uint8]]
    ) -> list[NDArray[np.float32]]:
        """Return the output for each part, in order; an interpreter takes the next that is left."""
        from concurrent.futures import ThreadPoolExecutor

        found: dict[int, NDArray[np.float32]] = {}
        left = deque(range(len(parts)))

        def work(interpreter: _Interpreter) -> None:
            while True:
                try:
                    place = left.popleft()
                except IndexError:
                    return
                found[place] = self._compute(interpreter, parts[place])

        with ThreadPoolExecutor(len(crew)) as pool:
            deque(pool.map(work, crew), maxlen=0)
        return [found[place] for place in range(len(parts))]

    def _compute(
        self, interpreter: _Interpreter | PackedInterpreter, images: NDArray[np.uint8]
    ) -> NDArray[np.float32]:
        """Return the output for images that go through the model at once; a batch is filled up."""
        missing = max(self.input.batch - len(images), 0)
        filled = np.concatenate([images, np.repeat(images[-1:], missing, 0)]) if missing else images
        output = interpreter.compute(self.input, self.input.from_pixels(filled), self.output)
        if not self.output.fits(output.shape, len(filled)):
            raise ValueError(f"its output has the shape {output.shape}, not the one it declares")
        return self.output.to_numbers(output)[: len(images)]


class _Interpreter:
    """A file as LiteRT has loaded it, which computes with some threads.

    loaded: what describes the model. batch: how many images it takes at once; 0 for any number.
    """

    batch = 0

    def __init__(self, content: bytes, threads: int) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.loaded = Interpreter(model_content=content, num_threads=threads)
        self._allocated: tuple[int, ...] | None = None

    def compute(
        self, given: LiteRTTensor, values: NDArray[Any], output: LiteRTTensor
    ) -> NDArray[Any]:
        """Return an output for the values of the input, those of a batch of images."""
        self._allocate(given, values.shape)
        self.loaded.set_tensor(given.index, values)
        self.loaded.invoke()
        found: NDArray[Any] = self.loaded.get_tensor(output.index)
        return found

    def _allocate(self, given: LiteRTTensor, shape: tuple[int, ...]) -> None:
        if shape == self._allocated:
            return
        self._allocated = None
        with suppress_native_stderr():
            if not given.batch:
                self.loaded.resize_tensor_input(given.index, shape)
            self.loaded.allocate_tensors()
        self._allocated = shape


def _interpreter(file: bytes | PackedModel, threads: int) -> _Interpreter | PackedInterpreter:
    if isinstance(file, bytes):
        return _Interpreter(file, threads)
    from imgrec.runtime.packed_model import PackedInterpreter

    return PackedInterpreter(file, threads)


def _fast_batch(images: NDArray[np.uint8]) -> int:
    """Return how many images go through the model at once; the answers are the same bit for bit."""
    count, height, width, _ = images.shape
    return max(1, min(_PIXELS // int(height * width), int(count)))


def open_litert(run: Run, precision: str = "float32", *, packed: bool = False) -> LiteRTEngine:
    """Return the engine of a run's LiteRT file.

    Args:
        run: The run.
        precision: Which of its files.
        packed: Whether a large file is kept in the cache folder with packed weights; see
            `EngineOptions`.

    Raises:
        RunError: The file can't be read, differs from the one that the card describes, or does not
            load.
        ImportError: `ai-edge-litert` is not installed.
    """
    path, hint, card = run.path / FILES[precision], litert_hint(run, precision), run.card

    def verify(content: bytes) -> None:
        compare_hash(sha256(content), path, card, hint)

    engine = _open_packed(path, card, hint) if packed else None
    if engine is None:
        content = read_litert(path, verify)
        try:
            engine = litert_engine(content, card)
        except RunError as error:
            raise RunError(f"{printable(str(path))}: {error.message}", hint=error.hint) from error
    check_shapes(path, *engine.shapes, card, hint)
    return engine


def _open_packed(path: Path, card: Card, hint: str) -> LiteRTEngine | None:
    """Return the engine of a large file; None if it is not large, or can't be opened so."""
    identity = card.hashes.get(path.name)
    try:
        if identity is None or path.stat().st_size < _LARGE:
            return None
        from concurrent.futures import ThreadPoolExecutor

        from imgrec.runtime.packed_model import packed_model

        with ThreadPoolExecutor(1) as pool:
            found = pool.submit(sha256_of, path)  # meanwhile, the model is loaded from the cache
            spec = image_spec(card)
            image = (spec.height, spec.width, spec.channels)
            model = packed_model(path, identity, image)
            engine = None if model is None else litert_engine(model, card)
            compare_hash(found.result(), path, card, hint)
    except (OSError, RunError, RuntimeError):  # said by whoever opens it otherwise
        return None
    return engine


def litert_engine(file: Path | bytes | PackedModel, card: Card) -> LiteRTEngine:
    """Return the engine of a LiteRT file that is used as a card says; see LiteRTEngine."""
    origin = card.origin
    return LiteRTEngine(
        file,
        card.classes,
        image_spec(card),
        decision_of(card),
        activation=origin.activation if origin else None,
        output_name=origin.output_name if origin else "",
    )


def cannot_run(error: Exception) -> RunError:
    """Return the error for a model that LiteRT loads but can't run, with LiteRT's reason."""
    reason = printable(str(error)) or "it gives no reason, as if there is too little memory"
    return RunError(f"LiteRT can't run the model: {reason}")


def litert_hint(run: Run, precision: str) -> str:
    """Return how to get the LiteRT file of a run if it is missing or damaged."""
    derived = run.card.quick and precision != "float32"  # export computes it from the float32 file
    if not derived and not (run.path / BEST_MODEL).is_file():
        return restore_hint(run)
    wanted = "" if precision == "float32" else f" --precision {precision}"
    command = f"`imgrec export {printable(shlex.quote(str(run.path)))}{wanted}` writes it"
    return command if has_tensorflow() else f"{command}, with TensorFlow: `pip install imgrec`"
