"""Photos with their predictions, as a page that loads nothing from the network."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from imgrec.evaluation.prediction import MEAN, Answer, ModelInfo, Prediction, combined_model
from imgrec.report import templates
from imgrec.report.pictures import Thumbnail
from imgrec.report.templates import Choice
from imgrec.text import NOTHING, count_of

_CLASSES = 12
_FEWEST = 2
# Stands for the photos in the text around them; names never contain it, since it is escaped.
_TILES = "\0"
_UNKNOWN, _NOTHING, _DISAGREE, _FAILED = "unknown", "nothing", "disagree", "failed"
_OTHER = "other"
_TITLES = {
    _UNKNOWN: "unknown",
    _NOTHING: NOTHING,
    _DISAGREE: "models disagree",
    _FAILED: "can't be used",
}


class PhotoPictures(NamedTuple):
    """The thumbnail of a photo and its heat map, None without one."""

    picture: Thumbnail | None = None
    heat: Thumbnail | None = None


class PredictionsPage:
    """A page that is made in parts: first the photos, a batch at a time, then what surrounds them.

    Args:
        members: The models that predicted.
        heat_maps: Whether there are heat maps.
    """

    def __init__(self, members: Sequence[ModelInfo], *, heat_maps: bool = False) -> None:
        whole = combined_model(members)
        self._members = members
        self._unknown_below = whole.decision.min_probability if whole else None
        self._columns = {name: column for column, name in enumerate(whole.classes if whole else ())}
        self._heat_maps = heat_maps
        self._photos = 0
        self._keys_of_photos: Counter[tuple[str, ...]] = Counter()
        self._folder: tuple[str, ...] | None = None

    def tiles(self, predictions: Sequence[Prediction], pictures: Sequence[PhotoPictures]) -> str:
        """Return the HTML of the next photos; `pictures` has an item for each."""
        tiles = [
            _Tile(each, (*self._keys(each),), _answers(each), *found)
            for each, found in zip(predictions, pictures, strict=True)
        ]
        self._photos += len(tiles)
        self._keys_of_photos.update(tile.keys for tile in tiles)
        for each in predictions:
            self._folder = _common(self._folder, tuple(each.name.split("/")[:-1]))
        return templates.template("prediction_tiles.html.j2").render(
            tiles=tiles,
            several=any(member.multi_label for member in self._members),
            nothing=NOTHING,
        )

    def page(self, tiles: Iterable[str]) -> Iterator[str]:
        """Yield the page in pieces of whole lines, given what `tiles` returned for all photos."""
        around = templates.template("predictions.html.j2", count_of=count_of).render(
            photos=self._photos,
            models=[member.model for member in self._members],
            unknown_below=self._unknown_below,
            heat_maps=self._heat_maps,
            folder="/".join(self._folder) + "/" if self._folder else "",
            depth=len(self._folder or ()),
            options=[Choice("all", "all", self._photos), *self._choices()],
            tiles=_TILES,
        )
        before, after = around.split(_TILES)
        yield before
        yield from tiles
        yield after

    def _keys(self, prediction: Prediction) -> Iterator[str]:
        """Yield what a photo can be chosen by."""
        if prediction.error is not None:
            yield _FAILED
        elif self._columns and not prediction.labels:
            yield _NOTHING if prediction.known else _UNKNOWN
        yield from (f"class-{self._columns[label]}" for label in prediction.labels)
        if prediction.agree is False:
            yield _DISAGREE

    def _choices(self) -> Iterator[Choice]:
        """Yield the most frequent classes, one for all others, and what else a photo may be."""
        counts: Counter[str] = Counter()
        for keys, count in self._keys_of_photos.items():
            counts.update(dict.fromkeys(keys, count))
        found = [
            Choice(f"class-{column}", name, counts[f"class-{column}"])
            for name, column in self._columns.items()
            if counts[f"class-{column}"]
        ]
        found.sort(key=lambda each: -each.count)
        frequent = [each for each in found if each.count >= _FEWEST][:_CLASSES]
        others = found[len(frequent) :]
        yield from frequent
        if len(others) == 1:
            yield from others
        elif others and frequent:
            yield self._together(tuple(each.key for each in others))
        rest = (Choice(key, title, counts[key]) for key, title in _TITLES.items())
        yield from (each for each in rest if each.count)

    def _together(self, keys: tuple[str, ...]) -> Choice:
        photos = self._keys_of_photos.items()
        count = sum(count for found, count in photos if not set(keys).isdisjoint(found))
        return Choice(_OTHER, "other", count, keys)


class _Tile(NamedTuple):
    """A photo on the page; `keys` are what it can be chosen by."""

    prediction: Prediction
    keys: tuple[str, ...]
    answers: tuple[Answer, ...]
    picture: Thumbnail | None
    heat: Thumbnail | None


def _common(one: tuple[str, ...] | None, other: tuple[str, ...]) -> tuple[str, ...]:
    """Return the folders that two paths begin with; `other` if there is no first one."""
    if one is None:
        return other
    pairs = zip(one, other, strict=False)
    return one[: sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))]


def _answers(prediction: Prediction) -> tuple[Answer, ...]:
    """Return the answer of the model, or those of the mean and of each of several models."""
    whole = Answer(MEAN, prediction.top, prediction.known, prediction.labels)
    return whole, *prediction.answers
