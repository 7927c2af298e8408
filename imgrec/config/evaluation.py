"""Section `evaluation` of a config: how a model is evaluated, and what it has to reach."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import Field, PositiveInt

from imgrec.errors import UsageError
from imgrec.requirement import not_measured, other_top_k, parse, unpaired, with_top_k
from imgrec.sections.section import (
    ConfigFinding,
    NonNegativeFloat,
    OrOneItem,
    Section,
    Text,
    word_or,
)
from imgrec.slicing import Slicing, slice_by

_UnitFraction = Annotated[float, Field(gt=0, le=1)]
_OpenFraction = Annotated[float, Field(gt=0, lt=1)]
Confidence = Annotated[float, Field(ge=0.5, lt=1)]


class BaselineConfig(Section):
    """A run that the model must not be worse than, on the same images."""

    run: Text = Field(description="The baseline: a folder, or the name of a run.")
    max_drop: dict[str, NonNegativeFloat] = Field(
        default_factory=lambda: {"accuracy": 0.0},
        description="How much worse than the baseline each metric may be, such as "
        "`{accuracy: 0.01}`. A metric fails if it is worse by more than that and the difference is "
        "statistically significant. By default the accuracy must not be significantly worse.",
    )
    confidence: Confidence = Field(
        default=0.95,
        description="The confidence level of the significance test; 0.95 is wrong 1 time in 20.",
    )

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield metrics that do not exist."""
        for name in self.max_drop:
            if reason := unpaired(name):
                yield ("max_drop", name), reason


class SelectivePrediction(Section):
    """When to answer "unknown" instead of a class: set exactly one of precision and coverage.

    The target is kept on new images of the same kind with 95 % confidence. If that can't be
    guaranteed with the images at hand, no threshold is set, and the training says which target can.
    `train --quick` chooses it by cross-validation, and limits the OOD similarity in any case.
    """

    precision: _OpenFraction | None = Field(
        default=None,
        description="The fraction of the answers given that are right, at least. 0.98 needs 149 "
        "answers without an error, or 236 with one, 313 with two, 386 with three.",
    )
    coverage: _OpenFraction | None = Field(
        default=None,
        description="The fraction of the images that are answered, at least, the most confident "
        "first.",
    )
    calibration: _UnitFraction = Field(
        default=0.75,
        description="The fraction of the validation images that choose the threshold and not the "
        "best epoch; drawn class by class with the seed. 1: all of them choose both; after many "
        "epochs, the target is then missed more often.",
    )

    @property
    def target(self) -> tuple[Literal["precision", "coverage"], float]:
        """The target and its value."""
        if self.precision is not None:
            return "precision", self.precision
        return "coverage", self.coverage or 0.0

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield a problem unless exactly one target is set."""
        if (self.precision is None) == (self.coverage is None):
            yield (), "set exactly one of precision and coverage, such as {precision: 0.98}"


class ThresholdsConfig(Section):
    """The target that each class's threshold is chosen for: set exactly one."""

    precision: _UnitFraction | None = Field(
        default=None, description="The precision of each class that its threshold should reach."
    )
    recall: _UnitFraction | None = Field(
        default=None, description="The recall of each class that its threshold should reach."
    )

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield a problem unless exactly one target is set."""
        if (self.precision is None) == (self.recall is None):
            yield (), "set exactly one of precision and recall, such as {precision: 0.9}"


class EvaluationConfig(Section):
    """How the trained model is evaluated, and the requirements it has to meet.

    If it does not meet them, `imgrec evaluate` exits with status 1; `imgrec train` only reports it.
    """

    require: Annotated[list[str], OrOneItem()] = Field(
        default_factory=list,
        description='Requirements, in quotes: `"accuracy >= 0.95"`, `"recall[cats] >= 0.9"`, '
        '`"ece <= 5 %"`, `"worst_slice.accuracy >= 0.85"`, '
        '`"top_5_accuracy >= 0.99"`, `"slice[camera=front].accuracy > 0.9"`; '
        '`.low` and `.high` are the bounds of the 95 % interval, `"accuracy.low >= 0.93"`; with '
        '`selective_prediction`, `"selective_accuracy >= 0.98"` counts only the images that are '
        "answered.",
    )
    baseline: BaselineConfig | None = Field(default=None)
    slices: Annotated[list[Text], OrOneItem()] = Field(
        default_factory=list,
        description="Slices of the images to measure separately: by `size`, by colour `mode`, by a "
        "column of the CSV file, or by `path:(day|night)`, a regular expression whose group names "
        "the slice.",
    )
    selective_prediction: SelectivePrediction | None = Field(default=None)
    thresholds: (
        Annotated[
            ThresholdsConfig | Literal["f1"], word_or("f1", ThresholdsConfig, "{precision: 0.9}")
        ]
        | None
    ) = Field(
        default=None,
        description="With `data.multi_label`: how to choose, on the validation images, the "
        "probability from which an image is given a class. `f1`: the highest F1 of the class. A "
        "target is reached on these images; on new ones it is not guaranteed. By default every "
        "threshold is 0.5.",
    )
    top_k: PositiveInt = Field(
        default=5,
        description="For top_k_accuracy: an image is right if its class is among the "
        "k most probable.",
    )

    @property
    def slicing(self) -> Slicing:
        """The slices, without repetitions."""
        return Slicing(tuple(dict.fromkeys(map(slice_by, self.slices))))

    @property
    def thresholds_target(self) -> tuple[Literal["f1", "precision", "recall"], float] | None:
        """The target that thresholds are chosen for, and its value."""
        wanted = self.thresholds
        if wanted is None or isinstance(wanted, str):
            return wanted and (wanted, 1.0)
        if wanted.precision is not None:
            return "precision", wanted.precision
        return "recall", wanted.recall or 1.0

    def label_problems(self, *, multi_label: bool) -> Iterator[ConfigFinding]:
        """Yield what does not fit images of one label, or of several."""
        if self.thresholds is not None and not multi_label:
            yield ("thresholds",), "only apply to several labels per image: set data.multi_label"
        if self.selective_prediction is not None and multi_label:
            yield (
                ("selective_prediction",),
                "only applies to one label per image; with data.multi_label, set thresholds",
            )
        for index, text in enumerate(self.require):
            if reason := not_measured(parse(text).quantity.metric, multi_label=multi_label):
                yield ("require", index), reason
        for name in self.baseline.max_drop if self.baseline else ():
            if reason := not_measured(name, multi_label=multi_label):
                yield ("baseline", "max_drop", name), reason

    def resolved(self) -> Self:
        """Return the section with `top_k_accuracy` for a largest drop of `top_5_accuracy`."""
        written = self.baseline.max_drop if self.baseline else {}
        max_drop = {with_top_k(name, self.top_k): drop for name, drop in written.items()}
        if self.baseline is None or len(max_drop) < len(written) or max_drop == written:
            return self
        baseline = self.baseline.model_copy(update={"max_drop": max_drop})
        return self.model_copy(update={"baseline": baseline})

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield requirements and slices that can't be parsed, and a top-k accuracy of another k."""
        for name in self.baseline.max_drop if self.baseline else ():
            if with_top_k(name) != name:
                reason = other_top_k(name, self.top_k) or "is given twice, once as top_k_accuracy"
                yield ("baseline", "max_drop", name), reason
        for index, text in enumerate(self.require):
            try:
                reason = other_top_k(parse(text).quantity, self.top_k)
            except UsageError as error:
                reason = error.message
            if reason:
                yield ("require", index), reason
        for index, word in enumerate(self.slices):
            try:
                slice_by(word)
            except ValueError as error:
                yield ("slices", index), str(error)
