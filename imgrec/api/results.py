"""Predictions and explanations that a notebook can show."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.data import records
from imgrec.data.images import miniature
from imgrec.errors import BadImage
from imgrec.evaluation.prediction import Prediction, Ranked
from imgrec.explanation.values import Detection, Explanation
from imgrec.report.layers_page import layers_page
from imgrec.report.notebook import predictions_html
from imgrec.report.pictures import Thumbnail, boxes_picture, thumbnail
from imgrec.rounding import percent
from imgrec.text import join_names, printable
from imgrec.workflows.explanation import Explainer, picture_of

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


@dataclass(frozen=True, repr=False)
class ExplanationResult:
    """Where in a photo a class is, or why the photo can't be used; a notebook shows the picture."""

    name: str
    explainer: Explainer
    explanation: Explanation | None = None
    error: str | None = None

    @property
    def named(self) -> tuple[Ranked, ...]:
        """The explained class and its probability; then the photo's other labels, if any."""
        return self.explanation.named if self.explanation else ()

    @property
    def boxes(self) -> tuple[Detection, ...]:
        """The boxes: class, score and area, in pixels of the upright photo."""
        return self.explanation.found if self.explanation else ()

    @property
    def heat(self) -> NDArray[np.float32]:
        """How much each pixel supports the class, float32 (height, width), 0 to 1.

        Raises:
            ValueError: The photo can't be used.
        """
        size = self._found.picture.image.size
        return self._found.heat.over(size, size)

    def picture(self, *, boxes: bool = False) -> Image.Image:
        """Return the photo with its heat map, with its boxes, or, with `layers`, in every layer.

        Raises:
            ValueError: The photo can't be used.
        """
        return Image.open(io.BytesIO(boxes_picture(self._found) if boxes else self._png))

    def page(self) -> str:
        """Return the page of `layers`, as HTML.

        Raises:
            ValueError: The photo can't be used, or the method is another one.
        """
        return layers_page(self._found, self.explainer.model)

    def __repr__(self) -> str:
        named = [f"{printable(label)} {percent(share)}" for label, share in self.named]
        return (
            f"{printable(self.name)}: {printable(self.error) if self.error else ', '.join(named)}"
        )

    def _repr_png_(self) -> bytes | None:
        return self._png if self.explanation else None

    @property
    def _png(self) -> bytes:
        return picture_of(self._found, self.explainer)

    @property
    def _found(self) -> Explanation:
        if self.explanation is None:
            raise ValueError(f"{self.name}: {self.error}")
        return self.explanation


def explanation_result(photo: records.Photo, explainer: Explainer) -> ExplanationResult:
    """Return the explanation of a photo, or the reason why there is none."""
    try:
        return ExplanationResult(photo.name, explainer, explainer.explain(photo))
    except BadImage as error:
        return ExplanationResult(photo.name, explainer, error=error.reason)
