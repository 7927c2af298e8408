"""Explanations that a notebook can show."""

from __future__ import annotations

import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.data import records
from imgrec.errors import BadImage
from imgrec.evaluation.prediction import Ranked
from imgrec.explanation.values import Detection, Explanation
from imgrec.report.pictures import boxes_picture
from imgrec.report.wording import percent
from imgrec.text import printable
from imgrec.workflows.explanation import Explainer, picture_of


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
        """Return the photo with its heat map, or with its boxes.

        Raises:
            ValueError: The photo can't be used.
        """
        return Image.open(io.BytesIO(boxes_picture(self._found) if boxes else self._png))

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
