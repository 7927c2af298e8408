"""Where a model saw what it took an image for: heat maps of mistakes, at little expense."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec, decode, miniature, seen
from imgrec.data.records import Record, Source
from imgrec.errors import BadImage, ImgrecError
from imgrec.evaluation.worst import Mistake
from imgrec.explanation.gradcam import gradcam
from imgrec.explanation.occlusion import occlusion
from imgrec.explanation.values import Area, Heat
from imgrec.report.explanation_picture import heated_pixels
from imgrec.report.thumbnail import SIDE, Thumbnail, thumbnail
from imgrec.runs.folder import Run
from imgrec.runtime.engine import Engine, open_engine
from imgrec.runtime.keras_engine import MODEL_FILE, open_keras
from imgrec.runtime.litert_engine import FILES

log = logging.getLogger("imgrec")

# A patch on 5 x 5 places asks a model 26 times: nothing to a small one, a minute to a large one.
_PATCHES = 5
_SMALL = 20_000_000
_SECONDS = 20

_Where = Callable[[NDArray[np.uint8], int], NDArray[np.float32]]


def heat_maps(
    run: Run, mistakes: Sequence[Mistake], records: Sequence[Record]
) -> Mapping[Mistake, Thumbnail]:
    """Return a picture of each mistake with what speaks for the class that it was taken for.

    Of a class that was not seen, what speaks for it. A LiteRT file of up to 20 MB is asked
    (occlusion), a larger model is looked into (Grad-CAM) where TensorFlow is loaded already, as
    after a training; both see what the model was shown, since the mistake hangs on that. It takes
    20 seconds at most, and stops nothing: what there is no time for is missing, and so is what
    can't be explained, with a warning.
    """
    if not mistakes:
        return {}
    sources = {record.name: record.source for record in records}
    found: dict[Mistake, Thumbnail] = {}
    end = time.monotonic() + _SECONDS
    try:
        engine, where = _opened(run)
        for mistake in mistakes:
            if mistake.name in sources and time.monotonic() < end:
                column = engine.classes.index(_class(mistake, engine.classes))
                with contextlib.suppress(BadImage):  # told with its picture
                    found[mistake] = _heated(sources[mistake.name], engine.spec, where, column)
    except ImgrecError as error:
        log.warning("no heat maps in the report: %s", error.message)
    return found


def _opened(run: Run) -> tuple[Engine, _Where]:
    file = run.path / FILES["float32"]
    small = file.is_file() and file.stat().st_size <= _SMALL
    if not small and "tensorflow" in sys.modules and (run.path / MODEL_FILE).is_file():
        keras = open_keras(run)
        return keras, lambda pixels, column: gradcam(keras.model, pixels, column)
    engine = open_engine(run)
    return engine, lambda pixels, column: occlusion(engine, pixels, column, _PATCHES)


def _class(mistake: Mistake, classes: Sequence[str]) -> str:
    """Return the class that was seen wrongly, or was not seen where an image may have several."""
    return mistake.prediction if mistake.prediction in classes else mistake.truth


def _heated(source: Source, spec: ImageSpec, where: _Where, column: int) -> Thumbnail:
    pixels = miniature(source, SIDE)
    size = pixels.shape[1], pixels.shape[0]
    heat = Heat(where(decode(source, spec), column), Area(*seen(size, spec)))
    return thumbnail(heated_pixels(pixels, heat, size))
