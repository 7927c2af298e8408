"""The cross-validation of logistic regressions, and the strength that it chooses."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from imgrec.training.logistic.problem import Problem
from imgrec.training.logistic.regressions import Floats, Regressions, log_sum_exp
from imgrec.training.logistic.solver import minimize

STRENGTHS = (1e-6, 3e-6, 1e-5, 3e-5, 1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1, 3e-1, 1.0)
"""The strengths of the regularisation that cross-validation chooses from."""

# The gradient's norm that is small enough, relative to the root of the strength: as the strength
# bounds the curvature from below, a loss is then at most half the square of this above its lowest.
_ENOUGH = 1e-3
_FOLDS = 2  # of a large problem that are solved at a time
_THREADS = 2
# Of rows and coefficients that a thread solves at a time, in some 20 such arrays.
_NUMBERS = 1 << 18


@dataclass(frozen=True)
class CrossValidation:
    """How well heads did on photos that they were not fitted to, at each strength.

    losses: the mean log loss at each of `STRENGTHS`, in nats; infinite at those that were not tried
    since the loss had risen before. correct: how many of the `images` were classified correctly,
    each by the strength that was chosen without its fold. logits: those of each image by that head,
    (images, classes); labels: (images,).
    """

    folds: int
    images: int
    losses: tuple[float, ...]
    correct: int
    logits: Floats = field(repr=False, compare=False)
    labels: NDArray[np.intp] = field(repr=False, compare=False)

    @property
    def accuracy(self) -> float:
        """The fraction of images that were classified correctly, 0 to 1."""
        return self.correct / self.images


def cross_validated(
    problem: Problem, fold_of: NDArray[np.intp], advance: Callable[[int], None]
) -> tuple[float, CrossValidation]:
    """Return the strength that is chosen, and how all of them did.

    Args:
        problem: What is solved.
        fold_of: The fold of each photo.
        advance: Called with a number of strengths that are done.
    """
    folds = np.arange(fold_of.max() + 1)
    shares = (fold_of[:, None] != folds).astype(np.float64)
    shares /= shares.sum(0)
    solve = _in_turn if problem.large else _at_once
    losses, logits_at = solve(problem, shares, fold_of, advance)
    held_out = logits_at([_one_standard_error(losses[fold_of != fold]) for fold in folds])
    labels = problem.truth.argmax(1)
    validated = CrossValidation(
        len(folds),
        len(labels),
        tuple(losses.mean(0).tolist()),
        int((held_out.argmax(1) == labels).sum()),
        held_out,
        labels,
    )
    return STRENGTHS[_one_standard_error(losses)], validated


LogitsAt: TypeAlias = Callable[[Sequence[int]], Floats]
"""Returns the logits of each photo, (photos, classes), at the places of its folds' strengths."""


def _at_once(
    problem: Problem, shares: Floats, fold_of: NDArray[np.intp], advance: Callable[[int], None]
) -> tuple[Floats, LogitsAt]:
    """Return log losses, (photos, strengths), and logits, by the heads without each photo's fold.

    shares: of each photo in what each fold is judged by, (photos, folds).
    """
    rows, (_, folds), strengths = np.arange(len(fold_of)), shares.shape, np.array(STRENGTHS)
    shares, strengths = np.repeat(shares, len(strengths), axis=1), np.tile(strengths, folds)
    # A function of the set alone: how many are solved together shows in the last bits.
    numbers = shares.shape[1] * (len(rows) + problem.space.axes.shape[1]) * problem.truth.shape[1]
    count = max(_THREADS, -(-numbers // _NUMBERS))
    parts = [slice(first, None, count) for first in range(min(count, shares.shape[1]))]
    regressions = [problem.regressions(shares[:, part], strengths[part]) for part in parts]
    logits = np.empty((*shares.shape, problem.truth.shape[1]))
    for part, found in zip(parts, _solved(regressions), strict=True):
        logits[:, part] = found
    advance(len(STRENGTHS))
    logits = logits.reshape(len(rows), folds, len(STRENGTHS), -1)[rows, fold_of]
    return _losses(logits, problem.truth), lambda places: logits[rows, np.array(places)[fold_of]]


class _EndedError(Exception):
    """Another thread has raised an exception."""


def _solved(regressions: Sequence[Regressions]) -> Sequence[Floats]:
    """Return the logits of each photo by each of some regressions; threads solve them.

    An exception in one of them, or here, ends all.
    """
    ended, raised = threading.Event(), list[BaseException]()

    def logits(some: Regressions) -> Floats:
        def check() -> None:
            if ended.is_set():
                raise _EndedError
            some.check()

        try:
            found, _ = minimize(replace(some, check=check), _ENOUGH * np.sqrt(some.strengths))
            return some.logits(found)
        except BaseException as error:  # noqa: BLE001 - raised below
            if not ended.is_set():
                ended.set()
                raised.append(error)
            return np.empty(0)

    with ThreadPoolExecutor(_THREADS) as threads:
        try:
            found = list(threads.map(logits, regressions))
        finally:
            ended.set()
    if raised:
        del raised[1:]
        # Nothing refers to it but its handler: with its traceback it keeps all arrays.
        raise raised.pop()
    return found


def _in_turn(
    problem: Problem, shares: Floats, fold_of: NDArray[np.intp], advance: Callable[[int], None]
) -> tuple[Floats, LogitsAt]:
    """Return the same as `_at_once`, with less memory: each strength begins where the last ended.

    A weaker one takes more steps. Once the loss has risen, weaker ones are not tried: their losses
    are infinite.
    """
    rows, folds = np.arange(len(shares)), range(shares.shape[1])
    losses = np.full((len(shares), len(STRENGTHS)), np.inf)
    solutions: dict[int, list[Floats]] = {}  # of some folds each, by the place of the strength

    def logits_at(places: Sequence[int]) -> Floats:
        solved = {place: np.concatenate(solutions[place], axis=1) for place in set(places)}
        chosen = np.stack([solved[place][:, fold] for fold, place in enumerate(places)], axis=1)
        return problem.regressions(shares, np.ones(len(folds))).logits(chosen)[rows, fold_of]

    for place, strength in reversed(tuple(enumerate(STRENGTHS))):
        starts = solutions.get(place + 1, [None] * len(folds[::_FOLDS]))
        solutions[place] = []
        for first, start in zip(folds[::_FOLDS], starts, strict=True):
            some = shares[:, first : first + _FOLDS]
            regressions = problem.regressions(some, np.full(some.shape[1], strength))
            found, _ = minimize(regressions, _ENOUGH * np.sqrt(regressions.strengths), start)
            solutions[place].append(found)
        losses[:, place] = _losses(logits_at([place for _ in folds])[:, None], problem.truth)[:, 0]
        advance(1)
        if _risen(losses[:, place:], fold_of):
            advance(place)
            break
    return losses, logits_at


def _losses(logits: Floats, truth: Floats) -> Floats:
    losses: Floats = log_sum_exp(logits) - np.einsum("rsk,rk->rs", logits, truth)
    return losses


def _risen(losses: Floats, fold_of: NDArray[np.intp]) -> bool:
    """Return whether the weakest strength is out of the question, for each choice that is made.

    losses: (rows, strengths), strengths ascending.
    """
    chosen_by = [losses, *(losses[fold_of != fold] for fold in range(fold_of.max() + 1))]
    return not any(_within_one_standard_error(each)[0] for each in chosen_by)


def _one_standard_error(losses: Floats) -> int:
    """Return the place of the highest strength within one standard error of the best.

    losses: (rows, strengths), strengths ascending.
    """
    return int(np.flatnonzero(_within_one_standard_error(losses))[-1])


def _within_one_standard_error(losses: Floats) -> NDArray[np.bool_]:
    """Return which strengths are within one standard error of the best."""
    means = losses.mean(0)
    best = int(means.argmin())
    error = losses[:, best].std(ddof=1) / np.sqrt(len(losses))
    within: NDArray[np.bool_] = means <= means[best] + error
    return within
