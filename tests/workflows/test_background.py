"""A run's folder and the images add to a report what they can, and never stop it."""

from __future__ import annotations

import dataclasses
import json
import logging
from pathlib import Path

import numpy as np
import pytest

from imgrec.data.records import Record
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Assessment
from imgrec.report.html import Remark
from imgrec.runs.folder import Run
from imgrec.runs.history import history_text, read_history, training_seconds
from imgrec.scores import Scores, one_hot
from imgrec.workflows.reports import report_context

HISTORY = {"loss": [0.5, 0.25], "val_loss": [1.0, float("nan")]}


PIXELS = np.zeros((300, 100, 3), np.uint8)
RECORDS = [Record(name, 0, PIXELS) for name in "abc"]


@pytest.fixture
def assessment() -> Assessment:
    """Three images of two classes, the first two mistaken."""
    probabilities = np.array([[0.1, 0.9], [0.9, 0.1], [0.9, 0.1]], np.float32)
    scores = Scores(("a", "b", "c"), one_hot(np.array([0, 1, 0]), 2), probabilities, ("x", "y"))
    return Assessment("r", "test", "photos", scores, evaluate_scores(scores))


def test_every_image_of_a_small_set_has_a_picture(
    trained: Run, assessment: Assessment, caplog: pytest.LogCaptureFixture
) -> None:
    """Of one that can't be read any more, a warning says so."""
    records = [RECORDS[0], Record("b", 1, Path("gone.png")), RECORDS[2]]
    with caplog.at_level(logging.WARNING, "imgrec"):
        context = report_context(trained, assessment, records)
    sizes = {name: (each.width, each.height) for name, each in context.pictures.items()}
    assert (sizes, context.sheet) == ({"a": (64, 192), "c": (64, 192)}, True)
    assert caplog.messages == ["no picture of b: no such file"]


def test_of_more_images_the_mistakes_have_pictures(trained: Run, assessment: Assessment) -> None:
    """The others are not read again."""
    scores = assessment.scores.at(np.array([0, 1, *[2] * 299]))
    names = tuple(f"{number}" for number in range(301))
    many = dataclasses.replace(scores, names=names, rows=np.arange(301))
    found = dataclasses.replace(assessment, scores=many, evaluation=evaluate_scores(many))
    tiny = np.zeros((4, 4, 3), np.uint8)
    records = [Record(name, 0, tiny if int(name) < 2 else Path("gone.png")) for name in names]
    context = report_context(trained, found, records)
    assert (set(context.pictures), context.sheet) == ({"0", "1"}, False)


def test_the_training_is_described_by_the_runs_files(trained: Run, assessment: Assessment) -> None:
    """Curves, best epoch, config and findings are those of the run."""
    context = report_context(trained, assessment, RECORDS)
    assert {len(values) for values in context.history.values()} == {2}
    assert context.best_epoch == trained.card.best["epoch"]
    assert context.data_check is not None
    assert context.data_check.remarks == ()
    assert context.data_check.looked_for.startswith("unreadable files, ")
    assert "near duplicates across splits" in context.data_check.looked_for
    assert context.data_check.gaps == ()
    assert context.config.startswith("name: tiny\n")


def test_findings_have_their_first_names(
    trained: Run, assessment: Assessment, tmp_path: Path
) -> None:
    """What the check found, with three examples."""
    cases = [{"names": ["a", "b"], "detail": ""}, {"names": ["c", "d"], "detail": ""}]
    finding = {"severity": "warning", "title": "t", "count": 4, "unit": "images", "cases": cases}
    (tmp_path / "check.json").write_text(json.dumps({"findings": [finding], "counts": {}}))
    context = report_context(Run(tmp_path, trained.card), assessment, RECORDS)
    assert context.data_check is not None
    assert context.data_check.remarks == (Remark("warning", "t", 4, "images", ("a", "b", "c")),)
    assert (context.history, context.config) == ({}, "")


@pytest.mark.parametrize("content", [b"", b"\xff", b"{}", b"epoch\n1\n1,2\n", b"loss\n", b"a\n,"])
def test_damaged_files_are_left_out_and_named(
    trained: Run,
    assessment: Assessment,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    content: bytes,
) -> None:
    """The report is written without them, and a warning says which."""
    for name in ("check.json", "history.csv"):
        (tmp_path / name).write_bytes(content)
    with caplog.at_level(logging.WARNING, "imgrec"):
        context = report_context(Run(tmp_path, trained.card), assessment, RECORDS)
    assert (context.history, context.data_check) == ({}, None)
    assert [message.split(": ")[1] for message in caplog.messages] == [
        f"{tmp_path}/history.csv can't be read",
        f"{tmp_path}/check.json can't be read",
    ]


def test_a_history_comes_back(tmp_path: Path) -> None:
    """Every number to the last digit, also NaN."""
    (tmp_path / "history.csv").write_text(history_text(HISTORY))
    np.testing.assert_equal(read_history(tmp_path / "history.csv"), HISTORY)


@pytest.mark.parametrize("seconds", ["nan", "inf", "-3", ""])
def test_a_training_time_that_can_t_be_is_unknown(tmp_path: Path, seconds: str) -> None:
    """Only a positive, finite sum of seconds is a training time."""
    path = tmp_path / "history.csv"
    path.write_text("epoch,seconds\n1,1.5\n2,2\n")
    assert training_seconds(tmp_path) == 3.5
    path.write_text(f"epoch,seconds\n1,1.5\n2,{seconds}\n")
    assert training_seconds(tmp_path) is None
