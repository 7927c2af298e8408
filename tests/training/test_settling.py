"""A backbone's batch normalization may need more steps than a training has."""

from __future__ import annotations

import pytest

from imgrec.config.load import parse
from imgrec.errors import ConfigError
from imgrec.models.backbone import batch_normalizations
from imgrec.models.backend import start
from imgrec.training.phases import warn_if_batch_norm_unsettled
from imgrec.training.steps import Steps
from imgrec.workflows.experiment_sections import build_steps

CONFIG = """
name: scratch
data: {root: photos, image_size: [32, 32]}
model:
  backbone: {name: MobileNetV2, weights: null, trainable: true}
  layers: [GlobalAveragePooling2D]
"""


@pytest.fixture(scope="module", autouse=True)
def _device() -> None:
    """Let it be named before a test looks at messages."""
    start("cpu")


def _steps(*overrides: str) -> Steps:
    return build_steps(parse(CONFIG, "x.yaml", overrides), 2, start("cpu"), weights=True)


def test_too_few_steps_are_reported(caplog: pytest.LogCaptureFixture) -> None:
    """After 100 steps a tenth of MobileNetV2's means are the images'; 3,000 are enough."""
    steps = _steps()
    warn_if_batch_norm_unsettled(steps, 3000)
    assert not caplog.messages
    warn_if_batch_norm_unsettled(steps, 100)
    (message,) = caplog.messages
    assert "MobileNetV2's batch normalization keeps 0.999 of its mean and variance" in message
    assert "after 100 steps only 10 % of them is your images'" in message
    assert "model.backbone.batch_norm_momentum: 0.9" in message


def test_the_momentum_is_that_of_every_batch_normalization(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Nothing is said of one that was chosen, however short the training."""
    steps = _steps("model.backbone.batch_norm_momentum=0.9")
    warn_if_batch_norm_unsettled(steps, 1)
    assert not caplog.messages
    momenta = {layer.momentum for layer in batch_normalizations(steps.backbone)}
    assert momenta == {0.9}


def test_weights_that_are_given_have_settled(caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is said of a backbone that stays as it is, and a momentum for it is refused."""
    frozen = "model.backbone.trainable=false"
    warn_if_batch_norm_unsettled(_steps(frozen), 1)
    assert not caplog.messages
    with pytest.raises(ConfigError, match="has no effect with `trainable: false`"):
        parse(CONFIG, "x.yaml", [frozen, "model.backbone.batch_norm_momentum=0.9"])
