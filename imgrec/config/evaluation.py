"""Section `evaluation` of a config: what is measured besides, and what a model has to reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, PositiveInt

from imgrec.config.section import Finding, Section
from imgrec.config.values import NonNegativeFloat, Text
from imgrec.errors import UsageError
from imgrec.requirement import PAIRED, parse, unknown_metric
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

    def problems(self) -> Iterator[Finding]:
        """Yield metrics that there are not."""
        for name in self.max_drop:
            if name not in PAIRED:
                yield ("max_drop", name), unknown_metric(name, PAIRED)


class Abstain(Section):
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

    def problems(self) -> Iterator[Finding]:
        """Yield two promises, or none."""
        if (self.precision is None) == (self.coverage is None):
            yield (), "takes exactly one of precision and coverage, such as {precision: 0.98}"


class Evaluation(Section):
    """How the trained model is measured, and what it has to reach: `imgrec evaluate` holds it."""

    require: list[str] = Field(
        default_factory=list,
        description='What has to hold, in quotes: `"accuracy >= 0.95"`, `"recall[cats] >= 0.9"`, '
        '`"ece <= 5 %"`, `"worst_slice.accuracy >= 0.85"`, `"slice[camera=front].accuracy > 0.9"`; '
        'with `.low` or `.high` a bound of the 95 % interval, `"accuracy.low >= 0.93"`.',
    )
    baseline: Baseline | None = Field(default=None)
    slices: list[Text] = Field(
        default_factory=list,
        description="Parts of the images to measure on their own: `size`, `mode`, a column of the "
        "CSV file, or `path:(day|night)`, a regular expression whose group names the part.",
    )
    abstain: Abstain | None = Field(default=None)
    top_k: PositiveInt = Field(
        default=5, description="How many guesses an image has in top_k_accuracy."
    )

    @property
    def slicing(self) -> Slicing:
        """The slices, each once."""
        return Slicing(tuple(dict.fromkeys(map(slice_by, self.slices))))

    def problems(self) -> Iterator[Finding]:
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
