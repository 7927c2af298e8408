"""Tests of the seeded, stratified split."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Occurrence, finding
from imgrec.data.records import Dataset, Record, Splits
from imgrec.data.split import split, stratified
from imgrec.errors import DataError

SIZES = st.lists(st.integers(3, 60), min_size=2, max_size=4)
SHARES = st.tuples(st.floats(0, 0.9), st.floats(0, 0.9)).filter(lambda pair: sum(pair) < 0.95)
SEEDS = st.integers(0, 2**64)

FOUND = finding(FindingKind.HIDDEN, [Occurrence((".hidden",))])


def dataset(sizes: list[int]) -> Dataset:
    """Return a data set with classes of these sizes."""
    records = (
        Record(f"{label}/{index}.png", label, Path())
        for label, size in enumerate(sizes)
        for index in range(size)
    )
    classes = tuple(str(label) for label in range(len(sizes)))
    return Dataset(tuple(sorted(records, key=lambda record: record.name)), classes, FOUND)


def count(records: tuple[Record, ...], label: int) -> int:
    """Return how many of the records have the label."""
    return sum(record.label == label for record in records)


@given(SIZES, SHARES, SEEDS)
def test_parts_are_disjoint_and_complete(
    sizes: list[int], shares: tuple[float, float], seed: int
) -> None:
    """Every image is in exactly one part, and each part is sorted by name."""
    data = dataset(sizes)
    splits = split(data, *shares, seed)
    parts = (splits.train, splits.validation, splits.test)
    everything = [record.name for part in parts for record in part]
    assert sorted(everything) == [record.name for record in data.records]
    for part in parts:
        assert [record.name for record in part] == sorted(record.name for record in part)
    assert (splits.classes, splits.findings) == (data.classes, FOUND)


@given(SIZES, SHARES, SEEDS)
def test_every_part_asked_for_has_every_class(
    sizes: list[int], shares: tuple[float, float], seed: int
) -> None:
    """A part with a share has an image of each class, one without has none."""
    splits = split(dataset(sizes), *shares, seed)
    for part, share in ((splits.validation, shares[0]), (splits.test, shares[1])):
        counts = [count(part, label) for label in range(len(sizes))]
        assert all(counts) if share else not any(counts)
    assert all(count(splits.train, label) for label in range(len(sizes)))


@given(st.lists(st.integers(20, 300), min_size=1, max_size=3), SEEDS)
def test_shares_are_kept_within_one_image_per_class(sizes: list[int], seed: int) -> None:
    """Rounding never moves a class's share by a whole image."""
    splits = split(dataset(sizes), 0.15, 0.1, seed)
    for label, size in enumerate(sizes):
        assert abs(count(splits.validation, label) - 0.15 * size) < 1
        assert abs(count(splits.test, label) - 0.1 * size) < 1
        assert abs(count(splits.train, label) - 0.75 * size) < 1


@given(SIZES, SHARES, SEEDS, st.randoms(use_true_random=False))
def test_the_order_of_the_input_is_irrelevant(
    sizes: list[int], shares: tuple[float, float], seed: int, shuffler: random.Random
) -> None:
    """The split is a function of names and seed alone."""
    data = dataset(sizes)
    shuffled = list(data.records)
    shuffler.shuffle(shuffled)
    again = split(Dataset(tuple(shuffled), data.classes, FOUND), *shares, seed)
    assert again == split(data, *shares, seed)


def test_another_seed_gives_another_split() -> None:
    """The seed decides who goes where."""
    data = dataset([50, 50])
    assert split(data, 0.2, 0, 1) != split(data, 0.2, 0, 2)


def test_the_split_is_the_same_for_ever() -> None:
    """A seed stands for one split, on every machine and with every version of Python."""
    splits = split(dataset([6, 6]), 0.2, 0.2, 0)
    assert _names(splits) == (["0/2.png", "1/5.png"], ["0/5.png", "1/0.png"])


def _names(splits: Splits) -> tuple[list[str], list[str]]:
    validation = [record.name for record in splits.validation]
    return validation, [record.name for record in splits.test]


def test_small_fractions_of_ten_are_exact() -> None:
    """0.29 of 100 is 29, though floating point says a little less."""
    assert len(split(dataset([100]), 0.29, 0, 0).validation) == 29


def test_classes_that_are_too_small_are_named() -> None:
    """Every class without an image for each part is named, with how many it has."""
    with pytest.raises(DataError) as caught:
        split(dataset([2, 9, 1]), 0.2, 0.1, 0)
    assert caught.value.message == (
        "too few images to divide into training, validation and test images: 0 (2), 2 (1)"
    )
    assert caught.value.hint == (
        "every class needs at least 3 images: add some, or take none for test with "
        "`data.split.test: 0` in the config"
    )


def test_what_helps_depends_on_what_the_training_needs() -> None:
    """Fewer splits are only offered if a class then has enough images for the training."""
    for size, offered in ((1, False), (2, True)):
        with pytest.raises(DataError, match=rf"validation images: 0 \({size}\)") as caught:
            split(dataset([size, 9]), 0.2, 0, 0, fewest=2)
        assert caught.value.hint.startswith("every class needs at least 3 images: add some")
        assert ("take none for validation" in caught.value.hint) is offered
    assert len(split(dataset([3, 9]), 0.2, 0, 0, fewest=2).validation) == 3


@pytest.mark.parametrize("shares", [(0.5, 0.5), (-0.1, 0), (1, 0)])
def test_impossible_shares_are_refused(shares: tuple[float, float]) -> None:
    """Something has to be left for training."""
    with pytest.raises(DataError, match="leave nothing for training"):
        split(dataset([9, 9]), *shares, 0)


@given(SIZES, st.floats(0, 1.2), SEEDS)
def test_a_stratified_part_has_the_share_of_each_class(
    sizes: list[int], share: float, seed: int
) -> None:
    """Every class has its share, rounded up or down, and a record if there are enough for all."""
    records = dataset(sizes).records
    wanted = round(share * len(records))
    chosen = stratified(records, wanted, seed)
    assert sorted({each.name for each in chosen}) == [each.name for each in chosen]
    assert len(chosen) == min(wanted, len(records))
    shares = [count(chosen, label) for label in range(len(sizes))]
    assert all(shares) or wanted < len(sizes)
    fractions = [part / size for part, size in zip(shares, sizes, strict=True)]
    assert max(fractions) - min(fractions) <= 1 / min(sizes) + 1e-9


def test_a_stratified_part_depends_on_the_seed() -> None:
    """The same seed draws the same records, another one others."""
    records = dataset([40, 40]).records
    assert stratified(records, 10, 1) == stratified(records, 10, 1) != stratified(records, 10, 2)
