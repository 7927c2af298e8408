"""Build a Keras model from the `model` section of a config."""

from __future__ import annotations

import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from imgrec.config.keras.layers import GlobalAveragePooling2D, GlobalMaxPooling2D, Repeat, Residual
from imgrec.config.keras.named import Named
from imgrec.config.model import Backbone, ModelConfig
from imgrec.config.preprocessing import Preprocessing
from imgrec.errors import SettingError
from imgrec.models.backbone import named_network, prepare_backbone, preprocess
from imgrec.models.errors import error_cause
from imgrec.models.keras_objects import make
from imgrec.models.last_layer import OUTPUT
from imgrec.models.network.preprocessing import apply_preprocessing
from imgrec.models.network.split_network import Network
from imgrec.models.network.weights import load_weights
from imgrec.models.parameters import MAX_PARAMETERS, TooManyParameters, limited_parameters
from imgrec.models.run_network import run_network
from imgrec.pixel_statistics import PixelStatistics
from imgrec.runs.card import BEST_MODEL
from imgrec.sections.problems import shown_value
from imgrec.sections.yaml import KeyPath
from imgrec.stderr import stdout_to_stderr
from imgrec.text import count_of, similar_names

_LAYERS = ("model", "layers")

_Apply = Callable[[Any, Any, KeyPath], Any]

# Without weights and randomness, so they can be on the backbone's side of the features.
_POOLING = (GlobalAveragePooling2D, GlobalMaxPooling2D)


@dataclass(frozen=True)
class NetworkSpec:
    """What a network is made of.

    model, preprocessing: sections of a config. input_shape: height, width and channels of the
    images. classes: how many there are; multi_label: whether an image may have several.
    first_layer: the layer of the backbone from which on fine-tuning trains it; None without.
    """

    model: ModelConfig
    preprocessing: Preprocessing
    input_shape: tuple[int, int, int]
    classes: int
    multi_label: bool = False
    first_layer: str | None = None


def build(
    spec: NetworkSpec,
    *,
    policy: str = "float32",
    weights: bool = True,
    statistics: PixelStatistics | None = None,
) -> Any:
    """Return an uncompiled `keras.Model` from float32 pixels to probabilities: see `assemble`."""
    return assemble(spec, policy=policy, weights=weights, statistics=statistics).model


def assemble(
    spec: NetworkSpec,
    *,
    policy: str = "float32",
    weights: bool = True,
    statistics: PixelStatistics | None = None,
) -> Network:
    """Return a network, uncompiled.

    Its input is (batch, height, width, channels) with values 0 to 255, whatever the network
    wants: the preprocessing is its first layers. Its output is float32 (batch, classes), or
    (batch, 1), the probability of the second of two classes, for `output: sigmoid` where images
    have one label.

    policy: Keras' dtype policy of the hidden layers, such as `float32` or `mixed_bfloat16`.
    weights: whether the weights that the config names are loaded.
    statistics: of the training images; needed where the preprocessing is featurewise.
    Raises SettingError for the layer whose shape does not work, RunError where the weights can't
    be had, or don't fit.
    """
    import keras

    with _dtype_policy(policy), _limited(), _names_from_the_start():
        pixels = keras.Input(spec.input_shape, dtype="float32", name="pixels")
        tensor = apply_preprocessing(spec.preprocessing, pixels, statistics)
        network = Network(None)
        if spec.model.backbone is not None:
            network = _backbone(spec, spec.model.backbone, tensor, policy=policy, weights=weights)
            tensor = network.features
        first = int(network.pooling is not None)
        tensor = _apply_all(_hidden_layers(spec)[first:], tensor, _LAYERS, first)
        output = _output(spec, tensor)
        try:
            model = keras.Model(pixels, output, name="imgrec")
        except ValueError as error:  # a name that two layers have
            raise SettingError(_LAYERS, error_cause(error)) from error
        except RecursionError:  # Keras goes from each layer to the one before it
            message = f"Keras can't connect {count_of(len(_hidden_layers(spec)), 'layer')} in a row"
            raise SettingError(_LAYERS, message) from None
        if weights and spec.model.weights is not None:
            load_weights(model, spec.model.weights)
        return replace(network, model=model)


@contextlib.contextmanager
def _dtype_policy(name: str) -> Iterator[None]:
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        # Keras reports downloads on stdout, which is only for results.
        with stdout_to_stderr():
            yield
    finally:
        keras.config.set_dtype_policy(before)


@contextlib.contextmanager
def _names_from_the_start() -> Iterator[None]:
    """Number the layers that have no name from the start, so that equal networks have equal names.

    Keras goes on counting in a process: the second `conv2d` would be another layer's name, which
    `model.weights` does not find.
    """
    from keras.src.backend.common import global_state

    key = "object_name_uids"
    before = global_state.get_global_attribute(key, {})
    global_state.set_global_attribute(key, None)
    try:
        yield
    finally:
        counts = global_state.get_global_attribute(key, defaultdict(int), set_to_default=True)
        for name, count in before.items():
            counts[name] = max(count, counts[name])


@contextlib.contextmanager
def _limited() -> Iterator[None]:
    """Raise SettingError for more parameters than a model may have."""
    try:
        with limited_parameters(MAX_PARAMETERS):
            yield
    except TooManyParameters as error:
        raise SettingError(_LAYERS, str(error)) from error


def _backbone(
    spec: NetworkSpec, backbone: Backbone, tensor: Any, *, policy: str, weights: bool
) -> Network:
    """Apply the backbone, and the global pooling that may follow; the rest is still to come."""
    inputs = tensor
    if backbone.name is not None:
        inputs = preprocess(backbone.name, tensor)
        network = named_network(
            backbone.name, inputs.shape[1:], backbone.weights if weights else None
        )
    else:
        file = Path(str(backbone.run)) / BEST_MODEL
        network = run_network(file, backbone.until, spec.input_shape, policy)
    prepare_backbone(
        network,
        trainable=backbone.trainable,
        batch_norm_momentum=backbone.batch_norm_momentum,
    )
    outputs = network(inputs)
    _check_first_layer(spec.first_layer, network)
    first = next(iter(spec.model.layers), None)
    if not isinstance(first, _POOLING):
        return Network(None, network, inputs, outputs, outputs)
    features = _apply_all([first], outputs, _LAYERS)
    return Network(None, network, inputs, outputs, features, type(first).__name__)


def _check_first_layer(first: str | None, network: Any) -> None:
    if first is None:
        return
    names = ["all", *(layer.name for layer in network.layers)]
    if first not in names:
        near = similar_names(first, names, close=3)[:3] or names[-3:]
        message = f"the backbone has no layer {shown_value(first)}; it has layers such as "
        message += f"{', '.join(near)}; or `all`"
        raise SettingError(("training", "fine_tune", "from"), message)


def _apply_all(layers: Sequence[Named], features: Any, path: KeyPath, first: int = 0) -> Any:
    for index, layer in enumerate(layers, first):
        here = (*path, index, type(layer).__name__)
        apply: _Apply = _appliers().get(type(layer), _apply_layer)
        features = apply(layer, features, here)
    return features


def _appliers() -> dict[type[Named], _Apply]:
    return {Repeat: _apply_repeat, Residual: _apply_residual}


def _apply_layer(layer: Named, features: Any, path: KeyPath) -> Any:
    import keras

    try:
        applied = make(keras.layers, layer)(features)
    except (ValueError, TypeError, IndexError) as error:  # IndexError: an axis that does not exist
        too_small = "output size would be zero or negative" in str(error)
        raise SettingError(
            path, _too_small(features) if too_small else error_cause(error)
        ) from error
    if any(size is not None and size < 1 for size in applied.shape):
        raise SettingError(path, _too_small(features))
    return applied


def _apply_repeat(layer: Repeat, features: Any, path: KeyPath) -> Any:
    for _ in range(layer.times):
        features = _apply_all(layer.layers, features, (*path, "layers"))
    return features


def _apply_residual(layer: Residual, features: Any, path: KeyPath) -> Any:
    """Add the input to the output, after a 1x1 convolution if the shapes differ.

    Source: He et al., Deep Residual Learning for Image Recognition, 2015 (option B).
    """
    import keras

    inner = _apply_all(layer.layers, features, (*path, "layers"))
    try:
        total = keras.layers.Add()([_project(features, inner), inner])
    except (ValueError, TypeError) as error:
        raise SettingError(path, error_cause(error)) from error
    if layer.activation is None:
        return total
    return keras.layers.Activation(layer.activation)(total)


def _project(features: Any, like: Any) -> Any:
    import keras

    if features.shape == like.shape or len(features.shape) != len(like.shape):
        return features
    if len(like.shape) == 2:
        return keras.layers.Dense(like.shape[-1], use_bias=False)(features)
    strides = [
        -(-old // new) for old, new in zip(features.shape[1:3], like.shape[1:3], strict=True)
    ]
    return keras.layers.Conv2D(like.shape[-1], 1, strides=strides, use_bias=False)(features)


def _output(spec: NetworkSpec, features: Any) -> Any:
    import keras

    if len(features.shape) != 2:
        size = " x ".join(map(str, features.shape[1:]))
        raise SettingError(
            _LAYERS,
            f"the output of the layers is {size}, not a vector; "
            "end them with Flatten or GlobalAveragePooling2D",
        )
    output = keras.layers.Dense(
        _output_units(spec), activation=spec.model.output, dtype="float32", name=OUTPUT
    )
    return output(features)


def _hidden_layers(spec: NetworkSpec) -> Sequence[Named]:
    """Return the layers of the config without an output layer that equals the one to be added."""
    layers, written, units = spec.model.layers, spec.model.written_output, _output_units(spec)
    if written is None:
        return layers
    if written.units == units:
        return layers[:-1]
    if spec.model.output == "sigmoid":
        return layers
    raise SettingError(
        (*_LAYERS, len(layers) - 1, "Dense", "units"),
        f"is {written.units}, but an output layer with softmax has one unit per class, {units}; "
        "leave this layer out, since the output layer is added",
    )


def _output_units(spec: NetworkSpec) -> int:
    return 1 if spec.model.output == "sigmoid" and not spec.multi_label else spec.classes


def _too_small(features: Any) -> str:
    size = " x ".join(map(str, features.shape[1:3]))
    return f"the image is only {size} here; remove a pooling layer or increase data.image_size"
