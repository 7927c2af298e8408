"""A network cut in two right before the layers that learn."""

from __future__ import annotations

import numpy as np
import pytest

from imgrec.config.load import parse
from imgrec.models.backbone import unfreeze
from imgrec.models.network import assemble
from imgrec.models.network.split_network import Network
from imgrec.workflows.experiment_sections import network_spec

CONFIG = """
name: split
data: {{root: photos, image_size: [32, 32]}}
model:
  backbone: {{name: {name}, weights: null}}
  layers: [GlobalAveragePooling2D, {{Dense: {{units: 4, activation: relu}}}}]
"""


def _network(name: str) -> Network:
    return assemble(network_spec(parse(CONFIG.format(name=name), "split.yaml"), 2))


@pytest.fixture(scope="module")
def residual() -> Network:
    """A network whose blocks are skipped by connections."""
    return _network("MobileNetV2")


@pytest.mark.parametrize(
    ("first", "place"),
    [
        (None, "end GlobalAveragePooling2D"),
        ("Conv_1", "block_16_project_BN"),
        ("block_16_project", "block_16_depthwise_relu"),
        ("block_15_add", "block_14_add"),
        ("block_15_project", "block_14_add"),
        ("bn_Conv1", "Conv1"),
    ],
)
def test_the_parts_are_the_whole(residual: Network, first: str | None, place: str) -> None:
    """The cut is at the nearest layer that no connection skips, and what comes out is the same."""
    images = np.random.default_rng(0).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    parts = residual.split(first)
    assert parts is not None
    assert parts.place == place
    found = parts.head(parts.extractor(images, training=False), training=False)
    np.testing.assert_allclose(found, residual.model(images, training=False), atol=1e-6)
    if first is None:
        residual.backbone.trainable = False
    else:
        unfreeze(residual.backbone, first)
    learning = [
        [id(each) for each in one.trainable_variables] for one in (parts.head, residual.model)
    ]
    assert learning[0] == learning[1]


@pytest.mark.parametrize("first", ["all", "Conv1"])
def test_nothing_is_cut_off_where_all_layers_learn(residual: Network, first: str) -> None:
    """Features of no layer would be the pixels."""
    assert residual.split(first) is None


def test_operations_that_are_not_layers_are_seen() -> None:
    """ConvNeXt, whose blocks are skipped too, adds without a layer."""
    network = _network("ConvNeXtTiny")
    parts = network.split("convnext_tiny_stage_3_block_2_pointwise_conv_1")
    assert parts is not None
    images = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype(np.float32)
    found = parts.head(parts.extractor(images, training=False), training=False)
    np.testing.assert_allclose(found, network.model(images, training=False), atol=1e-6)
