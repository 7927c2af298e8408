"""One pass over all images describes each, and passes on the pixels of the sound ones."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from imgrec.data.cache.inspection import ImageVerdict, inspect_images, inspection_of, verdict_of
from imgrec.data.images import ImageSpec, decode, identities_of_images
from imgrec.data.records import Record
from imgrec.progress import Silent
from imgrec.scores import Skipped

SPEC = ImageSpec(4, 4, 3)


class Counting:
    """A progress that remembers what it was asked to show."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, int | None, str]] = []
        self.done = 0

    def advance(self, count: int = 1, note: str = "") -> None:
        """Count."""
        self.done += count

    @contextmanager
    def task(self, title: str, total: int | None, unit: str = "images") -> Iterator[Counting]:
        """Remember the task."""
        self.shown.append((title, total, unit))
        yield self


def test_every_image_is_hashed_and_tried(images: Callable[..., Path]) -> None:
    """Sound, broken and missing ones are distinguished in one pass, which shows its progress."""
    root = images("good.png")
    (root / "bad.png").write_bytes(b"text")
    records = [
        *(Record(name, 0, root / name) for name in ("good.png", "bad.png", "gone.png")),
        Record("pixels", 0, np.zeros((3, 3), np.uint8)),
        Record("odd pixels", 0, np.zeros(3, np.uint8)),
    ]
    kept: list[NDArray[np.uint8]] = []
    progress = Counting()
    inspection = inspection_of(records, inspect_images(records, SPEC, progress, kept.append))
    assert set(inspection.identities) == {"good.png", "bad.png", "pixels", "odd pixels"}
    assert inspection.identities["good.png"] == identities_of_images(records[:1])["good.png"]
    assert [skipped.name for skipped in inspection.bad] == ["bad.png", "gone.png", "odd pixels"]
    assert inspection.bad[1] == Skipped("gone.png", "no such file")
    assert len(kept) == 2
    np.testing.assert_array_equal(kept[0], decode(root / "good.png", SPEC))
    assert progress.shown == [("checking images", 5, "images")]
    assert progress.done == 5


def test_pixels_come_in_the_order_of_the_records() -> None:
    """However many threads there are."""
    records = [Record(str(n), 0, np.full((4, 4), n, np.uint8)) for n in range(200)]
    kept: list[int] = []
    inspect_images(records, SPEC, Silent(), lambda image: kept.append(int(image[0, 0, 0])))
    assert kept == list(range(200))


def test_one_image_may_be_looked_at_alone(tmp_path: Path) -> None:
    """It has the verdict that it has among others."""
    file = tmp_path / "bad.png"
    file.write_bytes(b"text")
    verdict = verdict_of(Record("bad.png", 0, file), SPEC)
    assert verdict.identity == hashlib.sha256(b"text").hexdigest()
    assert verdict.fault.startswith("not an image")
    assert verdict_of(Record("gone", 0, tmp_path / "gone"), SPEC) == ImageVerdict(
        "", "no such file"
    )
