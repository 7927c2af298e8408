"""How often a checkpoint is written, as text with a unit."""

from __future__ import annotations

import pytest

from imgrec.config.load import parse
from imgrec.config.training import Interval
from imgrec.errors import ConfigError
from tests.conftest import TINY


@pytest.mark.parametrize(
    ("text", "interval"),
    [
        ("5 minutes", Interval(300, "seconds")),
        ("1 hour", Interval(3600, "seconds")),
        ("30 seconds", Interval(30, "seconds")),
        ("1 step", Interval(1, "steps")),
        ("200 steps", Interval(200, "steps")),
        ("1 epoch", Interval(1, "epochs")),
    ],
)
def test_a_number_and_a_unit(text: str, interval: Interval) -> None:
    """Times, steps, or never within an epoch."""
    found = parse(TINY, "tiny.yaml", [f"training.checkpoint.every={text}"])
    assert found.training.checkpoint.interval == interval


@pytest.mark.parametrize(
    "text", ["0 steps", "5", "minutes", "2 epochs", "-1 steps", "5  steps", "1.5 hours"]
)
def test_anything_else_is_refused(text: str) -> None:
    """The message shows what is meant."""
    with pytest.raises(
        ConfigError, match="is not an interval such as 5 minutes, 200 steps or 1 epoch"
    ):
        parse(TINY, "tiny.yaml", [f'training.checkpoint.every="{text}"'])


def test_a_schedule_can_not_be_halved() -> None:
    """`on_nan: restore` and a schedule for the learning rate exclude each other."""
    schedule = "{CosineDecay: {initial_learning_rate: 0.1, decay_steps: 9}}"
    with pytest.raises(ConfigError, match=r"training\.on_nan: restore halves the learning rate"):
        parse(
            TINY,
            "tiny.yaml",
            [
                f"training.optimizer={{SGD: {{learning_rate: {schedule}}}}}",
                "training.on_nan=restore",
            ],
        )
