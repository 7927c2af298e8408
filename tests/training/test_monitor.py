"""The best epoch is the one whose monitored value is best."""

from __future__ import annotations

import math

import pytest

from imgrec.config.load import parse
from imgrec.errors import ConfigError
from imgrec.training.checkpoint import TrainingProgress
from imgrec.training.monitor import Monitor
from imgrec.workflows.experiment_sections import located_problems

CONFIG = """
name: t
data: {loader: digits, image_size: [8, 8]}
model: {layers: [Flatten]}
training:
  metrics: [accuracy, AUC, MeanSquaredError]
  checkpoint: {monitor: %s, mode: %s}
"""


def _best(monitor: str, mode: str, values: list[float], *, validated: bool = True) -> int:
    """The best epoch after `values`, one per epoch."""
    state = TrainingProgress()
    watch = Monitor(parse(CONFIG % (monitor, mode), "t.yaml").training, validated=validated)
    for epoch, value in enumerate(values, 1):
        watch.update(state, epoch, {watch.name: value})
    return state.best_epoch


@pytest.mark.parametrize(
    ("monitor", "mode", "best"),
    [
        ("val_loss", "auto", 2),
        ("val_accuracy", "auto", 3),
        ("val_auc", "auto", 3),
        ("val_mean_squared_error", "auto", 2),
        ("val_accuracy", "min", 2),
        ("val_loss", "max", 3),
    ],
)
def test_the_direction_follows_the_name_or_the_mode(monitor: str, mode: str, best: int) -> None:
    """Losses and errors are better lower, everything else higher; `mode` decides otherwise."""
    assert _best(monitor, mode, [0.5, 0.1, 0.9, 0.5]) == best


def test_the_first_of_equals_stays_the_best() -> None:
    """An epoch that is only as good does not replace it."""
    assert _best("val_loss", "auto", [0.5, 0.5]) == 1


def test_what_is_not_a_number_is_never_the_best() -> None:
    """NaN neither becomes the best nor blocks what follows."""
    assert _best("val_loss", "auto", [math.nan, 0.5, math.nan]) == 2
    assert _best("val_loss", "auto", [math.nan]) == 0


def test_without_validation_the_training_value_decides() -> None:
    """val_loss becomes loss."""
    watch = Monitor(parse(CONFIG % ("val_loss", "auto"), "t.yaml").training, validated=False)
    assert watch.name == "loss"


def test_a_value_that_is_not_measured_is_reported() -> None:
    """The message has file, line, key, and what is measured."""
    experiment = parse(CONFIG % ("val_auc", "auto"), "t.yaml")
    watch = Monitor(experiment.training, validated=True)
    with pytest.raises(ConfigError) as caught, located_problems(experiment):
        watch.update(TrainingProgress(), 1, {"loss": 1.0, "val_loss": 1.0})
    assert caught.value.message == (
        "t.yaml, line 7: training.checkpoint.monitor: 'val_auc' is not measured; "
        "there is loss, val_loss"
    )
