"""Folds: each image is held out once, classes and groups are kept in proportion and together."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.folds import deal, hold_out
from imgrec.data.records import Record, Splits
from imgrec.data.sources import DataLocation, FoldConfig, read
from imgrec.errors import DataError

PIXELS = np.zeros((2, 2), np.uint8)


def _records(counts: tuple[int, ...], per_group: int = 1) -> tuple[Record, ...]:
    return tuple(
        Record(f"{label}/{number // per_group}-{number}.png", label, PIXELS)
        for label, count in enumerate(counts)
        for number in range(count)
    )


def test_each_image_is_held_out_once_by_its_class() -> None:
    """Folds have the same size, to one image, of all images and of each class."""
    records = _records((23, 41))
    splits = Splits(("a", "b"), records[::2], records[1::4], records[3::4])
    parts = [hold_out(splits, number, 5, seed=3) for number in range(1, 6)]
    held_out = [record.name for part in parts for record in part.test]
    pool = {record.name for record in (*splits.train, *splits.validation)}
    assert sorted(held_out) == sorted(pool)
    for part in parts:
        assert {*part.test} | {*part.train} | {*part.validation} == {
            *splits.train,
            *splits.validation,
        }
        assert len(part.test) in {len(pool) // 5, len(pool) // 5 + 1}
        counts = Counter(record.labels[0] for record in part.test)
        assert abs(counts[0] - counts[1] * 23 / 41) < 2.5
        assert len(part.validation) / len(part.train) == pytest.approx(0.5, abs=0.15)
    assert hold_out(splits, 1, 5, seed=3) == parts[0]
    assert hold_out(splits, 1, 5, seed=4).test != parts[0].test


def test_groups_are_not_divided() -> None:
    """All images of a group are in one fold; the folds are about equally large."""
    records = _records((60, 30), per_group=6)
    groups = {record.name: record.name.partition("-")[0] for record in records}
    fold_of = deal(records, ("a", "b"), 5, 0, groups)
    homes = {(groups[record.name], fold) for record, fold in zip(records, fold_of, strict=True)}
    assert len(homes) == len(set(groups.values())) == 15
    assert set(Counter(fold_of).values()) == {18}


def test_a_class_with_too_few_images_is_named() -> None:
    """It could not be in each fold; groups need two, so that one is left for training."""
    with pytest.raises(DataError, match=r"too few images to divide into folds: b \(3\)"):
        deal(_records((9, 3)), ("a", "b"), 5, 0)
    records = _records((12, 6), per_group=6)
    groups = {record.name: record.name.partition("-")[0] for record in records}
    with pytest.raises(DataError, match=r"too few groups to divide into folds: b \(1\)"):
        deal(records, ("a", "b"), 2, 0, groups)


def test_no_fold_is_empty_or_takes_a_whole_class() -> None:
    """There can be as many folds as groups; a class must be left to train on."""
    records = _records((60, 30), per_group=9)
    groups = {record.name: record.name.partition("-")[0][2:] for record in records}
    assert set(deal(records, ("a", "b"), 7, 0, groups)) == set(range(7))
    with pytest.raises(
        DataError, match=r"too few groups to divide into 8 folds: .* have 7"
    ) as caught:
        deal(records, ("a", "b"), 8, 0, groups)
    assert "at most 7 folds" in caught.value.hint
    # The two small groups, together the smaller fold, have all images of the class a.
    sizes = {"large": (0, 40, 40, 40), "x": (1, 10, 10, 10), "y": (1, 10, 10, 10)}
    uneven = tuple(
        Record(f"{group}/{label}-{number}.png", label, PIXELS)
        for group, counts in sizes.items()
        for label, count in enumerate(counts)
        for number in range(count)
    )
    homes = {record.name: record.name.partition("/")[0] for record in uneven}
    splits = Splits(("a", "b", "c", "d"), uneven, (), ())
    with pytest.raises(DataError, match="fold 2 has all groups with images of a") as caught:
        hold_out(splits, 1, 2, 0, homes)
    assert "up to 3, one for each group" in caught.value.hint
    assert len({len(hold_out(splits, number, 3, 0, homes).test) for number in (1, 2, 3)}) == 2


def test_a_config_names_its_fold(photos: Path) -> None:
    """The split seed decides about folds and parts, not the seed of the training."""
    location = DataLocation(root=str(photos), fold=FoldConfig(number=2, of=4), split_seed=7)
    found = read(location, seed=0)
    assert [len(part) for part in (found.train, found.validation, found.test)] == [24, 6, 10]
    assert read(location, seed=1) == found
    grouped = read(location.model_copy(update={"group": r"/.(\d)"}), seed=0)
    groups = [{each.name[-5] for each in part} for part in (grouped.test, grouped.train)]
    assert not groups[0] & groups[1]
