"""What each place of a picture shows, by a fully convolutional network."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import BadImage, RunError
from imgrec.explanation.graph import is_convolution, method_for_any_model, traverse
from imgrec.explanation.values import Area, Detection, Heat, Picture, Segments, regions
from imgrec.explanation.windows import largest_window
from imgrec.runtime.keras_engine import KerasEngine
from imgrec.runtime.merged_classes import MergedClasses
from imgrec.runtime.outputs import model_output
from imgrec.scores import Decision

_ONE = (1, 1)


@dataclass(frozen=True)
class _Vectors:
    """A map in which each place holds what was one vector.

    window: the (height, width) of the map around a place that the vector is yet to be gathered
    from, as Flatten did.
    """

    map: Any
    window: tuple[int, int] = _ONE


class FullyConvolutional:
    """A Keras model from pixels of 0 to 255 to answers, for pictures of any size.

    It shares the model's layers up to the first dense one; the rest are copies.
    """

    def __init__(self, model: Any) -> None:
        """Raise RunError for a model without convolutions, or that is not a graph of layers."""
        self._model = model
        self._sizes: dict[int, tuple[int, int]] = {}
        self._weighing: set[int] = set()
        self._rewritten: dict[int, Any] = {}
        self._measure()

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the answers at each place, float32 (rows, columns, columns of the model).

        pixels: (height, width, channels), at least as large as what the model takes; of that
        size it is one answer, the model's. Raises RunError if a layer can't be rewritten.
        """
        from keras import ops

        images = ops.convert_to_tensor(pixels[np.newaxis].astype(np.float32))
        found = traverse(self._model, images, self._apply)
        if not isinstance(found, _Vectors):
            raise no_map()
        (answers,) = np.asarray(self._gathered(found), np.float32)
        return np.asarray(answers)

    def _measure(self) -> None:
        """Note the height and width of what enters each layer at the size that the model takes.

        Also which poolings weigh the channels of a map: they have a part in it.
        """
        from keras import ops, tree

        convolutions: list[Any] = []
        # By the tensor's identity; it is kept, for another one not to get that.
        pooled_into: dict[int, tuple[Any, set[int]]] = {}

        def apply(layer: Any, *tensors: Any, **arguments: Any) -> Any:
            entering = tree.flatten(tensors)
            if entering and _is_map(entering[0]):
                self._sizes[id(layer)] = tuple(entering[0].shape[1:3])
            convolutions.extend([layer] if is_convolution(layer) else [])
            output = layer(*tensors, **arguments)
            poolings = {by for each in entering for by in pooled_into.get(id(each), (None, ()))[1]}
            if _is_map(output) and max(output.shape[1:3]) > 1:
                self._weighing |= poolings
            pooled_into[id(output)] = output, poolings | ({id(layer)} if _pools(layer) else set())
            return output

        try:
            traverse(self._model, ops.zeros((1, *self._model.input_shape[1:])), apply)
        except AttributeError as error:
            raise RunError("dense can't rewrite a model that is not a graph of layers") from error
        if not convolutions:
            raise RunError(
                "the model has no convolution for dense to slide", hint=method_for_any_model()
            )

    def _apply(self, layer: Any, *tensors: Any, **arguments: Any) -> Any:
        entering = tensors[0] if tensors else None
        if isinstance(entering, list | tuple) and any(isinstance(x, _Vectors) for x in entering):
            return self._merged(layer, entering)
        if isinstance(entering, _Vectors):
            return self._after(layer, entering)
        if _flattens(layer):
            return _Vectors(entering, self._sizes[id(layer)])
        if _pools(layer) and id(layer) not in self._weighing:
            slid = self._sliding(layer)(entering)
            return slid if layer.keepdims else _Vectors(slid)
        return _on_larger(layer, *tensors, **arguments)

    def _after(self, layer: Any, entering: _Vectors) -> Any:
        """Apply a layer to vectors; one that makes a map of each vector again gives a map."""
        from keras import layers, ops

        if isinstance(layer, _passing()):
            return entering
        if isinstance(layer, layers.Dense):
            return _Vectors(self._convolution(layer, entering)(entering.map))
        gathered = self._gathered(entering)
        if _unflattens(layer):
            return gathered
        # How familiar a picture is: the largest of its cosines, made a sequence for the pooling.
        if isinstance(layer, layers.Reshape) and layer.target_shape[-1] == 1:
            return _Vectors(gathered)
        if isinstance(layer, layers.GlobalMaxPooling1D):
            return _Vectors(ops.max(gathered, axis=-1, keepdims=True))
        return _Vectors(self._copy(layer)(gathered))

    def _merged(self, layer: Any, entering: Any) -> _Vectors:
        from keras import layers

        maps = [self._gathered(each) for each in entering]
        if len({tuple(each.shape[1:3]) for each in maps}) > 1:
            raise RunError(
                f"dense can't join what {layer.name} takes: maps of different sizes",
                hint=method_for_any_model(),
            )
        if isinstance(layer, layers.Concatenate):
            return _Vectors(layers.Concatenate(axis=-1)(maps))
        return _Vectors(self._copy(layer)(maps))

    def _gathered(self, vectors: _Vectors) -> Any:
        """Return the map whose places hold whole vectors, in Flatten's order."""
        from keras import ops

        if vectors.window == _ONE:
            return vectors.map
        (height, width), extent = vectors.window, vectors.map.shape[1:3]
        rows, columns = extent[0] - height + 1, extent[1] - width + 1
        parts = [
            vectors.map[:, top : top + rows, left : left + columns]
            for top, left in itertools.product(range(height), range(width))
        ]
        return ops.concatenate(parts, axis=-1)

    def _sliding(self, layer: Any) -> Any:
        from keras import layers

        average = isinstance(layer, layers.GlobalAveragePooling2D)
        kind = layers.AveragePooling2D if average else layers.MaxPooling2D
        return kind(self._sizes[id(layer)], strides=1)

    def _convolution(self, layer: Any, entering: _Vectors) -> Any:
        """Return the dense layer as a convolution over the window, with the same weights."""
        from keras import layers

        if id(layer) not in self._rewritten:
            shape = (*entering.window, entering.map.shape[-1], layer.units)
            kernel, *bias = layer.get_weights()
            convolution = layers.Conv2D(
                layer.units, entering.window, activation=layer.activation, use_bias=layer.use_bias
            )
            convolution.build(entering.map.shape)
            convolution.set_weights([kernel.reshape(shape), *bias])
            self._rewritten[id(layer)] = convolution
        return self._rewritten[id(layer)]

    def _copy(self, layer: Any) -> Any:
        """Return a layer that does to the last axis of a map what `layer` does to vectors."""
        if not isinstance(layer, _elementwise()) or getattr(layer, "axis", -1) not in (-1, [-1]):
            raise RunError(
                f"dense can't write a {type(layer).__name__} after the flattening as a convolution",
                hint=method_for_any_model(),
            )
        if id(layer) not in self._rewritten:
            self._rewritten[id(layer)] = _Copied(layer)
        return self._rewritten[id(layer)]


@dataclass
class _Copied:
    """A copy of a layer; the original was built for another number of axes."""

    layer: Any
    made: Any = field(default=None)

    def __call__(self, entering: Any) -> Any:
        if self.made is None:
            self.made = type(self.layer).from_config(self.layer.get_config())
            self.made(entering)
            self.made.set_weights(self.layer.get_weights())
        return self.made(entering)


def no_map() -> RunError:
    """Return the error for a model that makes one vector of a picture of any size."""
    return RunError(
        "dense finds no map: the model pools all of the picture before its last layers",
        hint=method_for_any_model(),
    )


def _on_larger(layer: Any, *tensors: Any, **arguments: Any) -> Any:
    """Return what a layer makes of a larger map; raise RunError if it takes one size alone."""
    import tensorflow as tf

    try:
        return layer(*tensors, **arguments)
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        raise RunError(
            f"dense can't use the {type(layer).__name__} {layer.name}: "
            "it takes maps of one size alone",
            hint=method_for_any_model(),
        ) from error


def _is_map(tensor: Any) -> bool:
    return len(getattr(tensor, "shape", ())) == 4


def _flattens(layer: Any) -> bool:
    from keras import layers

    reshapes = isinstance(layer, layers.Reshape) and len(layer.target_shape) == 1
    return reshapes or isinstance(layer, layers.Flatten)


def _unflattens(layer: Any) -> bool:
    from keras import layers

    return isinstance(layer, layers.Reshape) and layer.target_shape[:2] == _ONE


def _pools(layer: Any) -> bool:
    """Return whether a layer pools all of a map."""
    from keras import layers

    return isinstance(layer, layers.GlobalAveragePooling2D | layers.GlobalMaxPooling2D)


def _passing() -> tuple[type, ...]:
    """Return the layers that leave vectors as they are, but for their shape."""
    from keras import layers

    noisy = layers.Dropout, layers.GaussianDropout, layers.GaussianNoise, layers.AlphaDropout
    return (*noisy, layers.ActivityRegularization, layers.Flatten, layers.Identity)


def _elementwise() -> tuple[type, ...]:
    from keras import layers

    return (
        *(layers.Activation, layers.ReLU, layers.LeakyReLU, layers.ELU, layers.Softmax),
        *(layers.BatchNormalization, layers.LayerNormalization, layers.UnitNormalization),
        *(layers.Rescaling, layers.Add, layers.Multiply, layers.Average, layers.Subtract),
        *(layers.Maximum, layers.Minimum),
    )


ENLARGED = 2.0
"""How many times as large as what the model takes the picture is at least: what fills half of its
shorter side fills a window."""

_LONGEST = 16


def segments(
    network: FullyConvolutional,
    engine: KerasEngine,
    picture: Picture,
    decision: Decision,
    merging: MergedClasses | None = None,
) -> Segments:
    """Return the classes that each place of a picture shows.

    The picture keeps its aspect ratio. Beyond the middle of the outermost windows their answers
    are repeated.

    Args:
        network: The engine's model.
        engine: The model.
        picture: The picture.
        decision: How the probabilities of a place become labels.
        merging: Classes that count as one; None for those of the model.

    Raises:
        BadImage: The picture is smaller than half of the model's input, or one side is 16 times as
            long as the other.
        RunError: The network has one answer for any picture.
    """
    spec, larger = engine.spec, enlarged(picture, engine.spec)
    answers = network(larger.crop(picture.image, picture.whole))
    rows, columns, _ = answers.shape
    if rows == columns == 1:
        raise no_map()
    output = model_output(
        answers.reshape(rows * columns, -1),
        len(engine.classes),
        multi_label=decision.multi_label,
    )
    if merging is not None:
        output = output._replace(probabilities=merging.sums(output.probabilities))
    named = decision.decide(output.probabilities, output.ood_similarity)
    (left, right, across), (top, bottom, down) = (
        _reach(columns, spec.width / larger.width),
        _reach(rows, spec.height / larger.height),
    )
    pad = (down, down), (across, across)
    width, height = picture.image.size
    return Segments(
        np.pad(output.probabilities.reshape(rows, columns, -1), (*pad, (0, 0)), "edge"),
        np.pad(named.reshape(rows, columns, -1), (*pad, (0, 0)), "edge"),
        Area(left * width, top * height, right * width, bottom * height),
    )


def enlarged(picture: Picture, spec: ImageSpec) -> ImageSpec:
    """Return the form in which the network sees the picture; raises BadImage as `segments`."""
    width, height = picture.image.size
    if max(width, height) > _LONGEST * min(width, height):
        reason = f"{width}x{height} pixels: one side is over {_LONGEST} times the other"
        raise BadImage(picture.name, reason)
    scale = ENLARGED / largest_window((width, height), spec, picture.name)
    return replace(spec, width=round(width * scale), height=round(height * scale))


def things(found: Segments, classes: Sequence[str], size: tuple[int, int]) -> Iterator[Detection]:
    """Yield each connected region of a class, the largest of a class first.

    size: (width, height) of the picture. The score is the highest probability in the region's box
    where the class is.
    """
    for column in found.columns:
        mask = found.named[..., column]
        shown = Heat(np.where(mask, found.probabilities[..., column], 0), found.area)
        for area in regions(Heat(mask.astype(np.float32), found.area), size, 0.5):
            yield Detection(classes[column], float(shown.part(area).max()), area)


def shares(found: Segments, classes: Sequence[str], size: tuple[int, int]) -> dict[str, float]:
    """Return the share of the picture that shows each class, 0 to 1, the largest first."""
    pixels, all_pixels = found.pixels(size), size[0] * size[1]
    measured = {
        classes[column]: float(pixels[found.named[..., column]].sum() / all_pixels)
        for column in found.columns
    }
    falling = sorted(measured.items(), key=lambda each: -each[1])
    return {name: share for name, share in falling if share}


def _reach(cells: int, window: float) -> tuple[float, float, int]:
    """Return from where to where cells reach along a side, as shares of it, and how many more.

    cells: of the network's map; window: the window's share of the side. The middles of the first
    and the last cell are those of the outermost windows; on each side as many more are needed to
    reach the picture's edge.
    """
    if cells == 1:
        return 0.0, 1.0, 0
    cell = (1 - window) / (cells - 1)
    more = math.ceil((window - cell) / 2 / cell)
    first = window / 2 - (more + 0.5) * cell
    return first, 1 - first, more
