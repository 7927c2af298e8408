"""The models that are served, each under its name."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from imgrec.data.images import ImageSpec
from imgrec.errors import RunError
from imgrec.evaluation.prediction import ModelInfo, Prediction
from imgrec.files import MAX_DOCUMENT_BYTES, read_regular
from imgrec.json_documents import parse_json
from imgrec.report.documents import IdentityDocument, ServedDocument
from imgrec.runs.folder import METRICS_FILE, Run
from imgrec.runs.repeats import find_members
from imgrec.runtime.engine import DEFAULT_ENGINE, EngineOptions
from imgrec.runtime.score import joined_output, scores_of
from imgrec.serve.batching import Batched, Outputs
from imgrec.serve.exchange import Options, Refusal
from imgrec.text import join_few, printable, quoted
from imgrec.workflows.prediction import Predictor, open_models


@dataclass(frozen=True)
class ServedModel:
    """A run, an ImageNet classifier or several of them, ready to predict.

    Args:
        name: By which it is asked for.
        sources: The runs, or the names of pretrained classifiers.
        predictor: Predicts with them.
        batched: Its engines.
    """

    name: str
    sources: Sequence[Run | str]
    predictor: Predictor
    batched: Batched

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names of its first member, in the order of the probabilities."""
        return self.predictor.members[0].classes

    @cached_property
    def specs(self) -> tuple[ImageSpec, ...]:
        """The different forms in which its members take photos."""
        return tuple(dict.fromkeys(engine.spec for engine in self.predictor.engines))

    @cached_property
    def forms(self) -> Sequence[Mapping[str, Any]]:
        """The fields of `specs`."""
        return [asdict(each) for each in self.specs]

    def asked(self, options: Options) -> Predictor:
        """Return the models with options; raise UsageError if one is out of range."""
        return self.predictor.with_options(top=options.top, threshold=options.threshold)

    def predictions(
        self,
        names: Sequence[str],
        reasons: Sequence[str | None],
        outputs: Sequence[Outputs],
        options: Options,
    ) -> tuple[Prediction, ...]:
        """Return the predictions for some photos.

        Args:
            names: Those of the photos.
            reasons: Why a photo can't be read; None if it can.
            outputs: What the members say of the photos that can be read, in their order.
            options: How they are classified.

        Raises:
            UsageError: An option is out of range.
            RunError: A probability is not finite.
        """
        predictor = self.asked(options)
        whole = (
            map(joined_output, zip(*outputs, strict=True)) if outputs else itertools.repeat(None)
        )
        return predictor.of_scores(
            [
                scores_of(engine, names, reasons, output)
                for engine, output in zip(predictor.engines, whole, strict=False)
            ]
        )

    @cached_property
    def identity(self) -> ServedDocument:
        """Exactly which model it is."""
        found = zip(self.sources, self.predictor.members, self.predictor.weights, strict=True)
        return ServedDocument(self.name, tuple(_identity(*each) for each in found))


@dataclass(frozen=True)
class ModelSource:
    """What is served under a name.

    Args:
        name: By which the model is asked for.
        references: The runs that answer together: folders, names below `runs_dir`, or `last`; a
            folder of folds or seeds is all of its runs.
        runs_dir: The runs folder.
        pretrained: Whether the references are names of ImageNet classifiers.
    """

    name: str
    references: tuple[str, ...]
    runs_dir: Path
    pretrained: bool = False

    def find(self) -> tuple[Run | str, ...]:
        """Return the runs that the references mean now.

        Raises:
            RunError: There is no such run.
        """
        if self.pretrained:
            return self.references
        return tuple(run for each in self.references for run in find_members(each, self.runs_dir))


class ServedModels:
    """The models by name, the default one first."""

    def __init__(self, models: Sequence[ServedModel]) -> None:
        self._models = {each.name: each for each in models}

    def __iter__(self) -> Iterator[ServedModel]:
        """Iterate over the models, the default one first."""
        return iter(tuple(self._models.values()))

    def replace(self, model: ServedModel) -> None:
        """Have a model take the place of the one with its name, for the questions from now on."""
        self._models[model.name] = model

    def remove(self, name: str) -> None:
        """Remove the model of a name."""
        del self._models[name]

    def get(self, name: str | None) -> ServedModel:
        """Return the model of a name, or the first one.

        Raises:
            Refusal: 404, if there is none of that name.
        """
        if name is None and self._models:
            return next(iter(self._models.values()))
        if name is None:
            raise Refusal(
                404, "no model is served", hint="ask a classifier, or publish a version of one"
            )
        if name not in self._models:
            raise Refusal(
                404,
                f"there is no model {quoted(name)}",
                hint=f"models: {join_few(list(self._models), 10)}",
            )
        return self._models[name]


def open_served(source: ModelSource, options: EngineOptions = DEFAULT_ENGINE) -> ServedModel:
    """Open a model so that it can be asked; it has answered a random image.

    Raises:
        RunError: It can't be used.
        UsageError: A run is named twice.
    """
    sources = source.find()
    predictor = open_models(sources, options)
    return ServedModel(source.name, sources, predictor, Batched.opened(predictor.engines))


def require_passed(sources: Sequence[Run | str]) -> None:
    """Check that each run is complete and passed its gate, `evaluation.require`.

    Raises:
        RunError: One did not.
    """
    for run in sources:
        if isinstance(run, str):
            continue
        if not run.card.complete:
            raise RunError(f"{printable(run.name)} is not complete", hint="wait for its training")
        if not _passed(run):
            raise RunError(
                f"{printable(run.name)} did not meet its requirements (evaluation.require)",
                hint=f"`imgrec evaluate {printable(shlex.quote(str(run.path)))}` shows which",
            )


def _passed(run: Run) -> bool:
    try:
        document = parse_json(read_regular(run.path / METRICS_FILE, MAX_DOCUMENT_BYTES))
    except (OSError, ValueError):  # imported, or measured by an earlier version
        return True
    return not (isinstance(document, dict) and document.get("passed") is False)


def _identity(source: Run | str, member: ModelInfo, weights: str) -> IdentityDocument:
    if isinstance(source, str):
        return IdentityDocument(member.model, weights, None, None)
    certificates = {source.card.hashes.get(each.file): each for each in source.card.export_parity}
    fingerprint = source.card.fingerprint or None
    return IdentityDocument(member.model, weights, fingerprint, certificates.get(weights))
