"""The models that are served, each under its name."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from imgrec.evaluation.prediction import ModelInfo
from imgrec.report.documents import IdentityDocument, ServedDocument
from imgrec.runs.folder import Run
from imgrec.runtime.engine import DEFAULT_ENGINE, EngineOptions
from imgrec.serve.exchange import Refusal
from imgrec.text import join_few, printable
from imgrec.workflows.prediction import Predictor, open_models


@dataclass(frozen=True)
class ServedModel:
    """A run, an ImageNet classifier or several of them, ready to predict.

    Args:
        name: By which it is asked for.
        sources: The runs, or the names of pretrained classifiers.
        predictor: Predicts with them.
    """

    name: str
    sources: Sequence[Run | str]
    predictor: Predictor

    @property
    def classes(self) -> tuple[str, ...]:
        """The class names of its first member, in the order of the probabilities."""
        return self.predictor.members[0].classes

    @property
    def identity(self) -> ServedDocument:
        """Exactly which model it is."""
        found = zip(self.sources, self.predictor.members, self.predictor.weights, strict=True)
        return ServedDocument(self.name, tuple(_identity(*each) for each in found))


class ServedModels:
    """The models by name, the default one first."""

    def __init__(self, models: Sequence[ServedModel]) -> None:
        self._models = {each.name: each for each in models}

    def __iter__(self) -> Iterator[ServedModel]:
        """Iterate over the models, the default one first."""
        return iter(tuple(self._models.values()))

    def get(self, name: str | None) -> ServedModel:
        """Return the model of a name, or the first one.

        Raises:
            Refusal: 404, if there is none of that name.
        """
        if name is None and self._models:
            return next(iter(self._models.values()))
        if name is None:
            raise Refusal(404, "no model is served", hint="there are classifiers alone")
        if name not in self._models:
            raise Refusal(
                404,
                f"there is no model {printable(name)}",
                hint=f"there are {join_few(list(self._models), 10)}",
            )
        return self._models[name]


def open_served(
    name: str, sources: Sequence[Run | str], options: EngineOptions = DEFAULT_ENGINE
) -> ServedModel:
    """Open a model so that it can be asked.

    Raises:
        RunError: It can't be used.
        UsageError: A run is named twice.
    """
    return ServedModel(name, sources, open_models(sources, options))


def _identity(source: Run | str, member: ModelInfo, weights: str) -> IdentityDocument:
    if isinstance(source, str):
        return IdentityDocument(member.model, weights, None, None)
    certificates = {source.card.hashes.get(each.file): each for each in source.card.export_parity}
    fingerprint = source.card.fingerprint or None
    return IdentityDocument(member.model, weights, fingerprint, certificates.get(weights))
