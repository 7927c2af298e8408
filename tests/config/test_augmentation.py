"""Section `augmentation`: what it takes, and which losses take mixed classes."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from imgrec.config.experiment import Experiment
from imgrec.config.load import parse
from imgrec.errors import ConfigError

CONFIG = """
name: t
data: {loader: digits, image_size: [8, 8]}
augmentation: {%s}
model: {layers: [Flatten], output: %s}
"""


def _experiment(
    augmentation: str, output: str = "softmax", overrides: Sequence[str] = ()
) -> Experiment:
    return parse(CONFIG % (augmentation, output), "t.yaml", overrides)


def _message(augmentation: str, output: str = "softmax", overrides: Sequence[str] = ()) -> str:
    with pytest.raises(ConfigError) as caught:
        _experiment(augmentation, output, overrides)
    return caught.value.message


def test_nothing_more_than_asked_for_is_done() -> None:
    """The batched engine is the default; blur, erasing and mixing are off."""
    found = _experiment("rotation_range: 10").augmentation
    assert found is not None
    assert found.engine == "batched"
    assert (found.blur_sigma, found.random_erasing) == (0, 0)
    assert found.mixup is found.cutmix is None


@pytest.mark.parametrize(
    "wrong",
    [
        "engine: torch",
        "blur_sigma: -1",
        "random_erasing: 1.5",
        "mixup: 0",
        "cutmix: -0.2",
        "mixup: yes",
        "zca_whitening: true",
    ],
)
def test_values_out_of_range_are_reported_with_their_line(wrong: str) -> None:
    """The key is named."""
    assert f"line 4: augmentation.{wrong.split(':', maxsplit=1)[0]}" in _message(wrong)


@pytest.mark.parametrize("key", ["mixup", "cutmix"])
@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("softmax", "SparseCategoricalCrossentropy"),
        ("softmax", "CategoricalGeneralizedCrossEntropy"),
        ("sigmoid", "Hinge"),
        ("sigmoid", "SquaredHinge"),
    ],
)
def test_a_loss_of_whole_classes_takes_no_mixed_ones(key: str, output: str, loss: str) -> None:
    """The message names the loss and those that do."""
    message = _message(f"{key}: 0.2", output, [f"training.loss={loss}"])
    assert (
        f"augmentation.{key}: mixes classes, which {loss} does not support; use one of " in message
    )
    assert loss not in message.split("use one of ")[1]
    assert ("BinaryCrossentropy" if output == "sigmoid" else "CategoricalCrossentropy") in message


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_the_default_losses_take_mixed_classes(output: str) -> None:
    """Cross-entropy compares with any probability."""
    assert _experiment("mixup: 0.2, cutmix: 1", output).augmentation is not None
