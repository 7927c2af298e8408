"""Numbers taken from the training images stay with the run, in its card and in its model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray
from PIL import Image

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.errors import DataError, RunError
from imgrec.pixel_statistics import PixelStatistics
from imgrec.progress import Silent
from imgrec.runs.folder import Run
from imgrec.workflows.evaluation import evaluate
from imgrec.workflows.experiment_sections import network_spec
from imgrec.workflows.prepare import prepare
from imgrec.workflows.statistics import measure_preprocessing, preprocessing_in_words
from imgrec.workflows.training import TrainingResult, plan_training, resume, train
from tests.conftest import write_colours
from tests.workflows.predicting import predict

CONFIG = """
name: means
data:
  root: %s
  image_size: [6, 8]
  split: {validation: 0.2, test: 0.2}
  batch_size: 7
  fit: crop
preprocessing: {rescale: 1/255, featurewise_std_normalization: true}
augmentation: {horizontal_flip: true}
model: {layers: [Flatten], output: sigmoid}
training: {epochs: 2, export: [], optimizer: {Adam: {learning_rate: 1e-2}}}
"""


def _experiment(photos: Path, *overrides: str) -> Experiment:
    return parse(CONFIG % json.dumps(str(photos)), "means.yaml", overrides)


@pytest.fixture(scope="module")
def trained_twice(tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """Two epochs on images like `photos`; tests must not change the run."""
    folder = tmp_path_factory.mktemp("means")
    return train(_experiment(write_colours(folder / "photos")), runs_dir=folder / "runs")


def _training_pixels(experiment: Experiment) -> NDArray[np.uint8]:
    prepared = prepare(experiment, Silent())
    return prepared.pixels.take(range(len(prepared.splits.train)))


def test_the_numbers_are_those_of_the_training_part_alone(photos: Path) -> None:
    """Validation and test images don't count, nor do augmented ones."""
    experiment = _experiment(photos)
    prepared = prepare(experiment, Silent())
    found = measure_preprocessing(prepared, Silent())
    pixels = _training_pixels(experiment)
    assert len(pixels) == 24
    assert found is not None
    np.testing.assert_allclose(found.statistics.mean, pixels.mean(axis=(0, 1, 2)))
    np.testing.assert_allclose(found.statistics.std, pixels.std(axis=(0, 1, 2)))


def test_nothing_is_measured_unasked(photos: Path) -> None:
    """Without featurewise preprocessing the images are not gone through again."""
    off = "preprocessing.featurewise_std_normalization=false"
    experiment = _experiment(photos, off)
    assert measure_preprocessing(prepare(experiment, Silent()), Silent()) is None


def test_the_run_holds_the_numbers_and_the_mean_image(
    trained_twice: TrainingResult, photos: Path
) -> None:
    """The card has mean and standard deviation, the folder the mean image in two forms."""
    run = trained_twice.run
    pixels = _training_pixels(_experiment(photos))
    assert run.card.statistics is not None
    np.testing.assert_allclose(run.card.statistics.mean, pixels.mean(axis=(0, 1, 2)))
    assert run.card.input.fit == "crop"
    assert run.card.preprocessing.endswith(", of the training images, in the model")
    mean = np.load(run.path / "mean.npy")
    assert (mean.shape, mean.dtype) == ((6, 8, 3), np.float32)
    np.testing.assert_allclose(mean, pixels.mean(axis=0), rtol=1e-6)
    with Image.open(run.path / "mean.png") as picture:
        assert np.abs(np.asarray(picture) - mean).max() <= 0.5


def test_a_grey_mean_image_is_a_grey_picture(photos: Path, tmp_path: Path) -> None:
    """One channel makes a PNG of grey."""
    run = train(_experiment(photos, "data.channels=1"), runs_dir=tmp_path / "runs").run
    assert np.load(run.path / "mean.npy").shape == (6, 8, 1)
    with Image.open(run.path / "mean.png") as picture:
        assert picture.mode == "L"


@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_predict_is_the_saved_model_fed_with_raw_pixels(
    photos: Path, tmp_path: Path, fit: str
) -> None:
    """What `predict` and `evaluate` answer needs nothing besides the decoder and the file."""
    import keras

    overrides = [f"data.fit={fit}", "training.export=[float32]"]
    run = train(_experiment(photos, *overrides), runs_dir=tmp_path / "runs").run
    tall = tmp_path / "tall.png"
    with Image.open(photos / "blue" / "03.png") as photo:
        photo.resize((20, 90)).save(tall)
    model = keras.models.load_model(run.path / "best.keras", safe_mode=True)
    with Image.open(tall) as image:
        pixels = _by_hand(image, fit)[np.newaxis].astype(np.float32)
    second = float(model.predict_on_batch(pixels)[0, 0])
    (prediction,) = predict([str(tall)], model=run)
    assert dict(prediction.top) == pytest.approx({"red": second, "blue": 1 - second}, abs=1e-6)


def test_evaluate_finds_the_numbers_of_the_training_again(trained_twice: TrainingResult) -> None:
    """What the training wrote at its end is what the loaded model answers."""
    again = evaluate(trained_twice.run).evaluation
    assert again.metrics == trained_twice.evaluation.metrics


def _by_hand(image: Image.Image, fit: str) -> NDArray[np.uint8]:
    """Bring a picture of 20 x 90 to 8 x 6."""
    if fit == "stretch":
        return np.asarray(_rows_first(image, (8, 6), 0, 90))
    if fit == "crop":
        return np.asarray(_rows_first(image, (8, 6), 37.5, 52.5))
    canvas = Image.new("RGB", (8, 6))
    canvas.paste(_rows_first(image, (1, 6), 0, 90), (3, 0))
    return np.asarray(canvas)


def _rows_first(
    image: Image.Image, size: tuple[int, int], upper: float, lower: float
) -> Image.Image:
    rows = image.resize((size[0], image.height), Image.Resampling.BILINEAR)
    return rows.resize(size, Image.Resampling.BILINEAR, (0, upper, size[0], lower))


def test_a_resumed_training_uses_the_numbers_of_its_card(
    trained_twice: TrainingResult, photos: Path, tmp_path: Path
) -> None:
    """One epoch and then another is the same as two, and the numbers are the card's."""
    whole = trained_twice.run
    first = train(_experiment(photos, "training.epochs=1"), runs_dir=tmp_path / "first").run
    resumed = resume(first, overrides=["training.epochs=2"]).run
    assert resumed.card.statistics == whole.card.statistics
    losses = [(run.path / "history.csv").read_text().splitlines() for run in (whole, resumed)]
    assert _column(losses[0]) == _column(losses[1])


def _column(lines: list[str]) -> list[str]:
    place = lines[0].split(",").index("val_loss")
    return [line.split(",")[place] for line in lines]


def test_a_card_without_the_numbers_can_not_be_resumed(trained_twice: TrainingResult) -> None:
    """They are not computed again behind the user's back."""
    run = trained_twice.run
    bare = Run(run.path, structs.replace(run.card, statistics=None))
    with pytest.raises(RunError, match="lacks the statistics of its training images"):
        resume(bare, overrides=["training.epochs=3"])


def test_a_plan_needs_no_numbers(photos: Path) -> None:
    """A dry run shows the layer without having read an image."""
    network = plan_training(_experiment(photos)).network
    assert network is not None
    assert "standardize" in {layer.name for layer in network.layers}


def test_a_channel_without_spread_is_refused(photos: Path, tmp_path: Path) -> None:
    """To divide by nothing would blow up the first image that differs."""
    for path in photos.rglob("*.png"):
        with Image.open(path) as photo:
            pixels = np.array(photo)
        pixels[..., 1] = 60
        Image.fromarray(pixels).save(path)
    with pytest.raises(DataError, match="channel 1 has one value in all pixels"):
        train(_experiment(photos), runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("preprocessing", "expected"),
    [
        ("{}", "none"),
        ("{rescale: 0.5}", "times 0.5, in the model"),
        ("{mean: [1, 2, 3]}", "minus (1 2 3) divided by (1 1 1), in the model"),
        (
            "{rescale: 0.1, featurewise_center: true}",
            "times 0.1, minus (1 2 3) divided by (1 1 1), of the training images, in the model",
        ),
        (
            "{samplewise_std_normalization: true}",
            "minus each image's mean, divided by each image's standard deviation, in the model",
        ),
    ],
)
def test_in_words(photos: Path, preprocessing: str, expected: str) -> None:
    """The card records what the model does to the pixels."""
    off = "preprocessing.featurewise_std_normalization=false"
    experiment = _experiment(photos, off, f"preprocessing={preprocessing}")
    statistics = PixelStatistics((10.0, 20.0, 30.0), (1.0, 1.0, 1.0))
    assert preprocessing_in_words(network_spec(experiment, 2), statistics) == expected
