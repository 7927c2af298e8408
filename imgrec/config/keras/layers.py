"""The Keras layers that a config can list.

`seed` is not an argument here: the run's seed is used for every layer. The input and output layers
are added from `data` and `model.output`.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt

from imgrec.config.keras.moved import MOVED, instead_of
from imgrec.config.keras.named import Named, OneOf, table
from imgrec.sections.section import (
    ConfigFinding,
    Function,
    Initializer,
    Margin,
    Name,
    NonNegativeFloat,
    Padding,
    PositiveFloat,
    ProperFraction,
    Says,
    Size,
)


class L1(Named):
    """Adds `l1` times the sum of absolute weights to the loss."""

    positional: ClassVar[tuple[str, ...]] = ("l1",)
    l1: NonNegativeFloat = 0.01


class L2(Named):
    """Adds `l2` times the sum of squared weights to the loss."""

    positional: ClassVar[tuple[str, ...]] = ("l2",)
    l2: NonNegativeFloat = 0.01


class L1L2(Named):
    """Adds both penalties to the loss."""

    positional: ClassVar[tuple[str, ...]] = ("l1", "l2")
    l1: NonNegativeFloat = 0.0
    l2: NonNegativeFloat = 0.0


REGULARIZERS = table(L1, L2, L1L2)
Regularizer = Annotated[
    Named, OneOf("regularizer", REGULARIZERS, {name.lower(): name for name in REGULARIZERS})
]

LAYERS: dict[str, type[Named]] = {}
"""All layers: name -> class."""

Layer = Annotated[
    Named,
    OneOf(
        "layer",
        LAYERS,
        aliases={
            "Convolution2D": "Conv2D",
            "MaxPool2D": "MaxPooling2D",
            "AvgPool2D": "AveragePooling2D",
            "GlobalMaxPool2D": "GlobalMaxPooling2D",
            "GlobalAvgPool2D": "GlobalAveragePooling2D",
        },
        elsewhere={
            **{name: functools.partial(instead_of, name) for name in MOVED},
            "Softmax": "the output layer is added with model.output; leave Softmax out",
            "Add": "use Residual instead of Add",
            "Lambda": "Lambda runs code, which a config can't contain",
        },
    ),
]


_INPUT = "remove it: data.image_size and data.channels give the shape of the input"


class _Layer(Named):
    elsewhere: ClassVar[dict[str, str]] = {
        **dict.fromkeys(("input_shape", "batch_input_shape", "batch_shape", "input_dim"), _INPUT),
        "seed": "is not needed: every layer gets the run's seed",
        "data_format": "is not needed: images are (height, width, channels)",
        "dtype": "is not needed: training.precision applies to all layers",
        "trainable": "is not supported: all layers are trained",
    }

    name: Name | None = None


class _Biased(_Layer):
    activation: Function | None = None
    use_bias: bool = True
    bias_initializer: Initializer = "zeros"
    bias_regularizer: Regularizer | None = None
    activity_regularizer: Regularizer | None = None


class _Kernel(Named):
    kernel_initializer: Initializer = "glorot_uniform"
    kernel_regularizer: Regularizer | None = None


class _Filters(Named):
    filters: PositiveInt


class _Window(_Biased):
    kernel_size: Size
    strides: Size = 1
    padding: Padding = "valid"
    dilation_rate: Size = 1

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield strides combined with dilation, which Keras does not support."""
        if max(_pair(self.strides)) > 1 and max(_pair(self.dilation_rate)) > 1:
            yield ("dilation_rate",), "must be 1 if strides are above 1"


class _Depthwise(_Window):
    positional: ClassVar[tuple[str, ...]] = ("kernel_size", "strides", "padding")
    depth_multiplier: PositiveInt = 1
    depthwise_initializer: Initializer = "glorot_uniform"
    depthwise_regularizer: Regularizer | None = None


_CONVOLUTION = ("filters", "kernel_size", "strides", "padding")


class Conv2D(_Window, _Kernel, _Filters):
    """A convolution; `dilation_rate` above 1 widens its receptive field without more weights."""

    positional: ClassVar[tuple[str, ...]] = _CONVOLUTION
    groups: PositiveInt = 1

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield filters that are not divisible by the groups."""
        yield from super().problems()
        if self.filters % self.groups:
            yield ("groups",), f"must divide filters, {self.filters}; got {self.groups}"


class DepthwiseConv2D(_Depthwise):
    """A separate convolution of each channel."""


class SeparableConv2D(_Depthwise, _Filters):
    """A depthwise convolution, then a 1x1 convolution that mixes the channels."""

    positional: ClassVar[tuple[str, ...]] = _CONVOLUTION
    pointwise_initializer: Initializer = "glorot_uniform"
    pointwise_regularizer: Regularizer | None = None


class _Pooling(_Layer):
    positional: ClassVar[tuple[str, ...]] = ("pool_size", "strides", "padding")
    pool_size: Size = 2
    strides: Size | None = None
    padding: Padding = "valid"


class MaxPooling2D(_Pooling):
    """The largest value of each window; `strides` defaults to `pool_size`."""


class AveragePooling2D(_Pooling):
    """The mean of each window; `strides` defaults to `pool_size`."""

    pool_size: Size


class _GlobalPooling(_Layer):
    keepdims: bool = False


class GlobalAveragePooling2D(_GlobalPooling):
    """The mean of each channel, a vector whatever the image size."""


class GlobalMaxPooling2D(_GlobalPooling):
    """The largest value of each channel."""


class _Normalization(_Layer):
    axis: int = -1
    epsilon: PositiveFloat = 0.001
    center: bool = True
    scale: bool = True
    beta_initializer: Initializer = "zeros"
    gamma_initializer: Initializer = "ones"
    beta_regularizer: Regularizer | None = None
    gamma_regularizer: Regularizer | None = None


class BatchNormalization(_Normalization):
    """Normalizes each channel: by the batch in training, by running statistics in prediction."""

    elsewhere: ClassVar[dict[str, str]] = {
        **_Layer.elsewhere,
        **dict.fromkeys(
            ("fused", "renorm", "renorm_clipping", "renorm_momentum", "virtual_batch_size"),
            "does not exist in Keras 3; leave it out",
        ),
    }

    momentum: ProperFraction = 0.99
    synchronized: bool = False


class LayerNormalization(_Normalization):
    """Normalizes each image separately."""


class GroupNormalization(_Normalization):
    """Normalizes groups of channels of each image; -1: every channel is a group."""

    groups: Annotated[PositiveInt | Literal[-1], Says("a whole number above 0", "-1")] = 32


class _Rate(_Layer):
    positional: ClassVar[tuple[str, ...]] = ("rate",)
    rate: ProperFraction


class Dropout(_Rate):
    """Drops this fraction of the values in training."""


class SpatialDropout2D(_Rate):
    """Drops this fraction of whole channels in training."""


class GaussianDropout(_Rate):
    """Multiplies by Gaussian noise around 1 in training."""


class GaussianNoise(_Layer):
    """Adds Gaussian noise of this standard deviation in training."""

    positional: ClassVar[tuple[str, ...]] = ("stddev",)
    stddev: NonNegativeFloat


class Activation(_Layer):
    """An activation function, by name."""

    positional: ClassVar[tuple[str, ...]] = ("activation",)
    activation: Function


class ReLU(_Layer):
    """max(x, 0), with optional limits."""

    positional: ClassVar[tuple[str, ...]] = ("max_value",)
    max_value: NonNegativeFloat | None = None
    negative_slope: NonNegativeFloat = 0.0
    threshold: NonNegativeFloat = 0.0


class LeakyReLU(_Layer):
    """ReLU with a slope below 0."""

    positional: ClassVar[tuple[str, ...]] = ("negative_slope",)
    renamed: ClassVar[dict[str, str]] = {"alpha": "negative_slope"}
    elsewhere: ClassVar[dict[str, str]] = {
        **_Layer.elsewhere,
        "alpha": "is called negative_slope in Keras 3",
    }

    negative_slope: NonNegativeFloat = 0.3


class PReLU(_Layer):
    """ReLU whose slope below 0 is learned; `shared_axes: [1, 2]` learns one per channel."""

    alpha_initializer: Initializer = "zeros"
    alpha_regularizer: Regularizer | None = None
    shared_axes: list[PositiveInt] | None = None


class ELU(_Layer):
    """Exponential below 0, linear above."""

    positional: ClassVar[tuple[str, ...]] = ("alpha",)
    alpha: NonNegativeFloat = 1.0


class Flatten(_Layer):
    """Flattens the input to a vector; its length depends on data.image_size."""


class Dense(_Biased, _Kernel):
    """A fully connected layer."""

    positional: ClassVar[tuple[str, ...]] = ("units", "activation")
    units: PositiveInt


class ZeroPadding2D(_Layer):
    """Rows and columns of zeros around the image."""

    positional: ClassVar[tuple[str, ...]] = ("padding",)
    padding: Margin = 1


class Residual(Named):
    """Adds its input to the output of its layers, then applies `activation`.

    If the shapes differ, a 1x1 convolution projects the input.
    """

    layers: Annotated[list[Layer], Field(min_length=1)]
    activation: Function | None = None


class Repeat(Named):
    """Repeats its layers `times` times, each time with new weights."""

    times: Annotated[int, Field(ge=1, le=1000)]
    layers: Annotated[list[Layer], Field(min_length=1)]


LAYERS.update(
    table(
        Conv2D,
        SeparableConv2D,
        DepthwiseConv2D,
        MaxPooling2D,
        AveragePooling2D,
        GlobalAveragePooling2D,
        GlobalMaxPooling2D,
        BatchNormalization,
        LayerNormalization,
        GroupNormalization,
        Dropout,
        SpatialDropout2D,
        GaussianDropout,
        GaussianNoise,
        Activation,
        ReLU,
        LeakyReLU,
        PReLU,
        ELU,
        Flatten,
        Dense,
        ZeroPadding2D,
        Residual,
        Repeat,
    )
)


def _pair(size: int | tuple[int, int]) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size
