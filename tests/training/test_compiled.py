"""On a GPU the steps are compiled by XLA: here on the CPU, which is passed as a GPU."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from imgrec.config.load import parse
from imgrec.models.backend import Devices, start
from imgrec.training.batch import Batch
from imgrec.workflows.experiment_sections import build_steps
from tests.conftest import TINY

CONVOLUTION = "Conv2D: {filters: 4, kernel_size: 3, use_bias: false}"
LAYERS = f"[{CONVOLUTION}, BatchNormalization, MaxPooling2D, Flatten]"
OVERRIDES = (f"model.layers={LAYERS}", "training.precision=float32")


def _trained(kind: str, first: list[Any] | None = None) -> tuple[list[Any], list[Any]]:
    """Return the weights before and after three steps, the last of which has fewer images."""
    strategy = start("cpu").strategy
    steps = build_steps(
        parse(TINY, "tiny.yaml", OVERRIDES), 10, Devices(kind, (kind,), strategy), weights=True
    )
    if first:
        steps.model.set_weights(first)
    before, random = steps.model.get_weights(), np.random.default_rng(0)
    for size in (16, 16, 5):
        images = random.random((size, 8, 8, 1), np.float32)
        targets = np.eye(10, dtype=np.float32)[random.integers(0, 10, size)]
        steps.train(Batch(images, targets, np.ones(size, np.float32)))
    return before, steps.model.get_weights()


def test_compiled_steps_train_the_same_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal to 1e-5, batches of another size too."""
    import tensorflow as tf

    first, expected = _trained("cpu")
    monkeypatch.setattr(
        tf.config, "list_physical_devices", lambda *_: [SimpleNamespace(device_type="GPU")]
    )
    _, found = _trained("gpu", first)
    for one, other, begun in zip(found, expected, first, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-5)
        assert (one != begun).any()
