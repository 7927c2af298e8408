"""What a page tells beside an evaluation: how the model came about, and pictures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from imgrec.evaluation.assessment import Assessment
from imgrec.evaluation.worst import Confused, Mistake, most_confused, worst_mistakes
from imgrec.report.thumbnail import Thumbnail
from imgrec.scores import Scores

_MISTAKES = 12
_PAIRS = 6
_OF_A_PAIR = 4


@dataclass(frozen=True)
class Remark:
    """A finding of the data check: `examples` are names, `count` all there are of `unit`."""

    severity: str
    title: str
    count: int
    unit: str
    examples: tuple[str, ...]


@dataclass(frozen=True)
class Background:
    """The training of a model, its data, and pictures of its mistakes; all may be missing.

    history: a value per epoch by Keras' names. best_epoch: counted from 1.
    remarks: what the check of the training's data found, None where there was none.
    config: the text of the config. pictures: by the images' names. heat_maps: the picture of a
    mistake with what speaks for the class that it was taken for.
    """

    history: Mapping[str, Sequence[float]] = field(default_factory=dict)
    best_epoch: int | None = None
    remarks: tuple[Remark, ...] | None = None
    config: str = ""
    pictures: Mapping[str, Thumbnail] = field(default_factory=dict)
    heat_maps: Mapping[Mistake, Thumbnail] = field(default_factory=dict)


@dataclass(frozen=True)
class Mistakes:
    """The mistakes worth a look: those of the highest loss, and some of each confused pair."""

    worst: tuple[Mistake, ...]
    pairs: tuple[tuple[Confused, tuple[Mistake, ...]], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """The images, each once."""
        of_pairs = (mistake for _, mistakes in self.pairs for mistake in mistakes)
        return tuple(dict.fromkeys(mistake.name for mistake in (*self.worst, *of_pairs)))


def mistakes(assessment: Assessment) -> Mistakes:
    """Return the mistakes that a page shows, each once: at most 12, and 4 of each of 6 pairs."""
    scores = assessment.scores
    worst = worst_mistakes(scores, _MISTAKES)
    pairs = most_confused(assessment.evaluation, _PAIRS)
    return Mistakes(worst, tuple((pair, _others(scores, pair, worst)) for pair in pairs))


def _others(scores: Scores, pair: Confused, seen: Sequence[Mistake]) -> tuple[Mistake, ...]:
    found = worst_mistakes(scores, len(seen) + _OF_A_PAIR, pair)
    return tuple(mistake for mistake in found if mistake not in seen)[:_OF_A_PAIR]
