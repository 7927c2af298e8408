"""A stranger's Keras model, made one from pixels to probabilities, or refused with the reason."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pytest
import scipy.special

from imgrec.errors import RunError, UsageError
from imgrec.models.importing import Adaptation, wrap_model

CLASSES = ("a", "b", "c")
PICTURES = np.random.default_rng(1).integers(0, 256, (4, 6, 5, 3)).astype(np.float32)


def classifier(
    units: int = 3,
    activation: str = "softmax",
    size: Sequence[int | None] = (6, 5, 3),
    **options: Any,
) -> Any:
    """Return a small model with random weights."""
    import keras

    return keras.Sequential(
        [
            keras.Input(size, **options),
            keras.layers.Rescaling(1.0),
            keras.layers.Conv2D(4, 3),
            keras.layers.GlobalAveragePooling2D(),
            keras.layers.Dense(units, activation=activation),
        ]
    )


def ended_by(operation: str, units: int) -> Any:
    """Return a small model of logits followed by an operation that is not a layer."""
    import keras

    pixels = keras.Input((6, 5, 3))
    logits = classifier(units, "linear")(pixels)
    return keras.Model(pixels, getattr(keras.ops, operation)(logits))


def answers(model: Any, pictures: Any = PICTURES) -> Any:
    """Return what a model gives for pictures."""
    return np.asarray(model.predict_on_batch(pictures))


def test_rescale_becomes_a_part_of_the_model() -> None:
    """The adapted model takes pixels of 0 to 255 and gives what the other gives for 0 to 1."""
    model = classifier()
    adapted = wrap_model(model, Adaptation(rescale=1 / 255), CLASSES)
    np.testing.assert_allclose(answers(adapted), answers(model, PICTURES / 255), atol=1e-6)


@pytest.mark.parametrize("name", ["ResNet50", "MobileNetV2", "DenseNet121"])
def test_preprocessing_becomes_a_part_of_the_model(name: str) -> None:
    """It is that of the family: colours swapped, ranges of -1 to 1, means of ImageNet."""
    from keras.applications import densenet, mobilenet_v2, resnet

    modules = {"ResNet50": resnet, "MobileNetV2": mobilenet_v2, "DenseNet121": densenet}
    model = classifier()
    adapted = wrap_model(model, Adaptation(preprocessing=name), CLASSES)
    prepared = modules[name].preprocess_input(PICTURES.copy())
    np.testing.assert_allclose(answers(adapted), answers(model, prepared), atol=1e-5)


def test_a_model_of_any_size_gets_one() -> None:
    """Which one has to be said, once; the message shows how."""
    model = classifier(size=(None, None, 3))
    adapted = wrap_model(model, Adaptation(image_size=(6, 5)), CLASSES)
    assert adapted.input_shape == (None, 6, 5, 3)
    np.testing.assert_allclose(answers(adapted), answers(model), atol=1e-6)
    with pytest.raises(RunError, match="images of any size") as caught:
        wrap_model(model, Adaptation(), CLASSES)
    assert "--image-size" in caught.value.hint
    with pytest.raises(RunError, match="is 6x5 pixels, not 7x5"):
        wrap_model(classifier(), Adaptation(image_size=(7, 5)), CLASSES)


def test_pixels_of_whole_numbers_are_brought_to_the_model() -> None:
    """A model that takes uint8 gets the same pixels."""
    model = classifier(dtype="uint8")
    adapted = wrap_model(model, Adaptation(), CLASSES)
    np.testing.assert_allclose(answers(adapted), answers(model, PICTURES.astype(np.uint8)))


@pytest.mark.parametrize(("units", "activation"), [(3, "softmax"), (1, "sigmoid")])
def test_logits_are_reported_and_can_be_converted(units: int, activation: Any) -> None:
    """Refused with the option that makes probabilities of them, which then does."""
    import keras

    model, classes = classifier(units, "linear"), CLASSES[: max(units, 2)]
    with pytest.raises(RunError, match="is not probabilities") as caught:
        wrap_model(model, Adaptation(), classes)
    assert f"--activation {activation}" in caught.value.hint
    adapted = wrap_model(model, Adaptation(activation=activation), classes)
    wanted = getattr(keras.activations, activation)(answers(model))
    np.testing.assert_allclose(answers(adapted), wanted, atol=1e-6)


@pytest.mark.parametrize(
    ("operation", "units", "adaptation"),
    [
        ("softmax", 3, Adaptation()),
        ("sigmoid", 1, Adaptation()),
        ("sigmoid", 3, Adaptation(multi_label=True)),
    ],
)
def test_probabilities_of_an_operation_are_taken(
    operation: Literal["softmax", "sigmoid"], units: int, adaptation: Adaptation
) -> None:
    """The output of `keras.ops.softmax` is not that of a layer: its values count."""
    model, classes = ended_by(operation, units), CLASSES[: max(units, 2)]
    np.testing.assert_allclose(
        answers(wrap_model(model, adaptation, classes)), answers(model), atol=1e-6
    )
    with pytest.raises(RunError, match="is already probabilities"):
        wrap_model(model, dataclasses.replace(adaptation, activation=operation), classes)


def test_what_an_operation_gives_has_to_fit_too() -> None:
    """A sigmoid for each class is not one answer, nor a softmax several."""
    with pytest.raises(RunError, match="are independent"):
        wrap_model(ended_by("sigmoid", 3), Adaptation(), CLASSES)
    with pytest.raises(RunError, match="an image has one class"):
        wrap_model(ended_by("softmax", 3), Adaptation(multi_label=True), CLASSES)
    with pytest.raises(RunError, match="is not probabilities"):
        wrap_model(ended_by("negative", 3), Adaptation(), CLASSES)


@pytest.mark.parametrize(
    ("model", "adaptation", "message"),
    [
        (("softmax", 3), Adaptation(activation="softmax"), "is already probabilities"),
        (("linear", 3), Adaptation(activation="sigmoid"), "sigmoid does not fit 3 numbers"),
        (("sigmoid", 3), Adaptation(), "are independent"),
        (("softmax", 4), Adaptation(), "has 4 outputs, but --classes has 3 names"),
        (("sigmoid", 1), Adaptation(), "has 1 output"),
        (("softmax", 3), Adaptation(multi_label=True), "an image has one class"),
        (("linear", 3), Adaptation(multi_label=True), "is not probabilities"),
        (("linear", 3), Adaptation(multi_label=True, activation="softmax"), "does not fit"),
        (("sigmoid", 1), Adaptation(multi_label=True), "has 1 output"),
    ],
)
def test_outputs_that_are_not_answers_are_refused(
    model: tuple[str, int], adaptation: Adaptation, message: str
) -> None:
    """Probabilities, several classes at once, and another number of classes are distinguished."""
    activation, units = model
    with pytest.raises(RunError, match=message):
        wrap_model(classifier(units, activation), adaptation, CLASSES)


def test_several_classes_at_once_are_taken_where_they_are_meant() -> None:
    """Each class has a separate probability, of logits too."""
    several = Adaptation(multi_label=True)
    model = classifier(3, "sigmoid")
    np.testing.assert_allclose(
        answers(wrap_model(model, several, CLASSES)), answers(model), atol=1e-6
    )
    logits = classifier(3, "linear")
    adapted = wrap_model(logits, dataclasses.replace(several, activation="sigmoid"), CLASSES)
    expected = scipy.special.expit(answers(logits))
    np.testing.assert_allclose(answers(adapted), expected, atol=1e-6)


def test_models_of_other_shapes_are_refused() -> None:
    """Several inputs, no image, no list of numbers, and values that are none."""
    import keras

    image = keras.Input((6, 5, 3))
    spoilt = classifier()
    spoilt.layers[-1].kernel.assign(np.full((4, 3), np.nan))
    for model, message in (
        (keras.Model([image, keras.Input((3,))], image), "has 2 inputs"),
        (keras.Model(image, [image, image]), "has 2 outputs"),
        (keras.Model(image, image), "output of the model is any x 6 x 5 x 3"),
        (classifier(size=(6, 5, 4)), "input of the model is any x 6 x 5 x 4"),
        (spoilt, "is not finite"),
    ):
        with pytest.raises(RunError, match=message):
            wrap_model(model, Adaptation(), CLASSES)
    with pytest.raises(RunError, match="needs colour, but the model is for grey"):
        wrap_model(classifier(size=(6, 5, 1)), Adaptation(preprocessing="ResNet50"), CLASSES)


def test_mixed_precision_is_left_behind() -> None:
    """The adapted model computes in float32 with the same weights, so that it can be exported."""
    import keras

    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = classifier()
    finally:
        keras.config.set_dtype_policy("float32")
    adapted = wrap_model(model, Adaptation(), CLASSES)
    assert {layer.compute_dtype for layer in adapted.layers} == {"float32"}
    np.testing.assert_allclose(answers(adapted), answers(model), atol=5e-2)


def test_unknown_preprocessing_is_reported() -> None:
    """The nearest name is offered; two ways at once are refused."""
    with pytest.raises(UsageError, match="did you mean ResNet50"):
        Adaptation(preprocessing="ResNet5\x1b")
    with pytest.raises(UsageError, match="can't be combined"):
        Adaptation(rescale=1.0, preprocessing="ResNet50")
