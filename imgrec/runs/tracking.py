"""tracking.json: under which ids trackers know a run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta, Struct

from imgrec.runs.document import read_document

TRACKING_FILE = "tracking.json"


class MlflowRun(Struct, frozen=True):
    """A run of MLflow: the address of the server, the experiment's name, and the run's id."""

    uri: str
    experiment: str
    run: str


class TrackedRuns(Struct, frozen=True):
    """What trackers call a run."""

    schema_version: Annotated[Literal[1], Meta(description="Of this document.")] = 1
    mlflow: tuple[MlflowRun, ...] = ()

    def mlflow_run(self, uri: str, experiment: str) -> str | None:
        """Return the id in an experiment of a server; None if the run is not known there."""
        found = (
            each.run for each in self.mlflow if (each.uri, each.experiment) == (uri, experiment)
        )
        return next(found, None)

    def with_mlflow_run(self, added: MlflowRun) -> TrackedRuns:
        """Return them with a run of MLflow, in place of an older one of the same experiment."""
        place = (added.uri, added.experiment)
        others = (each for each in self.mlflow if (each.uri, each.experiment) != place)
        return TrackedRuns(1, (*others, added))


def read_tracking(folder: Path) -> TrackedRuns:
    """Return what trackers call the run in a folder.

    Raises:
        OSError: The file can't be read.
        ValueError: It is damaged.
    """
    return read_document(folder / TRACKING_FILE, TrackedRuns) or TrackedRuns()
