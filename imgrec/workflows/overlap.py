"""Images that a model was trained on, among those it is measured on: they flatter it."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence

from imgrec.data.identity import identities
from imgrec.errors import DataError
from imgrec.progress import Progress
from imgrec.runs.folder import Run
from imgrec.text import shown
from imgrec.workflows.chosen import Chosen
from imgrec.workflows.run_files import recorded_images

log = logging.getLogger("imgrec")


def overlapping(
    runs: Sequence[Run], images: Chosen, *, allow: bool, progress: Progress
) -> tuple[str, ...]:
    """Return the names of the images that one of `runs` was trained on, by their content.

    Files are read where the training didn't write down what they are. Raises DataError, which
    names them, where there are some and they are not allowed. An imported run is not known to
    have been trained on any.
    """
    training = [(run, _training(run)) for run in runs if run.card.origin is None]
    if not any(known for _, known in training):
        return ()
    measured = images.identities or identities(
        images.records, progress, "looking for training images"
    )
    found: dict[str, None] = {}
    for run, known in training:
        there = [name for name, identity in measured.items() if identity in known]
        if there:
            first = known[measured[there[0]]]
            _tell(
                f"{_of(there, measured)} of {shown(run.name)}, {_such(there[0], first)}",
                allow=allow,
            )
        found |= dict.fromkeys(there)
    return tuple(found)


def _training(run: Run) -> Mapping[str, str]:
    """Return the names of the training images by their identity."""
    recorded = recorded_images(run.path).get("train", {})
    return {identity: name for name, identity in recorded.items() if identity}


def _of(there: Sequence[str], measured: Mapping[str, str]) -> str:
    return f"{len(there):,} of {len(measured):,} images are training images"


def _such(name: str, trained_as: str) -> str:
    return f"such as {shown(name)}" + ("" if name == trained_as else f" ({shown(trained_as)})")


def _tell(message: str, *, allow: bool) -> None:
    if not allow:
        raise DataError(
            message,
            hint="the model knows them: take them away, or measure it all the same with "
            "--allow-overlap",
        )
    log.warning("%s", message)
