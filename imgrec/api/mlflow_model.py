"""Lets MLflow load a run's model: `mlflow models serve`, `mlflow.pyfunc.load_model`.

The models that imgrec writes for MLflow name this module.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from imgrec.api.model import Model, load


class MlflowModel:
    """A run's model as MLflow's flavour `python_function` calls it."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def predict(
        self, model_input: Mapping[str, Sequence[bytes]], params: Mapping[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Classify photos.

        Args:
            model_input: The column `photo` of a DataFrame or mapping: the content of each file.
            params: Is not used.

        Returns:
            For each photo, `labels` (the class; none if the answer is unknown), `probabilities` by
            class, and `error`: why the photo can't be read, None if it can.
        """
        photos = [bytes(photo) for photo in model_input["photo"]]
        found = self._model.predict(photos, top=len(self._model.classes))
        return [
            {
                "labels": list(each.labels),
                "probabilities": {ranked.class_name: ranked.probability for ranked in each.top},
                "error": each.error,
            }
            for each in found
        ]


def _load_pyfunc(path: str) -> MlflowModel:
    """Return the model of the run in a folder. MLflow calls it."""
    return MlflowModel(load(path))
