"""Measures how long teaching takes: `python -m tools.teach_times FOLDER`.

FOLDER has `train` and `validation` with the same two classes, 1,000 or more photos of each to train
on.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from imgrec.data.records import Photo
from imgrec.progress import Silent
from imgrec.workflows.teaching import Classifier

_FEW = 5


def main() -> None:
    """Print the figures."""
    folder = Path(sys.argv[1])
    classes = {each.name: sorted(each.iterdir()) for each in sorted((folder / "train").iterdir())}
    unseen = {
        each.name: sorted(each.iterdir()) for each in sorted((folder / "validation").iterdir())
    }
    print(f"load: {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as place:
        _first_answer(Path(place) / "few", classes, unseen)
        _many(Path(place) / "many", classes, unseen)


def _first_answer(
    place: Path, classes: dict[str, list[Path]], unseen: dict[str, list[Path]]
) -> None:
    def run() -> None:
        with Classifier(place) as found:
            for name, photos in classes.items():
                found.add(photos[:_FEW], name)
            _answer(found, next(iter(unseen.values()))[0])

    _measured(f"{len(classes)} classes, {_FEW} photos each: first upload to first answer", run)


def _many(place: Path, classes: dict[str, list[Path]], unseen: dict[str, list[Path]]) -> None:
    with Classifier(place) as found:

        def upload() -> None:
            for name, photos in classes.items():
                found.add(photos[:1000], name)
            found.publish()

        _measured("2,000 photos uploaded to published", upload)
        right = sum(
            prediction.top[0].class_name == name
            for name, photos in unseen.items()
            for batch in found.published().predictions(
                [Photo(each.name, each) for each in photos], total=None, progress=Silent()
            )
            for prediction in batch
        )
        total = sum(map(len, unseen.values()))
        print(f"right on the validation photos: {right} of {total}")
        name, photos = next(iter(unseen.items()))

        def one_more() -> None:
            found.add(photos[:1], name)
            _answer(found, photos[1])

        _measured("one more photo, 2,000 there: uploaded and answered", one_more)
        _measured("the cross-validated accuracy follows", found.standing)


def _answer(found: Classifier, photo: Path) -> None:
    list(found.draft().predictions([Photo(photo.name, photo)], total=1, progress=Silent()))


def _measured(what: str, run: Callable[[], object]) -> None:
    seconds, processor = time.perf_counter(), time.process_time()
    run()
    seconds, processor = time.perf_counter() - seconds, time.process_time() - processor
    print(f"{what}: {seconds:.2f} s, processor {processor:.2f} s", flush=True)


if __name__ == "__main__":
    main()
