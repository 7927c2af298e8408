"""The gate on real cats and dogs: a better and a worse model, each as the other's baseline."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from imgrec.config.load import load
from imgrec.runs.folder import Run
from imgrec.workflows.evaluation import EvaluationRequest, evaluate
from imgrec.workflows.gate import Gate
from imgrec.workflows.training import train


@pytest.mark.slow
def test_transfer_against_a_small_network_and_the_reverse(
    shared: Callable[[str], Path], tmp_path: Path
) -> None:
    """vgg16_transfer is better than cat_dog beyond chance, so the reverse is not met."""
    photos = shared("data/cats_dogs")
    weights = shared("weights/vgg16_imagenet_notop.h5")

    def trained(config: str, settings: Sequence[str]) -> Run:
        places = [f"data.{part}={photos / part}" for part in ("train", "validation")]
        changes = [*places, "training.epochs=1", *settings]
        return train(load(config, changes), runs_dir=tmp_path).run

    small = trained("cat_dog", ["training.steps_per_epoch=5"])
    large = trained(
        "vgg16_transfer", ["training.steps_per_epoch=12", f"model.backbone.weights={weights}"]
    )
    drop = {"accuracy": 0.01}
    better = evaluate(large, EvaluationRequest(gate=Gate(baseline=str(small.path), max_drop=drop)))
    assert better.passed
    assert better.comparison is not None
    assert better.comparison.differences["accuracy"].finding == "better"
    reverse = evaluate(small, EvaluationRequest(gate=Gate(baseline=str(large.path), max_drop=drop)))
    assert [verdict.met for verdict in reverse.verdicts] == [False]
    assert "statistically significant" in reverse.verdicts[0].reason
