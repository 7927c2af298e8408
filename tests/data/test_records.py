"""Tests of records, data sets and splits as values."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.records import Dataset, Record, Splits


def test_records_with_pixels_can_be_compared_and_hashed() -> None:
    """Equality goes by name and label, so that arrays don't get in its way."""
    one = Record("a", 0, np.zeros((2, 2), np.uint8))
    assert one == Record("a", 0, np.ones((2, 2), np.uint8))
    assert one == Record("a", 0, Path("a"))
    assert one != Record("b", 0, one.source)
    assert one != Record("a", 1, one.source)
    assert len({one, Record("a", 0, Path("a"))}) == 1


def test_data_sets_and_splits_are_values() -> None:
    """They compare by what they hold and can't be changed."""
    records = (Record("a", 0, Path("a")),)
    assert Dataset(records, ("x",)) == Dataset(records, ("x",), ())
    splits = Splits(("x",), records, (), ())
    assert splits == Splits(("x",), records, (), (), ())
    with pytest.raises(dataclasses.FrozenInstanceError):
        splits.findings = ()  # type: ignore[misc]
