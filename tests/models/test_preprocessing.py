"""Preprocessing in the model: ImageDataGenerator's numbers, from the first layers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.models.network import fixed_numbers
from imgrec.pixel_statistics import PixelStatistics
from imgrec.workflows.experiment_sections import build_network
from imgrec.workflows.statistics import measure_statistics

CONFIG = """
name: t
data: {{root: photos, image_size: [6, 5], channels: {channels}}}
preprocessing: {preprocessing}
model: {{layers: [Flatten, {{Dense: {{units: 2}}}}]}}
"""

IDG_WAYS = [
    "featurewise_center",
    "featurewise_std_normalization",
    "samplewise_center",
    "samplewise_std_normalization",
]


def _experiment(preprocessing: str, channels: int = 3) -> Experiment:
    return parse(CONFIG.format(preprocessing=preprocessing, channels=channels), "t.yaml")


def _pixels(images: int, channels: int) -> NDArray[np.uint8]:
    """Return images of different brightness and contrast, each channel with its own."""
    draw = np.random.default_rng(images)
    low = draw.integers(0, 120, (images, 1, 1, channels))
    return (low + draw.integers(0, 130, (images, 6, 5, channels))).astype(np.uint8)


def _model(
    experiment: Experiment, statistics: PixelStatistics | None, policy: str = "float32"
) -> Any:
    return build_network(experiment, 2, policy=policy, statistics=statistics)


def _preprocessed(model: Any, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return what the first layer of the network gets."""
    import keras

    flatten = next(each for each in model.layers if type(each).__name__ == "Flatten")
    first = keras.Model(model.input, flatten.input)
    return np.asarray(first(pixels.astype(np.float32)))


@pytest.mark.filterwarnings("ignore:This ImageDataGenerator specifies:UserWarning")
@pytest.mark.parametrize("rescale", [None, 1 / 255])
@pytest.mark.parametrize(("images", "channels"), [(7, 3), (4, 1), (1, 3)])
@pytest.mark.parametrize("way", IDG_WAYS)
def test_the_numbers_are_those_of_image_data_generator(
    way: str, images: int, channels: int, rescale: float | None
) -> None:
    """Fitted on the same images, both give the same floats, for one image and one channel too."""
    from tensorflow.keras.preprocessing.image import ImageDataGenerator

    pixels = _pixels(images, channels)
    generator = ImageDataGenerator(rescale=rescale, **{way: True})
    generator.fit(pixels)
    expected = [generator.standardize(image.astype(np.float32)) for image in pixels]
    scale = "null" if rescale is None else "1/255"
    experiment = _experiment(f"{{rescale: {scale}, {way}: true}}", channels)
    model = _model(experiment, measure_statistics([pixels]).statistics)
    np.testing.assert_allclose(_preprocessed(model, pixels), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("value", [0, 77])
def test_an_image_of_one_colour_has_no_infinite_standard_deviation(value: int) -> None:
    """Where an image's standard deviation is 0, it becomes 0 throughout."""
    model = _model(_experiment("{samplewise_std_normalization: true}"), None)
    found = _preprocessed(model, np.full((1, 6, 5, 3), value, np.uint8))
    np.testing.assert_allclose(found, 0, atol=1e-5)


@pytest.mark.parametrize(
    ("preprocessing", "mean", "std"),
    [
        ("{mean: 100}", 100, 1),
        ("{mean: [10, 20, 30], std: 2}", [10, 20, 30], 2),
        ("{std: [1, 2, 4.5]}", 0, [1, 2, 4.5]),
    ],
)
def test_given_numbers_are_subtracted_and_divided_by(
    preprocessing: str, mean: Any, std: Any
) -> None:
    """A number is for all channels, a list has one for each, and either may be left out."""
    pixels = _pixels(3, 3)
    found = _preprocessed(_model(_experiment(preprocessing), None), pixels)
    np.testing.assert_allclose(found, (pixels - np.array(mean)) / np.array(std), rtol=1e-5)


def test_mean_and_std_come_after_rescale() -> None:
    """The numbers of ImageNet, as they are published for pixels of 0 to 1, hold."""
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    experiment = _experiment(f"{{rescale: 1/255, mean: {mean}, std: {std}}}")
    pixels = _pixels(3, 3)
    expected = (pixels / 255 - np.array(mean)) / np.array(std)
    found = _preprocessed(_model(experiment, None), pixels)
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("way", [*IDG_WAYS, "mean"])
@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_saved_and_loaded_without_trust_it_gives_the_same_numbers(
    way: str, policy: str, tmp_path: Path
) -> None:
    """The model's file holds all of it, in float32 in mixed precision too."""
    import keras

    pixels = _pixels(4, 3)
    experiment = _experiment("{mean: 90.5}" if way == "mean" else f"{{{way}: true}}")
    model = _model(experiment, measure_statistics([pixels]).statistics, policy)
    model.save(tmp_path / "m.keras")
    loaded = keras.models.load_model(tmp_path / "m.keras", safe_mode=True, compile=False)
    before = _preprocessed(model, pixels)
    assert before.dtype == np.float32
    np.testing.assert_array_equal(_preprocessed(loaded, pixels), before)
    if policy == "mixed_float16":
        plain = _preprocessed(_model(experiment, measure_statistics([pixels]).statistics), pixels)
        np.testing.assert_allclose(before, plain, rtol=1e-6, atol=1e-6)


def test_a_layer_may_be_called_like_a_step_of_the_preprocessing() -> None:
    """The steps' own names do not meet those of the config's layers."""
    text = CONFIG.format(preprocessing="{samplewise_std_normalization: true}", channels=3)
    named = "model.layers=[{Flatten: {name: mean}}, {Dense: {units: 2, name: subtract}}]"
    model = _model(parse(text, "t.yaml", [named]), None)
    assert [layer.name for layer in model.layers[1:4]] == ["standardize", "mean", "subtract"]


def test_featurewise_without_statistics_is_a_mistake_of_the_caller() -> None:
    """Numbers are never made up."""
    with pytest.raises(ValueError, match="needs the statistics"):
        fixed_numbers(_experiment("{featurewise_center: true}").preprocessing, 3, None)


def test_no_standardizing_has_no_numbers() -> None:
    """Without a way of standardizing there is nothing to tell."""
    assert fixed_numbers(_experiment("{rescale: 1/255}").preprocessing, 3, None) is None
