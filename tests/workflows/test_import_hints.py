"""The hints of an import are followed, and the import works."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from imgrec.errors import RunError
from imgrec.models.importing import Adaptation
from imgrec.runtime.engine import open_engine
from imgrec.workflows.import_model import import_model
from imgrec.workflows.import_usage import ImportSpec, import_usage
from tests.models.hostile import keras_file, litert_buffer, litert_file, litert_model

PICTURES = np.random.default_rng(1).integers(0, 256, (2, 4, 4, 3), np.uint8)

OPTIONS: dict[str, dict[str, Any]] = {
    "--image-size 224x224": {"image_size": (4, 4)},
    "--rescale 1/255": {"rescale": 1 / 255},
    "--activation softmax": {"activation": "softmax"},
}


def logits() -> Any:
    """Return a model of images of any size, not finite if pixels are from 0 to 255."""
    import keras

    pixels = keras.Input((None, None, 3))
    features = keras.layers.GlobalAveragePooling2D()(keras.ops.exp(pixels))
    return keras.Model(pixels, keras.layers.Dense(3)(features))


@pytest.mark.parametrize(
    ("form", "tried"), [("model.keras", ["--rescale 1/255"]), ("folder", [*OPTIONS])]
)
def test_an_option_in_a_hint_is_accepted(tmp_path: Path, form: str, tried: list[str]) -> None:
    """Without an option the import is refused, with all three there are probabilities.

    What is tried takes a process with TensorFlow each; a Keras model's other hints are in
    `tests/models/test_adapt.py`.
    """
    if form == "folder":
        logits().export(tmp_path / form, format="tf_saved_model", verbose=False)
    else:
        logits().save(tmp_path / form)
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    wanted = ImportSpec(tmp_path / form, str(tmp_path / "names.txt"), trust=True)
    for option, values in OPTIONS.items():
        if option in tried:
            with pytest.raises(RunError) as refused:
                import_model(wanted, runs_dir=tmp_path)
            hint = refused.value.hint
            assert option in re.findall(r"--[a-z-]+(?: (?:softmax|sigmoid|[\dx/]+))?", hint)
        wanted = replace(wanted, adaptation=replace(wanted.adaptation, **values))
    run = import_model(wanted, runs_dir=tmp_path)
    found = open_engine(run).answers(PICTURES).probabilities
    assert ((found >= 0) & (found <= 1)).all()


def test_a_factor_above_1_is_warned_of(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Pixel values are meant to be divided by 255."""
    names = tmp_path / "names.txt"
    names.write_text("cat\ndog\n")
    model = keras_file(tmp_path / "x.keras")
    import_usage(ImportSpec(model, str(names), Adaptation(rescale=255)))
    (message,) = caplog.messages
    assert message == (
        "--rescale 255 multiplies pixel values: they reach 65,025; --rescale 1/255 divides them"
    )


def test_a_background_in_a_hint_is_accepted(tmp_path: Path) -> None:
    """A list without the class that a model has first is refused, and with it read."""
    model = litert_model()
    for tensor, shape in ((2, [3, 48]), (3, [3]), (5, [1, 3]), (6, [1, 3])):
        model.subgraphs[0].tensors[tensor].shape = shape
    model.buffers[2:4] = (litert_buffer(np.zeros(n, np.float32)) for n in (3 * 48, 3))
    (tmp_path / "names.txt").write_text("a\nb\n")
    wanted = ImportSpec(litert_file(tmp_path / "m.tflite", model), str(tmp_path / "names.txt"))
    with pytest.raises(RunError, match="has 3 outputs, but --classes has 2 names") as refused:
        import_model(wanted, runs_dir=tmp_path)
    assert "is the first one `background`?" in refused.value.hint
    (tmp_path / "names.txt").write_text("background\na\nb\n")
    assert import_model(wanted, runs_dir=tmp_path).card.classes == ("background", "a", "b")
