"""An evaluation as CSV, one line per image."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from imgrec.evaluation.results import Assessment
from imgrec.scores import Scores, rank_classes
from imgrec.text import csv_cell


def probability_cell(probability: float) -> str:
    """Return a probability with nine digits, which preserve a float32 exactly."""
    return f"{probability:.9g}"


def evaluation_csv(assessment: Assessment) -> str:
    """Return a line for each image, in order, then one for each image that was not used.

    `right` is true or false; the columns `class_2`, `probability_2` and so on continue from the
    prediction to the k-th most probable class. With several labels per image, truth and prediction
    list all of them, and the columns start with `class_1` and `probability_1`.
    """
    scores, top_k = assessment.scores, assessment.evaluation.top_k
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    more = [f"{what}_{rank}" for rank in range(1, top_k + 1) for what in ("class", "probability")]
    if not scores.multi_label:
        more = ["probability", *more[2:]]
    writer.writerow(["image", "truth", "prediction", "right", *more, "error"])
    writer.writerows(_lines(scores, top_k))
    blank = [""] * (3 + len(more))
    writer.writerows([csv_cell(name), *blank, csv_cell(reason)] for name, reason in scores.skipped)
    return text.getvalue()


def _lines(scores: Scores, top_k: int) -> Iterator[Sequence[str]]:
    if scores.truth is None:
        return
    classes = [csv_cell(name) for name in scores.classes]
    positives, answers = scores.positives, scores.answers
    rows = zip(scores.names, scores.probabilities, positives, answers, scores.right, strict=True)
    for name, probabilities, positive, answer, right in rows:
        best = rank_classes(probabilities)[:top_k]
        more = [text for i in best for text in (classes[i], probability_cell(probabilities[i]))]
        yield [
            csv_cell(name),
            csv_cell(scores.named(positive)),
            csv_cell(scores.named(answer)),
            "true" if right else "false",
            *(more if scores.multi_label else more[1:]),
            "",
        ]
