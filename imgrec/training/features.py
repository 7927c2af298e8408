"""Features of a frozen backbone, computed once and cached: the head is trained on them."""

from __future__ import annotations

import dataclasses
import hashlib
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from imgrec.config.augmentation import Augmentation
from imgrec.config.data import Data
from imgrec.config.model import Backbone
from imgrec.data.cache import (
    CACHE_VERSION,
    NoRoom,
    open_array,
    shown_path,
)
from imgrec.data.cache_config import CacheConfig
from imgrec.data.memory import fits_in_memory
from imgrec.errors import RunError
from imgrec.files import sha256
from imgrec.models.network import SplitNetwork
from imgrec.progress import Progress
from imgrec.rounding import size_in_words
from imgrec.text import count_of
from imgrec.training.augmentation import Augmenter, augmenter_of
from imgrec.training.interrupt import Signals
from imgrec.training.steps import Steps
from imgrec.training.stream import TrainingImages, batches_in_order
from imgrec.versions import TRAINING, versions

log = logging.getLogger("imgrec")

# At most; the last bits of a feature may depend on the size of the batch.
_BATCH = 32


@dataclass(frozen=True)
class InputSettings:
    """How images become inputs of a training.

    data, augmentation, backbone: sections of a config. seed: of order and augmentation. views:
    `training.feature_views`.
    """

    data: Data
    augmentation: Augmentation | None
    backbone: Backbone | None
    seed: int
    views: int | None = None

    @property
    def augmenter(self) -> Augmenter | None:
        """The augmenter of training images; None without augmentation."""
        return augmenter_of(self.augmentation, self.seed, self.views)


class CachedFeatures:
    """Features of every image by view: arrays (images, ...), of the same shape.

    Row i of view v is the row v * images + i.
    """

    def __init__(self, arrays: Mapping[int, NDArray[Any]]) -> None:
        self._arrays = arrays
        self._one = next(iter(arrays.values()))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of an image's features."""
        return self._one.shape[1:]

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> NDArray[Any]:
        """Return a copy of these rows."""
        views, images = np.divmod(np.asarray(rows, np.intp), len(self._one))
        found = np.empty((len(images), *self.shape), self._one.dtype)
        for view in np.unique(views):
            chosen = views == view
            found[chosen] = self._arrays[view][images[chosen]]
        return found


def feature_views(settings: InputSettings, train: TrainingImages, epochs: range) -> tuple[int, ...]:
    """Return the views of each training image whose features are worth caching for these epochs.

    There are none without a frozen backbone, where images are augmented differently in each epoch,
    with `data.cache: none`, and where the epochs end before every image is seen.
    """
    backbone, views = settings.backbone, settings.views
    if backbone is None or backbone.trainable or settings.data.cache == "none":
        return ()
    images, per_epoch = train.schedule.images, train.schedule.images_per_epoch
    if len(epochs) * per_epoch < images or (settings.augmentation and views is None):
        return ()
    repeats = range(epochs.start * per_epoch // images, -(-epochs.stop * per_epoch // images))
    return tuple(sorted({repeat % (views or 1) for repeat in repeats}))


def with_features(
    settings: InputSettings,
    steps: Steps,
    images: tuple[TrainingImages, TrainingImages | None],
    epochs: range,
    progress: Progress,
    signals: Signals,
) -> tuple[TrainingImages, TrainingImages | None]:
    """Return both splits with features in place of pixels, and let `steps` train on them.

    images: the training and the validation images. epochs: of the phase that `steps` is in. The
    splits are returned unchanged if features are not worth it, if no frozen layers come first, or
    if there is no room for the features. After a signal, Interrupted is raised once the current
    batch is done; no file is left half-written.
    """
    train, validation = images
    views = feature_views(settings, train, epochs)
    if not views:
        return train, validation
    parts = steps.split()
    if parts is None:
        log.info("features: not cached, as no frozen layers come before the trained ones")
        return train, validation
    try:
        cache = _FeatureCache(settings, steps, parts, progress, signals)
        first = cache.split(train, settings.augmenter, views)
        second = cache.split(validation, None, (0,)) if validation else None
    except NoRoom as error:
        log.warning("features: computed again in each epoch: %s", error)
        return train, validation
    steps.train_head(parts.head)
    return first, second


def features_of(
    settings: InputSettings,
    steps: Steps,
    images: TrainingImages,
    progress: Progress,
    signals: Signals,
) -> NDArray[Any]:
    """Return the features of each image as it is, (images, features), float.

    Raises:
        Interrupted: A signal arrived; no file is left half-written.
        RunError: There is no room for them.
    """
    parts = steps.split()
    if parts is None:
        raise ValueError("the network has no backbone")
    try:
        found = _FeatureCache(settings, steps, parts, progress, signals).of(images)
    except NoRoom as error:
        raise RunError(
            f"there is no room for the features of {count_of(len(images.targets), 'image')}: "
            f"{error}"
        ) from error
    return found.reshape(len(found), -1)


class _FeatureCache:
    """Computes features, or finds them in the cache's folder."""

    def __init__(
        self,
        settings: InputSettings,
        steps: Steps,
        parts: SplitNetwork,
        progress: Progress,
        signals: Signals,
    ) -> None:
        import tensorflow as tf

        found = settings.data.cache
        self._kept = found != "none"
        cache = found if isinstance(found, CacheConfig) else CacheConfig()
        self._folder, self._limit = cache.path, cache.limit_bytes
        self._augmentation = settings.augmentation, settings.seed
        self._progress, self._signals = progress, signals
        self._batch_size = min(_BATCH, settings.data.batch_size)
        self._views = settings.views or 1
        extractor = parts.extractor
        self._shape, self._dtype = extractor.output.shape[1:], str(extractor.output.dtype)
        self._key = _key(settings, steps, parts), self._batch_size, self._shape
        self._extract = tf.function(
            lambda images: extractor(images, training=False), reduce_retracing=True
        )

    def split(
        self, split: TrainingImages, augmenter: Augmenter | None, views: Sequence[int]
    ) -> TrainingImages:
        """Return the split with the features of these views of its images.

        Raises NoRoom if they fit neither in the cache nor in memory.
        """
        arrays = {view: self._array(split, augmenter, view) for view in views}
        return dataclasses.replace(
            split,
            pixels=CachedFeatures(arrays),
            rows=np.arange(self._views * len(split.targets)),
            views=self._views,
            prepared=True,
        )

    def of(self, split: TrainingImages) -> NDArray[Any]:
        """Return the features of the images as they are; raises NoRoom as `split`."""
        return self._array(split, None, 0)

    def _array(self, split: TrainingImages, augmenter: Augmenter | None, view: int) -> NDArray[Any]:
        if not self._kept:
            return self._in_memory(split, augmenter, view)
        shape = (len(split.targets), *self._shape)
        changed = augmenter and (self._augmentation, view)
        name = sha256(repr((self._key, split.identity, changed)).encode())
        path = self._folder / f"{name[:32]}.features"

        try:
            found, reused = open_array(
                path,
                shape,
                self._dtype,
                self._limit,
                lambda: self._computed(split, augmenter, view),
            )
        except (NoRoom, OSError) as error:
            return self._in_memory(split, augmenter, view, error)
        size, state = size_in_words(found.nbytes), "reused" if reused else "new"
        place = shown_path(path)
        log.info(
            "features: %s kept in %s (%s, %s)", count_of(len(found), "image"), place, size, state
        )
        return found

    def _in_memory(
        self,
        split: TrainingImages,
        augmenter: Augmenter | None,
        view: int,
        error: Exception | None = None,
    ) -> NDArray[Any]:
        values = len(split.targets) * int(np.prod(self._shape))
        if not fits_in_memory(values * np.dtype(self._dtype).itemsize):
            raise NoRoom(
                f"{error or 'data.cache is none'}; and they don't fit in memory"
            ) from error
        if error is not None:
            place = shown_path(self._folder)
            log.info("features: kept in memory: no cache in %s: %s", place, error)
        return np.concatenate(list(self._computed(split, augmenter, view)))

    def _computed(
        self, split: TrainingImages, augmenter: Augmenter | None, view: int
    ) -> Iterator[NDArray[Any]]:
        title = "computing features" + (f", view {view + 1}" if augmenter else "")
        batches = batches_in_order(split, self._batch_size, augmenter, view)
        with self._progress.task(title, len(split.targets)) as task, closing(batches):
            for batch in batches:
                self._signals.check()
                yield self._extract(batch.images).numpy()
                task.advance(len(batch.images))


def _key(settings: InputSettings, steps: Steps, parts: SplitNetwork) -> str:
    """Return the SHA-256 of all that an image's features depend on besides its pixels."""
    data, found = settings.data, versions()
    settings_used = (
        CACHE_VERSION,
        [found.get(name) for name in TRAINING],
        (data.image_size, data.channels, data.interpolation, data.fit),
        (settings.backbone, parts.place, steps.policy, steps.device),
    )
    digest = hashlib.sha256(repr(settings_used).encode())
    if settings.backbone is not None and settings.backbone.run is not None:
        digest.update(steps.backbone.to_json().encode())
    for variable in parts.extractor.variables:
        digest.update(np.asarray(variable).tobytes())
    return digest.hexdigest()
