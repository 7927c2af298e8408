"""A classifier made fully convolutional: what each place of a picture shows, in one pass.

Long, Shelhamer and Darrell, "Fully Convolutional Networks for Semantic Segmentation", 2015. The
first dense layer after Flatten becomes a convolution as large as the map that was flattened, those
after it become 1x1 convolutions; a global pooling becomes one that slides. A place then has the
answer that the classifier gives for the window around it, but for what its convolutions see beyond
the window's edge, where it saw the padding, and for squeeze-and-excitation, which looks at all of
the picture: a pooling that has a part in a map again is left as it is.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import RunError
from imgrec.explanation.graph import is_convolution, traverse

_OTHERS = "windows and occlusion ask any model: --method windows"
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
        """Raise RunError for a model without convolutions, or that is no graph of layers."""
        self._model = model
        self._sizes: dict[int, tuple[int, int]] = {}
        self._weighing: set[int] = set()
        self._rewritten: dict[int, Any] = {}
        self._measure()

    def __call__(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the answers at each place, float32 (rows, columns, columns of the model).

        pixels: (height, width, channels), at least as large as what the model takes; of that
        size it is one answer, the model's. Raises RunError where a layer can't be rewritten.
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
            raise RunError("dense can't rewrite a model that is no graph of layers") from error
        if not convolutions:
            raise RunError("the model has no convolution for dense to slide", hint=_OTHERS)

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
                f"dense can't join what {layer.name} takes: maps of different sizes", hint=_OTHERS
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
                hint=_OTHERS,
            )
        if id(layer) not in self._rewritten:
            self._rewritten[id(layer)] = _Copied(layer)
        return self._rewritten[id(layer)]


@dataclass
class _Copied:
    """A layer made anew from another, since that was built for another number of axes."""

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
        hint=_OTHERS,
    )


def _on_larger(layer: Any, *tensors: Any, **arguments: Any) -> Any:
    """Return what a layer makes of a larger map; raise RunError where it takes one size alone."""
    import tensorflow as tf

    try:
        return layer(*tensors, **arguments)
    except (ValueError, tf.errors.InvalidArgumentError) as error:
        raise RunError(
            f"dense can't use the {type(layer).__name__} {layer.name}: "
            "it takes maps of one size alone",
            hint=_OTHERS,
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
    """Say whether a layer pools all of a map."""
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
