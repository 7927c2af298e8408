"""Which engine answers, and that every one of them says the same."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from msgspec import structs

from imgrec.errors import RunError, UsageError
from imgrec.files import sha256_of
from imgrec.runs.card import ImportOrigin
from imgrec.runs.folder import Run
from imgrec.runtime.engine import EngineName, EngineOptions, open_engine
from imgrec.runtime.keras_engine import KerasEngine
from imgrec.runtime.litert_engine import LiteRTEngine
from imgrec.workflows.export import export

pytestmark = pytest.mark.tensorflow


@pytest.fixture
def copied(trained: Run, tmp_path: Path) -> Run:
    """A copy of the trained run, to change."""
    return Run(shutil.copytree(trained.path, tmp_path / "tiny-1"), trained.card)


def test_both_engines_say_the_same(trained: Run) -> None:
    """Within the parity, for any size of batch, one after the other."""
    litert, keras = open_engine(trained), open_engine(trained, EngineOptions(engine="keras"))
    assert (type(litert), type(keras)) == (LiteRTEngine, KerasEngine)
    assert (litert.classes, litert.spec) == (keras.classes, keras.spec)
    images = np.random.default_rng(0).integers(0, 256, (7, 8, 8, 1), np.uint8)
    for count in (1, 7, 2):
        found = litert.answers(images[:count]).probabilities
        assert found.shape == (count, 10)
        np.testing.assert_allclose(found, keras.answers(images[:count]).probabilities, atol=1e-4)


def test_an_image_gets_the_same_numbers_in_any_batch(trained: Run) -> None:
    """What `predict` says of one photo is what `evaluate` counted among many."""
    engine = open_engine(trained)
    images = np.random.default_rng(1).integers(0, 256, (32, 8, 8, 1), np.uint8)
    together = engine.answers(images).probabilities
    alone = np.concatenate([engine.answers(image[None]).probabilities for image in images])
    np.testing.assert_allclose(alone, together, atol=1e-6)


def test_without_the_file_keras_answers_and_one_line_says_so(
    copied: Run, caplog: pytest.LogCaptureFixture
) -> None:
    """The line names what is missing; what has to be LiteRT is refused, with what to do."""
    (copied.path / "model.tflite").unlink()
    with caplog.at_level(logging.INFO, "imgrec"):
        assert isinstance(open_engine(copied), KerasEngine)
    lines = [line for line in caplog.messages if "tflite" in line]
    assert lines == [
        "tiny-1 has no model.tflite: using Keras, in float32, which takes longer to start"
    ]
    with pytest.raises(RunError, match=r"tiny-1 has no model\.tflite") as caught:
        open_engine(copied, EngineOptions(engine="litert"))
    assert caught.value.hint == f"`imgrec export {copied.path}` writes it"


@pytest.mark.parametrize("engine", ["auto", "litert"])
def test_a_precision_that_is_not_there_is_never_replaced(copied: Run, engine: EngineName) -> None:
    """Keras has float32 alone, and a GPU has Keras."""
    with pytest.raises(RunError) as caught:
        open_engine(copied, EngineOptions(engine=engine, precision="int8"))
    assert caught.value.hint == f"`imgrec export {copied.path} --precision int8` writes it"
    with pytest.raises(UsageError, match="computes on the CPU, not on device='gpu"):
        open_engine(copied, EngineOptions(engine=engine, precision="int8", device="gpu"))


@pytest.mark.parametrize("engine", ["auto", "litert"])
def test_a_file_that_is_not_the_cards_is_never_replaced_in_silence(
    copied: Run, engine: EngineName
) -> None:
    """Whoever swapped it, the answer would not be the run's."""
    with (copied.path / "model.tflite").open("ab") as file:
        file.write(b" ")
    with pytest.raises(RunError, match=r"model\.tflite is not the file that the run's card"):
        open_engine(copied, EngineOptions(engine=engine))


def test_a_hint_about_a_damaged_file_does_not_name_a_missing_one(copied: Run) -> None:
    """Without best.keras, no export repairs model.tflite; of an imported run, the model is left."""
    (copied.path / "model.tflite").write_bytes(b"damaged")
    with pytest.raises(RunError) as caught:
        open_engine(copied)
    assert "imgrec export" in caught.value.hint
    (copied.path / "best.keras").unlink()
    with pytest.raises(RunError) as caught:
        open_engine(copied)
    assert caught.value.hint == "copy the run again from where it was trained, or train again"
    origin = ImportOrigin("m.keras", "", "keras")
    imported = Run(copied.path, structs.replace(copied.card, origin=origin))
    with pytest.raises(RunError) as caught:
        open_engine(imported)
    assert caught.value.hint == "import m.keras again"


def test_a_damaged_file_that_the_card_describes_is_named(copied: Run) -> None:
    """What LiteRT can't read is an error of the run, not of imgrec."""
    path = copied.path / "model.tflite"
    path.write_bytes(b"no model")
    hashes = {**copied.card.hashes, "model.tflite": sha256_of(path)}
    damaged = Run(copied.path, structs.replace(copied.card, hashes=hashes))
    with pytest.raises(RunError, match=r"model\.tflite (does not load|is not a LiteRT model)"):
        open_engine(damaged)


def test_a_file_of_another_shape_is_refused(trained: Run) -> None:
    """A card that doesn't fit its model is reported before any answer."""
    card = structs.replace(trained.card, classes=("a", "b"))
    with pytest.raises(RunError, match=r"gives \(None, 10\); its card says .*\(None, 2\)"):
        open_engine(Run(trained.path, card))


def test_what_excludes_each_other_is_reported(trained: Run) -> None:
    """LiteRT computes on the CPU, Keras in float32."""
    with pytest.raises(UsageError, match="engine='litert' computes on the CPU"):
        open_engine(trained, EngineOptions(engine="litert", device="gpu:0"))
    with pytest.raises(UsageError, match="precision='int8' is for LiteRT"):
        open_engine(trained, EngineOptions(engine="keras", precision="int8"))


@pytest.mark.parametrize("missing", ["keras", "tensorflow"])
def test_missing_tensorflow_is_reported_first(
    copied: Run, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    """Of a run without its best.keras too, and before ONNX's packages are asked for."""
    (copied.path / "best.keras").unlink()
    monkeypatch.setitem(sys.modules, missing, None)  # as Python has it where there is no module
    for asked in (
        lambda: open_engine(copied, EngineOptions(engine="keras")),
        lambda: export(copied, form="onnx"),
    ):
        with pytest.raises(RunError, match=f"needs TensorFlow.* module {missing} is not installed"):
            asked()
    assert isinstance(open_engine(copied), LiteRTEngine)


@pytest.mark.parametrize("engine", ["auto", "litert"])
def test_without_tensorflow_a_missing_litert_file_is_the_cause(
    copied: Run, monkeypatch: pytest.MonkeyPatch, engine: EngineName
) -> None:
    """Keras could take its place only elsewhere; the hint says what writes the file, and where."""
    (copied.path / "model.tflite").unlink()
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(RunError, match=r"tiny-1 has no model\.tflite") as caught:
        open_engine(copied, EngineOptions(engine=engine))
    assert caught.value.hint == (
        f"`imgrec export {copied.path}` writes it, with TensorFlow: `pip install imgrec`"
    )


def test_a_run_brought_without_its_keras_file_says_so(copied: Run) -> None:
    """With the LiteRT file beside it, nobody has to train again."""
    (copied.path / "best.keras").unlink()
    with pytest.raises(RunError, match=r"best\.keras is missing: .* without it") as caught:
        open_engine(copied, EngineOptions(engine="keras"))
    assert "bring it from where the run was trained" in caught.value.hint


@pytest.mark.parametrize("engine", ["litert", "keras"])
def test_other_versions_are_named(
    trained: Run, engine: EngineName, caplog: pytest.LogCaptureFixture
) -> None:
    """What differs from the card is a warning, or an error if versions are strict."""
    caplog.set_level(logging.WARNING, "imgrec")
    open_engine(trained, EngineOptions(engine, strict_versions=True))
    assert not caplog.messages
    versions = {**trained.card.versions, "pillow": "11.0.0", "python": "3.10"}
    older = dataclasses.replace(trained, card=structs.replace(trained.card, versions=versions))
    open_engine(older, EngineOptions(engine))
    (warning,) = caplog.messages
    difference = f"pillow: 11.0.0 -> {trained.card.versions['pillow']}"
    assert warning == (
        f"tiny-1 was made with other versions, so its answers may differ: {difference}"
    )
    with pytest.raises(RunError, match=difference):
        open_engine(older, EngineOptions(engine, strict_versions=True))
