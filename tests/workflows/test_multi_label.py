"""Images with several labels, or none: from a CSV file to a run that measures and predicts."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.config.load import parse
from imgrec.errors import ConfigError, DataError, RunError
from imgrec.runs.card import read_card
from imgrec.runs.folder import Run
from imgrec.runtime.engine import Computing
from imgrec.workflows.chosen import Images, choose
from imgrec.workflows.evaluate import Wanted, evaluate
from imgrec.workflows.gate import refuse_other_classes
from imgrec.workflows.prepare import read_images
from imgrec.workflows.train import TrainingResult, train
from tests.pasted import COLOURS, pasted_discs

CONFIG = """
name: discs
data:
  root: {data}
  multi_label: true
  image_size: [24, 24]
  split: {{validation: 0.2, test: 0.2}}
preprocessing: {{rescale: 1/255}}
model:
  output: sigmoid
  layers:
    - Conv2D: {{filters: 8, kernel_size: 3, activation: relu}}
    - GlobalMaxPooling2D
training: {{epochs: {epochs}, optimizer: {{Adam: {{learning_rate: 2e-2}}}}}}
evaluation: {{thresholds: f1}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CSV file of 160 pictures with discs of up to three colours."""
    return pasted_discs(tmp_path_factory.mktemp("discs"), 160)


@pytest.fixture(scope="module")
def discs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """A complete run that has learned the colours; tests must not change it."""
    experiment = parse(CONFIG.format(data=data, epochs=12), "discs.yaml")
    return train(experiment, runs_dir=tmp_path_factory.mktemp("runs"))


def test_the_colours_are_learned(discs: TrainingResult) -> None:
    """Each is said where it is, and only there; pictures without a disc have no label."""
    metrics = discs.evaluation.metrics
    assert metrics["macro_f1"].value > 0.9
    assert metrics["hamming_loss"].value < 0.1
    assert "top_k_accuracy" not in metrics
    assert discs.evaluation.classes == tuple(COLOURS)


def test_the_card_says_what_answers_mean(discs: TrainingResult) -> None:
    """Whether there may be several labels, from which probability on, and how it was chosen."""
    card = read_card(discs.run.path)
    assert (card.multi_label, card.units, card.output) == (True, 3, "sigmoid")
    assert card.thresholds is not None
    assert (card.thresholds.promise, card.thresholds.split) == ("f1", "validation")
    assert card.class_thresholds == tuple(card.thresholds.values[name] for name in card.classes)
    assert card.calibration is not None
    assert card.calibration.loss_after <= card.calibration.loss_before
    assert card.data["test"].images > 0


@pytest.mark.parametrize("engine", ["litert", "keras"])
def test_every_engine_gives_the_number_that_training_gave(
    discs: TrainingResult, engine: str
) -> None:
    """The final evaluation, `evaluate` with LiteRT and with Keras are one."""
    found = evaluate(discs.run, computing=Computing(engine))  # type: ignore[arg-type]
    saved = json.loads((discs.run.path / "metrics.json").read_bytes())
    assert found.evaluation.multi_label
    for name, metric in found.evaluation.metrics.items():
        assert metric.value == pytest.approx(saved["metrics"][name]["value"], abs=1e-5)
    images = len(found.scores.names)
    np.testing.assert_array_equal(found.evaluation.confusion.sum(axis=(1, 2)), [images] * 3)


def test_every_class_has_its_share_of_every_part(data: Path) -> None:
    """The parts hold what they should of each class, and of the images without one."""
    splits = read_images(parse(CONFIG.format(data=data, epochs=1), "discs.yaml").data, 0)
    whole = [*splits.train, *splits.validation, *splits.test]
    assert len(whole) == 160
    assert any(not record.labels for record in whole)
    for part, share in ((splits.train, 0.6), (splits.validation, 0.2), (splits.test, 0.2)):
        assert abs(len(part) - 160 * share) <= 2
        for label in range(3):
            images = sum(label in record.labels for record in whole)
            assert abs(sum(label in record.labels for record in part) - share * images) <= 3
    again = read_images(parse(CONFIG.format(data=data, epochs=1), "discs.yaml").data, 0)
    assert again == splits


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("model.output=softmax", "gives each image one class; data.multi_label wants sigmoid"),
        ("training.loss=categorical_crossentropy", "does not fit model.output sigmoid"),
        ("training.class_weight=balanced", "weighs an image by its one class"),
        ("training.metrics=[categorical_accuracy]", "CategoricalAccuracy does not fit the loss"),
        ("evaluation.abstain={precision: 0.9}", "is for one answer to an image"),
        ("evaluation.require=['top_k_accuracy > 0.9']", "is not measured where an image may have"),
        ("evaluation.thresholds={precision: 0.9, recall: 0.9}", "takes exactly one of"),
        ("data.multi_label=false", "stands between several|are those of classes by themselves"),
        ("data.loader=folder", "only loader csv and tfrecord knows it"),
    ],
)
def test_what_does_not_go_together_is_told(setting: str, message: str) -> None:
    """Before an image is read, with what to write instead."""
    with pytest.raises(ConfigError, match=message):
        parse(CONFIG.format(data="x.csv", epochs=1), "discs.yaml", [setting])


def test_one_label_and_several_are_not_compared(discs: TrainingResult, trained: Run) -> None:
    """A baseline of the other kind is refused by name."""
    other = Run(trained.path, dataclasses.replace(trained.card, classes=discs.run.card.classes))
    with pytest.raises(RunError, match=r"gives an image several classes, .* one"):
        refuse_other_classes(discs.run, other)


def test_several_labels_are_no_test_of_a_model_of_one(discs: TrainingResult, data: Path) -> None:
    """Images that may have several are refused, and one of them is named."""
    one = dataclasses.replace(discs.run.card, multi_label=False, thresholds=None)
    with pytest.raises(DataError, match=r"may have several labels, such as 000\.png"):
        choose(Run(discs.run.path, one), Images(data))


def test_one_label_is_a_set_of_one(discs: TrainingResult, tmp_path: Path) -> None:
    """A folder of class folders measures a model of several labels."""
    for number, (name, colour) in enumerate(COLOURS.items()):
        (tmp_path / name).mkdir()
        pixels = np.full((24, 24, 3), 120, np.uint8)
        pixels[4:12, 4:12] = colour
        Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    found = evaluate(discs.run, Wanted(Images(tmp_path)))
    np.testing.assert_array_equal(found.scores.positives, np.eye(3, dtype=bool))
