"""Small pictures of photos, for pages."""

from __future__ import annotations

import base64

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import UsageError
from imgrec.explanation.occlusion import occlusion
from imgrec.report.pictures import Thumbnail, thumbnail
from imgrec.runtime.engine import Engine
from imgrec.text import join_few, printable
from imgrec.workflows.thumbnails import heated_decoded

_PATCHES = 5  # by as many: a model is asked 26 times


def as_webp(small: NDArray[np.uint8]) -> bytes:
    """Return uint8 pixels (height, width, 3) as WebP."""
    return _content(thumbnail(small))


def heat_map(
    engine: Engine, pixels: NDArray[np.uint8], small: NDArray[np.uint8], class_name: str | None
) -> bytes:
    """Return a photo with a heat map, as WebP.

    It shows which parts of the photo the answer depends on, by occlusion.

    Args:
        engine: The model.
        pixels: The photo as the model takes it.
        small: The whole photo in the size of the picture, uint8 (height, width, 3).
        class_name: The class whose probability is looked at; None for the most probable one.

    Raises:
        UsageError: There is no such class.
    """
    if class_name is None:
        column = int(engine.answers(pixels[np.newaxis]).probabilities[0].argmax())
    elif class_name in engine.classes:
        column = engine.classes.index(class_name)
    else:
        raise UsageError(
            f"the model has no class {printable(class_name)}",
            hint=f"it has {join_few(engine.classes, 10)}",
        )
    found = heated_decoded(
        small, pixels, engine.spec, lambda shown, at: occlusion(engine, shown, at, _PATCHES), column
    )
    return _content(found)


def _content(found: Thumbnail) -> bytes:
    return base64.b64decode(found.uri.partition(",")[2])
