"""Predictions as a page with thumbnails, perhaps with heat maps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from imgrec.data.records import Photo
from imgrec.errors import BadImage, UsageError
from imgrec.evaluation.prediction import Prediction
from imgrec.interface import option
from imgrec.parallel import map_in_order, usable_cores
from imgrec.workflows.prediction.predict import (
    Deliver,
    OpenSink,
    PredictedBatch,
    Sink,
    pieces,
    waiting_text,
)
from imgrec.workflows.prediction.predictor import Predictor

if TYPE_CHECKING:
    from imgrec.report.pictures import Thumbnail
    from imgrec.report.predictions_page import PhotoPictures


def page_sink(predictor: Predictor, deliver: Deliver, *, heat_maps: bool = False) -> Sink:
    """Return a sink that makes an HTML page, and delivers it at the end.

    The thumbnails of a batch are made after its predictions. They wait in a temporary file, so
    that memory does not grow with the number of photos.

    Args:
        predictor: The models.
        deliver: Gets the text of the page.
        heat_maps: Whether each photo has a heat map of its most probable class, by occlusion.

    Raises:
        UsageError: Heat maps of several models.
    """
    from imgrec.report.predictions_page import PredictionsPage

    if heat_maps and len(predictor.engines) > 1:
        raise UsageError(
            f"{option('heat-maps')} shows what one model sees, not several",
            hint=f"give one {option('model')}, or leave out {option('heat-maps')}",
        )

    @contextmanager
    def opened(_photos: Iterator[Photo]) -> Iterator[OpenSink]:
        page = PredictionsPage(predictor.members, heat_maps=heat_maps)
        with waiting_text() as text:

            def write(batch: PredictedBatch) -> None:
                pictures = _pictures(batch, predictor, heat_maps=heat_maps)
                text.write(page.tiles(batch.predictions, pictures))

            yield OpenSink(write)
            deliver(page.page(pieces(text)))

    return opened


def _pictures(
    batch: PredictedBatch, predictor: Predictor, *, heat_maps: bool
) -> list[PhotoPictures]:
    from imgrec.report.predictions_page import PhotoPictures

    most = max(engine.spec.max_megapixels for engine in predictor.engines)
    workers = usable_cores()
    thumbnails = map_in_order(
        partial(_thumbnail, most=most), batch.photos, workers, len(batch.photos)
    )
    return [
        PhotoPictures(small, _heat(photo, prediction, predictor) if small and heat_maps else None)
        for small, photo, prediction in zip(
            thumbnails, batch.photos, batch.predictions, strict=True
        )
    ]


def _thumbnail(photo: Photo, most: int) -> Thumbnail | None:
    from imgrec.workflows.thumbnails import thumbnail_or_none

    # One that can't be read has no prediction either, or was changed since.
    return thumbnail_or_none(photo.source, photo.name, most)


def _heat(photo: Photo, prediction: Prediction, predictor: Predictor) -> Thumbnail | None:
    from imgrec.explanation.occlusion import occlusion
    from imgrec.workflows.thumbnails import heated_thumbnail

    if isinstance(photo.source, BadImage) or not prediction.top:
        return None
    (engine,) = predictor.engines
    column = engine.classes.index(prediction.top[0].class_name)
    try:
        return heated_thumbnail(photo.source, engine.spec, partial(occlusion, engine), column)
    except BadImage:
        return None
