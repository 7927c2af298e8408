"""How much time checkpoints take in a training."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from imgrec.config.load import load
from imgrec.models.backend import start
from imgrec.training.checkpoint import TrainingProgress, save_checkpoint
from imgrec.workflows.experiment_sections import build_steps


def checkpoint_seconds(config: str, classes: int, rounds: int = 5) -> float:
    """Return the median seconds that one checkpoint of the config's model and optimizer takes.

    Divided by 60 it is the share of the time when one is written every minute.
    """
    steps = build_steps(load(config), classes, start("cpu"), weights=False)
    times = []
    with tempfile.TemporaryDirectory() as folder:
        for step in range(rounds):
            began = time.perf_counter()
            save_checkpoint(Path(folder), steps.variables, TrainingProgress(step=step), 2)
            times.append(time.perf_counter() - began)
    return statistics.median(times)
