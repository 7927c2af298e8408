"""Augmentation of training images: drawn as a function of (seed, repeat, image), then applied."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from imgrec.config.augmentation import MIXINGS, OPERATIONS, Augmentation, Mixture, blend, enabled
from imgrec.training.augmentation.warp import Transform, transformed
from imgrec.training.batch import Batch

log = logging.getLogger("imgrec")


class AugmentationParams(NamedTuple):
    """What is done to one image.

    transform: ImageDataGenerator's parameters. drawn: what each enabled operation drew, in their
    order; None if it leaves the image as it is.
    """

    transform: Transform
    drawn: tuple[Any, ...] = ()


class TransformEngine(Protocol):
    """Applies ImageDataGenerator's transforms."""

    def transformed(
        self, images: NDArray[np.uint8], transforms: Sequence[Transform]
    ) -> NDArray[np.float32]:
        """Return the images (n, height, width, channels) transformed, float32 of 0 to 255.

        They may be read-only.
        """


class Augmenter:
    """Draws and applies the changes that `augmentation` asks for.

    The same (seed, repeat, index) gives the same pixels, whatever else is in the batch. With
    `views`, repeat r gives those of repeat r modulo `views`.
    """

    def __init__(self, augmentation: Augmentation, seed: int, views: int | None = None) -> None:
        self._augmentation = augmentation
        self._seed = seed
        self._views = views
        self._generator = _image_data_generator(augmentation)
        self._engine = _engine(augmentation, self._generator)
        self._operations = [each for each in OPERATIONS if enabled(each, augmentation)]
        self._mixings = [each for each in MIXINGS if enabled(each, augmentation)]

    def draw(
        self, shape: tuple[int, ...], indices: Sequence[int], repeats: Sequence[int]
    ) -> tuple[AugmentationParams, ...]:
        """Return what is done to each image of a batch.

        shape: (height, width, channels). indices, repeats: which images, and for each how often
        all were seen before. To be called from one thread at a time: ImageDataGenerator draws
        from NumPy's global state, which is put back afterwards.
        """
        views = [repeat % self._views if self._views else repeat for repeat in repeats]
        with _global_state_kept():
            return tuple(
                self._params(shape, index, view) for index, view in zip(indices, views, strict=True)
            )

    def apply(
        self, images: NDArray[np.uint8], params: Sequence[AugmentationParams]
    ) -> NDArray[np.float32]:
        """Return the images (n, height, width, channels) changed, float32 of 0 to 255.

        They may be read-only.
        """
        changed = self._engine.transformed(images, [each.transform for each in params])
        if not self._operations:
            return changed
        changed = np.require(changed, requirements="W")  # a copy only if it is read-only
        for image, each in zip(changed, params, strict=True):
            for operation, drawn in zip(self._operations, each.drawn, strict=True):
                if drawn is not None:
                    image[...] = operation.apply(image, drawn)
        return changed

    def mix(self, batch: Batch, epoch: int, step: int) -> Batch:
        """Return the batch mixed with itself, as a function of (seed, epoch, step).

        With several ways of mixing each batch gets one of them.
        """
        if not self._mixings:
            return batch
        choice = self._stream("mixing", epoch, step).integers(len(self._mixings))
        mixing = self._mixings[choice]
        strength = getattr(self._augmentation, mixing.name)
        return _labelled(
            batch, mixing.mix(batch.images, strength, self._stream(mixing.name, epoch, step))
        )

    def _params(self, shape: tuple[int, ...], index: int, repeat: int) -> AugmentationParams:
        seed = np.random.SeedSequence([self._seed, repeat, index]).generate_state(1)[0]
        transform = self._generator.get_random_transform(shape, seed=int(seed))
        height, width, _ = shape
        return AugmentationParams(
            transform,
            tuple(
                each.draw(
                    self._augmentation, self._stream(each.name, repeat, index), (height, width)
                )
                for each in self._operations
            ),
        )

    def _stream(self, name: str, *place: int) -> np.random.Generator:
        sequence = np.random.SeedSequence(
            [self._seed, *place], spawn_key=(zlib.crc32(name.encode()),)
        )
        return np.random.default_rng(sequence)


def augmenter_of(
    augmentation: Augmentation | None, seed: int, views: int | None
) -> Augmenter | None:
    """Return the augmenter of training images; None without augmentation. views: see Augmenter."""
    return None if augmentation is None else Augmenter(augmentation, seed, views)


class KerasTransforms:
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
class BatchedTransforms:
    """The same transforms, a batch at a time."""

    fill_mode: str
    cval: float

    def transformed(
        self, images: NDArray[np.uint8], transforms: Sequence[Transform]
    ) -> NDArray[np.float32]:
        """Return the images transformed by one compiled program."""
        return transformed(images, transforms, self.fill_mode, self.cval)


def _engine(augmentation: Augmentation, generator: Any) -> TransformEngine:
    """Return the engine that `augmentation` asks for, or the one that can do it."""
    if augmentation.engine == "keras":
        return KerasTransforms(generator)
    if reason := _not_batched(augmentation):
        log.info("augmentation: engine keras in place of batched, which can't do %s", reason)
        return KerasTransforms(generator)
    return BatchedTransforms(augmentation.fill_mode, augmentation.cval)


def _not_batched(augmentation: Augmentation) -> str:
    outside = augmentation.fill_mode == "constant" and not 0 <= augmentation.cval <= 255
    if outside and augmentation.brightness_range:
        return f"brightness_range with cval {augmentation.cval:g}"  # Keras rescales such images
    return ""


def _labelled(batch: Batch, mixture: Mixture) -> Batch:
    """Return the mixture with targets and weights for fraction * weight * loss, own plus partner's.

    That is what a loss which is linear in the target gives, as all cross-entropies are. A class of
    weight 0 is in no target.
    """
    images, partners, fractions = mixture
    own, other = fractions * batch.weights, (1 - fractions) * batch.weights[partners]
    weights = own + other
    parts = np.divide(own, weights, out=fractions.copy(), where=weights > 0)
    return Batch(images, blend(batch.targets, partners, parts), weights)


def _image_data_generator(augmentation: Augmentation) -> Any:
    import tensorflow as tf

    arguments = augmentation.transform_arguments
    return tf.keras.preprocessing.image.ImageDataGenerator(**arguments)


@contextmanager
def _global_state_kept() -> Iterator[None]:
    state = np.random.get_state()  # noqa: NPY002 - ImageDataGenerator draws from it
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002 - as above
