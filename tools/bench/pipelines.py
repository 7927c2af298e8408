"""How fast input pipelines feed a training, compared with those of Keras."""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from imgrec.config.experiment import Experiment
from imgrec.data.cache import open_pixels
from imgrec.data.cache_config import CacheConfig
from imgrec.data.images import inspect_image
from imgrec.data.records import Record
from imgrec.data.sources import read
from imgrec.models.backend import Devices, make_reproducible
from imgrec.progress import Silent
from imgrec.training.batch import Batch, encode
from imgrec.training.steps import Steps
from imgrec.training.stream import BatchSchedule, TrainingImages, training_batches
from imgrec.workflows.experiment_sections import build_steps, input_settings
from imgrec.workflows.prepare import image_spec
from tools.bench.figures import Figure, Size, rate, seconds

NAMES = {
    "generator": "`ImageDataGenerator.flow_from_directory`",
    "layers": "`image_dataset_from_directory`, Keras' random layers",
    "first": "imgrec, first epoch with decoding",
    "later": "imgrec, second epoch on",
}
GOALS = (
    ("later", "generator", "at least 6"),
    ("later", "layers", "at least 4"),
    ("first", "generator", "at least 4"),
)


def pipelines(
    experiment: Experiment, split: TrainingImages, folder: Path, size: Size
) -> Iterator[Figure]:
    """Yield the images/s of input pipelines with the same augmentation, and their ratios."""
    records = some_records(experiment, size.images)
    ways: dict[str, Callable[[], float]] = {
        "generator": lambda: throughput(data_generator(experiment, folder), size.batches),
        "layers": lambda: throughput(random_layers(experiment, folder), size.batches),
        "first": lambda: size.images / seconds(lambda: first_epoch(experiment, records), rounds=1),
        "later": lambda: throughput(later_epochs(experiment, split), 5 * size.batches),
    }
    rounds = [{name: measure() for name, measure in ways.items()} for _ in range(size.rounds + 2)]
    for name, text in NAMES.items():
        yield Figure(text, rate(statistics.median(one[name] for one in rounds)))
    for name, other, goal in GOALS:
        ratio = statistics.median(one[name] / one[other] for one in rounds)
        yield Figure(
            f"{NAMES[name]}, over {NAMES[other].split(',')[0]}", f"{ratio:.1f} times", goal
        )


def decoding(experiment: Experiment, size: Size) -> Iterator[Figure]:
    """Yield how long one thread takes to read and decode a photo, and Pillow's part of that."""
    records, spec = some_records(experiment, size.images // 10), image_spec(experiment.data)
    files = [each.source for each in records if isinstance(each.source, Path)]
    contents = [each.read_bytes() for each in files]

    def pillow() -> None:
        for content in contents:
            with Image.open(io.BytesIO(content)) as image:
                rows = image.resize((spec.width, image.height), Image.Resampling.BILINEAR)
                rows.resize((spec.width, spec.height), Image.Resampling.BILINEAR)

    def ours() -> None:
        for record in records:
            inspect_image(record, spec)

    whole, least = (seconds(work, size.rounds) / len(records) for work in (ours, pillow))
    yield Figure(
        "read, hash and decode a photo, one thread",
        f"{1000 * whole:.2f} ms; Pillow's decoder and resizing {1000 * least:.2f} ms",
    )


def steps(
    experiment: Experiment, split: TrainingImages, devices: Devices, size: Size
) -> Iterator[Figure]:
    """Yield how long a training step takes, with the pipeline and with a constant batch."""
    make_reproducible(experiment.seed, devices, deterministic=False)
    trained = build_steps(experiment, 2, devices, weights=True)
    stream = batches(experiment, split)
    constant = next(stream)
    trained.train(constant)
    pairs = [
        (
            step_seconds(trained, lambda: constant, size.steps),
            step_seconds(trained, lambda: next(stream), size.steps),
        )
        for _ in range(size.rounds + 2)
    ]
    plain, fed = (statistics.median(times) for times in zip(*pairs, strict=True))
    excess = statistics.median(fed / plain for plain, fed in pairs) - 1
    name = f"a training step of `cat_dog` in {trained.policy}"
    goal = "at most 3 %" if trained.policy == "float32" else "at most 5 %"
    yield Figure(f"{name}, constant batch", f"{1000 * plain:.0f} ms")
    yield Figure(f"{name}, with the pipeline", f"{1000 * fed:.0f} ms")
    yield Figure(f"time that the pipeline adds to {name}", f"{100 * excess:+.1f} %", goal)


def step_seconds(trained: Steps, batch: Callable[[], Batch], count: int) -> float:
    """Return how long one of `count` steps takes, including getting its batch."""

    def work() -> None:
        for _ in range(count):
            trained.train(batch())

    trained.train(batch())
    return seconds(work, rounds=1) / count


def some_records(experiment: Experiment, images: int) -> Sequence[Record]:
    """Return `images` of the experiment's training photos, from all of its classes."""
    records = read(experiment.data, experiment.seed).train
    return records[:: max(1, len(records) // images)][:images]


def training_split(experiment: Experiment, records: Sequence[Record]) -> TrainingImages:
    """Return the photos of `records`, decoded into memory."""
    pixels, _ = open_pixels(records, image_spec(experiment.data), CacheConfig(), Silent())
    labels = np.array([record.label for record in records], np.int64)
    return TrainingImages(
        pixels,
        np.arange(len(records)),
        encode(experiment.truth, labels, 2),
        np.ones(len(records), np.float32),
        BatchSchedule(len(records), experiment.data.batch_size),
    )


def batches(experiment: Experiment, split: TrainingImages, epochs: int = 10_000) -> Iterator[Batch]:
    """Return the batches of a training."""
    augmenter = input_settings(experiment).augmenter
    return training_batches(split, seed=0, start=(0, 0), epochs=epochs, augmenter=augmenter)


def first_epoch(experiment: Experiment, records: Sequence[Record]) -> None:
    """Read and decode the files and go through them once, like the first epoch of a training.

    They have been looked for before, as they have for the others.
    """
    for _ in batches(experiment, training_split(experiment, records), epochs=1):
        pass


def later_epochs(experiment: Experiment, split: TrainingImages) -> Iterator[Any]:
    """Yield the images of batch after batch, from pixels in memory."""
    return (batch.images for batch in batches(experiment, split))


def data_generator(experiment: Experiment, folder: Path) -> Iterator[Any]:
    """Yield the images of batch after batch of ImageDataGenerator, with the same arguments."""
    import tensorflow as tf

    arguments = experiment.augmentation.model_dump(exclude_unset=True)  # type: ignore[union-attr]
    generator = tf.keras.preprocessing.image.ImageDataGenerator(**arguments)
    data = experiment.data
    with redirect_stdout(io.StringIO()):
        flow = generator.flow_from_directory(
            folder, data.image_size, batch_size=data.batch_size, class_mode="binary"
        )
    return (images for images, _ in flow)


def random_layers(experiment: Experiment, folder: Path) -> Iterator[Any]:
    """Yield the images of batch after batch, augmented by Keras' random layers."""
    import keras
    import tensorflow as tf

    layers = keras.Sequential(
        [
            keras.layers.RandomRotation(40 / 360, "nearest"),
            keras.layers.RandomTranslation(0.2, 0.2, "nearest"),
            keras.layers.RandomShear(0.2 / 45, 0, fill_mode="nearest"),
            keras.layers.RandomZoom(0.2, 0.2, "nearest"),
            keras.layers.RandomFlip("horizontal"),
        ]
    )
    data = experiment.data
    with redirect_stdout(io.StringIO()):
        files = keras.utils.image_dataset_from_directory(
            folder, label_mode="binary", image_size=data.image_size, batch_size=data.batch_size
        )
    changed = files.repeat().map(
        lambda images, labels: (layers(images, training=True), labels),
        num_parallel_calls=tf.data.AUTOTUNE,
    )
    return (images.numpy() for images, _ in changed.prefetch(tf.data.AUTOTUNE))


def throughput(images: Iterator[Any], count: int) -> float:
    """Return the images/s of `count` batches, without the first two."""
    list(islice(images, 3))
    began = time.perf_counter()
    total = sum(len(batch) for batch in islice(images, count))
    return total / (time.perf_counter() - began)
