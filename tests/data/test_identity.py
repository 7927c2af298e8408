"""Tests of the identities of images and data sets."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from imgrec.data.images import fingerprint, identities_of_images
from imgrec.data.records import Record

NAMES = st.text(st.characters(exclude_categories=()), max_size=8)


def test_the_identity_of_a_file_is_the_hash_of_its_bytes(images: Callable[..., Path]) -> None:
    """Anyone can check it with sha256sum."""
    file = images("a.png") / "a.png"
    expected = hashlib.sha256(file.read_bytes()).hexdigest()
    assert identities_of_images([Record("a", 0, file)]) == {"a": expected}


def test_the_identity_of_pixels_is_that_of_shape_and_values() -> None:
    """Same values in another shape are another image; a copy is the same one."""
    flat, tall = np.zeros((2, 8), np.uint8), np.zeros((8, 2), np.uint8)
    found = identities_of_images(
        [Record("a", 0, flat), Record("b", 0, tall), Record("c", 0, flat.copy())]
    )
    assert found["a"] != found["b"]
    assert found["a"] == found["c"]


def test_a_missing_file_has_no_identity(tmp_path: Path) -> None:
    """It has an empty one, and so equals no image that is there."""
    assert identities_of_images([Record("gone", 0, tmp_path / "gone")]) == {"gone": ""}


def test_the_fingerprint_is_as_documented() -> None:
    """The bytes hashed are lengths and fields, so that others can compute it too."""
    digest = hashlib.sha256()
    for field in (b"a/1", b"cat", b"00", b"b/1", b"dog", b"ff"):
        digest.update(len(field).to_bytes(8, "big") + field)
    records = [Record("b/1", 1, Path()), Record("a/1", 0, Path())]
    found = fingerprint(records, {"a/1": "00", "b/1": "ff"}, ("cat", "dog"))
    assert found == digest.hexdigest()


@given(st.lists(NAMES, unique=True, min_size=1), st.data())
def test_the_fingerprint_depends_on_everything_but_the_order(
    names: list[str], data: st.DataObject
) -> None:
    """Order is irrelevant; a name, a label or a content that changes shows. Any name will do."""
    records = [Record(name, 0, Path()) for name in names]
    known = dict.fromkeys(names, "00")
    found = fingerprint(records, known, ("x", "y"))
    assert fingerprint(data.draw(st.permutations(records)), known, ("x", "y")) == found
    place = data.draw(st.integers(0, len(names) - 1))
    relabelled = [*records]
    relabelled[place] = Record(names[place], 1, Path())
    assert fingerprint(relabelled, known, ("x", "y")) != found
    assert fingerprint(records, {**known, names[place]: "01"}, ("x", "y")) != found
    renamed = [*records]
    renamed[place] = Record("new name", 0, Path())
    assert fingerprint(renamed, {**known, "new name": "00"}, ("x", "y")) != found


def test_fields_can_not_run_into_each_other() -> None:
    """The end of a name is distinguished from the beginning of a class."""
    one = fingerprint([Record("ab", 0, Path())], {"ab": "0"}, ("c",))
    other = fingerprint([Record("a", 0, Path())], {"a": "0"}, ("bc",))
    assert one != other
