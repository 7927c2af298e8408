"""What a sweep tries next, and which trials it stops: functions of the trials so far.

Each trial gets its own seed, so that the values of trial n depend on the seed of the sweep, n, and
the results that are known when it begins, but not on the process that asks.
"""

from __future__ import annotations

import itertools
import json
import math
import zlib
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from imgrec.config.sweep import Dimension, Sweep
from imgrec.errors import RunError

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

_FACTOR = 3


def import_optuna() -> Any:
    """Return the module `optuna`, which only logs warnings; raises RunError without it."""
    try:
        import optuna
    except ModuleNotFoundError as error:
        raise RunError(
            "a sweep needs Optuna, which is not installed",
            hint="`pip install 'imgrec[sweep]'`",
        ) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def propose(sweep: Sweep, seed: int, trials: Sequence[FrozenTrial]) -> FrozenTrial:
    """Return the next trial of a sweep, which begins now.

    Args:
        sweep: What is searched, and how.
        seed: That of the sweep.
        trials: All trials so far, in the order of their numbers.
    """
    optuna = import_optuna()
    number, distributions = len(trials), _distributions(sweep.space)
    study = optuna.create_study(
        directions=[f"{each}imize" for each in sweep.directions.values()],
        sampler=_sampler(sweep, zlib.crc32(f"{seed}/{number}".encode())),
    )
    study.add_trials(trials)
    if sweep.search == "grid":
        study.enqueue_trial(_combination(sweep.space, number))
    asked = study.ask(distributions).number
    drawn = study.get_trials(deepcopy=False)[asked]
    found: FrozenTrial = optuna.trial.create_trial(
        state=optuna.trial.TrialState.RUNNING,
        params=drawn.params,
        distributions=distributions,
        system_attrs=drawn.system_attrs,
    )
    return found


def values_of(space: Mapping[str, Dimension], trial: FrozenTrial) -> dict[str, Any]:
    """Return the value of each key in a trial."""
    found = {}
    for key, dimension in space.items():
        stored = trial.params[key]
        if dimension.choose is not None:
            stored = dimension.choose[_stored(dimension.choose).index(stored)]
        found[key] = stored
    return found


def is_pruned(curves: Sequence[Mapping[int, float]], own: Mapping[int, float], epoch: int) -> bool:
    """Return whether a trial is stopped after an epoch, by asynchronous successive halving.

    It goes on unless the epoch is 1, 3, 9, ..., and its value is not among the best third of all
    values after that epoch; the first two trials that get there always go on.
    Li et al., "A system for massively parallel hyperparameter tuning", 2020.

    Args:
        curves: Of the other trials, the value after each epoch; higher is better.
        own: That of the trial itself.
        epoch: The epoch that it has just finished.
    """
    if _FACTOR ** round(math.log(epoch, _FACTOR)) != epoch:
        return False
    others = [curve[epoch] for curve in curves if epoch in curve]
    kept = (len(others) + 1) // _FACTOR
    if len(others) + 1 < _FACTOR:
        return False
    return sum(value > own[epoch] for value in others) >= max(1, kept)


def _sampler(sweep: Sweep, seed: int) -> BaseSampler:
    from optuna.samplers import CmaEsSampler, RandomSampler, TPESampler

    match sweep.search:
        case "tpe":
            return TPESampler(seed=seed)
        case "cmaes":
            try:
                import cmaes  # noqa: F401
            except ModuleNotFoundError as error:
                raise RunError(
                    "`search: cmaes` needs the package cmaes, which is not installed",
                    hint="`pip install 'imgrec[sweep]'`",
                ) from error
            return CmaEsSampler(seed=seed, warn_independent_sampling=False)
        case _:
            return RandomSampler(seed=seed)


def _distributions(space: Mapping[str, Dimension]) -> dict[str, BaseDistribution]:
    return {key: _distribution(dimension) for key, dimension in space.items()}


def _distribution(dimension: Dimension) -> BaseDistribution:
    from optuna.distributions import (
        CategoricalDistribution,
        FloatDistribution,
        IntDistribution,
    )

    if dimension.int is not None:
        return IntDistribution(*dimension.int)
    if dimension.choose is not None:
        return CategoricalDistribution(_stored(dimension.choose))
    low, high = dimension.log or dimension.uniform or (0.0, 1.0)
    return FloatDistribution(low, high, log=dimension.log is not None)


def _stored(choices: Sequence[Any]) -> list[Any]:
    """Return the choices as Optuna stores them: lists and mappings as JSON."""
    plain = (str, int, float, bool, type(None))
    return [each if isinstance(each, plain) else json.dumps(each) for each in choices]


def _combination(space: Mapping[str, Dimension], number: int) -> dict[str, Any]:
    choices = [_stored(each.choose or []) for each in space.values()]
    values = next(itertools.islice(itertools.product(*choices), number, None))
    return dict(zip(space, values, strict=True))
