"""Words cut the images into parts that are whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from imgrec.data.records import Record
from imgrec.errors import BadImage, DataError
from imgrec.evaluation.slices import check_slices, cut_slices
from imgrec.scores import Scores, one_hot
from imgrec.slicing import SliceBy, slice_by

GREY = np.zeros((2, 2), np.uint8)


def record(name: str, source: object = GREY, **extra: str) -> Record:
    """Return a record of a name, pixels or a file, and columns."""
    return Record(name, 0, source, extra=extra)  # type: ignore[arg-type]


def found(records: list[Record], *words: str) -> Mapping[str, list[str]]:
    """Return the names of the images in each slice, scored in the order of `records`."""
    count = len(records)
    names = tuple(record.name for record in records)
    rows = np.tile(np.array([1, 0], np.float32), (count, 1))
    scores = Scores(names, one_hot(np.zeros(count, np.int64), 2), rows, ("a", "b"))
    by = [slice_by(word) for word in words]
    check_slices(records, by)
    return {each.name: list(each.scores.names) for each in cut_slices(scores, records, by)}


def test_a_column_cuts_by_its_values() -> None:
    """Every value is a slice; empty cells and missing ones are in a separate slice."""
    records = [
        record("1.png", camera="front"),
        record("2.png", camera="back"),
        record("3.png", camera=" front "),
        record("4.png", camera=""),
        record("5.png"),
    ]
    expected = {
        "camera=back": ["2.png"],
        "camera=front": ["1.png", "3.png"],
        "camera=(none)": ["4.png", "5.png"],
    }
    assert found(records, "camera") == found(records, "column:camera") == expected


def test_an_expression_cuts_by_its_first_group() -> None:
    """The group's text names the slice, wherever in the path it is found."""
    records = [record("night/cat/1.png"), record("day/2.png"), record("dusk/3.png")]
    assert found(records, "path:(night|day)") == {
        "path=day": ["day/2.png"],
        "path=night": ["night/cat/1.png"],
        "path:(night|day)=(none)": ["dusk/3.png"],
    }


def test_size_and_mode_come_from_the_files(tmp_path: Path) -> None:
    """Pixels decide, whatever the shape, and the mode is what the file stores."""
    sizes = {"a.png": (255, 257), "b.png": (256, 256), "c.png": (1024, 1023), "d.png": (2048, 512)}
    for name, size in sizes.items():
        Image.new("RGB" if name == "a.png" else "L", size).save(tmp_path / name)
    records = [record(name, tmp_path / name) for name in sizes]
    assert list(found(records, "size", "mode").items()) == [
        ("size=small", ["a.png"]),
        ("size=medium", ["b.png", "c.png"]),
        ("size=large", ["d.png"]),
        ("mode=L", ["b.png", "c.png", "d.png"]),
        ("mode=RGB", ["a.png"]),
    ]


def test_columns_called_as_a_word_have_their_own() -> None:
    """`size` is the picture's; `column:size` is the column."""
    assert list(found([record("1.png", size="XL")], "size", "column:size")) == [
        "size=small",
        "size=XL",
    ]


def test_an_image_that_is_gone_is_named(tmp_path: Path) -> None:
    """A file that was scored and then removed is a bad image, not a slice."""
    with pytest.raises(BadImage, match=r"^gone\.png: no such file"):
        found([record("gone.png", tmp_path / "gone.png")], "size")


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("lens", "slice lens: no image has a value for it"),
        ("path:(dog)", r"slice path:\(dog\): no image has a value for it"),
        ("column:id", "101 values, such as 0, but at most 100 slices"),
    ],
)
def test_words_that_fit_nothing_are_refused_before_any_work(word: str, message: str) -> None:
    """No image, or hardly two alike: an error that names the columns there are."""
    records = [record(f"{i}.png", id=str(i)) for i in range(101)]
    with pytest.raises(DataError, match=message) as error:
        check_slices(records, [slice_by(word)])
    hint = error.value.hint
    assert "its columns are id" in hint or "many images have in common" in hint


@given(
    st.lists(st.sampled_from(["", "x", "y", "\x1b[1m"]), min_size=1, max_size=20).filter(any),
)
def test_slices_of_a_word_are_a_partition(values: list[str]) -> None:
    """Every image is in exactly one slice, in the order of the scores."""
    records = [record(f"{i:02}.png", camera=value) for i, value in enumerate(values)]
    parts = found(records, "camera")
    assert sorted(name for names in parts.values() for name in names) == [
        each.name for each in records
    ]
    assert all(names == sorted(names) for names in parts.values())


@pytest.mark.parametrize("word", ["path:(", "path:night", "path:", "", "column:"])
def test_words_that_mean_nothing_are_refused(word: str) -> None:
    """A broken expression, one without a group, and nothing at all."""
    with pytest.raises(ValueError, match=r"regular expression|no group|a slice is"):
        slice_by(word)


def test_words_are_read() -> None:
    """A kind and a colon make a kind; anything else is a column."""
    read: Callable[[str], SliceBy] = slice_by
    assert read(" mode ") == SliceBy("mode", "mode")
    assert read("path:a(b):c") == SliceBy("path:a(b):c", "path", "a(b):c")
    assert read("lens: wide") == SliceBy("lens: wide", "column", "lens: wide")
