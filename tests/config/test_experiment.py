"""What a config must be, section by section and across them."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from imgrec.config.experiment import Experiment
from imgrec.config.keras.losses import BinaryCrossentropy, CategoricalCrossentropy
from imgrec.config.keras.metrics import accuracy
from imgrec.config.keras.optimizers import Adam
from imgrec.config.load import parse
from imgrec.config.training import Training
from imgrec.data.sources import SplitConfig
from imgrec.errors import ConfigError

Problems = Callable[..., list[str]]

BACKBONE = "model.backbone={name: VGG16}"


def test_defaults(config: str) -> None:
    """What is left out has its default."""
    experiment = parse(config, "pets.yaml")
    assert experiment.seed == 0
    assert experiment.augmentation is None
    assert experiment.preprocessing.rescale is None
    assert experiment.data.split is None
    assert (experiment.data.channels, experiment.data.batch_size) == (3, 32)
    assert experiment.data.image_size == (32, 48)
    assert Training() == Training(optimizer=Adam(), metrics=[accuracy()], epochs=10)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["name=a b"], ["name: 'a b' is not a name of letters, digits, `.`, `_` and `-`"]),
        (["name="], ["name: null is not a string"]),
        ([f"name={'x' * 65}"], [f"name: must be a string no longer than 64, got '{'x' * 59}…'"]),
        (["seed=-1"], ["seed: must be at least 0, got -1"]),
        (["seed=true"], ["seed: true is not a whole number"]),
        (["data.channels=2"], ["data.channels: 2 is not allowed; allowed: 1, 3"]),
        (["data.channels=true"], ["data.channels: 'true' is not allowed; allowed: 1, 3"]),
        (["data.batch_size='32'"], ["data.batch_size: '32' is not a whole number"]),
        (["data.batch_size=0"], ["data.batch_size: must be greater than 0, got 0"]),
        (["data.root="], ["data: does not say where the images are: give root or train"]),
        (
            ["data.train=a", "data.test=b"],
            [
                "data.train: give either root, or train, validation and test",
                "data.test: give either root, or train, validation and test",
            ],
        ),
        (["data.loader=digits"], ["data.root: loader digits reads no files; leave it out"]),
        (
            ["data.split={validation: 0.5, test: 0.5}"],
            [
                (
                    "data.split: validation and test together must be below 1, "
                    "or nothing is left to train on"
                )
            ],
        ),
        (["data.split.test=1"], ["data.split.test: must be less than 1, got 1"]),
        (["data.split.test=.nan"], ["data.split.test: nan is not a finite number"]),
        (
            ["data.root=", "data.train=a", "data.validation=b", "data.split={validation: 0.2}"],
            ["data.split.validation: data.validation is given too; leave one of them out"],
        ),
        (
            ["data.image_size=[32, 0]"],
            ["data.image_size: [32, 0] is not [height, width] in pixels, both from 1 to 8192"],
        ),
        (
            ["preprocessing.rescale=1/0"],
            ["preprocessing.rescale: '1/0' is neither a number nor a fraction such as 1/255"],
        ),
        (["preprocessing.rescale=0"], ["preprocessing.rescale: must be greater than 0, got 0"]),
        (["preprocessing="], ["preprocessing: null is not a mapping of keys to values"]),
        (
            [r'data.root="C:\temp"'],
            [
                (
                    r"data.root: 'C:\temp': in double quotes, a backslash starts an escape; write "
                    "a Windows path in single quotes, or with /"
                )
            ],
        ),
        (["epochs=2"], ["epochs: unknown key; did you mean training.epochs?"]),
        (["model.batch_size=2"], ["model.batch_size: unknown key; did you mean data.batch_size?"]),
        (
            ["training.learning_rate=0.1"],
            [
                (
                    "training.learning_rate: belongs to the optimizer: "
                    "training.optimizer: {Adam: {learning_rate: 0.1}}"
                )
            ],
        ),
        (
            ["training.optimizer=rmsprop", "training.lr=2e-5"],
            [
                (
                    "training.lr: belongs to the optimizer: "
                    "training.optimizer: {rmsprop: {learning_rate: 2e-05}}"
                )
            ],
        ),
        (
            ["evaluation.require=['top_3_accuracy > 0.9']"],
            [
                "evaluation.require[0]: evaluation.top_k is 5, so that top_5_accuracy is measured",
            ],
        ),
        (
            ["data.target_size=(32, 32)", "model.input_shape=[32, 32, 3]"],
            [
                "data.target_size: is called image_size: [height, width]",
                (
                    "model.input_shape: remove it: data.image_size and data.channels give the "
                    "shape of the input"
                ),
            ],
        ),
        (["model.layers=[]"], ["model: has neither layers nor a backbone"]),
        (
            ["model.output=relu"],
            ["model.output: 'relu' is not allowed; allowed: sigmoid, softmax"],
        ),
        (
            [BACKBONE, "data.channels=1"],
            ["data.channels: the weights of VGG16 need 3 channels (grey images work too)"],
        ),
        (
            ["model.backbone={name: ResNet50, weights: null}", "data.channels=1"],
            [
                (
                    "data.channels: the preprocessing of ResNet50 needs 3 channels (grey images "
                    "work too)"
                )
            ],
        ),
        (
            ["preprocessing={application: VGG16}", "data.channels=1"],
            ["preprocessing.application: VGG16 needs data.channels: 3 (grey images work too)"],
        ),
        (
            [BACKBONE, "preprocessing.rescale=1/255"],
            ["preprocessing.rescale: VGG16 has its own preprocessing; leave out rescale"],
        ),
        (
            [BACKBONE, "data.image_size=[31, 90]"],
            ["data.image_size: VGG16 needs 32 x 32 or more, got 31 x 90"],
        ),
        (["training.epochs=1.5"], ["training.epochs: 1.5 is not a whole number"]),
        (
            ["training.checkpoint.keep=none"],
            ["training.checkpoint.keep: 'none' is neither a whole number above 0 nor all"],
        ),
        (
            ["training.class_weight={cat: -1}"],
            [
                (
                    "training.class_weight: {'cat': -1} is neither balanced nor a weight for each "
                    "class such as {cat: 1, dog: 2}"
                )
            ],
        ),
        (
            ["training.loss=binary_crossentropy"],
            [
                (
                    "training.loss: BinaryCrossentropy does not fit model.output softmax; use "
                    "one of CategoricalCrossentropy, SparseCategoricalCrossentropy, "
                    "CategoricalFocalCrossentropy, CategoricalGeneralizedCrossEntropy, "
                    "CategoricalHinge, KLDivergence, MeanSquaredError, MeanAbsoluteError, Huber"
                )
            ],
        ),
        (
            ["training.loss={CategoricalCrossentropy: {from_logits: true}}"],
            [
                (
                    "training.loss.CategoricalCrossentropy.from_logits: "
                    "from_logits is always false: the output layer returns probabilities"
                )
            ],
        ),
        (
            ["model.output=sigmoid", "training.metrics=[AUC, F1Score, TopKCategoricalAccuracy]"],
            ["training.metrics[1].F1Score.average: is missing"],
        ),
        (
            ["model.output=sigmoid", "training.metrics=[AUC, TopKCategoricalAccuracy]"],
            ["training.metrics[1]: TopKCategoricalAccuracy does not fit the loss"],
        ),
        (
            ["model.output=sigmoid", "training.metrics=[{F1Score: {average: macro}}]"],
            ["training.metrics[0]: with model.output: sigmoid, it needs a threshold such as 0.5"],
        ),
        (
            ["training.callbacks=[{ModelCheckpoint: {filepath: x}}, LambdaCallback]"],
            [
                (
                    "training.callbacks[0]: not needed: every epoch is saved, "
                    "see training.checkpoint"
                ),
                "training.callbacks[1]: LambdaCallback runs code, which a config can't contain",
            ],
        ),
        (
            ["training.callbacks=[TerminateOnNaN]"],
            ["training.callbacks[0]: not needed: see training.on_nan"],
        ),
        (
            [
                (
                    "training.optimizer.Adam.learning_rate={CosineDecay: "
                    "{initial_learning_rate: 0.1, decay_steps: 9}}"
                ),
                "training.callbacks=[ReduceLROnPlateau]",
            ],
            ["training.callbacks[0]: can't be combined with a learning rate schedule"],
        ),
        (
            ["training.optimizer={Adam: {learning_rate: 0, 001: null}}"],
            [
                "training.optimizer.Adam.learning_rate: must be greater than 0, got 0",
                (
                    "training.optimizer.Adam.001: unknown key; "
                    "write decimals with a point (0.001), not a comma"
                ),
            ],
        ),
    ],
)
def test_problems(problems: Problems, overrides: list[str], expected: list[str]) -> None:
    """Each wrong value is reported in plain words, at its key."""
    assert problems(*overrides) == expected


@pytest.mark.parametrize("short", ["bf16", "fp16"])
def test_a_short_name_of_a_precision(problems: Problems, short: str) -> None:
    """It means the mixed one, as in other libraries, and not that which loses small updates."""
    (problem,) = problems(f"training.precision={short}")
    meant = {"bf16": "mixed_bfloat16", "fp16": "mixed_float16"}[short]
    assert f"{short!r} is not allowed; did you mean '{meant}'? allowed: auto, " in problem


def test_too_many_layers(problems: Problems) -> None:
    """Repetitions multiply: a few lines could keep a training busy for hours."""
    block = "{Repeat: {times: 1000, layers: [Flatten, {Repeat: {times: 2, layers: [ReLU]}}]}}"
    message = "model.layers: 3,000 layers, and at most 2,000 are allowed"
    assert problems(f"model.layers=[{block}]") == [message]


def test_unknown_backbone(problems: Problems) -> None:
    """A backbone that keras.applications doesn't have comes with the nearest and with all."""
    (problem,) = problems("model.backbone={name: vgg-16}")
    assert problem.startswith(
        "model.backbone.name: unknown backbone 'vgg-16'; did you mean 'VGG16'? allowed: ConvNeXt"
    )


def test_name_instead_of_a_backbone(problems: Problems) -> None:
    """A name alone comes with the mapping to write."""
    message = "model.backbone: write {name: VGG16} instead of VGG16"
    assert problems("model.backbone=VGG16") == [message]


@pytest.mark.parametrize(
    "written",
    ["run: photos-3", "run: photos-3  # mine", "'run: photos-3'", "run=photos-3", "photos-3"],
)
def test_what_to_write_for_the_run_of_a_backbone(written: str) -> None:
    """However it is written, the message shows a form that is then accepted."""
    text = "name: x\ndata: {loader: digits, image_size: [8, 8]}\nmodel:\n  %s\n"
    with pytest.raises(ConfigError) as caught:
        parse(text % f"backbone: {written}", "x.yaml")
    form = re.search(r"`(?:backbone: )?(\{run: [^`]+\})`", caught.value.message)
    assert form, caught.value.message
    backbone = parse(text % f"backbone: {form[1]}", "x.yaml").model.backbone
    assert backbone is not None
    assert backbone.run == "photos-3"


def test_grey_backbone_from_scratch(config: str) -> None:
    """Without weights a backbone may start on grey images."""
    overrides = ["model.backbone={name: MobileNetV2, weights: null}", "data.channels=1"]
    backbone = parse(config, "x", overrides).model.backbone
    assert backbone is not None
    assert backbone.weights is None


def test_loss_by_output(config: str) -> None:
    """The loss fits the output where none is named, and says what truth it wants."""
    softmax = parse(config, "x")
    assert (softmax.loss, softmax.truth) == (CategoricalCrossentropy(), "one_hot")
    sigmoid = parse(config, "x", ["model.output=sigmoid"])
    assert (sigmoid.loss, sigmoid.truth) == (BinaryCrossentropy(), "binary")
    assert parse(config, "x", ["training.loss=mse", "model.output=sigmoid"]).truth == "binary"
    assert parse(config, "x", ["training.loss=mse"]).truth == "one_hot"
    assert parse(config, "x", ["training.loss=sparse_categorical_crossentropy"]).truth == "index"


def test_problem_with_its_line(config: str) -> None:
    """What is found later, when the model is built, is reported with the line of its layer."""
    path = ("model", "layers", 1)
    error = parse(config, "pets.yaml").problem(path, "does not fit")
    assert str(error) == "pets.yaml, line 8: model.layers[1]: does not fit"
    bare = Experiment.model_validate(
        {"name": "a", "data": {"root": "b", "image_size": [1, 1]}, "model": {"layers": ["Flatten"]}}
    )
    assert str(bare.problem(path, "bad")) == "the config: model.layers[1]: bad"


def test_equal_wherever_it_was_written(config: str) -> None:
    """File and lines make no difference between experiments."""
    assert parse(config, "a.yaml") == parse("# remark\n" + config, "b.yaml")


def test_split_alone() -> None:
    """A split is refused in Python too when nothing is left."""
    assert SplitConfig(validation=0.25, test=0.25).test == 0.25
    with pytest.raises(ValueError, match="nothing is left to train on"):
        SplitConfig(validation=0.9, test=0.1)


HEAD = ["model.head=logistic", "model.layers=[GlobalAveragePooling2D]"]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([], ["model.head: needs a backbone with `trainable: false`"]),
        (
            ["model.backbone={name: VGG16, trainable: true}"],
            ["model.head: needs a backbone with `trainable: false`"],
        ),
        (
            [BACKBONE, "data.multi_label=true", "model.output=sigmoid"],
            ["model.head: can't be combined with data.multi_label"],
        ),
        (
            [BACKBONE, "model.output=sigmoid"],
            ["model.output: must be softmax with model.head logistic"],
        ),
        (
            [BACKBONE, "augmentation={horizontal_flip: true}"],
            [
                (
                    "augmentation: can't be combined with model.head logistic, which sees each "
                    "image once, as it is"
                )
            ],
        ),
        *(
            (
                [BACKBONE, f"model.layers={layers}"],
                [
                    (
                        "model.layers: must be GlobalAveragePooling2D, GlobalMaxPooling2D or "
                        "Flatten with model.head logistic"
                    )
                ],
            )
            for layers in ("[]", "[Flatten, {Dense: 8}]", "[Flatten, {Dropout: 0.5}]")
        ),
        *(
            (
                [BACKBONE, f"training.{name}={value}"],
                [
                    (
                        f"training.{name}: has no effect with model.head logistic, which is not "
                        "trained in epochs; leave it out"
                    )
                ],
            )
            for name, value in {
                "epochs": "3",
                "loss": "mse",
                "optimizer": "SGD",
                "class_weight": "balanced",
                "fine_tune": "{from: block5_conv1}",
                "callbacks": "[{EarlyStopping: {patience: 3}}]",
            }.items()
        ),
    ],
)
def test_what_an_exact_head_excludes(
    problems: Problems, overrides: list[str], expected: list[str]
) -> None:
    """What it can't be combined with, or what has no effect on it, is refused at its key."""
    assert problems("model.backbone=", *HEAD, *overrides)[: len(expected)] == expected


@pytest.mark.parametrize("layers", ["[GlobalMaxPooling2D]", "[Flatten, {Dense: [2, softmax]}]"])
def test_an_exact_head(config: str, layers: str) -> None:
    """It follows one layer that makes a vector; files may be exported in any precision."""
    overrides = [*HEAD, BACKBONE, f"model.layers={layers}", "training={export: [int8]}"]
    assert parse(config, "x", overrides).model.head == "logistic"
