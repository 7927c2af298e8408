"""What is required of an evaluation, as text: `accuracy >= 0.95`, `recall[cats].low > 0.9`.

    requirement  =  quantity  operator  limit
    operator     =  >=  >  <=  <
    limit        =  a number, or one in percent: `0.95`, `5e-2`, `95 %`
    quantity     =  metric  |  metric[CLASS]  |  slice[NAME].metric  |  worst_slice.metric,
                    each also with .low or .high: a bound of its 95 % interval

A name is everything between the first `[` and the last `]`, taken literally; it needs no quotes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from typing import Literal, cast

from imgrec.errors import UsageError
from imgrec.metrics import METRICS, metric_names
from imgrec.text import class_name, did_you_mean, join_few, printable

_OF_ALL, _OF_CLASS = metric_names("whole"), metric_names("class")
_PAIRED = tuple(name for name in _OF_ALL if METRICS[name].paired)
_HINT = (
    f"write `accuracy >= 0.95`, `recall[CLASS].low >= 0.9` or `worst_slice.ece < 5 %`; "
    f"metrics: {', '.join(_OF_ALL)}; per class: {', '.join(_OF_CLASS)}"
)
_FORM = re.compile(
    r"\s*(?P<quantity>.*\S)\s*(?P<operator>>=|<=|(?<![<>=])>|(?<![<>=])<)\s*"
    r"(?P<limit>[-+]?(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d{1,3})?)\s*(?P<percent>%?)\s*",
    re.DOTALL | re.IGNORECASE | re.ASCII,
)
_OF_TOP_K = "top_k_accuracy"
_TOP_K = re.compile(r"(?<![^.])top_([1-9][0-9]{0,4})_accuracy(?=(?:\.low|\.high)?$)")
# More than the longest name of a class; the time grows with the square of the length.
_LONGEST = 2000

Bound = Literal["value", "low", "high"]
Operator = Literal[">=", ">", "<=", "<"]


class MetricTarget(Enum):
    """The images that a metric is computed from."""

    WHOLE = "whole"
    CLASS = "class"
    SLICE = "slice"
    WORST_SLICE = "worst_slice"


@dataclass(frozen=True)
class Quantity:
    """A number of an evaluation; `name` is that of the class or slice.

    bound: the value itself, or a bound of its 95 % interval. top_k: the k of `top_k_accuracy` if it
    was written with one, `top_5_accuracy`.
    """

    metric: str
    of: MetricTarget = MetricTarget.WHOLE
    name: str = ""
    bound: Bound = "value"
    top_k: int | None = None

    def __str__(self) -> str:
        """Return the quantity as text that `parse` accepts."""
        metric = self.metric if self.top_k is None else f"top_{self.top_k}_accuracy"
        metric = {
            MetricTarget.WHOLE: metric,
            MetricTarget.CLASS: f"{metric}[{self.name}]",
            MetricTarget.SLICE: f"slice[{self.name}].{metric}",
            MetricTarget.WORST_SLICE: f"worst_slice.{metric}",
        }[self.of]
        return metric if self.bound == "value" else f"{metric}.{self.bound}"


@dataclass(frozen=True)
class Requirement:
    """A quantity and its limit, a finite number."""

    quantity: Quantity
    operator: Operator
    limit: float

    def __str__(self) -> str:
        """Return the requirement as text that `parse` accepts, with normalized spaces."""
        return f"{self.quantity} {self.operator} {str(self.limit).removesuffix('.0')}"

    @property
    def at_least(self) -> bool:
        """Whether higher values meet it: `>=` or `>`."""
        return self.operator.startswith(">")

    def met_by(self, value: float) -> bool:
        """Return whether `value` is within the limit; NaN never is."""
        return {
            ">=": value >= self.limit,
            ">": value > self.limit,
            "<=": value <= self.limit,
            "<": value < self.limit,
        }[self.operator]


def parse(text: str) -> Requirement:
    """Parse a requirement. Names of classes and slices are not checked.

    Raises:
        UsageError: It can't be parsed, its metric is unknown, or its limit is outside the range of
            the metric (`accuracy >= 95`).

    Example:
        >>> parse("recall[cats] >= 90 %").limit
        0.9
    """
    form = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if form is None:
        raise _problem(text, "does not have the form METRIC >= NUMBER, with >=, >, <= or <")
    limit = Decimal(form["limit"]) / (100 if form["percent"] else 1)
    quantity = _quantity(form["quantity"], text)
    if top_k := _TOP_K.search(form["quantity"]):
        quantity = replace(quantity, top_k=int(top_k[1]))
    low, high = METRICS[quantity.metric].limits
    if not low <= limit <= high:
        raise _problem(text, f"{quantity.metric} is {_range(low, high)}")
    if not math.isfinite(float(limit)):
        raise _problem(text, "the limit is too large")
    return Requirement(quantity, cast("Operator", form["operator"]), float(limit))


def check_names(
    requirements: Iterable[Requirement], classes: Iterable[str], slices: Iterable[str] | None = None
) -> None:
    """Raise UsageError for an unknown class or slice, with the nearest name.

    `slices` is None if they are not known yet.
    """
    known = {
        MetricTarget.CLASS: list(classes),
        MetricTarget.SLICE: None if slices is None else list(slices),
    }
    for requirement in requirements:
        of, name = requirement.quantity.of, requirement.quantity.name
        names = known.get(of)
        if names is not None and name not in names:
            raise UsageError(
                f"{printable(str(requirement))}: there is no {of.value} "
                f"{printable(name)}{_known(name, names)}"
            )


def unknown_metric(name: str, metrics: Iterable[str] = _OF_ALL) -> str:
    """Return the message about a metric that is not in `metrics`, with the nearest name."""
    return f"unknown metric {printable(name)}{_known(name, metrics)}"


def unpaired(name: str) -> str:
    """Return why a metric can't be compared with a baseline; empty if it can.

    `top_5_accuracy` and its like can; see `with_top_k`.
    """
    if with_top_k(name) in _PAIRED:
        return ""
    if name in _OF_ALL:
        return f"{name} can't be compared with a baseline; these can: {', '.join(_PAIRED)}"
    return unknown_metric(name, _PAIRED)


def with_top_k(name: str, top_k: int | None = None) -> str:
    """Return `top_k_accuracy` for that name with the k, by default any; another name as it is.

    Example:
        >>> with_top_k("top_5_accuracy", 5), with_top_k("top_3_accuracy", 5)
        ('top_k_accuracy', 'top_3_accuracy')
    """
    found = _TOP_K.fullmatch(name)
    return _OF_TOP_K if found and top_k in (None, int(found[1])) else name


def other_top_k(quantity: Quantity | str, top_k: int) -> str:
    """Return why a quantity such as `top_5_accuracy` is not measured with this `top_k`.

    Empty if it is measured, or has no k.
    """
    found = _TOP_K.search(str(quantity))
    if found is None or int(found[1]) == top_k:
        return ""
    return f"evaluation.top_k is {top_k}, so that top_{top_k}_accuracy is measured"


def not_measured(name: str, *, multi_label: bool) -> str:
    """Return why a metric does not apply to images with one label, or several; empty if it does."""
    if METRICS[name].applies(multi_label=multi_label):
        return ""
    if multi_label:
        return f"{name} does not apply to images with several labels"
    return f"{name} only applies to images with several labels"


def check_metrics(names: Iterable[str], *, multi_label: bool) -> None:
    """Raise UsageError for a metric that does not apply to such images."""
    for name in names:
        if reason := not_measured(name, multi_label=multi_label):
            raise UsageError(reason)


def _quantity(text: str, whole: str) -> Quantity:
    before, bracket, rest = text.partition("[")
    if not bracket:
        return _unnamed(*_without_bound(text.strip()), whole)
    name, bracket, after = rest.rpartition("]")
    if not bracket:
        raise _problem(whole, "has a bracket that does not close")
    metric, bound = _without_bound(after.strip())
    if before.strip() == MetricTarget.SLICE.value:
        return Quantity(
            _checked(metric.removeprefix("."), _OF_ALL, whole), MetricTarget.SLICE, name, bound
        )
    if metric:
        raise _problem(whole, f"{printable(metric)} after the brackets is neither .low nor .high")
    return Quantity(_of_class(before.strip(), whole), MetricTarget.CLASS, class_name(name), bound)


def _unnamed(text: str, bound: Bound, whole: str) -> Quantity:
    metric = text.removeprefix(f"{MetricTarget.WORST_SLICE.value}.")
    if metric != text:
        return Quantity(_checked(metric, _OF_ALL, whole), MetricTarget.WORST_SLICE, bound=bound)
    return Quantity(_of_whole(metric, whole), bound=bound)


def _without_bound(text: str) -> tuple[str, Bound]:
    if text.endswith(".low"):
        return text.removesuffix(".low"), "low"
    if text.endswith(".high"):
        return text.removesuffix(".high"), "high"
    return text, "value"


def _of_class(metric: str, whole: str) -> str:
    if metric in _OF_ALL and metric not in _OF_CLASS:
        raise _problem(
            whole,
            f"{metric} is only for all images, not for a class",
        )
    return _checked(metric, _OF_CLASS, whole)


def _of_whole(metric: str, whole: str) -> str:
    if metric in _OF_CLASS and metric not in _OF_ALL:
        raise _problem(whole, f"{metric} is per class: write {metric}[CLASS]")
    return _checked(metric, _OF_ALL, whole)


def _checked(metric: str, metrics: tuple[str, ...], whole: str) -> str:
    metric = _TOP_K.sub(_OF_TOP_K, metric)
    if metric not in metrics:
        near = did_you_mean(metric, metrics)  # the hint lists all
        raise _problem(whole, f"unknown metric {printable(metric)}{near}")
    return metric


def _range(low: float, high: float) -> str:
    if high == math.inf:
        return f"at least {low:g}"
    percent = ", or from 0 % to 100 %" if (low, high) == (0, 1) else ""
    return f"from {low:g} to {high:g}{percent}"


def _problem(text: str, message: str) -> UsageError:
    shown = printable(text.strip()[:_LONGEST]) or "an empty text"
    return UsageError(f"{shown}: {message}", hint=_HINT)


def _known(name: str, names: Iterable[str]) -> str:
    listed = list(names)
    return f"{did_you_mean(name, listed) or ';'} there are {join_few(listed, 20) or 'none'}"
