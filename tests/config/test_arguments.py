"""Arguments of layers, optimizers and the augmentation that need a second look."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from imgrec.config.augmentation import Augmentation
from imgrec.config.keras.layers import ZeroPadding2D
from imgrec.config.keras.named import plain
from imgrec.config.keras.optimizers import CosineDecay
from imgrec.config.load import dump, parse

Problems = Callable[..., list[str]]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (
            "{Conv2D: {filters: 8, kernel_size: 3, strides: 2, dilation_rate: [1, 2]}}",
            "Conv2D.dilation_rate: must be 1 if strides are above 1",
        ),
        (
            "{Conv2D: {filters: 8, kernel_size: 3, groups: 3}}",
            "Conv2D.groups: must divide filters, 8; got 3",
        ),
        ("{Dropout: {rate: 1}}", "Dropout.rate: must be less than 1, got 1"),
        ("{Residual: {layers: []}}", "Residual.layers: must not be empty"),
        ("{Residual: {layers: Flatten}}", "Residual.layers: 'Flatten' is not a list"),
        ("{Repeat: {times: 0, layers: [ReLU]}}", "Repeat.times: must be at least 1, got 0"),
        (
            "{GroupNormalization: {groups: 0}}",
            "GroupNormalization.groups: 0 is neither a whole number above 0 nor -1",
        ),
        (
            "{ZeroPadding2D: {padding: [1]}}",
            (
                "ZeroPadding2D.padding: [1] is neither a number of pixels nor [height, width] nor "
                "[[top, bottom], [left, right]]"
            ),
        ),
        (
            "{Flatten: {name: a/b}}",
            "Flatten.name: 'a/b' is not a name of letters, digits, `.`, `_` and `-`",
        ),
        (
            "{Conv2D: {filters: 8, kernel_size: '(3, 5)'}}",
            "Conv2D.kernel_size: write [3, 5] instead of a tuple",
        ),
        (
            "{Conv2D: {filters: 8, kernel_size: 3, input_shape: [8, 8, 3]}}",
            (
                "Conv2D.input_shape: remove it: data.image_size and data.channels give the "
                "shape of the input"
            ),
        ),
        ("{LeakyReLU: {alpha: -1}}", "LeakyReLU.alpha: must be at least 0, got -1"),
        ("{Dense: ten}", "Dense.units: 'ten' is not a whole number"),
        ("{Conv2D: 32}", "Conv2D.kernel_size: is missing"),
        (
            "{ZeroPadding2D: [1, 2]}",
            (
                "ZeroPadding2D: [1, 2]: only padding can be written without a name; "
                "write {ZeroPadding2D: {argument: value}}"
            ),
        ),
        (
            "{Dense: [8, units: 9]}",
            ("Dense: [8, {'units': 9}]: units is given twice; write {Dense: {argument: value}}"),
        ),
        (
            "{BatchNormalization: 3}",
            "BatchNormalization: 3 is not a mapping; write {BatchNormalization: {argument: value}}",
        ),
        (
            "{Dense: {units: 9, activation: softmax, use_bias: false}}",
            (
                "Dense.activation: softmax belongs to the output layer, which is added with one "
                "unit per class (model.output); leave this layer out"
            ),
        ),
        (
            "{Dense: [1, sigmoid]}",
            (
                "Dense.activation: one unit with sigmoid is the output layer for two classes, "
                "which is added with `model.output: sigmoid`; leave this layer out"
            ),
        ),
        (
            "{Repeat: {times: 1, layers: [Flatten, {Activation: {activation: softmax}}]}}",
            (
                "Repeat.layers[1].Activation.activation: softmax belongs to the output layer, "
                "which is added with one unit per class (model.output); leave this layer out"
            ),
        ),
        ("{Dense: {units: 3, use_bias: yes}}", "Dense.use_bias: 'yes' is not true or false"),
    ],
)
def test_layers(problems: Problems, layer: str, expected: str) -> None:
    """Arguments that Keras would refuse are refused beforehand."""
    assert problems(f"model.layers[1]={layer}") == [f"model.layers[1].{expected}"]


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (
            "keras.layers.RandomFlip('horizontal')",
            "write augmentation: {horizontal_flip: true} instead of RandomFlip",
        ),
        (
            "RandomFlip",
            (
                "write augmentation: {horizontal_flip: true, vertical_flip: true} instead of "
                "RandomFlip"
            ),
        ),
        (
            "{RandomFlip: diagonal}",
            "use augmentation.horizontal_flip or augmentation.vertical_flip instead of RandomFlip",
        ),
        (
            "{RandomRotation: {factor: (-0.1, 0.1)}}",
            "write augmentation: {rotation_range: 36} instead of RandomRotation",
        ),
        (
            "{RandomZoom: 0.2}",
            "write augmentation: {zoom_range: 0.2} instead of RandomZoom",
        ),
        (
            "{RandomZoom: [0.2, 0.3]}",
            "use augmentation.zoom_range instead of RandomZoom",
        ),
        (
            "{RandomTranslation: [0.1, 0.2]}",
            (
                "write augmentation: {height_shift_range: 0.1, width_shift_range: 0.2} instead "
                "of RandomTranslation"
            ),
        ),
        (
            "'Rescaling(1./127.5, offset=-1)'",
            "write preprocessing: {rescale: 1.0 / 127.5, mean: 1} instead of Rescaling",
        ),
        (
            "{Rescaling: 1./255}",
            "write preprocessing: {rescale: 1./255} instead of Rescaling",
        ),
        (
            "{Resizing: [32, 32]}",
            "write data: {image_size: [32, 32]} instead of Resizing",
        ),
        (
            "{Input: {shape: (8, 8, 3)}}",
            "use data.image_size and data.channels instead of Input",
        ),
        (
            "{RandomContrast: 0.2}",
            "use augmentation.brightness_range instead of RandomContrast",
        ),
        ("Softmax", "the output layer is added with model.output; leave Softmax out"),
        ("Add", "use Residual instead of Add"),
    ],
)
def test_layers_that_belong_to_another_key(problems: Problems, layer: str, expected: str) -> None:
    """The message names the key."""
    assert problems(f"model.layers[1]={layer}") == [f"model.layers[1]: {expected}"]


def test_a_tuple_is_no_section(problems: Problems) -> None:
    """A tuple where a section belongs is named like any other list."""
    expected = "augmentation: [3, 3] is not a mapping of keys to values"
    assert problems("augmentation=(3, 3)") == [expected]


@pytest.mark.parametrize(
    "layer",
    [
        "{Conv2D: {filters: 8, kernel_size: 3, input_shape: (32, 48, 3)}}",
        "{Conv2D: [8, 3, input_shape: [32, 48, 3]]}",
        "Conv2D(8, 3, input_shape=(32, 48, 3))",
    ],
)
def test_an_input_shape_that_data_has_too(config: str, layer: str) -> None:
    """The shape is left out of the first layer if it is that of the images."""
    assert parse(config, "x", [f"model.layers[0]={layer}"]) == parse(config, "x")


def test_another_input_shape(problems: Problems) -> None:
    """A shape that differs from that of the images is refused at the first layer."""
    expected = (
        "model.layers[0].Conv2D.input_shape: remove it: data.image_size and data.channels "
        "give the shape of the input"
    )
    layer = "{Conv2D: {filters: 8, kernel_size: 3, input_shape: (32, 32, 3)}}"
    assert problems(f"model.layers[0]={layer}") == [expected]


@pytest.mark.parametrize("padding", [0, (1, 2), ((1, 0), (0, 2))])
def test_zero_padding(padding: object) -> None:
    """All three forms of padding are kept as they are."""
    assert ZeroPadding2D.model_validate({"padding": padding}).padding == padding


@pytest.mark.parametrize(
    ("optimizer", "expected"),
    [
        ("{SGD: {lr: 0}}", "SGD.lr: must be greater than 0, got 0"),
        (
            "{SGD: {lr: 1, learning_rate: 2}}",
            "SGD.lr: is called learning_rate in Keras 3",
        ),
        ("{SGD: {learning_rate: 0}}", "SGD.learning_rate: must be greater than 0, got 0"),
        ("{SGD: {learning_rate: .inf}}", "SGD.learning_rate: must be greater than 0, got inf"),
        (
            f"{{SGD: {{learning_rate: {10**400}}}}}",
            f"SGD.learning_rate: must be greater than 0, got 1{'0' * 58}…",
        ),
        (
            "{SGD: {learning_rate: true}}",
            "SGD.learning_rate: one schedule expected, got true; write its name, or {Name: {...}}",
        ),
        (
            "{SGD: {clipnorm: 1, clipvalue: 2}}",
            "SGD.clipvalue: can't be combined with clipnorm",
        ),
        (
            (
                "{Adam: {learning_rate: "
                "{PiecewiseConstantDecay: {boundaries: [1, 2], values: [0.1, 0.2]}}}}"
            ),
            (
                "Adam.learning_rate.PiecewiseConstantDecay.values: must have one more item than "
                "boundaries"
            ),
        ),
        (
            (
                "{SGD: {learning_rate: {CosineDecay: {initial_learning_rate: 0, decay_steps: 9, "
                "warmup_steps: 3}}}}"
            ),
            (
                "SGD.learning_rate.CosineDecay.warmup_steps: "
                "needs warmup_target, the rate at the end of the warm-up"
            ),
        ),
        (
            (
                "{SGD: {learning_rate: {CosineDecay: {initial_learning_rate: 0, decay_steps: 9, "
                "warmup_target: 1}}}}"
            ),
            (
                "SGD.learning_rate.CosineDecay.warmup_target: "
                "needs warmup_steps, the length of the warm-up"
            ),
        ),
    ],
)
def test_optimizers(problems: Problems, optimizer: str, expected: str) -> None:
    """Rates are above 0 or a schedule that fits together."""
    assert problems(f"training.optimizer={optimizer}") == [f"training.optimizer.{expected}"]


def test_schedule(config: str) -> None:
    """A learning rate may be a schedule, and is written back as one."""
    rate = "{CosineDecay: {initial_learning_rate: 0.1, decay_steps: 9}}"
    experiment = parse(config, "x", [f"training.optimizer.Adam.learning_rate={rate}"])
    arguments = experiment.training.optimizer.arguments()
    assert arguments["learning_rate"] == CosineDecay(initial_learning_rate=0.1, decay_steps=9)
    assert parse(dump(experiment), "y") == experiment


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("acc", "accuracy"),
        ("top_5_accuracy", "TopKCategoricalAccuracy"),
        ("keras.metrics.AUC", "AUC"),
    ],
)
def test_other_names_of_metrics(config: str, written: str, name: str) -> None:
    """Metrics can have the names of tutorials and of evaluations."""
    (metric,) = parse(config, "x", [f"training.metrics=[{written}]"]).training.metrics
    assert plain(metric) == name


def test_a_single_item_of_a_list(config: str) -> None:
    """Lists of metrics, callbacks, precisions, requirements and slices can be left out."""
    written = {
        "training": {"metrics": "acc", "callbacks": "EarlyStopping", "export": "float16"},
        "evaluation": {"require": "accuracy >= 0.9", "slices": "size"},
    }
    one, several = (
        parse(
            config,
            "x",
            [
                f"{section}.{key}={f'[{value}]' if listed else value}"
                for section, keys in written.items()
                for key, value in keys.items()
            ],
        )
        for listed in (False, True)
    )
    assert one == several
    assert plain(one.training.metrics) == ["accuracy"]


@pytest.mark.parametrize("name", ["adam", "rmsprop", "adamw", "SGD"])
def test_optimizers_in_lower_case(config: str, name: str) -> None:
    """Keras' lower-case names of optimizers are taken."""
    experiment = parse(config, "x", [f"training.optimizer={name}"])
    assert type(experiment.training.optimizer).__name__.lower() == name.lower()


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("width_shift_range", 2),
        ("width_shift_range", 0.2),
        ("height_shift_range", [-1.0, 1.0]),
        ("zoom_range", 0.2),
        ("zoom_range", (0.8, 1.2)),
        ("brightness_range", (0.5, 1.5)),
    ],
)
def test_augmentation_forms(argument: str, value: object) -> None:
    """ImageDataGenerator's forms are kept: a whole number is in pixels, not a fraction."""
    read = getattr(Augmentation.model_validate({argument: value}), argument)
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("zoom_range=[1.2, 0.8]", "zoom_range: must be two numbers above 0, the smaller one first"),
        ("zoom_range=1", "zoom_range: 1 is neither a number from 0 to 1 nor two factors"),
        ("brightness_range=0.5", "brightness_range: 0.5 is not two factors"),
        ("rotation_range=-3", "rotation_range: must be at least 0, got -3"),
        (
            "fill_mode=mirror",
            "fill_mode: 'mirror' is not allowed; allowed: constant, nearest, reflect, wrap",
        ),
        (
            "rescale=0.1",
            (
                "rescale: belongs to `preprocessing.rescale`: it applies to every image, "
                "not only in training"
            ),
        ),
        (
            "validation_split=0.1",
            (
                "validation_split: belongs to `data.split.validation`: "
                "images are split before they are augmented"
            ),
        ),
        (
            "zca_whitening=true",
            "zca_whitening: is not supported: it needs the whole data set in memory",
        ),
        (
            "featurewise_center=true",
            (
                "featurewise_center: belongs to `preprocessing.featurewise_center`: "
                "it applies to every image, not only in training"
            ),
        ),
    ],
)
def test_augmentation_problems(problems: Problems, override: str, expected: str) -> None:
    """Options of ImageDataGenerator that are elsewhere or missing get the place or the reason."""
    assert problems(f"augmentation.{override}") == [f"augmentation.{expected}"]
