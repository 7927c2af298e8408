"""The gate: what config and command line require, against baselines, on images never seen."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from imgrec.config.evaluation import BaselineConfig, EvaluationConfig
from imgrec.config.load import parse
from imgrec.errors import DataError, RunError, UsageError
from imgrec.json_documents import json_text
from imgrec.progress import Silent
from imgrec.report.documents import evaluation_document
from imgrec.requirement import parse as required
from imgrec.runs.folder import Run
from imgrec.workflows.evaluation import EvaluationRequest, ImageChoice, compare_runs, evaluate
from imgrec.workflows.evaluation.evaluate import differing_settings
from imgrec.workflows.gate import Gate, joined_gates
from imgrec.workflows.prepare import read_images
from imgrec.workflows.run_config import run_config
from imgrec.workflows.training import train
from tests.conftest import write_colours

COLOURS = """
name: %s
data: {root: %s, image_size: [8, 8], split: {validation: 0.2, test: 0.2}}
preprocessing: {rescale: 1/255}
model: {layers: [GlobalAveragePooling2D]}
training: {epochs: %d, export: [], optimizer: {Adam: {learning_rate: 0.5}}}
evaluation: {require: ["accuracy >= 0.9"], slices: [size], top_k: 1}
"""


def colours(photos: Path, runs_dir: Path, name: str = "colours", epochs: int = 5) -> Run:
    """Return a run that distinguishes red photos from blue ones."""
    text = COLOURS % (name, json.dumps(str(photos)), epochs)
    return train(parse(text, "colours.yaml"), runs_dir=runs_dir).run


@pytest.fixture(scope="module")
def one_epoch(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The run of `colours` after one epoch, on images like `photos`; tests must not change it."""
    folder = tmp_path_factory.mktemp("colours")
    return colours(write_colours(folder / "photos"), folder / "runs", epochs=1)


def gate(*texts: str, **others: object) -> EvaluationRequest:
    """Return what requires `texts`."""
    return EvaluationRequest(gate=Gate(tuple(map(required, texts)), **others))  # type: ignore[arg-type]


def test_requirements_add_up_and_the_nearer_word_holds() -> None:
    """Both hold; of two bounds of one number from one side, the command line's."""
    section = EvaluationConfig(require=["accuracy >= 0.9", "ece <= 0.1"])
    asked = Gate(tuple(map(required, ("accuracy >= 0.8", "accuracy <= 0.99"))))
    found, _ = joined_gates(section, asked)
    assert list(map(str, found)) == ["accuracy >= 0.8", "ece <= 0.1", "accuracy <= 0.99"]


def test_the_baseline_of_config_and_command_line() -> None:
    """What the command line says goes before the config, key by key; drops of each metric too."""
    section = EvaluationConfig(
        baseline=BaselineConfig(run="old", max_drop={"brier": 0.1}, confidence=0.9)
    )
    _, found = joined_gates(section, Gate(max_drop={"accuracy": 0.2}))
    assert (found.baseline, found.confidence) == ("old", 0.9)
    assert found.max_drop == {"brier": 0.1, "accuracy": 0.2}
    _, found = joined_gates(section, Gate(baseline="new", confidence=0.8))
    assert (found.baseline, found.confidence) == ("new", 0.8)
    _, found = joined_gates(EvaluationConfig(), Gate(baseline="new"))
    assert (found.max_drop, found.confidence) == ({"accuracy": 0.0}, 0.95)
    with pytest.raises(UsageError, match="need a baseline"):
        joined_gates(EvaluationConfig(), Gate(max_drop={"accuracy": 0.1}))


def test_a_largest_drop_of_the_top_5_accuracy() -> None:
    """It is the metric with the k of the config; another k is refused."""
    drop = {"top_5_accuracy": 0.1}
    section = EvaluationConfig.model_validate({"baseline": {"run": "old", "max_drop": drop}})
    assert joined_gates(section, Gate())[1].max_drop == {"top_k_accuracy": 0.1}
    _, found = joined_gates(EvaluationConfig(), Gate(baseline="old", max_drop=drop))
    assert found.max_drop == {"top_k_accuracy": 0.1}
    with pytest.raises(UsageError, match=r"top_5_accuracy: evaluation\.top_k is 3"):
        joined_gates(EvaluationConfig(top_k=3), Gate(baseline="old", max_drop=drop))


def test_a_run_is_held_to_its_config(trained: Run, photos: Path, tmp_path: Path) -> None:
    """Its requirements, slices and top_k hold unasked; the training measured as it says too."""
    run = colours(photos, tmp_path / "runs")
    found = evaluate(run)
    assert [verdict.requirement for verdict in found.verdicts] == ["accuracy >= 0.9"]
    assert found.passed
    assert found.evaluation.top_k == 1
    assert [part.name for part in found.evaluation.slices] == ["size=small"]
    assert evaluate(trained).verdicts == ()
    written = json.loads((run.path / "metrics.json").read_text())
    document = json.loads(json_text(evaluation_document(found)))
    gate_alone = {"requirements", "passed", "comparison"}
    for key in document.keys() - gate_alone:
        assert written[key] == document[key]


def test_slices_that_the_images_do_not_have_stop_a_training(photos: Path, tmp_path: Path) -> None:
    """It is reported before the first epoch, not after the last."""
    text = COLOURS % ("colours", json.dumps(str(photos)), 5)
    experiment = parse(text, "colours.yaml", ["evaluation.slices=[camera]"])
    with pytest.raises(DataError, match="slice camera: no image has a value for it"):
        train(experiment, runs_dir=tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_met_and_not_met(trained: Run) -> None:
    """A gate that is not met raises nothing: the assessment has the verdicts."""
    assert evaluate(trained, gate("accuracy >= 0.5", "recall[3] >= 0.1")).passed
    found = evaluate(trained, gate("accuracy >= 0.5", "log_loss <= 0"))
    assert [verdict.met for verdict in found.verdicts] == [True, False]
    assert not found.passed


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("recall[eleven] >= 0.5", "no class eleven"),
        ("worst_slice.accuracy >= 0.5", "there are no slices"),
        ("slice[x].accuracy >= 0.5", "there are no slices"),
    ],
)
def test_names_are_checked_before_an_image_is_read(trained: Run, text: str, message: str) -> None:
    """Not even the folder is looked for."""
    wanted = EvaluationRequest(ImageChoice(Path("nowhere")), gate=Gate((required(text),)))
    with pytest.raises(UsageError, match=message):
        evaluate(trained, wanted)


def test_a_model_against_itself(trained: Run) -> None:
    """The same model is equal, which meets any drop allowed."""
    found = evaluate(trained, gate(baseline=str(trained.path)))
    assert found.comparison is not None
    assert found.comparison.differences["accuracy"].finding == "equal"
    assert [(each.requirement, each.met) for each in found.verdicts] == [
        (f"accuracy not worse than {trained.name}", True)
    ]


def test_a_better_and_a_worse_model(trained: Run, tmp_path: Path) -> None:
    """The reverse of a gate that is met beyond chance is not met."""
    text = (trained.path / "config.yaml").read_text()
    short = ["training.epochs=1", "training.steps_per_epoch=1", "training.export=[]"]
    few = parse(text, "poor.yaml", short)
    poor = train(few, runs_dir=tmp_path / "runs").run
    better = evaluate(trained, gate(baseline=str(poor.path)))
    assert better.passed
    reverse = evaluate(poor, gate(baseline=str(trained.path), max_drop={"accuracy": 0.05}))
    assert not reverse.passed
    assert "statistically significant" in reverse.verdicts[0].reason
    compared = compare_runs([trained, poor], EvaluationRequest())
    assert compared.comparisons[0].differences["accuracy"].finding == "worse"
    assert compared.settings["training.epochs"] == ("2", "1")
    assert not any("best epoch" in note for note in compared.assessments[0].evaluation.notes)


def test_images_that_chose_an_epoch_are_named(
    trained: Run, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A comparison on them favours the run that they are validation images of."""
    copy = Run(shutil.copytree(trained.path, tmp_path / "copy"), trained.card)
    text = (copy.path / "images.csv").read_text().replace('"validation"', '"other"')
    (copy.path / "images.csv").write_text(text)
    asked = EvaluationRequest(ImageChoice(split="validation"))
    compared = compare_runs([trained, copy], asked)
    images = compared.assessments[0].evaluation.images
    note = (
        f"{images} of {images} images chose the best epoch and the temperature of {trained.name}, "
        "so these numbers are not independent of it"
    )
    assert all(each.evaluation.notes[-1] == note for each in compared.assessments)
    assert caplog.messages.count(note) == 1


def test_a_baseline_of_other_classes_is_refused(trained: Run, one_epoch: Run) -> None:
    """Before anything is scored, with the classes that only one has."""
    with pytest.raises(RunError, match=r"know different classes: only .* has 0, 1, 2 and 7 more"):
        evaluate(trained, gate(baseline=str(one_epoch.path)))


def test_several_runs_are_one_model(one_epoch: Run, photos: Path, tmp_path: Path) -> None:
    """The mean of their probabilities, under both names; other classes are refused."""
    first = shutil.copytree(one_epoch.path, tmp_path / "runs" / one_epoch.name)
    runs = [Run(first, one_epoch.card), colours(photos, tmp_path / "runs", epochs=2)]
    found = evaluate(runs)
    singles = [evaluate(run).scores.probabilities for run in runs]
    assert found.run == "colours-1 + colours-2"
    assert found.scores.probabilities == pytest.approx((singles[0] + singles[1]) / 2, abs=1e-6)


def copied(names: Sequence[str], photos: Path, target: Path) -> Path:
    """Copy images as <class>/x-<n>.png, so that only their content is the same."""
    for number, name in enumerate(names):
        place = target / Path(name).parent.name / f"x-{number}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(photos / name, place)
    return target


def test_training_images_are_found_by_their_content(
    one_epoch: Run, photos: Path, tmp_path: Path
) -> None:
    """Whatever they are called now, they are named; allowed, they are counted."""
    from imgrec.runs.image_list import recorded_images

    recorded = recorded_images(one_epoch.path)
    mixed = copied([*list(recorded["train"])[:3], *recorded["test"]], photos, tmp_path / "mixed")
    with pytest.raises(DataError, match=r"colours-1 was trained on 3 of \d+ images, such"):
        evaluate(one_epoch, EvaluationRequest(ImageChoice(mixed)))
    allowed = evaluate(one_epoch, EvaluationRequest(ImageChoice(mixed), allow_leakage=True))
    assert allowed.leakage == 3
    assert allowed.evaluation.notes[-1].startswith("3 of the images were trained on")
    clean = copied(list(recorded["test"]), photos, tmp_path / "clean")
    assert evaluate(one_epoch, EvaluationRequest(ImageChoice(clean))).leakage == 0


def test_a_baseline_that_knows_the_images_is_refused(
    one_epoch: Run, photos: Path, tmp_path: Path
) -> None:
    """A baseline trained on the images it is held to on would seem better than it is."""
    text = COLOURS % ("other", json.dumps(str(photos)), 1)
    other = train(
        parse(text, "x.yaml", ["seed=7", "training.export=[]"]), runs_dir=tmp_path / "runs"
    ).run
    with pytest.raises(DataError, match="other-1 was trained on"):
        evaluate(one_epoch, gate(baseline=str(other.path)))


def test_folders_called_otherwise(one_epoch: Run, photos: Path, tmp_path: Path) -> None:
    """--map says which class a folder is; without it, it is unknown."""
    other = tmp_path / "other"
    shutil.copytree(photos, other)
    (other / "red").rename(other / "rouge")
    with pytest.raises(DataError, match="unknown class rouge") as caught:
        evaluate(one_epoch, EvaluationRequest(ImageChoice(other), allow_leakage=True))
    assert caught.value.hint == "rename or remove it"
    found = evaluate(
        one_epoch, EvaluationRequest(ImageChoice(other, names={"rouge": "red"}), allow_leakage=True)
    )
    assert found.evaluation.images == 40
    with pytest.raises(UsageError, match="no class green"):
        evaluate(one_epoch, EvaluationRequest(ImageChoice(other, names={"green": "red"})))
    message = re.escape(
        "class_map={'rouge': 'redd'}: colours-1 has no class redd; did you mean red?"
    )
    with pytest.raises(UsageError, match=message):
        evaluate(one_epoch, EvaluationRequest(ImageChoice(other, names={"rouge": "redd"})))
    with pytest.raises(UsageError, match="class_map renames the classes"):
        evaluate(one_epoch, EvaluationRequest(ImageChoice(names={"rouge": "red"})))


def test_a_folder_is_any_of_several_classes(trained: Run, tmp_path: Path) -> None:
    """--map with a list: any of them counts, its probability is their sum, and reports say so."""
    records = read_images(run_config(trained.path).data, trained.card.seed).test[:100]
    for number, record in enumerate(records):
        folder = tmp_path / "digits" / ("low" if record.label in range(5) else str(record.label))
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(record.source).squeeze()).save(folder / f"{number}.png")
    images = ImageChoice(tmp_path / "digits", names={"low": "0, 1, 2, 3, 4"})
    page = tmp_path / "page.html"
    wanted = replace(gate("recall[low] >= 0.9"), images=images, reports=[page])
    found = evaluate(trained, wanted)
    assert found.passed
    assert found.evaluation.classes == ("low", "5", "6", "7", "8", "9")
    note = "low is any of 0, 1, 2, 3, 4, with the sum of their probabilities"
    assert note in found.evaluation.notes
    assert note in page.read_text()
    assert evaluation_document(found).merged == {"low": ("0", "1", "2", "3", "4")}
    with pytest.raises(UsageError, match="there is no class 3"):
        evaluate(trained, replace(wanted, gate=Gate((required("recall[3] >= 0"),))))


def test_a_class_without_images_is_reported(
    one_epoch: Run, photos: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It is allowed, and what is required of it can't be met."""
    shutil.rmtree(photos / "red")
    wanted = EvaluationRequest(
        ImageChoice(photos), gate=Gate((required("recall[red] >= 0"),)), allow_leakage=True
    )
    found = evaluate(one_epoch, wanted, progress=Silent())
    assert "has no images of red" in caplog.text
    assert not found.passed


def test_settings_that_differ(trained: Run, one_epoch: Run) -> None:
    """Keys are named as --set names them; equal ones are left out."""
    found = differing_settings([trained, one_epoch])
    assert found["data.loader"] == ("digits", "-")
    assert found["model.layers[1]"] == ('"Flatten"', "-")
    assert "seed" not in found
    assert differing_settings([trained, trained]) == {}
