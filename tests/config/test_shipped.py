"""The configs that come with imgrec."""

from __future__ import annotations

import re

import pytest

from imgrec.config import shipped
from imgrec.config.keras.layers import Conv2D, Dense, Flatten, GlobalAveragePooling2D, MaxPooling2D
from imgrec.config.keras.losses import BinaryCrossentropy
from imgrec.config.keras.optimizers import Adam, CosineDecay, RMSprop
from imgrec.config.load import load
from imgrec.data.tfrecord import LOADER
from imgrec.errors import UsageError

NAMES = (
    "bird",
    "bird_plus",
    "cat_dog",
    "cat_dog_plus",
    "efficientnet_transfer",
    "mnist",
    "mnist_plus",
    "mobilenet_transfer",
    "nasnet_tfrecord",
    "small_cnn",
    "vgg16",
    "vgg16_transfer",
)


def test_names() -> None:
    """These configs are shipped."""
    assert shipped.names() == NAMES


@pytest.mark.parametrize("name", shipped.names())
def test_headers(name: str) -> None:
    """Each says what it is, where it is from, what it needs, what to expect, and the command."""
    header, _, body = shipped.text(name).partition("\n\n")
    schema = "# yaml-language-server: $schema=../docs/config.schema.json\n#\n"
    assert shipped.path(name).read_text("utf-8") == schema + shipped.text(name)
    assert header.startswith(f"# {shipped.description(name)}\n")
    for word in ("From:", "Needs:", "Expect:", "Command:", "Smoke:"):
        assert re.search(rf"^# {word} +\S", header, re.MULTILINE), word
    assert f"imgrec train {name}" in header
    assert body.startswith(f"name: {name}\n")


@pytest.mark.parametrize("name", shipped.names())
def test_smoke_commands_work(name: str) -> None:
    """The overrides in the header are right."""
    (line,) = re.findall(rf"^# Smoke: +imgrec train {name} (.+)$", shipped.text(name), re.MULTILINE)
    assert load(name, re.findall(r"--set (\S+)", line)).training.epochs == 1


def test_cat_dog() -> None:
    """cat_dog is the network that it promises."""
    experiment = load("cat_dog")
    convolutions = [
        layer
        for filters in (32, 64, 128, 128)
        for layer in (
            Conv2D(filters=filters, kernel_size=3, activation="relu"),
            MaxPooling2D(pool_size=2),
        )
    ]
    assert experiment.model.layers == [
        *convolutions,
        Flatten(),
        Dense(units=512, activation="relu"),
    ]
    assert (experiment.model.output, experiment.loss) == ("sigmoid", BinaryCrossentropy())
    assert experiment.training.optimizer == RMSprop(learning_rate=1e-4)
    assert experiment.training.epochs == 30
    assert experiment.data.image_size == (150, 150)
    assert experiment.preprocessing.rescale == 1 / 255
    assert experiment.augmentation is not None
    assert experiment.augmentation.model_dump(exclude_unset=True) == {
        "rotation_range": 40,
        "width_shift_range": 0.2,
        "height_shift_range": 0.2,
        "shear_range": 0.2,
        "zoom_range": 0.2,
        "horizontal_flip": True,
    }


@pytest.mark.parametrize(
    ("name", "images"), [("small_cnn", 1797 * (1 - 0.1 - 0.2)), ("cat_dog_plus", 2000)]
)
def test_a_rate_ends_at_zero(name: str, images: float) -> None:
    """The learning rate falls over exactly the steps that are trained, its warm-up among them."""
    experiment = load(name)
    batches = -(-images // experiment.data.batch_size)
    schedule = experiment.training.optimizer.arguments()["learning_rate"]
    steps = schedule.decay_steps + schedule.warmup_steps
    assert steps == experiment.training.epochs * batches


def test_bird_plus() -> None:
    """bird_plus teaches all of VGG16 in the end, at a rate that falls to zero."""
    training, batches = load("bird_plus").training, -(-7245 // load("bird_plus").data.batch_size)
    assert training.fine_tune is not None
    assert training.fine_tune.first_layer == "all"
    rate = training.fine_tune.learning_rate
    assert isinstance(rate, CosineDecay)
    assert rate.decay_steps == training.fine_tune.epochs * batches


def test_vgg16_transfer() -> None:
    """vgg16_transfer keeps VGG16 as it is and learns a head."""
    experiment = load("vgg16_transfer")
    backbone = experiment.model.backbone
    assert backbone is not None
    assert (backbone.name, backbone.weights, backbone.trainable) == ("VGG16", "imagenet", False)
    assert experiment.augmentation is None


@pytest.mark.parametrize(
    ("name", "backbone"),
    [("mobilenet_transfer", "MobileNetV2"), ("efficientnet_transfer", "EfficientNetV2B0")],
)
def test_what_is_frozen_is_fine_tuned_later(name: str, backbone: str) -> None:
    """A head first, on views whose features are kept; then the last blocks, at a low rate."""
    experiment = load(name)
    frozen, tuned = experiment.model.backbone, experiment.training.fine_tune
    assert frozen is not None
    assert (frozen.name, frozen.weights, frozen.trainable) == (backbone, "imagenet", False)
    assert experiment.augmentation is not None
    assert experiment.training.feature_views == 4
    assert tuned is not None
    assert tuned.learning_rate == 1e-5


def test_nasnet_tfrecord() -> None:
    """NASNetMobile with its own top, random weights, and any number of three classes an image."""
    experiment = load("nasnet_tfrecord")
    backbone = experiment.model.backbone
    assert backbone is not None
    assert (backbone.name, backbone.weights, backbone.trainable) == ("NASNetMobile", None, True)
    assert experiment.model.layers == [GlobalAveragePooling2D()]
    assert (experiment.model.output, experiment.loss) == ("sigmoid", BinaryCrossentropy())
    assert experiment.data.multi_label
    assert experiment.data.options(LOADER).label_map == {"1": "person", "2": "car", "3": "dog"}
    assert isinstance(experiment.training.optimizer, Adam)
    assert experiment.training.epochs == 10


def test_bird() -> None:
    """Bird is the tutorial's network, with its standardizing and its augmentation."""
    experiment = load("bird")
    sizes = [
        getattr(layer, "filters", getattr(layer, "units", None))
        for layer in experiment.model.layers
    ]
    assert [size for size in sizes if size] == [32, 64, 64, 512]
    assert experiment.data.image_size == (32, 32)
    assert experiment.data.batch_size == 96
    assert experiment.training.epochs == 100
    assert experiment.preprocessing.featurewise_std_normalization
    assert experiment.augmentation is not None
    assert experiment.augmentation.model_dump(exclude_unset=True) == {
        "horizontal_flip": True,
        "rotation_range": 25,
        "blur_sigma": 3.0,
        "blur_probability": 0.5,
    }


def test_vgg16_has_its_16_layers() -> None:
    """13 convolutions, two dense layers, and the output that is added by the classes."""
    layers = load("vgg16").model.layers
    filters = [layer.filters for layer in layers if isinstance(layer, Conv2D)]
    assert filters == [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6
    assert [layer.units for layer in layers if isinstance(layer, Dense)] == [4096] * 2


def test_unknown_name() -> None:
    """A name that is not shipped comes with the nearest and with all."""
    with pytest.raises(UsageError) as caught:
        shipped.text("cat-dog")
    assert str(caught.value) == "no shipped config 'cat-dog'; did you mean 'cat_dog'?"
    assert caught.value.hint == f"shipped configs: {', '.join(NAMES)}"
