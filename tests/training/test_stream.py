"""The order of the images is a function of (seed, epoch), and batches keep it."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.config.augmentation import Augmentation
from imgrec.data.images import ImageSpec
from imgrec.data.records import Record
from imgrec.errors import BadImage
from imgrec.training.augmentation import Augmenter
from imgrec.training.stream import (
    Batch,
    Schedule,
    Split,
    in_sequence,
    training_batches,
    validation_batches,
)

SCHEDULES = st.builds(
    Schedule,
    images=st.integers(1, 40),
    batch_size=st.integers(1, 12),
    steps=st.none() | st.integers(1, 12),
)


def _split(images: int, *, batch_size: int = 4, steps: int | None = None) -> Split:
    """A split of 4x4 grey images, each filled with its own number."""
    pixels = [np.full((4, 4), number, np.uint8) for number in range(images)]
    return Split(
        records=tuple(Record(str(number), 0, each) for number, each in enumerate(pixels)),
        spec=ImageSpec(4, 4, 1),
        targets=np.arange(images),
        weights=np.ones(images, np.float32),
        schedule=Schedule(images, batch_size, steps),
    )


def _numbers(batches: list[Batch]) -> list[int]:
    return [int(number) for batch in batches for number in batch.targets]


def _train(split: Split, first: int, last: int, augmenter: Augmenter | None = None) -> list[Batch]:
    batches = training_batches(split, seed=3, first_epoch=first, epochs=last, augmenter=augmenter)
    return list(batches)


@given(SCHEDULES, st.integers(0, 2**32 - 1))
def test_an_epoch_after_another_goes_through_all_images_evenly(
    schedule: Schedule, seed: int
) -> None:
    """However epochs are cut, no image is seen twice before every image is seen once."""
    epochs = 5
    places = [place for epoch in range(epochs) for place in in_sequence(schedule, epoch, seed)]
    assert len(places) == epochs * schedule.images_per_epoch
    counts = Counter(place.index for place in places)
    whole_laps = len(places) // schedule.images
    assert set(counts.values()) <= {whole_laps, whole_laps + 1}
    assert all(place.lap == at // schedule.images for at, place in enumerate(places))


def test_each_lap_and_each_seed_has_its_own_order() -> None:
    """The same (seed, epoch) gives the same order, another gives another."""
    schedule = Schedule(50, 8)
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
    """Every image once, in order; `steps` may only shorten it."""
    assert _numbers(list(validation_batches(_split(10)))) == list(range(10))
    assert _numbers(list(validation_batches(_split(10, steps=2)))) == list(range(8))
    assert _numbers(list(validation_batches(_split(10, steps=9)))) == list(range(10))


def test_an_image_that_vanished_stops_the_training(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Nothing is put in its place."""
    missing = tmp_path_factory.mktemp("empty") / "gone.png"
    split = Split(
        (Record("gone.png", 0, missing),),
        ImageSpec(4, 4, 1),
        np.zeros(1),
        np.ones(1, np.float32),
        Schedule(1, 1),
    )
    with pytest.raises(BadImage, match=r"gone\.png"):
        _train(split, 0, 1)


def test_augmented_pixels_depend_on_seed_lap_and_image_alone() -> None:
    """A training begun later sees the same augmented pixels; each lap has its own."""
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


def test_drawing_leaves_numpys_global_generator_alone() -> None:
    """Whoever else draws from it gets the numbers they would have got."""
    augmenter = Augmenter(Augmentation(rotation_range=40), seed=5)
    before = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - the global one counts
    augmenter.draw((4, 4, 1), 0, 0)
    after = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - likewise
    np.testing.assert_equal(after, before)
