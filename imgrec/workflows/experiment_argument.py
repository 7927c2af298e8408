"""What a command line calls its experiment: a config, or images that one is drafted for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from imgrec.config.experiment import Experiment
from imgrec.config.load import load
from imgrec.data.sources import find_loader
from imgrec.workflows.data_argument import is_config
from imgrec.workflows.init import draft_experiment


def experiment_of(source: str, overrides: Sequence[str] = ()) -> tuple[Experiment, tuple[str, ...]]:
    """Return the experiment that `source` means, and what was found if it was drafted.

    Args:
        source: A config's file or name, or the path of images in any form that a loader reads.
        overrides: `key.path=value` each.

    Raises:
        UsageError: There is no such file or config, or an override can't be parsed.
        ConfigError: The config is invalid.
        DataError: The images at the path can't be used for training.
    """
    if is_config(source) or find_loader(source) is None:
        return load(source, overrides), ()
    experiment, draft = draft_experiment(Path(source), overrides)
    return experiment, draft.found
