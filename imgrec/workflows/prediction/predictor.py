"""Models that predict together."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from imgrec.data.records import Photo
from imgrec.errors import UsageError
from imgrec.evaluation.prediction import (
    ModelInfo,
    Prediction,
    combined_model,
    joint_predictions,
    predictions,
)
from imgrec.files import sha256
from imgrec.interface import option
from imgrec.progress import Progress, Silent
from imgrec.runs.card import BEST_MODEL
from imgrec.runs.folder import Run
from imgrec.runtime.engine import DEFAULT_ENGINE, Engine, EngineOptions, FlipTTA, open_engine
from imgrec.runtime.litert_engine import FILES, LiteRTEngine
from imgrec.runtime.merged_classes import class_lists, lists_in_words, with_merged_classes
from imgrec.runtime.score import score_chunks
from imgrec.scores import Scores
from imgrec.text import printable

log = logging.getLogger("imgrec")

Tta = Literal["flip"]


@dataclass(frozen=True)
class Predictor:
    """Models that predict together, and their options.

    Args:
        members: Name, classes and decision of each model.
        engines: The engine of each model.
        weights: The SHA-256 of each model's file, or the name of a pretrained classifier.
        top: The number of classes listed.
        tta: `flip` for the mean over each photo and its mirror image.
    """

    members: tuple[ModelInfo, ...]
    engines: tuple[Engine, ...]
    weights: tuple[str, ...]
    top: int = 5
    tta: Tta | None = None

    def with_options(
        self, *, top: int, threshold: float | None = None, tta: Tta | None = None
    ) -> Predictor:
        """Return the same models with other options.

        Args:
            top: The number of classes listed, at least 1.
            threshold: The probability, 0 to 1, below which an answer is "unknown", or, if an image
                may have several labels, from which it has a class. None for each model's own.
            tta: `flip` for the mean over each photo and its mirror image.

        Raises:
            UsageError: A value is out of range.
        """
        if top < 1:
            raise UsageError(
                f"top is {top}; it must be at least 1", hint=f"use {option('top', 5)}, for example"
            )
        if tta not in (None, "flip"):
            raise UsageError(
                f"tta is {tta!r}; it must be 'flip' or None", hint=f"use {option('tta', 'flip')}"
            )
        members = self.members
        if threshold is not None:
            members = tuple(
                replace(member, decision=member.decision.with_threshold(threshold))
                for member in members
            )
        engines = tuple(map(FlipTTA, self.engines)) if tta else self.engines
        return replace(self, members=members, engines=engines, top=top, tta=tta)

    @property
    def settings(self) -> dict[str, str | int | None]:
        """Everything that the predictions depend on, apart from the photos."""
        members = self.members
        return {
            "model": ", ".join(member.model for member in members),
            "weights": " ".join(digest[:12] for digest in self.weights),
            "classes": sha256(repr([_classes(member) for member in members]).encode())[:12],
            "top": self.top,
            "threshold": ", ".join(
                str(member.decision.class_thresholds or member.decision.min_probability)
                for member in members
            ),
            "tta": self.tta,
        }

    def predictions(
        self, photos: Iterable[Photo], *, total: int | None, progress: Progress
    ) -> Iterator[tuple[Prediction, ...]]:
        """Yield the predictions for the next photos, in their order, until none are left.

        A photo that can't be read has an error instead. Memory does not grow with their number.

        Args:
            photos: Any number of photos, even endlessly many.
            total: The number of photos; None if it is not known.
            progress: Where progress is reported, unless there is a single photo.
        """
        shown = Silent() if total == 1 else progress
        with shown.task("predicting", total) as task:
            for chunks in score_chunks(self.engines, photos):
                batch = self.of_scores(chunks)
                yield batch
                task.advance(len(batch))

    def of_scores(self, chunks: Sequence[Scores]) -> tuple[Prediction, ...]:
        """Return the predictions for some images, given the scores of each model."""
        scores = [
            replace(chunk, decision=member.decision)
            for chunk, member in zip(chunks, self.members, strict=True)
        ]
        if len(scores) > 1:
            return joint_predictions(scores, self.members, self.top)
        return predictions(scores[0], self.top)


def open_models(
    models: Sequence[Run | str],
    engine_options: EngineOptions = DEFAULT_ENGINE,
    class_names: Mapping[str, str] | None = None,
) -> Predictor:
    """Open models so that they can predict.

    Args:
        models: Runs, or names of pretrained ImageNet classifiers; at least one.
        engine_options: Which engine runs them.
        class_names: The models' class for each other name; several, with commas in between, for one
            that is any of them.

    Raises:
        RunError: A model can't be used.
        UsageError: A model is named twice, or a class does not exist.
    """
    names = _names(models)
    opened = [_engine(model, engine_options) for model in models]
    lists = [
        class_lists(
            class_names or {}, engine.classes, name, multi_label=engine.decision.multi_label
        )
        for name, engine in zip(names, opened, strict=True)
    ]
    if said := lists_in_words(lists[0]):
        log.info("%s", said)
    engines = tuple(map(with_merged_classes, opened, lists, names))
    members = [
        ModelInfo(name, engine.classes, engine.decision, merged)
        for name, engine, merged in zip(names, engines, lists, strict=True)
    ]
    if combined_model(members) is None:
        _say_no_mean(members)
    weights = tuple(
        _weights(model, engine, engine_options.precision)
        for model, engine in zip(models, opened, strict=True)
    )
    return Predictor(tuple(members), engines, weights)


def _classes(member: ModelInfo) -> tuple[object, ...]:
    """Return the classes of a model, and what they add up if some are merged."""
    return (*member.classes, member.merged) if member.merged else member.classes


def _say_no_mean(members: Sequence[ModelInfo]) -> None:
    first, others = members[0], members[1:]
    other = next(each for each in others if combined_model([first, each]) is None)
    if first.multi_label != other.multi_label:
        several = first if first.multi_label else other
        reason = f"only {printable(several.model)} gives a photo several labels"
    else:
        differing = sorted(set(first.classes) ^ set(other.classes))
        reason = (
            f"{printable(first.model)} and {printable(other.model)} have different classes, such "
            f"as {printable(differing[0])}"
        )
    log.info("no mean of the models: %s", reason)


def _engine(model: Run | str, options: EngineOptions) -> Engine:
    if isinstance(model, Run):
        return open_engine(model, options)
    from imgrec.runtime.pretrained import pretrained_engine

    return pretrained_engine(model, options)


def _weights(model: Run | str, engine: Engine, precision: str) -> str:
    if not isinstance(model, Run):
        return model
    file = FILES[precision] if isinstance(engine, LiteRTEngine) else BEST_MODEL
    return model.card.hashes.get(file, "")


def _names(models: Sequence[Run | str]) -> list[str]:
    """Return the name of each model: the path of a run if two have the same name."""
    names = [model.name if isinstance(model, Run) else model for model in models]
    if len(set(names)) < len(names):
        names = [str(model.path) if isinstance(model, Run) else model for model in models]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"the model {printable(name)} is named twice")
    return names
