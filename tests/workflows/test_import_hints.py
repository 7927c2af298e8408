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
from imgrec.workflows.import_usage import ImportSpec

PICTURES = np.random.default_rng(1).integers(0, 256, (2, 4, 4, 3), np.uint8)

ADAPTATIONS = {
    "--activation softmax": Adaptation(activation="softmax"),
    "--image-size 224x224": Adaptation(image_size=(4, 4)),
    "--rescale 1/255": Adaptation(rescale=1 / 255),
    "--multi-label": Adaptation(multi_label=True),
}


def model(kind: str) -> Any:
    """Return a model that needs the option `kind`."""
    import keras

    size = (None, None) if kind.startswith("--image-size") else (4, 4)
    pixels = keras.Input((*size, 3))
    # Beyond float32 if pixels are from 0 to 255.
    features = keras.ops.exp(pixels) if kind.startswith("--rescale") else pixels / 255
    features = keras.layers.GlobalAveragePooling2D()(features)
    activation = {"--activation softmax": "linear", "--multi-label": "sigmoid"}.get(kind, "softmax")
    return keras.Model(pixels, keras.layers.Dense(3, activation=activation)(features))


@pytest.mark.parametrize(
    ("form", "option"),
    [
        *(("model.keras", option) for option in ADAPTATIONS),
        ("folder", "--image-size 224x224"),
        ("folder", "--rescale 1/255"),
    ],
)
def test_an_option_in_a_hint_is_accepted(tmp_path: Path, form: str, option: str) -> None:
    """Without the option the import is refused, with it there are probabilities."""
    if form == "folder":
        model(option).export(tmp_path / form, format="tf_saved_model", verbose=False)
    else:
        model(option).save(tmp_path / form)
    (tmp_path / "names.txt").write_text("a\nb\nc\n")
    wanted = ImportSpec(tmp_path / form, str(tmp_path / "names.txt"), trust=True)
    with pytest.raises(RunError) as refused:
        import_model(wanted, runs_dir=tmp_path)
    assert option in re.findall(r"--[a-z-]+(?: (?:softmax|sigmoid|[\dx/]+))?", refused.value.hint)
    run = import_model(replace(wanted, adaptation=ADAPTATIONS[option]), runs_dir=tmp_path)
    found = open_engine(run).answers(PICTURES).probabilities
    assert ((found >= 0) & (found <= 1)).all()


def test_a_background_in_a_hint_is_accepted(tmp_path: Path) -> None:
    """A list without the class that a model has first is refused, and with it read."""
    model("").save(tmp_path / "model.keras")
    (tmp_path / "names.txt").write_text("a\nb\n")
    wanted = ImportSpec(tmp_path / "model.keras", str(tmp_path / "names.txt"))
    with pytest.raises(RunError, match="has 3 outputs, but --classes has 2 names") as refused:
        import_model(wanted, runs_dir=tmp_path)
    assert "is the first one `background`?" in refused.value.hint
    (tmp_path / "names.txt").write_text("background\na\nb\n")
    assert import_model(wanted, runs_dir=tmp_path).card.classes == ("background", "a", "b")
