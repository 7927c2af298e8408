"""What a sweep found: its best trial, corrected for having been chosen, and those that tie."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from imgrec.errors import RunError
from imgrec.evaluation.evaluate import evaluate_scores
from imgrec.evaluation.results import MetricValue
from imgrec.evaluation.selection import Selection, is_selectable, select
from imgrec.runs.predictions import read_predictions
from imgrec.text import count_of, printable
from imgrec.workflows.sweep.folder import SweepFolder
from imgrec.workflows.sweep.ranking import best_first
from imgrec.workflows.sweep.storage import Trial
from imgrec.workflows.sweep.trials import model_bytes

# A few bytes are no reason to prefer a worse trial.
_AS_SMALL = 1.05


class Winner(Struct, frozen=True):
    """What `imgrec sweep report` prints."""

    schema_version: Literal[1]
    name: str
    metric: str
    trials: Annotated[int, Meta(description="How many trials are complete.")]
    images: Annotated[int, Meta(description="By how many validation images they are compared.")]
    best: Annotated[int, Meta(description="The number of the best trial.")]
    measured: Annotated[
        MetricValue, Meta(description="Its metric on these images, too high as it was chosen.")
    ]
    corrected: Annotated[
        MetricValue | None,
        Meta(description="The same, corrected for the choice; null if that can't be computed."),
    ]
    tied: Annotated[
        tuple[int, ...] | None,
        Meta(description="The trials that can't be said to be worse; null if that is not known."),
    ]
    cheapest: Annotated[
        int,
        Meta(
            description="Of the best trial and these, the best one whose model file is at most "
            "5 % larger than the smallest."
        ),
    ]
    model_bytes: Annotated[
        Mapping[int, int], Meta(description="The size of the model file of each of them.")
    ]
    values: Annotated[
        Mapping[str, Any], Meta(description="The values of the keys in the cheapest trial.")
    ]
    pruned: Annotated[tuple[int, ...], Meta(description="The trials that were stopped early.")]
    failed: Annotated[Mapping[int, str], Meta(description="The trials that failed, and why.")]


def find_winner(folder: SweepFolder, trials: Sequence[Trial]) -> Winner:
    """Return the best trial of a sweep by its first metric, and those that tie with it.

    Raises RunError if no trial is complete, or their runs can't be read.
    """
    complete = [each for each in best_first(folder, trials) if each.state == "complete"]
    if not complete:
        raise RunError(
            f"no trial of {printable(folder.name)} is complete",
            hint=f"`imgrec sweep resume {printable(folder.name)}` trains them",
        )
    metric = next(iter(folder.sweep.directions))
    found = _selected(folder, complete, metric) if is_selectable(metric) else None
    best = complete[0]
    tied = None if found is None else [complete[each].number for each in found.tied]
    sizes = {each: model_bytes(folder.run_of(each)) for each in (best.number, *(tied or ()))}
    small = _AS_SMALL * min(sizes.values())
    cheapest = next(each for each, size in sizes.items() if size <= small)
    values = next(each.values for each in complete if each.number == cheapest)
    return Winner(
        schema_version=1,
        name=folder.name,
        metric=metric,
        trials=len(complete),
        images=len(read_predictions(folder.run_of(best.number)).names),
        best=best.number,
        measured=MetricValue(best.metrics[metric]) if found is None else found.measured,
        corrected=None if found is None else found.corrected,
        tied=None if tied is None else tuple(tied),
        cheapest=cheapest,
        model_bytes=sizes,
        values=values,
        pruned=tuple(each.number for each in trials if each.state == "pruned"),
        failed={each.number: each.reason for each in trials if each.state == "failed"},
    )


def _selected(folder: SweepFolder, complete: Sequence[Trial], metric: str) -> Selection:
    """Return the choice among complete trials, from their answers for each image."""
    scores = [read_predictions(folder.run_of(each.number)) for each in complete]
    for trial, each in zip(complete, scores, strict=True):
        if each.names != scores[0].names:
            numbers = f"{complete[0].number} and {trial.number}"
            raise RunError(
                f"trials {numbers} were measured on other images: "
                f"{count_of(len(scores[0].names), 'image')} and {len(each.names):,}",
                hint="the images have changed since the sweep began; begin another one",
            )
    top_k = folder.experiment.evaluation.top_k
    best = evaluate_scores(scores[0], top_k).metrics[metric]
    return select(scores, metric, best, top_k)
