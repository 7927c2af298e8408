"""Where in the photos of a question the model sees their classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from imgrec.errors import BadImage, UsageError
from imgrec.explanation.values import Area, ExplainedPhoto, Picture
from imgrec.report.pictures import boxes_picture, heat_picture
from imgrec.serve.exchange import Options
from imgrec.serve.models import ServedModel
from imgrec.text import printable
from imgrec.workflows.explanation import Explainer, explained_photo


@dataclass(frozen=True)
class Explained:
    """The explanation of a photo, and a PNG of it; None if the photo can't be used."""

    photo: ExplainedPhoto
    picture: bytes | None = None


def explainer_of(model: ServedModel, options: Options) -> Explainer:
    """Return what explains the photos of a question.

    Raises:
        UsageError: The model is an ensemble.
    """
    if options.explain is None:
        raise ValueError("there is nothing to explain")
    if len(model.batched.engines) > 1:
        raise UsageError(
            f"{printable(model.name)} consists of several models: explain shows what one model sees"
        )
    (engine,), (member,) = model.batched.engines, model.asked(options).members
    return Explainer(member.model, options.explain, engine, member.decision)


def explain_decoded(
    explainer: Explainer, name: str, pixels: NDArray[np.uint8], whole: NDArray[np.uint8]
) -> Explained:
    """Return the explanation of a photo.

    Args:
        explainer: Of the model.
        name: Of the photo.
        pixels: The photo as the model takes it.
        whole: All of it, in its own size.
    """
    image = Image.fromarray(whole)
    seen = Area(*explainer.engine.spec.visible_part(image.size))
    try:
        found = explainer.explain_picture(Picture(name, image, pixels, seen))
    except BadImage as error:
        return Explained(ExplainedPhoto(name, error=error.reason))
    draw = boxes_picture if explainer.method == "windows" else heat_picture
    return Explained(explained_photo(found, {}), draw(found))
