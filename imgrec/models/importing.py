"""Adapt models that were not created by imgrec, and check that they classify images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from imgrec.backbones import BACKBONES
from imgrec.errors import RunError, UsageError
from imgrec.models.backbone import preprocess
from imgrec.models.errors import error_cause
from imgrec.text import count_of, did_you_mean, printable

_NEAR = 1e-3


def check_image(
    shape: Sequence[int | None], wanted: tuple[int, int] | None, *, adaptable: bool = True
) -> tuple[int, int, int]:
    """Return the (height, width, channels) of images for a model whose input has `shape`.

    `wanted` is the height and width for a model that accepts any; `adaptable` says whether they can
    be given.

    Raises:
        RunError: They don't fit, or the input of the model is not images.
    """
    channels = shape[3] if len(shape) == 4 else None
    if channels not in (1, 3):
        raise RunError(
            f"the input of the model is {_described(shape)}; imgrec needs "
            "height x width x 1 or 3 channels",
        )
    height, width = shape[1:3]
    if wanted is None:
        if height is None or width is None:
            raise RunError(
                f"the model accepts images of any size ({_described(shape)})",
                hint="give the size that it was trained with, e.g. --image-size 224x224"
                if adaptable
                else "convert it again with a fixed size, or import the Keras model that it was "
                "made from, with --image-size",
            )
        return height, width, channels
    if height not in (None, wanted[0]) or width not in (None, wanted[1]):
        raise RunError(
            f"the input of the model is {height}x{width} pixels, not {wanted[0]}x{wanted[1]}",
            hint="leave out --image-size",
        )
    return *wanted, channels


def check_units(shape: Sequence[int | None], classes: int, *, multi_label: bool = False) -> None:
    """Raise RunError unless an output of `shape` fits that many classes.

    With `multi_label`, one unit is one class; otherwise it can be two.
    """
    if len(shape) != 2:
        raise RunError(
            f"the output of the model is {_described(shape)}; a classifier has one number per class"
        )
    if shape[1] != classes and (multi_label or (shape[1], classes) != (1, 2)):
        outputs = "any number of outputs" if shape[1] is None else count_of(shape[1], "output")
        raise RunError(
            f"the model has {outputs}, but --classes has {count_of(classes, 'name')}",
            hint="list all classes that it was trained with, in the same order"
            + ("; is the first one `background`?" if shape[1] == classes + 1 else ""),
        )


def check_probabilities(
    output: Any,
    activation: str | None,
    *,
    logits: bool = False,
    multi_label: bool = False,
    step: float = 0.0,
    adaptable: bool = True,
) -> None:
    """Raise RunError unless `output` (images, units), or its `activation`, are probabilities.

    `logits` says whether they are known to be logits; with `multi_label`, probabilities are
    independent and need not sum to 1. `step` is the distance between two values of a quantised
    output. `adaptable` says whether layers can be put in front of the model.
    """
    check_finite(output, adaptable=adaptable)
    alone = multi_label or output.shape[1] == 1
    within = not logits and output.min() >= -_NEAR and output.max() <= 1 + _NEAR
    whole = alone or np.abs(output.sum(axis=1) - 1).max() <= _NEAR + output.shape[1] * step / 2
    wanted = "sigmoid" if alone else "softmax"
    if activation is None:
        _check_unaided(output, wanted, within=within, whole=whole)
    elif activation != wanted:
        message = f"--activation {activation} does not fit {output.shape[1]} numbers per image"
        raise RunError(message, hint=f"use {wanted}")
    elif within and whole:
        raise RunError(
            "the output of the model is already probabilities", hint="leave out --activation"
        )


def check_finite(output: Any, *, adaptable: bool = True) -> None:
    """Raise RunError unless all numbers in `output` are finite."""
    if not np.isfinite(output).all():
        raise RunError(
            "the output of the model is not finite for some images",
            hint="if it expects pixels in another range, "
            + ("use" if adaptable else "import the Keras model that it was made from, with")
            + " --rescale 1/255 or --preprocessing NAME",
        )


def _check_unaided(output: Any, wanted: str, *, within: bool, whole: bool) -> None:
    if not within:
        raise RunError(
            "for random images, the output of the model is not probabilities "
            f"(from {output.min():.3g} to {output.max():.3g})",
            hint=f"if it is logits, use --activation {wanted}",
        )
    if not whole:
        raise independent()


def independent() -> RunError:
    """Return the error for a model with independent probabilities."""
    return RunError(
        "the probabilities of the classes are independent: they do not sum to 1",
        hint="if it was trained for images with several classes, or none, add --multi-label",
    )


def _described(shape: Sequence[Any]) -> str:
    return " x ".join("any" if size is None else str(size) for size in shape)


_PROBES = 8


def random_images(size: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return images that show what a model outputs, uint8 (images, height, width, channels).

    They are enough that logits don't lie between 0 and 1 or sum to 1 by chance: noise, which looks
    the same to many a model, and plain colours.
    """
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (_PROBES, *size), np.uint8)
    plain = random.integers(0, 256, (_PROBES, 1, 1, size[2]), np.uint8)
    plain[:2] = [[[[0]]], [[[255]]]]
    return np.concatenate([noise, np.broadcast_to(plain, noise.shape)])


@dataclass(frozen=True)
class Adaptation:
    """What is added to an imported model.

    Attributes:
        rescale: The factor for pixel values (0 to 255).
        preprocessing: The keras.applications model whose `preprocess_input` is applied.
        image_size: (height, width) in pixels, for a model that accepts any.
        activation: Applied to logits.
        multi_label: Whether an image may have several labels, with independent probabilities.
    """

    rescale: float | None = None
    preprocessing: str | None = None
    image_size: tuple[int, int] | None = None
    activation: Literal["softmax", "sigmoid"] | None = None
    multi_label: bool = False

    def __post_init__(self) -> None:
        """Raise UsageError for two ways of preprocessing, or an unknown name."""
        if self.preprocessing is None:
            return
        if self.rescale is not None:
            raise UsageError("--rescale and --preprocessing can't be combined")
        if self.preprocessing not in BACKBONES:
            meant = did_you_mean(self.preprocessing, BACKBONES)
            raise UsageError(
                f"--preprocessing {printable(self.preprocessing)}: there is no such "
                f"classifier{meant}",
                hint=f"choose one of {', '.join(sorted(BACKBONES))}",
            )

    @property
    def around(self) -> tuple[str, ...]:
        """The options that add something to the model."""
        values = {
            "--rescale": self.rescale,
            "--preprocessing": self.preprocessing,
            "--image-size": self.image_size,
            "--activation": self.activation,
        }
        return tuple(option for option, value in values.items() if value is not None)

    def refuse_for_litert(self) -> None:
        """Raise UsageError if something would be added to a LiteRT file.

        Only an activation can be: an engine applies it to the output.
        """
        for option in self.around:
            if option == "--activation":
                continue
            raise UsageError(
                f"{option}: nothing can be added to a LiteRT model",
                hint="add it to the Keras model before converting that, or import the .keras file",
            )

    @property
    def in_words(self) -> str:
        """A description of the preprocessing."""
        if self.rescale is not None:
            return f"rescale {self.rescale:.6g}, then that of the model"
        if self.preprocessing is not None:
            return f"that of {self.preprocessing}, then that of the model"
        return "that of the model"


def wrap_model(model: Any, adaptation: Adaptation, classes: Sequence[str]) -> Any:
    """Return a float32 Keras model from (batch, height, width, channels) to (batch, units).

    Its input is pixels from 0 to 255. It has one unit per class, or one for two classes: the
    probability of the second.

    Raises:
        RunError: It is another kind of model, or its outputs for random images are not
            probabilities.
    """
    import keras

    size = check_image(tensor_shape(model, "input"), adaptation.image_size)
    multi_label = adaptation.multi_label
    check_units(tensor_shape(model, "output"), len(classes), multi_label=multi_label)
    model = in_float32(model)
    pixels, output = _from_pixels(model, adaptation, size)
    plain = keras.Model(pixels, output, name="imported")
    ending = _ending(model)
    if ending is keras.activations.sigmoid and len(classes) == output.shape[-1] and not multi_label:
        raise independent()
    if ending is keras.activations.softmax and multi_label:
        raise RunError(
            "the probabilities of the model sum to 1, so an image has one class",
            hint="leave out --multi-label",
        )
    logits, found = ending is keras.activations.linear, random_answers(plain, size)
    check_probabilities(found, adaptation.activation, logits=logits, multi_label=multi_label)
    if adaptation.activation is None:
        return plain
    probabilities = keras.layers.Activation(adaptation.activation, name="probabilities")(output)
    return keras.Model(pixels, probabilities, name="imported")


def _from_pixels(model: Any, adaptation: Adaptation, size: tuple[int, int, int]) -> tuple[Any, Any]:
    """Return the input and the output, with the preprocessing, if any, in between."""
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
        raise RunError(
            f"--preprocessing {adaptation.preprocessing} needs colour, but the model is for grey"
        )
    return preprocess(adaptation.preprocessing, pixels)


def _apply(model: Any, features: Any) -> Any:
    try:
        return model(features, training=False)
    except Exception as error:  # Keras raises all kinds of exceptions
        raise _unusable(error) from error


def tensor_shape(model: Any, kind: Literal["input", "output"]) -> tuple[Any, ...]:
    """Return the shape of a Keras model's only input or output, None for sizes that may vary.

    Raises:
        RunError: It has several, or none, as a model that was never built.
    """
    tensors: Sequence[Any] = getattr(model, f"{kind}s", None) or ()
    if len(tensors) != 1:
        raise RunError(f"the model has {len(tensors)} {kind}s; an image classifier has one")
    return tuple(tensors[0].shape)


def in_float32(model: Any) -> Any:
    """Return a Keras model with all computations in float32 and the same weights.

    In mixed precision it could not be exported, and would be slow on a CPU.
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


def random_answers(model: Any, size: tuple[int, int, int]) -> NDArray[np.float64]:
    """Return what a Keras model answers for `random_images`; raise RunError if it can't be used."""
    try:
        return np.asarray(
            model.predict_on_batch(random_images(size).astype(np.float32)), np.float64
        )
    except Exception as error:
        raise _unusable(error) from error


def _unusable(error: Exception) -> RunError:
    return RunError(f"the model can't be used: {printable(error_cause(error))}")


def _ending(model: Any) -> Any:
    """Return the activation function of the output; None if unknown."""
    from keras import activations

    last = model
    while outputs := getattr(last, "outputs", None):
        last = outputs[0]._keras_history.operation  # noqa: SLF001  # model.layers has no operations
    # keras.ops.softmax and the layer Softmax have no attribute `activation`.
    by_name = {"Softmax": activations.softmax, "Sigmoid": activations.sigmoid}
    return getattr(last, "activation", by_name.get(type(last).__name__))
