"""What a model has to reach: the config's word, and what the command line says besides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgrec.config.evaluation import EvaluationConfig
from imgrec.config.experiment import Experiment
from imgrec.errors import RunError, UsageError
from imgrec.requirement import (
    MetricTarget,
    Requirement,
    check_metrics,
    check_names,
    parse,
    unpaired,
)
from imgrec.runs.folder import Run, find
from imgrec.slicing import Slicing
from imgrec.text import join_few, printable

_CONFIDENCE = 0.95
_MAX_DROP = {"accuracy": 0.0}


@dataclass(frozen=True)
class Gate:
    """What is required.

    baseline: the run that the model must not fall behind, None: no run. max_drop: by how much
    each metric may; empty: as the config says, else that accuracy must not be worse at all.
    confidence: of `beyond chance`; None: as the config says, else 0.95.
    """

    requirements: tuple[Requirement, ...] = ()
    baseline: str | None = None
    max_drop: Mapping[str, float] = field(default_factory=dict)
    confidence: float | None = None


@dataclass(frozen=True)
class Baseline:
    """A baseline that was found."""

    run: Run
    max_drop: Mapping[str, float]
    confidence: float


def joined_gates(section: EvaluationConfig, asked: Gate) -> tuple[tuple[Requirement, ...], Gate]:
    """Return all requirements, and the gate with what the config says of the baseline.

    Requirements add up; of two that bound the same number from the same side, the one asked
    for holds. Raises UsageError where drops are allowed from no baseline.
    """
    both = [*map(parse, section.require), *asked.requirements]
    requirements = tuple({(each.quantity, each.at_least): each for each in both}.values())
    written = section.baseline
    gate = Gate(
        requirements,
        asked.baseline or (written.run if written else None),
        {**(written.max_drop if written else {}), **asked.max_drop} or _MAX_DROP,
        asked.confidence or (written.confidence if written else _CONFIDENCE),
    )
    if gate.baseline is None and (asked.max_drop or asked.confidence):
        raise UsageError(
            "--max-drop and --confidence need a baseline",
            hint="name the run to compare with: --baseline RUN",
        )
    for name in asked.max_drop:
        if reason := unpaired(name):
            raise UsageError(f"--max-drop {printable(name)}: {reason}")
    return requirements, gate


def check_required(experiment: Experiment, classes: Sequence[str]) -> None:
    """Raise ConfigError where the config requires something of a class that there is not."""
    for index, text in enumerate(experiment.evaluation.require):
        try:
            check_names([parse(text)], classes)
        except UsageError as error:
            raise experiment.problem(("evaluation", "require", index), error.message) from error


def check_gate(requirements: Sequence[Requirement], gate: Gate, run: Run, slicing: Slicing) -> None:
    """Raise UsageError for what can be told before an image is read.

    That are classes, metrics that are not measured of such a model, no slices at all.
    """
    check_names(requirements, run.card.classes)
    names = [requirement.quantity.metric for requirement in requirements]
    dropping = gate.max_drop if gate.baseline else ()
    check_metrics([*names, *dropping], multi_label=run.card.multi_label)
    if slicing.by or slicing.turns:
        return
    for requirement in requirements:
        if requirement.quantity.of in (MetricTarget.SLICE, MetricTarget.WORST_SLICE):
            raise UsageError(
                f"{printable(str(requirement))}: there are no slices",
                hint="name some with --slice or in the config's evaluation.slices",
            )


def find_baseline(gate: Gate, model: Run, runs_dir: Path) -> Baseline | None:
    """Return the baseline's run; raises RunError where there is none, or of other classes."""
    if gate.baseline is None:
        return None
    run = find(gate.baseline, runs_dir)
    refuse_other_classes(model, run)
    return Baseline(run, gate.max_drop, gate.confidence or _CONFIDENCE)


def refuse_other_classes(model: Run, other: Run) -> None:
    """Raise RunError where the two don't know the same classes, or one of them gives several."""
    _refuse_other_kind(model, other)
    ours, theirs = set(model.card.classes), set(other.card.classes)
    if ours != theirs:
        differing = [
            f"only {printable(run.name)} has {join_few(sorted(classes))}"
            for run, classes in ((model, ours - theirs), (other, theirs - ours))
            if classes
        ]
        raise RunError(
            f"{printable(model.name)} and {printable(other.name)} know different classes: "
            f"{'; '.join(differing)}",
            hint="only models of the same classes can be compared",
        )


def _refuse_other_kind(model: Run, other: Run) -> None:
    if model.card.multi_label != other.card.multi_label:
        several, one = (model, other) if model.card.multi_label else (other, model)
        raise RunError(
            f"{printable(several.name)} gives an image several classes, {printable(one.name)} one",
            hint="only models of the same kind can be compared",
        )
