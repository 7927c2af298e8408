"""Both engines draw the same, bring the same pixels, and depend on nothing but the image."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from imgrec.config.augmentation import Augmentation
from imgrec.training.augmentation import Augmenter
from imgrec.training.batch import Batch

# Of 255: both compute in double precision and round to single.
TOLERANCE = 1e-4

EVERY_MOVE: dict[str, Any] = {
    "rotation_range": 40,
    "width_shift_range": 0.2,
    "height_shift_range": 0.2,
    "shear_range": 20,
    "zoom_range": 0.2,
    "horizontal_flip": True,
    "vertical_flip": True,
}
ARGUMENTS: tuple[dict[str, Any], ...] = (
    {},
    {"rotation_range": 180},
    {"width_shift_range": 0.3},
    {"width_shift_range": 5},
    {"height_shift_range": 0.3},
    {"height_shift_range": [-3.0, 2.5, 7.0]},
    {"shear_range": 40},
    {"zoom_range": 0.3},
    {"zoom_range": (0.5, 2.0)},
    {"channel_shift_range": 80},
    {"brightness_range": (0.2, 1.8)},
    {"horizontal_flip": True},
    {"vertical_flip": True},
    {**EVERY_MOVE, "channel_shift_range": 40, "brightness_range": (0.2, 1.8)},
)


def _noise(height: int = 40, width: int = 40, channels: int = 3, count: int = 8) -> Any:
    shape = (count, height, width, channels)
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def _changed(augmentation: Augmentation, images: NDArray[np.uint8], seed: int = 1) -> Any:
    augmenter = Augmenter(augmentation, seed)
    count = len(images)
    return augmenter.apply(images, augmenter.draw(images.shape[1:], range(count), [0] * count))


def _both(images: NDArray[np.uint8], **arguments: Any) -> tuple[Any, Any]:
    batched = _changed(Augmentation(engine="batched", **arguments), images)
    return batched, _changed(Augmentation(engine="keras", **arguments), images)


def _names(arguments: dict[str, Any]) -> str:
    return "+".join(arguments) or "nothing"


@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect", "wrap"])
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=_names)
def test_both_engines_bring_the_same_pixels(arguments: dict[str, Any], fill_mode: str) -> None:
    """On noise, where every pixel differs from its neighbours, for each argument and fill mode."""
    batched, keras = _both(_noise(), fill_mode=fill_mode, cval=90.0, **arguments)
    assert batched.dtype == keras.dtype == np.float32
    np.testing.assert_allclose(batched, keras, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("shape", [(24, 60, 3), (60, 24, 1), (1, 1, 1)], ids=str)
def test_both_engines_agree_on_any_shape(shape: tuple[int, int, int]) -> None:
    """Images that are not square, grey ones, a single pixel."""
    batched, keras = _both(_noise(*shape), **EVERY_MOVE)
    np.testing.assert_allclose(batched, keras, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("fill_mode", ["nearest", "constant", "reflect"])
def test_both_engines_agree_on_photos(shared: Callable[[str], Path], fill_mode: str) -> None:
    """The shipped configs' augmentation on photos of 150x150."""
    paths = sorted(shared("data/cats_dogs/train/cats").iterdir())[:16]
    photos = []
    for path in paths:
        with Image.open(path) as photo:
            photos.append(np.asarray(photo.convert("RGB").resize((150, 150))))
    batched, keras = _both(np.stack(photos), fill_mode=fill_mode, **EVERY_MOVE)
    np.testing.assert_allclose(batched, keras, rtol=0, atol=TOLERANCE)


def test_what_the_batched_engine_cannot_do_keras_does(caplog: pytest.LogCaptureFixture) -> None:
    """Keras rescales what is brighter than 255; one line of the log says who does it."""
    arguments: dict[str, Any] = {"fill_mode": "constant", "brightness_range": (0.5, 1.5)}
    with caplog.at_level(logging.INFO, "imgrec"):
        batched, keras = _both(_noise(), rotation_range=40, cval=300.0, **arguments)
    np.testing.assert_array_equal(batched, keras)
    assert caplog.messages == [
        (
            "augmentation: engine keras in place of batched, which can't do brightness_range "
            "with cval 300"
        )
    ]


@pytest.mark.parametrize("engine", ["batched", "keras"])
def test_an_image_alone_is_the_same_as_in_a_batch(engine: Any) -> None:
    """Bit for bit, with everything that is drawn per image."""
    effects: dict[str, Any] = {"blur_sigma": 2.0, "random_erasing": 0.5}
    augmentation = Augmentation(engine=engine, brightness_range=(0.5, 1.5), **EVERY_MOVE, **effects)
    augmenter, images = Augmenter(augmentation, 7), _noise()
    shape = images.shape[1:]
    together = augmenter.apply(images, augmenter.draw(shape, range(8), [3] * 8))
    for index in range(8):
        alone = augmenter.apply(images[[index]], augmenter.draw(shape, [index], [3]))
        np.testing.assert_array_equal(alone[0], together[index])


def test_another_seed_lap_or_image_is_changed_otherwise() -> None:
    """The same three bring the same changes."""
    augmentation = Augmentation(rotation_range=40, blur_sigma=2, random_erasing=1)
    [first] = Augmenter(augmentation, 1).draw((9, 9, 1), [4], [2])
    assert [first] == list(Augmenter(augmentation, 1).draw((9, 9, 1), [4], [2]))
    for seed, index, repeat in ((2, 4, 2), (1, 5, 2), (1, 4, 3)):
        [other] = Augmenter(augmentation, seed).draw((9, 9, 1), [index], [repeat])
        assert other.transform != first.transform
        assert all(mine != its for mine, its in zip(other.drawn, first.drawn, strict=True))


def test_both_engines_blur_and_erase_alike() -> None:
    """What ImageDataGenerator doesn't know is the same in both."""
    batched, keras = _both(_noise(), blur_sigma=3.0, random_erasing=0.5)
    np.testing.assert_allclose(batched, keras, rtol=0, atol=TOLERANCE)
    assert not np.array_equal(batched, _noise())


def test_the_share_of_erased_images_is_the_one_asked_for() -> None:
    """Of 400 images about a quarter gets a rectangle; at 0 none, at 1 every one does."""
    for share, low, high in ((0.0, 0, 0), (0.25, 70, 130), (1.0, 400, 400)):
        augmenter = Augmenter(Augmentation(random_erasing=share), 0)
        every = augmenter.draw((32, 32, 3), range(400), [0] * 400)
        erased = [params.drawn for params in every if any(params.drawn)]
        assert low <= len(erased) <= high


def test_blur_goes_up_to_its_sigma() -> None:
    """Uniformly from 0 on."""
    augmenter = Augmenter(Augmentation(blur_sigma=2), 0)
    sigmas = [params.drawn[0] for params in augmenter.draw((32, 32, 3), range(400), [0] * 400)]
    sigmas = [sigma for sigma in sigmas if sigma is not None]
    assert len(sigmas) == 400
    assert 0 <= min(sigmas) < 0.1
    assert 1.9 < max(sigmas) <= 2
    assert np.mean(sigmas) == pytest.approx(1, abs=0.1)


def test_another_operation_changes_no_draw_of_the_others() -> None:
    """Each draws from a stream named after it: blur stays the same with and without erasing."""
    alone = Augmenter(Augmentation(blur_sigma=2), 3).draw((32, 32, 3), range(8), [0] * 8)
    both = Augmenter(Augmentation(blur_sigma=2, random_erasing=1), 3)
    for one, other in zip(alone, both.draw((32, 32, 3), range(8), [0] * 8), strict=True):
        assert one.drawn == other.drawn[:1]
        assert one.transform == other.transform


def test_drawing_leaves_numpys_global_generator_alone() -> None:
    """Whoever else draws from it gets the numbers they would have got."""
    augmenter = Augmenter(Augmentation(rotation_range=40), seed=5)
    before = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - the global one counts
    augmenter.draw((4, 4, 1), [0], [0])
    after = np.random.get_state(legacy=False)["state"]  # noqa: NPY002 - the old generator
    np.testing.assert_equal(after, before)


def _batch(count: int = 8) -> Batch:
    targets = np.eye(count, dtype=np.float32)
    return Batch(_noise(count=count).astype(np.float32), targets, np.ones(count, np.float32))


def test_without_mixup_and_cutmix_a_batch_stays_as_it_is() -> None:
    """It is not even copied."""
    batch = _batch()
    assert Augmenter(Augmentation(), 0).mix(batch, 0, 0) is batch


def test_mixing_is_a_function_of_seed_epoch_and_step() -> None:
    """The same three bring the same batch, another of them another."""
    augmentation = Augmentation(mixup=1.0)
    first = Augmenter(augmentation, 1).mix(_batch(), 2, 3)
    np.testing.assert_array_equal(
        first.images, Augmenter(augmentation, 1).mix(_batch(), 2, 3).images
    )
    for seed, epoch, step in ((0, 2, 3), (1, 3, 3), (1, 2, 4)):
        other = Augmenter(augmentation, seed).mix(_batch(), epoch, step)
        assert not np.array_equal(first.targets, other.targets)


def test_with_both_each_batch_gets_one_of_mixup_and_cutmix() -> None:
    """CutMix brings pixels of the originals alone, mixup new ones; both turn up."""
    augmenter, batch = Augmenter(Augmentation(mixup=1.0, cutmix=1.0), 0), _batch()
    pasted = [
        bool(np.isin(augmenter.mix(batch, 0, step).images, batch.images).all())
        for step in range(40)
    ]
    assert 8 <= sum(pasted) <= 32
