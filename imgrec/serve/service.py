"""The service: it answers questions, whatever the protocol that they came in."""

from __future__ import annotations

import asyncio

from imgrec.errors import ImgrecError
from imgrec.evaluation.prediction import Prediction
from imgrec.progress import Silent
from imgrec.serve.exchange import Answer, Question, Refusal
from imgrec.serve.models import ServedModel, ServedModels


class Service:
    """Models that answer questions."""

    def __init__(self, models: ServedModels) -> None:
        self.models = models

    @property
    def ready(self) -> bool:
        """Whether questions are answered."""
        return True

    async def answer(self, question: Question) -> Answer:
        """Classify the photos of a question.

        Raises:
            Refusal: There is no such model, or an option is out of range.
        """
        model = self.models.get(question.model)
        try:
            predictions = await asyncio.to_thread(_predicted, question, model)
        except ImgrecError as error:
            raise Refusal.of(error) from error
        return Answer(question, model, predictions)


def _predicted(question: Question, model: ServedModel) -> tuple[Prediction, ...]:
    options, photos = question.options, question.photos
    predictor = model.predictor.with_options(top=options.top, threshold=options.threshold)
    batches = predictor.predictions(photos, total=len(photos), progress=Silent())
    return tuple(each for batch in batches for each in batch)
