"""One way from images to scores, in chunks or as a whole."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.records import Photo, Record
from imgrec.errors import BadImage
from imgrec.progress import Silent
from imgrec.runtime.engine import FlipTTA
from imgrec.runtime.score import BATCH_SIZE, score, score_chunks
from tests.runtime.brightness import Brightness


def record(number: int, level: int | None = None) -> Record:
    """Return a grey picture; without a level, one that is not there."""
    source = Path("none.png") if level is None else np.full((4, 4), level, np.uint8)
    return Record(f"{number}.png", number % 2, source)


def test_the_whole_is_its_chunks() -> None:
    """Every image is in one chunk, in order; those that can't be read stand in theirs."""
    records = [record(number, None if number % 7 == 3 else number) for number in range(100)]
    chunks = [chunk for (chunk,) in score_chunks([Brightness()], records)]
    whole = score(Brightness(), records, labelled=True, bad_images="skip", progress=Silent())
    sizes = [len(chunk.names) + len(chunk.skipped) for chunk in chunks]
    assert sizes == [BATCH_SIZE] * 3 + [4]
    assert [name for chunk in chunks for name in chunk.names] == list(whole.names)
    assert [each for chunk in chunks for each in chunk.skipped] == list(whole.skipped)
    assert whole.skipped[0] == ("3.png", "no such file")
    np.testing.assert_array_equal(
        np.concatenate([chunk.probabilities for chunk in chunks]), whole.probabilities
    )
    good = [number for number in range(100) if number % 7 != 3]
    np.testing.assert_allclose(whole.probabilities[:, 1], np.array(good) / 255, rtol=1e-6)
    assert whole.rows.tolist() == good
    assert [chunk.rows[0] for chunk in chunks] == [0, 0, 0, 0]
    assert whole.true_labels.tolist() == [number % 2 for number in good]


def test_the_first_bad_image_ends_it_where_asked() -> None:
    """The error names it."""
    records = [record(0, 0), record(1), record(2)]
    with pytest.raises(BadImage) as caught:
        score(Brightness(), records, labelled=True, bad_images="error", progress=Silent())
    assert (caught.value.name, caught.value.reason) == ("1.png", "no such file")


def test_nothing_readable_has_no_probabilities() -> None:
    """The model is not asked about nothing."""
    whole = score(Brightness(), [record(0)], labelled=True, bad_images="skip", progress=Silent())
    assert whole.probabilities.shape == (0, 2)
    assert whole.truth is not None
    assert whole.truth.shape == (0, 2)


def test_an_endless_list_is_answered_as_it_comes() -> None:
    """A chunk is there when little more than it has been taken."""
    taken: list[int] = []

    def endless() -> Iterator[Photo]:
        for number in itertools.count():
            taken.append(number)
            yield Photo("same", np.full((4, 4), 51, np.uint8))

    chunks = score_chunks([Brightness()], endless())
    for _ in range(5):
        (chunk,) = next(chunks)
        np.testing.assert_allclose(chunk.probabilities[:, 1], 0.2, rtol=1e-6)
    assert len(taken) <= 8 * BATCH_SIZE
    chunks.close()  # type: ignore[attr-defined]


def test_a_mirrored_picture_counts_as_much() -> None:
    """The answer of a picture and of its mirror image is the same, and the mean of both."""
    pixels = np.zeros((1, 4, 4, 1), np.uint8)
    pixels[:, :, :2] = 102
    alone, both = Brightness(), FlipTTA(Brightness())
    assert (both.classes, both.spec) == (alone.classes, alone.spec)
    np.testing.assert_allclose(alone.answers(pixels).probabilities, [[0.6, 0.4]], rtol=1e-6)
    np.testing.assert_allclose(both.answers(pixels).probabilities, [[0.8, 0.2]], rtol=1e-6)
    np.testing.assert_array_equal(
        both.answers(pixels).probabilities, both.answers(pixels[:, :, ::-1]).probabilities
    )
    assert both.answers(pixels).probabilities.dtype == np.float32
