"""Several models of the same classes, taken together as one."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import UsageError
from imgrec.scores import Scores, Skipped
from imgrec.text import join_few


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Return the mean over models, at least one, of the probabilities of the same images.

    Classes are aligned by name, to the order of the first model's, whose truth and order of
    images is kept. An image that any model skipped is skipped, for the first reason given. A
    threshold is the mean of the models'.
    Raises UsageError where the models know different classes, or some have thresholds.
    """
    first = scores[0]
    _refuse_other_classes([each.classes for each in scores])
    rows = [{name: row for row, name in enumerate(each.names)} for each in scores]
    kept = [row for row, name in enumerate(first.names) if all(name in known for known in rows)]
    names = tuple(first.names[row] for row in kept)
    aligned = [
        _aligned(each, [known[name] for name in names], first.classes)
        for each, known in zip(scores, rows, strict=True)
    ]
    return Scores(
        names=names,
        truth=None if first.truth is None else first.truth[kept],
        probabilities=np.asarray(np.mean(aligned, axis=0, dtype=np.float64), np.float32),
        classes=first.classes,
        skipped=_skipped(scores),
        thresholds=mean_thresholds([(each.classes, each.thresholds) for each in scores]),
    )


def mean_thresholds(
    models: Sequence[tuple[Sequence[str], Sequence[float] | None]],
) -> tuple[float, ...] | None:
    """Return the mean threshold of each class of the first model; None where none has any.

    models: the classes and the thresholds of each. Raises UsageError where some have none.
    """
    found = [dict(zip(names, values, strict=True)) for names, values in models if values]
    if not found:
        return None
    if len(found) < len(models):
        raise UsageError(
            "some of the models give an image several classes, the others one",
            hint="only models of one kind have a mean",
        )
    return tuple(float(np.mean([each[name] for each in found])) for name in models[0][0])


def _refuse_other_classes(classes: Sequence[Sequence[str]]) -> None:
    first = set(classes[0])
    for number, others in enumerate(classes[1:], start=2):
        if first != set(others):
            missing, more = sorted(first - set(others)), sorted(set(others) - first)
            raise UsageError(
                f"model 1 and model {number} know different classes: "
                + "; ".join(
                    f"only model {which} has {join_few(names)}"
                    for which, names in ((1, missing), (number, more))
                    if names
                ),
                hint="only models of the same classes have a mean",
            )


def _aligned(scores: Scores, rows: list[int], classes: Sequence[str]) -> NDArray[np.float32]:
    columns = [scores.classes.index(name) for name in classes]
    return scores.probabilities[np.ix_(rows, columns)]


def _skipped(scores: Sequence[Scores]) -> tuple[Skipped, ...]:
    first: dict[str, list[Skipped]] = {}
    for each in scores:
        found: dict[str, list[Skipped]] = {}
        for skipped in each.skipped:
            found.setdefault(skipped.name, []).append(skipped)
        first = found | first
    return tuple(skipped for group in first.values() for skipped in group)
