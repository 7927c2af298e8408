"""What the epoch loop is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from imgrec.config.experiment import Experiment
from imgrec.training.checkpoint import TrainingProgress
from imgrec.training.monitor import Monitor
from imgrec.training.stream import Split


@dataclass(frozen=True)
class Job:
    """One training.

    folder: the run's; epochs: how many are done when it ends, those before it among them;
    validation: None where there is none; after_epoch: called when the
    files of an epoch are written; before_best: called with the SHA-256 of a new `best.keras`, too,
    before it takes the place of the one before it; profile: tell after each epoch how long the
    device waited for images.
    """

    experiment: Experiment
    folder: Path
    epochs: int
    train: Split
    validation: Split | None
    classes: int
    monitor: Monitor
    after_epoch: Callable[[TrainingProgress], None]
    before_best: Callable[[TrainingProgress, str], None] | None = None
    profile: bool = False
