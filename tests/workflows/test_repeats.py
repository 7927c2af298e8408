"""An experiment that is trained on several folds, or with several seeds."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path

import pytest

from imgrec.config.load import dump, parse
from imgrec.config.variants import variant
from imgrec.data.finding_kinds import FindingKind
from imgrec.data.findings import Occurrence, finding, log_findings
from imgrec.errors import DataError, RunError, UsageError
from imgrec.runs.folder import CONFIG_FILE, Run, find
from imgrec.runs.index import read_summaries
from imgrec.runs.looks import LOOKS_FILE
from imgrec.runs.repeats import find_members
from imgrec.runs.repeats_file import PooledMetric, Repeats, read_repeats, write_repeats
from imgrec.runs.summary import MetricSummary, summarize
from imgrec.runs.trash import deletable, delete
from imgrec.training.observers import EpochEnd
from imgrec.training.recorders import EpochLog
from imgrec.workflows.evaluation import EvaluationRequest, evaluate
from imgrec.workflows.prepare import fitting_splits
from imgrec.workflows.run_config import run_config
from imgrec.workflows.training import begin_repeats, said_once, seed_experiments, train_repeats
from tests.conftest import TINY


def test_seeds_have_the_same_images() -> None:
    """The seed of the split stays that of the experiment, the seed of the training changes."""
    experiment = parse(TINY, "tiny.yaml")
    found = seed_experiments(experiment, 3, first=1)
    assert list(found) == ["seed-1", "seed-2", "seed-3"]
    assert [each.seed for each in found.values()] == [1, 2, 3]
    parts = [fitting_splits(each).test for each in (experiment, *found.values())]
    assert parts[0] == parts[1] == parts[3]


def test_what_can_not_be_repeated_leaves_no_folder(tmp_path: Path) -> None:
    """An exact head does not depend on seeds; a class needs an image for each fold."""
    head = (
        "name: head\ndata: {loader: digits, image_size: [32, 32]}\n"
        "model: {backbone: {name: MobileNet}, layers: [GlobalAveragePooling2D], head: logistic}\n"
    )
    with pytest.raises(UsageError, match="makes no difference to an exact head"):
        begin_repeats(parse(head, "head.yaml"), "seeds", 3, runs_dir=tmp_path)
    few = TINY.replace("loader: digits", "loader: digits, group: '0000'")
    with pytest.raises(DataError, match="group"):
        begin_repeats(parse(few, "few.yaml"), "folds", 3, runs_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_members_are_used_as_one_model(trained: Run, tmp_path: Path) -> None:
    """A folder of runs stands for their mean; looking at test images is counted and reported."""
    folder = tmp_path / "tiny-seeds-1"
    for name in ("seed-0", "seed-1"):
        shutil.copytree(trained.path, folder / name)
    write_repeats(folder, Repeats(1, "seeds", ("seed-0", "seed-1")))
    members = find_members("tiny-seeds-1", tmp_path)
    assert [each.name for each in members] == ["seed-0", "seed-1"]
    assert find_members(str(trained.path), tmp_path)[0].path == trained.path
    wanted = EvaluationRequest(runs_dir=tmp_path)
    alone, together = evaluate(trained, wanted), evaluate(members, wanted)
    assert together.evaluation.metrics["accuracy"] == alone.evaluation.metrics["accuracy"]
    assert (alone.test_looks, together.test_looks) == (1, 2)
    # The training looked at the same images.
    first = json.loads((trained.path.parent / LOOKS_FILE).read_text("utf-8").splitlines()[0])
    assert first["fingerprint"] in (tmp_path / LOOKS_FILE).read_text("utf-8")
    write_repeats(folder, Repeats(1, "seeds", ("seed-0", "seed-1", "seed-2")))
    with pytest.raises(RunError, match="is not complete: seed-2") as caught:
        find_members("tiny-seeds-1", tmp_path)
    assert f"imgrec train --resume {folder}" in (caught.value.hint or "")
    write_repeats(folder, Repeats(1, "seeds", ("../elsewhere",)))
    with pytest.raises(RunError, match="names runs outside of it"):
        find_members("tiny-seeds-1", tmp_path)


def test_repeats_are_listed_as_one(trained: Run, tmp_path: Path) -> None:
    """With their mean and what they cost together; a single run is looked for among them."""
    folder = tmp_path / "tiny-seeds-1"
    for name in ("seed-0", "seed-1"):
        shutil.copytree(trained.path, folder / name)
    shutil.copy(trained.path / CONFIG_FILE, folder)
    write_repeats(folder, Repeats(1, "seeds", ("seed-0", "seed-1")))
    (unfinished,) = read_summaries(tmp_path)
    accuracy = PooledMetric(0.9, 0.85, 0.95, 0.01, (0.89, 0.91))
    metrics = {"accuracy": accuracy}
    write_repeats(folder, Repeats(1, "seeds", ("seed-0", "seed-1"), 360, "test", metrics))
    (listed,) = read_summaries(tmp_path)
    assert (unfinished.complete, listed.complete) == (False, True)
    assert (listed.name, listed.experiment, listed.kind) == ("tiny-seeds-1", "tiny", "seeds")
    assert listed.metrics["accuracy"] == MetricSummary(0.9, 0.85, 0.95)
    alone = summarize(trained.path)
    assert (alone.weights, listed.weights) == (alone.weights, 2 * (alone.weights or 0))
    assert [each.name for each in read_summaries(folder)] == ["seed-0", "seed-1"]
    with pytest.raises(RunError, match="is a folder of runs, and a single run is needed") as caught:
        find("tiny-seeds-1", tmp_path)
    assert str(folder / "seed-0") in caught.value.hint
    assert delete(deletable("tiny-seeds-1", tmp_path)).place.is_dir()
    assert not read_summaries(tmp_path)


def test_runs_that_the_config_does_not_describe_are_not_trained(tmp_path: Path) -> None:
    """Such as the finalists of a sweep, whose seeds begin after that of the config."""
    folder = begin_repeats(parse(TINY, "tiny.yaml"), "seeds", 2, runs_dir=tmp_path)
    write_repeats(folder, Repeats(1, "seeds", ("seed-1", "seed-2")))
    with pytest.raises(RunError, match="has other runs than its config says"):
        train_repeats(folder)


def test_what_is_said_of_a_training_is_said_again(caplog: pytest.LogCaptureFixture) -> None:
    """Two may stop after the same epoch; what is said of their images is said once."""
    caplog.set_level(logging.INFO, "imgrec")
    logs = {"loss": 0.5, "seconds": 1.0, "images_per_second": 9.0}
    ended = EpochEnd(5, 9, logs, {}, improved=False, best=None, stopped=True)
    with said_once():
        for _ in range(2):
            log_findings(finding(FindingKind.HIDDEN, [Occurrence((".hidden",))]))
            EpochLog().epoch(ended)
    _, _, stopped = found = dict.fromkeys(caplog.messages)
    assert [caplog.messages.count(each) for each in found] == [1, 2, 2]
    assert stopped.startswith("stopped early after epoch 5")


def test_the_mean_of_folds_is_not_evaluated_on_a_fold(trained: Run, tmp_path: Path) -> None:
    """All runs but one were trained on it; other images are needed."""
    for number in (1, 2):
        run = tmp_path / f"fold-{number}"
        shutil.copytree(trained.path, run)
        fold = {"data.fold": {"number": number, "of": 2}}
        (run / CONFIG_FILE).write_text(dump(variant(run_config(run), fold)))
    runs = [find(f"fold-{number}", tmp_path) for number in (1, 2)]
    with pytest.raises(UsageError, match="fold-1 is tested on images that fold-2 was trained on"):
        evaluate(runs)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["folds", "seeds"])
def test_an_experiment_is_trained_several_times(
    kind: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Each image is held out once, or each seed is tested; no run is trained twice."""
    caplog.set_level(logging.INFO, "imgrec")
    experiment = parse(TINY, "tiny.yaml")
    folder = begin_repeats(
        experiment, "folds" if kind == "folds" else "seeds", 3, runs_dir=tmp_path
    )
    trained = train_repeats(folder, device="cpu").repeats
    assert sum(each.startswith("images: ") for each in caplog.messages) == 1
    assert caplog.messages.count("precision: float32") == 3
    cards = [(folder / name / "card.json").read_bytes() for name in trained.members]
    splits = fitting_splits(experiment)
    held_out = len(splits.train) + len(splits.validation)
    assert trained.images == (held_out if kind == "folds" else len(splits.test))
    accuracy = trained.metrics["accuracy"]
    assert accuracy.low is not None
    assert accuracy.high is not None
    assert accuracy.low < accuracy.value < accuracy.high
    assert accuracy.value == pytest.approx(sum(accuracy.runs) / 3)
    assert accuracy.value > 0.8
    again = train_repeats(folder, device="cpu").repeats
    assert again == trained == read_repeats(folder)
    assert trained.test_looks == (1 if kind == "seeds" else None)
    looks = tmp_path / LOOKS_FILE
    assert looks.exists() == (kind == "seeds")
    assert not looks.exists() or looks.read_text("utf-8").count("\n") == 1
    assert cards == [(folder / name / "card.json").read_bytes() for name in trained.members]
