"""An evaluation image by image, as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from imgrec.evaluation.assessment import Assessment
from imgrec.evaluation.ranking import ranking
from imgrec.report.cells import cell, probability_cell
from imgrec.scores import Scores


def evaluation_csv(assessment: Assessment) -> str:
    """Return a line for each image, in their order, then one for each that was not used.

    `right` is true or false; the columns `class_2`, `probability_2` and so on go on from the
    prediction to the k-th most probable class.
    """
    scores, top_k = assessment.scores, assessment.evaluation.top_k
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    more = [f"{what}_{rank}" for rank in range(2, top_k + 1) for what in ("class", "probability")]
    writer.writerow(["image", "truth", "prediction", "right", "probability", *more, "error"])
    writer.writerows(_lines(scores, top_k))
    blank = [""] * (4 + len(more))
    writer.writerows([cell(name), *blank, cell(reason)] for name, reason in scores.skipped)
    return text.getvalue()


def _lines(scores: Scores, top_k: int) -> Iterator[Sequence[str]]:
    if scores.truth is None:
        return
    classes = [cell(name) for name in scores.classes]
    rows = zip(scores.names, scores.truth, scores.probabilities, strict=True)
    for name, truth, probabilities in rows:
        first, *others = ranking(probabilities)[:top_k]
        right = "true" if first == truth else "false"
        yield [
            cell(name),
            classes[truth],
            classes[first],
            right,
            probability_cell(probabilities[first]),
            *(text for i in others for text in (classes[i], probability_cell(probabilities[i]))),
            "",
        ]
