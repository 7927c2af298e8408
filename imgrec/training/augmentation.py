"""What is done to training images: drawn as a function of (seed, lap, image), then applied."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from imgrec.config.augmentation import BESIDE, Augmentation
from imgrec.config.experiment import Experiment
from imgrec.training.batch import Batch
from imgrec.training.effects import Rectangle, blurred, erased, random_rectangle
from imgrec.training.mixing import cutmixed, mixed_up
from imgrec.training.warp import Transform, transformed

log = logging.getLogger("imgrec")

# What is drawn beside ImageDataGenerator's parameters; each draws from a stream of its own.
_EFFECTS, _MIXING = 1, 2


@dataclass(frozen=True)
class Changes:
    """What is done to one image, in this order.

    transform: ImageDataGenerator's parameters. blur: sigma in pixels, 0 for none.
    erased: where noise is put, None for nowhere.
    """

    transform: Transform
    blur: float = 0.0
    erased: Rectangle | None = None


class Engine(Protocol):
    """Applies ImageDataGenerator's transforms."""

    def transformed(
        self, images: NDArray[np.uint8], transforms: Sequence[Transform]
    ) -> NDArray[np.float32]:
        """Return the images (n, height, width, channels) transformed, float32 of 0 to 255."""


class Augmenter:
    """Draws and applies the changes that `augmentation` asks for.

    The same (seed, lap, index) brings the same pixels, whatever else is in the batch. With `views`,
    lap l brings those of lap l modulo `views`.
    """

    def __init__(self, augmentation: Augmentation, seed: int, views: int | None = None) -> None:
        self._augmentation = augmentation
        self._seed = seed
        self._views = views
        self._generator = _image_data_generator(augmentation)
        self._engine = _engine(augmentation, self._generator)

    def draw(
        self, shape: tuple[int, ...], indices: Sequence[int], laps: Sequence[int]
    ) -> tuple[Changes, ...]:
        """Return what is done to each image of a batch.

        shape: (height, width, channels). indices, laps: which images, and for each how often
        all were seen before. To be called from one thread at a time: ImageDataGenerator draws
        from NumPy's global state, which is put back afterwards.
        """
        views = [lap % self._views if self._views else lap for lap in laps]
        with _global_state_kept():
            return tuple(
                self._changes(shape, index, view)
                for index, view in zip(indices, views, strict=True)
            )

    def apply(self, images: NDArray[np.uint8], changes: Sequence[Changes]) -> NDArray[np.float32]:
        """Return the images (n, height, width, channels) changed, float32 of 0 to 255."""
        found = self._engine.transformed(images, [each.transform for each in changes])
        for image, each in zip(found, changes, strict=True):
            if each.blur:
                image[...] = blurred(image, each.blur)
            if each.erased:
                image[...] = erased(image, each.erased)
        return found

    def mix(self, batch: Batch, epoch: int, step: int) -> Batch:
        """Return the batch mixed with itself, as a function of (seed, epoch, step)."""
        alphas = {mixed_up: self._augmentation.mixup, cutmixed: self._augmentation.cutmix}
        wanted = [(mix, alpha) for mix, alpha in alphas.items() if alpha is not None]
        if not wanted:
            return batch
        generator = self._stream(_MIXING, epoch, step)
        mix, alpha = wanted[generator.integers(len(wanted))]
        return mix(batch, alpha, generator)

    def _changes(self, shape: tuple[int, ...], index: int, lap: int) -> Changes:
        seed = np.random.SeedSequence([self._seed, lap, index]).generate_state(1)[0]
        transform = self._generator.get_random_transform(shape, seed=int(seed))
        beside = self._augmentation
        if not beside.blur_sigma and not beside.random_erasing:
            return Changes(transform)
        generator = self._stream(_EFFECTS, lap, index)
        sigma, blurring, erasing = generator.uniform(0, beside.blur_sigma), *generator.random(2)
        return Changes(
            transform,
            blur=sigma if blurring < beside.blur_share else 0.0,
            erased=(
                random_rectangle(shape[:2], generator) if erasing < beside.random_erasing else None
            ),
        )

    def _stream(self, kind: int, *place: int) -> np.random.Generator:
        sequence = np.random.SeedSequence([self._seed, *place], spawn_key=(kind,))
        return np.random.default_rng(sequence)


def augmenter_of(experiment: Experiment) -> Augmenter | None:
    """Return what changes the training images of an experiment; None: nothing does."""
    wanted = experiment.augmentation
    if wanted is None:
        return None
    return Augmenter(wanted, experiment.seed, experiment.training.feature_views)


class KerasEngine:
    """ImageDataGenerator itself, image after image."""

    def __init__(self, generator: Any) -> None:
        self._generator = generator

    def transformed(
        self, images: NDArray[np.uint8], transforms: Sequence[Transform]
    ) -> NDArray[np.float32]:
        """Return the images transformed by `ImageDataGenerator.apply_transform`."""
        pairs = zip(images.astype(np.float32), transforms, strict=True)
        return np.stack([self._generator.apply_transform(*pair) for pair in pairs])


@dataclass(frozen=True)
class BatchedEngine:
    """The same transforms, a batch at a time."""

    fill_mode: str
    cval: float

    def transformed(
        self, images: NDArray[np.uint8], transforms: Sequence[Transform]
    ) -> NDArray[np.float32]:
        """Return the images transformed by one compiled program."""
        return transformed(images, transforms, self.fill_mode, self.cval)


def _engine(augmentation: Augmentation, generator: Any) -> Engine:
    """Return the engine that `augmentation` asks for, or the one that can do it."""
    if augmentation.engine == "keras":
        return KerasEngine(generator)
    if reason := _not_batched(augmentation):
        log.info("augmentation: engine keras in place of batched, which can't do %s", reason)
        return KerasEngine(generator)
    return BatchedEngine(augmentation.fill_mode, augmentation.cval)


def _not_batched(augmentation: Augmentation) -> str:
    outside = augmentation.fill_mode == "constant" and not 0 <= augmentation.cval <= 255
    if outside and augmentation.brightness_range:
        return f"brightness_range with cval {augmentation.cval:g}"  # Keras rescales such images
    return ""


def _image_data_generator(augmentation: Augmentation) -> Any:
    import tensorflow as tf

    arguments: Mapping[str, Any] = augmentation.model_dump(exclude=set(BESIDE))
    return tf.keras.preprocessing.image.ImageDataGenerator(**arguments)


@contextmanager
def _global_state_kept() -> Iterator[None]:
    state = np.random.get_state()  # noqa: NPY002 - ImageDataGenerator draws from it
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002 - likewise
