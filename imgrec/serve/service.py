"""The service: it answers questions, whatever the protocol that they came in."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from imgrec.data.images import ImageSpec
from imgrec.data.records import Photo
from imgrec.errors import BadImage, ImgrecError
from imgrec.evaluation.prediction import Prediction
from imgrec.explanation.values import ExplainedPhoto
from imgrec.runs.folder import Run
from imgrec.runtime.engine import DEFAULT_ENGINE, EngineOptions
from imgrec.serve.batching import Batcher
from imgrec.serve.batching import Photo as Pixels
from imgrec.serve.decoding import DecodingPool
from imgrec.serve.exchange import Answer, Question, Refusal
from imgrec.serve.limits import EXPLANATION_COST, Admission, Limits
from imgrec.serve.metrics import Metrics
from imgrec.serve.models import (
    ModelSource,
    ServedModel,
    ServedModels,
    open_served,
    require_passed,
)
from imgrec.text import printable

if TYPE_CHECKING:
    from imgrec.serve.explaining import Explained


class Service:
    """Models that answer questions.

    Args:
        sources: What is served, the default model first.
        decoding: Decodes the photos; whoever made it closes it, after the service.
        engine: Which engine runs the models.
        limits: What requests may take.
    """

    def __init__(
        self,
        sources: Sequence[ModelSource],
        decoding: DecodingPool,
        engine: EngineOptions = DEFAULT_ENGINE,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self.metrics = Metrics()
        self.admission = Admission(self.limits)
        self.metrics.waiting.set_function(lambda: self.admission.photos)
        self.draining = False
        self._engine = engine
        self._sources = {each.name: each for each in sources}
        self._reloading = asyncio.Lock()
        self._decoding = decoding
        self.models = ServedModels([open_served(each, engine) for each in sources])
        self._batcher = Batcher(self._observe)
        self._explaining = ThreadPoolExecutor(1, thread_name_prefix="explaining")

    def close(self) -> None:
        """End the threads of the models."""
        self._batcher.close()
        self._explaining.shutdown(cancel_futures=True)

    @property
    def ready(self) -> bool:
        """Whether questions are answered."""
        return not self.draining

    def add(self, source: ModelSource, model: ServedModel) -> None:
        """Serve a model, in place of one with its name."""
        self._sources[source.name] = source
        self.models.replace(model)

    def remove(self, name: str) -> None:
        """Stop serving a model."""
        self.models.remove(name)
        del self._sources[name]

    async def answer(self, question: Question, model: ServedModel | None = None) -> Answer:
        """Classify the photos of a question.

        Args:
            question: The photos.
            model: What answers; None for the model that the question names.

        Raises:
            Refusal: There is no such model, an option is out of range, or there are too many photos
                in the question or in all.
        """
        model = model or self.models.get(question.model)
        try:
            explains = question.options.explain is not None
            cost = len(question.photos) * (1 + explains * EXPLANATION_COST)
            with self.admission.admitted(len(question.photos), cost):
                predictions = await self._predicted(question, model)
                explained = await self._explained(question, model) if explains else ()
        except ImgrecError as error:
            raise Refusal.of(error) from error
        for each in predictions:
            self.metrics.photos.labels(model.name, _kind(each)).inc()
        return Answer(question, model, predictions, explained)

    async def reload(self, name: str) -> ServedModel:
        """Open a model again, and have it answer from now on.

        Raises:
            Refusal: 404, there is no such model; 409, it can't be used, or did not pass its gate.
        """
        self.models.get(name)
        async with self._reloading:
            try:
                model = await asyncio.to_thread(self._opened, self._sources[name])
            except ImgrecError as error:
                raise Refusal(409, error.message, hint=error.hint) from error
            self.models.replace(model)
        return model

    def changed(self) -> Sequence[str]:
        """Return the names of the models whose runs are others now than when they were opened."""
        return [each.name for each in self.models if _changed(self._sources[each.name], each)]

    def _opened(self, source: ModelSource) -> ServedModel:
        require_passed(source.find())
        model = open_served(source, self._engine)
        model.batched.check()
        return model

    async def decode(self, photo: Photo, specs: Sequence[ImageSpec]) -> Sequence[NDArray[np.uint8]]:
        """Return the pixels of a photo in some forms, decoded in a child process.

        Raises:
            BadImage: It can't be read.
        """
        forms = [asdict(each) for each in specs]
        return await self._decoding.decode(
            _content(photo), forms, photo.name, self.limits.megapixels
        )

    async def decode_small(
        self, photo: Photo, specs: Sequence[ImageSpec] = ()
    ) -> tuple[NDArray[np.uint8], ...]:
        """Return the pixels of a photo in some forms, and those of its thumbnail, as `decode` does.

        Raises:
            BadImage: It can't be read.
        """
        from imgrec.report.pictures import THUMBNAIL_SIDE

        forms = [asdict(each) for each in specs]
        return await self._decoding.decode_small(
            _content(photo), forms, THUMBNAIL_SIDE, photo.name, self.limits.megapixels
        )

    async def _predicted(self, question: Question, model: ServedModel) -> Sequence[Prediction]:
        decoded = await self._decode(question.photos, model)
        usable = [each for each in decoded if not isinstance(each, BadImage)]
        outputs = await self._batcher.outputs(model.batched, usable)
        return model.predictions(
            [each.name for each in question.photos],
            [each.reason if isinstance(each, BadImage) else None for each in decoded],
            outputs,
            question.options,
        )

    async def _explained(self, question: Question, model: ServedModel) -> Sequence[Explained]:
        # Much that other questions don't need; it takes a tenth of a second.
        await asyncio.to_thread(import_module, "imgrec.serve.explaining")
        from imgrec.serve.explaining import Explained, explain_decoded, explainer_of

        explainer, found = explainer_of(model, question.options), list[Explained]()
        for photo in question.photos:
            try:
                form = asdict(explainer.engine.spec)
                pixels = await self._decoding.decode_whole(
                    _content(photo), form, photo.name, self.limits.megapixels
                )
            except BadImage as error:
                found.append(Explained(ExplainedPhoto(photo.name, error=error.reason)))
                continue
            explaining = asyncio.get_running_loop().run_in_executor(
                self._explaining, explain_decoded, explainer, photo.name, *pixels
            )
            found.append(await explaining)
        return found

    async def _decode(
        self, photos: Sequence[Photo], model: ServedModel
    ) -> Sequence[Pixels | BadImage]:
        if len(photos) == 1:  # a task takes time
            return [await self._decoded(photos[0], model)]
        return await asyncio.gather(*(self._decoded(each, model) for each in photos))

    async def _decoded(self, photo: Photo, model: ServedModel) -> Pixels | BadImage:
        began = time.perf_counter()
        try:
            found = await self._decoding.decode(
                _content(photo), model.forms, photo.name, self.limits.megapixels
            )
        except BadImage as error:
            return error
        self.metrics.decode_seconds.observe(time.perf_counter() - began)
        by_spec = dict(zip(model.specs, found, strict=True))
        return [by_spec[engine.spec] for engine in model.batched.engines]

    def _observe(self, photos: int, seconds: float) -> None:
        self.admission.took(photos, seconds)
        self.metrics.batches.observe(photos)
        self.metrics.model_seconds.observe(seconds)


def _content(photo: Photo) -> bytes:
    """Return the content of a photo; raise BadImage if there is none."""
    if isinstance(photo.source, BadImage):
        raise photo.source
    if not isinstance(photo.source, bytes):
        raise TypeError(f"the source of {printable(photo.name)} is not bytes")
    return photo.source


def _kind(prediction: Prediction) -> str:
    if prediction.error is not None:
        return "unreadable"
    return "known" if prediction.known else "unknown"


def _changed(source: ModelSource, model: ServedModel) -> bool:
    try:
        return _signature(source.find()) != _signature(model.sources)
    except ImgrecError:  # a run that is being written
        return False


def _signature(sources: Sequence[Run | str]) -> object:
    return [each if isinstance(each, str) else (each.path, each.card.hashes) for each in sources]
