"""What tf2onnx would take for an input of the model, although it is not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from imgrec.config.load import parse
from imgrec.models.export import export_model
from imgrec.workflows.experiment_sections import build_network

CONFIG = """
name: x
data: {root: photos, image_size: [8, 8]}
preprocessing: {application: %s}
model: {layers: [Flatten]}
"""


@pytest.mark.parametrize("application", ["VGG16", "MobileNetV2", "DenseNet121"])
def test_the_numbers_of_a_preprocess_input_stay_inside(application: str, tmp_path: Path) -> None:
    """One input, and the model's answers, whichever way the application has its numbers."""
    import onnxruntime

    model = build_network(parse(CONFIG % application, "x.yaml"), 3)
    pixels = np.random.default_rng(0).integers(0, 256, (4, 8, 8, 3)).astype(np.float32)
    expected = np.asarray(model(pixels))
    export_model(model, tmp_path / "x.onnx", "onnx")

    session = onnxruntime.InferenceSession(tmp_path / "x.onnx")
    (entering,) = session.get_inputs()
    (answers,) = session.run(None, {entering.name: pixels})
    np.testing.assert_allclose(answers, expected, atol=1e-5)
    np.testing.assert_allclose(model(pixels), expected, atol=1e-6)
