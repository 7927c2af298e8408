"""`--set key.path=value`."""

from __future__ import annotations

import pytest

from imgrec.config.load import parse
from imgrec.config.overrides import apply
from imgrec.errors import ConfigError, UsageError
from imgrec.sections.problems import OVERRIDE
from imgrec.sections.yaml import read

TEXT = "name: a\nmodel:\n  layers:\n    - Conv2D: {filters: 1}\n    - Flatten\n"


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("name=b", ("name",), "b"),
        ("name=no", ("name",), "no"),
        ("name=", ("name",), None),
        ("name=a=b", ("name",), "a=b"),
        ("rate=1e-4", ("rate",), 1e-4),
        ("model.layers[0].Conv2D.filters=8", ("model", "layers", 0, "Conv2D", "filters"), 8),
        ("model.layers.0.Conv2D.filters=8", ("model", "layers", 0, "Conv2D", "filters"), 8),
        ("model.layers[1].Flatten.name=f", ("model", "layers", 1, "Flatten", "name"), "f"),
        ("model.layers=[ReLU]", ("model", "layers"), ["ReLU"]),
        ("new.key={a: [1]}", ("new", "key"), {"a": [1]}),
    ],
)
def test_values(override: str, path: tuple[str | int, ...], value: object) -> None:
    """The value is read as YAML and put at its path, by either way of writing an index."""
    changed, lines = apply([override], read(TEXT))
    for key in path:
        changed = changed[key]
    assert changed == value
    assert lines[path] == OVERRIDE


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("{Adam: {learning_rate: 0.1, beta_1: 0.5}}", "Adam.lr"),
        ("{Adam: {lr: 0.1, beta_1: 0.5}}", "Adam.learning_rate"),
        ("{adam: [0.1, beta_1: 0.5]}", "Adam.lr"),
        ("'keras.optimizers.Adam(0.1, beta_1=0.5)'", "Adam.learning_rate"),
        ("'Adam(lr=0.1, beta_1=0.5)'", "Adam.lr"),
    ],
)
def test_an_argument_of_a_keras_object_in_any_form(config: str, written: str, key: str) -> None:
    """An override finds it in whatever form the file has the object, and keeps the others."""
    document = config.partition("training:")[0] + f"training: {{optimizer: {written}}}\n"
    experiment = parse(document, "x", [f"training.optimizer.{key}=0.25"])
    assert experiment.training.optimizer.arguments() == {"learning_rate": 0.25, "beta_1": 0.5}


def test_layers_in_any_form() -> None:
    """A line of Python, arguments without names, and those of Keras 2."""
    text = "- Conv2D(8, (3, 3))\n- Conv2D: [4, 3]\n- LeakyReLU: {alpha: 0.1}\n- Flatten()\n"
    overrides = ["0.Conv2D.filters=1", "1.Conv2D.padding=same"]
    overrides += ["2.LeakyReLU.negative_slope=0.2", "3.Flatten.name=f"]
    assert apply(overrides, read(text))[0] == [
        {"Conv2D": {"filters": 1, "kernel_size": [3, 3]}},
        {"Conv2D": {"filters": 4, "kernel_size": 3, "padding": "same"}},
        {"LeakyReLU": {"alpha": 0.2}},
        {"Flatten": {"name": "f"}},
    ]


def test_an_argument_by_both_of_its_names_is_refused(config: str) -> None:
    """The last one does not win silently."""
    overrides = ["training.optimizer.Adam.lr=1", "training.optimizer.Adam.learning_rate=2"]
    with pytest.raises(UsageError, match=r"Adam\.learning_rate is given twice") as caught:
        parse(config, "x", overrides)
    assert caught.value.hint == "leave one of them out"


def test_the_last_one_wins() -> None:
    """Overrides are applied in order, and leave the document alone."""
    document = read(TEXT)
    assert apply(["name=b", "name=c"], document)[0]["name"] == "c"
    assert document == read(TEXT)


def test_lines_below_are_forgotten() -> None:
    """Nothing below an overridden key has a line of the file any more."""
    _, lines = apply(["model.layers=[Flatten]"], read(TEXT))
    assert set(lines) == {(), ("name",), ("model",), ("model", "layers")}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("epochs", "overrides=['epochs']: does not have the form key.path=value"),
        ("=3", "overrides=['=3']: does not have the form key.path=value"),
        ("a..b=3", "overrides=['a..b=3']: does not have the form key.path=value"),
        ("a=[1", "overrides=['a=[1']: \"[\" is not closed; write `[1]`"),
        ("name.x=1", "overrides=['name.x=1']: name is 'a', which has no keys"),
        (
            "model.layers.x=1",
            (
                "overrides=['model.layers.x=1']: "
                "model.layers is a list; give the index of an item, from 0"
            ),
        ),
        (
            "model.layers[2]=ReLU",
            "overrides=['model.layers[2]=ReLU']: model.layers has 2 items, counted from 0",
        ),
        ("\x1b[31m=1", "overrides=['\\x1b[31m=1']: does not have the form key.path=value"),
    ],
)
def test_malformed(override: str, message: str) -> None:
    """An override that can't be read or put anywhere is a usage error with an example."""
    with pytest.raises(UsageError) as caught:
        apply([override], read(TEXT))
    assert str(caught.value) == message
    assert caught.value.hint.startswith("write it as overrides=['training.epochs=5']")


def test_unknown_keys_are_the_configs_problem(config: str) -> None:
    """A path that no config has ends in the ordinary problem, marked `overrides`.

    So does one whose first key is the unknown one.
    """
    with pytest.raises(
        ConfigError, match=r"pets.yaml, overrides: trainng: unknown key; did you mean 'training'"
    ):
        parse(config, "pets.yaml", ["trainng.epochs=3"])
    with pytest.raises(ConfigError) as caught:
        parse(config, "pets.yaml", ["training.epoch=3", "data.image_size=x"])
    first, second, third = str(caught.value).splitlines()
    assert first == "pets.yaml has 2 problems"
    assert second.startswith("  overrides  data.image_size: 'x' is not [height, width]")
    assert third.startswith(
        "  overrides  training.epoch: unknown key; did you mean 'epochs'? allowed: "
    )
