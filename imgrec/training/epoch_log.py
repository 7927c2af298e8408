"""The line about each epoch in the log."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from imgrec.progress import rate
from imgrec.training.observers import EpochEnd, TrainingObserver

log = logging.getLogger("imgrec")

_NOT_MEASURED = ("seconds", "images_per_second", "learning_rate")


class EpochLog(TrainingObserver):
    """Logs a line after each epoch: what was measured, how fast, and how long the rest takes."""

    def epoch(self, event: EpochEnd) -> None:
        """Log the epoch, and whether the training stops early with it."""
        log.info(
            epoch_line(event.epoch, event.epochs, event.logs, improved=event.improved),
        )
        if event.stopped:
            log.info(
                "stopped early after epoch %d, as training.callbacks says; "
                "best.keras is of epoch %d",
                event.epoch,
                event.best.epoch if event.best else 0,
            )


def epoch_line(epoch: int, epochs: int, logs: Mapping[str, float], *, improved: bool) -> str:
    """Return the line of a finished epoch (from 1): what was measured, how fast, what is left."""
    measured = {name: value for name, value in logs.items() if name not in _NOT_MEASURED}
    to_do = epochs - epoch
    left = f", {duration(to_do * logs['seconds'])} left" if to_do else ""
    speed = f"{rate(logs['images_per_second'])} images/s"
    best = "  best so far" if improved else ""
    return f"epoch {epoch}/{epochs}  {metrics_text(measured)}  {speed}{left}{best}"


def metrics_text(logs: Mapping[str, float], digits: int = 4) -> str:
    """Return each name with its value."""
    return "  ".join(f"{name} {value:.{digits}f}" for name, value in logs.items())


def duration(seconds: float) -> str:
    """Return a time in the two units that matter."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
