"""Keras objects by their names."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import ValidationError

from imgrec.config.keras.layers import (
    L2,
    LAYERS,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    Layer,
    LeakyReLU,
    MaxPooling2D,
    Residual,
)
from imgrec.config.keras.named import Named, OneOf, argument_names, plain, snake_case
from imgrec.sections.problems import shown_value
from imgrec.sections.section import Section, findings
from imgrec.sections.yaml import read


class Holder(Section):
    """A section with one layer."""

    layer: Annotated[Named, OneOf("layer", LAYERS, {"dense": "Dense"}, {"Lambda": "is code"})]


class Stack(Section):
    """A section with several layers."""

    layers: list[Layer]


def found(value: Any, cls: type[Section] = Holder) -> list[tuple[Any, str]]:
    """Return what is wrong with `value`."""
    with pytest.raises(ValidationError) as caught:
        cls.model_validate(value)
    return findings(caught.value)


@pytest.mark.parametrize("value", ["Flatten", {"Flatten": None}, {"Flatten": {}}, Flatten()])
def test_a_bare_name(value: object) -> None:
    """A layer without arguments may be written in three ways, or be one already."""
    assert Holder.model_validate({"layer": value}).layer == Flatten()


def test_arguments_that_were_set() -> None:
    """Only what the user set is shown, required arguments first."""
    layer = Conv2D(kernel_size=3, filters=8, kernel_regularizer=L2(l2=0.1))
    assert layer.arguments() == {
        "filters": 8,
        "kernel_size": 3,
        "kernel_regularizer": L2(l2=0.1),
    }
    assert list(layer.arguments())[:2] == ["filters", "kernel_size"]
    assert argument_names(Dense)[0] == "units"


@pytest.mark.parametrize(
    "written",
    [
        "Flatten",
        {"Conv2D": {"filters": 32, "kernel_size": [3, 5]}},
        {"Residual": {"layers": [{"Dense": {"units": 1, "kernel_regularizer": "L2"}}, "ReLU"]}},
        {"Repeat": {"times": 2, "layers": [{"Residual": {"layers": ["BatchNormalization"]}}]}},
    ],
)
def test_written_back(written: object) -> None:
    """A layer is written back as it was read, inner layers too."""
    holder = Holder.model_validate({"layer": written})
    assert plain(holder) == {"layer": written}
    assert holder.model_dump() == {"layer": written}


def test_other_spellings() -> None:
    """An alias stands for its name."""
    assert Holder.model_validate({"layer": {"dense": {"units": 3}}}).layer == Dense(units=3)
    assert snake_case(["AUC", "F1Score", "KLDivergence", "TopKCategoricalAccuracy"]) == {
        "auc": "AUC",
        "f1_score": "F1Score",
        "kl_divergence": "KLDivergence",
        "top_k_categorical_accuracy": "TopKCategoricalAccuracy",
    }


@pytest.mark.parametrize(
    ("written", "layer"),
    [
        ({"Dense": 512}, Dense(units=512)),
        ({"Dense": [512, "relu"]}, Dense(units=512, activation="relu")),
        ({"Conv2D": [32, 3]}, Conv2D(filters=32, kernel_size=3)),
        (
            {"Conv2D": [32, [3, 3], {"strides": 2}, {"padding": "same"}]},
            Conv2D(filters=32, kernel_size=(3, 3), strides=2, padding="same"),
        ),
        ({"layers.Dropout": 0.5}, Dropout(rate=0.5)),
        ("tf.keras.layers.Flatten", Flatten()),
        ("Flatten()", Flatten()),
        ("MaxPooling2D((2, 2))", MaxPooling2D(pool_size=(2, 2))),
        ("MaxPooling2D(2, 2)", MaxPooling2D(pool_size=2, strides=2)),
        (
            "layers.Dense(9, activation=tf.nn.relu, kernel_regularizer=regularizers.l2(0.1))",
            Dense(units=9, activation="relu", kernel_regularizer=L2(l2=0.1)),
        ),
        ({"LeakyReLU": {"alpha": 0.1}}, LeakyReLU(negative_slope=0.1)),
    ],
)
def test_forms_of_tutorials(written: object, layer: Named) -> None:
    """First arguments without names, and Python, are taken and written back with names."""
    holder = Holder.model_validate({"layer": written})
    assert holder.layer == layer
    assert Holder.model_validate(plain(holder)) == holder


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (3, "one layer expected, got 3; write its name, or {Name: {...}}"),
        (None, "one layer expected, got null; write its name, or {Name: {...}}"),
        ({}, "one layer expected, got {}; write its name, or {Name: {...}}"),
        ("Lambda", "is code"),
        (
            {"Conv2D": None, "filters": 3},
            (
                "one layer expected, got 'Conv2D', 'filters'; "
                "write arguments as {Conv2D: {filters: 3}}"
            ),
        ),
        (
            MaxPooling2D,
            f"one layer expected, got {MaxPooling2D}; write its name, or {{Name: {{...}}}}",
        ),
    ],
)
def test_names_that_are_not_layers(value: object, message: str) -> None:
    """What is not the name of a layer is reported as such."""
    assert found({"layer": value}) == [(("layer",), message)]


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("Conv2D(32, (3, 3)", '"(" is not closed'),
        ("Conv2D(32, [3, 3)", '"[" is not closed'),
        ("Conv2D(32, (3, 3)))", '")" closes nothing'),
        ("Conv2D(32, 3, padding='same)", "a quote ' is not closed"),
        ("model.add(layers.Conv2D(32, 3, padding='same')", '"(" is not closed'),
        ("x = Conv2D(32, 3)(x)", "a layer in the list gets the one above it"),
    ],
)
def test_python_that_is_not_closed(text: str, wrong: str) -> None:
    """The cause comes first, and what the message says to write is the layer."""
    ((_, message),) = found({"layer": text})
    cause, form = message.split("; write ")
    assert cause == f"{shown_value(text)}: {wrong}"
    assert isinstance(Holder.model_validate({"layer": read(form).value}).layer, Conv2D)


@pytest.mark.parametrize("text", ["model.add(Conv2D(32, 3))", "Conv2D(32, 3),", "Conv2D(32, 3) "])
def test_lines_of_a_script(text: str) -> None:
    """A layer can be pasted from a Keras script."""
    assert Holder.model_validate({"layer": text}).layer == Conv2D(filters=32, kernel_size=3)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("torch.nn.Flatten", "write Flatten instead of 'torch.nn.Flatten'"),
        ("Dense(2 * n)", "write {Dense: {argument: value}} instead of 'Dense(2 * n)'"),
        ("Dense(*units)", "write {Dense: {argument: value}} instead of 'Dense(*units)'"),
        ("Lambda(lambda x: x)", "is code"),
    ],
)
def test_python_that_is_not_understood(value: object, message: str) -> None:
    """The message says what to write instead."""
    ((path, text),) = found({"layer": value})
    assert path == ("layer",)
    assert text.startswith(message)


def test_unknown_names() -> None:
    """An unknown name comes with the nearest one and with all."""
    ((path, message),) = found({"layer": {"conv2d": {"filters": 3}}})
    assert path == ("layer",)
    assert message.startswith(
        "unknown layer 'conv2d'; did you mean 'Conv2D'? allowed: Activation, AveragePooling2D, "
    )


def test_every_problem_at_its_path() -> None:
    """All problems of all layers are found at once, each at the path of its key."""
    stack = [
        {"Conv2D": {"filters": -1, "kernel_size": "a", "strides": [1, 2, 3]}},
        {"Residual": {"layers": [{"Dense": {"unit": 3}}, {"Dropout": 1.5}]}},
        "Dense",
    ]
    size = "is neither a whole number above 0 nor two such numbers"
    inner = ("layers", 1, "Residual", "layers")
    (unknown, *others) = sorted(
        found({"layers": stack}, Stack), key=lambda one: "unit" not in one[0]
    )
    assert unknown[0] == (*inner, 0, "Dense", "unit")
    assert unknown[1].startswith("unknown key; did you mean 'units'? allowed: activation, ")
    assert others == [
        (("layers", 0, "Conv2D", "filters"), "must be greater than 0, got -1"),
        (("layers", 0, "Conv2D", "kernel_size"), f"'a' {size}"),
        (("layers", 0, "Conv2D", "strides"), f"[1, 2, 3] {size}"),
        ((*inner, 1, "Dropout", "rate"), "must be less than 1, got 1.5"),
        (("layers", 2, "Dense", "units"), "is missing"),
    ]


def test_frozen() -> None:
    """What was read can't be changed."""
    with pytest.raises(ValidationError, match="frozen"):
        Residual(layers=[Flatten()]).activation = "relu"
