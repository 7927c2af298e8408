"""How long it takes from predictions to metrics, intervals and reports.

python -m tools.bench.evaluations IMAGES    evaluate so many made-up predictions of 100 classes,
                                      write every report
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Assessment
from imgrec.evaluation.slices import ImageSlice
from imgrec.report.forms import report_formats
from imgrec.report.terminal.evaluation import evaluation_text
from imgrec.scores import Scores, one_hot
from tools.bench.figures import Figure
from tools.bench.processes import cost_of, cost_text

CLASSES = 100
IMAGES = (50_000, 100_000)
GOALS = {100_000: "under 60 s and 2 GB"}


def evaluations() -> Iterator[Figure]:
    """Yield the wall time and memory of evaluations, each in a separate process."""
    costs = []
    for images in IMAGES:
        costs.append(cost_of([sys.executable, "-m", "tools.bench.evaluations", str(images)]))
        name = f"evaluate {images:,} predictions of {CLASSES} classes, all reports"
        yield Figure(name, cost_text(costs[-1]), GOALS.get(images, ""))
    few, many = costs
    name = "evaluate twice as many predictions: time and memory"
    ratios = f"{many.seconds / few.seconds:.2f} times, {many.memory / few.memory:.2f} times"
    yield Figure(name, ratios, "at most 2.2 times")


def main(images: int) -> None:
    """Evaluate, and write all reports."""
    scores = made_up(images)
    halves = np.arange(images) % 2 == 0
    slices = [
        ImageSlice("half=even", scores.where(halves)),
        ImageSlice("half=odd", scores.where(~halves)),
    ]
    evaluation = evaluate_scores(scores, slices=slices)
    assessment = Assessment("bench-1", "test", "made up", scores, evaluation)
    with tempfile.TemporaryDirectory() as folder:
        for suffix, form in report_formats().items():
            (Path(folder) / f"report{suffix}").write_text(form(assessment), encoding="utf-8")
    evaluation_text(evaluation)


def made_up(images: int) -> Scores:
    """Return the scores of a model with an accuracy of 90 %."""
    generator = np.random.default_rng(0)
    truth = generator.integers(CLASSES, size=images)
    logits = generator.normal(size=(images, CLASSES)).astype(np.float32)
    logits[np.arange(images), truth] += 4
    odds = np.exp(logits)
    names = tuple(f"class {index % CLASSES}/{index:06}.jpg" for index in range(images))
    classes = tuple(f"class {index}" for index in range(CLASSES))
    probabilities = odds / odds.sum(axis=1, keepdims=True)
    return Scores(names, one_hot(truth, CLASSES), probabilities, classes)


if __name__ == "__main__":
    main(int(sys.argv[1]))
