"""Gates of every outcome, from scores to documents."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import re
from collections.abc import Mapping, Sequence

import numpy as np

from imgrec.evaluation.comparison import compare
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import Assessment
from imgrec.evaluation.slices import ImageSlice
from imgrec.evaluation.verdicts import check_drop, check_requirements
from imgrec.report.forms import report_formats
from imgrec.requirement import parse
from imgrec.scores import Scores, one_hot

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)


def gates() -> Mapping[str, Assessment]:
    """Return a gate that is met, one that is missed, and three against a baseline."""
    good, poor = _assessment("good", [15]), _assessment("poor", [*range(8), 15])
    return {
        "met": _required(good, "accuracy >= 0.9", "recall[cats] >= 90 %"),
        "missed": _required(good, "accuracy >= 0.9", "accuracy.low >= 0.9", "log_loss < 0.01"),
        "worse": _against(poor, good),
        "equal": _against(good, dataclasses.replace(good, run="same")),
        "better": _against(good, poor),
    }


def documents() -> Mapping[str, str]:
    """Return each gate's JUnit, Markdown and JSON by file name, JSON with a line for each key."""
    made = {
        f"{name}{suffix}": _rounded(report_formats()[suffix](gate))
        for name, gate in gates().items()
        for suffix in (".xml", ".md", ".json")
    }
    return {name: _lines(text) if name.endswith(".json") else text for name, text in made.items()}


def _assessment(name: str, wrong: Sequence[int]) -> Assessment:
    truth = np.arange(16) % 2
    label = truth ^ np.isin(np.arange(16), wrong)
    sure = np.random.default_rng(0).uniform(0.6, 0.95, 16)
    cats = np.where(label == 0, sure, 1 - sure)
    names = tuple(f"{number}.png" for number in range(16))
    probabilities = np.stack([cats, 1 - cats], axis=1).astype(np.float32)
    scores = Scores(names, one_hot(truth, 2), probabilities, ("cats", "dogs"))
    front = ImageSlice("camera=front", scores.where(np.arange(16) < 8))
    evaluation = evaluate_scores(scores, slices=[front])
    return Assessment(name, "test", "photos", scores, evaluation, measured=NOW)


def _required(found: Assessment, *texts: str) -> Assessment:
    return dataclasses.replace(
        found, verdicts=check_requirements(found.evaluation, [*map(parse, texts)])
    )


def _against(model: Assessment, baseline: Assessment) -> Assessment:
    comparison = compare(model, baseline)
    verdicts = check_drop(comparison, {"accuracy": 0.05, "log_loss": 0.0})
    return dataclasses.replace(model, comparison=comparison, verdicts=verdicts)


def _rounded(text: str) -> str:
    """Round what another processor may compute otherwise in the last digits."""
    return re.sub(r"-?\d+\.\d{7,}(e-\d+)?", lambda found: f"{float(found[0]):.5g}", text)


def _lines(text: str) -> str:
    lines = (f"{json.dumps(key)}: {json.dumps(value)}" for key, value in json.loads(text).items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
