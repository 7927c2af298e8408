"""The values of tensors inside a LiteRT model."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.models.litert import Graph, read_graph
from imgrec.parallel import usable_cores
from imgrec.runtime.litert_engine import LiteRTEngine, cannot_run
from imgrec.stderr import suppress_native_stderr


class LiteRTValues:
    """Another interpreter of an engine's model, whose tensors can be read; threads can share it.

    It keeps the values of all tensors, and computes without XNNPACK, which keeps none: it takes
    four times as long, and the last bits of its values may differ from the engine's. For a single
    tensor, see `LiteRTEngine.inner`.
    """

    def __init__(self, engine: LiteRTEngine) -> None:
        """Prepare the model for one image at a time.

        Args:
            engine: The model.

        Raises:
            RunError: LiteRT can't run it.
        """
        self._engine = engine
        self._batch = engine.input.batch or 1
        self._lock = threading.Lock()
        try:
            with suppress_native_stderr():
                self._interpreter = _interpreter(engine)
                if not engine.input.batch:
                    spec = engine.spec
                    shape = (1, spec.height, spec.width, spec.channels)
                    self._interpreter.resize_tensor_input(engine.input.index, shape)
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:  # LiteRT's
            raise cannot_run(error) from error

    @cached_property
    def graph(self) -> Graph:
        """The model's graph."""
        return read_graph(self._engine.content)

    @cached_property
    def shapes(self) -> dict[int, tuple[int, ...]]:
        """The shape of each tensor, with the batch, by its number, once an image was computed."""
        return {number: tuple(map(int, each["shape"])) for number, each in self._details.items()}

    def last(self, number: int) -> NDArray[np.float32]:
        """Return the values of a tensor for the last image, or constant ones such as weights."""
        values = self._interpreter.get_tensor(number)
        scaling = self._details[number]["quantization_parameters"]
        scales = np.asarray(scaling["scales"], np.float64)
        if values.dtype.kind == "f" or not scales.size:
            return np.asarray(values, np.float32)
        shape = [1] * values.ndim
        if scales.size > 1:
            shape[int(scaling["quantized_dimension"])] = scales.size
        zeros = np.asarray(scaling["zero_points"], np.float64)
        scaled = (values - zeros.reshape(shape)) * scales.reshape(shape)
        return np.asarray(scaled, np.float32)

    def of(self, image: NDArray[np.uint8], numbers: Sequence[int]) -> list[NDArray[np.float32]]:
        """Return the values of tensors for an image.

        Args:
            image: uint8 (height, width, channels).
            numbers: Of the tensors; each has a batch.

        Returns:
            float32, each in its shape without the batch.

        Raises:
            RunError: LiteRT can't run the model.
        """
        entering = self._engine.input
        images = np.repeat(image[np.newaxis], self._batch, axis=0)
        with self._lock:
            try:
                self._interpreter.set_tensor(entering.index, entering.from_pixels(images))
                self._interpreter.invoke()
            except (RuntimeError, ValueError) as error:  # LiteRT's
                raise cannot_run(error) from error
            return [self.last(each)[0] for each in numbers]

    @cached_property
    def _details(self) -> dict[int, dict[str, Any]]:
        return {int(each["index"]): each for each in self._interpreter.get_tensor_details()}


def _interpreter(engine: LiteRTEngine) -> Any:
    from ai_edge_litert.interpreter import Interpreter, OpResolverType

    return Interpreter(
        model_content=engine.content,
        num_threads=usable_cores(),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
