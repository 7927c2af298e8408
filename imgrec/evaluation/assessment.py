"""What `evaluate` hands to the reports: numbers, verdicts, the comparison with a baseline."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field

from imgrec.evaluation.metrics import Evaluation
from imgrec.scores import Scores


@dataclass(frozen=True)
class Verdict:
    """Whether one requirement was met.

    requirement: as the user wrote it, blanks made even: `recall[cats] >= 0.9`.
    value: what was measured; None where it can't be, which never meets a requirement.
    reason: one sentence for people, such as `recall[cats] is 0.85, less than 0.9`.
    """

    requirement: str
    value: float | None
    met: bool
    reason: str


@dataclass(frozen=True)
class Difference:
    """How much a metric differs from the baseline's, with its interval at `confidence`.

    value: this model's minus the baseline's; low, high: of the paired bootstrap, None where it
    has none. p: of McNemar's exact test, for accuracy alone.
    finding: `better`, `worse`, `equal` or `can't be told`: beyond chance, or not.
    """

    model: float
    baseline: float
    value: float
    low: float | None
    high: float | None
    p: float | None
    finding: str


@dataclass(frozen=True)
class Flip:
    """An image that one of two models gets right and the other wrong.

    Where an image may have several classes, each text names all of them.
    """

    name: str
    truth: str
    model: str
    baseline: str


@dataclass(frozen=True)
class Comparison:
    """Two models on the same images.

    differences: by the metric's name in `Evaluation.metrics`.
    fixed: the images that the baseline got wrong and the model gets right; broken: the reverse.
    """

    model: str
    baseline: str
    images: int
    confidence: float
    differences: Mapping[str, Difference]
    fixed: tuple[Flip, ...]
    broken: tuple[Flip, ...]


@dataclass(frozen=True)
class Assessment:
    """An evaluation, what was evaluated, and what came of the gate.

    run: the model's name (several, joined by ` + `, for an ensemble); split: the part of the
    data at `source`. verdicts: empty where nothing was required. facts: what else to say of
    the run, name and value. overlap: how many of the images the model, or the baseline, was
    trained on. measured: when, in UTC.
    """

    run: str
    split: str
    source: str
    scores: Scores
    evaluation: Evaluation
    verdicts: tuple[Verdict, ...] = ()
    comparison: Comparison | None = None
    facts: tuple[tuple[str, str], ...] = field(default=(), compare=False)
    overlap: int = 0
    measured: dt.datetime | None = field(default=None, compare=False)

    @property
    def passed(self) -> bool:
        """Whether every requirement was met."""
        return all(verdict.met for verdict in self.verdicts)
