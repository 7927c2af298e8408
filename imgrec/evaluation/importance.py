"""How much of the differences between runs each setting explains."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

FEWEST_RUNS = 20
"""With fewer runs, nothing is said about importance."""

_FOLDS = 5
_REPEATS = 3
_TREES = 40
_MOST_RUNS = 2_000


@dataclass(frozen=True)
class SettingImportance:
    """The importance of a setting, and the trend of the metric with it.

    importance: the fraction of the variance of the metric in which the setting has a share, alone
    or together with others, 0 to 1 (its total effect). trend: Spearman's rank correlation of the
    metric with the setting, -1 to 1; None if it is not a number.
    """

    name: str
    importance: float
    trend: float | None


@dataclass(frozen=True)
class Importance:
    """The importance of each setting, the largest first.

    explained: the fraction of the variance of the metric, at most 1, that all settings together
    predict of runs that were not used to learn it; 0 or less if they predict nothing.
    """

    settings: tuple[SettingImportance, ...]
    explained: float
    runs: int


def importance(
    settings: Mapping[str, Sequence[Any]], metric: Sequence[float | None]
) -> Importance | None:
    """Return how important each setting is for a metric.

    A random forest learns the metric from the settings, in a cross-validation; each setting is then
    shuffled among the runs that the forest has not seen (permutation importance, Breiman, 2001).
    Half of the variance that this adds to the error is the total effect (Jansen, 1999).

    Args:
        settings: The value in each run, by the name of the setting: numbers, texts, flags, or None.
        metric: The value of each run; runs without one are left out.

    Returns:
        The importance; None with fewer than 20 runs, or if all have the same value.
    """
    measured = [row for row, value in enumerate(metric) if value is not None]
    random = np.random.default_rng(0)
    if len(measured) > _MOST_RUNS:
        measured = sorted(random.choice(measured, _MOST_RUNS, replace=False).tolist())
    truth = np.array([metric[row] for row in measured], np.float64)
    spread = float(truth.var()) if len(measured) >= FEWEST_RUNS else 0.0
    if not settings or not spread:
        return None
    columns = {name: [values[row] for row in measured] for name, values in settings.items()}
    inputs = np.column_stack([_numbers(values) for values in columns.values()])
    error, added = _errors(inputs, truth, random)
    effects = np.clip(added / spread / len(measured) / 2, 0, 1).tolist()
    found = (
        SettingImportance(name, effect, _trend(values, truth))
        for (name, values), effect in zip(columns.items(), effects, strict=True)
    )
    ordered = sorted(found, key=lambda each: -each.importance)
    return Importance(tuple(ordered), 1 - error / spread / len(measured), len(measured))


def is_number(value: object) -> bool:
    """Return whether a setting is a number, which flags are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _errors(
    inputs: NDArray[np.float64], truth: NDArray[np.float64], random: np.random.Generator
) -> tuple[float, NDArray[np.float64]]:
    """Return the summed squared error of the folds, and what shuffling each column adds to it."""
    from sklearn.ensemble import RandomForestRegressor

    total, added = 0.0, np.zeros(inputs.shape[1])
    fold_of = random.permutation(np.arange(len(inputs)) % _FOLDS)
    for fold in range(_FOLDS):
        seen, held = fold_of != fold, fold_of == fold
        forest = RandomForestRegressor(_TREES, min_samples_leaf=2, random_state=fold)
        forest.fit(inputs[seen], truth[seen])
        error = _error(forest, inputs[held], truth[held])
        total += error
        for column in range(len(added)):
            shuffled = np.repeat(inputs[held], _REPEATS, axis=0)
            shuffled[:, column] = random.permutation(shuffled[:, column])
            more = _error(forest, shuffled, np.repeat(truth[held], _REPEATS)) / _REPEATS
            added[column] += more - error
    return total, added


def _error(forest: Any, inputs: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    return float(((forest.predict(inputs) - truth) ** 2).sum())


def _numbers(values: Sequence[Any]) -> NDArray[np.float64]:
    """Return a setting as numbers: texts and flags by rank, a missing value below all others."""
    if all(map(is_number, filter(lambda each: each is not None, values))):
        known = [float(each) for each in values if each is not None]
        least = min(known, default=0.0) - 1
        return np.array([least if each is None else float(each) for each in values])
    ranks = {text: rank for rank, text in enumerate(sorted({str(each) for each in values}))}
    return np.array([float(ranks[str(each)]) for each in values])


def _trend(values: Sequence[Any], truth: NDArray[np.float64]) -> float | None:
    if not all(map(is_number, values)):
        return None
    from scipy.stats import spearmanr

    found = float(spearmanr(np.array(values, np.float64), truth).statistic)
    return found if math.isfinite(found) else None
