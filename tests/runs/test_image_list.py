"""images.csv: which images a training found."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest

from imgrec.errors import RunError
from imgrec.runs.image_list import (
    Identities,
    image_differences,
    image_list,
    recorded_identities,
    recorded_images,
)
from imgrec.text import printable


def test_every_kind_of_difference_is_named() -> None:
    """With its number and the first names; equal lists have none."""
    before: Identities = {
        ("train", "a.png"): ("cat", "11"),
        ("test", "b.png"): ("cat", "22"),
        ("test", "c.png"): ("cat", "33"),
        ("test", "d.png"): ("cat", "44"),
    }
    now: Identities = {
        ("test", "a.png"): ("cat", "11"),
        ("test", "b.png"): ("dog", "22"),
        ("test", "c.png"): ("cat", "00"),
        **{("test", f"{number}.png"): ("dog", "55") for number in range(5)},
    }
    assert list(image_differences(before, before)) == []
    assert list(image_differences(before, now)) == [
        "5 new: 0.png, 1.png, 2.png, ...",
        "1 missing: d.png",
        "1 in another split: a.png",
        "1 of another class: b.png",
        "1 with other content: c.png",
    ]


def test_hostile_names_are_harmless_in_the_file_and_read_back_as_they_are(tmp_path: Path) -> None:
    """No cell steers a terminal or is a formula, and every image is found under its own name."""
    images: Identities = {
        ("train", "a.png"): ("cat", "11"),
        ("train", "=cmd().png"): ("+1", "22"),
        ("train", "\x1b[2J\r\n\udcff\ufffe.png"): ("cat\n@dog", "33"),
        ("test", "\\x1b[2J.png"): ("two\nclasses", "44"),
    }
    text = image_list(images, {"a.png": "=cmd()"})
    rows = list(csv.reader(io.StringIO(text)))
    cells = [line for row in rows for cell in row for line in cell.split("\n")]
    assert not [
        cell for cell in cells if cell.startswith(("=", "+", "@")) or printable(cell) != cell
    ]
    assert [row[-1] for row in rows[:2]] == ["exact", ""]
    assert "exact" not in rows[4]
    (tmp_path / "images.csv").write_text(text)
    assert recorded_identities(tmp_path) == images


def test_files_that_were_skipped_are_not_training_images(tmp_path: Path) -> None:
    """A text file among the photos may lie among those of an evaluation, too."""
    images = {("train", "a.png"): ("cat", "11"), ("train", "notes.txt"): ("cat", "22")}
    (tmp_path / "images.csv").write_text(image_list(images, {"notes.txt": "not an image"}))
    assert recorded_identities(tmp_path) == images
    assert recorded_images(tmp_path) == {"train": {"a.png": "11"}}


@pytest.mark.parametrize("exact", ["[", "[1, 2]", '["a"]', "[" * 9999])
def test_a_damaged_list_is_refused(tmp_path: Path, exact: str) -> None:
    """Whatever stands for a name, the answer is a RunError with the file."""
    (tmp_path / "images.csv").write_text(
        f'split,class,sha256,name,skipped,exact\na,b,c,d,,"{exact}"'
    )
    with pytest.raises(RunError, match=r"images\.csv is damaged"):
        recorded_identities(tmp_path)
