"""The config that a run was trained with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.data.sources import DataLocation
from imgrec.errors import ConfigError, RunError, UsageError
from imgrec.files import MAX_DOCUMENT_BYTES, read_regular, reason_of
from imgrec.interface import option
from imgrec.runs.folder import CONFIG_FILE, Run
from imgrec.text import printable

_TRAIN_AGAIN = "train again"


def data_config(run: Run, data: Path | None) -> DataLocation:
    """Return where a run's images are; for an imported run, the location `data`.

    Raises:
        UsageError: The run is imported, so it has no images, or a version of a classifier, which
            does not say where its photos are; and there is no `data`.
        RunError: The config can't be used, see `run_config`.
    """
    imported = run.card.origin is not None
    if data is None and not names_images(run):
        why = (
            "was imported, so it has no images"
            if imported
            else "is a version of a classifier, and does not say where its photos are"
        )
        raise UsageError(
            f"{printable(run.name)} {why}", hint=f"give images with {option('data', 'FOLDER')}"
        )
    if imported:
        return DataLocation(root=str(data), multi_label=run.card.multi_label)
    return run_config(run.path).data


def names_images(run: Run) -> bool:
    """Return whether a run says where its images are.

    One that was imported does not, nor does a version of a classifier: its paths are relative to
    a folder that can be moved.
    """
    if run.card.origin is not None:
        return False
    nowhere = any(each.written and each.absolute is None for each in run.card.data.values())
    return not nowhere or run_config(run.path).data.loader == "keras"


def run_config(folder: Path, overrides: Sequence[str] = ()) -> Experiment:
    """Return the experiment of a run's folder.

    Raises RunError if its config is missing or damaged, UsageError for a wrong override.
    """
    path = folder / CONFIG_FILE
    try:
        text = read_regular(path, MAX_DOCUMENT_BYTES)
        experiment = _parsed(text, str(path))
    except OSError as error:
        raise RunError(
            f"{printable(str(path))} can't be read: {reason_of(error)}", hint=_TRAIN_AGAIN
        ) from error
    except ConfigError as error:
        raise RunError(error.message, hint=_TRAIN_AGAIN) from error
    return parse(text, str(path), overrides) if overrides else experiment


@lru_cache(maxsize=16)
def _parsed(text: bytes, source: str) -> Experiment:
    """Return the experiment of a config, which a command needs again and again."""
    return parse(text, source)
