"""Photos with their predictions, as a page that loads nothing from the network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from imgrec.evaluation.prediction import MEAN, Answer, ModelInfo, Prediction, combined_model
from imgrec.report import templates
from imgrec.report.pictures import Thumbnail
from imgrec.report.templates import Choice
from imgrec.text import NOTHING, count_of

_CLASSES = 12
# Stands for the photos in the text around them; names never contain it, since it is escaped.
_TILES = "\0"
_UNKNOWN, _NOTHING, _DISAGREE, _FAILED = "unknown", "nothing", "disagree", "failed"
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
        self._environment = templates.environment()
        self._environment.filters["count_of"] = count_of
        self._photos = 0
        self._counts: Counter[str] = Counter()

    def tiles(self, predictions: Sequence[Prediction], pictures: Sequence[PhotoPictures]) -> str:
        """Return the HTML of the next photos; `pictures` has an item for each."""
        tiles = [
            _Tile(each, (*self._keys(each),), _answers(each), *found)
            for each, found in zip(predictions, pictures, strict=True)
        ]
        self._photos += len(tiles)
        self._counts.update(key for tile in tiles for key in tile.keys)
        return self._environment.get_template("prediction_tiles.html.j2").render(
            tiles=tiles,
            several=any(member.multi_label for member in self._members),
            nothing=NOTHING,
        )

    def page(self, tiles: Iterable[str]) -> Iterator[str]:
        """Yield the page in pieces of whole lines, given what `tiles` returned for all photos."""
        classes = sorted(self._choices(), key=lambda each: -each.count)
        others = (Choice(key, title, self._counts[key]) for key, title in _TITLES.items())
        around = self._environment.get_template("predictions.html.j2").render(
            photos=self._photos,
            models=[member.model for member in self._members],
            unknown_below=self._unknown_below,
            heat_maps=self._heat_maps,
            options=[
                Choice("all", "all", self._photos),
                *classes[:_CLASSES],
                *(each for each in others if each.count),
            ],
            more_classes=len(classes[_CLASSES:]),
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
        for name, column in self._columns.items():
            if count := self._counts[f"class-{column}"]:
                yield Choice(f"class-{column}", name, count)


class _Tile(NamedTuple):
    """A photo on the page; `keys` are what it can be chosen by."""

    prediction: Prediction
    keys: tuple[str, ...]
    answers: tuple[Answer, ...]
    picture: Thumbnail | None
    heat: Thumbnail | None


def _answers(prediction: Prediction) -> tuple[Answer, ...]:
    """Return the answer of the model, or those of the mean and of each of several models."""
    whole = Answer(MEAN, prediction.top, prediction.known, prediction.labels)
    return whole, *prediction.answers
