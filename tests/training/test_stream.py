"""The order of the images is a function of (seed, epoch), and batches keep it."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from imgrec.config.augmentation import Augmentation
from imgrec.data.cache import Stored, open_pixels
from imgrec.data.cache.pixels import Rows
from imgrec.data.images import ImageSpec
from imgrec.data.records import Record
from imgrec.errors import BadImage
from imgrec.progress import Silent
from imgrec.training.augmentation import Augmenter
from imgrec.training.batch import Batch
from imgrec.training.stream import (
    BatchSchedule,
    TrainingImages,
    in_sequence,
    training_batches,
    validation_batches,
)

SCHEDULES = st.builds(
    BatchSchedule,
    images=st.integers(1, 40),
    batch_size=st.integers(1, 12),
    steps=st.none() | st.integers(1, 12),
)


def _split(images: int, *, batch_size: int = 4, steps: int | None = None) -> TrainingImages:
    """A split of 4x4 grey images, each filled with its own number."""
    pixels = [np.full((4, 4, 1), number, np.uint8) for number in range(images)]
    return TrainingImages(
        # Rows of other splits before them, and not in the order of the split.
        pixels=Stored(np.stack([np.full((4, 4, 1), 255, np.uint8)] * 2 + pixels[::-1])),
        rows=np.arange(images + 1, 1, -1),
        targets=np.arange(images),
        weights=np.ones(images, np.float32),
        schedule=BatchSchedule(images, batch_size, steps),
    )


def _numbers(batches: list[Batch]) -> list[int]:
    return [int(number) for batch in batches for number in batch.targets]


def _train(
    split: TrainingImages, first: int, last: int, augmenter: Augmenter | None = None
) -> list[Batch]:
    batches = training_batches(split, seed=3, start=(first, 0), epochs=last, augmenter=augmenter)
    return list(batches)


@given(SCHEDULES, st.integers(0, 2**32 - 1))
def test_an_epoch_after_another_goes_through_all_images_evenly(
    schedule: BatchSchedule, seed: int
) -> None:
    """However epochs are cut, no image is seen twice before every image is seen once."""
    epochs = 5
    places = [place for epoch in range(epochs) for place in in_sequence(schedule, epoch, seed)]
    assert len(places) == epochs * schedule.images_per_epoch
    counts = Counter(place.index for place in places)
    whole_laps = len(places) // schedule.images
    assert set(counts.values()) <= {whole_laps, whole_laps + 1}
    assert all(place.repeat == at // schedule.images for at, place in enumerate(places))


def test_each_lap_and_each_seed_has_its_own_order() -> None:
    """The same (seed, epoch) gives the same order, another gives another."""
    schedule = BatchSchedule(50, 8)
    first = list(in_sequence(schedule, 0, 1))
    assert first == list(in_sequence(schedule, 0, 1))
    assert [place.index for place in first] != [p.index for p in in_sequence(schedule, 1, 1)]
    assert first != list(in_sequence(schedule, 0, 2))


@pytest.mark.parametrize("steps", [None, 2, 5])
def test_batches_hold_the_images_of_their_targets(steps: int | None) -> None:
    """Pixels, targets and weights of a batch belong together; epochs are cut on time."""
    split = _split(10, steps=steps)
    batches = _train(split, 0, 3)
    for batch in batches:
        assert batch.images.dtype == np.float32
        assert (batch.images[:, 0, 0, 0] == batch.targets).all()
        assert len(batch.weights) == len(batch.targets)
    assert len(batches) == 3 * split.schedule.steps_per_epoch


def test_a_later_start_continues_the_same_sequence() -> None:
    """Epoch 2 of a training begun at epoch 2 is epoch 2 of one begun at the start."""
    split = _split(10)
    assert _numbers(_train(split, 0, 4))[20:] == _numbers(_train(split, 2, 4))


def test_validation_keeps_the_order_and_ends_with_the_images() -> None:
    """Every image once, in order."""
    assert _numbers(list(validation_batches(_split(10)))) == list(range(10))


def test_an_image_that_vanished_stops_the_training(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Nothing is put in its place."""
    file = tmp_path_factory.mktemp("photos") / "gone.png"
    Image.new("L", (4, 4)).save(file)
    pixels, _ = open_pixels([Record("gone.png", 0, file)], ImageSpec(4, 4, 1), "none", Silent())
    file.unlink()
    split = TrainingImages(
        pixels,
        np.arange(1),
        np.zeros(1),
        np.ones(1, np.float32),
        BatchSchedule(1, 1),
    )
    with pytest.raises(BadImage, match=r"gone\.png"):
        _train(split, 0, 1)


def test_augmented_pixels_depend_on_seed_lap_and_image_alone() -> None:
    """A training begun later sees the same augmented pixels; each repeat has its own."""
    split = _split(6)
    augmenter = Augmenter(Augmentation(brightness_range=(0.2, 0.9)), seed=5)
    whole = _train(split, 0, 3, augmenter)
    late = _train(split, 2, 3, augmenter)
    for one, other in zip(whole[-len(late) :], late, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
    per_lap = [
        {
            n: float(i[0, 0, 0])
            for b in whole[e : e + 2]
            for n, i in zip(b.targets, b.images, strict=True)
        }
        for e in (0, 2)
    ]
    assert per_lap[0][5] != per_lap[1][5]


def test_mixed_batches_depend_on_seed_and_place_alone() -> None:
    """A training begun later mixes the same images, and their targets alike."""
    split = dataclasses.replace(_split(6), targets=np.eye(6, dtype=np.float32))
    augmenter = Augmenter(Augmentation(mixup=1.0, cutmix=1.0), seed=5)
    whole, late = _train(split, 0, 3, augmenter), _train(split, 2, 3, augmenter)
    for one, other in zip(whole[-len(late) :], late, strict=True):
        np.testing.assert_array_equal(one.images, other.images)
        np.testing.assert_array_equal(one.targets, other.targets)
    assert any(0 < target < 1 for batch in whole for target in batch.targets.ravel())


def test_a_training_that_stops_early_leaves_no_thread_behind() -> None:
    """Closing the batches ends the work that was ahead."""
    before = set(threading.enumerate())
    batches = training_batches(_split(40), seed=0, start=(0, 0), epochs=9, augmenter=None)
    next(batches)
    assert set(threading.enumerate()) > before
    batches.close()
    assert set(threading.enumerate()) <= before


def test_a_slow_consumer_is_waited_for() -> None:
    """At most a few batches are read before they are asked for."""

    class Counting(Stored):
        taken = 0

        def take(self, rows: Rows) -> NDArray[np.uint8]:
            self.taken += 1
            return super().take(rows)

    pixels = Counting(np.zeros((40, 4, 4, 1), np.uint8))
    split = dataclasses.replace(_split(40), pixels=pixels, rows=np.arange(40))
    batches = training_batches(split, seed=0, start=(0, 0), epochs=9, augmenter=None)
    next(batches)
    time.sleep(0.1)
    assert pixels.taken <= 4
    batches.close()
