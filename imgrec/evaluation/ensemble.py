"""Several models of the same classes as one: their mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from imgrec.errors import UsageError
from imgrec.scores import Decision, Scores, Skipped
from imgrec.text import join_few


def mean_scores(scores: Sequence[Scores]) -> Scores:
    """Return the mean over models of the probabilities of the same images.

    Args:
        scores: At least one; `rows` count the same list of images. Classes are aligned by name.

    Returns:
        Scores with the classes, the truth and the order of images of the first model. An image
        that any model skipped is skipped, for the reason of the first that did.

    Raises:
        UsageError: The models know different classes, or only some allow several labels.
    """
    first = scores[0]
    _refuse_other_classes([each.classes for each in scores])
    places = [{row: place for place, row in enumerate(each.rows.tolist())} for each in scores]
    kept = [row for row in first.rows.tolist() if all(row in known for known in places)]
    chosen = [[known[row] for row in kept] for known in places]
    aligned = [
        _aligned(each, of_model, first.classes)
        for each, of_model in zip(scores, chosen, strict=True)
    ]
    own = chosen[0]
    return Scores(
        names=tuple(first.names[place] for place in own),
        truth=None if first.truth is None else first.truth[own],
        probabilities=np.asarray(np.mean(aligned, axis=0, dtype=np.float64), np.float32),
        classes=first.classes,
        skipped=_skipped(scores),
        decision=mean_decision([(each.classes, each.decision) for each in scores]),
        rows=np.array(kept, np.int64),
    )


def mean_decision(models: Sequence[tuple[Sequence[str], Decision]]) -> Decision:
    """Return the decision for the mean of several models, or that of a single model.

    The threshold of a class is the mean of their thresholds; the probability below which an answer
    is "unknown" is the highest one. The mean has no OOD similarity.

    Args:
        models: The classes and the decision of each.

    Raises:
        UsageError: Only some of the models allow several labels.
    """
    if len(models) == 1:
        return models[0][1]
    limits = [decision.min_probability for _, decision in models]
    return Decision(
        max((limit for limit in limits if limit is not None), default=None),
        class_thresholds=_mean_thresholds(models),
    )


def _mean_thresholds(
    models: Sequence[tuple[Sequence[str], Decision]],
) -> tuple[float, ...] | None:
    found = [
        dict(zip(names, decision.class_thresholds, strict=True))
        for names, decision in models
        if decision.class_thresholds is not None
    ]
    if not found:
        return None
    if len(found) < len(models):
        raise UsageError(
            "some of the models give an image several labels, the others one",
            hint="only models of the same kind have a mean",
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
    first: dict[int, Skipped] = {}
    for each in scores:
        found = dict(zip(each.skipped_rows.tolist(), each.skipped, strict=True))
        first = found | first
    return tuple(first[row] for row in sorted(first))
