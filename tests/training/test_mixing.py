"""Mixed images and their targets agree."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from imgrec.config.augmentation import Augmentation
from imgrec.training.augmentation import Augmenter
from imgrec.training.batch import Batch


def _mix(mixing: str, batch: Batch, alpha: float, seed: int) -> Batch:
    strength: dict[str, Any] = {mixing: alpha}
    return Augmenter(Augmentation(**strength), seed).mix(batch, 0, 0)


def _batch(count: int) -> Batch:
    """Images filled with their own number, one-hot targets, weights of 10 times the number."""
    numbers = np.arange(count, dtype=np.float32)
    images = np.broadcast_to(numbers[:, None, None, None], (count, 16, 12, 3)).copy()
    return Batch(images, np.eye(count, dtype=np.float32), 10 * numbers)


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
@given(count=st.integers(1, 12), alpha=st.floats(0.05, 5), seed=st.integers(0, 2**32 - 1))
def test_targets_and_weights_say_what_the_pixels_are(
    mixing: str, count: int, alpha: float, seed: int
) -> None:
    """The mean of an image and its target, where all weigh the same, are one mixture of two."""
    batch = dataclasses.replace(_batch(count), weights=np.ones(count, np.float32))
    found = _mix(mixing, batch, alpha, seed)
    np.testing.assert_allclose(found.targets.sum(axis=1), 1, rtol=1e-5)
    assert ((found.targets > 0).sum(axis=1) <= 2).all()
    mean = found.targets @ np.arange(count)
    np.testing.assert_allclose(found.images.mean(axis=(1, 2, 3)), mean, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(found.weights, 1, rtol=1e-5)
    assert {each.dtype for each in (found.images, found.targets, found.weights)} == {
        np.dtype(np.float32)
    }


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
@given(seed=st.integers(0, 2**32 - 1), smoothing=st.sampled_from([0, 0.1]))
def test_each_class_counts_by_its_own_weight(mixing: str, seed: int, smoothing: float) -> None:
    """The loss is that of both images, each times its share and weight; a weight may be 0."""
    batch, random = _batch(6), np.random.default_rng(seed)
    probabilities = random.dirichlet(np.ones(6), 6)
    alike = dataclasses.replace(batch, weights=np.ones(6, np.float32))
    shares = _mix(mixing, alike, 1.0, seed).targets
    found = _mix(mixing, batch, 1.0, seed)

    def smooth(targets: NDArray[np.float32]) -> NDArray[np.float64]:
        return (1 - smoothing) * targets.astype(np.float64) + smoothing / 6

    ours = -found.weights * (smooth(found.targets) * np.log(probabilities)).sum(axis=1)
    alone = -np.log(probabilities) @ smooth(np.eye(6, dtype=np.float32))
    np.testing.assert_allclose(
        ours, (shares * batch.weights * alone).sum(axis=1), rtol=1e-4, atol=1e-4
    )
    assert (found.targets[found.weights > 0, 0] == 0).all()  # the class that weighs nothing


def test_mixup_blends_all_of_an_image() -> None:
    """Every pixel is the same blend of two."""
    found = _mix("mixup", _batch(6), 1.0, 0)
    assert (np.ptp(found.images, axis=(1, 2, 3)) == 0).all()


def test_cutmix_pastes_one_rectangle() -> None:
    """What is not the image's own is a full rectangle of one other image."""
    batch = _batch(8)
    found = _mix("cutmix", batch, 1.0, 0)
    pasted = (found.images != batch.images).all(axis=3)
    assert pasted.any()
    for mask, image in zip(pasted, found.images, strict=True):
        rows, columns = np.nonzero(mask)
        if len(rows):
            box = image[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            assert np.ptp(box) == 0
            assert box[..., 0].size == len(rows)


@pytest.mark.parametrize("mixing", ["mixup", "cutmix"])
def test_binary_targets_become_probabilities(mixing: str) -> None:
    """One column between 0 and 1; the batch given stays as it was."""
    batch = _batch(8)
    binary = Batch(batch.images, (np.arange(8) % 2).astype(np.float32)[:, None], batch.weights)
    before = binary.images.copy()
    found = _mix(mixing, binary, 1.0, 2)
    assert found.targets.shape == (8, 1)
    assert ((found.targets >= 0) & (found.targets <= 1)).all()
    assert ((found.targets > 0) & (found.targets < 1)).any()
    np.testing.assert_array_equal(binary.images, before)
