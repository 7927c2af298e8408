"""Photos of several requests in one batch."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field

import numpy as np
import pytest
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.runtime.outputs import ModelOutput
from imgrec.scores import ONE_LABEL, Decision
from imgrec.serve.batching import LARGEST, Batched, Batcher, Outputs, Photo

SPEC = ImageSpec(height=2, width=2, channels=1)


@dataclass
class Mean:
    """An engine whose only probability is the mean of a photo; black ones can't be computed."""

    error: float = 0.0
    """What it adds to the answers of a batch."""
    sizes: list[int] = field(default_factory=list)
    classes: tuple[str, ...] = ("bright",)
    decision: Decision = ONE_LABEL
    spec: ImageSpec = SPEC

    def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
        """Return the mean of each photo."""
        self.sizes.append(len(images))
        found = images.mean(axis=(1, 2, 3), dtype=np.float32)[:, None] / 255
        if not found.all():
            raise RunError("a photo is black")
        return ModelOutput(found + np.float32(self.error if len(images) > 1 else 0))


PHOTOS = [[np.full((2, 2, 1), value, np.uint8)] for value in range(1, 21)]
EXPECTED = [float(np.float32(value) / 255) for value in range(1, 21)]


def answers(engine: Mean, photos: Sequence[Photo]) -> Sequence[float | str]:
    """Return the answers to photos that wait together, after the answer to another one."""
    batched = Batched.opened([engine])

    async def ask() -> Sequence[list[Outputs] | BaseException]:
        with closing(Batcher()) as batcher:
            await batcher.outputs(batched, PHOTOS[:1])
            asked = (batcher.outputs(batched, [photo]) for photo in photos)
            return await asyncio.gather(*asked, return_exceptions=True)

    return [
        str(each) if isinstance(each, BaseException) else each[0][0].probabilities.item()
        for each in asyncio.run(ask())
    ]


def test_photos_that_wait_are_computed_together() -> None:
    """After one of them, as many as there are, as their number is a power of two."""
    engine = Mean()

    assert answers(engine, PHOTOS) == EXPECTED
    assert max(engine.sizes[8:]) == LARGEST  # after three photos, and the five of the check
    assert all(size.bit_count() == 1 for size in engine.sizes)


def test_a_model_with_other_answers_in_batches_is_asked_photo_by_photo(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """If they differ in a single bit; the log says so once, as it takes longer."""
    engine = Mean(error=2**-24)

    with caplog.at_level("INFO", "imgrec"):
        assert answers(engine, PHOTOS) == EXPECTED
    assert engine.sizes[8:] == [1] * 19
    (message,) = caplog.messages
    assert message.startswith("the model of bright is asked photo by photo")
    assert message.endswith(": in batches, its answers differ")


def test_a_model_that_fails_in_batches_is_asked_photo_by_photo(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Whatever it raises, such as that the memory is too small."""

    class Small(Mean):
        def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
            if len(images) > 1:
                raise MemoryError
            return super().answers(images)

    with caplog.at_level("INFO", "imgrec"):
        assert answers(Small(), PHOTOS) == EXPECTED
    assert ": in batches, it fails (MemoryError)" in caplog.text


def test_only_the_photo_that_cannot_be_computed_is_refused() -> None:
    """The others of its batch are answered."""
    black = [np.zeros((2, 2, 1), np.uint8)]

    found = answers(Mean(), [*PHOTOS[:3], black, *PHOTOS[3:]])

    assert found == [*EXPECTED[:3], "a photo is black", *EXPECTED[3:]]


def test_a_model_that_cannot_be_run_is_not_opened() -> None:
    """Whatever the photo."""

    class Broken(Mean):
        def answers(self, images: NDArray[np.uint8]) -> ModelOutput:
            raise RunError("no")

    with pytest.raises(RunError, match="no"):
        Batched.opened([Broken()])
