"""Predictions that a notebook can show."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from imgrec.data import records
from imgrec.data.images import miniature
from imgrec.errors import BadImage
from imgrec.evaluation.prediction import Prediction
from imgrec.report.notebook import predictions_html
from imgrec.report.pictures import Thumbnail, thumbnail
from imgrec.report.wording import percent
from imgrec.text import join_names, printable

_SIDE = 96
_SHOWN = 50


@dataclass(frozen=True, repr=False)
class Predictions(Sequence[Prediction]):
    """The predictions of photos, in their order; a notebook shows them with the pictures."""

    predictions: tuple[Prediction, ...]
    photos: tuple[records.Photo, ...]

    def __len__(self) -> int:
        return len(self.predictions)

    @overload
    def __getitem__(self, index: int) -> Prediction: ...

    @overload
    def __getitem__(self, index: slice) -> Predictions: ...

    def __getitem__(self, index: int | slice) -> Prediction | Predictions:
        if isinstance(index, slice):
            return Predictions(self.predictions[index], self.photos[index])
        return self.predictions[index]

    def __repr__(self) -> str:
        return "\n".join([*map(_line, self.predictions[:_SHOWN]), *self._more()])

    def _repr_html_(self) -> str:
        thumbnails = [_thumbnail(photo.source) for photo in self.photos[:_SHOWN]]
        return predictions_html(self.predictions[:_SHOWN], thumbnails) + "".join(self._more())

    def _more(self) -> Iterator[str]:
        if len(self) > _SHOWN:
            yield f"and {len(self) - _SHOWN:,} more"


def _line(prediction: Prediction) -> str:
    name = printable(prediction.name)
    if prediction.error is not None:
        return f"{name}: {printable(prediction.error)}"
    found = ", ".join(f"{printable(label)} {percent(share)}" for label, share in prediction.top)
    if prediction.multi_label:
        return f"{name}: {join_names(map(printable, prediction.labels))} ({found})"
    return f"{name}: {found}" if prediction.known else f"{name}: unknown ({found})"


def _thumbnail(source: records.Given) -> Thumbnail | None:
    if isinstance(source, BadImage):
        return None
    try:
        return thumbnail(miniature(source, _SIDE))
    except BadImage:
        return None
