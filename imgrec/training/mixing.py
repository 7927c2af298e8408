"""Batches mixed with themselves: images of two classes, with targets to match."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from imgrec.training.batch import Batch


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
