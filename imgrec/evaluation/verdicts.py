"""Whether an evaluation meets its requirements."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from imgrec.evaluation.results import (
    FEWEST_IMAGES,
    Comparison,
    Evaluation,
    MetricDifference,
    MetricValue,
    RequirementResult,
)
from imgrec.metrics import (
    METRICS,
    SelectiveMetric,
    format_difference,
    format_limit,
    format_value,
    is_proportion,
)
from imgrec.requirement import (
    Bound,
    MetricTarget,
    Quantity,
    Requirement,
    check_names,
)
from imgrec.rounding import p_value
from imgrec.text import count_of

_NO_ANSWER = "the model answers none of these images"
_NEVER_UNKNOWN = "the model answers every image: evaluation.selective_prediction set no threshold"


def check_requirements(
    evaluation: Evaluation, requirements: Sequence[Requirement]
) -> tuple[RequirementResult, ...]:
    """Return the verdict on each requirement, in their order.

    What can't be measured (the recall of a class without images, a missing interval or slice)
    meets no requirement. `worst_slice` is the slice of at least 30 images that is worst in the
    required number. Raises UsageError for an unknown class.
    """
    check_names(requirements, evaluation.classes)
    return tuple(_verdict(evaluation, requirement) for requirement in requirements)


def check_drop(
    comparison: Comparison, max_drop: Mapping[str, float]
) -> tuple[RequirementResult, ...]:
    """Return the verdict on each metric that may be at most so much worse than the baseline's.

    It is not met if the metric is worse by more than that and significantly worse. An inconclusive
    difference is met, and its reason says so.
    """
    return tuple(_kept(comparison, name, allowed) for name, allowed in max_drop.items())


def _verdict(evaluation: Evaluation, requirement: Requirement) -> RequirementResult:
    quantity = requirement.quantity
    found = list(_found(evaluation, requirement))
    if not found:
        reason = f"{quantity} can't be measured: {_why(evaluation, quantity)}"
        return RequirementResult(str(requirement), None, met=False, reason=reason)
    worst = min if requirement.at_least else max
    value, where = worst(found, key=lambda each: each[0])
    met = requirement.met_by(value)
    shown, limit = _shown(quantity.metric, value, requirement.limit), requirement.limit
    relation = f"{_relation(requirement, met=met)} {format_limit(quantity.metric, limit)}"
    reason = f"{quantity} is {shown}{where}, {relation}"
    return RequirementResult(str(requirement), value, met, reason)


def _found(evaluation: Evaluation, requirement: Requirement) -> Iterator[tuple[float, str]]:
    """Yield each number that the requirement is about, and where it was found."""
    quantity = requirement.quantity
    for metric, where in _metrics(evaluation, quantity):
        value = None if metric is None else _bounded(metric, quantity.bound)
        if value is not None and math.isfinite(value):
            yield value, where


def _metrics(
    evaluation: Evaluation, quantity: Quantity
) -> Iterator[tuple[MetricValue | None, str]]:
    name, metric = quantity.name, quantity.metric
    if quantity.of is MetricTarget.WHOLE:
        yield evaluation.metrics.get(metric), ""
    elif quantity.of is MetricTarget.CLASS:
        result = next(each for each in evaluation.per_class if each.name == name)
        yield result.measured(metric), ""
    else:
        for each in evaluation.slices:
            if quantity.of is MetricTarget.WORST_SLICE and each.images >= FEWEST_IMAGES:
                yield each.metrics.get(metric), f" ({each.name})"
            elif quantity.of is MetricTarget.SLICE and each.name == name:
                yield each.metrics.get(metric), ""


def _bounded(metric: MetricValue, bound: Bound) -> float | None:
    return {"value": metric.value, "low": metric.low, "high": metric.high}[bound]


def _why(evaluation: Evaluation, quantity: Quantity) -> str:
    if quantity.of is MetricTarget.CLASS:
        support = {each.name: each.support for each in evaluation.per_class}
        if quantity.metric == "precision":
            return "the class is never predicted"
        if not support[quantity.name]:
            return "the class has no images"
    elif quantity.of is not MetricTarget.WHOLE and (missing := _missing(evaluation, quantity)):
        return missing
    if isinstance(METRICS[quantity.metric], SelectiveMetric):
        return _NO_ANSWER if "coverage" in evaluation.metrics else _NEVER_UNKNOWN
    notes = [note for note in evaluation.notes if METRICS[quantity.metric].in_words in note]
    interval = "" if quantity.bound == "value" else " with an interval"
    return "; ".join(notes) or f"there is no {quantity.metric}{interval} of these images"


def _missing(evaluation: Evaluation, quantity: Quantity) -> str | None:
    """Return why there is no such slice, None if there is one."""
    if quantity.of is MetricTarget.SLICE:
        known = quantity.name in {each.name for each in evaluation.slices}
        return None if known else "there is no such slice"
    if not evaluation.slices:
        return "no slices were asked for"
    if all(each.images < FEWEST_IMAGES for each in evaluation.slices):
        return f"no slice has {FEWEST_IMAGES} images"
    return None


def _relation(requirement: Requirement, *, met: bool) -> str:
    words = {">=": ("at least", "less than"), ">": ("more than", "not more than")}
    words |= {"<=": ("at most", "more than"), "<": ("less than", "not less than")}
    return words[requirement.operator][0 if met else 1]


def _kept(comparison: Comparison, name: str, allowed: float) -> RequirementResult:
    baseline = comparison.baseline
    by = f"more than {_points(name, allowed)} worse than" if allowed else "worse than"
    text = f"{name} not {by} {baseline}"
    difference = comparison.differences.get(name)
    if difference is None:
        reason = f"{name} can't be compared: there is none of these images"
        return RequirementResult(text, None, met=False, reason=reason)
    drop = difference.value if METRICS[name].lower_is_better else -difference.value
    met = drop <= allowed or difference.finding != "worse"
    reason = f"{name} is {_compared(name, difference, baseline)}, {_meaning(comparison, name)}"
    return RequirementResult(text, difference.value, met, reason)


def _compared(name: str, difference: MetricDifference, baseline: str) -> str:
    model = _shown(name, difference.model, difference.baseline)
    if difference.value == 0:
        return f"{model}, as in {baseline}"
    better = (difference.value < 0) == METRICS[name].lower_is_better
    by = format_difference(name, abs(difference.value)).removeprefix("+")
    other = _shown(name, difference.baseline, difference.model)
    return f"{model}, {by} {'better' if better else 'worse'} than {other} of {baseline}"


def _meaning(comparison: Comparison, name: str) -> str:
    difference = comparison.differences[name]
    p = "" if difference.p is None else f" ({p_value(difference.p)})"
    return {
        "better": f"statistically significant{p}",
        "worse": f"statistically significant{p}",
        "equal": "the same on every image",
    }.get(
        difference.finding,
        f"which may be chance{p}: inconclusive with {count_of(comparison.images, 'image')}",
    )


def _points(name: str, allowed: float) -> str:
    """Return how much worse a metric may be: a proportion in percentage points."""
    if not is_proportion(name):
        return format_limit(name, allowed)
    points = format_limit(name, allowed).removesuffix(" %")
    return f"{points} {'point' if points == '1' else 'points'}"


def _shown(name: str, value: float, other: float) -> str:
    """Return a value with enough decimals to distinguish it from another one, from all and none."""
    for more in range(12):
        text = format_value(name, value, more)
        told_apart = value == other or text != format_value(name, other, more)
        if told_apart and text[0] not in "<>":
            return text
    return format_value(name, value)
