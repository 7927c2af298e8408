"""Markdown for a pull request: compared whole, and closed to strangers' text."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable

import numpy as np
import pytest
from syrupy.assertion import SnapshotAssertion

from imgrec.corruption import Corruption
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import (
    Assessment,
    ChangedAnswer,
    Comparison,
    Evaluation,
    MetricDifference,
    MetricValue,
    RequirementResult,
    SliceResult,
)
from imgrec.report.markdown import code, markdown
from imgrec.scores import Skipped

Make = Callable[..., Assessment]

METRICS = {
    "accuracy": MetricValue(0.75, 0.5, 0.875),
    "top_k_accuracy": MetricValue(1.0, 0.7, 1.0),
    "log_loss": MetricValue(0.51234, 0.4, 0.6),
    "ece": MetricValue(0.125),
}
MET = RequirementResult(
    "accuracy >= 0.7", 0.75, met=True, reason="accuracy is 75.0 %, at least 70 %"
)
MISSED = RequirementResult(
    "accuracy.low >= 0.7", 0.5, met=False, reason="accuracy.low is 50.0 %, less than 70 %"
)
SLICES = (
    SliceResult("camera=front", 40, {"accuracy": MetricValue(0.9, 0.8, 0.95)}),
    SliceResult(
        "rotate=90",
        40,
        {"accuracy": MetricValue(0.5, 0.4, 0.6)},
        Corruption("rotate", 90),
        MetricDifference(0.5, 0.75, -0.25, -0.35, -0.15, 0.001, "worse"),
    ),
)
COMPARISON = Comparison(
    model="digits-1",
    baseline="digits-0",
    images=8,
    confidence=0.95,
    differences={
        "accuracy": MetricDifference(0.75, 0.85, -0.1, -0.2, -0.01, 0.04, "worse"),
        "log_loss": MetricDifference(0.51234, 0.5, 0.01234, None, None, None, "inconclusive"),
    },
    fixed=(),
    broken=(ChangedAnswer("a.jpg", "cat", "dog", "cat"),),
)


def test_a_missed_gate_whole(
    assessment: Make, evaluation: Callable[..., Evaluation], snapshot: SnapshotAssertion
) -> None:
    """The verdict first, then what was required, measured, compared, and what explains it."""
    skipped = [Skipped("bad.png", "is not an image")]
    measured = dataclasses.replace(
        evaluation(["cat", "dog"], skipped), metrics=METRICS, slices=SLICES, notes=("No AUC.",)
    )
    found = assessment(
        ["cat", "dog"],
        evaluation=measured,
        verdicts=(MET, MISSED),
        comparison=COMPARISON,
        test_looks=7,
    )
    assert markdown(found) == snapshot


def test_a_gate_that_is_met_says_so_first(assessment: Make) -> None:
    """The first line is what a reader looks for."""
    first, *_ = markdown(assessment(2, verdicts=(MET,))).splitlines()
    assert first == "## ✅ Gate met: 1 of 1 requirement"


def test_without_a_gate_the_accuracy_comes_first(assessment: Make) -> None:
    """Nothing was required: no mark, no table of requirements."""
    text = markdown(assessment(2))
    assert text.startswith("## Accuracy 75.0 %\n\n`digits-1` on 8 test images of `photos`\n")
    assert "Required" not in text


@pytest.mark.long
def test_many_classes_are_folded_and_bounded(assessment: Make) -> None:
    """A comment holds 65,536 characters: of a thousand classes the worst hundred are shown."""
    text = markdown(assessment(1000))
    assert "<details><summary>1000 classes</summary>" in text
    assert "and 900 more" in text
    assert len(text) < 30_000


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("cats/1 (2).jpg", "`cats/1 (2).jpg`"),
        ("<script>@all</script>", "`<script>@all</script>`"),
        ("a|b", "<code>a&#124;b</code>"),
        ("`*x*`", "<code>&#96;&#42;x&#42;&#96;</code>"),
        ("a\nb", r"`a\nb`"),
        ("::error::x", r"`\x3a:error::x`"),
        ("", "<code></code>"),
        (" x", "<code> x</code>"),
        ("`熊&", "<code>&#96;熊&#38;</code>"),
    ],
)
def test_a_name_is_code(name: str, expected: str) -> None:
    """In code there is no markup, no HTML and no mention; what would leave it is a number."""
    assert code(name) == expected


def test_hostile_names_change_nothing_around_them(
    assessment: Make, hostile: tuple[str, ...]
) -> None:
    """With every name taken out of its code, the text is that of harmless names."""
    harmless = [f"class {i}" for i in range(len(hostile))]
    texts = [
        markdown(
            assessment(
                names,
                [Skipped(name, name) for name in names],
                run=names[0],
                source=names[1],
                verdicts=[RequirementResult(name, 1.0, met=True, reason=name) for name in names],
            )
        )
        for names in (harmless, hostile)
    ]
    expected, found = (re.sub(r"`[^`\n]*`|<code>[^<\n]*</code>", "NAME", text) for text in texts)
    assert found == expected
    assert not re.search(r"^\s*(::|##\[)", texts[1], re.MULTILINE)


def test_changed_images_that_are_left_out_are_counted(assessment: Make) -> None:
    """Of 25 images ten are listed, and a line says how many more there are."""
    broken = tuple(ChangedAnswer(f"{i}.jpg", "cat", "dog", "cat") for i in range(25))
    comparison = dataclasses.replace(COMPARISON, broken=broken)
    text = markdown(assessment(2, comparison=comparison))
    assert "25 images now wrong" in text
    assert "`9.jpg`" in text
    assert "`10.jpg`" not in text
    assert "\nand 15 more\n" in text


def test_what_cannot_be_measured_is_a_dash(assessment: Make) -> None:
    """A class that is never predicted has no precision."""
    found = assessment(2)
    few = evaluate_scores(found.scores.at(np.array([2, 4, 7])))
    text = markdown(dataclasses.replace(found, evaluation=few))
    assert "| `class 1` | – | 0.0 % | 0.0 % | 1 |" in text


def test_classes_without_images_are_counted(assessment: Make) -> None:
    """They have no row, and a note says what they lack."""
    found = assessment(2)
    few = evaluate_scores(found.scores.where(found.scores.true_labels == 0))
    text = markdown(dataclasses.replace(found, evaluation=few))
    assert "| `class 1` |" not in text
    assert "\nNot shown: 1 class without images\n" in text
    assert "can't be measured without images of the class: class 1" in text
