"""Section `sweep` of a config: which values of its keys to try, and how to choose them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, PositiveInt

from imgrec.metrics import METRICS, SelectiveMetric, metric_names
from imgrec.sections.problems import shown_value, unknown
from imgrec.sections.section import AS_LIST, ConfigFinding, Range, Says, Section
from imgrec.text import did_you_mean

MODEL_BYTES = "model_bytes"
"""The metric of a sweep that is the size of the model file."""

_SIZES = ("data.image_size", "data.channels", "data.fit", "data.interpolation", "data.batch_size")
_SECTIONS = ("preprocessing", "augmentation", "model", "training")

Direction = Literal["max", "min"]
Integers = Annotated[tuple[int, int], AS_LIST]


class Dimension(Section):
    """The values that a key may get. Exactly one of these keys is given."""

    choose: list[Any] | None = Field(
        default=None, description="A list of values to choose from, of any kind."
    )
    log: Range | None = Field(
        default=None,
        description="Numbers from a low to a high one, drawn evenly on a logarithmic scale.",
    )
    uniform: Range | None = Field(
        default=None, description="Numbers from a low to a high one, drawn evenly."
    )
    int: Integers | None = Field(
        default=None, description="Whole numbers from a low to a high one, drawn evenly."
    )

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The lowest and the highest value; None for a choice."""
        return self.log or self.uniform or self.int

    @property
    def examples(self) -> list[Any]:
        """The values of a choice, or the bounds."""
        return list(self.bounds or self.choose or ())

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield no or several keys, an empty choice, and bounds in the wrong order."""
        given = [name for name in type(self).model_fields if getattr(self, name) is not None]
        if len(given) != 1:
            yield (), "takes one of choose, log, uniform and int, such as {log: [1e-5, 1e-2]}"
            return
        if self.choose is not None and not self.choose:
            yield ("choose",), "is empty"
        if self.choose is not None and any(
            value in self.choose[:place] for place, value in enumerate(self.choose)
        ):
            yield ("choose",), "has a value twice"
        if self.bounds and not self.bounds[0] < self.bounds[1]:
            yield (given[0],), f"must be [low, high], got {shown_value(list(self.bounds))}"
        if self.log and self.log[0] <= 0:
            yield ("log",), f"must be above 0, got {shown_value(list(self.log))}"


class Sweep(Section):
    """A search for better values of some keys: `imgrec sweep` trains a run for each trial."""

    metric: Annotated[
        str | dict[str, Direction], Says("a metric", "a mapping such as {accuracy: max}")
    ] = Field(
        default="accuracy",
        description="What to improve, measured on the validation images: a metric of "
        "`imgrec evaluate`, or `model_bytes`, the size of the model file. Several are given with "
        "their directions: `{accuracy: max, model_bytes: min}`.",
    )
    trials: PositiveInt = Field(default=50, description="Number of trials.")
    search: Literal["tpe", "random", "grid", "cmaes"] = Field(
        default="tpe",
        description="How values are chosen. `tpe`: by a tree-structured Parzen estimator, from "
        "the results so far. `random`: independently. `grid`: all combinations of `choose`, in "
        "order. `cmaes`: by an evolution strategy, for numbers.",
    )
    prune: Literal["none", "asha"] = Field(
        default="none",
        description="Whether to stop trials early. `asha`: after epochs 1, 3, 9, ..., a trial "
        "stops unless it is among the best third of those that got so far.",
    )
    seeds: PositiveInt = Field(
        default=3, description="With how many new seeds `imgrec sweep finish` trains a finalist."
    )
    max_failures: PositiveInt = Field(
        default=5, description="How many trials in a row may fail before the sweep stops."
    )
    space: dict[str, Dimension] = Field(
        description="The keys to vary, such as `training.optimizer.Adam.learning_rate` or "
        "`model.layers[3].Dense.units`, with the values of each: `{log: [1e-5, 1e-2]}`, "
        "`{uniform: [0, 0.5]}`, `{int: [1, 8]}` or `{choose: [32, 64]}`."
    )

    @property
    def directions(self) -> Mapping[str, Direction]:
        """Each metric, the most important one first, with the better direction."""
        return {self.metric: better(self.metric)} if isinstance(self.metric, str) else self.metric

    @property
    def combinations(self) -> int | None:
        """How many there are if all values are choices, else None."""
        count = 1
        for dimension in self.space.values():
            if dimension.choose is None:
                return None
            count *= len(dimension.choose)
        return count

    def problems(self) -> Iterator[ConfigFinding]:
        """Yield metrics that are not measured, keys that can't vary, and conflicts."""
        yield from self._metric_problems()
        if not self.space:
            yield ("space",), "is empty: name the keys to vary"
        for key, dimension in self.space.items():
            if not _may_vary(key):
                reason = "so that all trials are judged on the same images"
                meant = did_you_mean(key, _SIZES)
                yield ("space", key), f"can't vary: only {_VARYING} can, {reason}{meant}"
            if self.search == "grid" and dimension.bounds:
                yield ("space", key), "search: grid needs a list of values, {choose: [...]}"
        if self.search == "cmaes" and all(each.bounds is None for each in self.space.values()):
            yield ("search",), "cmaes needs a key whose values are numbers in a range"

    def _metric_problems(self) -> Iterator[ConfigFinding]:
        names = list(self.directions)
        for name in names:
            path = ("metric",) if isinstance(self.metric, str) else ("metric", name)
            if name not in measured():
                yield path, f"{shown_value(name)} is not measured" + unknown(name, measured())
            elif self.directions[name] != better(name):
                yield path, f"must be {better(name)}: a {_WORSE[better(name)]} {name} is worse"
        if len(names) != 1:
            several = "needs a single metric"
            if not names:
                yield ("metric",), "is empty: name a metric"
            if self.prune != "none":
                yield ("prune",), f"{self.prune} {several}"
            if self.search == "cmaes":
                yield ("search",), f"cmaes {several}"


_WORSE: Mapping[Direction, str] = {"max": "lower", "min": "higher"}
_VARYING = f"{', '.join(_SIZES)} and the keys of {', '.join(_SECTIONS[:-1])} and {_SECTIONS[-1]}"


def measured() -> list[str]:
    """Return the metrics that a sweep may improve."""
    names = metric_names("whole")
    return [
        *(name for name in names if not isinstance(METRICS[name], SelectiveMetric)),
        MODEL_BYTES,
    ]


def better(metric: str) -> Direction:
    """Return which values of a metric are better; `max` for an unknown one."""
    lower = metric == MODEL_BYTES or (metric in METRICS and METRICS[metric].lower_is_better)
    return "min" if lower else "max"


def _may_vary(key: str) -> bool:
    return key in _SIZES or key.partition(".")[0] in _SECTIONS
