"""The quality gate: requirements from the config and the command line, and the baseline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from imgrec.config.evaluation import EvaluationConfig
from imgrec.corruption import CORRUPTIONS
from imgrec.errors import RunError, SettingError, UsageError
from imgrec.interface import offers, option
from imgrec.requirement import (
    MetricTarget,
    Requirement,
    check_metrics,
    check_names,
    other_top_k,
    parse,
    unpaired,
    with_top_k,
)
from imgrec.runs.folder import Run, find
from imgrec.slicing import Slicing
from imgrec.text import join_few, printable

_CONFIDENCE = 0.95
_MAX_DROP = {"accuracy": 0.0}


@dataclass(frozen=True)
class Gate:
    """What is required of a model.

    Args:
        requirements: Limits for metrics.
        baseline: The run that the model must not be worse than; None for none.
        max_drop: By how much each metric may be worse. Default: as in the config, otherwise the
            accuracy must not drop at all.
        confidence: The confidence from which a drop counts as real. Default: as in the config,
            otherwise 0.95.
    """

    requirements: tuple[Requirement, ...] = ()
    baseline: str | None = None
    max_drop: Mapping[str, float] = field(default_factory=dict)
    confidence: float | None = None


@dataclass(frozen=True)
class Baseline:
    """A run to compare with, and how much worse than it the model may be."""

    run: Run
    max_drop: Mapping[str, float]
    confidence: float


def joined_gates(section: EvaluationConfig, asked: Gate) -> tuple[tuple[Requirement, ...], Gate]:
    """Merge the gate of the config with the one from the command line.

    Requirements add up. If two limit the same metric from the same side, that of the command line
    applies.

    Args:
        section: Section `evaluation` of the config.
        asked: The gate from the command line.

    Returns:
        All requirements, and the merged gate.

    Raises:
        UsageError: There is a largest drop or a confidence, but no baseline, or a metric that
            can't be compared, or a top-k accuracy with another k.
    """
    both = [*map(parse, section.require), *asked.requirements]
    requirements = tuple({(each.quantity, each.at_least): each for each in both}.values())
    for each in asked.requirements:
        if reason := other_top_k(each.quantity, section.top_k):
            raise UsageError(f"{printable(str(each))}: {reason}")
    written, max_drop = section.baseline, dict[str, float]()
    for name, drop in asked.max_drop.items():
        if reason := unpaired(name) or other_top_k(name, section.top_k):
            raise UsageError(f"--max-drop {printable(name)}: {reason}")
        max_drop[with_top_k(name)] = drop
    gate = Gate(
        requirements,
        asked.baseline or (written.run if written else None),
        {**(written.max_drop if written else {}), **max_drop} or _MAX_DROP,
        asked.confidence or (written.confidence if written else _CONFIDENCE),
    )
    if gate.baseline is None and (asked.max_drop or asked.confidence):
        raise UsageError(
            "--max-drop and --confidence need a baseline",
            hint="name the run to compare with: --baseline RUN",
        )
    return requirements, gate


def check_required(section: EvaluationConfig, classes: Sequence[str]) -> None:
    """Raise SettingError if the config requires something of a class that does not exist."""
    for index, text in enumerate(section.require):
        try:
            check_names([parse(text)], classes)
        except UsageError as error:
            raise SettingError(("evaluation", "require", index), error.message) from error


def check_gate(
    requirements: Sequence[Requirement],
    gate: Gate,
    run: Run,
    slicing: Slicing,
    classes: Sequence[str],
) -> None:
    """Raise UsageError for requirements that can't be met, before an image is read.

    The class may not be in `classes`, the metric may not apply to the model, there may be no
    slices, or the images may not be measured with the corruption.
    """
    check_names(requirements, classes)
    names = [requirement.quantity.metric for requirement in requirements]
    dropping = gate.max_drop if gate.baseline else ()
    check_metrics([*names, *dropping], multi_label=run.card.multi_label)
    for requirement in requirements:
        _check_corruption(requirement, slicing)
    if slicing.by or slicing.corruptions:
        return
    for requirement in requirements:
        if requirement.quantity.of in (MetricTarget.SLICE, MetricTarget.WORST_SLICE):
            raise UsageError(
                f"{printable(str(requirement))}: there are no slices",
                hint=f"name some with {option('slice', 'size')}"
                if offers("slice")
                else "name some in the config's evaluation.slices",
            )


def _check_corruption(requirement: Requirement, slicing: Slicing) -> None:
    name = requirement.quantity.name
    kind, equals, level = name.partition("=")
    asked = requirement.quantity.of is MetricTarget.SLICE and equals and kind in CORRUPTIONS
    if not asked or kind in {each.value for each in slicing.by}:
        return
    measured = [str(each) for each in slicing.corruptions]
    if name not in measured:
        levels = [each.removeprefix(f"{kind}=") for each in measured if each.startswith(kind)]
        raise UsageError(
            f"{printable(str(requirement))}: the images are not measured with {printable(name)}",
            hint=f"use {option(kind, ','.join([*levels, level]))}",
        )


def find_baseline(gate: Gate, model: Run, runs_dir: Path) -> Baseline | None:
    """Return the baseline; raises RunError if it is missing or has other classes."""
    if gate.baseline is None:
        return None
    run = find(gate.baseline, runs_dir)
    refuse_other_classes(model, run)
    return Baseline(run, gate.max_drop, gate.confidence or _CONFIDENCE)


def refuse_other_classes(model: Run, other: Run) -> None:
    """Raise RunError if two runs have different classes, or only one allows several labels."""
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
