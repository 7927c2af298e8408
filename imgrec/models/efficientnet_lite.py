"""EfficientNet-Lite, as a Keras model and as a LiteRT file.

Source: Tan and Le, EfficientNet, 2019; the Lite variants have no squeeze-excitation, ReLU6 in place
of swish, and a stem, a first and a last stage that are not scaled. Layers have the names that Keras
gives those of EfficientNetB0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from imgrec.models.litert import LiteRTWriter, with_head

SCALE, OFFSET = 1 / 128, -127 / 128
"""What the network takes: a pixel from 0 to 255, times SCALE, plus OFFSET."""

_Tensors = Mapping[str, NDArray[Any]]

_EPSILON = 1e-3
_CLASSES = 1000

# How many times as many channels and layers as EfficientNet-Lite0 has.
_WIDTH_AND_DEPTH = {"EfficientNetLite0": (1.0, 1.0), "EfficientNetLite2": (1.1, 1.2)}


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expansion: int
    filters: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)
_STEM, _TOP = 32, 1280


class _Convolution(NamedTuple):
    """A convolution without bias, its batch normalization and, if it has a name, ReLU6.

    name, norm, activation: of the layers. weights, norm_weights: their names in the file of
    weights. filters: 0 for a depthwise convolution.
    """

    name: str
    norm: str
    activation: str | None
    weights: str
    norm_weights: str
    filters: int
    kernel: int = 1
    stride: int = 1


class _Block(NamedTuple):
    """Convolutions, one after the other, to whose output the input is added if `add` is a name."""

    convolutions: tuple[_Convolution, ...]
    add: str | None = None


def keras_network(
    name: str, shape: tuple[int, int, int], tensors: _Tensors | None, *, top: bool
) -> Any:
    """Return the network as a Keras model.

    Args:
        name: `EfficientNetLite0` or `EfficientNetLite2`.
        shape: Height, width and channels of the preprocessed images.
        tensors: The ImageNet weights; None for random ones.
        top: Whether its classifier of 1,000 classes is part of it.
    """
    import keras

    images = keras.Input(shape, name="images")
    features = images
    for block in _blocks(name):
        features = _in_keras(block, features)
    if top:
        features = keras.layers.GlobalAveragePooling2D(name="avg_pool")(features)
        dense = keras.layers.Dense(_CLASSES, activation="softmax", name="predictions")
        features = dense(features)
    model = keras.Model(images, features, name=name.lower())
    if tensors is not None:
        for layer, arrays in _keras_weights(name, tensors, top=top):
            model.get_layer(layer).set_weights(arrays)
    return model


def litert_features(name: str, size: int, tensors: _Tensors) -> bytes:
    """Return a LiteRT file from pixels to features, which are averaged over the image.

    Batch normalizations are part of the convolutions.

    Args:
        name: `EfficientNetLite0` or `EfficientNetLite2`.
        size: Height and width of the images in pixels.
        tensors: The ImageNet weights.
    """
    model = LiteRTWriter()
    pixels = model.input((size, size, 3), "pixels")
    features = model.add_constant(model.multiply(pixels, SCALE, "scale"), OFFSET, "rescale")
    for block in _blocks(name):
        features = _in_litert(block, features, model, tensors)
    return model.content(model.mean(features, "avg_pool"))


def litert_classifier(name: str, size: int, tensors: _Tensors) -> bytes:
    """Return a LiteRT file from pixels to the probabilities of 1,000 classes.

    The arguments are those of `litert_features`.
    """
    features = litert_features(name, size, tensors)
    return with_head(features, tensors["_fc.weight"].T, tensors["_fc.bias"])


def _blocks(name: str) -> Iterator[_Block]:
    width, depth = _WIDTH_AND_DEPTH[name]
    yield _Block((_convolution("stem_{}", "_conv_stem", "_bn0", _STEM, kernel=3, stride=2),))
    channels, number = _STEM, 0
    for at, stage in enumerate(_STAGES):
        fixed = at in (0, len(_STAGES) - 1)
        filters = _rounded(stage.filters * width)
        for repeat in range(stage.repeats if fixed else math.ceil(stage.repeats * depth)):
            stride = stage.stride if repeat == 0 else 1
            prefix = f"block{at + 1}{chr(ord('a') + repeat)}_"
            scaled = stage._replace(stride=stride, filters=filters)
            convolutions = _inverted(prefix, f"_blocks.{number}.", scaled, channels)
            adds = stride == 1 and channels == filters
            yield _Block(tuple(convolutions), f"{prefix}add" if adds else None)
            channels, number = filters, number + 1
    yield _Block((_convolution("top_{}", "_conv_head", "_bn1", _TOP),))


def _inverted(prefix: str, weights: str, stage: _Stage, channels: int) -> Iterator[_Convolution]:
    """Yield the convolutions of an inverted residual block that takes so many channels."""
    if stage.expansion > 1:
        wide = channels * stage.expansion
        yield _convolution(f"{prefix}expand_{{}}", f"{weights}_expand_conv", f"{weights}_bn0", wide)
    yield _convolution(
        f"{prefix}{{}}",
        f"{weights}_depthwise_conv",
        f"{weights}_bn1",
        0,
        kernel=stage.kernel,
        stride=stage.stride,
    )
    projection = _convolution(
        f"{prefix}project_{{}}", f"{weights}_project_conv", f"{weights}_bn2", stage.filters
    )
    yield projection._replace(activation=None)


def _convolution(
    form: str, weights: str, norm_weights: str, filters: int, kernel: int = 1, stride: int = 1
) -> _Convolution:
    names = form.format("conv" if filters else "dwconv"), form.format("bn")
    activation = form.format("activation")
    return _Convolution(*names, activation, weights, norm_weights, filters, kernel, stride)


def _rounded(filters: float) -> int:
    """Return a multiple of 8 that is at least nine tenths of a number of filters."""
    nearest = max(8, int(filters + 4) // 8 * 8)
    return nearest if nearest >= 0.9 * filters else nearest + 8


def _in_keras(block: _Block, features: Any) -> Any:
    from keras import layers

    inputs = features
    for each in block.convolutions:
        arguments = {"strides": each.stride, "padding": "same", "use_bias": False}
        if each.filters:
            layer = layers.Conv2D(each.filters, each.kernel, name=each.name, **arguments)
        else:
            layer = layers.DepthwiseConv2D(each.kernel, name=each.name, **arguments)
        features = layers.BatchNormalization(epsilon=_EPSILON, name=each.norm)(layer(features))
        if each.activation is not None:
            features = layers.ReLU(6, name=each.activation)(features)
    return features if block.add is None else layers.Add(name=block.add)([inputs, features])


def _keras_weights(
    name: str, tensors: _Tensors, *, top: bool
) -> Iterator[tuple[str, list[NDArray[Any]]]]:
    for block in _blocks(name):
        for each in block.convolutions:
            kernel = tensors[f"{each.weights}.weight"]
            axes = (2, 3, 1, 0) if each.filters else (2, 3, 0, 1)
            yield each.name, [kernel.transpose(axes)]
            yield each.norm, _normalization(each, tensors)
    if top:
        yield "predictions", [tensors["_fc.weight"].T, tensors["_fc.bias"]]


def _normalization(convolution: _Convolution, tensors: _Tensors) -> list[NDArray[Any]]:
    """Return gamma, beta, mean and variance."""
    kinds = ("weight", "bias", "running_mean", "running_var")
    return [tensors[f"{convolution.norm_weights}.{kind}"] for kind in kinds]


def _in_litert(block: _Block, features: int, model: LiteRTWriter, tensors: _Tensors) -> int:
    inputs = features
    for each in block.convolutions:
        kernel = tensors[f"{each.weights}.weight"].astype(np.float64)
        gamma, beta, mean, variance = (
            array.astype(np.float64) for array in _normalization(each, tensors)
        )
        factor = gamma / np.sqrt(variance + _EPSILON)
        folded = kernel * factor[:, None, None, None]
        append, axes = (
            (model.convolution, (0, 2, 3, 1))
            if each.filters
            else (model.depthwise_convolution, (1, 2, 3, 0))
        )
        features = append(
            features,
            folded.transpose(axes),
            beta - mean * factor,
            each.stride,
            each.activation or each.norm,
            relu6=each.activation is not None,
        )
    return features if block.add is None else model.add(inputs, features, block.add)
