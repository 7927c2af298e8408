"""Section `evaluation` of a config: what is measured besides, and what a model has to reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from imgrec.errors import UsageError
from imgrec.requirement import not_measured, parse, unpaired
from imgrec.sections.section import ConfigFinding, NonNegativeFloat, Section, Text, word_or
from imgrec.slicing import Slicing, slice_by

_Share = Annotated[float, Field(gt=0, le=1)]
Confidence = Annotated[float, Field(ge=0.5, lt=1)]


class Baseline(Section):
    """An older run that a model must not fall behind, on the same images."""

    run: Text = Field(description="The run: a folder, or a name below the runs folder.")
    max_drop: dict[str, NonNegativeFloat] = Field(
        default_factory=lambda: {"accuracy": 0.0},
        description="By how much each metric may be worse than the baseline's, such as "
        "`{accuracy: 0.01}`. The gate is not met where one is worse by more than that and worse "
        "beyond chance; by default, where the accuracy is worse beyond chance.",
    )
    confidence: Confidence = Field(
        default=0.95, description="How sure `beyond chance` is: at 0.95, wrong 1 time in 20."
    )

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield metrics that there are not."""
        for name in self.max_drop:
            if reason := unpaired(name):
                yield ("max_drop", name), reason


class SelectivePrediction(Section):
    """When the model rather says that it does not know: exactly one of these promises."""

    precision: _Share | None = Field(
        default=None, description="This share of the answers that are given is right."
    )
    coverage: _Share | None = Field(
        default=None, description="This share of the images is answered, the surest ones."
    )

    @property
    def promise(self) -> tuple[Literal["precision", "coverage"], float]:
        """The promise and its share."""
        if self.precision is not None:
            return "precision", self.precision
        return "coverage", self.coverage or 1.0

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield two promises, or none."""
        if (self.precision is None) == (self.coverage is None):
            yield (), "takes exactly one of precision and coverage, such as {precision: 0.98}"


class ThresholdsConfig(Section):
    """What the threshold of each class is chosen for: exactly one of these promises."""

    precision: _Share | None = Field(
        default=None, description="This share of the images that get the class have it."
    )
    recall: _Share | None = Field(
        default=None, description="This share of the images that have the class get it."
    )

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield two promises, or none."""
        if (self.precision is None) == (self.recall is None):
            yield (), "takes exactly one of precision and recall, such as {precision: 0.9}"


class EvaluationConfig(Section):
    """How the trained model is measured, and what it has to reach.

    `imgrec evaluate` ends with status 1 where it doesn't; `imgrec train` only says so.
    """

    require: list[str] = Field(
        default_factory=list,
        description='What has to hold, in quotes: `"accuracy >= 0.95"`, `"recall[cats] >= 0.9"`, '
        '`"ece <= 5 %"`, `"worst_slice.accuracy >= 0.85"`, `"slice[camera=front].accuracy > 0.9"`; '
        'with `.low` or `.high` a bound of the 95 % interval, `"accuracy.low >= 0.93"`; with '
        '`selective_prediction`, `"selective_accuracy >= 0.98"` is of the answers alone.',
    )
    baseline: Baseline | None = Field(default=None)
    slices: list[Text] = Field(
        default_factory=list,
        description="Parts of the images to measure on their own: `size`, `mode`, a column of the "
        "CSV file, or `path:(day|night)`, a regular expression whose group names the part.",
    )
    selective_prediction: SelectivePrediction | None = Field(default=None)
    thresholds: (
        Annotated[
            ThresholdsConfig | Literal["f1"], word_or("f1", ThresholdsConfig, "{precision: 0.9}")
        ]
        | None
    ) = Field(
        default=None,
        description="With `data.multi_label`: what the probability of each class from which on an "
        "image has it is chosen for, on the validation images. `f1`: the class's highest F1. By "
        "default it is 0.5.",
    )
    top_k: PositiveInt = Field(
        default=5, description="How many guesses an image has in top_k_accuracy."
    )

    @property
    def slicing(self) -> Slicing:
        """The slices, each once."""
        return Slicing(tuple(dict.fromkeys(map(slice_by, self.slices))))

    @property
    def rule(self) -> tuple[Literal["f1", "precision", "recall"], float] | None:
        """What thresholds are chosen for, and the share that is promised."""
        wanted = self.thresholds
        if wanted is None or isinstance(wanted, str):
            return wanted and (wanted, 1.0)
        if wanted.precision is not None:
            return "precision", wanted.precision
        return "recall", wanted.recall or 1.0

    def label_problems(self, *, multi_label: bool) -> Iterator[ConfigFinding]:
        """Yield what is not measured, or not chosen, where images have one label or several."""
        if self.thresholds is not None and not multi_label:
            yield ("thresholds",), "are those of classes by themselves: set data.multi_label"
        if self.selective_prediction is not None and multi_label:
            yield (
                ("selective_prediction",),
                "is for one answer to an image; with data.multi_label choose thresholds",
            )
        for index, text in enumerate(self.require):
            if reason := not_measured(parse(text).quantity.metric, multi_label=multi_label):
                yield ("require", index), reason
        for name in self.baseline.max_drop if self.baseline else ():
            if reason := not_measured(name, multi_label=multi_label):
                yield ("baseline", "max_drop", name), reason

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield requirements and slices that can't be read."""
        for index, text in enumerate(self.require):
            try:
                parse(text)
            except UsageError as error:
                yield ("require", index), error.message
        for index, word in enumerate(self.slices):
            try:
                slice_by(word)
            except ValueError as error:
                yield ("slices", index), str(error)
