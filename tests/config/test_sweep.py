"""Section `sweep`: what it refuses, each with its line, and the experiments that it stands for."""

from __future__ import annotations

import pytest

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.config.variants import check_space, variant
from imgrec.errors import ConfigError
from tests.conftest import TINY

SWEEP = """
sweep:
  trials: 3
  space:
"""


def _experiment(space: str, more: str = "", base: str = TINY) -> Experiment:
    lines = "".join(f"    {line}\n" for line in space.splitlines())
    return parse(f"{base}{SWEEP}{lines}{more}", "tiny.yaml")


@pytest.mark.parametrize(
    ("space", "more", "message"),
    [
        ("seed: {choose: [1, 2]}", "", "so that all trials are judged on the same images"),
        ("data.root: {choose: [a, b]}", "", "can't vary"),
        ("data.fitt: {choose: [crop]}", "", "did you mean data.fit?"),
        ("training.epochs: {}", "", "takes one of"),
        ("training.epochs: {int: [1, 2], choose: [1]}", "", "takes one of"),
        ("training.epochs: {choose: []}", "", "is empty"),
        ("training.epochs: {choose: [1, 1]}", "", "has a value twice"),
        ("training.epochs: {int: [2, 1]}", "", "must be [low, high], got [2, 1]"),
        ("training.epochs: {log: [0, 1]}", "", "must be above 0"),
        ("training.epochs: {int: [1, 2]}", "  search: grid\n", "needs a list of values"),
        ("training.epochs: {choose: [1, 2]}", "  search: cmaes\n", "numbers in a range"),
        ("training.epochs: {int: [1, 2]}", "  metric: acuracy\n", "did you mean 'accuracy'"),
        ("training.epochs: {int: [1, 2]}", "  metric: {log_loss: max}\n", "must be min"),
        (
            "training.epochs: {int: [1, 2]}",
            "  metric: {accuracy: max, model_bytes: min}\n  prune: asha\n",
            "asha needs a single metric",
        ),
    ],
)
def test_a_wrong_section_is_refused(space: str, more: str, message: str) -> None:
    """Whatever contradicts itself is named when the config is read."""
    with pytest.raises(ConfigError, match="line") as error:
        _experiment(space, more)
    assert message in error.value.message


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ("training.epoch: {int: [1, 3]}", "unknown key; did you mean 'epochs'?"),
        ("model.layers[7].Dense.units: {int: [1, 3]}", "model.layers has 3 items"),
        ("training.epochs: {choose: [1, ten]}", "'ten' is refused: training.epochs: 'ten' is not"),
        ("model.layers[2].Dropout.rate: {uniform: [0, 1.5]}", "1.5 is refused"),
        ("model.head: {choose: [linear]}", "'linear' is refused"),
    ],
)
def test_a_space_is_checked_against_the_config(space: str, message: str) -> None:
    """A key that the config lacks and a value that it refuses are named with their line."""
    experiment = _experiment(space)
    assert experiment.sweep is not None
    with pytest.raises(ConfigError, match=r"tiny\.yaml, line \d+: sweep\.space\.") as error:
        check_space(experiment, experiment.sweep)
    assert message in error.value.message


def test_a_value_may_need_another_one() -> None:
    """A larger network's layer is accepted if some choice of the layers has it."""
    experiment = _experiment(
        "model.layers: {choose: [[Flatten], [Flatten, Dense: 4]]}\n"
        "model.layers[1].Dense.units: {choose: [4, 8]}"
    )
    assert experiment.sweep is not None
    check_space(experiment, experiment.sweep)


def test_a_trial_is_the_experiment_with_its_values() -> None:
    """Lists, layers and optimizers are set, everything else stays, and the sweep is left out."""
    experiment = _experiment("training.epochs: {int: [1, 3]}")
    values = {"data.image_size": [16, 16], "model.layers[0].Conv2D.filters": 2, "name": "trial-7"}
    found = variant(experiment, values)
    assert (found.name, found.data.image_size, found.sweep) == ("trial-7", (16, 16), None)
    assert found.training == experiment.training
    assert found.model.layers[0].arguments()["filters"] == 2


def test_a_metric_must_fit_the_labels_and_pruning_the_model() -> None:
    """Metrics of several labels need such images; an exact head has no epochs to stop after."""
    with pytest.raises(ConfigError, match="only measured if images have multiple labels"):
        _experiment("training.epochs: {int: [1, 3]}", "  metric: hamming_loss\n")
    head = """
name: head
data: {loader: digits, image_size: [32, 32]}
model: {backbone: {name: MobileNet}, layers: [GlobalAveragePooling2D], head: logistic}
"""
    with pytest.raises(ConfigError, match="prune: has no effect with model"):
        _experiment("data.fit: {choose: [crop, pad]}", "  prune: asha\n", head)
