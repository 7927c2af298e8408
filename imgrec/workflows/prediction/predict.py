"""What is in a photo."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Protocol

from imgrec.data.photo_arguments import LIST, expand_photos
from imgrec.data.records import Photo
from imgrec.errors import UsageError
from imgrec.evaluation.prediction import ModelInfo, Prediction, joint_predictions, predictions
from imgrec.files import sha256
from imgrec.progress import Progress, Silent
from imgrec.report.documents import LineForm, header, lines
from imgrec.runs.folder import Run
from imgrec.runtime.engine import DEFAULT_ENGINE, Engine, EngineOptions, open_engine
from imgrec.runtime.keras_engine import MODEL_FILE, pretrained_engine
from imgrec.runtime.litert_engine import FILES, LiteRTEngine
from imgrec.runtime.score import score_chunks
from imgrec.runtime.tta import FlipTTA
from imgrec.scores import Decision, Scores
from imgrec.text import printable
from imgrec.workflows.prediction.resumable_file import resumable_file

# How many photos that can't be used are named.
_NAMED = 20


class FailureExample(Protocol):
    """What is told of one photo, or why nothing is."""

    @property
    def name(self) -> str:
        """The photo's name."""

    @property
    def error(self) -> str | None:
        """Why it can't be used; None where it can."""


@dataclass(frozen=True)
class FailureSummary:
    """How many photos were asked for, how many can't be used, and the first of those."""

    photos: int = 0
    failed: int = 0
    examples: tuple[FailureExample, ...] = ()

    def with_batch(self, batch: Sequence[FailureExample]) -> FailureSummary:
        """Return the tally after a further batch."""
        failed = tuple(each for each in batch if each.error is not None)
        return FailureSummary(
            self.photos + len(batch),
            self.failed + len(failed),
            (self.examples + failed)[:_NAMED],
        )


Tta = Literal["flip"]

Predictions = tuple[Prediction, ...]


@dataclass(frozen=True)
class Predictor:
    """Models that are asked together, and how.

    members, engines: what is known of each model, and what answers for it, in one order.
    top: how many classes are named. weights: what tells each model's file from another's.
    """

    members: tuple[ModelInfo, ...]
    engines: tuple[Engine, ...]
    weights: tuple[str, ...]
    top: int = 5
    tta: Tta | None = None

    def asking(
        self, *, top: int, threshold: float | None = None, tta: Tta | None = None
    ) -> Predictor:
        """Return what asks the same models for `top` classes.

        threshold: the probability, 0 to 1, below which an answer is "unknown", or where an image
        may have several classes, from which on it has one; None for each model's own. tta: `flip`
        for the mean over the mirrored picture too.
        Raises UsageError where one of them is none of these.
        """
        if top < 1 or tta not in (None, "flip") or not 0 <= (threshold or 0) <= 1:
            raise UsageError(f"top {top}, threshold {threshold}, tta {tta!r}: one can't be")
        members = self.members
        if threshold is not None:
            members = tuple(_with_threshold(member, threshold) for member in members)
        engines = tuple(map(FlipTTA, self.engines)) if tta else self.engines
        return replace(self, members=members, engines=engines, top=top, tta=tta)

    @property
    def settings(self) -> dict[str, str | int | None]:
        """What the predictions hang on, beside the photos."""
        members = self.members
        return {
            "model": ", ".join(member.model for member in members),
            "weights": " ".join(digest[:12] for digest in self.weights),
            "classes": sha256(repr([member.classes for member in members]).encode())[:12],
            "top": self.top,
            "threshold": ", ".join(
                str(member.decision.class_thresholds or member.decision.min_probability)
                for member in members
            ),
            "tta": self.tta,
        }

    def predictions(
        self, photos: Iterable[Photo], *, total: int | None, progress: Progress
    ) -> Iterator[Predictions]:
        """Yield the predictions for the next photos, in their order, until there are no more.

        A photo that can't be read has an error instead. total: how many photos there are, None
        where that is not known; memory does not grow with it.
        """
        shows = Silent() if total == 1 else progress
        with shows.task("predicting", total) as task:
            for chunks in score_chunks(self.engines, photos):
                batch = self._batch(chunks)
                yield batch
                task.advance(len(batch))

    def _batch(self, chunks: Sequence[Scores]) -> Predictions:
        scores = [
            replace(chunk, decision=member.decision)
            for chunk, member in zip(chunks, self.members, strict=True)
        ]
        if len(scores) > 1:
            return joint_predictions(scores, self.members, self.top)
        return predictions(scores[0], self.top)


@dataclass(frozen=True)
class Predicted:
    """The predictions for photos, in the order they were given, and whose they are."""

    members: tuple[ModelInfo, ...]
    predictions: tuple[Prediction, ...]


def open_models(
    models: Sequence[Run | str], *, computing: EngineOptions = DEFAULT_ENGINE
) -> Predictor:
    """Return the models, ready to be asked.

    models: runs, or names of pretrained classifiers of `keras.applications`; at least one.
    computing: what answers for the runs.
    Raises RunError for a model that can't be used, UsageError for one named twice.
    """
    names = _names(models)
    engines = tuple(_engine(model, computing) for model in models)
    members = [
        ModelInfo(name, engine.classes, engine.decision)
        for name, engine in zip(names, engines, strict=True)
    ]
    weights = tuple(
        _weights(model, engine, computing.precision)
        for model, engine in zip(models, engines, strict=True)
    )
    return Predictor(tuple(members), engines, weights)


def find_photos(photos: Sequence[str]) -> tuple[Iterator[Photo], int | None]:
    """Return the photos that a command line names, one after the other, and how many.

    photos: files, folders (with everything below them), globs, or `-` for paths on stdin, whose
    number is not known (None).
    """
    stdin = sys.stdin if LIST in photos else None
    total = None if LIST in photos else sum(1 for _ in expand_photos(photos, None))
    return expand_photos(photos, stdin), total


def predict(
    photos: Sequence[str],
    *,
    model: Run | str,
    top: int = 5,
    computing: EngineOptions = DEFAULT_ENGINE,
    progress: Progress | None = None,
) -> Predicted:
    """Return the `top` classes of each photo by one model, as `open_models` and `collected` do."""
    return collected(photos, open_models([model], computing=computing).asking(top=top), progress)


def collected(
    photos: Sequence[str], recogniser: Predictor, progress: Progress | None = None
) -> Predicted:
    """Return what is in each photo that `photos` names, as `find_photos` has them."""
    found, total = find_photos(photos)
    batches = recogniser.predictions(found, total=total, progress=progress or Silent())
    every = tuple(prediction for batch in batches for prediction in batch)
    return Predicted(recogniser.members, every)


def predict_into(
    output: Path,
    photos: Sequence[str],
    recogniser: Predictor,
    form: LineForm,
    *,
    resume: bool = False,
    progress: Progress | None = None,
) -> FailureSummary:
    """Write what is in each photo to `output`, line by line, and return how it went.

    form: `jsonl` or `csv`. `output` appears when it is whole; until then it grows as
    `workflows.growing` has it. resume: whether to go on with what an earlier call left, so that
    the file becomes the same as without the break.

    Raises UsageError where there is nothing that fits to go on with, RunError where the file
    can't be written.
    """
    found, total = find_photos(photos)
    settings = {"format": form, **recogniser.settings}
    names = (photo.name for photo in found)
    with resumable_file(output, settings, header=header(form), names=names, resume=resume) as file:
        tally = FailureSummary(file.mark.items, file.mark.failed)
        left = None if total is None else total - tally.photos
        for batch in recogniser.predictions(found, total=left, progress=progress or Silent()):
            tally = tally.with_batch(batch)
            text = lines(form, batch, recogniser.members)
            file.append(text, [each.name for each in batch], tally.failed)
    return tally


def _engine(model: Run | str, computing: EngineOptions) -> Engine:
    if isinstance(model, Run):
        return open_engine(model, **vars(computing))
    return pretrained_engine(model, computing.device)


def _with_threshold(member: ModelInfo, threshold: float) -> ModelInfo:
    if member.multi_label:
        return replace(member, decision=member.decision.with_threshold(threshold))
    return replace(member, decision=Decision(threshold))


def _weights(model: Run | str, engine: Engine, precision: str) -> str:
    if not isinstance(model, Run):
        return model
    file = FILES[precision] if isinstance(engine, LiteRTEngine) else MODEL_FILE
    return model.card.hashes.get(file, "")


def _names(models: Sequence[Run | str]) -> list[str]:
    """Return what each model is called: a run by its path where two have the same name."""
    names = [model.name if isinstance(model, Run) else model for model in models]
    if len(set(names)) < len(names):
        names = [str(model.path) if isinstance(model, Run) else model for model in models]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"the model {printable(name)} is named twice")
    return names
