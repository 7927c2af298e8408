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
from imgrec.training.augmentation.warp import Transform, transformed
from imgrec.training.batch import Batch

# Of "Random Erasing Data Augmentation" (Zhong et al., 2017); the area's upper end is half of
# theirs, so that a small object is seldom gone.
AREA = (0.02, 0.2)
ASPECT = (0.3, 1 / 0.3)

_ATTEMPTS = 10


@dataclass(frozen=True)
class Rectangle:
    """Part of an image, in pixels, and the seed of the noise that goes there."""

    top: int
    left: int
    height: int
    width: int
    seed: int


def blurred(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return the image (height, width, channels) after a Gaussian blur of `sigma` pixels.

    Beyond its edge an image goes on as its outermost pixels.
    """
    from scipy.ndimage import gaussian_filter

    found: NDArray[np.float32] = gaussian_filter(image, sigma, mode="nearest", axes=(0, 1))
    return found


def random_rectangle(size: tuple[int, ...], generator: np.random.Generator) -> Rectangle | None:
    """Return a rectangle inside an image of `size` (height, width).

    Its share of the image is uniform in AREA, its height over its width log-uniform in ASPECT.
    None where the image is too small or narrow for one.
    """
    height, width = size
    for _ in range(_ATTEMPTS):
        area = generator.uniform(*AREA) * height * width
        aspect = np.exp(generator.uniform(*np.log(ASPECT)))
        tall, wide = round(np.sqrt(area * aspect)), round(np.sqrt(area / aspect))
        if 1 <= tall <= height and 1 <= wide <= width:
            top, left = generator.integers(height - tall + 1), generator.integers(width - wide + 1)
            return Rectangle(int(top), int(left), tall, wide, int(generator.integers(2**32)))
    return None


def erased(image: NDArray[np.float32], rectangle: Rectangle) -> NDArray[np.float32]:
    """Return the image (height, width, channels) with noise of 0 to 255 in the rectangle."""
    found = image.copy()
    top, left = rectangle.top, rectangle.left
    part = found[top : top + rectangle.height, left : left + rectangle.width]
    part[...] = np.random.default_rng(rectangle.seed).integers(0, 256, part.shape)
    return found


def mixed_up(batch: Batch, alpha: float, generator: np.random.Generator) -> Batch:
    """Return each image blended with another of the batch ("mixup", Zhang et al., 2017).

    An image's own share is drawn from Beta(alpha, alpha), and its loss is to be the same blend of
    its own, with its weight, and of its partner's; targets are float, one-hot or binary.
    """
    partners, shares = _drawn(len(batch.images), alpha, generator)
    images = _blended(batch.images, partners, shares)
    return _labelled(batch, images, partners, shares)


def cutmixed(batch: Batch, alpha: float, generator: np.random.Generator) -> Batch:
    """Return each image with a rectangle of another of the batch ("CutMix", Yun et al., 2019).

    The rectangle's share is drawn from Beta(alpha, alpha) and its middle from the whole image;
    what then remains of an image is its share in the loss: see `mixed_up`.
    """
    partners, shares = _drawn(len(batch.images), alpha, generator)
    height, width = batch.images.shape[1:3]
    images = batch.images.copy()
    for index, partner in enumerate(partners):
        side = np.sqrt(1 - shares[index])
        down = _stretch(height, side, generator)
        across = _stretch(width, side, generator)
        images[index, down, across] = batch.images[partner, down, across]
        pasted = (down.stop - down.start) * (across.stop - across.start)
        shares[index] = 1 - pasted / (height * width)
    return _labelled(batch, images, partners, shares)


def _drawn(
    count: int, alpha: float, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return each image's partner, and its own share in what becomes of it."""
    partners = generator.permutation(count)
    return partners, generator.beta(alpha, alpha, count).astype(np.float32)


def _stretch(length: int, share: float, generator: np.random.Generator) -> slice:
    """Return a stretch of `share` of `length`, cut where it leaves it."""
    half = share * length / 2
    middle = generator.uniform(0, length)
    return slice(max(0, round(middle - half)), min(length, round(middle + half)))


def _labelled(
    batch: Batch,
    images: NDArray[np.float32],
    partners: NDArray[np.int64],
    shares: NDArray[np.float32],
) -> Batch:
    """Return the batch with targets and weights for share * weight * loss, own plus partner's.

    That is what a loss which is linear in the target gives, as all cross-entropies are. A class of
    weight 0 is in no target.
    """
    own, other = shares * batch.weights, (1 - shares) * batch.weights[partners]
    weights = own + other
    parts = np.divide(own, weights, out=shares.copy(), where=weights > 0)
    return Batch(images, _blended(batch.targets, partners, parts), weights)


def _blended(
    values: NDArray[np.float32], partners: NDArray[np.int64], shares: NDArray[np.float32]
) -> NDArray[np.float32]:
    own = shares.reshape(-1, *[1] * (values.ndim - 1))
    return values * own + values[partners] * (1 - own)


log = logging.getLogger("imgrec")

# What is drawn beside ImageDataGenerator's parameters; each draws from a stream of its own.
_EFFECTS, _MIXING = 1, 2


@dataclass(frozen=True)
class AugmentationParams:
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
    ) -> tuple[AugmentationParams, ...]:
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

    def apply(
        self, images: NDArray[np.uint8], changes: Sequence[AugmentationParams]
    ) -> NDArray[np.float32]:
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

    def _changes(self, shape: tuple[int, ...], index: int, lap: int) -> AugmentationParams:
        seed = np.random.SeedSequence([self._seed, lap, index]).generate_state(1)[0]
        transform = self._generator.get_random_transform(shape, seed=int(seed))
        beside = self._augmentation
        if not beside.blur_sigma and not beside.random_erasing:
            return AugmentationParams(transform)
        generator = self._stream(_EFFECTS, lap, index)
        sigma, blurring, erasing = generator.uniform(0, beside.blur_sigma), *generator.random(2)
        return AugmentationParams(
            transform,
            blur=sigma if blurring < beside.blur_probability else 0.0,
            erased=(
                random_rectangle(shape[:2], generator) if erasing < beside.random_erasing else None
            ),
        )

    def _stream(self, kind: int, *place: int) -> np.random.Generator:
        sequence = np.random.SeedSequence([self._seed, *place], spawn_key=(kind,))
        return np.random.default_rng(sequence)


def augmenter_of(
    augmentation: Augmentation | None, seed: int, views: int | None
) -> Augmenter | None:
    """Return what changes training images; None: nothing does. views: as `Augmenter`'s."""
    return None if augmentation is None else Augmenter(augmentation, seed, views)


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
