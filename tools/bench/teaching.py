"""How long teaching takes, and what becomes of it: photo by photo, and many at once."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from imgrec.data.records import Photo
from imgrec.progress import Silent
from imgrec.workflows.prediction import Predictor
from imgrec.workflows.teaching import Classifier
from tools.bench.figures import Figure

_FEW, _MANY, _ROUNDS = 5, 1000, 5
_Photos = Mapping[str, Sequence[Path]]


def teaching(folder: Path) -> Iterator[Figure]:
    """Yield the figures of classifiers.

    folder: has `train` and `validation` with two classes, 1,000 or more photos of each in `train`.
    """
    taught, unseen = (_by_class(folder / part) for part in ("train", "validation"))
    with tempfile.TemporaryDirectory() as place:
        yield _few(Path(place) / "few", taught, unseen)
        with Classifier(Path(place) / "many") as found:
            yield from _many(found, taught, unseen)


def _few(place: Path, taught: _Photos, unseen: _Photos) -> Figure:
    def run() -> None:
        with Classifier(place) as found:
            for name, photos in taught.items():
                found.add(photos[:_FEW], name)
            _answer(found.draft(), next(iter(unseen.values()))[0])

    return _timed(
        f"{len(taught)} classes, {_FEW} photos each: first upload to first answer", run, 2
    )


def _many(found: Classifier, taught: _Photos, unseen: _Photos) -> Iterator[Figure]:
    def upload() -> None:
        for name, photos in taught.items():
            found.add(photos[:_MANY], name)
        found.publish()

    yield _timed("2,000 photos uploaded to published", upload, 60)
    right, total = _right(found.published(), unseen)
    goal = "at least 98.5 %"
    yield Figure("its answers to other photos", f"{right} of {total} are right", goal)
    name, photos = next(iter(unseen.items()))
    yield from _one_more(found, name, photos)
    yield _timed("the cross-validated accuracy follows", found.standing, 5)
    yield _timed("and a version with it", lambda: found.publish(force=True), 30)


def _one_more(found: Classifier, name: str, photos: Sequence[Path]) -> Iterator[Figure]:
    """Yield medians of the seconds until another photo is answered, and of the preview."""
    seconds = []
    for place in range(_ROUNDS):
        began = time.perf_counter()
        found.add(photos[place], name)
        added = time.perf_counter()
        draft = found.draft()
        previewed = time.perf_counter()
        _answer(draft, photos[-1])
        seconds.append((time.perf_counter() - began, previewed - added))
    whole, preview = (f"{statistics.median(each):.2f} s" for each in zip(*seconds, strict=True))
    one_more = "one more photo, 2,000 there"
    yield Figure(f"{one_more}: uploaded, another one answered", whole, "at most 0.5 s")
    yield Figure(f"{one_more}: of that, the preview of the head", preview, "at most 0.3 s")


def _right(predictor: Predictor, unseen: _Photos) -> tuple[int, int]:
    right = 0
    for name, paths in unseen.items():
        photos = [Photo(each.name, each) for each in paths]
        for batch in predictor.predictions(photos, total=None, progress=Silent()):
            right += sum(each.top[0].class_name == name for each in batch)
    return right, sum(map(len, unseen.values()))


def _by_class(folder: Path) -> _Photos:
    return {each.name: sorted(each.iterdir()) for each in sorted(folder.iterdir())}


def _answer(predictor: Predictor, photo: Path) -> None:
    list(predictor.predictions([Photo(photo.name, photo)], total=1, progress=Silent()))


def _timed(name: str, run: Callable[[], object], goal: float) -> Figure:
    seconds, processor = time.perf_counter(), time.process_time()
    run()
    seconds, processor = time.perf_counter() - seconds, time.process_time() - processor
    value = f"{seconds:.2f} s, processor {processor:.2f} s"
    return Figure(name, value, f"at most {goal:g} s")
