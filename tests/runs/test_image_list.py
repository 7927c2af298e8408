"""images.csv: which images a training found."""

from __future__ import annotations

from imgrec.runs.image_list import Identities, image_differences


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
