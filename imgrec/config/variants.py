"""The experiments of a sweep: a config with other values of some keys."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Mapping
from typing import Any

from imgrec.config.experiment import Experiment
from imgrec.config.keras.named import plain
from imgrec.config.load import find_problem, with_values
from imgrec.config.sweep import Sweep
from imgrec.sections.problems import shown_value
from imgrec.sections.section import ConfigFinding

_COMBINATIONS = 100


def variant(experiment: Experiment, values: Mapping[str, Any]) -> Experiment:
    """Return an experiment without its sweep, with other values of some keys.

    Raises:
        UsageError: It has no such key.
        ConfigError: It refuses a value.
    """
    return with_values(_base(experiment), _overrides(values), "the values of the trial")


def check_space(experiment: Experiment, sweep: Sweep) -> None:
    """Raise ConfigError for keys of a space that the config lacks, and values that it refuses.

    Each value of a choice and each bound is tried alone, then together with random values of the
    other keys: a value may need another one.
    """
    if found := list(_refused(experiment, sweep)):
        raise experiment.refusal(found)


def _refused(experiment: Experiment, sweep: Sweep) -> Iterator[ConfigFinding]:
    base = _base(experiment)
    generator = random.Random(0)  # noqa: S311  # no secrets
    for key, dimension in sweep.space.items():
        for value in dimension.examples:
            problem = find_problem(base, _overrides({key: value}))
            if problem is None:
                continue
            others = (_drawn(sweep, generator) for _ in range(_COMBINATIONS))
            if all(find_problem(base, _overrides({**each, key: value})) for each in others):
                yield ("sweep", "space", key), f"{shown_value(value)} is refused: {problem}"
                break


def _drawn(sweep: Sweep, generator: random.Random) -> dict[str, Any]:
    return {key: generator.choice(each.examples) for key, each in sweep.space.items()}


def _base(experiment: Experiment) -> dict[str, Any]:
    found: dict[str, Any] = plain(experiment)
    found.pop("sweep", None)
    return found


def _overrides(values: Mapping[str, Any]) -> list[str]:
    return [f"{key}={json.dumps(value, separators=(',', ':'))}" for key, value in values.items()]
