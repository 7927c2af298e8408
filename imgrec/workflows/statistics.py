"""The numbers that a model's preprocessing takes from the training images."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.config.preprocessing import Preprocessing
from imgrec.errors import DataError, RunError
from imgrec.models.network import NetworkSpec, fixed_numbers
from imgrec.models.packaged_weights import packaged_weights
from imgrec.pixel_statistics import PixelStatistics
from imgrec.progress import Progress, Task
from imgrec.runs.folder import Run
from imgrec.runs.writer import RunWriter
from imgrec.training.stream import TrainingImages
from imgrec.workflows.prepare import Prepared, training_split


@dataclass(frozen=True)
class RunningStatistics:
    """What was measured: numbers per channel, and the mean of all images as an image.

    mean_image: float64 (height, width, channels), 0 to 255.
    """

    statistics: PixelStatistics
    mean_image: NDArray[np.float64]


def measure_statistics(batches: Iterable[NDArray[np.uint8]]) -> RunningStatistics:
    """Return the statistics of batches of pixels, (batch, height, width, channels), all one size.

    Sums are kept in whole numbers, so that the result is the same for the same images, whatever
    their order and batches. Raises ValueError if there is no image.
    """
    images = 0
    total: NDArray[np.uint64] = np.zeros(1, np.uint64)
    squares: NDArray[np.uint64] = np.zeros(1, np.uint64)
    for batch in batches:
        images += len(batch)
        total = total + batch.sum(axis=0, dtype=np.uint64)
        squared = np.square(batch, dtype=np.uint16)
        squares = squares + squared.sum(axis=(0, 1, 2), dtype=np.uint64)
    if not images:
        raise ValueError("there is no image to measure")
    count = images * total.shape[0] * total.shape[1]
    numbers = [
        _mean_and_std(count, int(channel_sum), int(channel_squares))
        for channel_sum, channel_squares in zip(total.sum(axis=(0, 1)), squares, strict=True)
    ]
    mean, std = zip(*numbers, strict=True)
    return RunningStatistics(PixelStatistics(mean, std), total / images)


def _mean_and_std(count: int, total: int, squares: int) -> tuple[float, float]:
    # Python's integers: nothing is lost where mean and mean square are close.
    return total / count, math.sqrt((count * squares - total * total) / (count * count))


def measure_preprocessing(prepared: Prepared, progress: Progress) -> RunningStatistics | None:
    """Measure the training images, each once, if the experiment's preprocessing asks for it.

    Raises DataError if a channel can't be divided by its standard deviation, as it is 0.
    """
    preprocessing = prepared.experiment.preprocessing
    if not preprocessing.featurewise:
        return None
    split = training_split(prepared)
    with progress.task("mean of the training images", len(split.rows)) as task:
        measurement = measure_statistics(_batches(split, task))
    if preprocessing.featurewise_std_normalization:
        _check_spread(measurement.statistics)
    return measurement


def recorded_preprocessing(preprocessing: Preprocessing, run: Run) -> PixelStatistics | None:
    """Return the numbers of a run's card, to resume with exactly those.

    Raises RunError if the preprocessing needs them and the card has none.
    """
    if preprocessing.featurewise and run.card.statistics is None:
        raise RunError(
            f"the card of {run.name} lacks the statistics of its training images",
            hint="train again",
        )
    return run.card.statistics


def without_measuring(channels: int) -> PixelStatistics:
    """Return numbers for a model that no image will ever meet."""
    return PixelStatistics((0.0,) * channels, (1.0,) * channels)


def write_mean_image(writer: RunWriter, measurement: RunningStatistics) -> None:
    """Write `mean.npy`, float32 (height, width, channels) of 0 to 255, and `mean.png`."""
    mean = measurement.mean_image
    array, picture = io.BytesIO(), io.BytesIO()
    np.save(array, mean.astype(np.float32), allow_pickle=False)
    writer.write_bytes("mean.npy", array.getvalue())
    rounded = np.rint(mean).astype(np.uint8)
    Image.fromarray(rounded.squeeze(2) if mean.shape[2] == 1 else rounded).save(picture, "PNG")
    writer.write_bytes("mean.png", picture.getvalue())


def preprocessing_in_words(spec: NetworkSpec, statistics: PixelStatistics | None) -> str:
    """Return what the model itself does to the pixels, for people."""
    backbone, preprocessing = spec.model.backbone, spec.preprocessing
    application = preprocessing.application if backbone is None else backbone.name
    if application is not None:
        what = "preprocessing" if packaged_weights(application) else "preprocess_input"
        return f"the {what} of {application}, in the model"
    steps = []
    if preprocessing.rescale is not None:
        steps.append(f"times {preprocessing.rescale:.9g}")
    if preprocessing.samplewise:
        steps.append("minus each image's mean")
    if preprocessing.samplewise_std_normalization:
        steps.append("divided by each image's standard deviation")
    numbers = fixed_numbers(preprocessing, spec.input_shape[2], statistics)
    if numbers is not None:
        origin = ", of the training images" if preprocessing.featurewise else ""
        steps.append(f"minus {_listed(numbers.mean)} divided by {_listed(numbers.std)}{origin}")
    return ", ".join([*steps, "in the model"]) if steps else "none"


def _listed(numbers: tuple[float, ...]) -> str:
    return f"({' '.join(f'{number:.6g}' for number in numbers)})"


def _batches(split: TrainingImages, task: Task) -> Iterator[NDArray[np.uint8]]:
    size = split.schedule.batch_size
    for start in range(0, len(split.rows), size):
        batch = split.pixels.take(split.rows[start : start + size])
        yield batch
        task.advance(len(batch))


def _check_spread(statistics: PixelStatistics) -> None:
    flat = [str(channel) for channel, std in enumerate(statistics.std) if std == 0]
    if flat:
        raise DataError(
            "featurewise_std_normalization divides by a standard deviation of 0: channel "
            f"{' and '.join(flat)} has one value in all pixels of all training images",
            hint="set preprocessing.featurewise_center alone",
        )
