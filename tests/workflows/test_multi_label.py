"""Images with several labels, or none: from a CSV file to a run that measures and predicts."""

from __future__ import annotations

import csv
import dataclasses
import json
import shutil
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray
from PIL import Image

from imgrec.api import load
from imgrec.config.load import parse
from imgrec.data.records import Photo
from imgrec.errors import ConfigError, DataError, RunError, UsageError
from imgrec.evaluation.prediction import Prediction
from imgrec.models.importing import Adaptation
from imgrec.progress import Silent
from imgrec.requirement import parse as parse_requirement
from imgrec.runs.card_file import read_card
from imgrec.runs.folder import Run
from imgrec.runs.history import read_history
from imgrec.runtime.engine import EngineOptions, open_engine
from imgrec.runtime.exported import open_exported
from imgrec.workflows.evaluation import EvaluationRequest, ImageChoice, compare_runs, evaluate
from imgrec.workflows.evaluation.evaluation_data import choose_images
from imgrec.workflows.explanation import ExplainOptions, Method, open_explainer
from imgrec.workflows.export import export
from imgrec.workflows.gate import Gate, refuse_other_classes
from imgrec.workflows.import_model import import_model
from imgrec.workflows.import_usage import ImportSpec
from imgrec.workflows.prediction import Predictor, open_models
from imgrec.workflows.prepare import read_images
from imgrec.workflows.run_config import run_config
from imgrec.workflows.training import TrainingResult, plan_training, train
from tests.conftest import PROJECT
from tests.discs import COLOURS, pasted_discs

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
training:
  epochs: {epochs}
  optimizer: {{Adam: {{learning_rate: 2e-2}}}}
  metrics: [accuracy, {{AUC: {{multi_label: true}}}}]
evaluation: {{thresholds: f1}}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The CSV file of 160 pictures with discs of up to three colours."""
    return pasted_discs(tmp_path_factory.mktemp("discs"), 160)


@pytest.fixture(scope="module")
def discs(data: Path, tmp_path_factory: pytest.TempPathFactory) -> TrainingResult:
    """A complete run that has learned the colours; tests must not change it."""
    import keras

    keras.metrics.AUC()  # Keras would call the next one in this process auc_1
    experiment = parse(CONFIG.format(data=data, epochs=12), "discs.yaml")
    return train(experiment, runs_dir=tmp_path_factory.mktemp("runs"))


def test_the_colours_are_learned(discs: TrainingResult) -> None:
    """Each is said where it is, and only there; pictures without a disc have no label."""
    metrics = discs.evaluation.metrics
    assert metrics["macro_f1"].value > 0.9
    assert metrics["hamming_loss"].value < 0.1
    assert "top_k_accuracy" not in metrics
    history = read_history(discs.run.path / "history.csv")
    assert history["val_auc"][-1] > 0.9
    assert history["val_accuracy"][-1] > 0.9
    assert discs.evaluation.classes == tuple(COLOURS)


def test_images_are_counted_once_whatever_labels_they_have(discs: TrainingResult) -> None:
    """By the check and by a dry run: some have several labels, some none."""
    document = json.loads((discs.run.path / "check.json").read_text("utf-8"))
    planned = plan_training(run_config(discs.run.path))
    labels = sum(sum(classes.values()) for classes in planned.counts.values())
    assert labels != 160
    assert document["images"]["all"] == sum(planned.images.values()) == 160
    images = {split: each["images"] for split, each in document["splits"].items()}
    assert images == dict(planned.images)


def test_the_card_says_what_answers_mean(discs: TrainingResult) -> None:
    """Whether there may be several labels, from which probability on, and how it was chosen."""
    card = read_card(discs.run.path)
    assert (card.multi_label, card.units, card.output) == (True, 3, "sigmoid")
    assert card.thresholds is not None
    assert (card.thresholds.target, card.thresholds.split) == ("f1", "validation")
    assert card.class_thresholds == tuple(card.thresholds.values[name] for name in card.classes)
    assert card.calibration is not None
    assert card.calibration.loss_after <= card.calibration.loss_before
    assert card.data["test"].images > 0


@pytest.mark.parametrize("engine", ["litert", "keras"])
def test_every_engine_gives_the_number_that_training_gave(
    discs: TrainingResult, engine: str
) -> None:
    """The final evaluation, `evaluate` with LiteRT and with Keras are one."""
    found = evaluate(discs.run, engine_options=EngineOptions(engine))  # type: ignore[arg-type]
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
        ("model.output=softmax", "gives each image one class; data.multi_label needs sigmoid"),
        ("training.loss=categorical_crossentropy", "does not fit model.output sigmoid"),
        ("training.class_weight=balanced", "needs one class per image"),
        ("training.metrics=[categorical_accuracy]", "CategoricalAccuracy does not fit the loss"),
        ("evaluation.selective_prediction={precision: 0.9}", "only applies to one label per image"),
        (
            "evaluation.require=['top_k_accuracy > 0.9']",
            "does not apply to images with several labels",
        ),
        ("evaluation.thresholds={precision: 0.9, recall: 0.9}", "set exactly one of"),
        ("data.multi_label=false", "only apply to several labels per image: set data.multi_label"),
        ("data.loader=folder", "is for loader csv or tfrecord, not for folder"),
    ],
)
def test_what_does_not_go_together_is_refused(setting: str, message: str) -> None:
    """Before an image is read, with what to write instead."""
    with pytest.raises(ConfigError, match=message):
        parse(CONFIG.format(data="x.csv", epochs=1), "discs.yaml", [setting])


def test_one_label_and_several_are_not_compared(discs: TrainingResult, trained: Run) -> None:
    """A baseline of the other kind is refused by name."""
    other = Run(trained.path, structs.replace(trained.card, classes=discs.run.card.classes))
    with pytest.raises(RunError, match=r"gives an image several classes, .* one"):
        refuse_other_classes(discs.run, other)


def test_several_labels_can_not_test_a_model_of_one(discs: TrainingResult, data: Path) -> None:
    """Images that may have several are refused, and one of them is named."""
    one = structs.replace(discs.run.card, multi_label=False, thresholds=None)
    with pytest.raises(DataError, match=r"may have several labels, such as 000\.png"):
        choose_images(Run(discs.run.path, one), ImageChoice(data))


def test_one_label_is_a_set_of_one(discs: TrainingResult, tmp_path: Path) -> None:
    """A folder of class folders measures a model of several labels."""
    for number, (name, colour) in enumerate(COLOURS.items()):
        (tmp_path / name).mkdir()
        pixels = np.full((24, 24, 3), 120, np.uint8)
        pixels[4:12, 4:12] = colour
        Image.fromarray(pixels).save(tmp_path / name / f"{number}.png")
    found = evaluate(discs.run, EvaluationRequest(ImageChoice(tmp_path)))
    np.testing.assert_array_equal(found.scores.positives, np.eye(3, dtype=bool))


def test_every_format_answers_as_the_model_does(discs: TrainingResult, tmp_path: Path) -> None:
    """Its parity counts flips beyond the thresholds, and what is in it says so."""
    model = open_engine(discs.run, EngineOptions(engine="keras"))
    images = np.random.default_rng(0).integers(0, 256, (5, 24, 24, 3), np.uint8)
    expected = model.answers(images).probabilities
    for form, suffix in (("onnx", ".onnx"), ("saved_model", ""), ("keras", ".keras")):
        exported = export(discs.run, form=form, output=tmp_path / f"out{suffix}")
        assert exported.parity.agreement == 1
        engine = open_exported(exported.path, form, model.classes, model.spec, model.decision)
        np.testing.assert_allclose(engine.answers(images).probabilities, expected, atol=1e-4)
    described = json.loads((tmp_path / "out/assets.extra/imgrec.json").read_bytes())
    assert described["columns"] == list(COLOURS)
    assert tuple(described["thresholds"].values()) == discs.run.card.class_thresholds


@pytest.mark.parametrize("precision", ["float16", "int8"])
def test_smaller_files_are_certified(discs: TrainingResult, tmp_path: Path, precision: str) -> None:
    """LiteRT's half and quarter of the size answer within their limits."""
    found = export(discs.run, precision=precision, output=tmp_path / "small.tflite").parity
    assert found.agreement >= 0.98


def test_all_labels_of_a_photo_are_predicted(discs: TrainingResult) -> None:
    """Those that reach their thresholds, or one that is asked for; also of a mirrored picture."""
    both, none = _picture("red", "blue"), _picture()
    model = load(discs.run.path)
    assert model.multi_label
    found = model.predict([both, none], top=1)
    assert [set(each.labels) for each in found] == [{"red", "blue"}, set()]
    assert [len(each.top) for each in found] == [2, 1]
    assert "red" in repr(found)
    assert "(none) (" in repr(found)
    assert {each.labels for each in model.predict([both, none], threshold=1.0)} == {()}
    assert all(len(each.labels) == 3 for each in model.predict([both, none], threshold=0.0))
    flipped = model.predict(np.stack([both, both[:, ::-1]]), tta="flip")
    assert flipped[0].top == flipped[1].top


@pytest.mark.parametrize("method", ["gradcam", "occlusion"])
def test_each_label_of_a_photo_is_explained(discs: TrainingResult, method: Method) -> None:
    """All are named as `predict` names them, and each has its place; a picture may have none."""
    explainer = open_explainer(discs.run, ExplainOptions(method=method))
    pixels = _picture("blue", "red")
    found = explainer.explain(Photo("both", pixels))
    (predicted,) = load(discs.run.path).predict(pixels)
    assert tuple(each.class_name for each in found.named) == predicted.labels
    assert {each.class_name for each in found.found} == {"blue", "red"}
    nothing = explainer.explain(Photo("none", _picture()))
    assert (nothing.known, len(nothing.named)) == (False, 1)


def test_several_models_are_one(discs: TrainingResult) -> None:
    """Two of them answer, and their mean; they agree where their labels are the same."""
    twin = shutil.copytree(discs.run.path, discs.run.path.parent / "twin-1")
    runs = [discs.run, Run(twin, read_card(twin))]
    (found,) = predict_all(open_models(runs).with_options(top=3), _picture("green", "red"))
    assert set(found.labels) == {"green", "red"}
    assert (found.agree, len(found.answers)) == (True, 2)
    assert found.answers[0].labels == found.labels
    one, mean = evaluate(runs[0]).evaluation, evaluate(runs).evaluation
    np.testing.assert_array_equal(one.confusion, mean.confusion)
    compared = compare_runs(runs, EvaluationRequest())
    assert compared.comparisons[0].differences["hamming_loss"].finding == "equal"


def test_reports_of_every_form(discs: TrainingResult, tmp_path: Path) -> None:
    """The JSON holds to its schema; all labels stand in the CSV; the page has no empty plot."""
    places = [tmp_path / f"report{suffix}" for suffix in (".json", ".csv", ".md", ".xml", ".html")]
    gate = Gate((parse_requirement("micro_f1 >= 0.5"), parse_requirement("recall[red] > 0.1")))
    found = evaluate(discs.run, EvaluationRequest(gate=gate, reports=places))
    assert found.passed
    document = json.loads(places[0].read_bytes())
    jsonschema.validate(
        document, json.loads((PROJECT / "docs/evaluation.schema.json").read_bytes())
    )
    assert (document["multi_label"], document["confusion"], document["coverage_curve"]) == (
        True,
        None,
        None,
    )
    counts = document["per_class"][0]
    names = ("true_positives", "false_positives", "false_negatives", "true_negatives")
    assert sum(counts[name] for name in names) == document["images"]["used"]
    with places[1].open(encoding="utf-8", newline="") as text:
        rows = {row["image"]: row for row in csv.DictReader(text)}
    for row, name in enumerate(found.scores.names):
        assert rows[name]["truth"] == found.scores.named(found.scores.positives[row])
        assert rows[name]["prediction"] == found.scores.named(found.scores.answers[row])
    assert "(none)" in {row["truth"] for row in rows.values()}
    assert "| Missed | False positives | Threshold |" in places[2].read_text(encoding="utf-8")
    page = places[4].read_text(encoding="utf-8")
    assert "False positives" in page
    assert "Confusion of each class" in page
    assert "an image is given no class if none reaches its threshold" in page
    assert (discs.run.path / "confusion.png").is_file()


def test_metrics_of_one_label_are_refused(discs: TrainingResult) -> None:
    """Before an image is read, by the command line too."""
    for text in ("top_k_accuracy > 0.5", "balanced_accuracy > 0.5"):
        with pytest.raises(UsageError, match="does not apply to images with several labels"):
            evaluate(discs.run, EvaluationRequest(gate=Gate((parse_requirement(text),))))


@pytest.mark.parametrize("file", ["best.keras", "model.tflite"])
def test_a_model_of_several_labels_is_imported(
    discs: TrainingResult, tmp_path: Path, file: str, data: Path
) -> None:
    """Its file says so, and its thresholds; it answers as the run does, on a CSV file too."""
    run = import_model(ImportSpec(discs.run.path / file), runs_dir=tmp_path / "runs")
    assert run.card.multi_label
    assert run.card.class_thresholds == discs.run.card.class_thresholds
    picture = _picture("blue")[np.newaxis]
    np.testing.assert_allclose(
        open_engine(run).answers(picture).probabilities,
        open_engine(discs.run).answers(picture).probabilities,
        atol=1e-5,
    )
    found = evaluate(run, EvaluationRequest(ImageChoice(data)))
    assert found.evaluation.images == 160


def test_a_strangers_model_of_several_labels_needs_its_flag(
    discs: TrainingResult, tmp_path: Path
) -> None:
    """Without it, it is refused and the flag named; the thresholds are 0.5."""
    names = tmp_path / "names.txt"
    names.write_text("\n".join(COLOURS))
    file = shutil.copy(discs.run.path / "best.keras", tmp_path / "a.keras")
    wanted = ImportSpec(Path(file), str(names))
    with pytest.raises(RunError, match="probabilities of the classes are independent") as caught:
        import_model(wanted, runs_dir=tmp_path / "runs")
    assert "--multi-label" in caught.value.hint
    several = dataclasses.replace(wanted, adaptation=Adaptation(multi_label=True))
    run = import_model(several, runs_dir=tmp_path / "runs")
    assert (run.card.multi_label, run.card.class_thresholds) == (True, (0.5, 0.5, 0.5))
    found = open_engine(run).answers(_picture("blue")[np.newaxis]).probabilities
    assert ((found >= 0) & (found <= 1)).all()


def predict_all(predictor: Predictor, *pictures: NDArray[np.uint8]) -> list[Prediction]:
    """Return what is in some pictures."""
    photos = [Photo(str(number), picture) for number, picture in enumerate(pictures)]
    batches = predictor.predictions(photos, total=len(photos), progress=Silent())
    return [each for batch in batches for each in batch]


def _picture(*names: str) -> NDArray[np.uint8]:
    pixels = np.full((24, 24, 3), 120, np.uint8)
    for place, name in enumerate(names):
        pixels[12 * place + 1 : 12 * place + 10, 2:11] = COLOURS[name]
    return pixels
