"""A Keras model of somebody's, made one that goes from pixels of 0 to 255 to probabilities."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from imgrec.config.backbones import BACKBONES
from imgrec.errors import RunError, UsageError
from imgrec.models.backbone import preprocess
from imgrec.models.classifier import check_image, check_probabilities, check_units, independent
from imgrec.models.keras_errors import cause
from imgrec.text import did_you_mean, shown

# Random pictures: enough that logits that sum to 1 by chance do so no eight times.
_PROBES = 8


@dataclass(frozen=True)
class Adaptation:
    """What is put around a model.

    rescale: what pixel values (0 to 255) are multiplied with. preprocessing: the classifier of
    `keras.applications` whose `preprocess_input` they go through. image_size: (height, width)
    in pixels, for a model that takes any. activation: what makes probabilities of its output.
    multi_label: whether an image may have several classes, each with a probability of its own.
    """

    rescale: float | None = None
    preprocessing: str | None = None
    image_size: tuple[int, int] | None = None
    activation: Literal["softmax", "sigmoid"] | None = None
    multi_label: bool = False

    def __post_init__(self) -> None:
        """Refuse two ways of preprocessing, and a name that there is not."""
        if self.preprocessing is None:
            return
        if self.rescale is not None:
            raise UsageError("--rescale and --preprocessing exclude each other")
        if self.preprocessing not in BACKBONES:
            meant = did_you_mean(self.preprocessing, BACKBONES)
            raise UsageError(
                f"--preprocessing {shown(self.preprocessing)}: there is no such classifier{meant}",
                hint=f"choose one of {', '.join(sorted(BACKBONES))}",
            )

    @property
    def around(self) -> tuple[str, ...]:
        """The options that put something around the model."""
        values = {
            "--rescale": self.rescale,
            "--preprocessing": self.preprocessing,
            "--image-size": self.image_size,
            "--activation": self.activation,
        }
        return tuple(option for option, value in values.items() if value is not None)

    def refuse_for_litert(self) -> None:
        """Raise UsageError where something is to be put around a LiteRT file."""
        for option in self.around:
            raise UsageError(
                f"{option}: nothing can be put around a model of LiteRT or a SavedModel",
                hint="make it a part of the Keras model, before that is converted; or import "
                "the .keras file",
            )

    @property
    def in_words(self) -> str:
        """What is done to the pixels before the model, for people."""
        if self.rescale is not None:
            return f"rescale {self.rescale:.6g}, then as the model does"
        if self.preprocessing is not None:
            return f"that of {self.preprocessing}, then as the model does"
        return "as the model does"


def adapt(model: Any, adaptation: Adaptation, classes: Sequence[str]) -> Any:
    """Return a float32 Keras model from (batch, height, width, channels) to (batch, units).

    Its input are pixels of 0 to 255; units: as many as `classes`, or one for two classes, the
    probability of the second. Raises RunError for a model of another kind, and where what it
    gives for random pictures are no probabilities.
    """
    import keras

    size = check_image(_shape(model.inputs, "input"), adaptation.image_size)
    multi_label = adaptation.multi_label
    check_units(_shape(model.outputs, "output"), len(classes), multi_label=multi_label)
    model = _in_float32(model)
    pixels, output = _from_pixels(model, adaptation, size)
    plain = keras.Model(pixels, output, name="imported")
    ending = _ending(model)
    if ending is keras.activations.sigmoid and len(classes) == output.shape[-1] and not multi_label:
        raise independent()
    if ending is keras.activations.softmax and multi_label:
        raise RunError(
            "the model gives probabilities that sum to 1: an image has one class for it",
            hint="leave --multi-label out",
        )
    logits, found = ending is keras.activations.linear, _probe(plain, size)
    check_probabilities(found, adaptation.activation, logits=logits, multi_label=multi_label)
    if adaptation.activation is None:
        return plain
    probabilities = keras.layers.Activation(adaptation.activation, name="probabilities")(output)
    return keras.Model(pixels, probabilities, name="imported")


def _from_pixels(model: Any, adaptation: Adaptation, size: tuple[int, int, int]) -> tuple[Any, Any]:
    """Return the input and the output; where nothing is put in front, they are the model's own."""
    import keras

    as_is = adaptation.rescale is None and adaptation.preprocessing is None
    own = model.inputs[0]
    if as_is and tuple(own.shape) == (None, *size) and own.dtype == "float32":
        return own, model.outputs[0]
    pixels = keras.Input(size, dtype="float32", name="pixels")
    return pixels, _apply(model, _preprocessed(pixels, adaptation))


def _preprocessed(pixels: Any, adaptation: Adaptation) -> Any:
    import keras

    if adaptation.rescale is not None:
        return keras.layers.Rescaling(adaptation.rescale, name="rescale")(pixels)
    if adaptation.preprocessing is None:
        return pixels
    if pixels.shape[-1] != 3:
        raise RunError(f"--preprocessing {adaptation.preprocessing} is for colour; this is grey")
    return preprocess(adaptation.preprocessing, pixels)


def _apply(model: Any, features: Any) -> Any:
    try:
        return model(features, training=False)
    except Exception as error:  # Keras raises whatever its layers raise
        raise _unusable(error) from error


def _shape(tensors: Sequence[Any], kind: str) -> tuple[Any, ...]:
    if len(tensors) != 1:
        raise RunError(f"the model has {len(tensors)} {kind}s; an image classifier has one")
    return tuple(tensors[0].shape)


def _in_float32(model: Any) -> Any:
    """Return the model with all its computing in float32; it keeps its weights.

    One in mixed precision could not be exported, and is slow on a CPU.
    """
    import keras

    config = json.dumps(keras.saving.serialize_keras_object(model))
    in_float32 = config
    for policy in ("mixed_float16", "mixed_bfloat16"):
        in_float32 = in_float32.replace(f'"{policy}"', '"float32"')
    if in_float32 == config:
        return model
    twin = keras.saving.deserialize_keras_object(json.loads(in_float32))
    twin.set_weights(model.get_weights())
    return twin


def _probe(model: Any, size: tuple[int, int, int]) -> Any:
    pictures = np.random.default_rng(0).integers(0, 256, (_PROBES, *size)).astype(np.float32)
    try:
        return np.asarray(model.predict_on_batch(pictures), np.float64)
    except Exception as error:
        raise _unusable(error) from error


def _unusable(error: Exception) -> RunError:
    return RunError(f"the model can't be used: {shown(cause(error))}")


def _ending(model: Any) -> Any:
    """Return the activation function that gives the output; None: it is not known."""
    from keras import activations

    last = model
    while outputs := getattr(last, "outputs", None):
        last = outputs[0]._keras_history.operation  # noqa: SLF001  # model.layers has no operations
    # What keras.ops.softmax leaves in a model, or the layer of that name, has no activation.
    by_name = {"Softmax": activations.softmax, "Sigmoid": activations.sigmoid}
    return getattr(last, "activation", by_name.get(type(last).__name__))
