"""Grad-CAM: where a network sees a class, and at which size it looks at a picture.

At the size that a classifier takes, one of several things in a picture is a few places of the last
map, or is cropped away. A network that pools globally takes pictures of any size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.explanation.graph import is_convolution, method_for_any_model, traverse
from imgrec.explanation.values import Picture, ViewedRegion

_SAME = 1e-6


def gradcam(model: Any, pixels: NDArray[np.uint8], *columns: int) -> NDArray[np.float32]:
    """Return how much each place supports a class, float32 (rows, columns), 0 to 1.

    Args:
        model: A Keras model that takes pixels from 0 to 255 and returns probabilities.
        pixels: uint8 (height, width, channels).
        *columns: The column of the class; several for classes that count as one.

    Returns:
        A map of the size of the last convolution's output, taken after the layers that keep that
        size (normalisation, activation, sums). It is 0 everywhere if nothing supports the class.

    Raises:
        RunError: The model has no convolutions.
    """
    import tensorflow as tf

    images = tf.constant(pixels[np.newaxis].astype(np.float32))
    trace = _Trace()
    with tf.GradientTape() as tape:
        tape.watch(images)
        output = _answer(model, images, trace)
        by_logits = trace.explains(output)
        score = _score(trace.logits if by_logits else output, columns, logits=by_logits)
    features = trace.features()
    gradient = tape.gradient(score, features)
    if gradient is None:
        raise RunError(
            "the answer does not depend on the last convolution", hint=method_for_any_model()
        )
    weights = tf.reduce_mean(gradient, axis=(1, 2))
    heat = tf.nn.relu(tf.einsum("bhwc,bc->hw", features, weights)).numpy()
    return np.asarray(heat / max(float(heat.max()), np.finfo(np.float32).tiny), np.float32)


@dataclass
class _Trace:
    """The outputs of a model's layers.

    maps: each feature map, and whether it is the output of a convolution. logits, probabilities:
    the input and the output of the last softmax or sigmoid.
    """

    maps: list[tuple[bool, Any]] = field(default_factory=list)
    logits: Any = None
    probabilities: Any = None

    def apply(self, layer: Any, *tensors: Any, **arguments: Any) -> Any:
        output = layer(*tensors, **arguments)
        shape = getattr(output, "shape", ())
        if len(shape) == 4:
            self.maps.append((is_convolution(layer), output))
        elif len(shape) == 2 and _ends(layer):
            self.logits, self.probabilities = _before(layer, tensors[0]), output
        return output

    def explains(self, output: Any) -> bool:
        """Return whether the output is that of the last softmax, not a mean of several, say.

        It may have further columns, and a single unit may have become two classes.
        """
        if self.probabilities is None:
            return False
        (answers,), (last,) = np.asarray(output), np.asarray(self.probabilities)
        if len(last) == 1 < len(answers):
            last = np.array([1 - last[0], last[0]])
        answers = answers[: len(last)]
        return len(answers) == len(last) and np.allclose(answers, last, atol=_SAME)

    def features(self) -> Any:
        """Return the last map that has the size of the last convolution larger than a point."""
        found = [each for convolution, each in self.maps if convolution]
        if not found:
            raise RunError(
                "the model has no convolution for gradcam to look into", hint=method_for_any_model()
            )
        wide = [each for each in found if max(each.shape[1:3]) > 1] or found
        size = wide[-1].shape[1:3]
        return next(each for _, each in reversed(self.maps) if each.shape[1:3] == size)


def _answer(model: Any, images: Any, trace: _Trace) -> Any:
    try:
        return traverse(model, images, trace.apply)
    except AttributeError as error:
        raise RunError("gradcam can't look into a model that is not a graph of layers") from error


def _ends(layer: Any) -> bool:
    from keras import activations, layers

    ending = (activations.softmax, activations.sigmoid)
    return isinstance(layer, layers.Softmax) or getattr(layer, "activation", None) in ending


def _before(layer: Any, entering: Any) -> Any:
    """Return what enters the layer's softmax or sigmoid: a sure answer has gradients only there."""
    import keras

    if not isinstance(layer, keras.layers.Dense):
        return entering
    product = keras.ops.matmul(entering, layer.kernel)
    return product if layer.bias is None else product + layer.bias


def _score(output: Any, columns: Sequence[int], *, logits: bool) -> Any:
    """Return the score of a class, or of several as one.

    A single unit is for the second of two classes. Of several classes, probabilities are added;
    of logits, the logarithm of the sum of the exponentials is taken.
    """
    import tensorflow as tf

    if output.shape[-1] == 1:
        return output[:, 0] if columns[0] else -output[:, 0]
    if len(columns) == 1:
        return output[:, columns[0]]
    found = tf.gather(output, columns, axis=1)
    return tf.reduce_logsumexp(found, axis=1) if logits else tf.reduce_sum(found, axis=1)


# Larger, a thing that fills a picture is known by nothing but its parts.
_MOST = 2.0
_LONGEST = 4
# Sizes that differ by this are halved alike five times, which padding made for one size needs.
_STEP = 32


def takes_any_size(model: Any) -> bool:
    """Return whether a Keras model answers for larger pictures too, once for each."""
    import tensorflow as tf

    height, width, channels = model.input_shape[1:]
    larger = tf.zeros((1, height + _STEP, width + _STEP, channels))
    try:
        answers = traverse(model, larger, lambda layer, *given, **named: layer(*given, **named))
    except (AttributeError, ValueError, tf.errors.InvalidArgumentError):
        return False
    return tuple(answers.shape) == (1, *model.output_shape[1:])


def in_own_size(picture: Picture, spec: ImageSpec) -> tuple[NDArray[np.uint8], ViewedRegion]:
    """Return the pixels, uint8 (height, width, channels), of all of a picture, and what they show.

    They keep the picture's aspect ratio and, as far as it is not smaller than what the model takes
    nor over twice as large, its size. Where one side is over 4 times the other it is what the model
    takes: the whole would be tiny, or huge.
    """
    width, height = picture.image.size
    if max(width, height) > _LONGEST * min(width, height):
        return picture.pixels, ViewedRegion(picture.seen, (spec.width, spec.height))
    fitting = min(width / spec.width, height / spec.height)
    scale = min(max(fitting, 1.0), _MOST) / fitting
    size = _stepped(width * scale, spec.width), _stepped(height * scale, spec.height)
    pixels = replace(spec, width=size[0], height=size[1]).crop(picture.image, picture.whole)
    return pixels, ViewedRegion(picture.whole, size)


def _stepped(side: float, own: int) -> int:
    step = min(_STEP, own)
    return own + step * int(np.rint((side - own) / step))
