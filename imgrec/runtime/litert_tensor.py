"""The input and the output of a LiteRT model: their types, shapes, scales and zero points."""

from __future__ import annotations

import shlex
from typing import Any, Literal, cast

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from imgrec.errors import RunError
from imgrec.text import count_of, join_few, printable

_PIXELS = 255
# Pixels that are scaled before the model lie within a few units of 0, those that are not up to 255.
_UNSCALED = 32
DType = Literal["float32", "float16", "uint8", "int8", "int16"]
_FLOATS = ("float32", "float16")
_INTEGERS = ("uint8", "int8", "int16")


class LiteRTTensor(Struct, frozen=True):
    """An input or an output of a LiteRT model.

    Args:
        index: Its number in the model.
        shape: Its shape; None for the batch, and for a size that may vary.
        batch: The number of images that the model takes at once; 0 for any.
        dtype: The type of its numbers.
        scale: The number that one step of an integer stands for; 0 for floats, and for integers
            that stand for themselves.
        zero_point: The integer that stands for 0.
    """

    index: int
    shape: tuple[int | None, ...]
    batch: int
    dtype: DType
    scale: float = 0.0
    zero_point: int = 0

    @property
    def pixel_range(self) -> tuple[float, float]:
        """The numbers that the model takes the pixels 0 and 255 for."""
        if not self.scale or self._takes_pixels:
            return 0, _PIXELS
        least = np.iinfo(self.dtype).min
        low, high = (self._number(least + pixel * self._stretch) for pixel in (0, _PIXELS))
        return low, high

    def fits(self, shape: tuple[int, ...], batch: int) -> bool:
        """Return whether values of a shape, which were computed for a batch, are of this tensor."""
        sizes = (batch, *self.shape[1:])
        return len(shape) == len(sizes) and all(
            declared in (None, size) for declared, size in zip(sizes, shape, strict=True)
        )

    def from_pixels(self, pixels: NDArray[np.uint8]) -> NDArray[Any]:
        """Return pixels as the tensor has them.

        A quantised model stretches the range of its own pixels over all integers. They are the
        numbers from 0 to 255, or those of a preprocessing before the model, such as -1 to 1.
        """
        if self.dtype in _FLOATS or not self.scale:
            return pixels.astype(self.dtype)
        limits = np.iinfo(self.dtype)
        if self._takes_pixels:
            integers = np.rint(pixels / np.float64(self.scale)) + self.zero_point
            return integers.clip(limits.min, limits.max).astype(self.dtype)
        return (limits.min + pixels.astype(np.int32) * self._stretch).astype(self.dtype)

    def to_numbers(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return the numbers that the values of the tensor stand for."""
        if not self.scale:
            return np.asarray(values, np.float32)
        return ((values.astype(np.float64) - self.zero_point) * self.scale).astype(np.float32)

    @property
    def _takes_pixels(self) -> bool:
        return self._number(np.iinfo(self.dtype).max) > _UNSCALED

    @property
    def _stretch(self) -> int:
        """How many integers there are for a pixel value."""
        limits = np.iinfo(self.dtype)
        return (limits.max - limits.min) // _PIXELS

    def _number(self, integer: int) -> float:
        return (integer - self.zero_point) * self.scale


def input_tensor(interpreter: Any) -> LiteRTTensor:
    """Return the input of a model; raise RunError unless it is the only one, and of pixels."""
    details = interpreter.get_input_details()
    if len(details) != 1:
        raise RunError(f"the model has {len(details)} inputs; an image classifier has one")
    found = _tensor(details[0], "takes")
    if not found.scale and found.dtype in ("int8", "int16"):
        raise _unusable(details[0], "takes", " without a scale")
    if found.dtype == "int16" and found.pixel_range != (0, _PIXELS):
        # Its zero point is always 0, whatever the range of the numbers.
        raise _unusable(details[0], "takes", " with a range that says nothing about pixels")
    return found


def output_tensor(interpreter: Any, name: str, classes: int) -> LiteRTTensor:
    """Return the output of a model.

    Args:
        interpreter: The model.
        name: The name of the output, in the model's signature or of its tensor; empty if there is
            only one.
        classes: The number of classes.

    Raises:
        RunError: There is no such output, or there are several and none is named.
    """
    outputs = _named_outputs(interpreter)
    if not outputs:
        raise RunError("the model has 0 outputs; an image classifier has one")
    shown = join_few([_in_words(*each) for each in outputs.items()], 10)
    if not outputs:
        raise RunError("the model has no output; an image classifier has one")
    if not name and len(outputs) > 1:
        raise RunError(
            f"the model has {count_of(len(outputs), 'output')}: {shown}",
            hint="name the one with the probabilities: "
            f"--output-name {printable(shlex.quote(_likely(outputs, classes)))}",
        )
    if name and name not in outputs:
        by_tensor = {detail["name"]: detail for detail in outputs.values()}
        if name not in by_tensor:
            raise RunError(
                f"the model has no output {printable(name)}", hint=f"its outputs are {shown}"
            )
        outputs = by_tensor
    return _output(outputs[name or next(iter(outputs))])


def first_output(interpreter: Any) -> LiteRTTensor:
    """Return the first output of a model; raise RunError if its numbers can't be read."""
    return _output(interpreter.get_output_details()[0])


def _output(detail: dict[str, Any]) -> LiteRTTensor:
    found = _tensor(detail, "gives")
    if not found.scale and found.dtype not in _FLOATS:
        raise _unusable(detail, "gives", " without a scale")
    return found


def _named_outputs(interpreter: Any) -> dict[str, dict[str, Any]]:
    """Return the details of the outputs by their names in the signature, else of the tensors."""
    signatures = interpreter.get_signature_list()
    if len(signatures) == 1:
        runner = interpreter.get_signature_runner(next(iter(signatures)))
        return dict(runner.get_output_details())
    return {detail["name"]: detail for detail in interpreter.get_output_details()}


def _likely(outputs: dict[str, dict[str, Any]], classes: int) -> str:
    """Return the name of the first output with a number for each class, if any has."""
    sizes = {name: [*each["shape_signature"]] for name, each in outputs.items()}
    fitting = (name for name in outputs if sizes[name][-1:] == [classes])
    return next(fitting, next(iter(outputs)))


def _in_words(name: str, detail: dict[str, Any]) -> str:
    sizes = " x ".join("any" if size < 0 else str(size) for size in detail["shape_signature"])
    return f"{printable(name)} ({sizes})"


def _tensor(detail: dict[str, Any], verb: str) -> LiteRTTensor:
    dtype = np.dtype(detail["dtype"]).name
    if dtype not in (*_FLOATS, *_INTEGERS):
        raise _unusable(detail, verb, "")
    if not len(detail["shape_signature"]):
        raise _unusable(detail, verb, " without a batch")
    batch, *sizes = (None if size < 0 else int(size) for size in detail["shape_signature"])
    scale, zero_point = detail["quantization"] if dtype in _INTEGERS else (0.0, 0)
    index = int(detail["index"])
    return LiteRTTensor(
        index, (None, *sizes), batch or 0, cast("DType", dtype), float(scale), int(zero_point)
    )


def _unusable(detail: dict[str, Any], verb: str, reason: str) -> RunError:
    return RunError(
        f"the model {verb} {np.dtype(detail['dtype']).name}{reason}",
        hint="convert it with inputs and outputs of float32, uint8 or int8",
    )
