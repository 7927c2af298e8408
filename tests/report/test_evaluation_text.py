"""An evaluation on the terminal says it all, in the width there is."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console
from syrupy.assertion import SnapshotAssertion

from imgrec.corruption import Corruption
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Evaluation, MetricValue, SliceResult
from imgrec.evaluation.slices import ImageSlice
from imgrec.report.terminal.evaluation import evaluation_text
from imgrec.scores import Scores, Skipped, one_hot
from imgrec.text import shorten_names

Make = Callable[..., Evaluation]


def printed(evaluation: Evaluation, width: int = 80) -> str:
    """Return what a terminal of `width` columns without colours gets."""
    console = Console(file=io.StringIO(), width=width, legacy_windows=False)
    with console.capture() as capture:
        console.print(evaluation_text(evaluation))
    return "\n".join(line.rstrip() for line in capture.get().splitlines())


def test_two_classes_are_shown_whole(evaluation: Make, snapshot: SnapshotAssertion) -> None:
    """The whole text of a small evaluation."""
    found = evaluation(["cat", "dog"], [Skipped("bad.png", "is not an image")])
    assert printed(found) == snapshot


def test_slices_are_shown_with_the_worst(snapshot: SnapshotAssertion) -> None:
    """Each slice has its line; the least accurate that is large enough is called the worst."""
    rows = np.array([[1, 0]] * 70, np.float32)
    scores = Scores(
        tuple(map(str, range(70))), one_hot(np.arange(70) % 10 // 9, 2), rows, ("cat", "dog")
    )
    night = np.arange(70) % 2 == 1
    slices = [
        ImageSlice("light=day", scores.where(~night)),
        ImageSlice("light=\x1bnight", scores.where(night)),
    ]
    text = printed(evaluate_scores(scores, slices=slices))
    assert text[text.index("\n\n") :] == snapshot


def test_corrupted_images_are_compared_with_the_unchanged_ones(snapshot: SnapshotAssertion) -> None:
    """Each corruption has its accuracy, and how much it differs, with intervals."""
    right = np.tile(np.eye(2, dtype=np.float32), (20, 1))
    scores = Scores(tuple(map(str, range(40))), right > 0, right, ("cat", "dog"))
    wrong = np.concatenate([right[1:11], right[10:]])
    tilted = dataclasses.replace(scores, probabilities=wrong)
    corrupted = ImageSlice("rotate=15", tilted, Corruption("rotate", 15))
    text = printed(evaluate_scores(scores, slices=[corrupted]))
    assert text[text.index("\nRobustness") : text.index("\nClasses")] == snapshot


def test_no_number_of_a_corruption_is_cut() -> None:
    """80 columns have room for the longest difference, and for the longest word of one."""
    right = np.tile(np.eye(2, dtype=np.float32), (200, 1))
    scores = Scores(tuple(map(str, range(400))), right > 0, right, ("cat", "dog"))
    one_wrong = np.concatenate([right[1:2], right[1:]])
    parts = [
        ImageSlice(str(each), dataclasses.replace(scores, probabilities=rows), each)
        for each, rows in (
            (Corruption("rotate", 15), right),
            (Corruption("brightness", 0.5), one_wrong),
            (Corruption("jpeg", 10), np.concatenate([right[1:], right[:1]])),
        )
    ]
    text = printed(evaluate_scores(scores, slices=parts))
    lines = text[text.index("\nRobustness") : text.index("\nClasses")].splitlines()
    assert lines[-3:] == [
        "rotate=15        100.0 %   99.1 to 100.0    +0.0     -0.9 to +0.9  same results",
        "brightness=0.5    99.8 %  98.6 to > 99.9    -0.2     -1.4 to +1.3  inconclusive",
        "jpeg=10            0.0 %      0.0 to 0.9  -100.0  -100.0 to -98.7  worse",
    ]


def test_of_many_slices_the_worst_are_shown(evaluation: Make) -> None:
    """Ten of 25 are listed, the least accurate first, and a line says so."""
    result = evaluation(2)
    slices = tuple(
        SliceResult(f"camera={i}", 40, {**result.metrics, "accuracy": MetricValue(i / 25)})
        for i in range(25)
    )
    text = printed(dataclasses.replace(result, slices=slices))
    assert "The worst 10 of 25 slices, by accuracy" in text
    assert "camera=9 " in text
    assert "camera=10 " not in text


def test_what_could_not_be_computed_is_said() -> None:
    """Notes stand below the numbers they are about."""
    scores = Scores(
        ("1",), np.array([[True, False]]), np.array([[1, 0]], np.float32), ("cat", "dog")
    )
    text = printed(evaluate_scores(scores))
    assert "\n\nno ROC-AUC and average precision: all images are of one class\n" in text
    lines = [line.split() for line in text.splitlines()]
    assert ["cat", "100.0", "%", "100.0", "%", "100.0", "%", "1"] in lines
    assert ["dog", "–", "–", "–", "0"] in lines
    assert "recall and F1 can't be measured without images of the class: dog\n" in text


def test_columns_are_numbered_where_names_do_not_fit(evaluation: Make) -> None:
    """Ten classes fit 80 columns by their number, which stands before the row's name."""
    text = printed(evaluation(10))
    assert "10 class 9" in text
    assert "Confusion matrix" in text
    assert "class 9  class" not in text


@pytest.mark.parametrize(("classes", "width"), [(21, 200), (10, 40)])
def test_what_does_not_fit_is_said(evaluation: Make, classes: int, width: int) -> None:
    """Too many classes or too few columns give the most confused pairs, and say so."""
    text = printed(evaluation(classes), width)
    assert "The most confused classes (the confusion" in text
    assert "predicted" in text


def test_many_classes_show_the_worst(evaluation: Make) -> None:
    """Of 100 classes the ten with the lowest F1 are listed."""
    text = printed(evaluation(100))
    assert "The worst 10 of 100 classes, by F1" in text
    assert len(text.splitlines()) < 40


def test_a_perfect_model_of_many_classes_has_no_pairs(evaluation: Make) -> None:
    """Without a wrong answer a line says so."""
    found = evaluation(25)
    found.confusion[:] = 0
    assert "No image was misclassified" in printed(found)


def test_only_the_first_images_not_used_are_listed(evaluation: Make) -> None:
    """A long list is cut, and the rest is counted."""
    skipped = [Skipped(f"{i}.png", "is not an image") for i in range(25)]
    text = printed(evaluation(2, skipped))
    assert "  9.png: is not an image\n  and 15 more\n" in text
    assert "25 not used" in text


@pytest.mark.parametrize("width", [40, 80, 200])
def test_hostile_names_fit_any_terminal(
    evaluation: Make, hostile: tuple[str, ...], width: int
) -> None:
    """Names steer nothing, mean nothing as markup, and no line is wider than the terminal."""
    text = printed(evaluation(hostile, [Skipped(n, n) for n in hostile[:9]]), width)
    assert "\x1b" not in text
    text.encode("utf-8")
    assert max(cell_len(line) for line in text.splitlines()) <= width
    if width == 200:
        assert all(name in text for name in shorten_names(hostile, 24))
