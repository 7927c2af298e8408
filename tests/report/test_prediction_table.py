"""The table of predictions shows every photo, whatever its name."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from imgrec.evaluation.prediction import Answer, ModelInfo, Prediction, Ranked
from imgrec.report.terminal.predictions import Disagreement, prediction_rows, prediction_table
from imgrec.scores import Decision
from imgrec.text import printable

ONE = (ModelInfo("m", ("cat", "dog")),)


def printed(
    predictions: tuple[Prediction, ...],
    width: int = 80,
    members: tuple[ModelInfo, ...] = ONE,
    disagreement: Disagreement | None = None,
) -> str:
    """Return the table as a terminal of `width` columns without colours gets it."""
    console = Console(file=io.StringIO(), width=width, legacy_windows=False)
    with console.capture() as capture:
        table = prediction_table(predictions, members=members, disagreement=disagreement)
        console.print(table)
    return capture.get()


def test_each_photo_has_its_classes_and_bars() -> None:
    """Photo once, a line for each class, a longer bar for the more probable one."""
    ranked = (Ranked("cat", 0.8), Ranked("dog", 0.2))
    lines = printed((Prediction("a.jpg", ranked),)).splitlines()
    cat, dog = (next(line for line in lines if name in line) for name in ("cat", "dog"))
    assert "a.jpg" in cat
    assert "a.jpg" not in dog
    assert "80.0 %" in cat
    assert cat.count("━") == 8
    assert dog.count("━") == 2


def test_a_photo_that_failed_says_why() -> None:
    """The reason stands below the table, in full, and not among the classes."""
    reason = "is no image in any of these formats: " + ", ".join(["JPEG"] * 20)
    text = printed((Prediction("bad.jpg", (), reason),))
    assert "bad.jpg   can't be used" in text
    assert f"bad.jpg: {reason}" in " ".join(text.split())


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_hostile_names_fit_any_terminal(hostile: tuple[str, ...], width: int) -> None:
    """Names steer nothing, mean nothing as markup, and no line is wider than the terminal."""
    text = printed(tuple(Prediction(n, (Ranked(n, 0.5),), n) for n in hostile), width)
    assert "\x1b" not in text
    text.encode("utf-8")
    assert max(len(line) for line in text.splitlines()) <= width
    if width == 200:
        assert all(printable(name) in text for name in hostile)


def test_a_long_name_loses_its_middle() -> None:
    """The name gets what is left of one line per class; its begin and its end stay readable."""
    path = f"../../photos/{'x' * 80}/banana.jpg"
    found = (
        Prediction(path, (Ranked("dog", 0.9), Ranked("bell peppers", 0.1))),
        Prediction("bad.png", (), "no image in one of these formats: JPEG, PNG, GIF, BMP, TIFF"),
    )
    assert [line.rstrip() for line in printed(found, 70).splitlines() if line.strip()] == [
        " photo                       class           probability",
        f" {'─' * 68}",
        " ../../photos…x/banana.jpg   dog                  90.0 %   ━━━━━━━━━",
        "                             bell peppers         10.0 %   ━",
        " bad.png                     can't be used",
        "bad.png: no image in one of these formats: JPEG, PNG, GIF, BMP, TIFF",
    ]


def test_below_the_threshold_it_is_unknown() -> None:
    """The word stands above the classes that come nearest."""
    text = printed((Prediction("a.jpg", (Ranked("cat", 0.6),), known=False),))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert lines[3:5] == ["a.jpg unknown", "cat 60.0 % ━━━━━━"]


def test_a_probable_class_is_unknown_for_a_reason() -> None:
    """The OOD similarity is too low, which the probability does not show."""
    decision = Decision(min_probability=0.7, min_ood_similarity=0.5)
    one = (ModelInfo("m", ("cat", "dog"), decision),)
    for probability, note in ((0.9, "unknown: unlike the training images"), (0.6, "unknown")):
        found = (Prediction("a.jpg", (Ranked("cat", probability),), known=False),)
        _, rows = prediction_rows(found, members=one)
        assert rows[0] == ["a.jpg", note, ""]


def test_several_models_answer_each() -> None:
    """The mean first, then each model; the photos on which they disagree are named below."""
    cat, dog = (Ranked("cat", 0.75),), (Ranked("dog", 0.5),)
    found = (
        Prediction(
            "a.jpg", cat, answers=(Answer("m", cat), Answer("n", dog, known=False)), agree=False
        ),
        Prediction("b.jpg", cat, answers=(Answer("m", cat), Answer("n", cat)), agree=True),
        Prediction("bad.png", (), "no such file"),
    )
    text = printed(found, members=(*ONE, ModelInfo("n", ("dog", "cat"))))
    lines = [" ".join(line.split()).rstrip(" ━╸") for line in text.splitlines() if line.strip()]
    assert lines == [
        "photo model class probability",
        lines[1],
        "a.jpg mean cat 75.0 %",
        "m cat 75.0 %",
        "n unknown",
        "dog 50.0 %",
        "b.jpg mean cat 75.0 %",
        "m cat 75.0 %",
        "n cat 75.0 %",
        "bad.png can't be used",
        "bad.png: no such file",
        "The models disagree on 1 of 2 photos: a.jpg",
    ]


def test_several_labels_are_ticked_and_none_is_said() -> None:
    """The classes that a photo has stand out from those that come near."""
    members = (ModelInfo("last", ("cat", "dog"), decision=Decision(class_thresholds=(0.5, 0.5))),)
    found = (
        Prediction(
            "a.jpg",
            (Ranked("cat", 0.9), Ranked("dog", 0.2)),
            labels=("cat",),
            multi_label=True,
        ),
        Prediction("b.jpg", (Ranked("cat", 0.1),), multi_label=True),
    )
    text = printed(found, members=members)
    assert "✓ cat" in text
    assert "✓ dog" not in text
    assert "(none)" in text
    assert "unknown" not in text


def test_photos_on_which_models_disagree_are_counted_over_several_tables() -> None:
    """The last table names the first of them, and how many more there are."""
    two = (*ONE, ModelInfo("n", ("cat", "dog")))
    parts = [
        tuple(
            Prediction(f"{part}{number}.jpg", (Ranked("cat", 0.8),), agree=number > 1)
            for number in range(4)
        )
        for part in "ab"
    ]
    seen = Disagreement().with_batch(parts[0]).with_batch(parts[1])
    words = "The models disagree on 4 of 8 photos: a0.jpg, a1.jpg, b0.jpg and 1 more"
    assert seen.in_words == words
    assert words in printed(parts[1], members=two, disagreement=seen)
    assert "disagree" not in printed(parts[0], members=two, disagreement=Disagreement())


def test_rows_for_a_file_have_the_same_answers() -> None:
    """The model where there are several, the note in place of a class, photos apart."""
    cat, dog = (Ranked("cat", 0.75),), (Ranked("dog", 0.5),)
    two = (*ONE, ModelInfo("n", ("dog", "cat")))
    answers = (Answer("m", cat), Answer("n", dog, known=False))
    found = (Prediction("a.jpg", cat, answers=answers, agree=False), Prediction("b.jpg", (), "bad"))
    assert prediction_rows(found, members=two) == (
        ["photo", "model", "class", "probability"],
        [
            ["a.jpg", "mean", "cat", "75.0 %"],
            ["", "m", "cat", "75.0 %"],
            ["", "n", "unknown", ""],
            ["", "", "dog", "50.0 %"],
            [""] * 4,
            ["b.jpg", "", "can't be used", ""],
        ],
    )
    assert prediction_rows((Prediction("c", cat),), members=ONE)[1] == [["c", "cat", "75.0 %"]]
